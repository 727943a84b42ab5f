// Replicas that fail while the journal runs, and how full replication comes back.
#include "base/planted_bug.h"
#include "journal/test_world.h"

namespace atl::journal {
namespace {

void settle(JournalWorld& w) {
  w.env().run_for(20s);
}

// Every closed segment is whole on each device that the state lists.
void expect_whole(JournalWorld& w) {
  for (const SegmentEntry& s : w.state().segments) {
    EXPECT_EQ(s.replicas.size(), kReplicas);
    if (!s.closed) continue;
    for (DeviceId d : s.replicas) {
      EXPECT_TRUE(w.view().writable(d)) << "device " << d.value;
      bool whole = false;
      for (const auto& held : w.device(d.value).list_segments())
        if (held.segment == s.id && held.next_lsn >= s.end_lsn) whole = true;
      EXPECT_TRUE(whole) << "segment " << s.id.value << " on device " << d.value;
    }
  }
}

// One replica fails at any append: before it had the run, or after, with the answer lost.
TEST(ReplicaFailure, NeverShowsInWhatWasAcknowledged) {
  for (const Fault kind : {Fault::kLoseRequest, Fault::kLoseReply}) {
    for (uint64_t at = 0; at < 24; ++at) {
      JournalWorldOptions options;
      options.seed = 1 + at;
      JournalWorld w(options);
      auto j = w.take_over("a");
      uint64_t count = 0;
      w.faults().decide = [&](const Call& call) {
        return call.method == device::Method::kAppendRun && count++ == at ? kind : Fault::kNone;
      };
      w.append_many(*j, 16, 3000);
      w.faults().decide = nullptr;
      w.expect_history(*j);
      settle(w);
      EXPECT_TRUE(j->fully_replicated());
      expect_whole(w);
      auto b = w.take_over("b");
      w.expect_history(*b);
      ASSERT_FALSE(::testing::Test::HasFatalFailure()) << at;
    }
  }
}

TEST(ReplicaFailure, TwoFailAtOnce) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 5);
  const auto replicas = w.replicas_of_open();
  w.kill(replicas[0]);
  w.kill(replicas[2]);
  w.append_many(*j, 5);
  for (uint32_t d : w.replicas_of_open()) EXPECT_TRUE(d != replicas[0] && d != replicas[2]);
  settle(w);
  EXPECT_TRUE(j->fully_replicated());
  expect_whole(w);
  w.kill(replicas[1]);
  w.append_many(*j, 5);
  w.expect_history(*j);
}

TEST(ReplicaFailure, TheDiskOfAReplicaFailsForGood) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 5, 2000);
  const auto replicas = w.replicas_of_open();
  w.storage().fail_device(w.path(replicas[1]), 3);
  w.append_many(*j, 40, 2000);
  EXPECT_FALSE(w.view().readable(DeviceId(replicas[1])));
  settle(w);
  EXPECT_TRUE(j->fully_replicated());
  expect_whole(w);
  w.expect_history(*j);
}

TEST(ReplicaFailure, AllAtOnceBreaksTheJournalAndTakeoverDecides) {
  JournalWorld w;
  auto a = w.take_over("a");
  w.append_many(*a, 5);
  for (uint32_t d = 1; d <= 8; ++d) w.kill(d);
  w.history().offered.insert("perhaps");
  auto lsn = w.run(a->append("perhaps"));
  ASSERT_FALSE(lsn.has_value());
  EXPECT_EQ(lsn.error().code, Errc::kUnavailable);
  EXPECT_TRUE(a->broken());
  EXPECT_EQ(w.try_append(*a, "more").error().code, Errc::kUnavailable);
  for (uint32_t d = 1; d <= 8; ++d) w.revive(d);
  auto b = w.take_over("b");
  ASSERT_NE(b, nullptr);
  w.expect_history(*b);
  w.append_many(*b, 5);
  settle(w);
  EXPECT_TRUE(b->fully_replicated());
}

