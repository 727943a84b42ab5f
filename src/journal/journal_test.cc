// Appending, replaying, rolling, checkpoints: a journal in good times, and its limits.
#include "journal/test_world.h"

namespace atl::journal {
namespace {

TEST(Journal, AppendsAndReplays) {
  JournalWorld w;
  auto j = w.take_over("a");
  EXPECT_EQ(j->epoch(), Epoch(1));
  EXPECT_EQ(j->committed(), Lsn(0));
  EXPECT_EQ(w.append(*j, "first"), Lsn(1));
  EXPECT_EQ(w.append(*j, "second"), Lsn(2));
  EXPECT_EQ(w.append(*j, ""), Lsn(3));
  EXPECT_EQ(j->committed(), Lsn(3));
  EXPECT_TRUE(j->fully_replicated());
  w.expect_history(*j);
  auto tail = w.read_all(*j, Lsn(2));
  ASSERT_TRUE(tail.has_value());
  EXPECT_EQ(tail->size(), 1u);
}

TEST(Journal, AcknowledgedMeansDurableOnThreeDomains) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append(*j, "x");
  const auto replicas = w.replicas_of_open();
  ASSERT_EQ(replicas.size(), 3u);
  w.restart();  // power cut of all
  const SegmentId id = w.state().segments.back().id;
  for (uint32_t d : replicas) {
    bool durable = false;
    for (const auto& held : w.device(d).list_segments())
      if (held.segment == id && held.next_lsn == Lsn(2)) durable = true;
    EXPECT_TRUE(durable) << "device " << d;
  }
}

Task<void> append_and_note(Journal* j, JournalWorld* w, std::string payload,
                           std::shared_ptr<std::vector<uint64_t>> order) {
  w->history().offered.insert(payload);
  auto lsn = co_await j->append(payload);
  EXPECT_TRUE(lsn.has_value());
  if (!lsn) co_return;
  w->note_ack(*lsn, payload);
  order->push_back(lsn->value);
}

TEST(Journal, CallsThatWaitTogetherAreOneRunInTheirOrder) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append(*j, w.fresh_payload(10));
  const uint64_t before = w.faults().calls;
  auto order = std::make_shared<std::vector<uint64_t>>();
  for (int i = 0; i < 200; ++i)
    w.env().spawn("append", append_and_note(j.get(), &w, w.fresh_payload(50), order));
  w.env().run_for(1s);
  ASSERT_EQ(order->size(), 200u);
  EXPECT_TRUE(std::is_sorted(order->begin(), order->end()));
  EXPECT_LE(w.faults().calls - before, 3u * 4) << "a few runs on three replicas, not 200";
  w.expect_history(*j);
}

TEST(Journal, RollsSegmentsAndReadsAcrossThem) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 60, 4000);
  EXPECT_GE(w.state().segments.size(), 6u);
  w.expect_history(*j);
  EXPECT_TRUE(j->fully_replicated());
  j = w.take_over("b");
  EXPECT_EQ(j->committed(), Lsn(60));
  w.expect_history(*j);
}

TEST(Journal, ChainsAreTheSameHoweverTheyAreFound) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 30, 3000);
  std::map<uint64_t, uint32_t> chains;
  auto visit = [&chains](const Entry& entry) -> Status {
    chains[entry.lsn.value] = entry.chain;
    return {};
  };
  ASSERT_TRUE(w.run(j->replay(Lsn(0), visit)).has_value());
  auto k = w.take_over("b");
  for (uint64_t lsn = 1; lsn <= 30; ++lsn) {
    EXPECT_EQ(w.run(j->chain_at(Lsn(lsn))), chains[lsn]) << lsn;
    EXPECT_EQ(w.run(k->chain_at(Lsn(lsn))), chains[lsn]) << lsn;
  }
  EXPECT_EQ(w.run(k->chain_at(Lsn(0))), 0u);
  EXPECT_EQ(w.run(k->chain_at(Lsn(31))).error().code, Errc::kNotFound);
}

TEST(Journal, LargeEntriesGoAloneAndTooLargeOnesAreRefused) {
  JournalWorldOptions options;
  options.device_bytes = 1_GiB;
  JournalWorld w(options);
  auto j = w.take_over("a");
  w.append(*j, w.fresh_payload(9'000'000));
  w.append(*j, "small");
  w.expect_history(*j);
  auto refused = w.try_append(*j, std::string(kMaxEntryBytes + 1, 'x'));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kTooLarge);
  EXPECT_FALSE(j->broken());
  EXPECT_EQ(w.append(*j, "after"), Lsn(3)) << "nothing was appended";
}

