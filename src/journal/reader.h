// Reads the runs of one segment from whichever replica has them, verified before anybody sees them.
//
// The reader goes forward from a cursor. Each batch comes from one source; a source that does not
// answer, is damaged or does not continue the chain is left for the next. All replicas of a segment
// hold prefixes of one sequence of runs, so a segment whose replicas are damaged in different
// places is still whole as long as each run is whole somewhere.
//
// Ownership: by the task that reads. Threads: the reactor's.
#pragma once

#include <set>
#include <vector>

#include "cluster/cluster_view.h"
#include "device/device.h"
#include "journal/journal.h"

namespace atl::journal {

// Asked for at a time; a longer run comes alone.
inline constexpr size_t kReadBatchBytes = 4u << 20;

// A place between two entries.
struct Cursor {
  Lsn next;            // the entry after it
  uint32_t chain = 0;  // of the entry before it
};

class SegmentReader {
 public:
  // `sources` in order of preference.
  SegmentReader(cluster::ClusterView& view, SegmentId segment, std::vector<DeviceId> sources,
                Cursor start)
      : view_(view), segment_(segment), sources_(std::move(sources)), cursor_(start) {}

  const Cursor& cursor() const { return cursor_; }

  // The next runs, at least one, and moves the cursor behind them. kNotFound: every source says
  // that it ends here. kCorrupt: some source is damaged here and no other has it. kUnavailable:
  // some source did not answer and no other has it.
  Task<Result<std::vector<device::Run>>> next();

  // The run that holds `lsn`, which may begin before it: its place in the chain is the device's
  // word, until the caller has compared it. The cursor moves behind the run.
  Task<Result<device::Run>> seek(Lsn lsn);

  // Sources that returned what does not verify.
  const std::set<DeviceId>& damaged() const { return damaged_; }

 private:
  Task<Result<std::vector<device::Run>>> read_from(DeviceId source, Lsn lsn, size_t max_bytes);

  cluster::ClusterView& view_;
  SegmentId segment_;
  std::vector<DeviceId> sources_;
  Cursor cursor_;
  size_t preferred_ = 0;  // the source that worked last
  std::set<DeviceId> damaged_;
};

// Whether `device` holds the segment from `start` to `end`: reads every run there and compares it
// with the chain. Returns the payload bytes read. kCorrupt: something there is damaged, or not of
// this history. kNotFound: it ends before `end`. kUnavailable: it did not answer.
Task<Result<uint64_t>> verify_replica(cluster::ClusterView& view, SegmentId segment,
                                      DeviceId device, Cursor start, Cursor end);

// A segment's replicas, those first that the map calls readable. The others may answer all the
// same.
std::vector<DeviceId> read_order(const cluster::ClusterView& view, const SegmentEntry& segment);

}  // namespace atl::journal
