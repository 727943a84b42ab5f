// The catalogue of what can befall the copies, one at a time. Crashes at random moments: the
// other file, embedded_crash_test.cc.

#include "coord/embedded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coord/test_world.h"

namespace atl::coord {
namespace {

using testing::HasSubstr;

TEST(Embedded, KeepsItsStateOverARestart) {
  World w;
  ASSERT_TRUE(w.create());
  EXPECT_EQ(w.coord().cluster(), World::cluster());
  uint64_t version = w.put("map", 0, "v1").value();
  ASSERT_TRUE(w.put("map", version, "v2"));
  ASSERT_TRUE(w.put("gone", 0, "x"));
  ASSERT_TRUE(w.env().run(w.coord().erase("gone", 3)));
  w.reopen();
  EXPECT_EQ(w.value("map"), "v2");
  EXPECT_EQ(w.value("gone"), "not_found");
  EXPECT_EQ(w.coord().cluster(), World::cluster());
  EXPECT_EQ(w.put("next", 0, "x").value(), 5u);  // the revision goes on
  EXPECT_EQ(w.healths(), "ok ok ok ok ok");
  EXPECT_EQ(w.coord().copies_to_spare(), 2u);
}

// The durability contract in one sentence: an acknowledged change survives a power cut of
// everything at once, and the loss of any two of five copies at the same time.
TEST(Embedded, AcknowledgedSurvivesPowerCutAndAnyTwoLosses) {
  for (size_t i = 0; i < 5; ++i) {
    for (size_t j = i + 1; j < 5; ++j) {
      World w(5, 10 * i + j);
      ASSERT_TRUE(w.create());
      for (int n = 0; n < 5; ++n) ASSERT_TRUE(w.put("k", n, std::to_string(n)));
      w.crash();
      w.remove(i);
      w.blank(j);
      ASSERT_TRUE(w.open());
      EXPECT_EQ(w.value("k"), "4");
      EXPECT_TRUE(w.put("k", 5, "on it goes"));
    }
  }
}

TEST(Embedded, ThreeLossesOfFiveAreRefusedAndNamed) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "v"));
  w.close();
  w.remove(0);
  w.blank(2);
  w.rot(4);
  w.rot(4, 100);
  Status opened = w.open();
  ASSERT_EQ(code_of(opened), Errc::kUnavailable);
  EXPECT_THAT(opened.error().message, HasSubstr("2 of 5"));
  EXPECT_THAT(opened.error().message, HasSubstr("domain-1/coord.dat is missing"));
  EXPECT_THAT(opened.error().message, HasSubstr("domain-3/coord.dat is blank"));
  EXPECT_THAT(opened.error().message, HasSubstr("domain-5/coord.dat is damaged"));
  EXPECT_EQ(w.presence().value(), Presence::kPresent);
  EXPECT_EQ(code_of(w.create()), Errc::kExists);
}

TEST(Embedded, OpenNeverCreatesAndCreateNeverOverwrites) {
  World w;
  EXPECT_EQ(w.presence().value(), Presence::kNone);
  EXPECT_EQ(code_of(w.open()), Errc::kUnavailable);
  EXPECT_FALSE(w.env().exists(w.path(0)));
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "v"));
  w.close();
  EXPECT_EQ(code_of(w.create(World::cluster(2))), Errc::kExists);
  for (size_t i = 0; i < 4; ++i) w.remove(i);
  EXPECT_EQ(code_of(w.create(World::cluster(2))), Errc::kExists);  // one copy left is a cluster
  EXPECT_EQ(w.presence().value(), Presence::kPresent);
  w.blank(4);
  EXPECT_EQ(w.presence().value(), Presence::kNone);
  EXPECT_TRUE(w.create(World::cluster(2)));
  EXPECT_EQ(w.value("k"), "not_found");
}

TEST(Embedded, CreateNeedsEveryCopyAndMayBeRepeated) {
  World w;
  w.fail(3);
  EXPECT_FALSE(w.create());
  w.heal(3);
  EXPECT_NE(w.presence().value(), Presence::kPresent);
  EXPECT_EQ(code_of(w.open()), Errc::kUnavailable);
  ASSERT_TRUE(w.create(World::cluster(9)));
  EXPECT_EQ(w.coord().cluster(), World::cluster(9));
}