// Small devices have small zones: what does not fit one is refused by the device, not by the
// journal.
TEST(Journal, ARunTooLargeForADeviceIsCutOrRefused) {
  JournalWorldOptions options;
  options.zone_bytes = 1_MiB;
  JournalWorld w(options);
  auto j = w.take_over("a");
  auto order = std::make_shared<std::vector<uint64_t>>();
  for (int i = 0; i < 20; ++i)
    w.env().spawn("append", append_and_note(j.get(), &w, w.fresh_payload(200'000), order));
  w.env().run_for(2s);
  EXPECT_EQ(order->size(), 20u);
  auto refused = w.try_append(*j, w.fresh_payload(3'000'000));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kTooLarge);
  EXPECT_FALSE(j->broken());
  w.append(*j, "after");
  w.expect_history(*j);
}

TEST(Journal, CheckpointTrimsOnlyWhatItCovers) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 40, 4000);
  const JournalState before = w.state();
  ASSERT_GE(before.segments.size(), 4u);
  const Lsn in_third(before.segments[2].first_lsn.value + 2);
  const uint64_t grown = j->bytes_since_checkpoint();
  Checkpoint c{in_third, *w.run(j->chain_at(in_third)), "manifest 1"};
  ASSERT_TRUE(w.run(j->set_checkpoint(c)).has_value());
  const JournalState after = w.state();
  EXPECT_EQ(after.checkpoint, c);
  ASSERT_EQ(after.segments.size(), before.segments.size() - 2);
  EXPECT_EQ(after.segments[0], before.segments[2]) << "it holds entries after the checkpoint";
  for (int i = 0; i < 2; ++i)
    for (DeviceId d : before.segments[i].replicas)
      EXPECT_FALSE(w.holds_segment(d.value, before.segments[i].id)) << "space comes back";
  EXPECT_LE(j->bytes_since_checkpoint(), grown);
  w.expect_history(*j);
  EXPECT_EQ(w.read_all(*j, Lsn(0)).error().code, Errc::kNotFound);
  EXPECT_EQ(w.run(j->chain_at(Lsn(3))).error().code, Errc::kNotFound);
  EXPECT_EQ(w.run(j->chain_at(in_third)), c.chain);

  j = w.take_over("b");
  EXPECT_EQ(j->checkpoint(), c);
  w.expect_history(*j);
}

TEST(Journal, AJournalThatIsAllCheckpointedGoesOnFromThere) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 5);
  const Checkpoint c{Lsn(5), *w.run(j->chain_at(Lsn(5))), "m"};
  ASSERT_TRUE(w.run(j->set_checkpoint(c)).has_value());
  EXPECT_EQ(j->bytes_since_checkpoint(), 0u);
  j = w.take_over("b");
  const uint32_t chain = *w.run(j->chain_at(Lsn(5)));
  ASSERT_TRUE(w.run(j->set_checkpoint(c)).has_value()) << "the same one again, now trimming all";
  EXPECT_TRUE(w.state().segments.empty());
  j = w.take_over("c");
  EXPECT_EQ(j->committed(), Lsn(5));
  EXPECT_EQ(w.run(j->chain_at(Lsn(5))), chain);
  EXPECT_EQ(w.append(*j, "sixth"), Lsn(6));
  w.expect_history(*j);
}

TEST(Journal, WrongCheckpointsChangeNothing) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 10);
  auto code = [&](Checkpoint c) {
    auto s = w.run(j->set_checkpoint(std::move(c)));
    return s ? Errc{} : s.error().code;
  };
  const uint32_t chain5 = *w.run(j->chain_at(Lsn(5)));
  const uint32_t chain7 = *w.run(j->chain_at(Lsn(7)));
  EXPECT_EQ(code({Lsn(11), 0, ""}), Errc::kInvalidArgument);
  EXPECT_EQ(code({Lsn(5), chain5 ^ 1, ""}), Errc::kInvalidArgument);
  EXPECT_EQ(code({Lsn(5), chain5, std::string(kMaxManifestBytes + 1, 'x')}),
            Errc::kInvalidArgument);
  EXPECT_EQ(code({Lsn(7), chain7, std::string(kMaxManifestBytes, 'x')}), Errc{});
  EXPECT_EQ(code({Lsn(5), chain5, ""}), Errc::kInvalidArgument) << "older";
  EXPECT_FALSE(j->broken());
  w.expect_history(*j);
}

