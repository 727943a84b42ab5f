// Maintenance::collect_orphans: shards that nothing will ever refer to.
//
// They come from writes that were cut short by a crash, from deletes that a crash undid or that
// could not reach a device, and from shards that landed after their write was given up.
//
// What makes it safe: an id is in flight from before its first shard is sent until its caller has
// either committed it to a catalog or given it up, and never again. So an id that is *not* in
// flight when it is looked at, after its shard was seen, is in its catalog by then, or never will
// be. Hence the order: see the shard, look whether it is in flight, ask the catalogs, look again,
// delete.
#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "stripe/maintenance_impl.h"

namespace atl::stripe {

Task<Result<uint64_t>> Maintenance::Impl::collect_orphans() {
  uint64_t freed = 0;
  const auto map = view.snapshot();
  for (const cluster::DeviceEntry& device : map->devices) {
    if (!view.readable(device.id)) continue;
    auto on_device = co_await collect_orphans_on(device.id);
    ATOLL_CO_TRY_STATUS(check_running());
    if (!on_device) {
      // A device that fails now gives its orphans back when it returns; a catalog that cannot say
      // what it needs ends the collection.
      const bool device_failed =
          cluster::ClusterView::means_failure(on_device.error().code) && !view.readable(device.id);
      if (!device_failed) co_return fail(on_device.error());
      continue;
    }
    freed += *on_device;
  }
  if (freed > 0) ATOLL_LOG(kInfo, "stripe", "orphan shards freed", {{"count", freed}});
  co_return freed;
}

Task<Result<uint64_t>> Maintenance::Impl::collect_orphans_on(DeviceId id) {
  device::DeviceClient* client = view.client(id);
  uint64_t freed = 0;
  device::ShardKey after{};
  StripeId known;          // the last stripe asked about, and the answer: a group may have
  bool known_live = true;  // several slots on a device after a replacement
  size_t asked = 0;
  for (;;) {
    ATOLL_CO_TRY_STATUS(check_running());
    auto page = co_await client->list_shards(after, kShardPage);
    if (!page) {
      co_await view.report_failure(id, page.error());
      co_return fail(page.error());
    }
    if (page->empty()) co_return freed;
    ATOLL_CHECK(page->front().key > after, "a page that goes back");
    after = page->back().key;
    for (const device::ShardInfo& shard : *page) {
      const StripeId stripe = shard.key.stripe;
      if (stripe != known && ++asked % kOrphanChecksPerTurn == 0) co_await yield();
      if (store.in_flight(stripe)) continue;
      if (stripe != known) {
        ATOLL_CO_TRY(known_live, co_await needed(stripe));
        known = stripe;
      }
      if (known_live) continue;
      ATOLL_CHECK(!store.in_flight(stripe), "an id came into flight a second time");
      const Status deleted = co_await client->delete_shard(shard.key);
      if (!deleted) {
        co_await view.report_failure(id, deleted.error());
        co_return fail(deleted.error());
      }
      ATOLL_PROBE("stripe.orphan_freed");
      metrics.orphans.add();
      ++freed;
    }
  }
}

}  // namespace atl::stripe