TEST(Embedded, ACrashInCreationIsNoDeadEnd) {
  int unfinished = 0;
  int finished = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    World w(5, 1 + 3 * seed);
    w.env().spawn("create", [](World* world) -> Task<void> {
      auto made =
          co_await EmbeddedCoordinator::create(world->env(), world->paths(), World::cluster(1));
      (void)made.has_value();
    }(&w));
    w.run_for(Nanos(seed * 60'000));
    w.crash();
    auto presence = w.presence();
    ASSERT_TRUE(presence.has_value());
    if (*presence == Presence::kPresent) {
      ++finished;
      Status opened = w.open();
      ASSERT_TRUE(opened) << seed << " " << opened.error().to_string();
      EXPECT_EQ(w.coord().cluster(), World::cluster(1));
    } else {
      if (*presence == Presence::kUnfinished) ++unfinished;
      Status created = w.create(World::cluster(2));
      ASSERT_TRUE(created) << seed << " " << created.error().to_string();
      EXPECT_EQ(w.coord().cluster(), World::cluster(2));
    }
    ASSERT_TRUE(w.put("k", 0, "v"));
    w.reopen();
    EXPECT_EQ(w.value("k"), "v");
  }
  EXPECT_GT(unfinished, 5);
  EXPECT_GT(finished, 5);
}

TEST(Embedded, BadPathsAreRefused) {
  World w;
  EXPECT_EQ(code_of(w.create_from({}, World::cluster())), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(w.create_from({"/a", "/a"}, World::cluster())), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(w.create_from({"/a", ""}, World::cluster())), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(w.create_from({"/a"}, Uuid{})), Errc::kInvalidArgument);
  std::vector<std::string> many;
  for (size_t i = 0; i <= kMaxCopies; ++i) many.push_back(fmt::format("/x/{}", i));
  EXPECT_EQ(code_of(w.create_from(many, World::cluster())), Errc::kInvalidArgument);
}

TEST(Embedded, OneCopyIsPossibleAndSparesNone) {
  World w(1);
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "v"));
  EXPECT_EQ(w.coord().copies_to_spare(), 0u);
  w.reopen();
  EXPECT_EQ(w.value("k"), "v");
  w.remove(0);
  EXPECT_EQ(code_of(w.put("k", 1, "w")), Errc::kUnavailable);
}

TEST(Embedded, AForgottenCopyInTheConfigurationIsToldNotMiscounted) {
  World w(5);
  ASSERT_TRUE(w.create());
  w.close();
  std::vector<std::string> three(w.paths().begin(), w.paths().begin() + 3);
  auto opened = w.env().run(EmbeddedCoordinator::open(w.env(), three, OpenMode::kServe));
  ASSERT_EQ(code_of(opened), Errc::kInvalidArgument);
  EXPECT_THAT(opened.error().message, HasSubstr("keeps 5 copies"));
}

TEST(Embedded, SwappedCopiesAreNotCountedAndCanBeRepaired) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "v"));
  w.close();
  w.swap(1, 3);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.healths(), "ok misplaced ok misplaced ok");
  EXPECT_EQ(w.value("k"), "v");
  ASSERT_TRUE(w.put("k", 1, "w"));
  ASSERT_TRUE(w.repair(1));
  ASSERT_TRUE(w.repair(3));
  EXPECT_EQ(w.healths(), "ok ok ok ok ok");
  w.close();
  w.remove(0);
  w.remove(2);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "w");
}

TEST(Embedded, AForeignCopyIsNeverOverwrittenUnasked) {
  World w;
  std::vector<std::string> others = {"/other/a", "/other/b", "/other/c"};
  ASSERT_TRUE(w.create_from(others, World::cluster(7)));
  w.close();
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "v"));
  w.close();
  w.disks().swap(w.path(2), "/other/c");
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.health(2), CopyHealth::kForeign);
  ASSERT_TRUE(w.put("k", 1, "w"));
  EXPECT_EQ(code_of(w.repair(2)), Errc::kForeign);
  EXPECT_EQ(w.health(2), CopyHealth::kForeign);
  w.close();
  w.disks().swap(w.path(2), "/other/c");  // the other cluster's copy is what it was
  auto other = w.env().run(EmbeddedCoordinator::open(w.env(), others, OpenMode::kServe));
  ASSERT_TRUE(other.has_value());
  for (const CopyStatus& copy : (*other)->copy_states()) EXPECT_EQ(copy.health, CopyHealth::kOk);
  w.env().run((*other)->close());
  w.disks().swap(w.path(2), "/other/c");
  ASSERT_TRUE(w.open());
  EXPECT_TRUE(w.repair(2, /*overwrite=*/true));
  EXPECT_EQ(w.healths(), "ok ok ok ok ok");
}

