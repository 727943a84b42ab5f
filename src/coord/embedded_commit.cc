// How changes become durable: one queue, one batch at a time, one snapshot a batch.
//
//   1. submit()        a change waits in the queue; the first one starts commit_queue()
//   2. commit_batch()  all that is queued is applied, in order, to a copy of the newest state
//   3. replicate()     that copy goes to every copy on disk; a majority must have it durable
//   4.                 it becomes the committed state, and every change in it is answered
//
// When step 3 finds no majority the outcome is unknown: the state stays `unsettled`, all in the
// batch get kUnavailable, and the next call first gets it (with what follows) to a majority.

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/metrics.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "coord/embedded_core.h"

namespace atl::coord {

Task<Result<uint64_t>> EmbeddedCoordinator::Core::submit(std::shared_ptr<Core> core,
                                                         Change change) {
  if (core->closing) co_return fail(Errc::kCancelled, "the coordinator is closed");
  if (core->mode == OpenMode::kInspect)
    co_return fail(Errc::kPermission, "the coordinator is open for inspection only");
  const size_t bytes = change.bytes();
  if (core->queue.size() >= kQueuedChangesMax || core->queued_bytes + bytes > kQueuedBytesMax)
    co_return fail(Errc::kBusy, "too many changes wait for the coordinator");
  auto pending = std::make_shared<Pending>();
  pending->change = std::move(change);
  core->queue.push_back(pending);
  core->queued_bytes += bytes;
  if (!core->committing) {
    core->committing = true;
    core->idle.reset();
    core->env.spawn("coord-commit", commit_queue(core));
  }
  co_await pending->done.wait();
  ATOLL_CHECK(pending->answer.has_value());
  co_return std::move(*pending->answer);
}

Task<Status> EmbeddedCoordinator::Core::settled(std::shared_ptr<Core> core) {
  if (core->closing) co_return fail(Errc::kCancelled, "the coordinator is closed");
  if (!core->unsettled) co_return Status{};
  Change change;
  change.kind = Change::Kind::kRewrite;
  Result<uint64_t> answer = co_await submit(core, std::move(change));
  if (!answer) co_return fail(std::move(answer).error());
  co_return Status{};
}

Task<void> EmbeddedCoordinator::Core::commit_queue(std::shared_ptr<Core> core) {
  while (!core->queue.empty()) {
    std::vector<std::shared_ptr<Pending>> batch(core->queue.begin(), core->queue.end());
    core->queue.clear();
    core->queued_bytes = 0;
    if (core->closing) {
      for (auto& pending : batch) {
        pending->answer = fail(Errc::kCancelled, "the coordinator is closed");
        pending->done.set();
      }
      continue;
    }
    co_await commit_batch(core, std::move(batch));
  }
  core->committing = false;
  core->idle.set();
}

Task<void> EmbeddedCoordinator::Core::commit_batch(std::shared_ptr<Core> core,
                                                   std::vector<std::shared_ptr<Pending>> batch) {
  if (batch.size() > 1) ATOLL_PROBE("coord.group_commit");
  State next = core->unsettled ? *core->unsettled : core->store->committed();
  // An answer that rests on an unsettled state needs that state on a majority, even if it is "no".
  bool must_write = core->unsettled.has_value();
  std::vector<Staged> staged;
  staged.reserve(batch.size());
  for (auto& pending : batch) {
    staged.push_back(core->store->stage(&next, pending->change, core->env.now()));
    if (staged.back().changed) must_write = true;
  }
  bool durable = true;
  if (must_write) {
    State aimed = next;
    durable = co_await replicate(core, std::move(aimed), kCommitWaitMax);
    if (durable) {
      if (core->unsettled) ATOLL_PROBE("coord.settled_forward");
      core->unsettled.reset();
      core->store->commit(std::move(next), core->env.now());
    } else {
      ATOLL_PROBE("coord.commit_without_majority");
      core->unsettled = std::move(next);
    }
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    if (!durable) {
      batch[i]->answer = fail(Errc::kUnavailable,
                              "no majority of the coordinator's copies; the outcome is unknown");
    } else {
      if (staged[i].extends_lease)
        core->store->extend_lease(batch[i]->change.name, core->env.now());
      batch[i]->answer = std::move(staged[i].result);
    }
    batch[i]->done.set();
  }
}

Task<bool> EmbeddedCoordinator::Core::replicate(std::shared_ptr<Core> core, State state,
                                                Nanos limit) {
  static Histogram& seconds = metric_histogram("atoll_coord_commit_seconds",
                                               "Time for a majority of copies to hold a snapshot");
  static Counter& bytes = metric_counter("atoll_coord_snapshot_bytes",
                                         "Bytes of snapshots, counted once for all copies");
  const Nanos start = core->env.now();
  SnapshotHeader header;
  header.cluster = core->cluster;
  header.copy_count = static_cast<uint32_t>(core->copies->count());
  header.promised_term = core->term;
  header.accepted_term = core->term;
  header.sequence = ++core->sequence;
  Buf body = encode_body(core->copy_names, state, &header);
  bytes.add(body.size());
  core->copies->aim(header, std::move(body));
  const size_t needed = planted(PlantedBug::kCoordMinority) ? 1 : core->copies->majority();
  bool reached = co_await CopySet::reached(core->copies, header.sequence, needed, limit);
  if (reached)
    seconds.observe_seconds(std::chrono::duration<double>(core->env.now() - start).count());
  co_return reached;
}

void EmbeddedCoordinator::Core::stop() {
  closing = true;
  store->close();
  copies->stop();
}

Task<void> EmbeddedCoordinator::Core::close(std::shared_ptr<Core> core) {
  core->stop();
  if (core->committing) co_await core->idle.wait();
  env::Permit no_repair = co_await core->repairs.lock();
  co_await CopySet::close(core->copies);
}

}  // namespace atl::coord
