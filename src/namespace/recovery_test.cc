// Faults: lost, stale, foreign and damaged views; journals that break; owners that are shut out.
#include "namespace/test_partition.h"

namespace atl::ns {
namespace {

using Fault = MemoryJournalLog::Fault;

struct RecoveryTest : testing::Test {
  void SetUp() override {
    ASSERT_TRUE(t.open());
    t.make_bucket("b");
  }
  void put_some(int from, int to) {
    for (int i = from; i < to; ++i) {
      ASSERT_TRUE(t.put("b", fmt::format("k{}", i), body_of(50 + i, i)));
      objects[fmt::format("k{}", i)] = body_of(50 + i, i);
    }
  }
  void expect_all() {
    for (const auto& [key, body] : objects) {
      const auto got = t.get("b", key);
      ASSERT_TRUE(got) << key << ": " << got.error().to_string();
      ASSERT_EQ(*got, body);
    }
    EXPECT_EQ(t.keys("b").size(), objects.size());
    t.expect_consistent();
  }
  void reopen() {
    const Status opened = t.open();
    ASSERT_TRUE(opened) << opened.error().to_string();
  }
  std::map<std::string, std::string> view_files() {
    std::map<std::string, std::string> files;
    std::vector<std::string> names;
    EXPECT_TRUE(t.rocksdb_env->GetChildren("/view", &names).ok());
    for (const std::string& name : names) {
      if (name == "." || name == ".." || name == "LOCK") continue;
      std::string content;
      EXPECT_TRUE(rocksdb::ReadFileToString(t.rocksdb_env.get(), "/view/" + name, &content).ok());
      files[name] = content;
    }
    return files;
  }
  void write_files(const std::map<std::string, std::string>& files) {
    t.lose_view();
    for (const auto& [name, content] : files)
      ASSERT_TRUE(View::write_file(t.view_options(), name, {Buf::copy_of(content)}));
  }
  void flush() { ASSERT_TRUE(t.partition->view().flush()); }