TEST(Journal, TooManySegmentsSayBusyUntilACheckpoint) {
  JournalWorldOptions options;
  options.segment_bytes = 1;  // each run rolls
  JournalWorld w(options);
  auto j = w.take_over("a");
  Result<Lsn> last = Lsn();
  for (size_t i = 0; i <= kMaxSegments && last; ++i) last = w.try_append(*j, w.fresh_payload(20));
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code, Errc::kBusy);
  EXPECT_NE(last.error().message.find("checkpoint"), std::string::npos);
  EXPECT_FALSE(j->broken());
  const Lsn half(j->committed().value / 2);
  const Checkpoint c{half, *w.run(j->chain_at(half)), "m"};
  ASSERT_TRUE(w.run(j->set_checkpoint(c)).has_value());
  w.append_many(*j, 10);
  w.expect_history(*j);
}

TEST(Journal, AFullQueueSaysBusy) {
  JournalWorld w;
  auto j = w.take_over("a");
  std::vector<Task<Result<Lsn>>> tasks;
  for (size_t i = 0; i < kMaxQueuedEntries; ++i) tasks.push_back(j->append("x"));
  auto refused = w.run(j->append("one too many"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kBusy);
  auto all = w.run(env::when_all(w.env(), std::move(tasks)));
  for (size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], Lsn(i + 1));
}

TEST(Journal, CloseFinishesWhatIsInFlight) {
  JournalWorld w;
  auto j = w.take_over("a");
  auto order = std::make_shared<std::vector<uint64_t>>();
  for (int i = 0; i < 50; ++i)
    w.env().spawn("append", append_and_note(j.get(), &w, w.fresh_payload(1000), order));
  w.env().run_for(1us);
  ASSERT_TRUE(w.run(j->close()).has_value());
  w.env().run_for(1us);
  EXPECT_EQ(order->size(), 50u);
  EXPECT_EQ(w.run(j->append("late")).error().code, Errc::kCancelled);
  auto k = w.take_over("b");
  w.expect_history(*k);
}

TEST(Journal, MayBeDestroyedWhileAppendsWait) {
  JournalWorld w;
  auto j = w.take_over("a");
  auto order = std::make_shared<std::vector<uint64_t>>();
  for (int i = 0; i < 50; ++i)
    w.env().spawn("append", append_and_note(j.get(), &w, w.fresh_payload(1000), order));
  w.env().run_for(1us);
  j.reset();
  w.env().run_for(1s);
  EXPECT_EQ(order->size(), 50u);
  auto k = w.take_over("b");
  w.expect_history(*k);
}

TEST(Journal, TwoPartitionsDoNotDisturbEachOther) {
  JournalWorld w;
  auto one = w.take_over("a");
  auto two = w.run(Journal::take_over(w.view(), PartitionId(2), "a", w.journal_options()));
  ASSERT_TRUE(two.has_value());
  for (int i = 0; i < 20; ++i) {
    w.append(*one, w.fresh_payload(3000));
    ASSERT_TRUE(w.run((*two)->append(fmt::format("other {}", i))).has_value());
  }
  ASSERT_TRUE(w.run((*two)->collect_orphans()).has_value());
  w.expect_history(*one);
  auto other = w.read_all(**two, Lsn(0));
  ASSERT_TRUE(other.has_value());
  ASSERT_EQ(other->size(), 20u);
  EXPECT_EQ(other->back().second, "other 19");
}

TEST(Journal, AVisitorsErrorStopsTheReplay) {
  JournalWorld w;
  auto j = w.take_over("a");
  w.append_many(*j, 10);
  int visited = 0;
  auto visit = [&visited](const Entry&) -> Status {
    if (++visited == 4) return fail(Errc::kCancelled, "enough");
    return {};
  };
  EXPECT_EQ(w.run(j->replay(Lsn(0), visit)).error().code, Errc::kCancelled);
  EXPECT_EQ(visited, 4);
}

}  // namespace
}  // namespace atl::journal
