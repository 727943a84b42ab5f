// Rebuild after a device was replaced or came back, and stopping.
#include <gtest/gtest.h>

#include "base/planted_bug.h"
#include "stripe/maintenance_fixture.h"
#include "stripe/store_impl.h"

namespace atl::stripe {
namespace {

class RebuildTest : public MaintenanceFixture {};

// --- Rebuild ---

TEST_F(RebuildTest, TwoLostReplacedRebuiltThenTwoOthersLost) {
  fill(40);
  c.lose(2);
  c.lose(7);
  expect_all();
  const uint32_t a = c.replace(2);
  const uint32_t b = c.replace(7);
  EXPECT_EQ(cluster::exposure(c.map()).losable_domains_now, 0u);
  ASSERT_TRUE(rebuild().has_value());
  EXPECT_FALSE(needs_rebuild(a));
  EXPECT_FALSE(needs_rebuild(b));
  EXPECT_EQ(cluster::exposure(c.map()).losable_domains_now, 2u);
  const RepairProgress progress = maintenance->progress();
  EXPECT_FALSE(progress.running);
  EXPECT_EQ(progress.shards_rebuilt, 80u);
  EXPECT_EQ(progress.stripes_done, 40u);
  EXPECT_EQ(progress.stripes_failed, 0u);
  EXPECT_GT(progress.bytes_per_second, 0);
  expect_every_shard_in_place();
  c.lose(1);
  c.lose(5);
  expect_all();
}

TEST_F(RebuildTest, NothingToDoIsDoneAtOnce) {
  fill(3);
  EXPECT_TRUE(rebuild().has_value());
  EXPECT_EQ(maintenance->progress().shards_rebuilt, 0u);
}

TEST_F(RebuildTest, AReturnedDomainGetsOnlyWhatItMissed) {
  fill(10);
  c.mark_failed(4);
  fill(10, 100);  // 5+2, without domain 4
  c.revive(4);
  EXPECT_TRUE(needs_rebuild(4));
  ASSERT_TRUE(rebuild().has_value());
  EXPECT_FALSE(needs_rebuild(4));
  EXPECT_EQ(maintenance->progress().shards_rebuilt, 0u) << "its shards were never touched";
  expect_every_shard_in_place();
}

TEST_F(RebuildTest, ARebuildThatWasCutShortGoesOnWhereItWas) {
  options.rebuild_bytes_per_second = 1 << 20;
  stop();
  make_maintenance();
  fill(60);
  c.replace(3);
  auto run_rebuild = [](Maintenance* m) -> Task<void> { (void)co_await m->rebuild(); };
  c.env().spawn("rebuild", run_rebuild(maintenance.get()));
  c.env().run_for(300ms);
  const uint64_t part = maintenance->progress().shards_rebuilt;
  EXPECT_TRUE(maintenance->progress().running);
  EXPECT_GT(part, 0u);
  EXPECT_LT(part, 60u);
  EXPECT_GT(maintenance->progress().seconds_left, 0);
  stop();  // as a restart does; what was restored stays
  options.rebuild_bytes_per_second = 0;
  make_maintenance();
  ASSERT_TRUE(rebuild().has_value());
  EXPECT_LE(maintenance->progress().shards_rebuilt, 60 - part);
  expect_every_shard_in_place();
}

TEST_F(RebuildTest, ThrottledToTheRateThatIsAllowed) {
  options.rebuild_bytes_per_second = 1 << 20;
  stop();
  make_maintenance();
  fill(40);
  c.replace(3);
  const Nanos start = c.env().now();
  ASSERT_TRUE(rebuild().has_value());
  const double seconds = std::chrono::duration<double>(c.env().now() - start).count();
  const double at_least =
      static_cast<double>(maintenance->progress().bytes_rebuilt) / static_cast<double>(1 << 20);
  EXPECT_GE(seconds, at_least * 0.9);
  EXPECT_LE(seconds, at_least * 1.5 + 1);
}

TEST_F(RebuildTest, ADeviceThatIsReplacedWhileARebuildRunsIsSeen) {
  options.rebuild_bytes_per_second = 1 << 20;
  stop();
  make_maintenance();
  fill(30);
  const uint32_t a = c.replace(3);
  std::optional<Status> done;
  auto run_rebuild = [](Maintenance* m, std::optional<Status>* out) -> Task<void> {
    out->emplace(co_await m->rebuild());
  };
  c.env().spawn("rebuild", run_rebuild(maintenance.get(), &done));
  c.env().run_for(100ms);
  ASSERT_FALSE(done.has_value());
  const uint32_t b = c.replace(6);
  c.env().run_for(600s);
  ASSERT_TRUE(done.has_value());
  EXPECT_TRUE(done->has_value());
  EXPECT_FALSE(needs_rebuild(a));
  EXPECT_FALSE(needs_rebuild(b));
  expect_every_shard_in_place();
}

TEST_F(RebuildTest, AStripeThatCannotBeRestoredKeepsTheFlag) {
  fill(10);
  const StripeRef victim = stripes[4].first;
  for (uint32_t shard = 0; shard < 8; ++shard) {
    if (c.slot(victim, shard) != DeviceId(1)) continue;
    const device::ShardKey key{victim.id, static_cast<uint8_t>(shard)};
    ASSERT_TRUE(c.run(c.device(1)->delete_shard(key)).has_value());
  }
  const uint32_t fresh = c.replace(3);
  c.mark_failed(8);  // with the replaced and the deleted one, three shards of the victim are gone
  const Status rebuilt = rebuild();
  EXPECT_EQ(rebuilt.error().code, Errc::kUnavailable);
  EXPECT_TRUE(needs_rebuild(fresh));
  EXPECT_GE(maintenance->progress().stripes_failed, 1u);
  c.revive(8);
  ASSERT_TRUE(rebuild().has_value()) << "with domain 8 back there are enough";
  EXPECT_FALSE(needs_rebuild(fresh));
  expect_all();
}

TEST_F(RebuildTest, AStripeFreedDuringItsRestoreLeavesNoShard) {
  fill(20);
  const uint32_t fresh = c.replace(3);
  auto run_rebuild = [](Maintenance* m) -> Task<void> { (void)co_await m->rebuild(); };
  c.env().spawn("rebuild", run_rebuild(maintenance.get()));
  // Free them one by one while the rebuild goes through them.
  for (const auto& [stripe, data] : stripes) {
    c.env().run_for(400us);
    c.free(stripe);
  }
  c.env().run_for(10s);
  EXPECT_EQ(c.device(fresh)->use().shards, 0u);
  stripes.clear();
}

TEST_F(RebuildTest, AWriteInFlightWhenTheDeviceWasReplacedIsRebuiltToo) {
  fill(3);
  // Its shards are all durable, its owner has not committed it yet, and then the device goes.
  auto written = c.run(c.store().write(pattern(50, 100'000), device::WriteClass::kUser));
  ASSERT_TRUE(written.has_value());
  const uint32_t fresh = c.replace(5);
  std::optional<Status> done;
  auto run_rebuild = [](Maintenance* m, std::optional<Status>* out) -> Task<void> {
    out->emplace(co_await m->rebuild());
  };
  c.env().spawn("rebuild", run_rebuild(maintenance.get(), &done));
  c.env().run_for(5s);
  EXPECT_FALSE(done.has_value()) << "it waits for the owner's word";
  c.catalog().add(*written);
  c.store().settle(written->id);
  stripes.emplace_back(*written, pattern(50, 100'000));
  c.env().run_for(5s);
  ASSERT_TRUE(done.has_value() && done->has_value());
  EXPECT_FALSE(needs_rebuild(fresh));
  expect_every_shard_in_place();
}

TEST_F(RebuildTest, ACatalogThatCannotAnswerEndsTheRebuild) {
  fill(3);
  const uint32_t fresh = c.replace(5);
  c.catalog().broken = true;
  EXPECT_FALSE(rebuild().has_value());
  EXPECT_TRUE(needs_rebuild(fresh));
}

TEST_F(RebuildTest, TheBackgroundRebuildsWithoutBeingAsked) {
  fill(10);
  maintenance->start();
  c.env().run_for(1s);
  const uint32_t fresh = c.replace(6);
  c.env().run_for(30s);
  EXPECT_FALSE(needs_rebuild(fresh));
  expect_every_shard_in_place();
}

// --- Stopping ---

TEST_F(RebuildTest, StopEndsWhatRunsAndRefusesWhatComes) {
  options.rebuild_bytes_per_second = 1 << 16;  // would take minutes
  stop();
  make_maintenance();
  maintenance->start();
  fill(20);
  c.replace(3);
  c.env().run_for(1s);
  EXPECT_TRUE(maintenance->progress().running);
  const Nanos start = c.env().now();
  c.run(maintenance->stop());
  EXPECT_LT(c.env().now() - start, 5s);
  EXPECT_EQ(rebuild().error().code, Errc::kCancelled);
  EXPECT_EQ(c.run(maintenance->scrub({})).error().code, Errc::kCancelled);
  EXPECT_EQ(c.run(maintenance->collect_orphans()).error().code, Errc::kCancelled);
}

#ifdef ATOLL_PLANTED_BUGS
TEST_F(RebuildTest, PlantedRebuildUnderTheWrongIndexIsCaught) {
  fill(10);
  c.replace(3);
  plant_bug(PlantedBug::kRebuildWrongIndex);
  (void)rebuild();
  plant_bug(PlantedBug::kNone);
  bool all_in_place = true;
  for (const auto& [stripe, data] : stripes)
    for (uint32_t i = 0; i < 8; ++i) all_in_place &= c.has_shard(stripe, i);
  EXPECT_FALSE(all_in_place);
  EXPECT_GT(scrub().missing_shards, 0u) << "and scrub sees it";
  expect_every_shard_in_place();
}
#endif

}  // namespace
}  // namespace atl::stripe
