// Where things are on a device, computed once by format and kept in the superblock.
//
//   0        superblock A
//   4 KiB    index checkpoint A, index checkpoint B     (each checkpoint_bytes)
//   ...      zone 0, zone 1, ...                        (each zone_bytes)
//   end-4K   superblock B
//
// A zone is one header block, data blocks, and a copy of the header in its last block.
// All offsets and sizes are multiples of 4 KiB.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/units.h"
#include "env/env.h"

namespace atl::device {

inline constexpr uint32_t kBlockBytes = env::kBlockSize;

// Zones of small devices shrink so that there are some 16 of them at least; below 1 MiB a zone
// would not even hold one full-size shard of the stripe layer.
inline constexpr uint64_t kMinZoneBytes = 1_MiB;
inline constexpr uint64_t kAutoZoneBytesMin = 4_MiB;
// Block numbers within a zone are 16 bits in the index.
inline constexpr uint64_t kMaxZoneBytes = 256_MiB;
// Reclaim, journal, system and user data each need at least one zone, and so do the open ones.
inline constexpr uint32_t kMinZones = 8;

// What one entry of the index can take at most in a checkpoint; see index_checkpoint.cc.
inline constexpr uint64_t kCheckpointBytesPerBlock = 20;
inline constexpr uint64_t kCheckpointBytesPerSegment = 80;
inline constexpr uint64_t kCheckpointBytesPerZone = 24;
// 20 for each of kFencesMax fences (index.h).
inline constexpr uint64_t kCheckpointBytesOfFences = 20 * 1024;

struct Layout {
  uint64_t size_bytes = 0;
  uint64_t zone_bytes = 0;
  uint32_t zone_count = 0;
  uint64_t zones_offset = 0;
  uint64_t checkpoint_offset[2] = {0, 0};
  uint64_t checkpoint_bytes = 0;

  // kInvalidArgument when the size or the zone size cannot work. zone_bytes 0: chosen from the
  // size.
  static Result<Layout> plan(uint64_t size_bytes, uint64_t zone_bytes);
  // True when all regions lie in order within size_bytes: for what was read from a disk.
  bool valid() const;

  uint32_t zone_blocks() const { return static_cast<uint32_t>(zone_bytes / kBlockBytes); }
  // Blocks of a zone that can hold records: all but the header and its copy.
  uint32_t data_blocks() const { return zone_blocks() - 2; }
  uint32_t first_block() const { return 1; }
  uint32_t end_block() const { return zone_blocks() - 1; }
  uint64_t superblock_offset(int copy) const { return copy == 0 ? 0 : size_bytes - kBlockBytes; }
  uint64_t offset(uint32_t zone, uint32_t block) const {
    return zones_offset + uint64_t{zone} * zone_bytes + uint64_t{block} * kBlockBytes;
  }
  uint64_t capacity_bytes() const { return uint64_t{zone_count} * data_blocks() * kBlockBytes; }
  // Segments a device may hold at once: bounds the checkpoint area.
  uint64_t segments_max() const {
    const uint64_t blocks = size_bytes / kBlockBytes;
    return blocks / 64 < 1024 ? 1024 : blocks / 64;
  }
};

constexpr uint32_t blocks_of(uint64_t bytes) {
  return static_cast<uint32_t>((bytes + kBlockBytes - 1) / kBlockBytes);
}

}  // namespace atl::device
