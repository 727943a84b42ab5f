// The superblock: whose device this is, and its layout. Two copies, first and last block.
//
// Each update grows `sequence` and writes first the copy that is older (or damaged), flushes, then
// the other: a torn update leaves one good copy, the newer or the older. Format:
// docs/formats/device.md.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "device/device.h"
#include "device/layout.h"

namespace atl::device {

inline constexpr uint32_t kFormatVersion = 1;

struct Superblock {
  Identity identity;
  Layout layout;
  uint64_t sequence = 0;    // of updates of the superblock
  uint64_t device_tag = 0;  // random, made at format: no record of an earlier life has it
  uint64_t created_unix_nanos = 0;
};

// As it lies on the disk.
struct SuperblockDisk {
  char magic[8];  // "ATOLLDEV"
  uint32_t version;
  uint32_t crc;  // CRC-32C of the whole block, this field taken as zero
  uint8_t cluster[16];
  uint32_t device;
  uint32_t domain;
  uint64_t incarnation;
  uint64_t sequence;
  uint64_t device_tag;
  uint64_t size_bytes;
  uint64_t zone_bytes;
  uint64_t zones_offset;
  uint64_t checkpoint_offset[2];
  uint64_t checkpoint_bytes;
  uint32_t zone_count;
  uint32_t reserved0;
  uint64_t created_unix_nanos;
  uint8_t reserved[kBlockBytes - 128 - 8];
  char magic_end[8];  // the magic again: a block with either is a (damaged) superblock
};
static_assert(sizeof(SuperblockDisk) == kBlockBytes);
static_assert(offsetof(SuperblockDisk, incarnation) == 40);
static_assert(offsetof(SuperblockDisk, reserved) == 128);

Buf encode_superblock(const Superblock& sb);
// kBlank: nothing of a superblock here. kCorrupt: damaged. kUnsupported: a newer format.
Result<Superblock> decode_superblock(ByteSpan block);

// Both copies as they were found; `newest` is the good one with the higher sequence.
struct SuperblockPair {
  std::optional<Superblock> copy[2];
  int newest = 0;
  const Superblock& value() const { return *copy[newest]; }
};

// kBlank, kCorrupt (both damaged, or the file is shorter than the device was), kUnsupported, kIo.
Task<Result<SuperblockPair>> read_superblocks(env::BlockFile& file, env::ReadMode mode);
// Writes both copies, `first` before the other, with a flush after each.
Task<Status> write_superblocks(env::BlockFile& file, Superblock sb, int first);

}  // namespace atl::device
