// Writing and reading with everything in place, and the small rules around it.
#include <gtest/gtest.h>

#include <set>

#include "stripe/store_impl.h"
#include "stripe/test_cluster.h"

namespace atl::stripe {
namespace {

TEST(StripeIds, AreNeverUsedTwiceAcrossSources) {
  env::SimEnv env(1);
  coord::MemoryCoordinator coordinator(env);
  std::set<uint64_t> seen;
  for (int source = 0; source < 3; ++source) {
    StripeIdSource ids(coordinator);
    uint64_t last = 0;
    for (int i = 0; i < 100; ++i) {
      const auto id = env.run(ids.next());
      ASSERT_TRUE(id.has_value());
      EXPECT_GT(id->value, last);
      last = id->value;
      EXPECT_TRUE(seen.insert(last).second);
    }
  }
  EXPECT_FALSE(seen.contains(0));
}

TEST(StripeIds, NoCoordinatorNoId) {
  env::SimEnv env(1);
  coord::MemoryCoordinator coordinator(env);
  StripeIdSource ids(coordinator);
  coordinator.set_available(false);
  EXPECT_EQ(env.run(ids.next()).error().code, Errc::kUnavailable);
  coordinator.set_available(true);
  EXPECT_TRUE(env.run(ids.next()).has_value());
  coordinator.set_available(false);
  EXPECT_TRUE(env.run(ids.next()).has_value()) << "the lease goes on";
}

TEST(Stripe, EverySizeAroundEveryBorder) {
  TestCluster c;
  const uint32_t full = c.store().full_stripe_bytes();
  EXPECT_EQ(full, 6u << 20);
  std::vector<uint32_t> sizes;
  for (const uint32_t at :
       {1u, 64u, 6u * 64, 4096u, 6u * 4096, 16'384u, 6u * 16'384, 65'536u, 300'000u, full})
    for (int d = -1; d <= 1; ++d)
      if (const int64_t size = int64_t{at} + d; size >= 1 && size <= full)
        sizes.push_back(static_cast<uint32_t>(size));
  for (const uint32_t size : sizes) {
    const Buf data = pattern(size, size);
    const StripeRef stripe = c.write(data);
    EXPECT_EQ(stripe.data_length, size);
    EXPECT_TRUE(c.reads(stripe, data)) << size;
    c.free(stripe);
  }
}

TEST(Stripe, EveryRangeGivesItsBytes) {
  TestCluster c;
  const Buf data = pattern(7, 300'000);  // shards of 50,048
  const StripeRef stripe = c.write(data);
  const uint32_t shard = shard_length(300'000, 6);
  for (const uint32_t from : {0u, 1u, 16'383u, 16'384u, shard - 1, shard, 3 * shard + 5, 299'999u})
    for (const uint32_t length : {0u, 1u, 100u, 16'384u, shard, 2 * shard + 1, 300'000u}) {
      if (from + length > 300'000) continue;
      const auto got = c.read(stripe, from, length);
      ASSERT_TRUE(got.has_value()) << got.error().to_string();
      EXPECT_EQ(got->view(), data.view().substr(from, length)) << from << "+" << length;
    }
}

TEST(Stripe, ASmallReadTouchesOneShard) {
  TestCluster c;
  const StripeRef stripe = c.write(pattern(1, 1u << 20));
  for (uint32_t d = 1; d <= 8; ++d)
    if (DeviceId(d) != c.slot(stripe, 2)) c.storage().fail_device(c.path(d));
  const uint32_t offset = 2 * shard_length(1u << 20, 6) + 20'000;
  const auto got = c.read(stripe, offset, 4096);
  ASSERT_TRUE(got.has_value()) << "the seven other disks are broken, and not asked";
  EXPECT_EQ(got->view(), pattern(1, 1u << 20).view().substr(offset, 4096));
}

TEST(Stripe, NonsenseIsRefused) {
  TestCluster c;
  const StripeRef stripe = c.write(pattern(1, 1000));
  EXPECT_EQ(c.run(c.store().write(Buf(), device::WriteClass::kUser)).error().code,
            Errc::kInvalidArgument);
  Buf huge = Buf::allocate(kMaxStripeBytes + 1);
  EXPECT_EQ(c.run(c.store().write(huge, device::WriteClass::kUser)).error().code,
            Errc::kInvalidArgument);
  EXPECT_EQ(c.read(stripe, 1001, 0).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(c.read(stripe, 999, 2).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(c.read(stripe, UINT32_MAX, UINT32_MAX).error().code, Errc::kInvalidArgument);
  StripeRef lost_group = stripe;
  lost_group.group = GroupId(999);
  EXPECT_EQ(c.read(lost_group, 0, 1).error().code, Errc::kCorrupt);
  EXPECT_EQ(c.run(c.store().free(lost_group)).error().code, Errc::kNotFound);
  // A reference that lies about the length finds shards of another length.
  StripeRef longer = stripe;
  longer.data_length = 100'000;
  EXPECT_EQ(c.read(longer, 0, 100'000).error().code, Errc::kCorrupt);
}

TEST(Stripe, FreedIsNotFoundAndGivesItsRoomBack) {
  TestCluster c;
  const StripeRef stripe = c.write(pattern(1, 100'000));
  EXPECT_EQ(c.shards_stored(), 8u);
  c.free(stripe);
  EXPECT_EQ(c.shards_stored(), 0u);
  EXPECT_EQ(c.read(stripe, 0, 100'000).error().code, Errc::kNotFound);
  c.kill(3);
  EXPECT_EQ(c.read(stripe, 0, 100'000).error().code, Errc::kNotFound) << "one device down or not";
  c.free(stripe);  // again, and with a device down: nothing to complain about
}

TEST(Stripe, AnIdIsInFlightUntilItIsSettled) {
  TestCluster c;
  const auto stripe = c.run(c.store().write(pattern(1, 1000), device::WriteClass::kUser));
  ASSERT_TRUE(stripe.has_value());
  EXPECT_TRUE(c.store().in_flight(stripe->id));
  c.store().settle(stripe->id);
  EXPECT_FALSE(c.store().in_flight(stripe->id));
}

TEST(Stripe, RefsRoundTripAndRefuseRubbish) {
  const StripeRef ref{StripeId(77), GroupId(3), 123'456};
  Encoder e;
  ref.encode(e);
  Decoder d(e.view());
  EXPECT_EQ(StripeRef::decode(d), ref);
  EXPECT_TRUE(d.finish("ref").has_value());
  Encoder bad;
  bad.id(StripeId(1)).id(GroupId(1)).varint(uint64_t{kMaxStripeBytes} + 1);
  Decoder b(bad.view());
  (void)StripeRef::decode(b);
  EXPECT_FALSE(b.ok());
}

TEST(Stripe, WideSchemes) {
  for (const auto& [domains, p] : std::vector<std::pair<uint32_t, cluster::Protection>>{
           {32, {28, 4}}, {64, {60, 4}}, {1, {1, 0}}, {2, {1, 1}}, {3, {2, 1}}}) {
    TestClusterOptions options;
    options.domains = domains;
    options.protection = p;
    TestCluster c(options);
    for (const uint32_t size : {1u, 1'000'003u}) {
      const Buf data = pattern(size, size);
      const StripeRef stripe = c.write(data);
      for (uint32_t lost = 1; lost <= p.m; ++lost) c.kill(lost);
      EXPECT_TRUE(c.reads(stripe, data)) << cluster::format_protection(p) << " " << size;
      if (size == 1u)
        for (uint32_t back = 1; back <= p.m; ++back) c.revive(back);
    }
  }
}

TEST(Stripe, SurvivesAPowerCut) {
  TestCluster c;
  std::vector<std::pair<StripeRef, Buf>> stripes;
  for (int i = 0; i < 20; ++i) {
    Buf data = pattern(100 + i, 50'000 + 1000 * i);
    stripes.emplace_back(c.write(data), data);
  }
  c.restart();
  for (const auto& [stripe, data] : stripes) EXPECT_TRUE(c.reads(stripe, data));
}

TEST(RepairQueueTest, EachShardOnceAndBounded) {
  RepairQueue queue;
  EXPECT_TRUE(queue.push({StripeRef{StripeId(1)}, 2}));
  EXPECT_FALSE(queue.push({StripeRef{StripeId(1)}, 2}));
  for (uint64_t i = 2; i <= kRepairQueueMax; ++i)
    EXPECT_TRUE(queue.push({StripeRef{StripeId(i)}, 0}));
  EXPECT_FALSE(queue.push({StripeRef{StripeId(999'999)}, 0})) << "full";
  EXPECT_EQ(queue.pop()->stripe.id, StripeId(1));
  EXPECT_TRUE(queue.push({StripeRef{StripeId(1)}, 2})) << "what was taken out may come again";
  while (queue.pop()) {
  }
  EXPECT_FALSE(queue.arrived().is_set());
}

}  // namespace
}  // namespace atl::stripe
