// Bits that rot, in every region of a device: nothing wrong is ever returned, nothing else is lost,
// what can be rewritten is, and scrub names the rest.
#include <algorithm>

#include "device/test_disk.h"
#include "device/test_expect.h"

namespace atl::device {
namespace {

constexpr uint64_t kStripes = 60;

size_t length_of(uint64_t stripe) {
  return stripe % 7 == 0 ? 300'000 : 1 + stripe * 900;
}

std::vector<device::Run> make_runs(int count, size_t bytes = 5000) {
  std::vector<device::Run> runs;
  uint32_t chain = 0;
  for (int i = 0; i < count; ++i) {
    runs.push_back(make_run(static_cast<uint64_t>(i) + 1, 1, 1, chain,
                            pattern(static_cast<uint64_t>(i) + 900, bytes)));
    chain = runs.back().chain_after;
  }
  return runs;
}

// A device with shards, deleted shards and a segment.
struct Filled {
  TestDisk disk;
  std::vector<device::Run> runs = make_runs(10);

  explicit Filled(uint64_t seed) : disk(seed, 64_MiB, 1_MiB) {
    disk.make();
    for (uint64_t s = 1; s <= kStripes; ++s) EXPECT_OK(disk.write(s, 1, length_of(s)));
    for (const auto& run : runs) EXPECT_OK(disk.append(9, run));
    for (uint64_t s = 5; s <= kStripes; s += 10) EXPECT_OK(disk.erase(s, 1));
    EXPECT_OK(disk.env->run(disk.device->checkpoint()));
  }
  static bool deleted(uint64_t stripe) { return stripe % 10 == 5; }

