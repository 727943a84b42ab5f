#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "stripe/maintenance_impl.h"

namespace atl::stripe {

Nanos Pacer::spend(uint64_t bytes, Nanos now) {
  if (rate_ == 0) return Nanos(0);
  const double seconds = static_cast<double>(bytes) / static_cast<double>(rate_);
  free_at_ = std::max(free_at_, now) + Nanos(static_cast<int64_t>(seconds * 1e9));
  return free_at_ - now;
}

Maintenance::Impl::Impl(StripeStore& store_in, cluster::ClusterView& view_in,
                        std::vector<StripeCatalog*> catalogs_in, StoreOptions options_in)
    : store(store_in),
      store_impl(store_in.impl()),
      view(view_in),
      catalogs(std::move(catalogs_in)),
      options(options_in) {
  idle.set();
}

bool Maintenance::Impl::begin() {
  if (stopping) return false;
  ++operations;
  idle.reset();
  return true;
}

void Maintenance::Impl::end() {
  ATOLL_CHECK(operations > 0);
  if (--operations == 0) idle.set();
}

Status Maintenance::Impl::check_running() const {
  if (stopping) return fail(Errc::kCancelled, "maintenance is stopping");
  return {};
}

Task<void> Maintenance::Impl::pause(Nanos duration) {
  if (stopping || duration <= Nanos(0)) co_return;
  auto over = std::make_shared<env::Event>();
  pauses.insert(over.get());
  const env::TimerId timer = env().start_timer(duration, [over] { over->set(); });
  co_await over->wait();
  env().cancel_timer(timer);
  pauses.erase(over.get());
}

Task<Result<bool>> Maintenance::Impl::needed(StripeId id) {
  for (StripeCatalog* catalog : catalogs) {
    ATOLL_CO_TRY(const bool found, co_await catalog->contains(id));
    if (found) co_return true;
  }
  co_return false;
}

Task<Result<StripeRef>> Maintenance::Impl::find_stripe(StripeId id) {
  ATOLL_CHECK(id.value > 0);
  for (StripeCatalog* catalog : catalogs) {
    const StripeId after(id.value - 1);
    ATOLL_CO_TRY(const std::vector<StripeRef> found, co_await catalog->list(after, 1));
    if (!found.empty() && found.front().id == id) co_return found.front();
  }
  co_return fail(Errc::kNotFound, fmt::format("no catalog needs stripe {}", id));
}

Task<Result<Restored>> Maintenance::Impl::restore_needed(StripeRef stripe,
                                                         std::vector<uint32_t> indexes,
                                                         bool replace) {
  ATOLL_CO_TRY(const bool before, co_await needed(stripe.id));
  if (!before) co_return fail(Errc::kNotFound, fmt::format("stripe {} was freed", stripe.id));
  auto restored = co_await restore_shards(store_impl, stripe, indexes, replace);
  // Freed while it was being restored: then the free may have come before our write.
  auto after = co_await needed(stripe.id);
  if (after && !*after) {
    ATOLL_PROBE("stripe.freed_while_restored");
    const cluster::Group* group = view.map().find_group(stripe.group);
    std::vector<DeviceId> slots;
    if (group != nullptr) slots = group->slots;
    co_await delete_shards(store_impl, stripe.id, std::move(slots));
    co_return fail(Errc::kNotFound, fmt::format("stripe {} was freed", stripe.id));
  }
  if (!restored && restored.error().code == Errc::kNotFound) {
    // Needed, yet nowhere: not freed but lost.
    co_return fail(Errc::kCorrupt,
                   fmt::format("stripe {} is needed, and no shard of it is there", stripe.id));
  }
  co_return restored;
}

bool Maintenance::Impl::rebuild_needed() const {
  for (const cluster::DeviceEntry& device : view.map().devices)
    if (device.needs_rebuild && view.readable(device.id)) return true;
  return false;
}

// --- The loops ---

Task<void> Maintenance::Impl::rebuild_loop() {
  auto self = shared_from_this();
  while (!stopping) {
    co_await wake_rebuild.wait();
    wake_rebuild.reset();
    if (stopping || !rebuild_needed()) continue;
    const Status rebuilt = co_await rebuild();
    if (rebuilt) {
      // What was freed while the device was away is still on it.
      auto orphans = co_await collect_orphans();
      if (!orphans && !stopping)
        ATOLL_LOG(kWarn, "stripe", "orphans not collected",
                  {{"reason", orphans.error().to_string()}});
    } else if (!stopping) {
      ATOLL_LOG(kWarn, "stripe", "rebuild incomplete, will be tried again",
                {{"reason", rebuilt.error().to_string()}});
      co_await pause(kRetryPause);
      wake_rebuild.set();
    }
  }
  end();
}

Task<void> Maintenance::Impl::repair_loop() {
  auto self = shared_from_this();
  while (!stopping) {
    co_await store_impl->repairs.arrived().wait();
    if (stopping) break;
    const auto item = store_impl->repairs.pop();
    if (!item) continue;
    co_await repair_one(*item);
    co_await pause(kRepairGrace);
  }
  end();
}

Task<void> Maintenance::Impl::repair_one(RepairItem item) {
  // A bit that flipped on the way, not on the medium, needs no repair.
  const bool good = co_await shard_is_good(store_impl, item.stripe, item.index);
  if (good) {
    ATOLL_PROBE("stripe.repair_not_needed");
    co_return;
  }
  std::vector<uint32_t> indexes{item.index};
  auto restored = co_await restore_needed(item.stripe, std::move(indexes), true);
  if (restored) {
    ATOLL_LOG(kInfo, "stripe", "shard repaired",
              {{"stripe", item.stripe.id}, {"shard", item.index}});
  } else if (restored.error().code != Errc::kNotFound) {
    metrics.repairs_failed.add();
    ATOLL_LOG(kError, "stripe", "shard not repaired",
              {{"stripe", item.stripe.id},
               {"shard", item.index},
               {"reason", restored.error().to_string()}});
  }
}

Task<void> Maintenance::Impl::scrub_loop() {
  auto self = shared_from_this();
  co_await pause(kScrubFirstPause);
  while (!stopping) {
    auto report = co_await scrub({}, options.scrub_bytes_per_second);
    if (!report && !stopping)
      ATOLL_LOG(kWarn, "stripe", "slow scrub ended early",
                {{"reason", report.error().to_string()}});
    auto orphans = co_await collect_orphans();
    if (!orphans && !stopping)
      ATOLL_LOG(kWarn, "stripe", "orphans not collected",
                {{"reason", orphans.error().to_string()}});
    co_await pause(kScrubPassPause);
  }
  end();
}

// --- The public face ---

Maintenance::Maintenance(StripeStore& store, cluster::ClusterView& view,
                         std::vector<StripeCatalog*> catalogs, StoreOptions options)
    : impl_(std::make_shared<Impl>(store, view, std::move(catalogs), options)) {
  std::weak_ptr<Impl> weak = impl_;
  view.on_change([weak] {
    if (auto impl = weak.lock()) impl->wake_rebuild.set();
  });
}

Maintenance::~Maintenance() {
  ATOLL_CHECK(impl_->operations == 0, "stop() maintenance before it is destroyed");
}

void Maintenance::start() {
  impl_->wake_rebuild.set();
  for (auto loop : {&Impl::rebuild_loop, &Impl::repair_loop, &Impl::scrub_loop}) {
    if (!impl_->begin()) return;
    impl_->env().spawn("stripe.maintenance", (impl_.get()->*loop)());
  }
}

Task<void> Maintenance::stop() {
  auto impl = impl_;
  impl->stopping = true;
  impl->wake_rebuild.set();
  impl->store_impl->repairs.arrived().set();
  for (env::Event* pause : impl->pauses) pause->set();
  co_await impl->idle.wait();
}

void Maintenance::on_bad_segment(std::function<void(DeviceId, SegmentId)> listener) {
  impl_->bad_segment_listener = std::move(listener);
}

Task<Status> Maintenance::rebuild() {
  auto impl = impl_;
  if (!impl->begin()) co_return impl->check_running();
  Status done = co_await impl->rebuild();
  impl->end();
  co_return done;
}

RepairProgress Maintenance::progress() const {
  return impl_->progress;
}

Task<Result<ScrubReport>> Maintenance::scrub(std::function<void(double)> progress) {
  auto impl = impl_;
  if (!impl->begin()) co_return fail(impl->check_running().error());
  auto report = co_await impl->scrub(std::move(progress), 0);
  impl->end();
  co_return report;
}

Task<Result<ScrubReport>> Maintenance::check() {
  auto impl = impl_;
  if (!impl->begin()) co_return fail(impl->check_running().error());
  auto report = co_await impl->check();
  impl->end();
  co_return report;
}

Task<Result<uint64_t>> Maintenance::collect_orphans() {
  auto impl = impl_;
  if (!impl->begin()) co_return fail(impl->check_running().error());
  auto count = co_await impl->collect_orphans();
  impl->end();
  co_return count;
}

}  // namespace atl::stripe