TEST(Embedded, TwoOlderCopiesPutBackChangeNothing) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "old"));
  w.close();
  auto old0 = w.content(0);
  auto old1 = w.content(1);
  ASSERT_TRUE(w.open());
  ASSERT_TRUE(w.put("k", 1, "new"));
  w.close();
  w.put_back(0, old0);
  w.put_back(1, old1);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "new");
  w.run_for(1s);
  EXPECT_EQ(w.healths(), "ok ok ok ok ok");  // they were written anew
  w.close();
  w.remove(2);
  w.remove(3);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "new");
}

TEST(Embedded, ACopyWithBothBodiesRottenIsWrittenAnewAtOpen) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "v"));
  w.close();
  w.rot(1);
  w.rot(2);
  ASSERT_TRUE(w.open());
  w.run_for(1s);
  EXPECT_EQ(w.healths(), "ok ok ok ok ok");
  w.close();
  w.remove(0);
  w.remove(3);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "v");
}

TEST(Embedded, ADamagedSlotNeverHidesAnAcknowledgedChange) {
  for (int slot : {0, 1}) {
    for (uint64_t offset : {0, 40, 60, 87, 4095, 4096, 4100, 8191}) {
      World w(5, 100 + slot);
      ASSERT_TRUE(w.create());
      ASSERT_TRUE(w.put("k", 0, "a"));
      ASSERT_TRUE(w.put("k", 1, "b"));
      w.close();
      w.rot_slot(0, slot, offset);
      w.rot_slot(4, slot, offset);
      ASSERT_TRUE(w.open());
      EXPECT_EQ(w.value("k"), "b");
    }
  }
}

TEST(Embedded, TwoOpenersAreFencedByTheFileLock) {
  World w;
  ASSERT_TRUE(w.create());
  auto second = w.env().run(EmbeddedCoordinator::open(w.env(), w.paths(), OpenMode::kServe));
  EXPECT_EQ(code_of(second), Errc::kBusy);
  EXPECT_EQ(code_of(w.presence()), Errc::kBusy);
  EXPECT_TRUE(w.put("k", 0, "v"));
  w.close();
  EXPECT_TRUE(w.open());
}

// A change that reached one copy only is outranked for good once others have gone on without it.
TEST(Embedded, AnUnacknowledgedChangeCannotReturnOverALaterAcknowledgedOne) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "acknowledged"));
  for (size_t i = 1; i < 5; ++i) w.fail(i);
  EXPECT_EQ(code_of(w.put("k", 1, "nobody was told")), Errc::kUnavailable);
  w.crash();
  for (size_t i = 1; i < 5; ++i) w.heal(i);
  auto minority = w.content(0);
  w.remove(0);  // out of reach
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "acknowledged");
  uint64_t version = w.get("k").value().version;
  ASSERT_TRUE(w.put("k", version, "told"));
  ASSERT_TRUE(w.repair(0));
  w.close();
  w.put_back(0, minority);  // back in reach
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "told");
  w.close();
  w.remove(1);
  w.remove(2);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "told");
}

