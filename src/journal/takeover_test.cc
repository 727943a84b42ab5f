// Two owners, lost replicas, damage, and takeovers that are interrupted at every step.
#include "base/planted_bug.h"
#include "journal/test_world.h"

namespace atl::journal {
namespace {

TEST(Takeover, ANewOwnerGoesOnWhereTheOldOneWas) {
  JournalWorld w;
  auto a = w.take_over("a");
  w.append_many(*a, 10, 5000);
  auto b = w.take_over("b");
  EXPECT_EQ(b->epoch(), Epoch(2));
  EXPECT_EQ(b->committed(), Lsn(10));
  w.expect_history(*b);
  w.append_many(*b, 10, 5000);
  w.expect_history(*b);
}

TEST(Takeover, TheOldOwnerIsFencedAndStaysSo) {
  JournalWorld w;
  auto a = w.take_over("a");
  w.append(*a, "one");
  auto b = w.take_over("b");
  auto late = w.try_append(*a, "from the past");
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, Errc::kFenced);
  EXPECT_TRUE(a->broken());
  EXPECT_EQ(w.try_append(*a, "again").error().code, Errc::kFenced);
  EXPECT_EQ(w.run(a->repair()).error().code, Errc::kFenced);
  EXPECT_EQ(w.append(*b, "two"), Lsn(2));
  w.expect_history(*b);
}

TEST(Takeover, AnOldOwnerWithoutAnOpenSegmentIsFencedToo) {
  JournalWorld w;
  auto a = w.take_over("a");  // has appended nothing: it opens a segment only now
  auto b = w.take_over("b");
  EXPECT_EQ(w.try_append(*a, "from the past").error().code, Errc::kFenced);
  auto c = w.take_over("c");
  EXPECT_EQ(w.run(b->set_checkpoint({Lsn(0), 0, "m"})).error().code, Errc::kFenced);
  EXPECT_EQ(w.append(*c, "one"), Lsn(1));
  w.expect_history(*c);
}

// The fence outlives the segment: what the successor has trimmed and deleted cannot be begun again
// by an owner that has not noticed.
TEST(Takeover, TheOldOwnerIsFencedWhenItsSegmentIsGone) {
  JournalWorld w;
  auto a = w.take_over("a");
  w.append_many(*a, 5);
  const SegmentId old = w.state().segments.back().id;
  const auto replicas = w.replicas_of_open();
  auto b = w.take_over("b");
  w.append_many(*b, 3);
  const Lsn all = b->committed();
  ASSERT_TRUE(w.run(b->set_checkpoint({all, *w.run(b->chain_at(all)), "m"})).has_value());
  for (uint32_t d : replicas) ASSERT_FALSE(w.holds_segment(d, old));
  auto late = w.try_append(*a, "from the past");
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, Errc::kFenced);
  for (uint32_t d : replicas) EXPECT_FALSE(w.holds_segment(d, old));
}

TEST(Takeover, OneSealedReplicaIsEnough) {
  for (int survivor = 0; survivor < 3; ++survivor) {
    JournalWorld w;
    auto a = w.take_over("a");
    w.append_many(*a, 5);
    const auto replicas = w.replicas_of_open();
    for (int i = 0; i < 3; ++i)
      if (i != survivor) w.kill(replicas[i]);
    auto b = w.take_over("b");
    ASSERT_NE(b, nullptr);
    w.expect_history(*b);
    EXPECT_TRUE(b->fully_replicated()) << "the tail got new homes";
    EXPECT_FALSE(w.try_append(*a, "from the past").has_value());
    w.append_many(*b, 5);
    w.kill(replicas[survivor]);
    auto c = w.take_over("c");
    ASSERT_NE(c, nullptr);
    w.expect_history(*c);
  }
}

TEST(Takeover, NoReplicaMeansUnavailableUntilOneReturns) {
  JournalWorld w;
  auto a = w.take_over("a");
  w.append_many(*a, 5);
  const auto replicas = w.replicas_of_open();
  for (uint32_t d : replicas) w.kill(d);
  auto b = w.try_take_over("b");
  ASSERT_FALSE(b.has_value());
  EXPECT_EQ(b.error().code, Errc::kUnavailable);
  w.faults().cut.erase(NodeId(replicas[1]));  // it answers again; the map still calls it failed
  auto c = w.take_over("c");
  ASSERT_NE(c, nullptr);
  w.expect_history(*c);
}

