// The formats: frames, runs, and the coordinator's value.
#include <gtest/gtest.h>

#include "base/crc.h"
#include "journal/entry.h"
#include "journal/journal.h"
#include "journal/state_store.h"

namespace atl::journal {
namespace {

device::Run make_run(uint64_t first_lsn, uint64_t epoch, uint32_t chain,
                     const std::vector<std::string>& payloads) {
  size_t size = 0;
  for (size_t i = 0; i < payloads.size(); ++i)
    size += frame_size(Lsn(first_lsn + i), Epoch(epoch), payloads[i].size());
  device::Run run;
  run.first_lsn = Lsn(first_lsn);
  run.count = static_cast<uint32_t>(payloads.size());
  run.epoch = Epoch(epoch);
  run.chain_before = chain;
  run.payload = Buf::allocate(size);
  uint8_t* out = run.payload.mutable_data();
  for (size_t i = 0; i < payloads.size(); ++i)
    out = write_frame(out, Lsn(first_lsn + i), Epoch(epoch), payloads[i]);
  EXPECT_EQ(out, run.payload.data() + size);
  run.chain_after = crc32c(run.payload.span(), chain);
  return run;
}

// The worked example of docs/formats/journal.md, byte for byte.
TEST(Frame, GoldenBytes) {
  const device::Run run = make_run(300, 2, 0, {"put a", ""});
  EXPECT_EQ(to_hex(run.payload.span()),
            "0901ac02027075742061"
            "0401ad0202");
  EXPECT_EQ(crc32c(run.payload.span().first(10)), 0x7fe2b49fu);
  EXPECT_EQ(run.chain_after, 0xf6baca0bu);
}

TEST(Frame, RoundTripsWithChainsOfEachEntry) {
  const std::vector<std::string> payloads{"", "a", std::string(200, 'b'), std::string(70'000, 'c')};
  const device::Run run = make_run(1'000'000, 77, 0xdeadbeef, payloads);
  auto entries = decode_run(run);
  ASSERT_TRUE(entries.has_value()) << entries.error().to_string();
  ASSERT_EQ(entries->size(), payloads.size());
  for (size_t i = 0; i < payloads.size(); ++i) {
    EXPECT_EQ((*entries)[i].lsn, Lsn(1'000'000 + i));
    EXPECT_EQ((*entries)[i].epoch, Epoch(77));
    EXPECT_EQ((*entries)[i].payload, payloads[i]);
  }
  EXPECT_EQ(entries->back().chain, run.chain_after);
  EXPECT_NE(entries->front().chain, entries->back().chain);
}

// An entry's chain is the same whatever runs it was gathered into.
TEST(Frame, ChainDoesNotDependOnTheCutIntoRuns) {
  const device::Run whole = make_run(5, 1, 9, {"one", "two", "three"});
  const device::Run first = make_run(5, 1, 9, {"one"});
  const device::Run rest = make_run(6, 1, first.chain_after, {"two", "three"});
  EXPECT_EQ(rest.chain_after, whole.chain_after);
  EXPECT_EQ((*decode_run(whole))[1].chain, (*decode_run(rest))[0].chain);
}

TEST(Frame, EveryFlippedBitIsNoticed) {
  device::Run run = make_run(7, 3, 1, {"abc", "defg"});
  for (size_t bit = 0; bit < run.payload.size() * 8; ++bit) {
    device::Run bad = run;
    bad.payload = Buf::copy_of(run.payload.span());
    bad.payload.mutable_data()[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_FALSE(decode_run(bad).has_value()) << bit;
  }
}

TEST(Frame, WrongHeadersAreNoticed) {
  const device::Run good = make_run(7, 3, 1, {"abc", "defg"});
  ASSERT_TRUE(decode_run(good).has_value());
  auto refuses = [&](auto&& change) {
    device::Run bad = good;
    change(bad);
    auto decoded = decode_run(bad);
    return !decoded.has_value() && decoded.error().code == Errc::kCorrupt;
  };
  EXPECT_TRUE(refuses([](device::Run& r) { r.first_lsn = Lsn(8); }));
  EXPECT_TRUE(refuses([](device::Run& r) { r.first_lsn = Lsn(0); }));
  EXPECT_TRUE(refuses([](device::Run& r) { r.count = 1; }));
  EXPECT_TRUE(refuses([](device::Run& r) { r.count = 3; }));
  EXPECT_TRUE(refuses([](device::Run& r) { r.count = 0; }));
  EXPECT_TRUE(refuses([](device::Run& r) { r.epoch = Epoch(4); }));
  EXPECT_TRUE(refuses([](device::Run& r) { r.chain_before = 2; }));
  EXPECT_TRUE(refuses([](device::Run& r) { r.chain_after ^= 1; }));
}

TEST(Frame, AnUnknownKindStopsTheReader) {
  device::Run run = make_run(7, 3, 1, {"abc"});
  run.payload = Buf::copy_of(run.payload.span());
  run.payload.mutable_data()[1] = 9;
  run.chain_after = crc32c(run.payload.span(), run.chain_before);
  auto decoded = decode_run(run);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_NE(decoded.error().message.find("unknown kind"), std::string::npos);
}

JournalState example_state() {
  JournalState s;
  s.epoch = Epoch(4);
  s.owner = "node-1";
  s.next_segment = SegmentId(12);
  s.checkpoint = {Lsn(50), 0x1234, "manifest"};
  SegmentEntry a{SegmentId(9), Lsn(41), 7, true, Lsn(60), 8, 1000, {DeviceId(1), DeviceId(2)}};
  SegmentEntry b{SegmentId(11), Lsn(60), 8, false,
                 Lsn(0),        0,       0, {DeviceId(3), DeviceId(4), DeviceId(300)}};
  s.segments = {a, b};
  return s;
}

TEST(State, RoundTrips) {
  const JournalState s = example_state();
  auto back = JournalState::decode(s.encode());
  ASSERT_TRUE(back.has_value()) << back.error().to_string();
  EXPECT_EQ(*back, s);
  auto empty = JournalState::decode(JournalState().encode());
  ASSERT_TRUE(empty.has_value());
  EXPECT_EQ(*empty, JournalState());
}

TEST(State, EveryCutAndFlipIsNoticed) {
  const std::string bytes = example_state().encode();
  for (size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(JournalState::decode(std::string_view(bytes).substr(0, n)).has_value()) << n;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string bad = bytes;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(JournalState::decode(bad).has_value()) << bit;
  }
}

TEST(State, WhatCannotBeIsRefused) {
  auto refused = [](auto&& change) {
    JournalState s = example_state();
    change(s);
    auto decoded = JournalState::decode(s.encode());
    return !decoded.has_value() && decoded.error().code == Errc::kCorrupt;
  };
  EXPECT_TRUE(refused([](JournalState& s) { s.segments[1].first_lsn = Lsn(61); })) << "a gap";
  EXPECT_TRUE(refused([](JournalState& s) { s.segments[1].first_chain = 9; }));
  EXPECT_TRUE(refused([](JournalState& s) { s.segments[0].closed = false; }));
  EXPECT_TRUE(refused([](JournalState& s) { s.segments[1].end_lsn = Lsn(70); }));
  EXPECT_TRUE(refused([](JournalState& s) { s.segments[0].end_lsn = Lsn(41); })) << "empty";
  EXPECT_TRUE(refused([](JournalState& s) { s.segments[1].id = SegmentId(9); })) << "twice";
  EXPECT_TRUE(refused([](JournalState& s) { s.segments[1].id = SegmentId(12); }))
      << "from the future";
  EXPECT_TRUE(refused([](JournalState& s) { s.segments[0].replicas = {}; }));
  EXPECT_TRUE(refused([](JournalState& s) { s.segments[0].replicas.assign(2, DeviceId(1)); }));
  EXPECT_TRUE(refused([](JournalState& s) { s.segments[0].replicas.assign(4, DeviceId(1)); }));
  EXPECT_TRUE(refused([](JournalState& s) { s.checkpoint.lsn = Lsn(39); })) << "trimmed too early";
  EXPECT_TRUE(refused([](JournalState& s) { s.owner.assign(kMaxOwnerBytes + 1, 'x'); }));
}

TEST(State, TheLargestFitsTheCoordinator) {
  JournalState s;
  s.epoch = Epoch(UINT64_MAX);
  s.owner.assign(kMaxOwnerBytes, 'o');
  s.checkpoint.manifest.assign(kMaxManifestBytes, 'm');
  s.checkpoint.lsn = Lsn(UINT64_MAX - 1);
  SegmentEntry big{SegmentId(UINT64_MAX),
                   Lsn(UINT64_MAX),
                   0,
                   true,
                   Lsn(UINT64_MAX),
                   0,
                   UINT64_MAX,
                   {DeviceId(UINT32_MAX), DeviceId(UINT32_MAX), DeviceId(UINT32_MAX)}};
  s.segments.assign(kMaxSegments, big);
  EXPECT_LE(s.encode().size(), coord::kMaxValueBytes);
}

TEST(State, SegmentIdsOfPartitionsDoNotMeet) {
  EXPECT_GT(first_segment_id(PartitionId(2)).value - first_segment_id(PartitionId(1)).value,
            1ull << 39);
  EXPECT_EQ(state_key(PartitionId(7)), "journal/7");
}

}  // namespace
}  // namespace atl::journal
