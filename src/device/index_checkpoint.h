// The index checkpoint: the whole index and the zone table as bytes, in one of two slots.
//
// Slots are written in turn, so that a torn or rotten one leaves the other, older one; recovery
// then scans what was opened since that. A slot is a header block and the payload behind it, each
// with its checksum. Format: docs/formats/device.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device/index.h"
#include "device/medium.h"
#include "device/zone.h"

namespace atl::device {

struct CheckpointHeaderDisk {
  uint64_t magic;  // "ATOLLIDX"
  uint32_t version;
  uint32_t crc;  // CRC-32C of these 96 bytes, this field taken as zero
  uint64_t device_tag;
  uint64_t sequence;     // of checkpoints: the higher one is newer
  uint64_t incarnation;  // of the device when it was written
  uint64_t payload_bytes;
  uint32_t payload_crc;
  uint32_t clean;          // 1: written by close(); nothing was appended after it
  uint64_t last_sequence;  // of records, when it was taken
  uint64_t durable_before;
  uint8_t reserved[24];
};
static_assert(sizeof(CheckpointHeaderDisk) == 96);
static_assert(offsetof(CheckpointHeaderDisk, payload_crc) == 48);

struct CheckpointInfo {
  uint64_t sequence = 0;  // 0: no good checkpoint
  uint64_t incarnation = 0;
  uint64_t last_sequence = 0;
  uint64_t durable_before = 0;
  bool clean = false;
};

struct CheckpointZone {
  uint64_t generation = 0;
  ZoneState state = ZoneState::kFree;  // kFree, kOpen or kClosed
  Stream stream = Stream::kShards;
  bool closed_early = false;
  uint32_t fill = 0;
  uint32_t scan_from = 0;  // open: blocks below it are covered by this checkpoint
};

struct CheckpointContent {
  CheckpointInfo info;
  std::vector<CheckpointZone> zones;
  ShardIndex shards;
  SegmentIndex segments;
};

std::string encode_checkpoint(const ZoneTable& zones, const ShardIndex& shards,
                              const SegmentIndex& segments);
// Everything is checked: order, zones and blocks in range. kCorrupt.
Status decode_checkpoint(std::string_view payload, const Layout& layout, CheckpointContent* out);

Buf encode_checkpoint_header(const CheckpointInfo& info, uint64_t device_tag,
                             std::string_view payload);
// kCorrupt also when it is of another device.
Result<CheckpointInfo> decode_checkpoint_header(ByteSpan block, uint64_t device_tag,
                                                uint64_t* payload_bytes, uint32_t* payload_crc);

// Reads a slot's header and payload and compares their checksums.
struct CheckpointBytes {
  CheckpointInfo info;
  std::string payload;
};
Task<Result<CheckpointBytes>> read_checkpoint(Medium& medium, int slot, env::ReadMode mode);
// Writes a slot; the caller flushes. kNoSpace when the payload does not fit.
Task<Status> write_checkpoint(Medium& medium, int slot, CheckpointInfo info, std::string payload);

}  // namespace atl::device
