// Copies that are lost, repaired and scrubbed while the coordinator runs; many callers at once; and
// what the tests are worth.

#include "coord/embedded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/planted_bug.h"
#include "coord/test_world.h"

namespace atl::coord {
namespace {

TEST(Embedded, FilesRemovedReplacedOrSwappedUnderUsAreLostCopies) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "a"));
  w.remove(0);
  EXPECT_EQ(w.health(0), CopyHealth::kMissing);
  ASSERT_TRUE(w.put("k", 1, "b"));
  w.remove(1);
  ASSERT_TRUE(w.disks().create(w.path(1), kFileBytes));  // another file under its name
  ASSERT_TRUE(w.put("k", 2, "c"));
  EXPECT_EQ(w.healths(), "missing missing ok ok ok");
  EXPECT_EQ(w.coord().copies_to_spare(), 0u);
  ASSERT_TRUE(w.repair(0));
  ASSERT_TRUE(w.repair(1));
  w.swap(2, 3);
  ASSERT_TRUE(w.put("k", 3, "d"));
  EXPECT_EQ(w.healths(), "ok ok missing missing ok");
  ASSERT_TRUE(w.repair(2));
  ASSERT_TRUE(w.repair(3));
  EXPECT_EQ(w.healths(), "ok ok ok ok ok");
  w.crash();
  w.remove(0);
  w.remove(4);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "d");
}

TEST(Embedded, MissingAndBlankCopiesComeBackByRepairAlone) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "a"));
  w.close();
  w.remove(0);
  w.blank(1);
  ASSERT_TRUE(w.open());
  ASSERT_TRUE(w.put("k", 1, "b"));
  w.run_for(10min);
  EXPECT_EQ(w.healths(), "missing blank ok ok ok");
  EXPECT_FALSE(w.env().exists(w.path(0)));
  w.reopen();
  EXPECT_EQ(w.healths(), "missing blank ok ok ok");
  ASSERT_TRUE(w.repair(0));
  ASSERT_TRUE(w.repair(1));
  ASSERT_TRUE(w.repair(1));  // of a copy that is well: written once more, no harm
  EXPECT_EQ(w.healths(), "ok ok ok ok ok");
  EXPECT_EQ(code_of(w.repair(5)), Errc::kInvalidArgument);
  w.close();
  w.remove(2);
  w.remove(3);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "b");
}

TEST(Embedded, RepairOnAFailingDiskSaysSo) {
  World w;
  ASSERT_TRUE(w.create());
  w.remove(2);
  w.fail(2);
  Status repaired = w.repair(2);
  EXPECT_FALSE(repaired);
  EXPECT_NE(w.health(2), CopyHealth::kOk);
  EXPECT_TRUE(w.put("k", 0, "v"));
  w.heal(2);
  EXPECT_TRUE(w.repair(2));
  EXPECT_EQ(w.health(2), CopyHealth::kOk);
}

Task<void> put_and_tell(World* w, bool* done) {
  std::string key = "k";
  std::string value = "v";
  Result<uint64_t> put = co_await w->coord().compare_and_swap(std::move(key), 0, std::move(value));
  *done = put.has_value();
}
Task<void> repair_quietly(World* w, size_t index) {
  Status repaired = co_await w->coord().repair_copy(index);
  (void)repaired.has_value();
}

// A copy that had the change, was lost, and came back fresh while the change still waited for its
// majority, has it only once it was written anew.
TEST(Embedded, ACopyRepairedInTheMiddleOfAChangeCountsOnlyWithItsNewFile) {
  World w;
  ASSERT_TRUE(w.create());
  w.disks().slow_device(w.path(2), 500);
  w.disks().slow_device(w.path(3), 1'000'000);
  w.disks().slow_device(w.path(4), 1'000'000);
  bool acknowledged = false;
  w.env().spawn("put", put_and_tell(&w, &acknowledged));
  w.run_for(10ms);
  ASSERT_FALSE(acknowledged);  // copies 0 and 1 have it
  w.remove(1);
  w.disks().slow_device(w.path(1), 2000);  // the fresh file is the slowest
  w.env().spawn("repair", repair_quietly(&w, 1));
  for (int step = 0; !acknowledged && step < 500'000; ++step) w.run_for(10us);
  ASSERT_TRUE(acknowledged);
  w.crash();
  for (size_t i = 0; i < 5; ++i) w.disks().slow_device(w.path(i), 1);
  w.remove(0);
  w.remove(2);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "v");
}

