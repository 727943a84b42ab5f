// What the leader makes of nodes that say that they are cut from clients. The nodes here are leases
// and keys; whoever is asked to hand over does not, so that the question can be seen.
#include <gtest/gtest.h>

#include "coord/memory.h"
#include "env/sim_env.h"
#include "vip/controller.h"

namespace atl::vip {
namespace {

class NoMover final : public Mover {
 public:
  std::string_view name() const override { return "none"; }
  GuestDuties duties() const override { return {}; }
  Task<Status> check(const Pool&) override { co_return Status(); }
  Task<Outcome> reconcile(const Pool&, std::vector<Wanted>, std::set<Vip>, MayGoOn) override {
    co_return Outcome();
  }
};

struct ControllerReachTest : testing::Test {
  static constexpr Nanos kLease = 1s;

  void start(size_t nodes, size_t addresses) {
    pool.name = "p";
    pool.mover = "none";
    for (size_t i = 0; i < nodes; ++i) {
      pool.nodes.push_back({.name = "n" + std::to_string(i)});
      node_lives(pool.nodes.back().name);
    }
    for (uint32_t i = 0; i < addresses; ++i) pool.addresses.push_back({0x0a000901 + i});
    Controller::Options options;
    options.pool = pool;
    options.name = "c";
    options.timing = Timing::of(kLease);
    options.observe = [this](const Event& event) { ++seen[event.kind]; };
    controller = std::make_shared<Controller>(env, coordinator, mover, options);
    ASSERT_TRUE(env.run(controller->start()));
    env.run_for(options.timing.settle + 3 * kLease);
    ASSERT_EQ(records().size(), addresses);
  }
  ~ControllerReachTest() override {
    controller->stop();
    env.run(controller->stopped());
  }

  void node_lives(const NodeName& node) {
    ASSERT_TRUE(env.run(coordinator.lease_acquire(node_lease("p", node), node + "#1", 1h)));
  }
  void node_dies(const NodeName& node) {
    ASSERT_TRUE(env.run(coordinator.lease_release(node_lease("p", node), node + "#1")));
  }
  void set_key(const std::string& key, bool there) {
    const auto now = env.run(coordinator.get(key));
    ASSERT_NE(now.has_value(), there);
    if (there)
      ASSERT_TRUE(env.run(coordinator.compare_and_swap(key, 0, "{}")));
    else
      ASSERT_TRUE(env.run(coordinator.erase(key, now->version)));
  }
  void cut(const NodeName& node, bool is = true) { set_key(cut_key("p", node), is); }

  std::map<Vip, Record> records() {
    std::map<Vip, Record> out;
    const auto listed = env.run(coordinator.list(record_prefix("p")));
    for (const auto& kv : *listed)
      out[*record_vip("p", kv.key)] = *Record::decode(kv.versioned.value);
    return out;
  }
  // Of the addresses that the node has, how many it is asked to hand over.
  size_t asked(const NodeName& node) {
    size_t count = 0;
    for (const auto& [vip, record] : records())
      count += record.holder == node && !record.next.empty() ? 1 : 0;
    return count;
  }
  size_t asked() {
    size_t count = 0;
    for (const auto& [vip, record] : records()) count += record.next.empty() ? 0 : 1;
    return count;
  }
  size_t has(const NodeName& node) {
    size_t count = 0;
    for (const auto& [vip, record] : records()) count += record.holder == node ? 1 : 0;
    return count;
  }

