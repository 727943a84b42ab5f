#include "namespace/test_partition.h"

namespace atl::ns {
namespace {

struct CheckpointTest : testing::Test {
  void SetUp() override {
    t.options.checkpoint_interval_max = 10h;
    ASSERT_TRUE(t.open());
    t.make_bucket("b");
  }
  void put_some(int from, int to) {
    for (int i = from; i < to; ++i) {
      ASSERT_TRUE(t.put("b", fmt::format("d{}/k{}", i % 7, i), body_of(50 + i, i)));
    }
  }
  void expect_some(int from, int to) {
    for (int i = from; i < to; ++i) {
      const auto got = t.get("b", fmt::format("d{}/k{}", i % 7, i));
      ASSERT_TRUE(got) << got.error().to_string();
      ASSERT_EQ(*got, body_of(50 + i, i));
    }
  }
  Status checkpoint() { return t.env.run(t.partition->checkpoint()); }
  void reopen() {
    const Status opened = t.open();
    ASSERT_TRUE(opened) << opened.error().to_string();
  }
  TestPartition t;
};

TEST_F(CheckpointTest, TrimsTheJournalAndRestores) {
  put_some(0, 100);
  ASSERT_TRUE(checkpoint());
  EXPECT_TRUE(t.log->entries.empty()) << "all entries are in the checkpoint";
  EXPECT_GT(t.stripes.count(), 0u);
  t.expect_no_garbage();
  put_some(100, 150);
  t.crash();
  t.lose_view();
  reopen();
  expect_some(0, 150);
  t.expect_consistent();
  t.expect_no_garbage();
  const size_t before = t.log->entries.size();
  ASSERT_TRUE(checkpoint());
  EXPECT_LT(t.log->entries.size(), before);
  expect_some(0, 150);
  t.expect_no_garbage();
}

TEST_F(CheckpointTest, UnchangedFilesAreNotWrittenAgain) {
  put_some(0, 1000);
  ASSERT_TRUE(checkpoint());
  const auto first = t.stripes.ids();
  put_some(1000, 1010);
  ASSERT_TRUE(checkpoint());
  const auto second = t.stripes.ids();
  size_t kept = 0;
  for (const StripeId id : second) kept += std::count(first.begin(), first.end(), id);
  EXPECT_GT(kept, 0u);
  ASSERT_TRUE(checkpoint()) << "nothing changed: nothing to do";
  EXPECT_EQ(t.stripes.ids(), second);
  // A restart and a restore know the files again.
  t.crash();
  reopen();
  put_some(1010, 1011);
  const uint64_t writes = t.stripes.writes;
  ASSERT_TRUE(checkpoint());
  EXPECT_LE(t.stripes.writes - writes, 2u);
  t.crash();
  t.lose_view();
  reopen();
  put_some(1011, 1012);
  const uint64_t again = t.stripes.writes;
  ASSERT_TRUE(checkpoint());
  EXPECT_LE(t.stripes.writes - again, 2u);
  expect_some(0, 1012);
  t.expect_no_garbage();
}

TEST_F(CheckpointTest, ManyGenerations) {
  for (int i = 0; i < 40; ++i) {
    put_some(i * 10, i * 10 + 10);
    ASSERT_TRUE(checkpoint());
    if (i % 9 == 8) {
      t.crash();
      if (i % 2) t.lose_view();
      reopen();
    }
  }
  expect_some(0, 400);
  t.expect_consistent();
  t.expect_no_garbage();
}

TEST_F(CheckpointTest, LargeListsGoIntoStripes) {
  t.stripes.full_bytes = 2048;  // so that a table is hundreds of pieces
  for (int i = 0; i < 60; ++i)
    for (int j = 0; j < 40; ++j)
      ASSERT_TRUE(
          t.put("b", body_of(1, 1) + fmt::format("{}-{}", i, j), body_of(20'000, i * 100 + j)));
  ASSERT_TRUE(checkpoint());
  EXPECT_LE(t.log->checkpoint.manifest.size(), journal::kMaxManifestBytes);
  t.expect_no_garbage();
  t.crash();
  t.lose_view();
  reopen();
  EXPECT_EQ(t.keys("b").size(), 2400u);
  t.expect_consistent();
}

TEST_F(CheckpointTest, GoesByGrowthAndByTime) {
  t.crash();
  t.options.checkpoint_journal_bytes = 100'000;
  t.options.checkpoint_interval_max = 300s;
  reopen();
  put_some(0, 1);
  t.env.run_for(10s);
  EXPECT_EQ(t.log->checkpoint.lsn, Lsn(0));
  put_some(1, 400);
  t.env.run_for(10s);
  EXPECT_GT(t.log->checkpoint.lsn, Lsn(300));
  put_some(0, 1);
  const Lsn lsn = t.log->checkpoint.lsn;
  t.env.run_for(310s);
  EXPECT_GT(t.log->checkpoint.lsn, lsn);
}

TEST_F(CheckpointTest, FailuresLeaveTheOldOne) {
  put_some(0, 100);
  ASSERT_TRUE(checkpoint());
  put_some(100, 200);
  t.stripes.user_room = t.stripes.system_room = t.stripes.stored_bytes() + 10;
  EXPECT_EQ(checkpoint().error().code, Errc::kNoSpace);
  t.stripes.user_room = t.stripes.system_room = UINT64_MAX;
  t.expect_no_garbage();
  t.crash();
  t.lose_view();
  reopen();
  expect_some(0, 200);
  ASSERT_TRUE(checkpoint());
  t.expect_no_garbage();
}

TEST_F(CheckpointTest, UnknownOutcomes) {
  put_some(0, 100);
  ASSERT_TRUE(checkpoint());
  put_some(100, 200);
  t.log->checkpoint_unheard = true;
  ASSERT_TRUE(checkpoint()) << "the takeover found it";
  t.expect_no_garbage();
  put_some(200, 300);
  const Lsn before = t.log->checkpoint.lsn;
  t.log->checkpoint_lost = true;
  EXPECT_EQ(checkpoint().error().code, Errc::kUnavailable);
  EXPECT_EQ(t.log->checkpoint.lsn, before);
  t.expect_no_garbage();
  ASSERT_TRUE(checkpoint());
  t.crash();
  t.lose_view();
  reopen();
  expect_some(0, 300);
  t.expect_consistent();
  t.expect_no_garbage();
}

TEST_F(CheckpointTest, CloseAndReopen) {
  put_some(0, 100);
  t.close();
  const size_t entries = t.log->entries.size();
  reopen();
  EXPECT_EQ(t.log->entries.size(), entries);
  expect_some(0, 100);
  t.expect_consistent();
}

TEST_F(CheckpointTest, CallsGoOnMeanwhile) {
  put_some(0, 500);
  struct Steps {
    static Task<int> checkpoints(PartitionImpl* p) {
      int failed = 0;
      for (int i = 0; i < 20; ++i) failed += !(co_await p->checkpoint());
      co_return failed;
    }
    static Task<int> puts(PartitionImpl* p) {
      int failed = 0;
      for (int i = 500; i < 800; ++i) {
        std::string key = fmt::format("d{}/k{}", i % 7, i);
        const auto put =
            co_await p->put_object("b", key, meta_of("e"), inline_data(body_of(50 + i, i)), {});
        failed += !put;
      }
      co_return failed;
    }
  };
  std::vector<Task<int>> tasks;
  tasks.push_back(Steps::checkpoints(t.partition.get()));
  tasks.push_back(Steps::puts(t.partition.get()));
  EXPECT_EQ(t.env.run(env::when_all(t.env, std::move(tasks))), (std::vector<int>{0, 0}));
  expect_some(0, 800);
  t.crash();
  t.lose_view();
  reopen();
  expect_some(0, 800);
  t.expect_consistent();
  t.expect_no_garbage();
}

}  // namespace
}  // namespace atl::ns