TEST(Embedded, ScrubFindsAndRepairsEveryFlippedBit) {
  World w;
  ASSERT_TRUE(w.create());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(w.put("k", i, std::string(9000, 'a' + i)));
  VerifyReport clean = w.verify();
  EXPECT_EQ(clean.copies_checked, 5u);
  EXPECT_EQ(clean.slots_damaged, 0u);
  EXPECT_GT(clean.bytes_read, 5u * 2 * 4096);
  // More copies than may be lost at a time: while it runs, memory knows the state.
  uint32_t flipped = 0;
  for (size_t copy = 0; copy < 5; ++copy)
    for (int slot : {0, 1}) {
      w.rot_slot(copy, slot, copy * 2000 + slot);
      ++flipped;
    }
  VerifyReport found = w.verify();
  EXPECT_EQ(found.slots_damaged, flipped);
  EXPECT_EQ(found.slots_repaired, flipped);
  EXPECT_EQ(w.verify().slots_damaged, 0u);
  ASSERT_TRUE(w.put("k", 4, "after"));
  w.crash();
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "after");
}

TEST(Embedded, ScrubRepairsABlankedAndAnOlderCopyInPlace) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "a"));
  auto old = w.content(3);
  ASSERT_TRUE(w.put("k", 1, "b"));
  ASSERT_TRUE(w.put("k", 2, "c"));
  w.put_back(3, old);
  w.blank(4);
  w.remove(0);
  VerifyReport report = w.verify();
  EXPECT_EQ(report.copies_lost, 1u);
  EXPECT_GE(report.slots_damaged, 3u);
  EXPECT_EQ(report.slots_repaired, report.slots_damaged);
  w.crash();
  w.remove(1);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "c");
}

Task<void> put_once(World* w, std::string key, int* done) {
  Result<uint64_t> put = co_await w->coord().compare_and_swap(std::move(key), 0, "v");
  if (put) ++*done;
}

TEST(Embedded, ConcurrentChangesShareSnapshots) {
  World w;
  ASSERT_TRUE(w.create());
  int done = 0;
  Nanos before = w.env().now();
  for (int i = 0; i < 200; ++i) w.env().spawn("put", put_once(&w, fmt::format("k{}", i), &done));
  while (done < 200) w.run_for(1ms);
  // One by one 200 changes take over 40 ms; in groups a few snapshots are enough.
  EXPECT_LT(w.env().now() - before, 30ms);
  w.reopen();
  EXPECT_EQ(w.env().run(w.coord().list("k")).value().size(), 200u);
}

TEST(Embedded, TheQueueIsBounded) {
  World w;
  ASSERT_TRUE(w.create());
  int done = 0;
  const int asked = static_cast<int>(EmbeddedCoordinator::kQueuedChangesMax) + 100;
  for (int i = 0; i < asked; ++i) w.env().spawn("put", put_once(&w, fmt::format("k{}", i), &done));
  w.run_for(10s);
  EXPECT_GE(done, static_cast<int>(EmbeddedCoordinator::kQueuedChangesMax));
  EXPECT_LT(done, asked);
}

Task<void> answer_of(World* w, std::string key, std::optional<Errc>* answer) {
  Result<uint64_t> put = co_await w->coord().compare_and_swap(std::move(key), 0, "v");
  *answer = code_of(put);
}
Task<void> wait_answer(World* w, std::optional<Errc>* answer) {
  std::string prefix = "k";
  Result<uint64_t> waited = co_await w->coord().wait_change(std::move(prefix), 1'000'000, 1h);
  *answer = code_of(waited);
}

