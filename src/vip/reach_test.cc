#include "vip/reach.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coord/memory.h"
#include "env/sim_env.h"
#include "vip/record.h"

namespace atl::vip {
namespace {

// Answers for those that are set, after a millisecond.
class FakeProbe final : public ReachProbe {
 public:
  explicit FakeProbe(env::Env& env) : env_(env) {}
  Task<bool> answered(Witness witness, Nanos limit) override {
    asked.push_back(witness.name);
    most_at_once = std::max(most_at_once, ++under_way_);
    const bool good = answers.contains(witness.name);
    co_await env_.sleep(good ? Nanos(1ms) : limit);
    --under_way_;
    co_return good;
  }
  std::set<std::string> answers;
  std::vector<std::string> asked;
  size_t most_at_once = 0;

 private:
  env::Env& env_;
  size_t under_way_ = 0;
};

struct ReachTest : testing::Test {
  static constexpr Nanos kLease = 1s;
  static constexpr Nanos kRound = 100ms;

  void start(size_t witnesses) {
    Reach::Options options;
    options.pool = "p";
    options.node = "me";
    options.timing = Timing::of(kLease);
    for (size_t i = 0; i < witnesses; ++i)
      options.witnesses.push_back({Witness::Kind::kNode, "n" + std::to_string(i), {"", 1}});
    options.observe = [this](const Event& event) { events.push_back(event.kind); };
    reach = std::make_shared<Reach>(env, coordinator, probe, options);
    reach->start();
  }
  ~ReachTest() override {
    reach->stop();
    env.run(reach->stopped());
  }

  bool said() { return env.run(coordinator.get(cut_key("p", "me"))).has_value(); }
  uint64_t revision() { return *env.run(coordinator.wait_change("vip/", 0, Nanos(0))); }
  void put_key() {
    ASSERT_TRUE(env.run(coordinator.compare_and_swap(cut_key("p", "me"), 0, "{}")));
  }
  void all_answer(bool yes) {
    probe.answers.clear();
    for (size_t i = 0; yes && i < 9; ++i) probe.answers.insert("n" + std::to_string(i));
  }

