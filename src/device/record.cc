#include "device/record.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/planted_bug.h"

namespace atl::device {
namespace {

uint32_t header_crc(const uint8_t* block, uint32_t header_bytes) {
  RecordDisk disk;
  std::memcpy(&disk, block, sizeof disk);
  disk.header_crc = 0;
  const uint32_t crc = crc32c({reinterpret_cast<const uint8_t*>(&disk), sizeof disk});
  return crc32c({block + sizeof disk, header_bytes - sizeof disk}, crc);
}

bool aligned(const Buf& b) {
  return reinterpret_cast<uintptr_t>(b.data()) % kBufAlignment == 0;
}

// Appends `payload` to `out`, padded with zeros to whole blocks: as it is where the memory suits
// the disk, with only the last partial block copied; otherwise all of it copied.
void append_padded(std::vector<Buf>& out, const std::vector<Buf>& payload, size_t length) {
  bool direct = true;
  for (size_t i = 0; i < payload.size(); ++i) {
    const bool last = i + 1 == payload.size();
    if (!aligned(payload[i]) || (!last && payload[i].size() % kBlockBytes != 0)) direct = false;
  }
  if (!direct) {
    Buf copy = Buf::allocate(round_up(length, kBlockBytes));
    size_t at = 0;
    for (const Buf& b : payload) {
      std::memcpy(copy.mutable_data() + at, b.data(), b.size());
      at += b.size();
    }
    std::memset(copy.mutable_data() + at, 0, copy.size() - at);
    out.push_back(std::move(copy));
    return;
  }
  for (const Buf& b : payload) {
    const size_t whole = round_down(b.size(), kBlockBytes);
    if (whole == b.size()) {
      if (whole != 0) out.push_back(b);
      continue;
    }
    if (whole != 0) out.push_back(b.slice(0, whole));
    Buf tail = Buf::allocate_zeroed(kBlockBytes);
    std::memcpy(tail.mutable_data(), b.data() + whole, b.size() - whole);
    out.push_back(std::move(tail));
  }
}

bool possible(const RecordDisk& d, uint32_t zone_blocks) {
  const uint64_t record_bytes = uint64_t{d.blocks} * kBlockBytes;
  if (d.blocks == 0 || d.block == 0 || uint64_t{d.block} + d.blocks > zone_blocks - 1) return false;
  if (uint64_t{d.payload_offset} + d.payload_bytes > record_bytes) return false;
  switch (static_cast<RecordType>(d.type)) {
    case RecordType::kShard:
      return d.payload_bytes > 0 && d.payload_bytes <= kMaxShardBytes && d.owner <= 255 &&
             d.count == div_ceil(d.payload_bytes, kChecksumBlockSize) &&
             d.header_bytes == kRecordHeaderBytes + 4 * d.count &&
             d.payload_offset == kBlockBytes && d.blocks == shard_record_blocks(d.payload_bytes);
    case RecordType::kRun:
      return d.payload_bytes > 0 && d.count > 0 && d.header_bytes == kRecordHeaderBytes &&
             d.payload_offset == run_payload_offset(d.payload_bytes) &&
             d.blocks == run_record_blocks(d.payload_bytes) && d.first_lsn >= d.segment_first_lsn &&
             d.first_lsn + d.count > d.first_lsn;
    case RecordType::kPromise:
      return d.payload_bytes == 0 && d.header_bytes == kRecordHeaderBytes &&
             d.blocks == kPromiseBlocks;
  }
  return false;  // a type this version does not know is treated as damage
}

}  // namespace

uint32_t shard_record_blocks(uint32_t payload_bytes) {
  return 1 + blocks_of(payload_bytes);
}

uint32_t run_payload_offset(uint32_t payload_bytes) {
  return payload_bytes <= kInlineRunBytes ? kRecordHeaderBytes : kBlockBytes;
}

uint32_t run_record_blocks(uint32_t payload_bytes) {
  return blocks_of(uint64_t{run_payload_offset(payload_bytes)} + payload_bytes);
}

void set_extent(RecordHeader& h) {
  switch (h.type) {
    case RecordType::kShard:
      h.payload_offset = kBlockBytes;
      h.blocks = shard_record_blocks(h.payload_bytes);
      return;
    case RecordType::kRun:
      h.payload_offset = run_payload_offset(h.payload_bytes);
      h.blocks = run_record_blocks(h.payload_bytes);
      return;
    case RecordType::kPromise:
      h.payload_offset = kRecordHeaderBytes;
      h.blocks = kPromiseBlocks;
      return;
  }
}

void encode_record_header(const RecordHeader& h, const std::vector<uint32_t>& block_crcs,
                          MutableByteSpan out) {
  ATOLL_CHECK(out.size() >= kBlockBytes);
  ATOLL_CHECK((h.type == RecordType::kShard) == !block_crcs.empty());
  RecordDisk d{};
  d.magic = kRecordMagic;
  d.version = kRecordVersion;
  d.type = static_cast<uint8_t>(h.type);
  d.header_bytes = kRecordHeaderBytes + 4 * static_cast<uint32_t>(block_crcs.size());
  d.device_tag = h.place.device_tag;
  d.generation = h.place.generation;
  d.zone = h.place.zone;
  d.block = h.place.block;
  d.sequence = h.sequence;
  d.durable_before = h.durable_before;
  d.blocks = h.blocks;
  d.payload_offset = h.payload_offset;
  d.payload_bytes = h.payload_bytes;
  if (h.type == RecordType::kShard) {
    d.id = h.shard.stripe.value;
    d.owner = h.shard.index;
    d.count = static_cast<uint32_t>(block_crcs.size());
  } else {
    d.flags = h.sealed ? kFlagSealed : 0;
    d.id = h.segment.value;
    d.owner = h.partition.value;
    d.count = h.count;
    d.first_lsn = h.first_lsn.value;
    d.epoch = h.epoch.value;
    d.promised = h.promised.value;
    d.segment_first_lsn = h.segment_first_lsn.value;
    d.segment_first_chain = h.segment_first_chain;
    d.chain_before = h.chain_before;
    d.chain_after = h.chain_after;
  }
  std::memset(out.data(), 0, kBlockBytes);
  std::memcpy(out.data(), &d, sizeof d);
  if (!block_crcs.empty())
    std::memcpy(out.data() + sizeof d, block_crcs.data(), 4 * block_crcs.size());
  const uint32_t crc = header_crc(out.data(), d.header_bytes);
  std::memcpy(out.data() + offsetof(RecordDisk, header_crc), &crc, sizeof crc);
}

std::optional<RecordHeader> decode_record_header(ByteSpan block, const RecordPlace& expected,
                                                 uint32_t zone_blocks) {
  if (block.size() < kBlockBytes) return std::nullopt;
  RecordDisk d;
  std::memcpy(&d, block.data(), sizeof d);
  if (d.magic != kRecordMagic || d.version != kRecordVersion) return std::nullopt;
  if (d.header_bytes < kRecordHeaderBytes || d.header_bytes > kBlockBytes) return std::nullopt;
  if (d.header_crc != header_crc(block.data(), d.header_bytes)) return std::nullopt;
  if (d.device_tag != expected.device_tag || d.zone != expected.zone || d.block != expected.block)
    return std::nullopt;
  if (expected.generation != kAnyGeneration && d.generation != expected.generation &&
      !planted(PlantedBug::kIgnoreZoneGeneration))
    return std::nullopt;
  if (!possible(d, zone_blocks)) return std::nullopt;
  RecordHeader h;
  h.type = static_cast<RecordType>(d.type);
  h.place = {d.device_tag, d.generation, d.zone, d.block};
  h.sequence = d.sequence;
  h.durable_before = d.durable_before;
  h.blocks = d.blocks;
  h.payload_offset = d.payload_offset;
  h.payload_bytes = d.payload_bytes;
  h.count = d.count;
  if (h.type == RecordType::kShard) {
    h.shard = {StripeId(d.id), static_cast<uint8_t>(d.owner)};
    return h;
  }
  h.segment = SegmentId(d.id);
  h.partition = PartitionId(d.owner);
  h.first_lsn = Lsn(d.first_lsn);
  h.epoch = Epoch(d.epoch);
  h.promised = Epoch(d.promised);
  h.sealed = (d.flags & kFlagSealed) != 0;
  h.segment_first_lsn = Lsn(d.segment_first_lsn);
  h.segment_first_chain = d.segment_first_chain;
  h.chain_before = d.chain_before;
  h.chain_after = d.chain_after;
  return h;
}

bool record_header_damaged(ByteSpan block) {
  RecordDisk d;
  if (block.size() < kBlockBytes) return true;
  std::memcpy(&d, block.data(), sizeof d);
  if (d.magic != kRecordMagic) return false;
  if (d.header_bytes < kRecordHeaderBytes || d.header_bytes > kBlockBytes) return true;
  return d.header_crc != header_crc(block.data(), d.header_bytes);
}

std::vector<uint32_t> shard_checksums(ByteSpan block, const RecordHeader& header) {
  ATOLL_CHECK(header.type == RecordType::kShard);
  ATOLL_CHECK(block.size() >= kRecordHeaderBytes + 4 * size_t{header.count});
  std::vector<uint32_t> crcs(header.count);
  std::memcpy(crcs.data(), block.data() + kRecordHeaderBytes, 4 * crcs.size());
  return crcs;
}

bool payload_matches(const RecordHeader& h, ByteSpan record) {
  if (record.size() < size_t{h.blocks} * kBlockBytes) return false;
  const ByteSpan payload = record.subspan(h.payload_offset, h.payload_bytes);
  switch (h.type) {
    case RecordType::kShard:
      return block_checksums(payload) == shard_checksums(record, h);
    case RecordType::kRun:
      return crc32c(payload, h.chain_before) == h.chain_after;
    case RecordType::kPromise:
      return true;
  }
  return false;
}

std::vector<Buf> shard_record_bufs(const RecordHeader& header, const ShardPayload& payload) {
  std::vector<Buf> out;
  Buf head = Buf::allocate(kBlockBytes);
  encode_record_header(header, payload.block_crcs, head.mutable_span());
  out.push_back(std::move(head));
  append_padded(out, payload.bufs, payload.length);
  ATOLL_CHECK(total_size(out) == size_t{header.blocks} * kBlockBytes);
  return out;
}

std::vector<Buf> run_record_bufs(const RecordHeader& header, const Buf& payload) {
  std::vector<Buf> out;
  if (header.payload_offset == kBlockBytes) {
    Buf head = Buf::allocate(kBlockBytes);
    encode_record_header(header, {}, head.mutable_span());
    out.push_back(std::move(head));
    append_padded(out, {payload}, payload.size());
  } else {
    Buf whole = Buf::allocate(size_t{header.blocks} * kBlockBytes);
    encode_record_header(header, {}, whole.mutable_span());
    std::memcpy(whole.mutable_data() + header.payload_offset, payload.data(), payload.size());
    const size_t end = header.payload_offset + payload.size();
    if (end < whole.size()) std::memset(whole.mutable_data() + end, 0, whole.size() - end);
    out.push_back(std::move(whole));
  }
  ATOLL_CHECK(total_size(out) == size_t{header.blocks} * kBlockBytes);
  return out;
}

std::vector<Buf> promise_record_bufs(const RecordHeader& header) {
  Buf block = Buf::allocate(kBlockBytes);
  encode_record_header(header, {}, block.mutable_span());
  std::vector<Buf> out;
  out.push_back(std::move(block));
  return out;
}

}  // namespace atl::device