TEST(Embedded, ClosingEndsEveryCall) {
  World w;
  ASSERT_TRUE(w.create());
  std::vector<std::optional<Errc>> answers(20);
  for (auto& answer : answers) {
    if (&answer == &answers[0])
      w.env().spawn("wait", wait_answer(&w, &answer));
    else
      w.env().spawn("put", answer_of(&w, "k", &answer));
  }
  w.run_for(10us);
  w.env().run(w.coord().close());
  w.run_for(1s);
  for (auto& answer : answers) EXPECT_TRUE(answer.has_value());
  EXPECT_EQ(answers[0], Errc::kCancelled);
  EXPECT_EQ(code_of(w.get("k")), Errc::kCancelled);
  EXPECT_EQ(code_of(w.put("k", 0, "v")), Errc::kCancelled);
  EXPECT_EQ(code_of(w.repair(0)), Errc::kCancelled);
}

TEST(Embedded, InspectionWritesNothing) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "v"));
  w.close();
  auto before = w.content(1);
  ASSERT_TRUE(w.open(OpenMode::kInspect));
  EXPECT_EQ(w.value("k"), "v");
  EXPECT_EQ(code_of(w.put("k", 1, "w")), Errc::kPermission);
  EXPECT_EQ(code_of(w.repair(0)), Errc::kPermission);
  EXPECT_EQ(w.verify().slots_damaged, 0u);
  w.rot_slot(3, 0, 4096);
  VerifyReport report = w.verify();
  EXPECT_EQ(report.slots_damaged, 1u);  // seen, and left alone
  EXPECT_EQ(report.slots_repaired, 0u);
  w.close();
  auto after = w.content(1);
  ASSERT_EQ(before.size(), after.size());
  for (const auto& [block, data] : before) EXPECT_EQ(after[block], data);
}

TEST(Embedded, ALeaseOutlivesARestartForOneMoreFullTime) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.env().run(w.coord().lease_acquire("owner", "n1", 10s)));
  w.run_for(9s);
  w.crash();
  ASSERT_TRUE(w.open());
  w.run_for(9s);
  EXPECT_EQ(code_of(w.env().run(w.coord().lease_acquire("owner", "n2", 10s))), Errc::kConflict);
  EXPECT_TRUE(w.env().run(w.coord().lease_renew("owner", "n1")));
  w.run_for(10s + 1ms);
  EXPECT_TRUE(w.env().run(w.coord().lease_acquire("owner", "n2", 10s)));
  w.crash();
  ASSERT_TRUE(w.open());
  EXPECT_EQ(code_of(w.env().run(w.coord().lease_renew("owner", "n1"))), Errc::kNotFound);
  EXPECT_TRUE(w.env().run(w.coord().lease_release("owner", "n2")));
  w.crash();
  ASSERT_TRUE(w.open());
  EXPECT_TRUE(w.env().run(w.coord().lease_acquire("owner", "n3", 10s)));
}

TEST(Embedded, TheLargestStateIsKept) {
  World w(3);
  ASSERT_TRUE(w.create());
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(w.put(fmt::format("big{}", i), 0, std::string(kMaxValueBytes, 'a' + i)));
  size_t n = 0;
  while (w.put(fmt::format("small{}", n), 0, std::string(60'000, 'z'))) ++n;
  EXPECT_GT(n, 10u);
  w.crash();
  w.remove(0);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("big2"), std::string(kMaxValueBytes, 'c'));
  EXPECT_EQ(w.env().run(w.coord().list("small")).value().size(), n);
}

#ifdef ATOLL_PLANTED_BUGS
TEST(Embedded, TheseTestsCatchAMinorityThatAcknowledges) {
  plant_bug(PlantedBug::kCoordMinority);
  bool lost = false;
  for (uint64_t seed = 0; seed < 20 && !lost; ++seed) {
    World w(5, 100 * seed);
    ASSERT_TRUE(w.create());
    w.fail(1);
    w.fail(2);
    w.fail(3);
    bool acknowledged = w.put("k", 0, "v").has_value();
    w.crash();
    for (size_t i : {1, 2, 3}) w.heal(i);
    w.remove(0);
    w.remove(4);
    ASSERT_TRUE(w.open());
    lost = acknowledged && w.value("k") != "v";
  }
  plant_bug(PlantedBug::kNone);
  EXPECT_TRUE(lost);
}
#endif

}  // namespace
}  // namespace atl::coord
