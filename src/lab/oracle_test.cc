#include "lab/oracle.h"

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>

#include "lab/answer_log.h"
#include "lab/test_net.h"

namespace atl::lab {
namespace {

const vip::Vip kVip = lab_vip(1);
const vip::Vip kOther = lab_vip(2);

Answer answer(size_t node, Nanos first, Nanos last, vip::Vip vip = kVip) {
  Answer a;
  a.node = static_cast<uint16_t>(node);
  a.first = first;
  a.last = last;
  a.vip = vip;
  return a;
}

// --- The judge ---

TEST(Judge, AnswersUnderTheOwnRecordAreSafe) {
  const std::vector<Answer> answers = {answer(1, 10ns, 19ns), answer(2, 20ns, 90ns),
                                       answer(3, 15ns, 15ns, kOther)};
  const Verdict v = judge_answers(answers, {{20ns, kVip, 2}, {10ns, kVip, 1}, {1ns, kOther, 3}});
  EXPECT_EQ(v.kind, Verdict::Kind::kSafe);
  EXPECT_EQ(v.answers, 3);
  EXPECT_EQ(v.instants_total, 0);
}

TEST(Judge, ThereIsNoToleranceAtAChange) {
  const std::vector<HolderChange> changes = {{10ns, kVip, 1}, {20ns, kVip, 2}};
  EXPECT_EQ(judge_answers({answer(1, 19ns, 19ns)}, changes).kind, Verdict::Kind::kSafe);
  EXPECT_EQ(judge_answers({answer(1, 20ns, 20ns)}, changes).kind, Verdict::Kind::kUnsafe);
  EXPECT_EQ(judge_answers({answer(2, 20ns, 20ns)}, changes).kind, Verdict::Kind::kSafe);
  EXPECT_EQ(judge_answers({answer(2, 19ns, 19ns)}, changes).kind, Verdict::Kind::kUnsafe);
}

TEST(Judge, SaysWhoWhenAndForWhat) {
  const Verdict v =
      judge_answers({answer(1, 15ns, 25ns)}, {{10ns, kVip, 1}, {20ns, kVip, 2}, {20ns, kOther, 1}});
  ASSERT_EQ(v.instants.size(), 1);
  EXPECT_EQ(v.instants[0].at, 25ns);
  EXPECT_EQ(v.instants[0].vip, kVip);
  EXPECT_EQ(v.instants[0].node, 1);
  EXPECT_EQ(v.instants[0].holder, 2);
  EXPECT_THAT(v.instants[0].packet, testing::HasSubstr("node1 10.0.9.1"));
}

TEST(Judge, BeforeTheFirstRecordAndUnderNobodysNoAnswerIsSafe) {
  EXPECT_EQ(judge_answers({answer(1, 5ns, 5ns)}, {}).kind, Verdict::Kind::kUnsafe);
  EXPECT_EQ(judge_answers({answer(1, 5ns, 5ns)}, {{6ns, kVip, 1}}).kind, Verdict::Kind::kUnsafe);
  EXPECT_EQ(judge_answers({answer(1, 5ns, 5ns)}, {{1ns, kVip, 1}, {3ns, kVip, 0}}).kind,
            Verdict::Kind::kUnsafe);
}

TEST(Judge, AnAddressThatLeftAndCameBackWithinOneAnswerIsDoubtful) {
  const Verdict v =
      judge_answers({answer(1, 10ns, 40ns)}, {{1ns, kVip, 1}, {20ns, kVip, 2}, {30ns, kVip, 1}});
  EXPECT_EQ(v.kind, Verdict::Kind::kNotSure);
  // A change of the record that keeps its holder is none.
  EXPECT_EQ(judge_answers({answer(1, 10ns, 40ns)}, {{1ns, kVip, 1}, {20ns, kVip, 1}}).kind,
            Verdict::Kind::kSafe);
}

TEST(Judge, KeepsCountingWhenTheListIsFull) {
  std::vector<Answer> answers;
  for (size_t i = 0; i < kInstantsKept + 5; ++i) answers.push_back(answer(2, Nanos(i), Nanos(i)));
  const Verdict v = judge_answers(answers, {{0ns, kVip, 1}});
  EXPECT_EQ(v.instants.size(), kInstantsKept);
  EXPECT_EQ(v.instants_total, kInstantsKept + 5);
  EXPECT_EQ(v.instants.front().at, 0ns);
}

// --- The log ---

TEST(AnswerLogTest, ABurstIsOneAnswerAndALongOneIsSeveral) {
  AnswerLog log(100);
  for (int i = 0; i <= 25; ++i) log.add(answer(1, i * 1ms, i * 1ms));
  const std::vector<Answer> all = log.all();
  ASSERT_EQ(all.size(), 3);
  EXPECT_EQ(all[0].first, 0ms);
  EXPECT_EQ(all[0].last, 10ms);
  EXPECT_EQ(all[0].packets, 11);
  EXPECT_EQ(all[2].last, 25ms);
}

TEST(AnswerLogTest, NodesAndAddressesAreKeptApart) {
  AnswerLog log(100);
  log.add(answer(1, 1ns, 1ns));
  log.add(answer(2, 2ns, 2ns));
  log.add(answer(1, 3ns, 3ns, kOther));
  log.add(answer(1, 4ns, 4ns));
  EXPECT_EQ(log.all().size(), 3);
}

TEST(AnswerLogTest, OneThatWasOverwrittenIsNotExtended) {
  AnswerLog log(2);
  log.add(answer(1, 1ms, 1ms));
  log.add(answer(2, 2ms, 2ms));
  log.add(answer(3, 3ms, 3ms));  // in the place of node 1's
  log.add(answer(1, 4ms, 4ms));
  const std::vector<Answer> all = log.all();
  ASSERT_EQ(all.size(), 2);
  EXPECT_EQ(all[0].node, 3);
  EXPECT_EQ(all[0].packets, 1);
  EXPECT_EQ(all[1].node, 1);
  EXPECT_EQ(all[1].first, 4ms);
}

TEST(AnswerLogTest, WhatIsOverwrittenIsCounted) {
  AnswerLog log(4);
  for (int i = 0; i < 10; ++i) log.add(answer(1, i * 1s, i * 1s));
  EXPECT_EQ(log.all().size(), 4);
  EXPECT_EQ(log.all().front().first, 6s);
  EXPECT_EQ(log.dropped(), 6);
  log.clear();
  EXPECT_EQ(log.dropped(), 0);
  EXPECT_TRUE(log.all().empty());
}

// --- Real packets ---

class OracleTest : public testing::Test {
 protected:
  void SetUp() override { ATOLL_NEEDS_NETWORKS(); }