// An append that reached one replica only: whoever takes over decides, and then it stays decided.
TEST(Takeover, AnUnacknowledgedTailIsDecidedOnceAndForAll) {
  for (int reached = 0; reached <= 3; ++reached) {
    JournalWorld w;
    auto a = w.take_over("a");
    w.append(*a, "one");
    const auto replicas = w.replicas_of_open();
    const SegmentId segment = w.state().segments.back().id;
    w.history().offered.insert("perhaps");
    int passed = 0;
    w.faults().decide = [&](const Call& call) {
      if (call.coordinator) return Fault::kStopBefore;
      if (call.method != device::Method::kAppendRun) return Fault::kNone;
      return passed++ < reached ? Fault::kStopAfter : Fault::kStopBefore;
    };
    auto task = a->append("perhaps");
    w.env().spawn("append", unheard(std::move(task)));
    w.env().run_for(1s);
    w.restart();
    auto b = w.take_over("b");
    EXPECT_EQ(b->committed(), Lsn(reached > 0 ? 2 : 1));
    w.expect_history(*b);  // from now on it counts as history
    for (const auto& s : w.state().segments) {
      if (s.id != segment) continue;
      for (DeviceId d : s.replicas) EXPECT_TRUE(w.holds_segment(d.value, segment)) << "made whole";
    }
    w.kill(replicas[0]);
    w.kill(replicas[2]);
    auto c = w.take_over("c");
    w.expect_history(*c);
  }
}

// Counts the calls of a takeover, then stops the world before and after each of them.
TEST(Takeover, InterruptedAtEveryCallTheNextOneIsRight) {
  uint64_t stops = 0;
  for (const bool lose_replica : {false, true}) {
    for (uint64_t at = 0;; ++at) {
      bool reached = true;
      for (const Fault kind : {Fault::kStopBefore, Fault::kStopAfter}) {
        JournalWorldOptions options;
        options.seed = 100 + at;
        JournalWorld w(options);
        auto a = w.take_over("a");
        w.append_many(*a, 12, 5000);
        // The tail is of different length on the three replicas, and not acknowledged.
        int passed = 0;
        w.faults().decide = [&](const Call& call) {
          if (call.coordinator) return Fault::kStopBefore;
          if (call.method != device::Method::kAppendRun) return Fault::kNone;
          return passed++ < 1 ? Fault::kStopAfter : Fault::kStopBefore;
        };
        const std::string payload = w.fresh_payload(100);
        w.history().offered.insert(payload);
        auto append = a->append(payload);
        w.env().spawn("append", unheard(std::move(append)));
        w.env().run_for(1s);
        const auto replicas = w.replicas_of_open();
        w.restart();
        if (lose_replica) w.kill(replicas[1]);

        uint64_t count = 0;
        w.faults().decide = [&](const Call&) { return count++ == at ? kind : Fault::kNone; };
        auto taken = Journal::take_over(w.view(), PartitionId(1), "b", w.journal_options());
        w.env().spawn("take over", unheard(std::move(taken)));
        w.env().run_for(100s);
        reached = w.faults().stopped.is_set();
        if (!reached) break;
        ++stops;
        w.restart();
        if (lose_replica) w.kill(replicas[1]);
        auto c = w.take_over("c");
        ASSERT_NE(c, nullptr) << "after a stop at call " << at;
        w.expect_history(*c);
        w.append_many(*c, 3);
        w.kill(replicas[0]);
        auto d = w.take_over("d");
        ASSERT_NE(d, nullptr);
        w.expect_history(*d);
        if (::testing::Test::HasFatalFailure()) return;
      }
      if (!reached) break;
    }
  }
  EXPECT_GE(stops, 30u) << "a takeover has more calls than this test has seen";
}

// The same with answers that get lost: the takeover must not be confused by them.
TEST(Takeover, LostAnswersFromTheCoordinatorDoNotConfuseIt) {
  for (uint64_t at = 0; at < 6; ++at) {
    for (const Fault kind : {Fault::kLoseRequest, Fault::kLoseReply}) {
      JournalWorld w;
      auto a = w.take_over("a");
      w.append_many(*a, 12, 5000);
      uint64_t count = 0;
      w.faults().decide = [&](const Call& call) {
        return call.coordinator && count++ == at ? kind : Fault::kNone;
      };
      auto b = w.take_over("b");
      ASSERT_NE(b, nullptr) << at;
      w.faults().decide = nullptr;
      EXPECT_GT(b->epoch(), Epoch(1));
      EXPECT_FALSE(w.try_append(*a, "from the past").has_value());
      w.append_many(*b, 3);
      w.expect_history(*b);
    }
  }
}