TEST(ReplicaFailure, TheCoordinatorIsAwayDuringARoll) {
  for (const Fault kind : {Fault::kLoseRequest, Fault::kLoseReply}) {
    JournalWorld w;
    auto a = w.take_over("a");
    w.append_many(*a, 5);
    w.kill(w.replicas_of_open()[0]);
    int lost = 0;
    w.faults().decide = [&](const Call& call) {
      return call.coordinator && lost++ < 3 ? kind : Fault::kNone;
    };
    w.append_many(*a, 5);  // it finds out what became of its change, and goes on
    EXPECT_FALSE(a->broken());
    w.faults().decide = nullptr;
    w.expect_history(*a);
  }
}

TEST(ReplicaFailure, TheCoordinatorStaysAway) {
  JournalWorld w;
  auto a = w.take_over("a");
  w.append_many(*a, 5);
  w.kill(w.replicas_of_open()[0]);
  w.faults().decide = [](const Call& call) {
    return call.coordinator ? Fault::kLoseReply : Fault::kNone;
  };
  w.history().offered.insert("perhaps");
  EXPECT_EQ(w.run(a->append("perhaps")).error().code, Errc::kUnavailable);
  EXPECT_TRUE(a->broken());
  w.faults().decide = nullptr;
  auto b = w.take_over("b");
  w.expect_history(*b);
}

TEST(FewDomains, TheJournalGoesOnWithWhatThereIsAndSaysSo) {
  JournalWorldOptions options;
  options.domains = 3;
  JournalWorld w(options);
  auto j = w.take_over("a");
  w.append_many(*j, 5);
  EXPECT_TRUE(j->fully_replicated());
  w.kill(2);
  w.append_many(*j, 5);
  EXPECT_EQ(w.replicas_of_open().size(), 2u);
  EXPECT_FALSE(j->fully_replicated());
  w.kill(1);
  w.append_many(*j, 5);
  EXPECT_EQ(w.replicas_of_open(), std::vector<uint32_t>{3});
  w.expect_history(*j);
  w.revive(1);
  w.revive(2);
  ASSERT_TRUE(w.run(j->repair()).has_value());
  w.append_many(*j, 5);
  EXPECT_EQ(w.replicas_of_open().size(), 3u);
  EXPECT_TRUE(j->fully_replicated());
  expect_whole(w);
  w.kill(3);
  auto b = w.take_over("b");
  ASSERT_NE(b, nullptr);
  w.expect_history(*b);
}

TEST(FewDomains, OneDomainIsAllThereIs) {
  JournalWorldOptions options;
  options.domains = 2;
  JournalWorld w(options);
  auto j = w.take_over("a");
  w.append_many(*j, 20, 4000);
  EXPECT_FALSE(j->fully_replicated());
  EXPECT_EQ(w.replicas_of_open().size(), 2u);
  ASSERT_TRUE(w.run(j->repair()).has_value()) << "there is nothing better to do";
  w.expect_history(*j);
}

TEST(Repair, FailedDevicesAreReplaced) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 40, 4000);
  w.mark_failed(2);
  w.mark_failed(5);
  EXPECT_FALSE(j->fully_replicated());
  ASSERT_TRUE(w.run(j->repair()).has_value());
  EXPECT_TRUE(j->fully_replicated());
  expect_whole(w);
  for (const SegmentEntry& s : w.state().segments)
    for (DeviceId d : s.replicas) EXPECT_TRUE(d.value != 2 && d.value != 5);
  w.expect_history(*j);
  w.append_many(*j, 5);
  w.mark_failed(1);
  w.mark_failed(3);
  ASSERT_TRUE(w.run(j->repair()).has_value());
  auto b = w.take_over("b");
  w.expect_history(*b);
}

TEST(Repair, ADrainingDomainIsLeft) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 40, 4000);
  w.set_draining(4, true);
  ASSERT_TRUE(w.run(j->repair()).has_value());
  for (const SegmentEntry& s : w.state().segments)
    for (DeviceId d : s.replicas) EXPECT_NE(d.value, 4u);
  EXPECT_TRUE(j->fully_replicated());
  w.append_many(*j, 20, 4000);
  for (const SegmentEntry& s : w.state().segments)
    for (DeviceId d : s.replicas) EXPECT_NE(d.value, 4u);
  w.expect_history(*j);
}

