// The index: where every live shard and every journal run is. In memory; rebuilt at open.
//
// ShardIndex keeps entries sorted in chunks of up to 512, so that a million shards take about 26
// MB, a look-up is two binary searches, and listing in order is a walk. SegmentIndex is small.
//
// Only durable records are in it; what is on its way is known to DeviceCore.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "device/appender.h"
#include "device/device.h"
#include "device/record.h"

namespace atl::device {

struct Location {
  uint32_t zone = 0;
  uint32_t block = 0;
  bool operator==(const Location&) const = default;
};

struct ShardEntry {
  uint64_t stripe = 0;
  uint32_t zone = 0;
  uint32_t length = 0;
  uint16_t block = 0;
  uint8_t index = 0;
  uint8_t reserved = 0;

  ShardKey key() const { return {StripeId(stripe), index}; }
  Location location() const { return {zone, block}; }
  uint32_t blocks() const { return shard_record_blocks(length); }
};
static_assert(sizeof(ShardEntry) == 24);

class ShardIndex {
 public:
  size_t size() const { return size_; }
  // Valid until the next insert or erase.
  ShardEntry* find(ShardKey key);
  const ShardEntry* find(ShardKey key) const { return const_cast<ShardIndex*>(this)->find(key); }
  void insert(const ShardEntry& entry);  // the key must not be there
  bool erase(ShardKey key);
  // Entries with key > after, in order.
  std::vector<ShardInfo> list(ShardKey after, size_t limit) const;
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& chunk : chunks_)
      for (const ShardEntry& entry : chunk) visit(entry);
  }

 private:
  static constexpr size_t kChunkMax = 512;
  using Chunk = std::vector<ShardEntry>;
  size_t chunk_of(ShardKey key) const;  // the one that holds key or would

  std::vector<Chunk> chunks_;  // none is empty; sorted, and sorted within
  size_t size_ = 0;
};

struct RunEntry {
  uint64_t first_lsn = 0;
  uint32_t count = 0;
  uint32_t payload_bytes = 0;
  uint32_t chain_before = 0;
  uint32_t chain_after = 0;
  uint32_t zone = 0;
  uint32_t block = 0;

  uint64_t end_lsn() const { return first_lsn + count; }
  uint32_t blocks() const { return run_record_blocks(payload_bytes); }
  Location location() const { return {zone, block}; }
};
static_assert(sizeof(RunEntry) == 32);

// A segment's replica on this device.
//
// runs[0 .. prefix) follow one another from first_lsn on: the segment's state. Runs behind a gap,
// which only damage makes, can still be read; an append that overlaps them replaces them.
struct Segment {
  SegmentId id;
  PartitionId partition;
  Epoch promised;
  bool sealed = false;
  bool damaged = false;  // recovery found durable runs missing
  bool deleting = false;
  Lsn first_lsn;
  uint32_t first_chain = 0;
  std::optional<Location> promise;  // the newest promise record
  std::vector<RunEntry> runs;
  size_t prefix = 0;

  // What was accepted beyond `prefix` and is on its way, in order.
  struct InFlight {
    RunEntry entry;
    AppendRef append;
  };
  std::deque<InFlight> in_flight;
  uint32_t promises_in_flight = 0;

  Lsn durable_next() const { return prefix == 0 ? first_lsn : Lsn(runs[prefix - 1].end_lsn()); }
  uint32_t durable_chain() const {
    return prefix == 0 ? first_chain : runs[prefix - 1].chain_after;
  }
  Lsn accepted_next() const {
    return in_flight.empty() ? durable_next() : Lsn(in_flight.back().entry.end_lsn());
  }
  uint32_t accepted_chain() const {
    return in_flight.empty() ? durable_chain() : in_flight.back().entry.chain_after;
  }
  bool on_medium() const { return promise.has_value() || !runs.empty(); }
  bool busy() const { return !in_flight.empty() || promises_in_flight != 0; }
  SegmentState state() const;
  // Position in runs of the run that holds `lsn`, or of the first one behind it.
  size_t run_at(Lsn lsn) const;
  // Grows `prefix` over the runs that follow.
  void extend_prefix();
};

// The highest epoch that each partition has shown this device, in a run or a promise. It outlives
// the segments: an owner that was replaced and has not noticed cannot begin again a segment that
// its successor has deleted here.
using Fences = std::map<PartitionId, Epoch>;
// Partitions that may have journal segments on one device: bounds the checkpoint.
inline constexpr size_t kFencesMax = 1024;

// Ordered, so that nothing depends on hashing. References stay valid until the segment is erased.
struct SegmentIndex : std::map<SegmentId, Segment> {
  Fences fences;

  Epoch fence(PartitionId partition) const {
    const auto it = fences.find(partition);
    return it == fences.end() ? Epoch() : it->second;
  }
  bool has_room_for(PartitionId partition) const {
    return fences.size() < kFencesMax || fences.contains(partition);
  }
  void raise_fence(PartitionId partition, Epoch epoch) {
    Epoch& fence = fences[partition];
    fence = std::max(fence, epoch);
  }
};

}  // namespace atl::device
