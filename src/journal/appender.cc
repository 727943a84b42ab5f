// Appending, in the phases that docs/formats/journal.md and docs/paths/recovery.md name:
//
//   1. enqueue    bounded; the order of the calls is the order of the LSNs
//   2. gather     what waits, up to run_bytes_max, becomes one run
//   3. place      ensure_open: an open segment on the best devices there are
//   4. replicate  append_run on every replica at once
//   5. commit     when all have it durable, and only then
//
// One run is under way at a time: the next gathers meanwhile, so a slow disk makes runs longer, not
// more. When a replica fails in 4, the segment is closed at `committed` and the same run goes to
// the next segment. It is not in doubt: what lies beyond a recorded end is not part of the journal.
#include "base/check.h"
#include "base/crc.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "device/device_client.h"
#include "env/sync.h"
#include "journal/core.h"
#include "journal/entry.h"

namespace atl::journal {
namespace {

// Segments tried for one run. Each attempt that fails excludes a device or finds one failed, so
// this is more than the domains of a common cluster; past it something is wrong that waiting would
// not mend.
constexpr int kPlacementsMax = 16;

struct Batch {
  std::vector<std::shared_ptr<Pending>> entries;
  device::Run run;
};

struct AppenderMetrics {
  Counter& entries = metric_counter("atoll_journal_entries_total", "Entries committed.");
  Counter& runs = metric_counter("atoll_journal_runs_total", "Replicated appends committed.");
  Counter& bytes = metric_counter("atoll_journal_bytes_total", "Bytes of committed frames.");
  Counter& failures =
      metric_counter("atoll_journal_replica_failures_total", "Appends that failed on a replica.");
  Histogram& seconds =
      metric_histogram("atoll_journal_commit_seconds", "From a run's start to its commit.");
};
AppenderMetrics& metrics() {
  static AppenderMetrics all;
  return all;
}

void resolve(Pending& pending, Result<Lsn> result) {
  ATOLL_CHECK(!pending.result, "an append was answered twice");
  pending.result = std::move(result);
  pending.done.set();
}

void fail_batch(Batch& batch, const Error& why) {
  for (auto& pending : batch.entries) resolve(*pending, fail(why));
}

Batch gather(Core& core) {
  Batch batch;
  size_t size = 0;
  Lsn lsn = core.next_lsn();
  const Epoch epoch = core.state.epoch;
  while (!core.queue.empty()) {
    auto& pending = core.queue.front();
    const size_t frame = frame_size(lsn, epoch, pending->payload.size());
    if (!batch.entries.empty() && size + frame > core.run_bytes_max) break;
    size += frame;
    lsn.value += 1;
    ATOLL_CHECK(core.queued_bytes >= pending->payload.size());
    core.queued_bytes -= pending->payload.size();
    batch.entries.push_back(std::move(pending));
    core.queue.pop_front();
  }
  if (batch.entries.empty()) return batch;

  device::Run& run = batch.run;
  run.first_lsn = core.next_lsn();
  run.count = static_cast<uint32_t>(batch.entries.size());
  run.epoch = epoch;
  run.chain_before = core.chain;
  run.payload = Buf::allocate(size);
  uint8_t* out = run.payload.mutable_data();
  for (size_t i = 0; i < batch.entries.size(); ++i)
    out = write_frame(out, Lsn(run.first_lsn.value + i), epoch, batch.entries[i]->payload);
  ATOLL_CHECK(out == run.payload.data() + size);
  run.chain_after = crc32c(run.payload.span(), run.chain_before);
  if (run.count > 1) ATOLL_PROBE("journal.group_commit");
  return batch;
}

// A run that the devices find too large goes back, to be cut into smaller ones.
void ungather(Core& core, Batch* batch) {
  for (size_t i = batch->entries.size(); i-- > 0;) {
    core.queued_bytes += batch->entries[i]->payload.size();
    core.queue.push_front(std::move(batch->entries[i]));
  }
  batch->entries.clear();
}

void commit(Core& core, Batch& batch) {
  const device::Run& run = batch.run;
  ATOLL_CHECK(run.first_lsn == core.next_lsn() && run.chain_before == core.chain);
  ATOLL_CHECK(!core.tail_uncertain && !core.broken);
  core.committed = Lsn(core.committed.value + run.count);
  core.chain = run.chain_after;
  core.open_bytes += stored_bytes(run);
  note_growth(core, core.committed, stored_bytes(run));
  metrics().entries.add(run.count);
  metrics().runs.add();
  metrics().bytes.add(run.payload.size());
  for (size_t i = 0; i < batch.entries.size(); ++i)
    resolve(*batch.entries[i], Lsn(run.first_lsn.value + i));
}

using ReplicaResult = Result<device::SegmentState>;

Task<void> append_unheard(Task<ReplicaResult> task) {
  auto ignored = co_await std::move(task);
  (void)ignored;
}

// Appends the run on every replica at once; the results are in the order of the replicas.
Task<std::vector<ReplicaResult>> append_on_all(CorePtr core, SegmentEntry segment,
                                               device::Run run) {
  std::vector<Task<ReplicaResult>> tasks;
  for (DeviceId id : segment.replicas) {
    device::DeviceClient* client = core->view.client(id);
    ATOLL_CHECK(client != nullptr);
    device::Run copy = run;
    auto task = client->append_run(segment.id, core->partition, core->state.epoch, std::move(copy));
    if (planted(PlantedBug::kTwoReplicasAreEnough) && tasks.size() == 2) {
      core->view.env().spawn("journal third replica", append_unheard(std::move(task)));
      break;
    }
    tasks.push_back(std::move(task));
  }
  co_return co_await env::when_all(core->view.env(), std::move(tasks));
}

// What an attempt to replicate came to.
struct Attempt {
  bool all_durable = false;
  bool fenced = false;
  bool too_large = false;
};

// Looks at each replica's result, reports failed devices and remembers which to avoid.
Task<Attempt> judge(CorePtr core, SegmentEntry segment, std::vector<ReplicaResult> results,
                    Lsn next, uint32_t chain, std::shared_ptr<std::set<DeviceId>> avoid) {
  Attempt attempt;
  attempt.all_durable = true;
  for (size_t i = 0; i < results.size(); ++i) {
    const DeviceId id = segment.replicas[i];
    // The device must agree on where the segment ends now.
    if (results[i] && results[i]->next_lsn == next && results[i]->chain == chain) continue;
    const Error why =
        results[i] ? Error(Errc::kConflict, "the replica ends elsewhere") : results[i].error();
    attempt.all_durable = false;
    metrics().failures.add();
    ATOLL_LOG(kWarn, "journal", "an append failed on a replica",
              {{"partition", core->partition},
               {"segment", segment.id},
               {"device", id},
               {"reason", why.to_string()}});
    if (why.code == Errc::kFenced) {
      attempt.fenced = true;
    } else if (why.code == Errc::kTooLarge) {
      attempt.too_large = true;
    } else if (why.code == Errc::kNoSpace) {
      ATOLL_PROBE("journal.replica_full");
      core->full.insert(id);
    } else {
      ATOLL_PROBE("journal.replica_failed_in_append");
      if (!cluster::ClusterView::means_failure(why.code)) core->suspects.insert({segment.id, id});
      avoid->insert(id);
      co_await core->view.report_failure(id, why);
    }
  }
  co_return attempt;
}

// Phases 3 to 5 for one batch. Under append_mutex.
Task<void> commit_batch(CorePtr core, std::shared_ptr<Batch> batch) {
  const Nanos begin = core->view.env().now();
  auto avoid = std::make_shared<std::set<DeviceId>>();
  for (int placement = 0; placement < kPlacementsMax; ++placement) {
    std::set<DeviceId> avoid_now = *avoid;
    Status open = co_await ensure_open(core, std::move(avoid_now));
    if (!open) {
      // Broken, or it is certain that the run is not in the journal: its segment was closed before
      // it.
      ATOLL_CHECK(core->broken || !core->tail_uncertain);
      fail_batch(*batch, core->broken ? *core->broken : open.error());
      co_return;
    }
    const SegmentEntry segment = *core->open_segment();
    ATOLL_CHECK(batch->run.first_lsn == core->next_lsn() && !core->tail_uncertain);

    core->tail_uncertain = true;
    device::Run run = batch->run;
    auto results = co_await append_on_all(core, segment, std::move(run));
    const Lsn next(core->committed.value + batch->run.count + 1);
    const Attempt attempt =
        co_await judge(core, segment, std::move(results), next, batch->run.chain_after, avoid);
    if (attempt.fenced)
      break_journal(*core, Error(Errc::kFenced, "a replica has promised a higher epoch"));
    if (core->broken) {
      fail_batch(*batch, *core->broken);
      co_return;
    }
    if (attempt.all_durable) {
      core->tail_uncertain = false;
      commit(*core, *batch);
      metrics().seconds.observe_seconds(
          std::chrono::duration<double>(core->view.env().now() - begin).count());
      if (placement > 0) schedule_repair(core);
      co_return;
    }
    if (attempt.too_large) {
      ATOLL_PROBE("journal.run_too_large_for_device");
      if (batch->entries.size() > 1) {
        core->run_bytes_max = batch->run.payload.size() / 2;  // one entry is always taken
        ungather(*core, batch.get());
        co_return;  // the open segment is uncertain, and will be closed before the next run
      }
      if (Status closed = co_await close_open_segment(core); !closed) {
        fail_batch(*batch, core->broken ? *core->broken : closed.error());
        co_return;
      }
      fail_batch(*batch, Error(Errc::kTooLarge, "no device can take an entry of this size"));
      co_return;
    }
    ATOLL_PROBE("journal.run_moves_to_next_segment");
  }
  break_journal(*core, Error(Errc::kUnavailable, "no set of devices took a run"));
  fail_batch(*batch, *core->broken);
}

Task<void> write_loop(CorePtr core) {
  while (!core->queue.empty()) {
    auto permit = co_await core->append_mutex.lock();
    if (core->broken) break;
    auto batch = std::make_shared<Batch>(gather(*core));
    if (!batch->entries.empty()) co_await commit_batch(core, batch);
  }
  ATOLL_CHECK(core->queue.empty());
  core->writing = false;
  core->writer_idle.set();
}

}  // namespace

std::shared_ptr<Pending> enqueue(const CorePtr& core, std::string payload) {
  auto pending = std::make_shared<Pending>();
  const size_t size = payload.size();
  Error refused;
  if (core->broken) {
    refused = *core->broken;
  } else if (core->closing) {
    refused = Error(Errc::kCancelled, "the journal was closed");
  } else if (size > kMaxEntryBytes) {
    refused = Error(Errc::kTooLarge, fmt::format("an entry of {} is more than {}",
                                                 format_bytes(size), format_bytes(kMaxEntryBytes)));
  } else if (core->queue.size() >= kMaxQueuedEntries ||
             core->queued_bytes + size > kMaxQueuedBytes) {
    ATOLL_PROBE("journal.queue_full");
    refused = Error(Errc::kBusy, "too many journal entries are waiting");
  } else {
    pending->payload = std::move(payload);
    core->queued_bytes += size;
    core->queue.push_back(pending);
    if (!core->writing) {
      core->writing = true;
      core->writer_idle.reset();
      core->view.env().spawn("journal writer", write_loop(core));
    }
    return pending;
  }
  resolve(*pending, fail(std::move(refused)));
  return pending;
}

Task<Result<Lsn>> wait_for_append(CorePtr core, std::shared_ptr<Pending> pending) {
  (void)core;  // kept alive until the answer is there
  co_await pending->done.wait();
  co_return std::move(*pending->result);
}

}  // namespace atl::journal
