#include "server/local_cluster.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "server/layout.h"

namespace atl::server {

LocalCluster::LocalCluster(env::Env& env, fabric::Fabric& fabric, ClusterOptions options)
    : env_(env), fabric_(fabric), options_(std::move(options)) {}

LocalCluster::~LocalCluster() = default;

Task<Result<std::unique_ptr<LocalCluster>>> LocalCluster::start(env::Env& env,
                                                                fabric::Fabric& fabric,
                                                                ClusterOptions options) {
  std::unique_ptr<LocalCluster> cluster(new LocalCluster(env, fabric, std::move(options)));
  ATOLL_CO_TRY_STATUS(cluster->env_.create_directories(cluster->options_.data_dir));
  // 1. A new cluster, where there is none yet (or where making one was cut short).
  if (!cluster->anything_there() || env.exists(forming_path(cluster->options_.data_dir)))
    ATOLL_CO_TRY_STATUS(co_await cluster->form());
  ATOLL_CO_TRY_STATUS(co_await cluster->open_coordinator());  // 2.
  ATOLL_CO_TRY_STATUS(co_await cluster->open_devices());      // 3.
  ATOLL_CO_TRY_STATUS(co_await cluster->serve_partition());   // 4.
  env.spawn("watch-devices", cluster->watch_devices());
  env.spawn("keep-protected", cluster->keep_protected());
  co_return std::move(cluster);
}

Task<Status> LocalCluster::open_coordinator() {
  auto opened =
      co_await coord::EmbeddedCoordinator::open(env_, coordinator_paths(), coord::OpenMode::kServe);
  if (!opened && opened.error().code == Errc::kInvalidArgument)
    co_return fail(
        std::move(opened.error())
            .with_context(fmt::format("{} holds a cluster of another shape: its domains and "
                                      "protection cannot be changed after the first start",
                                      options_.data_dir)));
  if (!opened) co_return fail(std::move(opened.error()).with_context("coordinator"));
  coordinator_ = std::move(*opened);
  view_ = std::make_unique<cluster::ClusterView>(env_, *coordinator_, fabric_, NodeId(0));
  ATOLL_CO_TRY_STATUS(co_await view_->load());
  const cluster::ClusterMap& map = view_->map();
  if (map.domains.size() != options_.domains || !(map.protection == options_.protection)) {
    co_return fail(
        Errc::kInvalidArgument,
        fmt::format("{} holds a cluster of {} domains with protection {}, not {} with {}: "
                    "neither can be changed after the first start",
                    options_.data_dir, map.domains.size(),
                    cluster::format_protection(map.protection), options_.domains,
                    cluster::format_protection(options_.protection)));
  }
  co_return Status{};
}

// Opens one device and puts it on the fabric. Returns its incarnation.
Task<Result<uint64_t>> LocalCluster::open_device(cluster::DeviceEntry entry) {
  device::OpenExpectation expected;
  expected.cluster = view_->map().cluster;
  expected.device = entry.id;
  expected.domain = entry.domain;
  expected.min_incarnation = entry.incarnation;
  ATOLL_CO_TRY(
      std::unique_ptr<device::Device> device,
      co_await device::Device::open(env_, absolute_path(options_.data_dir, entry.path), expected));
  auto& service = services_[entry.domain];
  if (!service) service = std::make_unique<device::DeviceService>(fabric_, entry.node);
  service->add(device.get());
  const uint64_t incarnation = device->identity().incarnation;
  devices_[entry.id] = std::move(device);
  co_return incarnation;
}

void LocalCluster::close_device(DeviceId id) {
  auto it = devices_.find(id);
  if (it == devices_.end()) return;
  services_.at(it->second->identity().domain)->remove(id);
  retired_.push_back(std::move(it->second));
  devices_.erase(it);
}

const device::Device* LocalCluster::device(DeviceId id) const {
  auto it = devices_.find(id);
  return it == devices_.end() ? nullptr : it->second.get();
}

namespace {

struct Opened {
  uint64_t incarnation = 0;
  uint64_t capacity_bytes = 0;
  std::string failure;  // empty: it is open
};

// What opening the devices found, written into the map: who is back, who is lost.
bool note_opened(cluster::ClusterMap* map, const std::map<DeviceId, Opened>& opened) {
  bool changed = false;
  for (const auto& [id, result] : opened) {
    cluster::DeviceEntry* entry = map->find_device(id);
    if (entry == nullptr) continue;
    if (!result.failure.empty()) {
      if (entry->state == cluster::DeviceState::kFailed && entry->failure == result.failure)
        continue;
      entry->state = cluster::DeviceState::kFailed;
      entry->failure = result.failure;
      changed = true;
      continue;
    }
    if (entry->state == cluster::DeviceState::kFailed) {
      ATOLL_PROBE("device back after an absence");
      entry->state = cluster::DeviceState::kUp;
      entry->failure.clear();
      entry->needs_rebuild = true;
    }
    entry->incarnation = result.incarnation;
    entry->capacity_bytes = result.capacity_bytes;
    changed = true;
  }
  return changed;
}

}  // namespace

Task<Status> LocalCluster::open_devices() {
  // A copy: the map may change while we wait.
  const std::vector<cluster::DeviceEntry> entries = view_->map().devices;
  std::map<DeviceId, Opened> opened;
  for (const cluster::DeviceEntry& entry : entries) {
    if (entry.state == cluster::DeviceState::kReplaced) continue;
    if (entry.state == cluster::DeviceState::kFailed && entry.failure == kFailedByOperator)
      continue;
    Result<uint64_t> incarnation = co_await open_device(entry);
    Opened& result = opened[entry.id];
    if (incarnation) {
      result.incarnation = *incarnation;
      result.capacity_bytes = devices_.at(entry.id)->use().capacity_bytes;
    } else {
      ATOLL_PROBE("device not usable at start");
      result.failure = incarnation.error().to_string();
      ATOLL_LOG(kWarn, "server", "device is not usable",
                {{"device", entry.id}, {"domain", entry.domain}, {"why", result.failure}});
    }
  }
  MapChange note = [opened](cluster::ClusterMap* map) -> Result<bool> {
    return note_opened(map, opened);
  };
  ATOLL_CO_TRY_STATUS(co_await view_->update(std::move(note)));

  // Fewer devices than a stripe needs: reads may still work, so writes alone are refused later.
  MapChange ensure = cluster::ensure_writable_groups;
  Status writable = co_await view_->update(std::move(ensure));
  if (!writable)
    ATOLL_LOG(kError, "server", "no placement group can be written",
              {{"why", writable.error().to_string()}});
  co_return Status{};
}

Task<Status> LocalCluster::serve_partition() {
  ids_ = std::make_unique<stripe::StripeIdSource>(*coordinator_);
  store_ = std::make_unique<stripe::StripeStore>(*view_, *ids_, options_.store);
  options_.partition.view_path = view_path(options_.data_dir);
  auto partition = co_await ns::Partition::open(*view_, *store_, options_.partition);
  if (!partition) co_return fail(std::move(partition.error()).with_context("partition"));
  partition_ = std::move(*partition);
  client_ = std::make_unique<client::Client>(env_, *partition_, *store_);
  std::vector<stripe::StripeCatalog*> catalogs;
  catalogs.push_back(&partition_->catalog());
  maintenance_ = std::make_unique<stripe::Maintenance>(*store_, *view_, catalogs, options_.store);
  // A scrub that was asked for goes on to the journal itself; what the slow one in the background
  // finds is mended at once.
  maintenance_->on_bad_segment([this](DeviceId device, SegmentId segment) {
    if (!partition_->serving() || !partition_->journal().suspect(segment, device)) return;
    if (scrub_.running) return;
    protect_wanted_ = true;
    protect_event_.set();
  });
  maintenance_->start();
  view_->on_change([this] {
    protect_wanted_ = true;
    protect_event_.set();
  });
  protect_wanted_ = true;
  protect_event_.set();
  co_return Status{};
}

Task<Status> LocalCluster::stop() {
  stopping_ = true;
  protect_event_.set();
  co_await watch_ended_.wait();
  co_await protect_ended_.wait();
  co_await maintenance_->stop();
  Status result = co_await partition_->close();
  for (auto& [id, device] : devices_) {
    Status closed = co_await device->close();
    if (!closed && !device->failed())
      ATOLL_LOG(kWarn, "server", "device did not close cleanly",
                {{"device", id}, {"why", closed.error().to_string()}});
  }
  co_await coordinator_->close();
  co_return result;
}

bool LocalCluster::fully_protected() const {
  for (const cluster::DeviceEntry& entry : view_->map().devices) {
    if (entry.state == cluster::DeviceState::kReplaced) continue;
    if (entry.state == cluster::DeviceState::kFailed || entry.needs_rebuild) return false;
  }
  return compared_ && lost_ + waiting_ == 0 && copies_wanted().empty() && partition_->serving() &&
         partition_->journal().fully_replicated();
}

cluster::Exposure LocalCluster::exposure() const {
  cluster::Exposure out = cluster::exposure(view_->map());
  // Without a majority of its coordinator's copies a cluster does not start.
  const std::vector<coord::CopyStatus> copies = coordinator_->copy_states();
  const auto usable = static_cast<size_t>(std::ranges::count_if(copies, [](const auto& copy) {
    return copy.health == coord::CopyHealth::kOk || copy.health == coord::CopyHealth::kStale;
  }));
  const size_t majority = copies.size() / 2 + 1;
  const auto spare = static_cast<uint32_t>(usable > majority ? usable - majority : 0);
  out.losable_domains_by_design =
      std::min(out.losable_domains_by_design, static_cast<uint32_t>(copies.size() - majority));
  out.losable_domains_now = std::min(out.losable_domains_now, spare);
  return out;
}

bool LocalCluster::domain_in_use(size_t copy) const {
  return std::ranges::any_of(view_->map().devices, [&](const cluster::DeviceEntry& entry) {
    return entry.domain.value == copy + 1 && view_->readable(entry.id);
  });
}

std::vector<coord::CopyStatus> LocalCluster::copies_wanted() const {
  std::vector<coord::CopyStatus> out;
  const std::vector<coord::CopyStatus> copies = coordinator_->copy_states();
  for (size_t i = 0; i < copies.size(); ++i)
    if (copies[i].health != coord::CopyHealth::kOk &&
        copies[i].health != coord::CopyHealth::kStale && domain_in_use(i))
      out.push_back(copies[i]);
  return out;
}

}  // namespace atl::server
