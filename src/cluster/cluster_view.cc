#include "cluster/cluster_view.h"

#include <set>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/probe.h"

namespace atl::cluster {
namespace {

// Compare-and-swap rounds of one update: others change the map rarely, so losing this often means
// that something is wrong, which the caller should hear.
constexpr int kUpdateAttemptsMax = 16;
// Pause before asking a coordinator again that had no majority; doubled each time up to 1.6 s.
constexpr Nanos kUnavailablePause = 50ms;
constexpr int kUnavailablePausesDoubledMax = 5;
constexpr size_t kFailureTextMax = 300;

bool state_readable(DeviceState state) {
  return state == DeviceState::kUp || state == DeviceState::kDraining;
}

Result<ClusterMap> decode_versioned(const coord::Versioned& versioned) {
  ATOLL_TRY(ClusterMap map, ClusterMap::decode(versioned.value));
  map.version = versioned.version;
  return map;
}

}  // namespace

ClusterView::ClusterView(env::Env& env, coord::Coordinator& coordinator, fabric::Fabric& fabric,
                         NodeId self)
    : env_(env),
      coordinator_(coordinator),
      fabric_(fabric),
      self_(self),
      map_(std::make_shared<const ClusterMap>()) {}

Task<Status> ClusterView::load() {
  auto permit = co_await update_mutex_.lock();
  co_return co_await reload();
}

// Reads the map; listeners hear of it when it changed. Under update_mutex_.
Task<Status> ClusterView::reload() {
  std::string key = kMapKey;
  ATOLL_CO_TRY(const coord::Versioned read, co_await coordinator_.get(std::move(key)));
  if (read.version == map_->version) co_return Status{};
  auto decoded = decode_versioned(read);
  if (!decoded) co_return fail(std::move(decoded).error().with_context("reading the cluster map"));
  adopt(std::move(*decoded));
  co_return Status{};
}

void ClusterView::adopt(ClusterMap map) {
  ATOLL_CHECK(map.version > map_->version, "the coordinator went back in time");
  map_ = std::make_shared<const ClusterMap>(std::move(map));
  // A listener may register another one: that one has seen this map already.
  const size_t count = listeners_.size();
  for (size_t i = 0; i < count; ++i) listeners_[i]();
}

device::DeviceClient* ClusterView::client(DeviceId id) {
  const DeviceEntry* entry = map_->find_device(id);
  if (entry == nullptr) return nullptr;
  auto& slot = clients_[{entry->node, id}];
  if (slot == nullptr)
    slot = std::make_unique<device::DeviceClient>(fabric_, self_, entry->node, id);
  return slot.get();
}

bool ClusterView::readable(DeviceId id) const {
  const DeviceEntry* entry = map_->find_device(id);
  return entry != nullptr && state_readable(entry->state);
}

bool ClusterView::writable(DeviceId id) const {
  const DeviceEntry* entry = map_->find_device(id);
  return entry != nullptr && device_writable(*map_, *entry);
}

Task<Status> ClusterView::update(std::function<Result<bool>(ClusterMap*)> change) {
  auto permit = co_await update_mutex_.lock();
  Error last(Errc::kConflict, "no attempt was made");
  int unavailable = 0;
  for (int attempt = 0; attempt < kUpdateAttemptsMax; ++attempt) {
    ClusterMap copy = *map_;
    auto changed = change(&copy);
    if (!changed) co_return fail(std::move(changed).error());
    if (!*changed) co_return Status{};
    std::string encoded = copy.encode();
    if (encoded.size() > coord::kMaxValueBytes)
      co_return fail(Errc::kTooLarge, "the cluster map would not fit the coordinator");
    // A map that could not be read back must never be stored.
    if (auto readable = ClusterMap::decode(encoded); !readable)
      co_return fail(Errc::kInvalidArgument, "refused change: " + readable.error().to_string());

    std::string key = kMapKey;
    std::string value = encoded;
    auto swapped =
        co_await coordinator_.compare_and_swap(std::move(key), map_->version, std::move(value));
    if (swapped) {
      copy.version = *swapped;
      adopt(std::move(copy));
      co_return Status{};
    }
    last = std::move(swapped).error();
    if (last.code != Errc::kConflict && last.code != Errc::kUnavailable) break;
    if (last.code == Errc::kUnavailable) {
      if (unavailable > kUnavailablePausesDoubledMax) break;
      co_await env_.sleep(kUnavailablePause * (1 << unavailable++));
    } else {
      ATOLL_PROBE("cluster.update_conflict");
    }
    // Read what is there now; after kUnavailable it may be what was just written.
    const uint64_t before = map_->version;
    const Status read = co_await reload();
    if (!read && read.error().code != Errc::kUnavailable) co_return fail(read.error());
    if (read && map_->version != before && map_->encode() == encoded) {
      ATOLL_PROBE("cluster.update_was_done");
      co_return Status{};
    }
  }
  co_return fail(std::move(last).with_context("changing the cluster map"));
}

bool ClusterView::means_failure(Errc code) {
  return code == Errc::kIo || code == Errc::kUnavailable || code == Errc::kTimeout;
}

Task<void> ClusterView::report_failure(DeviceId id, Error why) {
  if (reports_stopped_ || !means_failure(why.code) || !readable(id)) co_return;
  // A device that is slow, when losing it would make data unreadable, is still the better choice.
  const bool only_slow = why.code == Errc::kTimeout;
  std::string text = why.to_string().substr(0, kFailureTextMax);
  bool marked = false;
  auto change = [&, id, only_slow](ClusterMap* map) -> Result<bool> {
    marked = false;
    DeviceEntry* entry = map->find_device(id);
    if (entry == nullptr || !state_readable(entry->state)) return false;
    ClusterMap without = *map;
    DeviceEntry* lost = without.find_device(id);
    lost->state = DeviceState::kFailed;
    lost->failure = text;
    if (only_slow && exposure(without).data_unreadable) {
      ATOLL_PROBE("cluster.slow_device_kept");
      return false;
    }
    // When nothing can be written any more, reads still go on: not an error here.
    if (auto ensured = ensure_writable_groups(&without); !ensured)
      ATOLL_PROBE("cluster.no_writable_groups_left");
    *map = std::move(without);
    marked = true;
    return true;
  };
  const Status updated = co_await update(change);
  if (!updated) {
    ATOLL_LOG(kError, "cluster", "could not mark a device failed",
              {{"device", id}, {"reason", text}, {"error", updated.error().to_string()}});
    co_return;
  }
  if (!marked) co_return;
  static Counter& failures =
      metric_counter("atoll_cluster_device_failures_total", "Devices that were marked failed.");
  failures.add();
  ATOLL_LOG(kError, "cluster", "device failed", {{"device", id}, {"reason", text}});
}

void ClusterView::on_change(std::function<void()> listener) {
  listeners_.push_back(std::move(listener));
}

}  // namespace atl::cluster
