// The journal's key in the coordinator: reading it, and changing it so that the outcome is known.
#pragma once

#include <string>

#include "coord/coordinator.h"
#include "env/env.h"
#include "journal/journal.h"

namespace atl::journal {

// Attempts to learn what became of a compare-and-swap whose answer was lost, with a pause that
// doubles from 50 ms: 6 s in all, longer than a coordinator takes to find a majority again.
inline constexpr int kStoreAttemptsMax = 8;
inline constexpr Nanos kStorePauseFirst = 50ms;

std::string state_key(PartitionId partition);  // "journal/1"

// The first segment id of a partition. Ids are unique over the whole cluster, because a device
// keeps the segments of all partitions in one table.
SegmentId first_segment_id(PartitionId partition);

struct Loaded {
  JournalState state;
  uint64_t version = 0;  // 0: there was none; `state` is a fresh one
};
Task<Result<Loaded>> load_state(coord::Coordinator& coordinator, PartitionId partition);

// True for errors after which the change may have been made or not.
bool outcome_unknown(Errc code);

// Puts `next` in place of what has `version`; returns the new version. `next.epoch` must have been
// won by the caller, so that a value equal to `next` can only be the caller's own. kFenced:
// somebody else changed the key. kUnavailable: the outcome could not be learned.
Task<Result<uint64_t>> store_state(env::Env& env, coord::Coordinator& coordinator,
                                   PartitionId partition, uint64_t version, JournalState next);

}  // namespace atl::journal
