// Maintenance::rebuild. The numbers are those of docs/paths/rebuild.md.
#include <algorithm>
#include <map>

#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "stripe/maintenance_impl.h"

namespace atl::stripe {

// One walk through all catalogs for a set of devices.
struct Maintenance::Impl::RebuildPass {
  explicit RebuildPass(uint64_t bytes_per_second)
      : restores(kRestoresAtOnce), pacer(bytes_per_second) {}

  std::set<DeviceId> targets;
  std::map<DeviceId, ShardCursor> cursors;  // of the catalog that is being walked
  env::Semaphore restores;
  Pacer pacer;
  std::set<DeviceId> incomplete;  // something on them could not be restored
  Error last_error;
  uint64_t last_progress_log = 0;
};

Task<Status> Maintenance::Impl::rebuild() {
  auto permit = co_await rebuild_mutex.lock();
  ATOLL_CO_TRY_STATUS(check_running());
  if (!rebuild_needed()) co_return Status{};

  progress = RepairProgress{};
  progress.running = true;
  rebuild_started = env().now();
  Status result = co_await count_stripes();
  // 6. Devices that need a rebuild may appear while one runs: go on until all are done, or only
  // those are left with which it failed.
  std::set<DeviceId> failed;
  while (result) {
    std::set<DeviceId> targets;
    for (const cluster::DeviceEntry& device : view.map().devices)
      if (device.needs_rebuild && view.readable(device.id) && !failed.contains(device.id))
        targets.insert(device.id);
    if (targets.empty()) break;
    progress.stripes_done = 0;
    std::set<DeviceId> incomplete;
    result = co_await rebuild_pass(targets, &incomplete);
    failed.insert(incomplete.begin(), incomplete.end());
  }
  progress.running = false;
  progress.seconds_left = 0;
  if (result && !failed.empty())
    result = fail(Errc::kUnavailable,
                  fmt::format("{} stripes could not be restored", progress.stripes_failed));
  ATOLL_LOG(kInfo, "stripe", result ? "rebuild finished" : "rebuild ended",
            {{"stripes", progress.stripes_done},
             {"shards_rebuilt", progress.shards_rebuilt},
             {"bytes_rebuilt", progress.bytes_rebuilt},
             {"failed", progress.stripes_failed},
             {"seconds", std::chrono::duration<double>(env().now() - rebuild_started).count()}});
  co_return result;
}

// For the time left: keys only, so it is quick.
Task<Status> Maintenance::Impl::count_stripes() {
  uint64_t total = 0;
  for (StripeCatalog* catalog : catalogs) {
    StripeId after;
    for (;;) {
      ATOLL_CO_TRY(const std::vector<StripeRef> batch,
                   co_await catalog->list(after, kCatalogBatch));
      if (batch.empty()) break;
      total += batch.size();
      after = batch.back().id;
      co_await yield();
      ATOLL_CO_TRY_STATUS(check_running());
    }
  }
  progress.stripes_total = total;
  co_return Status{};
}

Task<Status> Maintenance::Impl::rebuild_pass(std::set<DeviceId> targets,
                                             std::set<DeviceId>* incomplete) {
  ATOLL_CHECK(!targets.empty());
  auto pass = std::make_shared<RebuildPass>(options.rebuild_bytes_per_second);
  pass->targets = targets;
  for (const DeviceId id : targets)
    ATOLL_LOG(kInfo, "stripe", "rebuilding device", {{"device", id}});

  // 1. Writes that began before the targets took their slots may commit behind our back.
  std::vector<StripeId> in_flight(store_impl->in_flight.begin(), store_impl->in_flight.end());
  std::sort(in_flight.begin(), in_flight.end());

  Status walked;
  for (StripeCatalog* catalog : catalogs) {
    walked = co_await rebuild_catalog(pass, catalog);
    if (!walked) break;
  }
  // Restores that were begun end, whatever happened: they use the pass and the store.
  co_await pass->restores.acquire(kRestoresAtOnce);
  pass->restores.release(kRestoresAtOnce);
  if (!walked) co_return walked;
  ATOLL_CO_TRY_STATUS(co_await rebuild_settled(pass, std::move(in_flight)));

  std::set<DeviceId> done;
  for (const DeviceId id : targets) {
    if (pass->incomplete.contains(id))
      incomplete->insert(id);
    else if (view.readable(id))
      done.insert(id);
  }
  if (!incomplete->empty()) ATOLL_PROBE("stripe.rebuild_incomplete");
  co_return co_await clear_flags(std::move(done));
}

// 2. The catalog and the devices' inventories in the same order, side by side.
Task<Status> Maintenance::Impl::rebuild_catalog(std::shared_ptr<RebuildPass> pass,
                                                StripeCatalog* catalog) {
  pass->cursors.clear();
  for (const DeviceId id : pass->targets) pass->cursors.emplace(id, ShardCursor(view.client(id)));
  StripeId after;
  for (;;) {
    co_await yield();
    ATOLL_CO_TRY_STATUS(check_running());
    ATOLL_CO_TRY(const std::vector<StripeRef> batch, co_await catalog->list(after, kCatalogBatch));
    if (batch.empty()) co_return Status{};
    ATOLL_CHECK(batch.front().id > after, "a catalog that goes back");
    after = batch.back().id;
    for (const StripeRef& stripe : batch) {
      ATOLL_CO_TRY_STATUS(check_running());
      ATOLL_CO_TRY_STATUS(co_await rebuild_stripe(pass, stripe));
    }
  }
}

// 3. Which of the stripe's shards are missing on the targets.
Task<Status> Maintenance::Impl::rebuild_stripe(std::shared_ptr<RebuildPass> pass,
                                               StripeRef stripe) {
  const cluster::Group* group = view.map().find_group(stripe.group);
  if (group == nullptr) {
    ++progress.stripes_failed;
    pass->incomplete = pass->targets;
    ATOLL_LOG(kError, "stripe", "stripe of an unknown group",
              {{"stripe", stripe.id}, {"group", stripe.group}});
    co_return Status{};
  }
  // Copies: the map may change at every await below.
  const std::vector<DeviceId> slots = group->slots;
  const uint32_t k = group->protection.k;
  std::vector<uint32_t> missing;
  for (uint32_t i = 0; i < slots.size(); ++i) {
    auto cursor = pass->cursors.find(slots[i]);
    if (cursor == pass->cursors.end() || pass->incomplete.contains(slots[i])) continue;
    if (!view.readable(slots[i])) {
      pass->incomplete.insert(slots[i]);  // it failed again: the rest of it need not be tried
      continue;
    }
    const device::ShardKey key{stripe.id, static_cast<uint8_t>(i)};
    auto there = co_await cursor->second.contains(key);
    if (there && !*there) there = co_await shard_present(view.client(slots[i]), key);
    if (!there) {
      pass->incomplete.insert(slots[i]);
      co_await view.report_failure(slots[i], there.error());
      continue;
    }
    if (!*there) missing.push_back(i);
  }
  if (missing.empty()) {
    ++progress.stripes_done;
    co_return Status{};
  }
  // 4. Bounded: a few stripes at a time, at the rate that is allowed.
  co_await pass->restores.acquire();
  const uint64_t bytes = missing.size() * uint64_t{shard_length(stripe.data_length, k)};
  const Nanos wait = pass->pacer.spend(bytes, env().now());
  co_await pause(wait);
  env().spawn("stripe.restore", restore_for_rebuild(pass, stripe, std::move(missing)));
  co_return Status{};
}

Task<void> Maintenance::Impl::restore_for_rebuild(std::shared_ptr<RebuildPass> pass,
                                                  StripeRef stripe, std::vector<uint32_t> missing) {
  auto self = shared_from_this();
  std::vector<DeviceId> devices;
  if (const cluster::Group* group = view.map().find_group(stripe.group))
    for (const uint32_t index : missing) devices.push_back(group->slots[index]);
  auto restored = co_await restore_needed(stripe, std::move(missing), false);
  ++progress.stripes_done;
  if (restored) {
    progress.shards_rebuilt += restored->shards;
    progress.bytes_rebuilt += restored->bytes;
  } else if (restored.error().code != Errc::kNotFound) {
    ++progress.stripes_failed;
    metrics.repairs_failed.add();
    pass->incomplete.insert(devices.begin(), devices.end());
    pass->last_error = restored.error();
    ATOLL_LOG(kError, "stripe", "stripe not rebuilt",
              {{"stripe", stripe.id}, {"reason", restored.error().to_string()}});
  } else {
    ATOLL_PROBE("stripe.rebuild_met_freed_stripe");
  }
  const double seconds = std::chrono::duration<double>(env().now() - rebuild_started).count();
  if (seconds > 0) {
    progress.bytes_per_second = static_cast<double>(progress.bytes_rebuilt) / seconds;
    const auto left = progress.stripes_total > progress.stripes_done
                          ? progress.stripes_total - progress.stripes_done
                          : 0;
    progress.seconds_left =
        seconds * static_cast<double>(left) / static_cast<double>(progress.stripes_done);
  }
  pass->restores.release();
}

// 5. Stripes that were in flight when the pass began: once each is settled its catalog knows it or
// never will, and it is looked at again.
Task<Status> Maintenance::Impl::rebuild_settled(std::shared_ptr<RebuildPass> pass,
                                                std::vector<StripeId> in_flight) {
  const Nanos give_up = env().now() + kSettleWaitMax;
  for (const StripeId id : in_flight) {
    while (store_impl->in_flight.contains(id)) {
      ATOLL_CO_TRY_STATUS(check_running());
      if (env().now() >= give_up) {
        ATOLL_PROBE("stripe.rebuild_waits_for_unsettled");
        pass->incomplete = pass->targets;
        co_return Status{};
      }
      co_await pause(kSettlePoll);
    }
    auto stripe = co_await find_stripe(id);
    if (!stripe && stripe.error().code == Errc::kNotFound) continue;
    if (!stripe) co_return fail(stripe.error());
    ATOLL_PROBE("stripe.rebuild_looked_again");
    // Fresh cursors: ids go back here.
    pass->cursors.clear();
    for (const DeviceId target : pass->targets)
      pass->cursors.emplace(target, ShardCursor(view.client(target)));
    ATOLL_CO_TRY_STATUS(co_await rebuild_stripe(pass, *stripe));
  }
  co_await pass->restores.acquire(kRestoresAtOnce);
  pass->restores.release(kRestoresAtOnce);
  co_return Status{};
}

Task<Status> Maintenance::Impl::clear_flags(std::set<DeviceId> done) {
  if (done.empty()) co_return Status{};
  auto change = [&done](cluster::ClusterMap* map) -> Result<bool> {
    bool changed = false;
    for (cluster::DeviceEntry& device : map->devices) {
      // One that failed in the meantime missed writes since.
      const bool readable = device.state == cluster::DeviceState::kUp ||
                            device.state == cluster::DeviceState::kDraining;
      if (!done.contains(device.id) || !readable || !device.needs_rebuild) continue;
      device.needs_rebuild = false;
      changed = true;
    }
    return changed;
  };
  const Status cleared = co_await view.update(change);
  if (cleared)
    for (const DeviceId id : done) ATOLL_LOG(kInfo, "stripe", "device is whole", {{"device", id}});
  co_return cleared;
}

}  // namespace atl::stripe
