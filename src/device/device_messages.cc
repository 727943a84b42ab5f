#include "device/device_messages.h"

namespace atl::device {
namespace {

// A varint that must be at most `most`.
uint64_t bounded(Decoder& d, uint64_t most) {
  const uint64_t v = d.varint();
  if (v > most) d.poison();
  return d.ok() ? v : 0;
}

uint32_t bounded32(Decoder& d, uint64_t most = ~uint32_t{0}) {
  return static_cast<uint32_t>(bounded(d, most));
}

void encode_crcs(Encoder& e, const std::vector<uint32_t>& crcs) {
  e.varint(crcs.size());
  e.raw(crcs.data(), crcs.size() * 4);
}

void decode_crcs(Decoder& d, std::vector<uint32_t>& crcs) {
  const size_t n = d.count(4);
  if (n > kMaxShardBytes / kChecksumBlockSize) d.poison();
  const ByteSpan raw = d.raw(d.ok() ? n * 4 : 0);
  crcs.resize(raw.size() / 4);
  if (!raw.empty()) std::memcpy(crcs.data(), raw.data(), raw.size());
}

}  // namespace

void encode(Encoder& e, const ShardKey& v) {
  e.id(v.stripe).u8(v.index);
}
void decode(Decoder& d, ShardKey& v) {
  v.stripe = d.id<StripeId>();
  v.index = d.u8();
}

void encode(Encoder& e, const WriteShardRequest& v) {
  encode(e, v.key);
  e.u8(static_cast<uint8_t>(v.write_class)).varint(v.length);
  encode_crcs(e, v.block_crcs);
}
void decode(Decoder& d, WriteShardRequest& v) {
  decode(d, v.key);
  const uint8_t write_class = d.u8();
  if (write_class > static_cast<uint8_t>(WriteClass::kJournal)) d.poison();
  v.write_class = static_cast<WriteClass>(write_class);
  v.length = bounded32(d);
  decode_crcs(d, v.block_crcs);
}

void encode(Encoder& e, const ReadShardRequest& v) {
  encode(e, v.key);
  e.varint(v.offset).varint(v.length).u8(v.mode == env::ReadMode::kDirect ? 1 : 0);
}
void decode(Decoder& d, ReadShardRequest& v) {
  decode(d, v.key);
  v.offset = bounded32(d);
  v.length = bounded32(d);
  v.mode = d.boolean() ? env::ReadMode::kDirect : env::ReadMode::kCached;
}

void encode(Encoder& e, const ListShardsRequest& v) {
  encode(e, v.after);
  e.varint(v.limit);
}
void decode(Decoder& d, ListShardsRequest& v) {
  decode(d, v.after);
  v.limit = d.varint();
}

void encode(Encoder& e, const AppendRunRequest& v) {
  e.id(v.segment).id(v.partition).id(v.epoch).id(v.run.first_lsn).varint(v.run.count);
  e.id(v.run.epoch).u32(v.run.chain_before).u32(v.run.chain_after);
}
void decode(Decoder& d, AppendRunRequest& v) {
  v.segment = d.id<SegmentId>();
  v.partition = d.id<PartitionId>();
  v.epoch = d.id<Epoch>();
  v.run.first_lsn = d.id<Lsn>();
  v.run.count = bounded32(d);
  v.run.epoch = d.id<Epoch>();
  v.run.chain_before = d.u32();
  v.run.chain_after = d.u32();
}

void encode(Encoder& e, const SealSegmentRequest& v) {
  e.id(v.segment).id(v.partition).id(v.epoch).id(v.first_lsn).u32(v.first_chain);
}
void decode(Decoder& d, SealSegmentRequest& v) {
  v.segment = d.id<SegmentId>();
  v.partition = d.id<PartitionId>();
  v.epoch = d.id<Epoch>();
  v.first_lsn = d.id<Lsn>();
  v.first_chain = d.u32();
}

void encode(Encoder& e, const ReadRunsRequest& v) {
  e.id(v.segment).id(v.from).varint(v.max_bytes);
}
void decode(Decoder& d, ReadRunsRequest& v) {
  v.segment = d.id<SegmentId>();
  v.from = d.id<Lsn>();
  v.max_bytes = d.varint();
}

void encode(Encoder& e, const ShardPart& v) {
  e.varint(v.shard_length).varint(v.offset);
  encode_crcs(e, v.block_crcs);
}
void decode(Decoder& d, ShardPart& v) {
  v.shard_length = bounded32(d, kMaxShardBytes);
  v.offset = bounded32(d, kMaxShardBytes);
  if (v.offset % kChecksumBlockSize != 0) d.poison();
  decode_crcs(d, v.block_crcs);
}

void encode(Encoder& e, const std::vector<ShardInfo>& v) {
  e.varint(v.size());
  for (const ShardInfo& s : v) {
    encode(e, s.key);
    e.varint(s.length);
  }
}
void decode(Decoder& d, std::vector<ShardInfo>& v) {
  v.resize(d.count(3));
  for (ShardInfo& s : v) {
    decode(d, s.key);
    s.length = bounded32(d, kMaxShardBytes);
  }
}

void encode(Encoder& e, const SegmentState& v) {
  e.id(v.segment).id(v.partition).id(v.promised).boolean(v.sealed);
  e.id(v.first_lsn).id(v.next_lsn).u32(v.chain);
}
void decode(Decoder& d, SegmentState& v) {
  v.segment = d.id<SegmentId>();
  v.partition = d.id<PartitionId>();
  v.promised = d.id<Epoch>();
  v.sealed = d.boolean();
  v.first_lsn = d.id<Lsn>();
  v.next_lsn = d.id<Lsn>();
  v.chain = d.u32();
}

void encode(Encoder& e, const std::vector<SegmentState>& v) {
  e.varint(v.size());
  for (const SegmentState& s : v) encode(e, s);
}
void decode(Decoder& d, std::vector<SegmentState>& v) {
  v.resize(d.count(10));
  for (SegmentState& s : v) decode(d, s);
}

void encode(Encoder& e, const std::vector<Run>& v) {
  e.varint(v.size());
  for (const Run& r : v)
    e.id(r.first_lsn).varint(r.count).id(r.epoch).u32(r.chain_before).u32(r.chain_after);
}
void decode(Decoder& d, std::vector<Run>& v) {
  v.resize(d.count(11));
  for (Run& r : v) {
    r.first_lsn = d.id<Lsn>();
    r.count = bounded32(d);
    r.epoch = d.id<Epoch>();
    r.chain_before = d.u32();
    r.chain_after = d.u32();
  }
}

void encode(Encoder& e, const VerifyResult& v) {
  e.varint(v.records).varint(v.bytes).varint(v.bad_metadata);
  e.varint(v.bad_shards.size());
  for (const ShardKey& key : v.bad_shards) encode(e, key);
  e.varint(v.bad_segments.size());
  for (SegmentId id : v.bad_segments) e.id(id);
}
void decode(Decoder& d, VerifyResult& v) {
  v.records = d.varint();
  v.bytes = d.varint();
  v.bad_metadata = d.varint();
  v.bad_shards.resize(d.count(2));
  for (ShardKey& key : v.bad_shards) decode(d, key);
  v.bad_segments.resize(d.count(1));
  for (SegmentId& id : v.bad_segments) id = d.id<SegmentId>();
}

void encode(Encoder& e, const Use& v) {
  e.varint(v.capacity_bytes).varint(v.live_bytes).varint(v.free_bytes);
  e.varint(v.zones).varint(v.zones_free).varint(v.shards).varint(v.segments);
}
void decode(Decoder& d, Use& v) {
  v.capacity_bytes = d.varint();
  v.live_bytes = d.varint();
  v.free_bytes = d.varint();
  v.zones = bounded32(d);
  v.zones_free = bounded32(d);
  v.shards = d.varint();
  v.segments = d.varint();
}

}  // namespace atl::device
