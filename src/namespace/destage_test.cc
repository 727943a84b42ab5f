#include "base/planted_bug.h"
#include "base/probe.h"
#include "namespace/test_partition.h"

namespace atl::ns {
namespace {

struct DestageTest : testing::Test {
  void SetUp() override {
    ASSERT_TRUE(t.open());
    t.make_bucket("b");
  }
  void put_many(int from, int to, size_t size) {
    for (int i = from; i < to; ++i) {
      ASSERT_TRUE(t.put("b", fmt::format("k{:05}", i), body_of(size, i)));
    }
  }
  void expect_many(int from, int to, size_t size) {
    for (int i = from; i < to; ++i) {
      const auto got = t.get("b", fmt::format("k{:05}", i));
      ASSERT_TRUE(got) << got.error().to_string();
      ASSERT_EQ(*got, body_of(size, i)) << i;
    }
  }
  TestPartition t;
};

TEST_F(DestageTest, ManySmallObjectsBecomeOneStripe) {
  put_many(0, 300, 100);
  EXPECT_EQ(t.partition->stats().inline_bytes, 30'000u);
  ASSERT_TRUE(t.env.run(t.partition->destage()));
  EXPECT_EQ(t.partition->stats().inline_bytes, 0u);
  EXPECT_EQ(t.partition->stats().stripes, 1u);
  EXPECT_EQ(t.partition->stats().stripe_live_bytes, 30'000u);
  expect_many(0, 300, 100);
  t.expect_consistent();
  t.expect_no_garbage();
  t.restart();
  expect_many(0, 300, 100);
  t.expect_consistent();
}

TEST_F(DestageTest, FullStripesGoByThemselvesAndTheRestByAge) {
  put_many(0, 50, 10'000);
  t.settle();
  EXPECT_EQ(t.partition->stats().stripes, 1u);
  const uint64_t left = t.partition->stats().inline_bytes;
  EXPECT_LT(left, t.stripes.full_bytes);
  t.env.run_for(t.options.destage_age + 5s);
  EXPECT_EQ(t.partition->stats().inline_bytes, left) << "too little to be worth a stripe";
  put_many(50, 52, 60'000);
  t.stripes.full_bytes = 4u << 20;
  put_many(52, 56, 60'000);
  t.env.run_for(t.options.destage_age + 5s);
  EXPECT_EQ(t.partition->stats().inline_bytes, 0u);
  expect_many(0, 50, 10'000);
  expect_many(50, 56, 60'000);
  t.expect_consistent();
  t.expect_no_garbage();
}

Task<int> overwrite_while_destaging(TestPartition* t, int objects, int rounds) {
  // Half of the objects are replaced or deleted while their bytes are being packed.
  std::vector<Task<int>> tasks;
  struct Steps {
    static Task<int> destage(TestPartition* t, int rounds) {
      int failed = 0;
      for (int i = 0; i < rounds; ++i) {
        const Status status = co_await t->partition->destage();
        failed += !status;
        co_await t->env.sleep(50us);
      }
      co_return failed;
    }
    static Task<int> change(TestPartition* t, int from, int objects) {
      int failed = 0;
      for (int i = from; i < objects; i += 2) {
        const std::string key = fmt::format("k{:05}", i);
        if (i % 4 < 2) {
          const std::string body = body_of(120, i + 1'000'000);
          const auto put =
              co_await t->partition->put_object("b", key, meta_of("new"), inline_data(body), {});
          failed += !put;
        } else {
          const Status gone = co_await t->partition->delete_object("b", key, {});
          failed += !gone;
        }
      }
      co_return failed;
    }
  };
  tasks.push_back(Steps::destage(t, rounds));
  tasks.push_back(Steps::change(t, 0, objects));
  tasks.push_back(Steps::change(t, 1, objects / 2));
  const std::vector<int> failed = co_await env::when_all(t->env, std::move(tasks));
  co_return failed[0] + failed[1] + failed[2];
}

TEST_F(DestageTest, RacesAreLostGracefully) {
  const auto lost = [] {
    for (const auto& [name, hits] : probe_counts())
      if (name == "destage_lost_race") return hits;
    return uint64_t{0};
  };
  const uint64_t before = lost();
  put_many(0, 1000, 120);
  EXPECT_EQ(t.env.run(overwrite_while_destaging(&t, 1000, 40)), 0);
  EXPECT_GT(lost(), before);
  t.expect_consistent();
  t.expect_no_garbage();
  expect_many(501, 502, 120);
  EXPECT_EQ(*t.get("b", "k00000"), body_of(120, 1'000'000));
  EXPECT_EQ(t.get("b", "k00002").error().code, Errc::kNotFound);
}

#ifdef ATOLL_PLANTED_BUGS
TEST_F(DestageTest, PlantedLostRaceIsSeen) {
  plant_bug(PlantedBug::kDestageLosesRace);
  put_many(0, 1000, 120);
  (void)t.env.run(overwrite_while_destaging(&t, 1000, 40));
  const auto found = t.env.run(t.partition->check_consistency());
  EXPECT_TRUE(!found || !found->empty());
  plant_bug(PlantedBug::kNone);
}
#endif

TEST_F(DestageTest, SparseStripesAreRepacked) {
  put_many(0, 2000, 1000);  // some eight stripes
  ASSERT_TRUE(t.env.run(t.partition->destage()));
  ASSERT_TRUE(
      t.env.run(t.partition->copy_object("b", "k00007", "", "b", "copy", std::nullopt, {})));
  const uint64_t full = t.stripes.stored_bytes();
  for (int i = 0; i < 2000; ++i)
    if (i % 10 != 7) {
      ASSERT_TRUE(t.remove("b", fmt::format("k{:05}", i)));
    }
  t.env.run_for(20s);
  EXPECT_LT(t.stripes.stored_bytes(), full / 4);
  for (int i = 7; i < 2000; i += 10)
    ASSERT_EQ(*t.get("b", fmt::format("k{:05}", i)), body_of(1000, i));
  EXPECT_EQ(*t.get("b", "copy"), body_of(1000, 7));
  t.expect_consistent();
  t.expect_no_garbage();
  t.restart();
  EXPECT_EQ(*t.get("b", "copy"), body_of(1000, 7));
}

TEST_F(DestageTest, SpaceOfDeletedDataComesBack) {
  t.stripes.user_room = 3u << 20;
  t.stripes.system_room = 4u << 20;
  // Ten times the room, in small objects, of which a part lives on to the next round.
  for (int round = 0; round < 15; ++round) {
    for (int i = 0; i < 200; ++i) {
      const auto put =
          t.put("b", fmt::format("r{}/k{}", round, i), body_of(10'000, round * 1000 + i));
      ASSERT_TRUE(put) << round << " " << i << " " << put.error().to_string();
    }
    t.settle();
    for (int i = 0; i < 200; ++i)
      if (i % 9 != 0) {
        ASSERT_TRUE(t.remove("b", fmt::format("r{}/k{}", round, i)));
      }
    for (int i = 0; i < 200 && round > 0; i += 9) {
      ASSERT_TRUE(t.remove("b", fmt::format("r{}/k{}", round - 1, i)));
    }
    t.env.run_for(10s);
  }
  for (int i = 0; i < 200; i += 9)
    ASSERT_EQ(*t.get("b", fmt::format("r14/k{}", i)), body_of(10'000, 14000 + i));
  t.expect_consistent();
  t.expect_no_garbage();
}

TEST(Room, TheSmallestDeviceSaysWhatTheJournalMayTake) {
  cluster::ClusterMap map;
  for (const uint64_t bytes : {64ull << 20, 1ull << 40}) {
    cluster::DeviceEntry device;
    device.capacity_bytes = bytes;
    map.devices.push_back(device);
  }
  const PartitionOptions small = sized_for(map, {});
  EXPECT_EQ(small.checkpoint_journal_bytes, 1u << 20);
  EXPECT_EQ(small.journal_segment_bytes, 512u << 10);
  EXPECT_EQ(small.inline_backlog_bytes, 8u << 20);
  map.devices[0].state = cluster::DeviceState::kReplaced;
  const PartitionOptions large = sized_for(map, {});
  EXPECT_EQ(large.checkpoint_journal_bytes, PartitionOptions().checkpoint_journal_bytes);
  EXPECT_EQ(large.journal_segment_bytes, PartitionOptions().journal_segment_bytes);
  EXPECT_EQ(large.inline_backlog_bytes, PartitionOptions().inline_backlog_bytes);
}

TEST_F(DestageTest, MakingRoomFreesWhatIsDeadAtOnceAndSaysWhenThereIsNothing) {
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(t.put("b", fmt::format("k{}", i), body_of(10'000, i)));
  ASSERT_TRUE(t.env.run(t.partition->destage()).has_value());
  ASSERT_TRUE(t.env.run(t.partition->checkpoint()).has_value());
  EXPECT_FALSE(t.env.run(t.partition->make_room())) << "all of it is alive";
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(t.remove("b", fmt::format("k{}", i)));
  t.env.run_for(kMakeRoomPause);
  (void)t.env.run(t.partition->make_room());
  t.expect_no_garbage();
}

TEST_F(DestageTest, WhenThereIsNoRoomNewDataIsRefusedAndDeletesGoOn) {
  t.stripes.user_room = 1u << 20;
  t.stripes.system_room = 2u << 20;
  int stored = 0;
  Errc refused{};
  for (; stored < 2000; ++stored) {
    const auto put = t.put("b", fmt::format("k{:05}", stored), body_of(10'000, stored));
    if (!put) {
      refused = put.error().code;
      break;
    }
    if (stored % 25 == 0) t.settle();
  }
  EXPECT_EQ(refused, Errc::kNoSpace);
  EXPECT_LT(stored, 300);
  expect_many(0, stored, 10'000);
  for (int i = 0; i < stored; ++i) ASSERT_TRUE(t.remove("b", fmt::format("k{:05}", i)));
  t.env.run_for(10s);
  EXPECT_TRUE(t.put("b", "again", body_of(10'000, 1)));
  t.settle();
  t.expect_consistent();
  t.expect_no_garbage();
}

TEST_F(DestageTest, PackedCopyOutlivesItsSource) {
  put_many(0, 100, 1000);
  ASSERT_TRUE(t.env.run(t.partition->destage()));
  ASSERT_TRUE(t.env.run(t.partition->copy_object("b", "k00003", "", "b", "c", std::nullopt, {})));
  ASSERT_TRUE(t.env.run(t.partition->copy_object("b", "c", "", "b", "c2", std::nullopt, {})));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(t.remove("b", fmt::format("k{:05}", i)));
  ASSERT_TRUE(t.remove("b", "c"));
  t.settle();
  t.expect_consistent();
  EXPECT_EQ(*t.get("b", "c2"), body_of(1000, 3));
  ASSERT_TRUE(t.remove("b", "c2"));
  t.settle();
  EXPECT_EQ(t.stripes.count(), 0u);
  t.expect_consistent();
}

}  // namespace
}  // namespace atl::ns