Task<void> take_over_into(JournalWorld* w, std::string owner,
                          std::shared_ptr<std::vector<std::unique_ptr<Journal>>> out) {
  auto taken = co_await Journal::take_over(w->view(), PartitionId(1), owner, w->journal_options());
  if (taken) out->push_back(std::move(*taken));
}

TEST(Takeover, OfManyAtOnceOnlyTheLastCanWrite) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    JournalWorldOptions options;
    options.seed = seed;
    JournalWorld w(options);
    auto a = w.take_over("same name");
    w.append_many(*a, 5);
    auto journals = std::make_shared<std::vector<std::unique_ptr<Journal>>>();
    for (int i = 0; i < 4; ++i)
      w.env().spawn("take over", take_over_into(&w, "same name", journals));
    w.env().run_for(60s);
    int writers = 0;
    std::set<uint64_t> epochs;
    for (auto& j : *journals) {
      EXPECT_TRUE(epochs.insert(j->epoch().value).second) << "two owners of one epoch";
      if (w.try_append(*j, w.fresh_payload(50))) ++writers;
    }
    EXPECT_LE(writers, 1);
    EXPECT_FALSE(w.try_append(*a, "old").has_value() && writers > 0);
    auto last = w.take_over("z");
    w.expect_history(*last);
  }
}

void damaged_in_three_places(uint32_t domains) {
  JournalWorldOptions options;
  options.domains = domains;
  JournalWorld w(options);
  auto a = w.take_over("a");
  std::vector<std::string> payloads;
  for (int i = 0; i < 6; ++i) {
    payloads.push_back(w.fresh_payload(900));
    w.append(*a, payloads.back());
  }
  const auto replicas = w.replicas_of_open();
  // Each replica is damaged in another entry: no one of them is whole, all together are.
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(w.damage(replicas[i], payloads[1 + i].substr(0, 40)));
  auto b = w.take_over("b");
  ASSERT_NE(b, nullptr);
  w.expect_history(*b);
  w.env().run_for(10s);  // repair goes on in the background
  EXPECT_TRUE(b->fully_replicated());
  w.expect_history(*b);
}

TEST(Takeover, DamagedRunsAreReadFromOtherReplicas) {
  damaged_in_three_places(8);
}
TEST(Takeover, DamagedRunsAreReadFromOtherReplicasWithNoSpare) {
  damaged_in_three_places(3);
}

TEST(Takeover, EntriesDamagedEverywhereAreNotSilentlyDropped) {
  JournalWorld w;
  auto a = w.take_over("a");
  std::string victim;
  for (int i = 0; i < 6; ++i) {
    const std::string payload = w.fresh_payload(900);
    if (i == 3) victim = payload;
    w.append(*a, payload);
  }
  for (uint32_t d : w.replicas_of_open()) ASSERT_TRUE(w.damage(d, victim.substr(0, 40)));
  auto b = w.try_take_over("b");
  ASSERT_FALSE(b.has_value());
  EXPECT_EQ(b.error().code, Errc::kCorrupt);
}

TEST(Takeover, AnOwnersNameHasALimit) {
  JournalWorld w;
  auto refused = w.try_take_over(std::string(kMaxOwnerBytes + 1, 'x'));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kInvalidArgument);
}

#ifdef ATOLL_PLANTED_BUGS
TEST(Takeover, TheTestsSeeADroppedTail) {
  JournalWorld w;
  auto a = w.take_over("a");
  w.append_many(*a, 5);
  plant_bug(PlantedBug::kDropSegmentTail);
  auto b = w.take_over("b");
  plant_bug(PlantedBug::kNone);
  EXPECT_LT(b->committed(), Lsn(5));
}

TEST(Takeover, TheTestsSeeAForgottenFence) {
  JournalWorld w;
  auto a = w.take_over("a");
  w.append_many(*a, 5);
  auto b = w.take_over("b");
  plant_bug(PlantedBug::kForgetFence);
  const bool accepted = w.try_append(*a, "from the past").has_value();
  plant_bug(PlantedBug::kNone);
  EXPECT_TRUE(accepted) << "acknowledged, and not in b's history";
}
#endif

}  // namespace
}  // namespace atl::journal