  // Shards that are not there with their right bytes.
  std::vector<uint64_t> bad() {
    std::vector<uint64_t> out;
    for (uint64_t s = 1; s <= kStripes; ++s) {
      if (deleted(s)) continue;
      Status status = disk.check(s, 1, length_of(s));
      if (status) continue;
      EXPECT_NE(status.error().code, Errc::kInternal) << "wrong bytes with good checksums";
      out.push_back(s);
    }
    return out;
  }
  void expect_runs() {
    auto found = disk.runs(9);
    ASSERT_OK(found);
    ASSERT_EQ(found->size(), runs.size());
    for (size_t i = 0; i < runs.size(); ++i)
      EXPECT_EQ((*found)[i].payload.view(), runs[i].payload.view());
  }
  void expect_all() {
    EXPECT_TRUE(bad().empty());
    expect_runs();
  }
  Location place_of(uint64_t stripe) { return *disk.core().locate({StripeId(stripe), 1}); }
  uint64_t offset_of(uint64_t stripe) {
    const Location at = place_of(stripe);
    return disk.layout().offset(at.zone, at.block);
  }
};

TEST(Damage, OneSuperblockCopy) {
  for (int copy : {0, 1}) {
    for (uint64_t within : {0u, 9u, 14u, 33u, 70u, 700u, 4095u}) {
      Filled f(1);
      const uint64_t at = f.disk.layout().superblock_offset(copy) + within;
      EXPECT_OK(f.disk.close());
      f.disk.flip(at);
      ASSERT_OK(f.disk.open());
      f.expect_all();
      EXPECT_EQ(f.disk.verify_all().bad_metadata, 0u);  // opening rewrites both
    }
  }
}

TEST(Damage, OneIndexCheckpoint) {
  for (bool clean : {true, false}) {
    for (int slot : {0, 1}) {
      for (uint64_t within : {3u, 20u, 45u, 4096u, 4100u, 4400u}) {
        Filled f(2);
        const uint64_t at = f.disk.layout().checkpoint_offset[slot] + within;
        if (clean) {
          EXPECT_OK(f.disk.close());
        } else {
          f.disk.crash();
        }
        f.disk.flip(at);
        ASSERT_OK(f.disk.open());
        f.expect_all();
        EXPECT_EQ(f.disk.verify_all().bad_metadata, 0u);
        EXPECT_OK(f.disk.reopen());
        EXPECT_TRUE(f.disk.core().recovery().clean);
        f.expect_all();
      }
    }
  }
}

TEST(Damage, BothIndexCheckpoints) {
  Filled f(3);
  const Layout layout = f.disk.layout();
  EXPECT_OK(f.disk.close());
  for (int slot : {0, 1}) f.disk.flip(layout.checkpoint_offset[slot] + 10);
  ASSERT_OK(f.disk.open());
  EXPECT_TRUE(f.disk.core().recovery().full_scan);
  f.expect_all();
  EXPECT_OK(f.disk.reopen());
  EXPECT_TRUE(f.disk.core().recovery().clean);
  f.expect_all();
}

TEST(Damage, ZoneHeadersEvenWhenAllIsScanned) {
  for (int which : {0, 1, 2}) {  // the first copy, the second, both
    Filled f(4);
    const Layout layout = f.disk.layout();
    EXPECT_OK(f.disk.close());
    for (int slot : {0, 1}) f.disk.flip(layout.checkpoint_offset[slot] + 10);
    for (uint32_t z = 0; z < layout.zone_count; ++z) {
      if (which != 1) f.disk.flip(layout.offset(z, 0) + 25);
      if (which != 0) f.disk.flip(layout.offset(z, layout.end_block()) + 25);
    }
    ASSERT_OK(f.disk.open());
    f.expect_all();
    EXPECT_GT(f.disk.verify_all().bad_metadata, 0u);  // and rewritten
    EXPECT_EQ(f.disk.verify_all().bad_metadata, 0u);
  }
}

TEST(Damage, ScrubRewritesMetadata) {
  Filled f(5);
  const Layout layout = f.disk.layout();
  const Location used = f.place_of(1);
  f.disk.flip(50);
  f.disk.flip(layout.size_bytes - 50);
  f.disk.flip(layout.checkpoint_offset[0] + 4100);
  f.disk.flip(layout.checkpoint_offset[1] + 5);
  f.disk.flip(layout.offset(used.zone, 0) + 8);
  f.disk.flip(layout.offset(used.zone, layout.end_block()) + 8);
  EXPECT_EQ(f.disk.verify_all().bad_metadata, 6u);
  EXPECT_EQ(f.disk.verify_all().bad_metadata, 0u);
  f.disk.crash();
  ASSERT_OK(f.disk.open());
  f.expect_all();
}

TEST(Damage, APayloadBitIsSeenByTheReaderAndByScrub) {
  Filled f(6);
  f.disk.flip(f.offset_of(14) + kBlockBytes + 200'000);
  EXPECT_EQ(f.bad(), std::vector<uint64_t>{14});
  EXPECT_OK(f.disk.read(14, 1, 0, 100'000));  // other blocks are good
  const VerifyResult found = f.disk.verify_all();
  ASSERT_EQ(found.bad_shards.size(), 1u);
  EXPECT_EQ(found.bad_shards[0], (ShardKey{StripeId(14), 1}));
  // Writing it again heals it.
  EXPECT_OK(f.disk.write(14, 1, length_of(14)));
  f.expect_all();
  EXPECT_TRUE(f.disk.verify_all().bad_shards.empty());
  f.disk.crash();
  ASSERT_OK(f.disk.open());
  f.expect_all();
}

TEST(Damage, ARecordHeaderBitHidesNothingElse) {
  for (uint64_t within : {0u, 4u, 6u, 9u, 30u, 45u, 57u, 73u, 81u, 165u}) {
    Filled f(7);
    f.disk.flip(f.offset_of(20) + within);
    EXPECT_EQ(f.bad(), std::vector<uint64_t>{20});
    const VerifyResult found = f.disk.verify_all();
    ASSERT_EQ(found.bad_shards.size(), 1u);
    EXPECT_EQ(found.bad_shards[0].stripe, StripeId(20));
    // The same when the index is made from the medium alone.
    const Layout layout = f.disk.layout();
    EXPECT_OK(f.disk.close());
    for (int slot : {0, 1}) f.disk.flip(layout.checkpoint_offset[slot] + 10);
    ASSERT_OK(f.disk.open());
    EXPECT_EQ(f.bad(), std::vector<uint64_t>{20});
    f.expect_runs();
    EXPECT_OK(f.disk.write(20, 1, length_of(20)));
    f.expect_all();
  }
}

TEST(Damage, AJournalRunIsReportedAndTheOthersCanBeRead) {
  for (bool header : {true, false}) {
    for (bool scan : {true, false}) {
      Filled f(8);
      const Location at = *f.disk.core().locate_run(SegmentId(9), Lsn(4));
      const Layout layout = f.disk.layout();
      f.disk.flip(layout.offset(at.zone, at.block) + (header ? 20 : 3000));
      if (scan) {
        EXPECT_OK(f.disk.close());
        for (int slot : {0, 1}) f.disk.flip(layout.checkpoint_offset[slot] + 10);
        ASSERT_OK(f.disk.open());
      }
      auto good = f.disk.runs(9);
      ASSERT_OK(good);
      ASSERT_EQ(good->size(), 3u);
      EXPECT_ERRC(f.disk.runs(9, 4), Errc::kCorrupt);
      auto behind = f.disk.runs(9, 5);
      ASSERT_OK(behind);
      // With no checkpoint nothing proves that the very last run was durable.
      EXPECT_GE(behind->size(), scan ? 5u : 6u);
      const VerifyResult found = f.disk.verify_all();
      ASSERT_FALSE(found.bad_segments.empty());
      EXPECT_EQ(found.bad_segments[0], SegmentId(9));
      EXPECT_TRUE(f.bad().empty());
      if (!(scan && header)) continue;
      // The segment's state ends before the gap; recovery makes it whole from another replica.
      EXPECT_EQ(f.disk.device->list_segments()[0].next_lsn, Lsn(4));
      for (size_t i = 3; i < f.runs.size(); ++i) EXPECT_OK(f.disk.append(9, f.runs[i]));
      f.expect_runs();
      EXPECT_TRUE(f.disk.verify_all().bad_segments.empty());
      f.disk.crash();
      ASSERT_OK(f.disk.open());
      f.expect_runs();
    }
  }
}

TEST(Damage, ADamagedZoneIsNotReclaimedUntilRepaired) {
  Filled f(9);
  // Leave a little alive in the zone of stripe 20, damage that, and make reclaim want the zone.
  f.disk.flip(f.offset_of(20) + 20);
  const uint32_t zone = f.place_of(20).zone;
  for (uint64_t s = 1; s <= kStripes; ++s)
    if (s != 20 && s != 1) EXPECT_OK(f.disk.erase(s, 1));
  for (uint64_t s = 1000; s < 1600; ++s) {
    Status status = f.disk.write(s, 0, 500'000);
    if (!status) {
      EXPECT_EQ(status.error().code, Errc::kNoSpace);
      EXPECT_OK(f.disk.erase(s - 40, 0));
    }
    if (s >= 1060) EXPECT_OK(f.disk.erase(s - 60, 0));
  }
  EXPECT_EQ(f.place_of(20).zone, zone);
  EXPECT_ERRC(f.disk.read(20, 1, 0, 1), Errc::kCorrupt);
  EXPECT_OK(f.disk.write(20, 1, length_of(20)));
  EXPECT_OK(f.disk.check(20, 1, length_of(20)));
  EXPECT_OK(f.disk.check(1, 1, length_of(1)));
}

// One random bit anywhere on the disk, with and without a restart: at most the record that it hits
// is bad, and scrub says so.
TEST(Damage, AnyBitAnywhere) {
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    Filled f(100 + seed);
    env::Random& random = f.disk.random();
    const Layout layout = f.disk.layout();
    const bool restart = random.chance(0.6);
    const bool clean = random.chance(0.5);
    if (restart && clean) EXPECT_OK(f.disk.close());
    if (restart && !clean) f.disk.crash();
    // Mostly where something is.
    const uint64_t limit =
        random.chance(0.9) ? layout.zones_offset + 8 * layout.zone_bytes : layout.size_bytes;
    f.disk.flip(random.below(limit), static_cast<int>(random.below(8)));
    if (restart) ASSERT_OK(f.disk.open());
    const std::vector<uint64_t> bad = f.bad();
    EXPECT_LE(bad.size(), 1u) << "seed " << seed;
    auto runs = f.disk.runs(9);
    ASSERT_OK(runs);
    for (size_t i = 0; i < runs->size(); ++i)
      EXPECT_EQ((*runs)[i].payload.view(), f.runs[i].payload.view());
    const VerifyResult found = f.disk.verify_all();
    // A shard that vanished (its header was hit before a scan) is known as missing to the layer
    // above.
    const bool vanished = bad.size() == 1 && !f.disk.core().has_shard({StripeId(bad[0]), 1});
    EXPECT_EQ(found.bad_shards.size(), vanished ? 0 : bad.size()) << "seed " << seed;
    if (runs->size() != f.runs.size()) {
      EXPECT_TRUE(found.bad_segments.size() == 1 || restart) << "seed " << seed;
    }
    EXPECT_LE(found.bad_metadata, 1u);
  }
}

}  // namespace
}  // namespace atl::device
