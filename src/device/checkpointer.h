// When and how index checkpoints are written, and what becomes free by them.
//
// A checkpoint is a picture of one moment: no record that reclaim is moving is in flight then (the
// move gate), so a deleted shard has no copy that a later scan could find. Zones that were dead at
// that moment are opened again only after the checkpoint is durable.
#pragma once

#include "device/appender.h"
#include "device/index_checkpoint.h"

namespace atl::device {

// A checkpoint each time this much was appended: what a restart has to scan at most, about a
// second.
inline constexpr uint64_t kCheckpointEveryBytes = 1u << 30;

class Checkpointer {
 public:
  Checkpointer(Medium& medium, Appender& appender, ZoneTable& zones, const ShardIndex& shards,
               const SegmentIndex& segments)
      : medium_(medium), appender_(appender), zones_(zones), shards_(shards), segments_(segments) {}

  // What recovery found in the slots; sequence 0 where nothing good is.
  void set_slots(uint64_t sequence_a, uint64_t sequence_b);
  void mark_damaged(int slot) { slot_sequence_[slot] = 0; }
  uint64_t slot_sequence(int slot) const { return slot_sequence_[slot]; }

  // Writes one, durably. Calls that overlap one that has begun wait for their own.
  Task<Status> write(bool clean);
  // For scrub: keeps checkpoints from being written meanwhile; then write_locked.
  Task<env::Permit> lock() { return mutex_.lock(); }
  Task<Status> write_locked(bool clean);
  bool due() const;
  // Held by reclaim while records are between two zones.
  env::Mutex& move_gate() { return move_gate_; }

 private:
  Medium& medium_;
  Appender& appender_;
  ZoneTable& zones_;
  const ShardIndex& shards_;
  const SegmentIndex& segments_;
  env::Mutex mutex_;
  env::Mutex move_gate_;
  uint64_t slot_sequence_[2] = {0, 0};
  uint64_t last_sequence_ = 0;
  uint64_t written_bytes_at_last_ = 0;
};

}  // namespace atl::device
