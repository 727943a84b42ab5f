// What the phases of one owned journal share. Inside of the journal only; callers see journal.h.
//
//   appender.cc   queue -> run -> all replicas -> commit
//   segments.cc   opening, closing and changing the segment that is appended to
//   takeover.cc   from the coordinator's state to an owned journal
//   reader.h      verified reading of one segment from any replica
//   copy.h        bringing one more device up to a segment's end
//   replay.cc     entries in order; chain_at
//   repair.cc     full replication of closed segments; scrub.cc: reading every replica
//   trim.cc       checkpoints, trimming, orphans
//
// Ownership: a Core is shared by the Journal object and every task of it, so that a Journal may be
// destroyed at any moment. Threads: the reactor's; what two tasks could mix up is behind a mutex
// here.
//
// Invariants:
//  - `state` is what the coordinator holds as far as this owner knows: it changes only under
//  state_mutex
//    and only after the compare-and-swap succeeded.
//  - At most the last segment is open. Every entry up to `committed` is durable on every replica of
//    its segment; of what lies beyond, nobody was told.
//  - Once `broken` is set, nothing is written any more and it stays set.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cluster/cluster_view.h"
#include "env/sync.h"
#include "journal/journal.h"
#include "journal/state_store.h"

namespace atl::journal {

// An append that waits.
struct Pending {
  std::string payload;
  env::Event done;
  std::optional<Result<Lsn>> result;
};

// How far the journal has grown since the checkpoint, in steps of 1/kGrowthSteps of a segment.
struct GrowthStep {
  Lsn last_lsn;
  uint64_t bytes = 0;
};

struct Core {
  Core(cluster::ClusterView& v, PartitionId p, JournalOptions o)
      : view(v), partition(p), options(o) {}

  cluster::ClusterView& view;
  const PartitionId partition;
  const JournalOptions options;

  JournalState state;
  uint64_t version = 0;
  env::Mutex state_mutex;

  // The end of the journal.
  Lsn committed;
  uint32_t chain = 0;       // of `committed`
  uint64_t open_bytes = 0;  // that the committed runs of the open segment take on a device

  // The open segment may hold, on some replica, a run that is not committed: it must be closed at
  // `committed` before anything else is written or said about that run.
  bool tail_uncertain = false;
  std::shared_ptr<const cluster::ClusterMap> checked_map;  // the open segment suits this map

  // Appending. `append_mutex` is held while a run is under way, and by whoever closes the open
  // segment.
  env::Mutex append_mutex;
  std::deque<std::shared_ptr<Pending>> queue;
  size_t queued_bytes = 0;
  bool writing = false;
  env::Event writer_idle;
  size_t run_bytes_max = kMaxRunBytes;  // less where a device's zones are smaller
  std::optional<Error> broken;          // kFenced or kUnavailable
  bool closing = false;

  std::set<DeviceId> full;  // said kNoSpace lately: not chosen while others have room
  // Replicas of which a read or a write showed that they are not what they should be.
  std::set<std::pair<SegmentId, DeviceId>> suspects;

  env::Mutex repair_mutex;      // one repair, scrub or orphan collection at a time
  bool repair_running = false;  // the scheduled one
  bool repair_again = false;    // asked for once more while it ran
  env::Event background_idle;   // set while no scheduled repair runs

  std::deque<GrowthStep> growth;  // entries after the checkpoint

  SegmentEntry* open_segment() {
    return !state.segments.empty() && !state.segments.back().closed ? &state.segments.back()
                                                                    : nullptr;
  }
  const SegmentEntry* find_segment(SegmentId id) const {
    for (const SegmentEntry& segment : state.segments)
      if (segment.id == id) return &segment;
    return nullptr;
  }
  Lsn next_lsn() const { return Lsn(committed.value + 1); }
};
using CorePtr = std::shared_ptr<Core>;

// --- core.cc ---

// Stops the journal for good and fails everything that waits. The first cause stays.
void break_journal(Core& core, Error why);
// Changes the state by compare-and-swap. `change` edits a copy and returns false to leave it. A
// result that cannot be learned, or another owner, breaks the journal.
Task<Status> update_state(CorePtr core, std::function<Result<bool>(JournalState*)> change);
// Counts bytes up to lsn as grown since the checkpoint.
// What a run takes on a device, its record and padding counted.
uint64_t stored_bytes(const device::Run& run);
void note_growth(Core& core, Lsn last_lsn, uint64_t bytes);
void forget_growth(Core& core, Lsn up_to);
uint64_t grown_bytes(const Core& core);

// --- appender.cc ---

std::shared_ptr<Pending> enqueue(const CorePtr& core, std::string payload);
Task<Result<Lsn>> wait_for_append(CorePtr core, std::shared_ptr<Pending> pending);

// --- segments.cc: all under append_mutex ---

// Makes sure that the open segment can take a run: opens the first, or closes one that is
// uncertain, too long, or not on the best devices, and opens the next. Devices in `avoid` are not
// chosen. kNoSpace, kBusy: nothing is uncertain any more. Other errors: the journal is broken.
Task<Status> ensure_open(CorePtr core, std::set<DeviceId> avoid);
// Closes the open segment, if any, at `committed`.
Task<Status> close_open_segment(CorePtr core);
// Whether the open segment (if any) should be left for better or sounder devices.
bool open_segment_unsuited(Core& core);

// --- replay.cc ---

Task<Status> replay_entries(CorePtr core, Lsn after, std::function<Status(const Entry&)> visit);
Task<Result<uint32_t>> find_chain(CorePtr core, Lsn lsn);

// --- repair.cc, scrub.cc, trim.cc ---

Task<Status> repair_segments(CorePtr core);
void schedule_repair(const CorePtr& core);  // in the background, once
bool segments_fully_replicated(const Core& core);
bool suspect_replica(Core& core, SegmentId segment, DeviceId device);
Task<Result<ScrubReport>> scrub_segments(CorePtr core);
Task<Status> record_checkpoint(CorePtr core, Checkpoint checkpoint);
Task<Status> delete_orphans(CorePtr core);

// --- journal.cc ---

std::unique_ptr<Journal> make_journal(CorePtr core);

}  // namespace atl::journal
