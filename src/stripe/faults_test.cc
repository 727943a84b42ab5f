// What goes wrong while stripes are written and read, fault by fault.
#include <gtest/gtest.h>

#include "base/planted_bug.h"
#include "stripe/maintenance_fixture.h"
#include "stripe/store_impl.h"

namespace atl::stripe {
namespace {

// Some stripes of different sizes, with what they must give.
struct Stored {
  std::vector<std::pair<StripeRef, Buf>> stripes;
  explicit Stored(TestCluster& c, int count = 6) {
    const uint32_t sizes[] = {1, 5000, 16'384 * 6, 100'001, 300'000, 1'500'000};
    for (int i = 0; i < count; ++i) {
      Buf data = pattern(static_cast<uint64_t>(1000 + i), sizes[i % 6]);
      stripes.emplace_back(c.write(data), data);
    }
  }
  void expect_all(TestCluster& c) {
    for (const auto& [stripe, data] : stripes)
      EXPECT_TRUE(c.reads(stripe, data)) << "stripe of " << data.size();
  }
};

// --- Reading ---

TEST(Faults, AnyTwoOfEightDomainsLost) {
  for (uint32_t a = 1; a <= 8; ++a)
    for (uint32_t b = a + 1; b <= 8; ++b) {
      TestCluster c;
      Stored stored(c);
      c.lose(a);
      c.lose(b);
      stored.expect_all(c);
    }
}

TEST(Faults, AThirdDomainIsTooMuchAndSaysSo) {
  TestCluster c;
  const Buf data = pattern(1, 100'000);
  const StripeRef stripe = c.write(data);
  c.kill(1);
  c.kill(2);
  c.kill(3);
  EXPECT_EQ(c.read(stripe, 0, 100'000).error().code, Errc::kUnavailable);
  c.revive(3);
  EXPECT_TRUE(c.reads(stripe, data)) << "and it is whole again once the domain is back";
}

TEST(Faults, ABitFlippedInAnyBlockOfAnyShard) {
  for (uint32_t shard = 0; shard < 8; ++shard) {
    TestCluster c;
    const Buf data = pattern(shard, 6 * 60'000);  // four blocks a shard, the last one short
    const StripeRef stripe = c.write(data);
    for (const uint32_t offset : {0u, 16'383u, 16'384u, 40'000u, 59'999u}) {
      c.flip_bit(stripe, shard, offset, static_cast<int>(offset % 8));
      EXPECT_TRUE(c.reads(stripe, data)) << "shard " << shard << " offset " << offset;
      c.flip_bit(stripe, shard, offset, static_cast<int>(offset % 8));
    }
    const bool data_shard = shard < 6;
    EXPECT_EQ(c.store().impl()->repairs.size(), data_shard ? 1u : 0u)
        << "found by reads of data shards, once; parity is for scrub to find";
  }
}

TEST(Faults, TwoShardsCorruptAndOneOfThemOnlyElsewhere) {
  TestCluster c;
  const Buf data = pattern(3, 6 * 100'000);
  const StripeRef stripe = c.write(data);
  c.flip_bit(stripe, 0, 10);
  c.flip_bit(stripe, 3, 70'000);
  EXPECT_TRUE(c.reads(stripe, data));
}

TEST(Faults, EveryShardHasABadBlockButNoTwoTheSame) {
  TestCluster c;
  const Buf data = pattern(4, 6 * 8 * 16'384);  // eight blocks a shard
  const StripeRef stripe = c.write(data);
  for (uint32_t shard = 0; shard < 8; ++shard) c.flip_bit(stripe, shard, shard * 16'384 + 5);
  const uint64_t before = probe_hits("stripe.block_by_block");
  EXPECT_TRUE(c.reads(stripe, data));
  EXPECT_GT(probe_hits("stripe.block_by_block"), before);
}

TEST(Faults, ThreeShardsBadInTheSameBlockIsCorruptNotWrong) {
  TestCluster c;
  const StripeRef stripe = c.write(pattern(5, 6 * 16'384));
  for (uint32_t shard = 0; shard < 3; ++shard) c.flip_bit(stripe, shard, 77);
  EXPECT_EQ(c.read(stripe, 0, 6 * 16'384).error().code, Errc::kCorrupt);
  EXPECT_TRUE(c.read(stripe, 3 * 16'384, 100).has_value()) << "the good shards are still good";
}

TEST(Faults, ADeviceThatLiesInTransit) {
  TestCluster c;
  Stored stored(c);
  c.env().options().read_flip_chance = 0.05;
  int refused = 0;
  for (int round = 0; round < 20; ++round)
    for (const auto& [stripe, data] : stored.stripes) {
      const auto got = c.read(stripe, 0, stripe.data_length);
      if (got) {
        EXPECT_EQ(got->view(), data.view());
      } else {
        ++refused;
      }
    }
  EXPECT_LT(refused, 20) << "mostly there is a way";
}

TEST(Faults, ASlowDeviceIsHedged) {
  TestCluster c;
  const Buf data = pattern(6, 6u << 20);
  const StripeRef stripe = c.write(data);
  for (uint32_t d = 1; d <= 2; ++d) c.slow(d, 20'000);  // seconds instead of 100 us
  const uint64_t before = probe_hits("stripe.read_hedged");
  const Nanos start = c.env().now();
  EXPECT_TRUE(c.reads(stripe, data));
  EXPECT_LT(c.env().now() - start, 500ms);
  EXPECT_GT(probe_hits("stripe.read_hedged"), before);
  EXPECT_TRUE(c.view().readable(DeviceId(1))) << "slow is not failed";
  c.env().run_for(120s);  // the late answers arrive when nobody waits any more
  EXPECT_TRUE(c.reads(stripe, data));
}

TEST(Faults, ThreeSlowDevicesAreWaitedFor) {
  TestCluster c;
  const Buf data = pattern(6, 300'000);
  const StripeRef stripe = c.write(data);
  for (uint32_t d = 1; d <= 3; ++d) c.slow(d, 5'000);
  EXPECT_TRUE(c.reads(stripe, data)) << "there is no way around one of them";
}

TEST(Faults, ADiskThatBreaksDuringReads) {
  TestCluster c;
  Stored stored(c, 12);
  c.break_disk(4, 3);
  stored.expect_all(c);
  stored.expect_all(c);
  EXPECT_FALSE(c.view().readable(DeviceId(4)));
}

TEST(Faults, ADeletedShardIsReconstructedAndQueued) {
  TestCluster c;
  const Buf data = pattern(8, 100'000);
  const StripeRef stripe = c.write(data);
  const device::ShardKey key{stripe.id, 1};
  ASSERT_TRUE(c.run(c.device(c.slot(stripe, 1).value)->delete_shard(key)).has_value());
  EXPECT_TRUE(c.reads(stripe, data));
  EXPECT_EQ(c.store().impl()->repairs.size(), 1u);
}

TEST(Faults, AHoleInARebuiltDeviceIsNoNews) {
  TestCluster c;
  const Buf data = pattern(8, 100'000);
  const StripeRef stripe = c.write(data);
  c.replace(2);
  EXPECT_TRUE(c.reads(stripe, data));
  EXPECT_EQ(c.store().impl()->repairs.size(), 0u) << "the rebuild will see to it";
}

// --- Writing ---

TEST(Faults, ADeviceThatFailsDuringAWrite) {
  for (uint64_t after_ops = 0; after_ops < 4; ++after_ops) {
    TestCluster c;
    c.break_disk(5, after_ops);
    const Buf data = pattern(after_ops, 500'000);
    const StripeRef first = c.write(data);
    const StripeRef second = c.write(data);
    EXPECT_TRUE(c.reads(first, data));
    EXPECT_TRUE(c.reads(second, data));
    EXPECT_FALSE(c.view().readable(DeviceId(5)));
    EXPECT_EQ(c.map().find_group(second.group)->protection, (cluster::Protection{5, 2}));
    // What was written meanwhile survives two *further* losses.
    c.lose(1);
    c.lose(2);
    EXPECT_TRUE(c.reads(second, data));
  }
}

TEST(Faults, AFailedAttemptLeavesNothingBehind) {
  TestCluster c;
  c.break_disk(5);
  const StripeRef stripe = c.write(pattern(1, 500'000));
  c.env().run_for(1s);
  uint64_t shards = 0;
  for (uint32_t d = 1; d <= 8; ++d)
    if (d != 5) shards += c.device(d)->use().shards;
  EXPECT_EQ(shards, 7u) << "5+2, and none of the 6+2 that failed";
  EXPECT_EQ(c.store().impl()->in_flight.size(), 0u);
  EXPECT_FALSE(c.store().in_flight(stripe.id));
}

TEST(Faults, NarrowerAndNarrowerAsDomainsGo) {
  TestCluster c;
  std::vector<std::pair<StripeRef, Buf>> stripes;
  const uint32_t expected_k[] = {6, 5, 4, 3, 2, 1, 1};
  for (uint32_t lost = 0; lost <= 6; ++lost) {
    if (lost > 0) c.mark_failed(lost);
    EXPECT_EQ(c.store().full_stripe_bytes(), expected_k[lost] << 20);
    const Buf data = pattern(lost, 700'000);
    const StripeRef stripe = c.write(data);
    EXPECT_EQ(c.map().find_group(stripe.group)->protection.k, expected_k[lost]);
    stripes.emplace_back(stripe, data);
  }
  for (size_t i = 4; i < stripes.size(); ++i)
    EXPECT_TRUE(c.reads(stripes[i].first, stripes[i].second)) << "written with " << i << " lost";
  c.mark_failed(7);
  EXPECT_EQ(c.run(c.store().write(pattern(9, 100), device::WriteClass::kUser)).error().code,
            Errc::kUnavailable)
      << "one copy is no protection";
}

TEST(Faults, WhatNoLongerFitsIsRefusedNotSplit) {
  TestCluster c;
  for (uint32_t lost = 1; lost <= 5; ++lost) c.mark_failed(lost);
  const Buf data = pattern(1, 6u << 20);  // a full stripe of 6+2, when 1+2 is left
  EXPECT_EQ(c.run(c.store().write(data, device::WriteClass::kUser)).error().code,
            Errc::kUnavailable);
}

TEST(Faults, AFullDeviceSaysNoSpaceAndDeletingHelps) {
  TestCluster c;
  std::vector<StripeRef> stripes;
  Status last;
  for (int i = 0; i < 200 && last; ++i) {
    auto written = c.run(c.store().write(pattern(1, 6u << 20), device::WriteClass::kUser));
    if (written) {
      c.catalog().add(*written);
      c.store().settle(written->id);
      stripes.push_back(*written);
    } else {
      last = std::unexpected(written.error());
    }
  }
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code, Errc::kNoSpace);
  EXPECT_GT(stripes.size(), 20u);
  for (uint32_t d = 1; d <= 8; ++d)
    EXPECT_TRUE(c.view().readable(DeviceId(d))) << "full is not failed";
  EXPECT_TRUE(c.reads(stripes.front(), pattern(1, 6u << 20)));
  for (const StripeRef& stripe : stripes) c.free(stripe);
  c.env().run_for(10s);
  c.write(pattern(2, 6u << 20));
}

TEST(Faults, SlotsThatChangeHandsDuringAWrite) {
  TestCluster c;
  for (uint32_t d = 1; d <= 8; ++d) c.slow(d, 1000);
  const Buf data = pattern(1, 200'000);
  std::optional<Result<StripeRef>> result;
  auto writer = [](TestCluster* c, Buf data, std::optional<Result<StripeRef>>* out) -> Task<void> {
    out->emplace(co_await c->store().write(std::move(data), device::WriteClass::kUser));
  };
  c.env().spawn("writer", writer(&c, data, &result));
  c.env().run_for(10us);  // on its way to the old device of domain 3
  const uint64_t before = probe_hits("stripe.write_slots_changed");
  ASSERT_FALSE(result.has_value());
  // Only the map changes: the old device still takes the shard and says so.
  cluster::DeviceEntry fresh = *c.map().find_device(DeviceId(3));
  fresh.id = DeviceId(c.map().next_device);
  c.change([&](cluster::ClusterMap* map) {
    EXPECT_TRUE(cluster::replace_device(map, DeviceId(3), fresh).has_value());
  });
  for (uint32_t d = 1; d <= 8; ++d) c.storage().slow_device("/device-" + std::to_string(d), 1);
  c.env().run_for(60s);
  ASSERT_TRUE(result.has_value());
  EXPECT_GT(probe_hits("stripe.write_slots_changed"), before);
  ASSERT_TRUE(result->has_value()) << result->error().to_string();
  EXPECT_TRUE(c.reads(**result, data));
}

TEST(Faults, AnUnreachableCoordinatorStopsOnlyWhatNeedsIt) {
  TestCluster c;
  const Buf data = pattern(1, 100'000);
  const StripeRef stripe = c.write(data);
  c.coordinator().set_available(false);
  EXPECT_TRUE(c.reads(stripe, data));
  c.write(data);  // ids are leased by the million
  c.kill(1);
  EXPECT_TRUE(c.reads(stripe, data)) << "though the failure cannot be recorded";
}

// --- Power cuts ---

TEST(Faults, APowerCutDuringWritesLosesNothingAcknowledged) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    TestClusterOptions options;
    options.seed = seed;
    TestCluster c(options);
    auto acked = std::make_shared<std::vector<std::pair<StripeRef, uint64_t>>>();
    auto writer =
        [](TestCluster* c, uint64_t first,
           std::shared_ptr<std::vector<std::pair<StripeRef, uint64_t>>> acked) -> Task<void> {
      for (uint64_t i = first; i < first + 1000; ++i) {
        Buf data = pattern(i, 1000 + i * 37 % 200'000);
        auto written = co_await c->store().write(std::move(data), device::WriteClass::kUser);
        if (written) acked->emplace_back(*written, i);
      }
    };
    for (uint64_t w = 0; w < 4; ++w) c.env().spawn("writer", writer(&c, w * 10'000, acked));
    c.env().run_for(20ms);
    const auto promised = *acked;
    EXPECT_GT(promised.size(), 10u);
    c.restart();
    for (const auto& [stripe, i] : promised)
      EXPECT_TRUE(c.reads(stripe, pattern(i, 1000 + i * 37 % 200'000))) << "seed " << seed;
  }
}

// --- Planted bugs: the tests above must be able to fail ---

#ifdef ATOLL_PLANTED_BUGS
struct Planted {
  explicit Planted(PlantedBug bug) { plant_bug(bug); }
  ~Planted() { plant_bug(PlantedBug::kNone); }
};

TEST(PlantedBugs, SkippedChecksumsReturnAFlippedBit) {
  TestCluster c;
  const Buf data = pattern(1, 100'000);
  const StripeRef stripe = c.write(data);
  c.flip_bit(stripe, 0, 100);
  EXPECT_TRUE(c.reads(stripe, data));
  Planted bug(PlantedBug::kSkipReadChecksum);
  EXPECT_FALSE(c.reads(stripe, data));
}

TEST(PlantedBugs, AShortStripeDoesNotSurvive) {
  for (const bool planted_now : {false, true}) {
    TestCluster c;
    Planted bug(planted_now ? PlantedBug::kShortStripeIsFine : PlantedBug::kNone);
    c.break_disk(1);
    c.break_disk(2);
    const Buf data = pattern(1, 100'000);
    const StripeRef stripe = c.write(data);
    c.lose(3);
    c.lose(4);
    EXPECT_EQ(static_cast<bool>(c.reads(stripe, data)), !planted_now);
  }
}
#endif

}  // namespace
}  // namespace atl::stripe
