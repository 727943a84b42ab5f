// Maintenance::scrub: reads everything, repairs what is bad, and finds what is missing.
#include <map>

#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "stripe/maintenance_impl.h"

namespace atl::stripe {

struct Maintenance::Impl::ScrubPass {
  ScrubPass(std::function<void(double)> progress_in, uint64_t bytes_per_second)
      : progress(std::move(progress_in)), pacer(bytes_per_second), restores(kRestoresAtOnce) {}

  ScrubReport report;
  std::function<void(double)> progress;
  Pacer pacer;
  env::Semaphore restores;
  uint64_t zones_total = 0;
  bool gave_way = false;

  // Reading every zone is most of the work.
  static constexpr double kZonesShare = 0.9;
  void tell(double done) {
    if (progress) progress(done);
  }
  // Where a shard counts that could not be restored because of `why`.
  uint64_t& not_restored(const Error& why) {
    return why.code == Errc::kCorrupt ? report.unrepairable : report.deferred;
  }
};

Task<Result<ScrubReport>> Maintenance::Impl::scrub(std::function<void(double)> progress_callback,
                                                   uint64_t bytes_per_second) {
  const bool slow = bytes_per_second != 0;
  scrubs_asked_for += slow ? 0 : 1;
  auto permit = co_await scrub_mutex.lock();
  scrubs_asked_for -= slow ? 0 : 1;
  ATOLL_CO_TRY_STATUS(check_running());
  auto pass = std::make_shared<ScrubPass>(std::move(progress_callback), bytes_per_second);
  pass->tell(0);

  // 1. Every zone of every device, the devices side by side.
  std::vector<std::pair<DeviceId, uint32_t>> zones;
  const auto map = view.snapshot();
  for (const cluster::DeviceEntry& device : map->devices) {
    if (!view.readable(device.id)) continue;
    auto use = co_await view.client(device.id)->use();
    if (!use) {
      co_await view.report_failure(device.id, use.error());
      continue;
    }
    zones.emplace_back(device.id, use->zones);
    pass->zones_total += use->zones;
  }
  std::vector<Task<bool>> devices;
  devices.reserve(zones.size());
  for (const auto& [id, count] : zones) devices.push_back(scrub_device(pass, id, count));
  co_await env::when_all(env(), std::move(devices));
  ATOLL_CO_TRY_STATUS(check_running());
  if (pass->gave_way) {
    ATOLL_PROBE("stripe.slow_scrub_gave_way");
    co_return fail(Errc::kCancelled, "one that was asked for does its work");
  }

  // 2. What is missing.
  ATOLL_CO_TRY_STATUS(co_await compare(pass));

  pass->tell(1);
  const ScrubReport& r = pass->report;
  ATOLL_LOG(kInfo, "stripe", "scrub finished",
            {{"zones", r.zones},
             {"records", r.records},
             {"bytes", r.bytes},
             {"bad_shards", r.bad_shards},
             {"bad_segments", r.bad_segments},
             {"bad_metadata", r.bad_metadata},
             {"missing_shards", r.missing_shards},
             {"repaired", r.repaired},
             {"unrepairable", r.unrepairable},
             {"deferred", r.deferred}});
  co_return pass->report;
}

// True when every zone was read.
Task<bool> Maintenance::Impl::scrub_device(std::shared_ptr<ScrubPass> pass, DeviceId id,
                                           uint32_t zones) {
  for (uint32_t zone = 0; zone < zones; ++zone) {
    if (stopping || !view.readable(id)) co_return false;
    if (pass->pacer.paced() && scrubs_asked_for > 0) pass->gave_way = true;
    if (pass->gave_way) co_return false;
    auto verified = co_await view.client(id)->verify_zone(zone);
    if (!verified) {
      ATOLL_LOG(kWarn, "stripe", "zone not verified",
                {{"device", id}, {"zone", zone}, {"reason", verified.error().to_string()}});
      co_await view.report_failure(id, verified.error());
      if (cluster::ClusterView::means_failure(verified.error().code)) co_return false;
      continue;
    }
    ScrubReport& report = pass->report;
    ++report.zones;
    report.records += verified->records;
    report.bytes += verified->bytes;
    report.bad_metadata += verified->bad_metadata;
    metrics.scrub_bytes.add(verified->bytes);
    metrics.scrub_bad_metadata.add(verified->bad_metadata);
    if (verified->bad_metadata > 0)
      ATOLL_LOG(kError, "stripe", "scrub: damaged metadata, rewritten by the device",
                {{"device", id}, {"zone", zone}, {"count", verified->bad_metadata}});
    for (const SegmentId segment : verified->bad_segments) {
      ATOLL_PROBE("stripe.scrub_bad_segment");
      ++report.bad_segments;
      metrics.scrub_bad_segments.add();
      ATOLL_LOG(kError, "stripe", "scrub: damaged journal segment",
                {{"device", id}, {"segment", segment}});
      if (bad_segment_listener) bad_segment_listener(id, segment);
    }
    for (const device::ShardKey key : verified->bad_shards) co_await scrub_bad_shard(pass, id, key);
    pass->tell(ScrubPass::kZonesShare * static_cast<double>(report.zones) /
               static_cast<double>(std::max<uint64_t>(pass->zones_total, 1)));
    Nanos wait = pass->pacer.spend(verified->bytes, env().now());
    for (; wait > Nanos(0) && !stopping && scrubs_asked_for == 0; wait -= kScrubGiveWay)
      co_await pause(std::min(wait, kScrubGiveWay));
  }
  co_return true;
}

Task<void> Maintenance::Impl::scrub_bad_shard(std::shared_ptr<ScrubPass> pass, DeviceId device,
                                              device::ShardKey key) {
  ATOLL_PROBE("stripe.scrub_bad_shard");
  ++pass->report.bad_shards;
  metrics.corrupt_shards.add();
  ATOLL_LOG(
      kError, "stripe", "scrub: corrupt shard",
      {{"stripe", key.stripe}, {"shard", static_cast<uint32_t>(key.index)}, {"device", device}});
  const bool in_flight = store.in_flight(key.stripe);
  auto stripe = co_await find_stripe(key.stripe);
  Status done;
  if (stripe) {
    std::vector<uint32_t> indexes{key.index};
    auto restored = co_await restore_needed(*stripe, std::move(indexes), true);
    if (!restored && restored.error().code != Errc::kNotFound) done = fail(restored.error());
  } else if (stripe.error().code == Errc::kNotFound && !in_flight) {
    // Nobody needs it: room is what it is good for.
    done = co_await view.client(device)->delete_shard(key);
  } else {
    done = fail(stripe.error());  // being written, or the catalog cannot say: the next scrub will
  }
  if (done) {
    ++pass->report.repaired;
    co_return;
  }
  ++pass->not_restored(done.error());
  metrics.repairs_failed.add();
  ATOLL_LOG(kError, "stripe", "scrub: shard not repaired",
            {{"stripe", key.stripe},
             {"shard", static_cast<uint32_t>(key.index)},
             {"device", device},
             {"reason", done.error().to_string()}});
}

Task<Result<ScrubReport>> Maintenance::Impl::check() {
  // Orphans first: on a full device they have the room that the missing shards need. Neither waits
  // for a scrub that is going on: a slow one takes hours.
  ATOLL_CO_TRY(const uint64_t orphans, co_await collect_orphans());
  auto pass = std::make_shared<ScrubPass>(std::function<void(double)>(), 0);
  ATOLL_CO_TRY_STATUS(co_await compare(pass));
  ATOLL_CO_TRY_STATUS(check_running());
  ATOLL_LOG(kInfo, "stripe", "devices compared with what is needed",
            {{"missing_shards", pass->report.missing_shards},
             {"repaired", pass->report.repaired},
             {"unrepairable", pass->report.unrepairable},
             {"deferred", pass->report.deferred},
             {"orphans_freed", orphans}});
  co_return pass->report;
}

// Every stripe against the devices' inventories.
Task<Status> Maintenance::Impl::compare(std::shared_ptr<ScrubPass> pass) {
  const Status compared = co_await scrub_inventory(pass);
  co_await pass->restores.acquire(kRestoresAtOnce);
  pass->restores.release(kRestoresAtOnce);
  co_return compared;
}

// Devices that need a rebuild are left to it.
Task<Status> Maintenance::Impl::scrub_inventory(std::shared_ptr<ScrubPass> pass) {
  for (StripeCatalog* catalog : catalogs) {
    std::map<DeviceId, ShardCursor> cursors;
    StripeId after;
    for (;;) {
      co_await yield();
      ATOLL_CO_TRY_STATUS(check_running());
      ATOLL_CO_TRY(const std::vector<StripeRef> batch,
                   co_await catalog->list(after, kCatalogBatch));
      if (batch.empty()) break;
      after = batch.back().id;
      for (const StripeRef& stripe : batch) {
        const cluster::Group* group = view.map().find_group(stripe.group);
        if (group == nullptr) {
          ++pass->report.unrepairable;
          continue;
        }
        const std::vector<DeviceId> slots = group->slots;
        std::vector<uint32_t> missing;
        for (uint32_t i = 0; i < slots.size(); ++i) {
          const cluster::DeviceEntry* device = view.map().find_device(slots[i]);
          if (device == nullptr || !view.readable(slots[i]) || device->needs_rebuild) continue;
          auto cursor = cursors.try_emplace(slots[i], ShardCursor(view.client(slots[i]))).first;
          const device::ShardKey key{stripe.id, static_cast<uint8_t>(i)};
          auto there = co_await cursor->second.contains(key);
          if (there && !*there) there = co_await shard_present(view.client(slots[i]), key);
          if (!there)
            co_await view.report_failure(slots[i], there.error());
          else if (!*there)
            missing.push_back(i);
        }
        if (missing.empty()) continue;
        co_await pass->restores.acquire();
        env().spawn("stripe.scrub_missing", scrub_missing(pass, stripe, std::move(missing)));
      }
    }
  }
  co_return Status{};
}

Task<void> Maintenance::Impl::scrub_missing(std::shared_ptr<ScrubPass> pass, StripeRef stripe,
                                            std::vector<uint32_t> missing) {
  auto self = shared_from_this();
  const size_t count = missing.size();
  auto restored = co_await restore_needed(stripe, std::move(missing), false);
  if (restored || restored.error().code != Errc::kNotFound) {
    ATOLL_PROBE("stripe.scrub_missing_shard");
    pass->report.missing_shards += count;
    metrics.missing_shards.add(count);
    ATOLL_LOG(kError, "stripe", "scrub: missing shards",
              {{"stripe", stripe.id}, {"count", count}, {"restored", restored.has_value()}});
    (restored ? pass->report.repaired : pass->not_restored(restored.error())) += count;
    if (!restored) metrics.repairs_failed.add(count);
  }
  pass->restores.release();
}

}  // namespace atl::stripe