TEST(Repair, ASegmentThatADeviceLostIsCopiedBack) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 40, 4000);
  const SegmentEntry victim = w.state().segments[1];
  ASSERT_TRUE(victim.closed);
  ASSERT_TRUE(w.run(w.device(victim.replicas[0].value).delete_segment(victim.id)).has_value());
  ASSERT_TRUE(w.run(j->repair()).has_value());
  expect_whole(w);
  w.expect_history(*j);
}

TEST(Repair, ADeviceThatReturnsIsToppedUp) {
  JournalWorldOptions options;
  options.domains = 3;
  JournalWorld w(options);
  auto j = w.take_over("a");
  w.append_many(*j, 3, 4000);
  // Device 2 misses a run that the others have; then the owner dies.
  w.faults().decide = [](const Call& call) {
    if (call.coordinator) return Fault::kStopBefore;
    return call.node == NodeId(2) ? Fault::kStopBefore : Fault::kNone;
  };
  const std::string payload = w.fresh_payload(100);
  w.history().offered.insert(payload);
  w.env().spawn("append", unheard(j->append(payload)));
  w.env().run_for(1s);
  w.restart();
  w.kill(2);
  auto b = w.take_over("b");
  EXPECT_EQ(b->committed(), Lsn(4));
  w.expect_history(*b);
  EXPECT_FALSE(b->fully_replicated());
  w.revive(2);
  ASSERT_TRUE(w.run(b->repair()).has_value());
  EXPECT_TRUE(b->fully_replicated());
  expect_whole(w);
  w.kill(1);
  w.kill(3);
  w.expect_history(*b);
}

TEST(Scrub, FindsAndRepairsDamageThatNobodyHasReadYet) {
  JournalWorld w;
  auto j = w.take_over("a");
  std::vector<std::string> payloads;
  for (int i = 0; i < 30; ++i) {
    payloads.push_back(w.fresh_payload(4000));
    w.append(*j, payloads.back());
  }
  auto clean = w.run(j->scrub());
  ASSERT_TRUE(clean.has_value());
  EXPECT_EQ(clean->bad_replicas, 0u);
  EXPECT_GT(clean->bytes, 30u * 4000 * 3);
  const SegmentEntry victim = w.state().segments[1];
  const std::string inside = payloads[victim.first_lsn.value].substr(0, 40);
  ASSERT_TRUE(w.damage(victim.replicas[1].value, inside));
  auto report = w.run(j->scrub());
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->bad_replicas, 1u);
  EXPECT_TRUE(report->fully_replicated);
  auto again = w.run(j->scrub());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->bad_replicas, 0u);
  w.expect_history(*j);
}

// What repair leaves on the device that it replaces must not come back: with few devices a later
// repair soon chooses one that it left because of damage.
TEST(Scrub, DamageThatWasReplacedNeverComesBack) {
  for (const uint32_t domains : {4u, 5u, 8u}) {
    JournalWorldOptions options;
    options.domains = domains;
    JournalWorld w(options);
    auto j = w.take_over("a");
    std::vector<std::string> payloads;
    for (int i = 0; i < 20; ++i) {
      payloads.push_back(w.fresh_payload(4000));
      w.append(*j, payloads.back());
    }
    const size_t at = 1;
    uint64_t bad = 0;
    for (uint32_t round = 0; round < 3 * domains; ++round) {
      const SegmentEntry victim = w.state().segments[at];
      const std::string inside = payloads[victim.first_lsn.value].substr(0, 40);
      ASSERT_TRUE(w.damage(victim.replicas[round % kReplicas].value, inside));
      auto found = w.run(j->scrub());
      ASSERT_TRUE(found.has_value()) << found.error().to_string();
      bad += found->bad_replicas;  // none when the flip hit what an earlier repair left there
      EXPECT_TRUE(found->fully_replicated);
      auto again = w.run(j->scrub());
      ASSERT_TRUE(again.has_value());
      ASSERT_EQ(again->bad_replicas, 0u) << domains << " domains, round " << round;
      expect_whole(w);
    }
    EXPECT_GT(bad, 2 * domains);
    w.expect_history(*j);
    w.restart();
    auto b = w.take_over("b");
    w.expect_history(*b);
  }
}

