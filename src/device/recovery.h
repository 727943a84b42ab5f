// What open does before the first call: find every durable record again.
//
//  1. Load the newest good index checkpoint; the older one when it is damaged; none: scan
//  everything.
//  2. After a clean close nothing was written since: done.
//  3. Read all zone headers. A zone in a later life than the checkpoint knows: its old entries are
//     dropped, and it is scanned whole. A zone that was open: scanned from where the checkpoint
//     ends.
//  4. Of the records found, those that may not have been flushed (sequence above the highest
//     durable_before seen) are kept only if their payload is whole: the torn tail.
//     When an older checkpoint or none is used, all payloads are checked: a damaged copy never
//     replaces a good one.
//  5. Put them into the index in order of sequence; the later copy of a record wins.
//  6. Segments: runs that follow one another from the first are the state. What lies behind a gap
//  is
//     kept for reading if it was durable (then the gap is damage), dropped if not.
//  7. Open zones in which nothing was dropped are filled on; others are closed.
// The caller then writes a checkpoint (and flush), so that what was found is durable before it is
// served.
#pragma once

#include "device/index_checkpoint.h"
#include "device/reclaim.h"
#include "device/zone_walker.h"

namespace atl::device {

struct RecoveryReport {
  bool clean = false;           // nothing had to be scanned
  bool full_scan = false;       // no good checkpoint
  int damaged_checkpoints = 0;  // slots that held a checkpoint once and do not now
  uint32_t zones_scanned = 0;
  uint64_t records_found = 0;
  uint64_t records_dropped = 0;  // torn
  uint64_t records_damaged = 0;  // were durable, and do not match their checksums
  uint64_t segments_damaged = 0;
  uint64_t slot_sequence[2] = {0, 0};
  uint64_t last_sequence = 0;
};

class Recovery {
 public:
  Recovery(Medium& medium, ZoneTable& zones, ShardIndex& shards, SegmentIndex& segments,
           Space& space)
      : medium_(medium), zones_(zones), shards_(shards), segments_(segments), space_(space) {}

  // Only the device's own errors (kIo): damage is worked around and reported.
  Task<Result<RecoveryReport>> run();

 private:
  struct Scan {  // one zone
    uint32_t zone = 0;
    uint64_t generation = 0;  // kAnyGeneration: no good header
    Stream stream = Stream::kShards;
    uint32_t from = 0;
    std::vector<RecordHeader> found;
    std::vector<RecordHeader> damaged;  // durable, but the payload does not match
    bool dropped = false;               // something is in it that must not be found again
  };

  Task<Status> load_checkpoint();
  Task<Status> find_scans();
  Task<Result<std::optional<ZoneHeader>>> read_zone_header(uint32_t zone, bool* damaged);
  Task<Status> for_each_scan(Task<Status> (Recovery::*step)(Scan&));  // side by side
  Task<Status> scan_zone(Scan& scan);
  Task<Status> drop_torn(Scan& scan);
  void drop_entries_of_past_lives();
  bool indexed(const RecordHeader& header) const;
  void apply(const RecordHeader& header);
  void apply_run(const RecordHeader& header, Segment& segment);
  void settle_segments();
  void settle_zones();

  Medium& medium_;
  ZoneTable& zones_;
  ShardIndex& shards_;
  SegmentIndex& segments_;
  Space& space_;
  RecoveryReport report_;
  std::optional<CheckpointContent> checkpoint_;
  std::vector<Scan> scans_;
  std::vector<bool> reborn_;                 // zones in a later life than the checkpoint's
  std::map<SegmentId, uint64_t> runs_lost_;  // runs that were in reborn zones
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> sequence_at_;  // of scanned records
  uint64_t durable_before_ = 0;
};

}  // namespace atl::device
