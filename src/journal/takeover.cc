// Takeover: from what the coordinator and the replicas hold to an owned journal.
// docs/paths/recovery.md walks through it; test/models/journal_takeover.cc explores every
// interleaving of it.
//
//   1. win_epoch      a higher epoch in the coordinator's value
//   2. seal_tail      the open segment's replicas promise the epoch: no lower one can commit any
//   more
//   3. find_end       the longest verified prefix that the sealed replicas have
//   4. make_whole     that prefix on a full set of replicas
//   5. record_close   the end in the coordinator's value
//
// A crash after any step leaves a state from which the next takeover does the same with a higher
// epoch; nothing was promised to anybody before step 5.
#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "device/device_client.h"
#include "journal/copy.h"
#include "journal/core.h"
#include "journal/reader.h"
#include "journal/replica_choice.h"

namespace atl::journal {
namespace {

// Compare-and-swaps lost to the old owner's last changes (it rolls or trims) before giving up.
constexpr int kWinAttemptsMax = 8;
// Devices tried as new homes of the tail before it is left to repair().
constexpr int kNewHomesMax = 8;

struct TailReplica {
  DeviceId id;
  bool sealed = false;  // it answered: `held` is what it has
  bool damaged = false;
  device::SegmentState held;
};

struct TailWork {
  SegmentEntry segment;
  std::vector<TailReplica> replicas;
  Cursor end;
  uint64_t bytes = 0;
};
using TailPtr = std::shared_ptr<TailWork>;

// 1. When a compare-and-swap's outcome is unknown it is not looked up: two takeovers for one owner
// would both believe that they had won. The next round takes an epoch higher still.
Task<Status> win_epoch(CorePtr core, std::string owner) {
  std::optional<Epoch> first_seen;
  Error last(Errc::kUnavailable, "no attempt was made");
  Nanos pause = kStorePauseFirst;
  bool own_attempt_unknown = false;
  for (int attempt = 0; attempt < kWinAttemptsMax; ++attempt) {
    auto loaded = co_await load_state(core->view.coordinator(), core->partition);
    if (!loaded) {
      last = std::move(loaded).error();
      if (!outcome_unknown(last.code)) co_return fail(std::move(last));
      co_await core->view.env().sleep(pause);
      pause *= 2;
      continue;
    }
    if (!first_seen || own_attempt_unknown) first_seen = loaded->state.epoch;
    if (*first_seen != loaded->state.epoch)
      co_return fail(Errc::kFenced, "another owner has taken this journal over meanwhile");
    JournalState next = std::move(loaded->state);
    next.epoch.value += 1;
    next.owner = owner;
    std::string key = state_key(core->partition);
    std::string value = next.encode();
    auto swapped = co_await core->view.coordinator().compare_and_swap(
        std::move(key), loaded->version, std::move(value));
    if (swapped) {
      core->state = std::move(next);
      core->version = *swapped;
      co_return Status{};
    }
    last = std::move(swapped).error();
    if (last.code == Errc::kConflict) {
      ATOLL_PROBE("journal.takeover_raced_a_change");
      own_attempt_unknown = false;
    } else if (outcome_unknown(last.code)) {
      ATOLL_PROBE("journal.takeover_outcome_unknown");
      own_attempt_unknown = true;
      co_await core->view.env().sleep(pause);
      pause *= 2;
    } else {
      co_return fail(std::move(last));
    }
  }
  co_return fail(std::move(last).with_context("taking the journal over"));
}

Task<Result<device::SegmentState>> seal_one(CorePtr core, SegmentEntry segment, DeviceId id) {
  device::DeviceClient* client = core->view.client(id);
  if (client == nullptr) co_return fail(Errc::kUnavailable, "the device is not in the map");
  co_return co_await client->seal_segment(segment.id, core->partition, core->state.epoch,
                                          segment.first_lsn, segment.first_chain);
}

// Seals those replicas of the tail that `readable` says; returns how many are sealed then.
Task<Result<size_t>> seal_some(CorePtr core, TailPtr tail, bool readable) {
  std::vector<size_t> indexes;
  std::vector<Task<Result<device::SegmentState>>> tasks;
  for (size_t i = 0; i < tail->replicas.size(); ++i) {
    if (core->view.readable(tail->replicas[i].id) != readable) continue;
    indexes.push_back(i);
    tasks.push_back(seal_one(core, tail->segment, tail->replicas[i].id));
  }
  auto results = co_await env::when_all(core->view.env(), std::move(tasks));
  size_t sealed = 0;
  for (size_t n = 0; n < results.size(); ++n) {
    TailReplica& replica = tail->replicas[indexes[n]];
    if (results[n]) {
      replica.sealed = true;
      replica.held = *results[n];
      replica.damaged = replica.held.first_lsn != tail->segment.first_lsn;
      if (!replica.damaged) ++sealed;
      continue;
    }
    const Error why = results[n].error();
    if (why.code == Errc::kFenced)
      co_return fail(Errc::kFenced, "a later owner is taking this journal over");
    ATOLL_PROBE("journal.seal_failed_on_replica");
    ATOLL_LOG(kWarn, "journal", "a replica could not be sealed",
              {{"segment", tail->segment.id}, {"device", replica.id}, {"reason", why.to_string()}});
    co_await core->view.report_failure(replica.id, why);
  }
  co_return sealed;
}

// 2. An append commits only when every replica has it, so one sealed replica stops them all, and
// one sealed replica holds all that was committed. Those that answer are all heard, so that the
// tail is as long as it can be; those that the map calls failed are asked only when no other
// answers.
Task<Status> seal_tail(CorePtr core, TailPtr tail) {
  for (DeviceId id : tail->segment.replicas) {
    TailReplica replica;
    replica.id = id;
    tail->replicas.push_back(replica);
  }
  ATOLL_CO_TRY(size_t sealed, co_await seal_some(core, tail, true));
  if (sealed == 0) {
    ATOLL_PROBE("journal.takeover_asks_failed_devices");
    ATOLL_CO_TRY(sealed, co_await seal_some(core, tail, false));
  }
  if (sealed == 0)
    co_return fail(Errc::kUnavailable,
                   fmt::format("no replica of journal segment {} answers", tail->segment.id));
  if (sealed < tail->replicas.size()) ATOLL_PROBE("journal.takeover_with_fewer_replicas");
  co_return Status{};
}

// The sealed replicas: sound ones first, of those the longest. Damaged ones too, because a run that
// is lost on one may be whole on another; the reader believes nothing that does not continue the
// chain.
std::vector<DeviceId> sources_of(const TailWork& tail) {
  std::vector<const TailReplica*> sealed;
  for (const TailReplica& replica : tail.replicas)
    if (replica.sealed) sealed.push_back(&replica);
  std::stable_sort(sealed.begin(), sealed.end(), [](const TailReplica* a, const TailReplica* b) {
    if (a->damaged != b->damaged) return b->damaged;
    return a->held.next_lsn > b->held.next_lsn;
  });
  std::vector<DeviceId> out;
  for (const TailReplica* replica : sealed) out.push_back(replica->id);
  return out;
}

// 3. Walks the chain from the segment's beginning over all sealed replicas as far as any goes.
// Where the walk ends, some replica must end in good health at or before: then no entry behind it
// was ever on all replicas. Otherwise acknowledged entries may lie in the damage, and giving up is
// better than going on without them.
Task<Status> find_end(CorePtr core, TailPtr tail) {
  const Cursor start{tail->segment.first_lsn, tail->segment.first_chain};
  SegmentReader reader(core->view, tail->segment.id, sources_of(*tail), start);
  Cursor before_last = start;
  uint64_t bytes_before_last = 0;
  tail->end = start;
  for (;;) {
    auto runs = co_await reader.next();
    if (!runs) {
      bool someone_ends_here = false;
      for (const TailReplica& replica : tail->replicas)
        if (replica.sealed && !replica.damaged && replica.held.next_lsn <= tail->end.next)
          someone_ends_here = true;
      if (!someone_ends_here) {
        ATOLL_PROBE("journal.takeover_tail_damaged");
        Error why = std::move(runs).error();
        if (why.code == Errc::kNotFound) why.code = Errc::kCorrupt;
        co_return fail(std::move(why).with_context("the journal's tail cannot be read"));
      }
      break;
    }
    for (const device::Run& run : *runs) {
      before_last = tail->end;
      bytes_before_last = tail->bytes;
      tail->end = {Lsn(run.first_lsn.value + run.count), run.chain_after};
      tail->bytes += stored_bytes(run);
    }
  }
  for (TailReplica& replica : tail->replicas) {
    if (!replica.sealed) continue;
    if (reader.damaged().contains(replica.id)) replica.damaged = true;
    // One that ends where the walk does must agree with it.
    if (replica.held.next_lsn == tail->end.next && replica.held.chain != tail->end.chain)
      replica.damaged = true;
    if (replica.held.next_lsn < tail->end.next) ATOLL_PROBE("journal.takeover_replica_shorter");
  }
  if (planted(PlantedBug::kDropSegmentTail) && tail->end.next > tail->segment.first_lsn) {
    tail->end = before_last;
    tail->bytes = bytes_before_last;
  }
  co_return Status{};
}

Task<CopyOutcome> copy_tail(CorePtr core, TailPtr tail, DeviceId target) {
  CopyOrder order{core->partition, core->state.epoch, tail->segment, tail->end, sources_of(*tail),
                  target,          SegmentId()};
  CopyOutcome outcome = co_await copy_segment(core->view, std::move(order));
  if (!outcome.status && outcome.of_target && outcome.status.error().code != Errc::kFenced)
    co_await core->view.report_failure(target, outcome.status.error());
  co_return outcome;
}

// 4. Those that answered get what they lack; those that did not are replaced by devices that get
// all of it. Returns the replicas for the closed segment: the whole ones, and behind them, while
// there are fewer than kReplicas, the others: damaged ones, which together have it all and which
// repair() will see to, and absent ones, which may yet come back with most of it.
Task<Result<std::vector<DeviceId>>> make_whole(CorePtr core, TailPtr tail) {
  std::vector<DeviceId> whole;
  std::set<DeviceId> avoid;
  for (size_t i = 0; i < tail->replicas.size(); ++i) {
    const TailReplica replica = tail->replicas[i];
    avoid.insert(replica.id);
    if (!replica.sealed || replica.damaged) continue;
    if (replica.held.next_lsn >= tail->end.next) {
      whole.push_back(replica.id);
      continue;
    }
    CopyOutcome outcome = co_await copy_tail(core, tail, replica.id);
    if (outcome.status) {
      whole.push_back(replica.id);
    } else if (outcome.status.error().code == Errc::kFenced) {
      co_return fail(outcome.status.error());
    }
  }
  for (int attempt = 0; attempt < kNewHomesMax; ++attempt) {
    auto map = core->view.snapshot();
    if (spread_of(*map, whole) >= spread_possible(*map, {})) break;
    const auto target = choose_addition(*map, tail->segment.id.value, whole, avoid);
    if (!target) break;
    avoid.insert(*target);
    CopyOutcome outcome = co_await copy_tail(core, tail, *target);
    if (outcome.status) {
      ATOLL_PROBE("journal.takeover_new_home");
      whole.push_back(*target);
    } else if (outcome.status.error().code == Errc::kFenced) {
      co_return fail(outcome.status.error());
    } else if (!outcome.of_target) {
      break;  // the sources failed: another target would not help
    }
  }
  const bool some_damaged = std::any_of(tail->replicas.begin(), tail->replicas.end(),
                                        [](const TailReplica& r) { return r.sealed && r.damaged; });
  if (whole.empty() && !some_damaged)
    co_return fail(Errc::kUnavailable, "the journal's tail could not be made whole anywhere");
  if (whole.empty()) ATOLL_PROBE("journal.takeover_tail_whole_only_together");
  std::vector<DeviceId> list = best_of(core->view.map(), std::move(whole));
  for (const bool sealed : {true, false}) {
    for (const TailReplica& replica : tail->replicas) {
      const bool listed = std::find(list.begin(), list.end(), replica.id) != list.end();
      if (listed || replica.sealed != sealed || (sealed && !replica.damaged)) continue;
      if (list.size() < kReplicas) list.push_back(replica.id);
      if (sealed) core->suspects.insert({tail->segment.id, replica.id});
    }
  }
  co_return list;
}

// 5.
Task<Status> record_close(CorePtr core, TailPtr tail, std::vector<DeviceId> replicas) {
  const TailWork work = *tail;
  auto change = [work, replicas](JournalState* state) -> Result<bool> {
    ATOLL_CHECK(!state->segments.empty() && state->segments.back().id == work.segment.id);
    SegmentEntry& last = state->segments.back();
    ATOLL_CHECK(!last.closed && last.first_lsn <= work.end.next);
    if (work.end.next == last.first_lsn) {
      state->segments.pop_back();
      return true;
    }
    last.closed = true;
    last.end_lsn = work.end.next;
    last.end_chain = work.end.chain;
    last.bytes = work.bytes;
    last.replicas = replicas;
    return true;
  };
  co_return co_await update_state(core, change);
}

Task<Status> close_tail(CorePtr core) {
  auto tail = std::make_shared<TailWork>();
  tail->segment = *core->open_segment();
  ATOLL_CO_TRY_STATUS(co_await seal_tail(core, tail));
  ATOLL_CO_TRY_STATUS(co_await find_end(core, tail));
  std::vector<DeviceId> replicas = tail->segment.replicas;
  if (tail->end.next > tail->segment.first_lsn) {
    ATOLL_CO_TRY(replicas, co_await make_whole(core, tail));
  } else {
    ATOLL_PROBE("journal.takeover_empty_tail");
  }
  co_return co_await record_close(core, tail, std::move(replicas));
}

void adopt_end(Core& core) {
  const JournalState& state = core.state;
  ATOLL_CHECK(core.open_segment() == nullptr);
  if (state.segments.empty()) {
    core.committed = state.checkpoint.lsn;
    core.chain = state.checkpoint.chain;
  } else {
    core.committed = Lsn(state.segments.back().end_lsn.value - 1);
    core.chain = state.segments.back().end_chain;
  }
  for (const SegmentEntry& segment : state.segments)
    note_growth(core, Lsn(segment.end_lsn.value - 1), segment.bytes);
}

}  // namespace

Task<Result<std::unique_ptr<Journal>>> Journal::take_over(cluster::ClusterView& view,
                                                          PartitionId partition, std::string owner,
                                                          JournalOptions options) {
  if (owner.size() > kMaxOwnerBytes)
    co_return fail(Errc::kInvalidArgument, "the owner's name is too long");
  auto core = std::make_shared<Core>(view, partition, options);
  core->writer_idle.set();
  core->background_idle.set();
  ATOLL_CO_TRY_STATUS(co_await win_epoch(core, std::move(owner)));
  if (core->open_segment() != nullptr) {
    Status closed = co_await close_tail(core);
    if (!closed) co_return fail(std::move(closed).error().with_context("taking the journal over"));
  }
  adopt_end(*core);
  static Counter& takeovers =
      metric_counter("atoll_journal_takeovers_total", "Journals taken over.");
  takeovers.add();
  ATOLL_LOG(kInfo, "journal", "taken over",
            {{"partition", partition},
             {"epoch", core->state.epoch},
             {"committed", core->committed},
             {"segments", core->state.segments.size()}});
  if (!segments_fully_replicated(*core)) schedule_repair(core);
  co_return make_journal(std::move(core));
}

}  // namespace atl::journal