  void make(Network network = Network::kRouted, size_t answers_max = kAnswersMax) {
    NetLabOptions options;
    options.network = network;
    options.nodes = 3;
    lab = NetLab::create(options).value();
    for (size_t i = 1; i <= 3; ++i) listeners.push_back(listen_at(*lab, node_place(i)));
    Oracle::Options watch;
    watch.vips = {kVip, kOther};
    watch.answers_max = answers_max;
    watch.on_garp = [this](size_t node, vip::Vip vip) {
      const std::scoped_lock lock(mutex);
      garps.emplace_back(node, vip);
    };
    oracle = Oracle::start(*lab, watch).value();
  }

  void hold(size_t node, vip::Vip vip) {
    changes.push_back({real_now(), vip, node});
    add_address(*lab, node, vip.to_string());
    ASSERT_TRUE(lab->deliver(vip, node));
  }
  void ask(vip::Vip vip) {
    ASSERT_TRUE(try_connect(*lab, client_place(1), vip.to_string()).connected);
  }
  // One that has the address but not the record answers a client that still sends there.
  void ask_at(vip::Vip vip, size_t node) {
    ASSERT_TRUE(lab->deliver(vip, node));
    ask(vip);
  }
  Verdict verdict() {
    oracle->stop();
    return oracle->judge(changes);
  }