// The same when the opening in between died after its promise, before it settled anything.
TEST(Embedded, AnOpeningThatDiedHalfWayLeavesNoRival) {
  for (uint64_t moment = 0; moment < 60; ++moment) {
    World w(5, 500 + 10 * moment);
    ASSERT_TRUE(w.create());
    ASSERT_TRUE(w.put("k", 0, "acknowledged"));
    for (size_t i = 1; i < 5; ++i) w.fail(i);
    EXPECT_EQ(code_of(w.put("k", 1, "nobody was told")), Errc::kUnavailable);
    w.crash();
    for (size_t i = 1; i < 5; ++i) w.heal(i);
    // Copies 3 and 4 are out of reach while somebody opens, sees copy 0, and dies.
    auto away3 = w.content(3);
    auto away4 = w.content(4);
    w.env().spawn("open", [](World* world) -> Task<void> {
      auto made =
          co_await EmbeddedCoordinator::open(world->env(), world->paths(), OpenMode::kServe);
      (void)made.has_value();
    }(&w));
    w.run_for(Nanos(moment * 50'000));
    w.crash();
    w.put_back(3, away3);
    w.put_back(4, away4);
    auto dead0 = w.content(0);
    w.blank(0);
    ASSERT_TRUE(w.open());
    std::string settled = w.value("k");
    EXPECT_TRUE(settled == "acknowledged" || settled == "nobody was told") << settled;
    ASSERT_TRUE(w.put("k", w.get("k").value().version, "told"));
    w.close();
    w.put_back(0, dead0);
    w.remove(1);
    ASSERT_TRUE(w.open());
    EXPECT_EQ(w.value("k"), "told") << moment;
  }
}

TEST(Embedded, WithoutAMajorityNothingIsAnsweredUntilItSettles) {
  World w;
  ASSERT_TRUE(w.create());
  ASSERT_TRUE(w.put("k", 0, "a"));
  for (size_t i = 0; i < 3; ++i) w.fail(i);
  EXPECT_EQ(code_of(w.put("k", 1, "b")), Errc::kUnavailable);
  EXPECT_EQ(code_of(w.get("k")), Errc::kUnavailable);
  EXPECT_EQ(code_of(w.put("k", 1, "c")), Errc::kUnavailable);  // not a conflict: not known yet
  EXPECT_EQ(code_of(w.env().run(w.coord().list(""))), Errc::kUnavailable);
  EXPECT_EQ(w.healths(), "failing failing failing ok ok");
  EXPECT_EQ(w.coord().copies_to_spare(), 0u);
  w.heal(0);
  EXPECT_EQ(w.value("k"), "b");  // settled forward, never back
  EXPECT_EQ(code_of(w.put("k", 1, "c")), Errc::kConflict);
  w.crash();
  w.heal(1);
  w.heal(2);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.value("k"), "b");
}

TEST(Embedded, AFailingMinorityDelaysNobodyAndIsWrittenLater) {
  World w;
  ASSERT_TRUE(w.create());
  w.fail(0);
  w.fail(4);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(w.put("k", i, "v"));
  EXPECT_EQ(w.healths(), "failing ok ok ok failing");
  w.heal(0);
  w.heal(4);
  w.run_for(2min);  // without any further change
  EXPECT_EQ(w.healths(), "ok ok ok ok ok");
  w.close();
  w.remove(1);
  w.remove(2);
  ASSERT_TRUE(w.open());
  EXPECT_EQ(w.get("k").value().version, 20u);
}

TEST(Embedded, ASlowCopyDelaysNobody) {
  World w;
  ASSERT_TRUE(w.create());
  w.disks().slow_device(w.path(2), 10'000);
  Nanos before = w.env().now();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(w.put("k", i, "v"));
  EXPECT_LT(w.env().now() - before, 2s);
  w.disks().slow_device(w.path(2), 1);
  w.run_for(2min);
  EXPECT_EQ(w.healths(), "ok ok ok ok ok");
}

TEST(Embedded, ASlowMajorityEndsInAnAnswerInBoundedTime) {
  World w;
  ASSERT_TRUE(w.create());
  for (size_t i = 0; i < 3; ++i) w.disks().slow_device(w.path(i), 1'000'000);
  Nanos before = w.env().now();
  EXPECT_EQ(code_of(w.put("k", 0, "v")), Errc::kUnavailable);
  EXPECT_LE(w.env().now() - before, EmbeddedCoordinator::kCommitWaitMax + 1s);
  for (size_t i = 0; i < 3; ++i) w.disks().slow_device(w.path(i), 1);
  w.run_for(1h);
  EXPECT_EQ(w.value("k"), "v");
}

}  // namespace
}  // namespace atl::coord
