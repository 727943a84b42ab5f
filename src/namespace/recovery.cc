// A journal that broke or a view that is damaged, while calls wait: take over anew, rebuild,
// replay, and find out what became of the batch whose outcome was unknown.
//
// Only the batch runner recovers, so nothing is appended or applied meanwhile.
// docs/paths/recovery.md.
#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "namespace/keys.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

void PartitionImpl::damaged(const Error& why) {
  if (view_damage_) return;
  ATOLL_PROBE("view_damaged");
  ATOLL_LOG(kError, "namespace", "the view is damaged and will be rebuilt",
            {{"partition", options_.id}, {"why", why.to_string()}});
  view_damage_ = why;
  serving_ = false;
  runner_idle_.wake_all();
}

void PartitionImpl::fence(Error why) {
  ATOLL_PROBE("partition_fenced");
  ATOLL_LOG(kError, "namespace", "another owner took the partition over; it serves no more here",
            {{"partition", options_.id}, {"why", why.to_string()}});
  fenced_ = std::move(why);
  serving_ = false;
  if (in_doubt_) {
    for (const OpPtr& op : in_doubt_->ops) refuse(op, *fenced_);
    in_doubt_.reset();
  }
  runner_idle_.wake_all();
}

Task<Status> PartitionImpl::wait_serving() {
  // Polled: it is rare, and each caller has its own limit.
  const Nanos start = env_.now();
  while (!serving_) {
    if (fenced_) co_return fail(*fenced_);
    if (stopping_) co_return fail(Errc::kUnavailable, "the partition is closed");
    if (env_.now() - start > kRecoveryWaitMax)
      co_return fail(Errc::kUnavailable, "the partition is recovering");
    co_await env_.sleep(kRecoveryPauseMin / 4);
  }
  co_return Status{};
}

Task<void> PartitionImpl::await_view_unused() {
  while (view_ && view_.use_count() > 1) co_await env_.sleep(1ms);
  view_.reset();
}

Task<void> PartitionImpl::recover() {
  serving_ = false;
  Nanos pause = kRecoveryPauseMin;
  while (true) {
    const Status status = co_await try_recover();
    if (status) break;
    if (status.error().code == Errc::kFenced) {
      fence(status.error());
      co_return;
    }
    ATOLL_LOG(kWarn, "namespace", "recovery will be tried again",
              {{"partition", options_.id}, {"why", status.error().to_string()}});
    expire_waiters();
    if (stopping_) break;
    co_await env_.sleep(pause);
    pause = std::min(pause * 2, kRecoveryPauseMax);
  }
  if (stopping_ && (view_damage_ || !view_ || journal_->broken())) {
    if (in_doubt_)
      for (const OpPtr& op : in_doubt_->ops)
        refuse(op, Error(Errc::kUnavailable, "closed while recovering; the outcome is unknown"));
    in_doubt_.reset();
    co_return;
  }
  resolve_in_doubt();
  serving_ = true;
  co_await resolve_unknown_stripes();
}

Task<Status> PartitionImpl::try_recover() {
  if (!journal_ || journal_->broken()) {
    ATOLL_PROBE("journal_taken_over_again");
    ATOLL_CO_TRY_STATUS(co_await take_journal());
  }
  if (view_damage_ || !view_) {
    co_await await_view_unused();
    ATOLL_CO_TRY_STATUS(co_await restore_view());
    view_damage_.reset();
  }
  const Status replayed = co_await replay_journal();
  if (!replayed) {
    // Whatever is wrong, a view from the checkpoint is the surest start for the next try.
    if (means_damage(replayed.error()) || replayed.error().code == Errc::kStale)
      view_damage_ = replayed.error();
    co_return replayed;
  }
  co_return Status{};
}

void PartitionImpl::resolve_in_doubt() {
  if (!in_doubt_) return;
  const InDoubt doubt = std::move(*in_doubt_);
  in_doubt_.reset();
  const AppliedRecord& now = view_->applied();
  if (now.lsn == doubt.before) {
    ATOLL_PROBE("in_doubt_was_lost");
    requeue(doubt.ops);
    return;
  }
  if (now.lsn.value == doubt.before.value + 1 && now.chain == doubt.chain_after) {
    ATOLL_PROBE("in_doubt_was_committed");
    for (const StripeId stripe : doubt.freed) pins_->freed(stripe);
    pins_->next_epoch();
    free_bell_.ring();
    reclaim_bell_.ring();
    answer_all(doubt.ops);
    return;
  }
  ATOLL_PROBE("in_doubt_overtaken");
  for (const OpPtr& op : doubt.ops)
    refuse(op, Error(Errc::kUnavailable, "another owner wrote meanwhile; the outcome is unknown"));
}

void PartitionImpl::expire_waiters() {
  const Nanos now = env_.now();
  if (in_doubt_)
    for (const OpPtr& op : in_doubt_->ops)
      if (now - op->queued_at > kRecoveryWaitMax)
        refuse(op,
               Error(Errc::kUnavailable, "the partition is recovering; the outcome is unknown"));
  std::deque<OpPtr> kept;
  for (const OpPtr& op : queue_) {
    if (now - op->queued_at > kRecoveryWaitMax) {
      ATOLL_PROBE("op_expired");
      // Not kUnavailable, which leaves the outcome open: the body's stripes are free to go.
      refuse(op, Error(Errc::kBusy, "the partition is not ready; nothing was changed; try again"));
    } else {
      kept.push_back(op);
    }
  }
  queue_ = std::move(kept);
}

Task<void> PartitionImpl::resolve_unknown_stripes() {
  std::vector<stripe::StripeRef> stripes;
  for (const auto& [id, ref] : unknown_stripes_) stripes.push_back(ref);
  unknown_stripes_.clear();
  co_await drop_stripes(std::move(stripes));
}

}  // namespace atl::ns
