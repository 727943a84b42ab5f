// Scrub, and repair of the single shards that reads found bad.
#include <gtest/gtest.h>

#include "base/planted_bug.h"
#include "stripe/maintenance_fixture.h"
#include "stripe/maintenance_impl.h"
#include "stripe/store_impl.h"

namespace atl::stripe {
namespace {

class ScrubTest : public MaintenanceFixture {};

// --- Repair of single shards ---

TEST_F(ScrubTest, AFlippedBitMetByAReadIsRepairedInTheBackground) {
  fill(5);
  maintenance->start();
  const auto& [stripe, data] = stripes[3];
  c.flip_bit(stripe, 2, 50);
  const uint64_t before = StripeMetrics::get().repaired_shards.value();
  EXPECT_TRUE(c.reads(stripe, data));
  c.env().run_for(5s);
  EXPECT_EQ(StripeMetrics::get().repaired_shards.value(), before + 1);
  EXPECT_EQ(scrub().bad_shards, 0u);
  c.kill(1);
  c.kill(2);
  expect_all();
}

TEST_F(ScrubTest, AFlipOnTheWayNeedsNoRepair) {
  fill(1);
  const uint64_t before = probe_hits("stripe.repair_not_needed");
  c.store().impl()->repairs.push({stripes[0].first, 1});
  maintenance->start();
  c.env().run_for(1s);
  EXPECT_EQ(probe_hits("stripe.repair_not_needed"), before + 1);
  expect_every_shard_in_place();
}

TEST_F(ScrubTest, ARepairOfAFreedStripeWritesNothing) {
  fill(2);
  const StripeRef gone = stripes[0].first;
  c.free(gone);
  stripes.erase(stripes.begin());
  c.store().impl()->repairs.push({gone, 0});
  maintenance->start();
  c.env().run_for(1s);
  EXPECT_EQ(c.shards_stored(), 8u);
}

// --- Scrub ---

TEST_F(ScrubTest, ScrubOfAHealthyClusterFindsNothing) {
  fill(10);
  double last = -1;
  auto report = c.run(maintenance->scrub([&last](double done) {
    EXPECT_GE(done, last);
    last = done;
  }));
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(last, 1.0);
  EXPECT_GT(report->zones, 0u);
  EXPECT_GE(report->records, 80u);
  EXPECT_GT(report->bytes, 0u);
  EXPECT_EQ(report->bad_shards + report->missing_shards + report->bad_segments, 0u);
  EXPECT_EQ(report->repaired + report->unrepairable, 0u);
}

TEST_F(ScrubTest, ScrubFindsAndRepairsAFlipInEachShardOfAStripe) {
  fill(3);
  const auto& [stripe, data] = stripes[2];
  for (uint32_t shard = 0; shard < 8; ++shard) {
    c.flip_bit(stripe, shard, 30, 3);
    const ScrubReport report = scrub();
    EXPECT_EQ(report.bad_shards, 1u) << shard;
    EXPECT_EQ(report.repaired, 1u) << shard;
    EXPECT_EQ(report.unrepairable, 0u) << shard;
    EXPECT_EQ(scrub().bad_shards, 0u) << "and then it is whole";
  }
  c.kill(2);
  c.kill(3);
  expect_all();
}

TEST_F(ScrubTest, ScrubRestoresWhatIsMissing) {
  fill(4);
  const StripeRef stripe = stripes[1].first;
  for (const uint32_t shard : {0u, 7u}) {
    const device::ShardKey key{stripe.id, static_cast<uint8_t>(shard)};
    ASSERT_TRUE(c.run(c.device(c.slot(stripe, shard).value)->delete_shard(key)).has_value());
  }
  const ScrubReport report = scrub();
  EXPECT_EQ(report.missing_shards, 2u);
  EXPECT_EQ(report.repaired, 2u);
  expect_every_shard_in_place();
}

// After a start: without reading data, also while a scrub is going on.
TEST_F(ScrubTest, ACheckRestoresWhatIsMissingAndFreesWhatNobodyNeeds) {
  fill(4);
  const StripeRef hurt = stripes[1].first;
  const device::ShardKey key{hurt.id, 3};
  ASSERT_TRUE(c.run(c.device(c.slot(hurt, 3).value)->delete_shard(key)).has_value());
  const StripeRef gone = stripes[2].first;
  c.catalog().remove(gone);
  stripes.erase(stripes.begin() + 2);
  std::optional<Result<ScrubReport>> scrubbed;
  c.env().spawn("scrub", [](Maintenance* m, std::optional<Result<ScrubReport>>* out) -> Task<void> {
    *out = co_await m->scrub({});
  }(maintenance.get(), &scrubbed));
  auto report = c.run(maintenance->check());
  ASSERT_TRUE(report.has_value()) << report.error().to_string();
  EXPECT_FALSE(scrubbed.has_value());
  EXPECT_EQ(report->missing_shards, 1u);
  EXPECT_EQ(report->repaired, 1u);
  EXPECT_EQ(report->bytes, 0u);
  expect_every_shard_in_place();
  for (uint32_t i = 0; i < 8; ++i) EXPECT_FALSE(c.has_shard(gone, i)) << i;
  while (!scrubbed) c.env().run_for(100ms);
  EXPECT_TRUE(scrubbed->has_value());
  expect_all();
}

TEST_F(ScrubTest, ASlowScrubEndsForOneThatIsAskedFor) {
  fill(4);
  options.scrub_bytes_per_second = 1;  // it would take years
  make_maintenance();
  maintenance->start();
  const uint64_t before = probe_hits("stripe.slow_scrub_gave_way");
  c.env().run_for(kScrubFirstPause + 10s);
  const Nanos asked = c.env().now();
  EXPECT_EQ(scrub().records, 4u * 8);
  EXPECT_LT(c.env().now() - asked, 10s);
  EXPECT_EQ(probe_hits("stripe.slow_scrub_gave_way"), before + 1);
}

TEST_F(ScrubTest, WhatCannotBeRepairedIsCounted) {
  fill(2);
  const StripeRef stripe = stripes[0].first;
  for (const uint32_t shard : {0u, 1u, 2u}) c.flip_bit(stripe, shard, 9);
  const ScrubReport report = scrub();
  EXPECT_EQ(report.bad_shards, 3u);
  EXPECT_EQ(report.unrepairable, 3u);
  EXPECT_EQ(report.repaired, 0u);
  stripes.clear();
}

TEST_F(ScrubTest, ABadShardThatNobodyNeedsIsDeleted) {
  fill(2);
  const StripeRef stripe = stripes[0].first;
  c.flip_bit(stripe, 4, 9);
  c.catalog().remove(stripe);
  stripes.erase(stripes.begin());
  const ScrubReport report = scrub();
  EXPECT_EQ(report.bad_shards, 1u);
  EXPECT_EQ(report.repaired, 1u);
  EXPECT_FALSE(c.has_shard(stripe, 4));
}

TEST_F(ScrubTest, ScrubGoesOnWithoutADeviceThatFails) {
  fill(5);
  c.break_disk(3, 2);
  const ScrubReport report = scrub();
  EXPECT_GT(report.zones, 0u);
  EXPECT_FALSE(c.view().readable(DeviceId(3)));
  expect_all();
}

TEST_F(ScrubTest, BadJournalSegmentsAreReportedToWhoeverListens) {
  device::Run run;
  run.first_lsn = Lsn(1);
  run.count = 1;
  run.epoch = Epoch(1);
  run.payload = pattern(77, 10'000);
  run.chain_after = crc32c(run.payload.span(), 0);
  auto appended = c.run(c.device(2)->append_run(SegmentId(9), PartitionId(1), Epoch(1), run));
  ASSERT_TRUE(appended.has_value());
  // Flip a bit in the middle of the run on the medium.
  bool flipped = false;
  for (const auto& [block, data] : c.storage().snapshot(c.path(2))) {
    if (data == nullptr || flipped) continue;
    for (size_t at = 0; at + 64 <= data->size() && !flipped; ++at)
      if (std::memcmp(data->data() + at, run.payload.data() + 5000, 64) == 0) {
        c.storage().flip_bit(c.path(2), block * env::kBlockSize + at, 0);
        flipped = true;
      }
  }
  ASSERT_TRUE(flipped);
  std::vector<std::pair<DeviceId, SegmentId>> told;
  maintenance->on_bad_segment([&told](DeviceId d, SegmentId s) { told.emplace_back(d, s); });
  EXPECT_EQ(scrub().bad_segments, 1u);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0], std::make_pair(DeviceId(2), SegmentId(9)));
}

}  // namespace
}  // namespace atl::stripe
