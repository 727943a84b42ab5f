// The formats in stone: bytes that must never change (docs/formats/device.md shows the same),
// decoders that take any bytes, and the index against a plain reference.
#include <map>

#include "device/index_checkpoint.h"
#include "device/test_disk.h"
#include "device/test_expect.h"

namespace atl::device {
namespace {

std::string hex(ByteSpan bytes) {
  return to_hex(bytes);
}

Superblock example_superblock() {
  Superblock sb;
  sb.identity.cluster = test_cluster(0xAB);
  sb.identity.device = DeviceId(3);
  sb.identity.domain = DomainId(2);
  sb.identity.incarnation = 5;
  sb.layout = *Layout::plan(64_MiB, 0);
  sb.sequence = 6;
  sb.device_tag = 0x1122334455667788;
  sb.created_unix_nanos = 1767225600000000000;
  return sb;
}

RecordHeader example_run() {
  RecordHeader h;
  h.type = RecordType::kRun;
  h.place = {0x1122334455667788, 4, 2, 17};
  h.sequence = 99;
  h.durable_before = 97;
  h.segment = SegmentId(12);
  h.partition = PartitionId(1);
  h.count = 2;
  h.first_lsn = Lsn(41);
  h.epoch = Epoch(7);
  h.promised = Epoch(8);
  h.segment_first_lsn = Lsn(30);
  h.segment_first_chain = 0x01020304;
  h.chain_before = 0x05060708;
  h.payload_bytes = 5;
  h.chain_after = crc32c(as_bytes("hello"), h.chain_before);
  set_extent(h);
  return h;
}

TEST(Format, Superblock) {
  const Buf block = encode_superblock(example_superblock());
  ASSERT_EQ(block.size(), 4096u);
  EXPECT_EQ(hex(block.span().first(128)),
            "41544f4c4c444556010000007145b68eabababababababababababababababab0300000002000000"
            "05000000000000000600000000000000887766554433221100000004000000000000400000000000"
            "00700d0000000000001000000000000000c006000000000000b00600000000000f00000000000000"
            "0000faed51728618");
  EXPECT_EQ(block.view().substr(4088), "ATOLLDEV");
  auto back = decode_superblock(block.span());
  ASSERT_OK(back);
  EXPECT_EQ(back->identity.incarnation, 5u);
  EXPECT_EQ(back->layout.zone_count, 15u);
}

TEST(Format, ZoneHeader) {
  const Buf block = encode_zone_header({0x1122334455667788, 4, 90, 2, Stream::kJournal});
  EXPECT_EQ(hex(block.span().first(64)),
            "415a6f6e010000008a26880502000000887766554433221104000000000000005a00000000000000"
            "000000000000000000000000000000000000000000000000");
  EXPECT_TRUE(decode_zone_header(block.span(), 0x1122334455667788, 2).has_value());
  EXPECT_FALSE(decode_zone_header(block.span(), 0x1122334455667788, 3).has_value());
  EXPECT_FALSE(decode_zone_header(block.span(), 0x1122334455667789, 2).has_value());
}

TEST(Format, RunRecord) {
  const RecordHeader h = example_run();
  const auto bufs = run_record_bufs(h, Buf::copy_of("hello"));
  const Buf record = flatten(bufs);
  ASSERT_EQ(record.size(), 4096u);
  EXPECT_EQ(hex(record.span().first(168)),
            "4152656301000200dbe3b2dfa0000000887766554433221104000000000000000200000011000000"
            "6300000000000000610000000000000001000000a000000005000000000000000c00000000000000"
            "01000000020000002900000000000000070000000000000008000000000000001e00000000000000"
            "0403020108070605ab078fca00000000000000000000000000000000000000000000000000000000"
            "68656c6c6f000000");
  const auto back = decode_record_header(record.span(), h.place, 1024);
  ASSERT_TRUE(back.has_value());
  EXPECT_TRUE(payload_matches(*back, record.span()));
  EXPECT_EQ(back->promised, Epoch(8));
  EXPECT_EQ(back->segment_first_chain, 0x01020304u);
}

TEST(Format, ShardRecord) {
  RecordHeader h;
  h.type = RecordType::kShard;
  h.place = {0x1122334455667788, 4, 2, 18};
  h.sequence = 100;
  h.durable_before = 99;
  h.shard = {StripeId(77), 5};
  h.payload_bytes = 20'000;
  set_extent(h);
  Buf zeros = Buf::allocate_zeroed(20'000);
  const auto bufs = shard_record_bufs(h, shard_payload(zeros));
  const Buf record = flatten(bufs);
  ASSERT_EQ(record.size(), 6 * 4096u);
  EXPECT_EQ(hex(record.span().first(168)),
            "415265630100010029056d05a8000000887766554433221104000000000000000200000012000000"
            "640000000000000063000000000000000600000000100000204e0000000000004d00000000000000"
            "05000000020000000000000000000000000000000000000000000000000000000000000000000000"
            "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
            "850b64943a0c0f71");
  const auto back = decode_record_header(record.span(), h.place, 1024);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->shard, h.shard);
  EXPECT_TRUE(payload_matches(*back, record.span()));
}

TEST(Format, PromiseRecord) {
  RecordHeader h = example_run();
  h.type = RecordType::kPromise;
  h.sealed = true;
  h.payload_bytes = 0;
  h.count = 0;
  h.chain_before = h.chain_after = 0;
  h.first_lsn = Lsn();
  h.epoch = Epoch();
  set_extent(h);
  const auto bufs = promise_record_bufs(h);
  EXPECT_EQ(hex(bufs[0].span().first(160)),
            "41526563010003015bf0522ea0000000887766554433221104000000000000000200000011000000"
            "6300000000000000610000000000000001000000a000000000000000000000000c00000000000000"
            "01000000000000000000000000000000000000000000000008000000000000001e00000000000000"
            "04030201000000000000000000000000000000000000000000000000000000000000000000000000");
  const auto back = decode_record_header(bufs[0].span(), h.place, 1024);
  ASSERT_TRUE(back.has_value());
  EXPECT_TRUE(back->sealed);
}

TEST(Format, IndexCheckpoint) {
  const Layout layout = *Layout::plan(64_MiB, 0);
  ZoneTable zones(layout);
  zones[2].generation = 4;
  zones[2].state = ZoneState::kOpen;
  zones[2].stream = Stream::kJournal;
  zones[2].fill = 24;
  zones[2].durable_fill = 20;
  ShardIndex shards;
  ShardEntry e;
  e.stripe = 77;
  e.index = 5;
  e.length = 20'000;
  e.zone = 2;
  e.block = 18;
  shards.insert(e);
  SegmentIndex segments;
  Segment& s = segments[SegmentId(12)];
  s.id = SegmentId(12);
  s.partition = PartitionId(1);
  s.promised = Epoch(8);
  s.first_lsn = Lsn(41);
  s.first_chain = 0x05060708;
  s.runs.push_back({41, 2, 5, 0x05060708, 0x0A0B0C0D, 2, 17});
  segments.raise_fence(PartitionId(1), Epoch(8));
  const std::string payload = encode_checkpoint(zones, shards, segments);
  EXPECT_EQ(hex(as_bytes(payload)),
            "0f00000000040200001814000000000000000000000000000000000000000000000000014d05a09c"
            "010212010c0108290807060500010002050d0c0b0a0211010108");
  CheckpointInfo info;
  info.sequence = 3;
  info.incarnation = 5;
  info.last_sequence = 100;
  info.durable_before = 99;
  info.clean = true;
  const Buf header = encode_checkpoint_header(info, 0x1122334455667788, payload);
  EXPECT_EQ(hex(header.span().first(96)),
            "41544f4c4c49445801000000551fc21d887766554433221103000000000000000500000000000000"
            "4200000000000000010e679301000000640000000000000063000000000000000000000000000000"
            "00000000000000000000000000000000");
}

TEST(Format, ARecordCountsOnlyAtItsPlaceInItsLife) {
  const RecordHeader h = example_run();
  const auto bufs = run_record_bufs(h, Buf::copy_of("hello"));
  RecordPlace place = h.place;
  EXPECT_TRUE(decode_record_header(bufs[0].span(), place, 1024).has_value());
  place.generation = kAnyGeneration;
  EXPECT_TRUE(decode_record_header(bufs[0].span(), place, 1024).has_value());
  for (int what = 0; what < 4; ++what) {
    place = h.place;
    if (what == 0) ++place.generation;
    if (what == 1) ++place.zone;
    if (what == 2) ++place.block;
    if (what == 3) ++place.device_tag;
    EXPECT_FALSE(decode_record_header(bufs[0].span(), place, 1024).has_value());
  }
  EXPECT_FALSE(decode_record_header(bufs[0].span(), h.place, 18).has_value());  // out of the zone
}

TEST(Format, EveryBitOfAHeaderCounts) {
  const RecordHeader h = example_run();
  const auto bufs = run_record_bufs(h, Buf::copy_of("hello"));
  Buf copy = Buf::copy_of(bufs[0].span());
  for (size_t bit = 0; bit < 8 * kRecordHeaderBytes; ++bit) {
    copy.mutable_data()[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    EXPECT_FALSE(decode_record_header(copy.span(), h.place, 1024).has_value()) << bit;
    copy.mutable_data()[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
  }
}

TEST(Format, CheckpointsSurviveARoundTripAndAnyMutation) {
  const Layout layout = *Layout::plan(64_MiB, 1_MiB);
  ZoneTable zones(layout);
  zones.rebuild_lists();
  ShardIndex shards;
  env::Random random(1);
  for (uint64_t z = 0; z < 5; ++z) zones[static_cast<uint32_t>(z)].state = ZoneState::kClosed;
  for (uint64_t i = 0; i < 3000; ++i) {
    ShardEntry e;
    e.stripe = 1 + random.below(1'000'000'000);
    e.index = static_cast<uint8_t>(random.below(8));
    e.length = static_cast<uint32_t>(random.between(1, 5000));
    e.zone = static_cast<uint32_t>(random.below(5));
    e.block = static_cast<uint16_t>(1 + random.below(200));
    if (!shards.find(e.key())) shards.insert(e);
  }
  for (uint32_t z = 0; z < 5; ++z) {
    zones[z].fill = zones[z].durable_fill = 250;
    zones[z].generation = z + 1;
  }
  SegmentIndex segments;
  for (uint64_t id = 1; id <= 5; ++id) {
    Segment& s = segments[SegmentId(id)];
    s.id = SegmentId(id);
    s.partition = PartitionId(1);
    s.promised = Epoch(id);
    s.first_lsn = Lsn(id * 100);
    if (id % 2) s.promise = Location{3, 240};
    uint64_t lsn = id * 100;
    uint32_t chain = 0;
    for (uint32_t i = 0; i < 20; ++i) {
      if (i == 12) lsn += 5;  // a gap
      s.runs.push_back({lsn, 2, 100, chain, chain + 1, 2, 1 + i});
      lsn += 2;
      ++chain;
    }
    s.extend_prefix();
  }
  const std::string payload = encode_checkpoint(zones, shards, segments);
  CheckpointContent back;
  ASSERT_OK(decode_checkpoint(payload, layout, &back));
  EXPECT_EQ(back.shards.size(), shards.size());
  EXPECT_EQ(back.segments.size(), 5u);
  EXPECT_EQ(back.segments[SegmentId(3)].prefix, 12u);
  EXPECT_EQ(back.segments[SegmentId(3)].runs.size(), 20u);
  EXPECT_EQ(back.zones[4].generation, 5u);
  EXPECT_EQ(encode_checkpoint(zones, back.shards, back.segments), payload);
  for (int i = 0; i < 2000; ++i) {
    std::string bad = payload;
    for (uint64_t n = random.between(1, 4); n > 0; --n)
      bad[random.below(bad.size())] = static_cast<char>(random.next());
    if (random.chance(0.3)) bad.resize(random.below(bad.size()));
    CheckpointContent any;
    (void)decode_checkpoint(bad, layout, &any);  // an error or some index, never a crash
  }
}

TEST(Index, AgreesWithAPlainMap) {
  ShardIndex index;
  std::map<ShardKey, uint32_t> plain;
  env::Random random(9);
  for (int i = 0; i < 60'000; ++i) {
    const ShardKey key{
        StripeId(random.chance(0.5) ? 1 + static_cast<uint64_t>(i) / 4 : 1 + random.below(15'000)),
        static_cast<uint8_t>(random.below(3))};
    if (random.chance(0.45)) {
      EXPECT_EQ(index.erase(key), plain.erase(key) != 0);
    } else if (!plain.contains(key)) {
      ShardEntry e;
      e.stripe = key.stripe.value;
      e.index = key.index;
      e.length = static_cast<uint32_t>(i + 1);
      index.insert(e);
      plain[key] = e.length;
    }
    if (i % 1000 == 0) {
      const ShardKey after{StripeId(random.below(16'000)), 1};
      auto it = plain.upper_bound(after);
      for (const ShardInfo& info : index.list(after, 50)) {
        ASSERT_NE(it, plain.end());
        EXPECT_EQ(info.key, it->first);
        EXPECT_EQ(info.length, it->second);
        ++it;
      }
    }
  }
  ASSERT_EQ(index.size(), plain.size());
  for (const auto& [key, length] : plain) {
    const ShardEntry* e = index.find(key);
    ASSERT_NE(e, nullptr);
    EXPECT_EQ(e->length, length);
  }
}

}  // namespace
}  // namespace atl::device