// A spare device that has a damaged copy is no spare.
TEST(Repair, AStrayInTheWayMeansANewId) {
  JournalWorldOptions options;
  options.domains = 4;
  JournalWorld w(options);
  auto j = w.take_over("a");
  std::vector<std::string> payloads;
  for (int i = 0; i < 20; ++i) {
    payloads.push_back(w.fresh_payload(4000));
    w.append(*j, payloads.back());
  }
  const SegmentEntry victim = w.state().segments[1];
  const std::string inside = payloads[victim.first_lsn.value].substr(0, 40);
  ASSERT_TRUE(w.damage(victim.replicas[0].value, inside));
  ASSERT_TRUE(w.run(j->scrub()).has_value());  // left for the fourth device
  const SegmentEntry moved = w.state().segments[1];
  EXPECT_EQ(moved.id, victim.id);
  EXPECT_EQ(std::count(moved.replicas.begin(), moved.replicas.end(), victim.replicas[0]), 0);
  w.mark_failed(victim.replicas[1].value);
  ASSERT_TRUE(w.run(j->repair()).has_value());
  EXPECT_TRUE(j->fully_replicated());
  EXPECT_NE(w.state().segments[1].id, victim.id);
  auto report = w.run(j->scrub());
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->bad_replicas, 0u);
  w.expect_history(*j);
}

TEST(Scrub, WhatADeviceSaysIsCountedAndReplaced) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 20, 4000);
  const SegmentEntry victim = w.state().segments[1];
  uint32_t other = 1;
  while (std::count(victim.replicas.begin(), victim.replicas.end(), DeviceId(other)) != 0) ++other;
  EXPECT_FALSE(j->suspect(victim.id, DeviceId(other))) << "garbage is nobody's business";
  EXPECT_FALSE(j->suspect(SegmentId(victim.id.value - 100), victim.replicas[0]));
  EXPECT_TRUE(j->suspect(victim.id, victim.replicas[0]));
  EXPECT_FALSE(j->suspect(victim.id, victim.replicas[0])) << "known";
  EXPECT_FALSE(j->fully_replicated());
  auto report = w.run(j->scrub());
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->bad_replicas, 1u);
  EXPECT_TRUE(report->fully_replicated);
  const auto now = w.state().segments[1].replicas;
  EXPECT_EQ(std::count(now.begin(), now.end(), victim.replicas[0]), 0);
  EXPECT_TRUE(j->suspect(victim.id, now[0]));
  ASSERT_TRUE(w.run(j->repair()).has_value());
  EXPECT_TRUE(j->fully_replicated());
  w.expect_history(*j);
}

TEST(Scrub, WithNoSpareDeviceTheSegmentIsWrittenAnew) {
  JournalWorldOptions options;
  options.domains = 3;
  JournalWorld w(options);
  auto j = w.take_over("a");
  std::vector<std::string> payloads;
  for (int i = 0; i < 20; ++i) {
    payloads.push_back(w.fresh_payload(4000));
    w.append(*j, payloads.back());
  }
  const SegmentEntry victim = w.state().segments[1];
  for (int i = 0; i < 3; ++i)  // each replica in another place
    ASSERT_TRUE(
        w.damage(victim.replicas[i].value, payloads[victim.first_lsn.value - 1 + i].substr(0, 40)));
  auto report = w.run(j->scrub());
  ASSERT_TRUE(report.has_value()) << report.error().to_string();
  EXPECT_EQ(report->bad_replicas, 3u);
  EXPECT_TRUE(report->fully_replicated);
  EXPECT_NE(w.state().segments[1].id, victim.id);
  expect_whole(w);
  w.expect_history(*j);
  ASSERT_TRUE(w.run(j->collect_orphans()).has_value());
  for (DeviceId d : victim.replicas) EXPECT_FALSE(w.holds_segment(d.value, victim.id));
  w.restart();
  auto b = w.take_over("b");
  w.expect_history(*b);
}

