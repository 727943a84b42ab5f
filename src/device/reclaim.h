// Gets space back: moves what is live out of the sparsest zones, so that they can be freed.
//
// Runs in the background when free zones are fewer than Space::low_water(), or when a write waits
// for one. A zone is freed only when the last of its live records is durable elsewhere, and opened
// again only after the next index checkpoint; a crash at any step finds every live record at its
// old place, its new one, or both.
//
// Garbage is what reclaim can win: dead records, and the tail of a zone that was closed early.
// Zones with less garbage than 1/kMinGarbageShare of a zone are not worth their moving.
//
// A live record that is damaged cannot be moved (its checksums may be gone): its zone is pinned
// until it is deleted or rewritten by repair.
#pragma once

#include <functional>
#include <optional>

#include "device/checkpointer.h"
#include "device/space.h"
#include "device/zone_walker.h"

namespace atl::device {

// 1/32 of a zone: 32 zones are rewritten to win one, at the very worst.
inline constexpr uint32_t kMinGarbageShare = 32;
// What is between two zones at a time: bounds memory, and how long a checkpoint waits.
inline constexpr uint32_t kMoveBatchBlocks = 8u << 20 >> 12;

class Reclaim final : public ReclaimPort {
 public:
  Reclaim(Medium& medium, ZoneTable& zones, Space& space, Appender& appender,
          Checkpointer& checkpointer, ShardIndex& shards, SegmentIndex& segments);

  void kick() override;
  bool can_help() const override;
  // Ends after the batch at hand; returns when it has.
  Task<void> stop();

  uint32_t garbage_blocks(const Zone& zone) const;
  bool worth_moving(const Zone& zone) const;

 private:
  Task<void> run(std::shared_ptr<void> keep);
  bool needed() const;
  std::optional<uint32_t> pick_victim() const;
  Task<Status> move_zone(uint32_t zone);
  Task<Status> move_batch(std::vector<WalkedRecord> records);
  bool live(const RecordHeader& header) const;
  void relocate(const RecordHeader& from, Location to);

  Medium& medium_;
  ZoneTable& zones_;
  Space& space_;
  Appender& appender_;
  Checkpointer& checkpointer_;
  ShardIndex& shards_;
  SegmentIndex& segments_;
  bool running_ = false;
  bool stopping_ = false;
  bool stuck_ = false;  // the last move failed, and no zone has died since
  env::WaitQueue ended_;
};

// Is the record at this place the one that the index means?
bool is_live(const RecordHeader& header, const ShardIndex& shards, const SegmentIndex& segments);

}  // namespace atl::device
