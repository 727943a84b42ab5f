// The write path, from a call to its answer. docs/paths/namespace-write.md has the same numbers.
//
// One batch is under way at a time; what comes meanwhile waits and goes together into the next one.
#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

// 1. The operation joins the queue.
Task<Status> PartitionImpl::submit(OpPtr op) {
  op->cost = std::clamp<uint64_t>(op->cost, 1, kQueueCostMax);
  if (fenced_) co_return fail(*fenced_);
  if (runner_done_) co_return fail(Errc::kUnavailable, "the partition is closed");
  co_await queue_room_.acquire(op->cost);
  if (fenced_ || runner_done_) {
    queue_room_.release(op->cost);
    co_return fail(fenced_ ? *fenced_ : Error(Errc::kUnavailable, "the partition is closed"));
  }
  op->queued_at = env_.now();
  queue_.push_back(op);
  runner_idle_.wake_all();
  co_await op->done.wait();
  co_return *op->answer;
}

Task<Status> PartitionImpl::change_status(std::string what, std::function<Status(Txn&)> evaluate) {
  auto op = std::make_shared<Op>();
  op->what = std::move(what);
  op->evaluate = std::move(evaluate);
  co_return co_await submit(op);
}

void PartitionImpl::answer(const OpPtr& op, Status status) {
  if (op->answer) return;  // it was given up on
  op->answer = std::move(status);
  op->done.set();
  queue_room_.release(op->cost);
}

void PartitionImpl::refuse(const OpPtr& op, Error why) {
  Status status = fail(std::move(why));
  answer(op, std::move(status));
}

void PartitionImpl::answer_all(const std::vector<OpPtr>& ops) {
  for (const OpPtr& op : ops) answer(op, *op->outcome);
}

void PartitionImpl::requeue(const std::vector<OpPtr>& ops) {
  for (auto it = ops.rbegin(); it != ops.rend(); ++it)
    if (!(*it)->answer) queue_.push_front(*it);
}

Task<void> PartitionImpl::run_batches() {
  while (!fenced_) {
    if (view_damage_ || !view_ || journal_->broken()) {
      if (stopping_) break;
      co_await recover();
    } else if (!queue_.empty()) {
      co_await run_batch();
    } else if (stopping_) {
      break;
    } else {
      co_await runner_idle_.wait();
    }
  }
  runner_done_ = true;
  const Error why = fenced_ ? *fenced_ : Error(Errc::kUnavailable, "the partition is closed");
  const std::deque<OpPtr> left = std::move(queue_);
  queue_.clear();
  for (const OpPtr& op : left) refuse(op, why);
  serving_ = serving_ && !fenced_;
}

// 2. Each operation is evaluated against the view and what the batch has changed before it; one
// that fails leaves nothing in the batch. An error here means that the view is damaged.
Status PartitionImpl::gather(Txn& txn, std::vector<OpPtr>* ops) {
  size_t left = solo_batches_ > 0 ? 1 : kBatchOpsMax;
  if (solo_batches_ > 0) --solo_batches_;
  for (; left > 0 && !queue_.empty() && txn.bytes() < kBatchBytesMax; --left) {
    const OpPtr op = queue_.front();
    if (op->answer) {
      queue_.pop_front();
      continue;
    }
    txn.begin_op();
    Status status = op->evaluate(txn);
    if (!status && means_damage(status.error())) {
      txn.drop_op();
      if (++op->damage_attempts >= kDamageAttemptsMax) {
        queue_.pop_front();
        refuse(op, status.error());
      }
      return status;
    }
    const bool too_large = status && txn.op_bytes() > kOpBytesMax;
    const bool overflows = status && txn.bytes() > kOpBytesMax;
    if (overflows && !too_large && !ops->empty()) {  // alone it will do
      ATOLL_PROBE("batch_op_waits_for_next");
      txn.drop_op();
      break;
    }
    if (too_large || overflows) {
      ATOLL_PROBE("op_too_large");
      status = fail(Errc::kTooLarge,
                    fmt::format("{} changes {} bytes of metadata at once, over the {} allowed",
                                op->what, txn.op_bytes(), kOpBytesMax));
    }
    queue_.pop_front();
    op->wrote = status && !txn.op_empty();
    if (status) {
      txn.end_op(op->what);
    } else {
      txn.drop_op();
    }
    op->outcome = std::move(status);
    ops->push_back(op);
  }
  return {};
}

