// StripeStore::write. The numbers are those of docs/paths/stripe-write.md.
#include "base/check.h"
#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "stripe/encode.h"
#include "stripe/store_impl.h"

namespace atl::stripe {
namespace {

struct Target {
  StripeRef stripe;
  cluster::Protection protection;
  std::vector<DeviceId> slots;
};

// 6. What a write left behind that nobody will refer to. Only then is its id no longer in flight. A
// shard that lands even later, after a lost answer, is an orphan.
Task<void> abandon(StorePtr store, StripeId id, std::vector<DeviceId> slots) {
  co_await delete_shards(store, id, std::move(slots));
  store->in_flight.erase(id);
}

// 4. Sends all shards at once and waits for all: each is durable when its device says so.
Task<std::vector<Status>> send_all(StorePtr store, Target target,
                                   std::vector<device::ShardPayload> shards,
                                   device::WriteClass write_class) {
  ATOLL_CHECK(shards.size() == target.slots.size());
  std::vector<Task<Status>> tasks;
  tasks.reserve(shards.size());
  for (size_t i = 0; i < shards.size(); ++i) {
    device::DeviceClient* client = store->view.client(target.slots[i]);
    ATOLL_CHECK(client != nullptr, "a group lists a device that the map does not");
    const device::ShardKey key{target.stripe.id, static_cast<uint8_t>(i)};
    tasks.push_back(client->write_shard(key, std::move(shards[i]), write_class));
  }
  co_return co_await env::when_all(store->env(), std::move(tasks));
}

// The slots may have been given to other devices while the shards were on their way: a rebuild of
// those may have passed this stripe by, since no catalog knew it yet. Then it counts as failed.
bool slots_unchanged(StorePtr& store, const Target& target) {
  const cluster::Group* group = store->view.map().find_group(target.stripe.group);
  return group != nullptr && group->slots == target.slots;
}

// 1. A group whose slots are all writable, without the devices that failed this write already. When
// the map has none, asks once for narrower groups.
Task<Result<Target>> choose_target(StorePtr store, uint32_t data_length,
                                   const std::set<DeviceId>* avoid) {
  const cluster::Group* group = store->groups.choose(store->view, *avoid);
  if (group == nullptr && avoid->empty()) {
    auto change = [](cluster::ClusterMap* map) { return cluster::ensure_writable_groups(map); };
    ATOLL_CO_TRY_STATUS(co_await store->view.update(change));
    group = store->groups.choose(store->view, *avoid);
  }
  if (group == nullptr)
    co_return fail(Errc::kUnavailable, "no placement group has all its slots writable");
  Target target;
  target.stripe.group = group->id;
  target.stripe.data_length = data_length;
  target.protection = group->protection;
  target.slots = group->slots;
  if (shard_length(data_length, target.protection.k) > device::kMaxShardBytes)
    co_return fail(Errc::kUnavailable,
                   fmt::format("{} bytes do not fit the {} scheme that is left: write less at once",
                               data_length, cluster::format_protection(target.protection)));
  ATOLL_CO_TRY(target.stripe.id, co_await store->ids.next());
  co_return target;
}

Task<Result<StripeRef>> write_stripe(StorePtr store, Buf data, device::WriteClass write_class) {
  std::set<DeviceId> avoid;
  Error last(Errc::kUnavailable, "no attempt was made");
  for (uint32_t attempt = 0; attempt < store->options.write_attempts_max; ++attempt) {
    auto chosen = co_await choose_target(store, static_cast<uint32_t>(data.size()), &avoid);
    if (!chosen) {
      // What went wrong with the groups before says more than that there is no other.
      if (attempt > 0) break;
      co_return fail(std::move(chosen).error());
    }
    const Target target = std::move(*chosen);
    // 2. From here until settle() the id is in flight: its shards are no orphans.
    ATOLL_CHECK(store->in_flight.insert(target.stripe.id).second, "a stripe id was used twice");
    // 3. Checksums first, then parity.
    const Geometry geometry = Geometry::of(target.stripe.data_length, target.protection);
    const ec::Code& code = store->code(geometry.k, geometry.m);
    std::vector<device::ShardPayload> shards = encode_shards(code, geometry, data);

    std::vector<Status> results = co_await send_all(store, target, std::move(shards), write_class);
    size_t durable = 0;
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i]) {
        ++durable;
        continue;
      }
      // 5. The device that failed is noted, and this stripe goes elsewhere.
      const DeviceId device = target.slots[i];
      last = results[i].error();
      avoid.insert(device);
      ATOLL_LOG(kWarn, "stripe", "shard not written",
                {{"stripe", target.stripe.id},
                 {"shard", i},
                 {"device", device},
                 {"reason", last.to_string()}});
      co_await store->view.report_failure(device, last);
    }
    const bool enough = planted(PlantedBug::kShortStripeIsFine)
                            ? durable >= geometry.k
                            : durable == geometry.width() && slots_unchanged(store, target);
    if (enough) {
      store->metrics.writes.add();
      store->metrics.write_bytes.add(data.size());
      co_return target.stripe;
    }
    if (durable == geometry.width()) {
      ATOLL_PROBE("stripe.write_slots_changed");
      last = Error(Errc::kUnavailable, "the group changed while the stripe was written");
    }
    ATOLL_PROBE("stripe.write_retried");
    store->metrics.write_retries.add();
    std::vector<DeviceId> slots = target.slots;
    store->env().spawn("stripe.abandon", abandon(store, target.stripe.id, std::move(slots)));
  }
  // kNoSpace is the only one that a caller answers differently: deleting makes room.
  if (last.code != Errc::kNoSpace) last.code = Errc::kUnavailable;
  co_return fail(std::move(last).with_context("writing a stripe"));
}

}  // namespace

Task<Result<StripeRef>> StripeStore::write(Buf data, device::WriteClass write_class) {
  if (data.empty()) co_return fail(Errc::kInvalidArgument, "an empty stripe");
  if (data.size() > kMaxStripeBytes)
    co_return fail(Errc::kInvalidArgument, fmt::format("a stripe of {} bytes; {} are the most",
                                                       data.size(), kMaxStripeBytes));
  StorePtr store = impl_;
  co_return co_await write_stripe(std::move(store), std::move(data), write_class);
}

}  // namespace atl::stripe