  env::SimEnv env{1};
  coord::MemoryCoordinator coordinator{env};
  NoMover mover;
  Pool pool;
  std::shared_ptr<Controller> controller;
  std::map<Event::Kind, size_t> seen;
};

TEST_F(ControllerReachTest, who_is_cut_is_asked_to_hand_over_but_not_at_once) {
  start(3, 6);
  ASSERT_EQ(has("n1"), 2u);
  cut("n1");
  env.run_for(kLease * 2 / 5);
  EXPECT_EQ(asked(), 0u);
  EXPECT_EQ(seen[Event::Kind::kSaysCut], 1u);
  env.run_for(kLease * 2 / 5);
  EXPECT_EQ(asked("n1"), 2u);
  EXPECT_EQ(asked(), 2u);
  for (const auto& [vip, record] : records()) EXPECT_NE(record.next, "n1");
  EXPECT_FALSE(controller->many_cut());
}

TEST_F(ControllerReachTest, nothing_moves_while_more_than_half_are_cut_and_it_is_told_once) {
  start(3, 6);
  cut("n0");
  cut("n2");
  env.run_for(20 * kLease);
  EXPECT_EQ(asked(), 0u);
  EXPECT_TRUE(controller->many_cut());
  EXPECT_EQ(seen[Event::Kind::kManyCut], 1u);
  // One of them takes it back a while before the other: still nothing.
  cut("n0", false);
  env.run_for(kLease);
  EXPECT_EQ(asked(), 0u);
  EXPECT_FALSE(controller->many_cut());
  EXPECT_EQ(seen[Event::Kind::kFewCut], 1u);
  // But the other one never does.
  env.run_for(2 * kLease);
  EXPECT_EQ(asked("n2"), 2u);
}

TEST_F(ControllerReachTest, half_of_the_nodes_are_believed) {
  start(4, 8);
  cut("n0");
  cut("n3");
  env.run_for(kLease);
  EXPECT_EQ(asked("n0") + asked("n3"), 4u);
  for (const auto& [vip, record] : records()) {
    EXPECT_NE(record.next, "n0");
    EXPECT_NE(record.next, "n3");
  }
}

TEST_F(ControllerReachTest, what_is_free_goes_to_who_is_not_cut_even_when_most_are) {
  start(4, 8);
  cut("n0");
  cut("n1");
  cut("n2");
  node_dies("n2");
  env.run_for(3 * kLease);
  EXPECT_TRUE(controller->many_cut());
  EXPECT_EQ(has("n0"), 2u);
  EXPECT_EQ(has("n1"), 2u);
  EXPECT_EQ(has("n3"), 4u);
  EXPECT_EQ(asked(), 0u);
}

TEST_F(ControllerReachTest, the_word_of_a_dead_node_does_not_count) {
  start(4, 8);
  cut("n0");
  cut("n1");
  cut("n2");
  node_dies("n0");
  node_dies("n1");
  env.run_for(5 * kLease);
  EXPECT_FALSE(controller->many_cut());  // one of two
  // Its own, and what it was given before the third of three was heard.
  EXPECT_EQ(asked("n2"), has("n2"));
  EXPECT_EQ(has("n2") + has("n3"), 8u);
}

TEST_F(ControllerReachTest, who_is_drained_takes_nothing_from_who_is_cut) {
  start(3, 6);
  cut("n0");
  set_key(drain_key("p", "n1"), true);
  env.run_for(2 * kLease);
  EXPECT_EQ(asked("n0") + asked("n1"), 4u);
  // Only one that is cut and one that is drained are left: the first keeps what it has, and gets
  // the rest.
  node_dies("n2");
  env.run_for(2 * kLease);
  EXPECT_FALSE(controller->many_cut());
  EXPECT_EQ(has("n0"), 4u);
  EXPECT_EQ(asked("n0"), 0u);
  EXPECT_EQ(asked("n1"), 2u);
}

TEST_F(ControllerReachTest, all_are_cut_and_one_dies_its_addresses_are_not_left_to_nobody) {
  start(3, 6);
  for (const char* node : {"n0", "n1", "n2"}) cut(node);
  env.run_for(kLease);
  node_dies("n1");
  env.run_for(kLease);
  EXPECT_EQ(has("n0") + has("n2"), 6u);
}

TEST_F(ControllerReachTest, who_is_back_is_given_nothing_before_it_has_settled) {
  start(2, 4);
  cut("n0");
  env.run_for(kLease);
  ASSERT_EQ(asked("n0"), 2u);
  // It hands over.
  for (auto& [vip, record] : records()) {
    if (record.holder != "n0") continue;
    record.holder = std::exchange(record.next, "");
    const auto now = env.run(coordinator.get(record_key("p", vip)));
    ASSERT_TRUE(
        env.run(coordinator.compare_and_swap(record_key("p", vip), now->version, record.encode())));
  }
  cut("n0", false);
  const Nanos settle = Timing::of(kLease).settle;
  env.run_for(settle - kLease / 2);
  EXPECT_EQ(asked(), 0u);
  env.run_for(kLease);
  EXPECT_EQ(asked("n1"), 2u);
}

}  // namespace
}  // namespace atl::vip