Task<void> PartitionImpl::run_batch() {
  std::vector<OpPtr> ops;
  Txn txn(*view_, counters_, env_.wall_now());
  const Status gathered = gather(txn, &ops);
  if (!gathered) {
    requeue(ops);
    damaged(gathered.error());
    co_return;
  }
  if (txn.empty()) {
    answer_all(ops);
    co_return;
  }
  txn.finish();

  // 3. All changes as one journal entry, durable on every replica.
  const AppliedRecord before = view_->applied();
  const uint32_t chain_after = txn.chain();
  std::string payload = txn.payload();
  const Result<Lsn> lsn = co_await journal_->append(std::move(payload));
  if (!lsn) {
    const Error error = lsn.error();
    if (error.code == Errc::kFenced) {
      for (const OpPtr& op : ops) refuse(op, error);
      fence(error);
    } else if ((error.code == Errc::kNoSpace || error.code == Errc::kTooLarge) && ops.size() > 1) {
      ATOLL_PROBE("journal_full_ops_go_alone");
      solo_batches_ = ops.size();
      requeue(ops);
    } else if (error.code == Errc::kBusy) {
      ATOLL_PROBE("journal_busy");
      requeue(ops);
      checkpoint_bell_.ring();
      co_await env_.sleep(kRecoveryPauseMin);
      expire_waiters();
    } else if (error.code == Errc::kNoSpace || error.code == Errc::kTooLarge) {
      for (const OpPtr& op : ops) refuse(op, error);
    } else {
      // The outcome is unknown: recovery finds out, and the answers wait for it.
      ATOLL_PROBE("append_outcome_unknown");
      ATOLL_LOG(kWarn, "namespace", "journal append failed", {{"why", error.to_string()}});
      in_doubt_ = InDoubt{std::move(ops), before.lsn, chain_after, txn.freed()};
    }
    co_return;
  }

  // 4. The view follows. It cannot fail the operations any more: they are durable.
  ATOLL_CHECK(*lsn > before.lsn, "the journal went back");
  AppliedRecord applied = before;
  applied.cluster = ports_.cluster;
  applied.partition = options_.id;
  applied.lsn = *lsn;
  applied.chain = chain_after;
  const Status done = co_await apply_batch(txn, applied);
  if (!done) {
    in_doubt_ = InDoubt{std::move(ops), before.lsn, chain_after, txn.freed()};
    damaged(done.error());
    co_return;
  }

  // 5. Answers, and word to the background.
  after_commit(txn);
  answer_all(ops);
}

Task<Status> PartitionImpl::apply_batch(Txn& txn, AppliedRecord applied) {
  Status status;
  if (txn.bytes() <= kApplyHereMax) {
    status = view_->apply(txn.write_batch(), applied);
  } else {
    View* view = view_.get();
    rocksdb::WriteBatch* batch = txn.write_batch();
    co_await env_.offload(
        [&status, view, batch, &applied] { status = view->apply(batch, applied); });
  }
  if (status && options_.deterministic && view_->unflushed_bytes() > kFlushByHandBytes)
    status = view_->flush();
  co_return status;
}

void PartitionImpl::after_commit(const Txn& txn) {
  const uint64_t inline_before = counters_.inline_bytes;
  counters_ = txn.counters();
  for (const StripeId stripe : txn.freed()) pins_->freed(stripe);
  pins_->next_epoch();
  if (!txn.freed().empty()) free_bell_.ring();
  if (txn.reclaim()) reclaim_bell_.ring();
  if (counters_.inline_bytes > inline_before &&
      counters_.inline_bytes >= ports_.stripes.full_stripe_bytes())
    destage_bell_.ring();
}

}  // namespace atl::ns