  TestPartition t;
  std::map<std::string, std::string> objects;
};

TEST_F(RecoveryTest, DeletingTheViewLosesNothing) {
  put_some(0, 50);
  t.crash();
  t.lose_view();
  reopen();
  expect_all();
}

TEST_F(RecoveryTest, AViewThatWasNotFlushedIsReplayedInto) {
  put_some(0, 50);
  flush();
  put_some(50, 80);  // in memory only
  t.restart();
  expect_all();
  EXPECT_EQ(t.log->takeovers, 2u);
}

TEST_F(RecoveryTest, AStaleViewIsNoDanger) {
  put_some(0, 50);
  flush();
  const auto old = view_files();
  put_some(50, 60);
  ASSERT_TRUE(t.env.run(t.partition->checkpoint()));
  put_some(60, 70);
  t.crash();
  write_files(old);  // from before the checkpoint: its entries are trimmed
  reopen();
  expect_all();
}

TEST_F(RecoveryTest, AViewOfAnotherHistoryIsNotTaken) {
  put_some(0, 10);
  t.crash();
  const MemoryJournalLog saved = *t.log;
  reopen();
  put_some(10, 20);
  flush();
  t.crash();
  const auto other = view_files();
  // The same journal, going on differently and further.
  *t.log = saved;
  for (int i = 10; i < 20; ++i) objects.erase(fmt::format("k{}", i));
  t.lose_view();
  reopen();
  put_some(100, 140);
  t.crash();
  write_files(other);
  reopen();
  expect_all();
  // And one that is ahead of the journal.
  t.crash();
  *t.log = saved;
  for (int i = 100; i < 140; ++i) objects.erase(fmt::format("k{}", i));
  write_files(other);
  reopen();
  expect_all();
}

TEST_F(RecoveryTest, AViewOfAnotherClusterIsNotTaken) {
  put_some(0, 10);
  flush();
  t.crash();
  t.cluster.bytes[3] = 9;
  reopen();
  expect_all();
  EXPECT_EQ(t.partition->view().applied().cluster, t.cluster);
}

TEST_F(RecoveryTest, OneBitFlippedInAnyFile) {
  put_some(0, 200);
  ASSERT_TRUE(t.env.run(t.partition->checkpoint()));
  put_some(200, 250);
  flush();
  put_some(250, 260);
  t.crash();
  const auto files = view_files();
  uint64_t random = 12345;
  int checked = 0;
  for (const auto& [name, content] : files) {
    if (content.empty() || name.ends_with(".log")) continue;
    for (int i = 0; i < 12; ++i) {
      random = random * 6364136223846793005ull + 1442695040888963407ull;
      auto damaged = files;
      damaged[name][(random >> 20) % content.size()] ^= static_cast<char>(1 << (random >> 60) % 8);
      write_files(damaged);
      reopen();
      ASSERT_NO_FATAL_FAILURE(expect_all()) << name;
      const auto bad = t.env.run(t.partition->verify_view());
      ASSERT_TRUE(bad);
      expect_all();
      t.crash();
      ++checked;
    }
  }
  EXPECT_GE(checked, 36);
}

TEST_F(RecoveryTest, DamageWhileServingIsRepairedUnderTheCalls) {
  put_some(0, 300);
  ASSERT_TRUE(t.env.run(t.partition->checkpoint()));
  put_some(300, 320);
  for (const auto& [name, content] : view_files()) {
    if (!name.ends_with(".sst")) continue;
    std::string damaged(content.size(), 'x');
    ASSERT_TRUE(View::write_file(t.view_options(), name, {Buf::copy_of(damaged)}));
  }
  const auto bad = t.env.run(t.partition->verify_view());
  ASSERT_TRUE(bad);
  EXPECT_GT(*bad, 0u);
  expect_all();
  EXPECT_EQ(*t.env.run(t.partition->verify_view()), 0u);
}

TEST_F(RecoveryTest, AnAppendOfUnknownOutcomeIsFoundOut) {
  for (const Fault fault : {Fault::kLost, Fault::kCommittedUnheard}) {
    for (int i = 0; i < 3; ++i) {
      t.log->faults = {fault};
      t.log->failing_takeovers = i;
      // The caller sees nothing but the delay; once only, whatever happened.
      const auto put =
          t.put("b", "k", fmt::format("v{}", i), {.if_match = {}, .if_none_match = "*"});
      ASSERT_TRUE(put) << put.error().to_string();
      EXPECT_EQ(*t.get("b", "k"), fmt::format("v{}", i));
      ASSERT_TRUE(t.remove("b", "k"));
    }
  }
  t.expect_consistent();
  put_some(0, 5);
  t.restart();
  expect_all();
}

TEST_F(RecoveryTest, ABodyOfUnknownOutcomeIsKeptOrFreed) {
  for (const Fault fault : {Fault::kLost, Fault::kCommittedUnheard}) {
    t.log->faults = {fault};
    t.log->failing_takeovers = 1000;  // longer than callers wait
    const auto put = t.put_striped("b", "k", body_of(300'000, 1));
    EXPECT_EQ(put.error().code, Errc::kUnavailable);
    EXPECT_FALSE(t.partition->serving());
    t.log->failing_takeovers = 0;
    t.settle();
    EXPECT_TRUE(t.partition->serving());
    const bool there = t.get("b", "k").has_value();
    EXPECT_EQ(there, fault == Fault::kCommittedUnheard);
    t.expect_consistent();
    t.expect_no_garbage();
    if (there) {
      EXPECT_EQ(*t.get("b", "k"), body_of(300'000, 1));
    }
  }
}

TEST_F(RecoveryTest, AFullJournalStillTakesDeletes) {
  put_some(0, 3);
  t.log->faults = {Fault::kNoSpace};
  EXPECT_EQ(t.put("b", "x", "1").error().code, Errc::kNoSpace);
  t.log->faults = {Fault::kBusy, Fault::kBusy};
  EXPECT_TRUE(t.put("b", "k1", body_of(51, 1)));
  expect_all();
}

TEST_F(RecoveryTest, AFencedOwnerStopsForGood) {
  put_some(0, 3);
  t.log->epoch = Epoch(t.log->epoch.value + 5);
  EXPECT_EQ(t.put("b", "x", "1").error().code, Errc::kFenced);
  EXPECT_FALSE(t.partition->serving());
  EXPECT_EQ(t.put("b", "x", "1").error().code, Errc::kFenced);
  EXPECT_EQ(t.get("b", "k1").error().code, Errc::kFenced);
  EXPECT_EQ(t.env.run(t.partition->checkpoint()).error().code, Errc::kFenced);
  t.crash();
  reopen();
  expect_all();
}

TEST_F(RecoveryTest, OpenSaysWhatIsWrong) {
  put_some(0, 3);
  t.crash();
  t.log->failing_takeovers = 1;
  EXPECT_EQ(t.open().error().code, Errc::kUnavailable);
  reopen();
  expect_all();
  ASSERT_TRUE(t.env.run(t.partition->checkpoint()));
  t.crash();
  t.lose_view();
  t.stripes.failing_reads = 1;
  EXPECT_EQ(t.open().error().code, Errc::kUnavailable);
  reopen();
  expect_all();
}

}  // namespace
}  // namespace atl::ns