TEST(Scrub, DamageInTheOpenSegmentClosesIt) {
  JournalWorld w;
  auto j = w.take_over("a");
  const std::string payload = w.fresh_payload(1000);
  w.append(*j, payload);
  w.append_many(*j, 3);
  ASSERT_TRUE(w.damage(w.replicas_of_open()[2], payload.substr(0, 40)));
  auto report = w.run(j->scrub());
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->bad_replicas, 1u);
  EXPECT_TRUE(report->fully_replicated);
  w.append_many(*j, 3);
  w.expect_history(*j);
}

TEST(Orphans, OnlyWhatNoListCanNameIsDeleted) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 20, 4000);
  const uint64_t listed = w.segments_stored();
  const SegmentId next = w.state().next_segment;
  auto seal = [&](uint32_t d, SegmentId id, PartitionId p) {
    auto sealed = w.run(w.device(d).seal_segment(id, p, Epoch(1), Lsn(1), 0));
    ASSERT_TRUE(sealed.has_value());
  };
  // A trimmed one's remains; one of a future owner; one of another partition.
  const SegmentId old(next.value - 1000);
  seal(1, old, PartitionId(1));
  seal(2, SegmentId(next.value + 5), PartitionId(1));
  seal(3, first_segment_id(PartitionId(9)), PartitionId(9));
  ASSERT_TRUE(w.run(j->collect_orphans()).has_value());
  EXPECT_FALSE(w.holds_segment(1, old));
  EXPECT_TRUE(w.holds_segment(2, SegmentId(next.value + 5)));
  EXPECT_TRUE(w.holds_segment(3, first_segment_id(PartitionId(9))));
  EXPECT_EQ(w.segments_stored(), listed + 2);
  w.expect_history(*j);
}

// Full devices: other devices first, then a clear error, then on again when there is room.
TEST(NoSpace, OtherDevicesAreTriedAndTheErrorIsClear) {
  JournalWorldOptions options;
  options.segment_bytes = 1u << 20;
  JournalWorld w(options);
  auto j = w.take_over("a");
  Result<Lsn> last = Lsn();
  uint64_t appended = 0;
  for (int i = 0; i < 4000 && last; ++i) {
    last = w.try_append(*j, w.fresh_payload(200'000));
    if (last) appended += 200'000;
  }
  ASSERT_FALSE(last.has_value()) << "8 devices of 64 MiB are not full?";
  EXPECT_EQ(last.error().code, Errc::kNoSpace);
  EXPECT_FALSE(j->broken());
  EXPECT_GT(appended, 8u * (64u << 20) / 3 / 2) << "most of the room was used";
  w.expect_history(*j);
  const Lsn at = j->committed();
  const Checkpoint c{at, *w.run(j->chain_at(at)), "m"};
  ASSERT_TRUE(w.run(j->set_checkpoint(c)).has_value());
  w.env().run_for(10s);
  w.append_many(*j, 20, 200'000);
  w.expect_history(*j);
}

#ifdef ATOLL_PLANTED_BUGS
TEST(Planted, TwoReplicasAreNotEnough) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append(*j, "one");
  const auto replicas = w.replicas_of_open();
  plant_bug(PlantedBug::kTwoReplicasAreEnough);
  w.kill(replicas[2]);
  w.append(*j, "two");
  plant_bug(PlantedBug::kNone);
  // It was acknowledged, and is not on the third replica.
  bool there = true;
  for (const auto& held : w.device(replicas[2]).list_segments())
    if (held.next_lsn < Lsn(3)) there = false;
  EXPECT_FALSE(there);
  w.restart();
}

TEST(Planted, TrimmingTooMuchIsNoticed) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 40, 4000);
  plant_bug(PlantedBug::kTrimBeforeCheckpoint);
  const Checkpoint c{Lsn(3), *w.run(j->chain_at(Lsn(3))), "m"};
  ASSERT_TRUE(w.run(j->set_checkpoint(c)).has_value());
  plant_bug(PlantedBug::kNone);
  EXPECT_FALSE(w.read_all(*j, Lsn(3)).has_value());
}
#endif

}  // namespace
}  // namespace atl::journal