  env::SimEnv env{1};
  coord::MemoryCoordinator coordinator{env};
  FakeProbe probe{env};
  std::shared_ptr<Reach> reach;
  std::vector<Event::Kind> events;
};

TEST_F(ReachTest, says_that_it_is_cut_after_so_many_lost_rounds_and_not_before) {
  all_answer(true);
  start(3);
  env.run_for(2s);
  EXPECT_FALSE(reach->cut());
  all_answer(false);
  env.run_for(kLostRounds * kRound - 10ms);  // the first of them has been answered, or is lost
  EXPECT_FALSE(reach->cut());
  EXPECT_FALSE(said());
  env.run_for(2 * kRound);
  EXPECT_TRUE(reach->cut());
  EXPECT_TRUE(said());
  EXPECT_EQ(events, std::vector{Event::Kind::kCut});
}

TEST_F(ReachTest, a_few_lost_rounds_are_nothing) {
  all_answer(true);
  start(3);
  for (int i = 0; i < 10; ++i) {
    all_answer(true);
    env.run_for(2 * kRound);
    all_answer(false);
    env.run_for((kLostRounds - 2) * kRound);
  }
  EXPECT_FALSE(reach->cut());
  EXPECT_TRUE(events.empty());
}

TEST_F(ReachTest, one_answer_is_enough_and_who_answers_is_asked_again) {
  probe.answers = {"n6"};
  start(8);
  env.run_for(3s);
  EXPECT_FALSE(reach->cut());
  EXPECT_LE(probe.most_at_once, kWitnessesAsked);
  EXPECT_EQ(std::set(probe.asked.begin(), probe.asked.end()).size(), 8u);
  // Once found, it is asked in each round.
  const auto times = std::count(probe.asked.begin(), probe.asked.end(), "n6");
  env.run_for(10 * kRound);
  EXPECT_GE(std::count(probe.asked.begin(), probe.asked.end(), "n6"), times + 9);
}

TEST_F(ReachTest, takes_it_back) {
  start(3);
  env.run_for(2s);
  ASSERT_TRUE(said());
  all_answer(true);
  env.run_for((kBackRounds - 2) * kRound);
  EXPECT_TRUE(reach->cut());
  env.run_for(2s);
  EXPECT_FALSE(reach->cut());
  EXPECT_FALSE(said());
  EXPECT_EQ(events, (std::vector{Event::Kind::kCut, Event::Kind::kReaches}));
}

TEST_F(ReachTest, changes_its_word_at_most_once_a_lease) {
  start(3);
  const uint64_t before = revision();
  for (int i = 0; i < 20; ++i) {
    all_answer(i % 2 == 0);
    env.run_for((kLostRounds + 1) * kRound);  // long enough to find out
  }
  EXPECT_GE(events.size(), 15u);
  const uint64_t changes = revision() - before;
  EXPECT_GE(changes, 2u);
  EXPECT_LE(changes, 20 * (kLostRounds + 1) * kRound / kLease + 1);
}

TEST_F(ReachTest, takes_back_what_a_former_process_said) {
  put_key();
  all_answer(true);
  start(3);
  env.run_for(1s);
  EXPECT_FALSE(said());
}

TEST_F(ReachTest, puts_right_what_others_changed) {
  start(3);
  env.run_for(2s);
  ASSERT_TRUE(said());
  const uint64_t version = env.run(coordinator.get(cut_key("p", "me")))->version;
  ASSERT_TRUE(env.run(coordinator.erase(cut_key("p", "me"), version)));
  env.run_for(2 * kLease);
  EXPECT_TRUE(said());
  all_answer(true);
  env.run_for(3 * kLease);
  ASSERT_FALSE(said());
  put_key();  // a call of long ago that comes now
  env.run_for(2 * kLease);
  EXPECT_FALSE(said());
}

TEST_F(ReachTest, says_it_when_the_coordinator_is_back) {
  all_answer(true);
  start(3);
  env.run_for(1s);
  coordinator.set_available(false);
  all_answer(false);
  env.run_for(3s);
  EXPECT_TRUE(reach->cut());
  coordinator.set_available(true);
  env.run_for(1s);
  EXPECT_TRUE(said());
}

TEST_F(ReachTest, without_a_witness_it_is_never_cut) {
  start(0);
  env.run_for(10s);
  EXPECT_FALSE(reach->cut());
  EXPECT_FALSE(said());
}

TEST(Witnesses, are_the_other_nodes_with_an_address_and_the_hosts) {
  Pool pool;
  for (const char* name : {"a", "b", "c", "d"}) pool.nodes.push_back({.name = name});
  pool.nodes[0].address = "10.0.1.1";
  pool.nodes[1].address = "10.0.1.2";
  pool.nodes[3].address = "10.0.1.4";
  const auto found = witnesses_of(pool, "b", 7, {"10.0.0.9:443"});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ((*found)[0].kind, Witness::Kind::kHost);
  EXPECT_EQ((*found)[0].at.to_string(), "10.0.0.9:443");
  EXPECT_EQ((*found)[1].name, "a");
  EXPECT_EQ((*found)[2].at.to_string(), "10.0.1.4:7");
  for (const char* host : {"10.0.0.9", "10.0.0.9:", "10.0.0.9:0", "10.0.0.9:70000", "10.0.0.9:4x",
                           "gateway:443", ":443", ""})
    EXPECT_EQ(witnesses_of(pool, "b", 7, {host}).error().code, Errc::kInvalidArgument) << host;
  const std::vector<std::string> many(kWitnessHostsMax + 1, "10.0.0.9:443");
  EXPECT_EQ(witnesses_of(pool, "b", 7, many).error().code, Errc::kInvalidArgument);
}

}  // namespace
}  // namespace atl::vip
