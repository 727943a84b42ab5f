// Bringing one device up to a segment's end, from the replicas that have it.
//
// The target is sealed with the owner's epoch first: that makes the segment there if it is absent,
// says how far it is, and lets only this owner (or a later one) write to it. So a copy that a stale
// owner began can never mix with a newer one's; and as all replicas hold prefixes of one sequence,
// copying is always only appending. What an unlisted target has already is read and verified before
// anything is added to it.
#pragma once

#include <vector>

#include "cluster/cluster_view.h"
#include "journal/journal.h"
#include "journal/reader.h"

namespace atl::journal {

// What to copy: `segment` gives id and beginning; `end` is where the copy must end (a run's
// border).
struct CopyOrder {
  PartitionId partition;
  Epoch epoch;
  SegmentEntry segment;
  Cursor end;
  std::vector<DeviceId> sources;
  DeviceId target;
  SegmentId source_id;  // 0: as segment.id
};

// Success: the target durably holds every run up to `end`. Errors of the target: kFenced (a later
// owner sealed it), kConflict (what it has is damaged, or not a prefix of this segment), kNoSpace,
// kIo and the like. Otherwise the sources do not reach `end`: kCorrupt, kUnavailable.
struct CopyOutcome {
  Status status;
  bool of_target = false;
};
Task<CopyOutcome> copy_segment(cluster::ClusterView& view, CopyOrder order);

}  // namespace atl::journal
