// Records: what zones hold. One 160-byte header for all types, then the payload.
//
//   shard     header block (header, CRC-32C of each 16 KiB block, zeros), payload from the next
//   block on run       small: header and payload together, so that a small run costs one block;
//             over kInlineRunBytes: header block, payload from the next block on (no copy)
//   promise   one block: the epoch a segment has promised, and whether it is sealed
//
// A record starts at a block, is padded to whole blocks, and says where it is, in which life of the
// zone (generation) and of which device (tag): bytes left from an earlier life, or a record's image
// inside somebody's data, are never taken for a record. `sequence` orders all records of a device;
// `durable_before` says that every record up to that sequence was flushed before this one was
// written, so recovery can tell a torn tail (not acknowledged) from damage (it was).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/ids.h"
#include "device/device.h"
#include "device/layout.h"

namespace atl::device {

enum class RecordType : uint8_t { kShard = 1, kRun = 2, kPromise = 3 };

struct RecordDisk {
  uint32_t magic;  // "ARec"
  uint16_t version;
  uint8_t type;
  uint8_t flags;          // kFlagSealed, in promises
  uint32_t header_crc;    // CRC-32C of header_bytes bytes, this field taken as zero
  uint32_t header_bytes;  // 160, and 4 for each block checksum of a shard
  uint64_t device_tag;
  uint64_t generation;  // of the zone
  uint32_t zone;
  uint32_t block;  // within the zone
  uint64_t sequence;
  uint64_t durable_before;
  uint32_t blocks;          // of the whole record
  uint32_t payload_offset;  // from the start of the record
  uint32_t payload_bytes;
  uint32_t reserved0;
  uint64_t id;         // stripe or segment
  uint32_t owner;      // shard: index; run, promise: partition
  uint32_t count;      // shard: block checksums; run: entries
  uint64_t first_lsn;  // run
  uint64_t epoch;      // run: of the owner that wrote it first
  uint64_t promised;   // run, promise: appends below this are refused from now on
  uint64_t segment_first_lsn;
  uint32_t segment_first_chain;
  uint32_t chain_before;  // run
  uint32_t chain_after;   // run: also the payload's checksum, crc32c(payload, chain_before)
  uint8_t reserved[28];
};
static_assert(sizeof(RecordDisk) == 160);
static_assert(offsetof(RecordDisk, generation) == 24);
static_assert(offsetof(RecordDisk, sequence) == 40);
static_assert(offsetof(RecordDisk, id) == 72);
static_assert(offsetof(RecordDisk, chain_after) == 128);

inline constexpr uint32_t kRecordMagic = 0x63655241;  // "ARec"
inline constexpr uint16_t kRecordVersion = 1;
inline constexpr uint8_t kFlagSealed = 1;
inline constexpr uint32_t kRecordHeaderBytes = sizeof(RecordDisk);
inline constexpr uint32_t kMaxShardBlocks = kMaxShardBytes / kChecksumBlockSize;
static_assert(kRecordHeaderBytes + kMaxShardBlocks * 4 <= kBlockBytes);
// Above this a run's payload is not copied to lie behind its header: one block more, one copy less.
inline constexpr uint32_t kInlineRunBytes = 64u << 10;

// Where a record is, and in which life of the zone.
struct RecordPlace {
  uint64_t device_tag = 0;
  uint64_t generation = 0;
  uint32_t zone = 0;
  uint32_t block = 0;
};

// A record's header as it is used in memory: the disk's fields without magic, version and checksum.
struct RecordHeader {
  RecordType type = RecordType::kShard;
  RecordPlace place;
  uint64_t sequence = 0;
  uint64_t durable_before = 0;
  uint32_t blocks = 0;
  uint32_t payload_offset = 0;
  uint32_t payload_bytes = 0;
  // shard
  ShardKey shard;
  // run and promise
  SegmentId segment;
  PartitionId partition;
  uint32_t count = 0;
  Lsn first_lsn;
  Epoch epoch;
  Epoch promised;
  bool sealed = false;
  Lsn segment_first_lsn;
  uint32_t segment_first_chain = 0;
  uint32_t chain_before = 0;
  uint32_t chain_after = 0;
};

uint32_t shard_record_blocks(uint32_t payload_bytes);
uint32_t run_payload_offset(uint32_t payload_bytes);
uint32_t run_record_blocks(uint32_t payload_bytes);
inline constexpr uint32_t kPromiseBlocks = 1;

// Fills blocks, payload_offset from type and payload_bytes.
void set_extent(RecordHeader& header);
// Writes the header (and a shard's block checksums) at the start of `out`, which is zeroed first as
// far as the header block goes. out.size() >= one block.
void encode_record_header(const RecordHeader& header, const std::vector<uint32_t>& block_crcs,
                          MutableByteSpan out);

inline constexpr uint64_t kAnyGeneration = ~uint64_t{0};
// The header at the start of `block`, if it is whole, possible, of this device and at this place.
// `expected.generation` may be kAnyGeneration. Nothing about the payload.
std::optional<RecordHeader> decode_record_header(ByteSpan block, const RecordPlace& expected,
                                                 uint32_t zone_blocks);
// It looks like a record's header, and its checksum does not match.
bool record_header_damaged(ByteSpan block);
// A shard's block checksums, from a block that decode_record_header accepted.
std::vector<uint32_t> shard_checksums(ByteSpan block, const RecordHeader& header);
// Does the payload of the whole record `record` (blocks * 4 KiB) match its checksums?
bool payload_matches(const RecordHeader& header, ByteSpan record);

// The record as bufs to write, padded to whole blocks. Aligned payload memory is passed on, not
// copied.
std::vector<Buf> shard_record_bufs(const RecordHeader& header, const ShardPayload& payload);
std::vector<Buf> run_record_bufs(const RecordHeader& header, const Buf& payload);
std::vector<Buf> promise_record_bufs(const RecordHeader& header);

}  // namespace atl::device