  std::unique_ptr<NetLab> lab;
  std::vector<FileHandle> listeners;
  std::unique_ptr<Oracle> oracle;
  std::vector<HolderChange> changes;
  std::mutex mutex;
  std::vector<std::pair<size_t, vip::Vip>> garps;
};

TEST_F(OracleTest, AnOrderlyMoveIsSafe) {
  make();
  hold(1, kVip);
  ask(kVip);
  remove_address(*lab, 1, kVip.to_string());
  const Nanos moved = real_now();
  hold(2, kVip);
  ask(kVip);
  const Verdict v = verdict();
  EXPECT_EQ(v.kind, Verdict::Kind::kSafe) << v.doubt;
  EXPECT_GE(v.answers, 2);
  ASSERT_TRUE(oracle->first_answer(kVip, 2));
  EXPECT_GE(oracle->first_answer(kVip, 2)->first, moved);
  EXPECT_LE(oracle->first_answer(kVip, 2)->first, real_now());
  ASSERT_TRUE(oracle->last_answer(kVip, 1));
  EXPECT_LT(oracle->last_answer(kVip, 1)->last, moved);
  EXPECT_FALSE(oracle->first_answer(kVip, 3));
  EXPECT_FALSE(oracle->first_answer(kVip, 1, moved));
  EXPECT_FALSE(oracle->last_answer(kVip, 2, moved));
  EXPECT_TRUE(oracle->answers(kOther).empty());
}

TEST_F(OracleTest, ASecondNodeThatAnswersIsCaught) {
  make();
  hold(1, kVip);
  ask(kVip);
  hold(2, kVip);  // and node 1 was not told
  ask(kVip);
  ask_at(kVip, 1);
  const Verdict v = verdict();
  ASSERT_EQ(v.kind, Verdict::Kind::kUnsafe);
  EXPECT_EQ(v.instants[0].node, 1);
  EXPECT_EQ(v.instants[0].holder, 2);
  EXPECT_EQ(v.instants[0].vip, kVip);
  EXPECT_GT(v.instants[0].at, changes[1].at);
  EXPECT_THAT(v.instants[0].packet, testing::HasSubstr(":80 > 10.0.200.1:"));
}

TEST_F(OracleTest, OneThatAnswersTooEarlyIsCaught) {
  make();
  hold(1, kVip);
  add_address(*lab, 2, kVip.to_string());
  ask_at(kVip, 2);
  changes.push_back({real_now(), kVip, 2});
  const Verdict v = verdict();
  ASSERT_EQ(v.kind, Verdict::Kind::kUnsafe);
  EXPECT_EQ(v.instants[0].node, 2);
}

TEST_F(OracleTest, AnArpInTheNameOfAnothersVipIsCaughtOnASegment) {
  make(Network::kSegment);
  changes.push_back({real_now(), kVip, 1});
  send_garp(*lab, 1, kVip);
  send_arp(*lab, 3, kVip, vip::Vip{0x0a000101}, 1);
  const Verdict v = verdict();
  ASSERT_EQ(v.kind, Verdict::Kind::kUnsafe);
  ASSERT_EQ(v.instants_total, 1);
  EXPECT_EQ(v.instants[0].node, 3);
  EXPECT_EQ(v.instants[0].packet, "node3 ARP request 10.0.9.1 > 10.0.1.1");
}

TEST_F(OracleTest, TheManagementInterfaceIsWatchedToo) {
  make();
  changes.push_back({real_now(), kVip, 1});
  send_arp(*lab, 1, kVip, kVip, 2, 0xff, "mgmt0");  // its own, but the fabric does not hear it
  send_arp(*lab, 3, kVip, vip::Vip{0x0a000101}, 1, 0xff, "mgmt0");
  ASSERT_TRUE(lab->power_off(2));
  ASSERT_TRUE(lab->power_on(2));
  send_arp(*lab, 2, kVip, vip::Vip{0x0a000101}, 1, 0xff, "mgmt0");
  const Verdict v = verdict();
  ASSERT_EQ(v.kind, Verdict::Kind::kUnsafe);
  ASSERT_EQ(v.instants_total, 2);
  EXPECT_EQ(v.instants[0].packet, "node3 ARP request 10.0.9.1 > 10.0.1.1");
  EXPECT_EQ(v.instants[1].node, 2);
  EXPECT_TRUE(oracle->first_answer(kVip, 1));
  EXPECT_THAT(garps, testing::IsEmpty());
}

TEST_F(OracleTest, ACutNodeIsStillWatched) {
  make();
  hold(1, kVip);
  const Attempt open = try_connect(*lab, client_place(1), kVip.to_string());
  ASSERT_TRUE(open.connected);
  const FileHandle taken = take_one(listeners[0]);
  ASSERT_TRUE(lab->cut_from_clients(1, true));
  changes.push_back({real_now(), kVip, 2});
  ASSERT_EQ(send(taken.get(), "x", 1, MSG_NOSIGNAL), 1);  // nobody hears it, and it is one too many
  const Verdict v = verdict();
  EXPECT_EQ(v.kind, Verdict::Kind::kUnsafe);
}

TEST_F(OracleTest, ANodeMadeAnewIsWatched) {
  make();
  listeners[1].reset();
  ASSERT_TRUE(lab->power_off(2));
  ASSERT_TRUE(lab->power_on(2));
  listeners[1] = listen_at(*lab, node_place(2));
  hold(2, kVip);
  ask(kVip);
  oracle->stop();
  EXPECT_TRUE(oracle->first_answer(kVip, 2));
  EXPECT_EQ(oracle->judge({{0ns, kVip, 1}}).kind, Verdict::Kind::kUnsafe);
}

TEST_F(OracleTest, StampsArePrecise) {
  make();
  hold(1, kVip);
  const Attempt open = try_connect(*lab, client_place(1), kVip.to_string());
  const FileHandle taken = take_one(listeners[0]);
  usleep(20'000);  // past the answer that the handshake began
  const Nanos before = real_now();
  ASSERT_EQ(send(taken.get(), "x", 1, MSG_NOSIGNAL), 1);
  char byte = 0;
  pollfd ready{open.file.get(), POLLIN, 0};
  ASSERT_EQ(poll(&ready, 1, 10'000), 1);
  ASSERT_EQ(recv(open.file.get(), &byte, 1, 0), 1);
  const Nanos after = real_now();
  oracle->stop();
  const auto seen = oracle->first_answer(kVip, 1, before);
  ASSERT_TRUE(seen);
  EXPECT_LE(seen->first, after);
  EXPECT_EQ(seen->packets, 1);
  EXPECT_EQ(oracle->judge(changes).kind, Verdict::Kind::kSafe) << oracle->judge(changes).doubt;
}

TEST_F(OracleTest, GratuitousArpsAreReportedAndOthersAreNot) {
  make();
  send_garp(*lab, 2, kOther);
  send_garp(*lab, 1, lab_vip(99));          // not one of ours
  send_arp(*lab, 1, kVip, kVip, 1);         // the request form, which fast IP move ignores
  send_arp(*lab, 1, kVip, lab_vip(99), 2);  // an answer
  send_arp(*lab, 1, kVip, kVip, 2, 0x42);   // a reply to one
  oracle->stop();
  EXPECT_THAT(garps, testing::ElementsAre(testing::Pair(2, kOther)));
}

TEST_F(OracleTest, WhatWasLostMakesItUnsure) {
  make(Network::kRouted, 2);
  hold(1, kVip);
  hold(1, kOther);
  for (int i = 0; i < 4; ++i) {
    ask(kVip);
    ask(kOther);
    usleep(15'000);
  }
  const Verdict v = verdict();
  EXPECT_EQ(v.kind, Verdict::Kind::kNotSure);
  EXPECT_THAT(v.doubt, testing::HasSubstr("not seen"));
  oracle->clear();
  EXPECT_EQ(oracle->judge(changes).kind, Verdict::Kind::kSafe);
}

TEST_F(OracleTest, LongTransfersFitAndAreSafe) {
  make();
  hold(1, kVip);
  const Attempt open = try_connect(*lab, client_place(1), kVip.to_string());
  const FileHandle taken = take_one(listeners[0]);
  std::vector<char> buffer(256 * 1024);
  uint64_t left = 256_MiB;
  while (left > 0) {
    (void)!send(taken.get(), buffer.data(), buffer.size(), MSG_NOSIGNAL);
    const ssize_t n = recv(open.file.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n > 0) left -= std::min(left, static_cast<uint64_t>(n));
    ASSERT_NE(n, 0);
  }
  const Verdict v = verdict();
  EXPECT_EQ(v.kind, Verdict::Kind::kSafe) << v.doubt;
  EXPECT_EQ(oracle->dropped(), 0);
  uint64_t packets = 0;
  for (const Answer& a : oracle->answers()) packets += a.packets;
  EXPECT_GT(packets, 256_MiB / 64_KiB / 2);
}

}  // namespace
}  // namespace atl::lab
