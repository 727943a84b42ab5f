#include "lab/ledger.h"

#include <gmock/gmock.h>

#include "coord/memory.h"
#include "env/sim_env.h"
#include "lab/watched_coordinator.h"

namespace atl::lab {
namespace {

constexpr vip::Vip kVip{0x0a000901};

TEST(Ledger, who_held_it_when) {
  Ledger ledger;
  EXPECT_EQ(ledger.holder(kVip), "");
  ledger.note_holder(kVip, "node1", 100);
  ledger.note_holder(kVip, "node1", 150);  // no change
  ledger.note_holder(kVip, "", 200);
  ledger.note_holder(kVip, "node2", 300);
  EXPECT_EQ(ledger.holder(kVip), "node2");
  EXPECT_EQ(ledger.holder_at(kVip, 99), "");
  EXPECT_EQ(ledger.holder_at(kVip, 100), "node1");
  EXPECT_EQ(ledger.holder_at(kVip, 250), "");
  const std::vector<HolderChange> changes = ledger.changes();
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].node, 1u);
  EXPECT_EQ(changes[1].node, 0u);
  EXPECT_EQ(changes[2].at, Nanos(300));
  EXPECT_THAT(ledger.held_by("node2"), testing::ElementsAre(kVip));
  EXPECT_THAT(ledger.held_by("node1"), testing::IsEmpty());
}

TEST(Ledger, milestones_are_those_of_the_holder_that_answered_in_the_end) {
  Ledger ledger;
  ledger.note_holder(kVip, "node1", 10);
  ledger.note_api(kVip, "node1", 10);
  ledger.note_delivery(kVip, "node1", 10);
  ledger.note_taken(kVip, "node2", 90);    // once before
  ledger.note_holder(kVip, "node2", 200);  // and away again, before anybody answered
  ledger.note_api(kVip, "", 210);
  ledger.note_holder(kVip, "node3", 220);
  ledger.note_taken(kVip, "node3", 230);
  ledger.note_api(kVip, "node3", 240);
  ledger.note_delivery(kVip, "node3", 250);
  ledger.note_delivery(kVip, "node4", 900);  // later
  const Milestones m = ledger.milestones(kVip, {.last_good_ns = 100, .first_good_ns = 300});
  EXPECT_EQ(m.given_ns, 220);
  EXPECT_EQ(m.removed_ns, 210);
  EXPECT_EQ(m.added_ns, 240);
  EXPECT_EQ(m.delivered_ns, 250);
  EXPECT_EQ(m.held_ns, 230);
}

TEST(Ledger, names_of_nodes) {
  EXPECT_EQ(node_number("node12"), 12u);
  EXPECT_EQ(node_number("node"), 0u);
  EXPECT_EQ(node_number("node1x"), 0u);
  EXPECT_EQ(node_number("ctl1"), 0u);
  EXPECT_EQ(node_number(node_name(7)), 7u);
}

TEST(WatchedCoordinator, remembers_the_node_though_a_controller_took_its_lease) {
  env::SimEnv env(1);
  coord::MemoryCoordinator memory(env);
  WatchedCoordinator watched(memory);
  const auto acquire = [&](const char* holder) {
    return env.run(watched.lease_acquire("lease", holder, 1s));
  };
  ASSERT_TRUE(acquire("node1#1"));
  ASSERT_TRUE(env.run(watched.lease_renew("lease", "node1#1")));
  EXPECT_FALSE(acquire("probe of ctl1"));  // refused: no grant
  EXPECT_EQ(watched.last_grant("lease")->holder, "node1#1");
  env.run_for(2s);
  ASSERT_TRUE(acquire("probe of ctl1"));
  EXPECT_EQ(watched.last_grant("lease")->holder, "probe of ctl1");
  ASSERT_NE(watched.last_grant_to("lease", "node1#"), nullptr);
  EXPECT_EQ(watched.last_grant_to("lease", "node1#")->holder, "node1#1");
  EXPECT_EQ(watched.last_grant_to("lease", "node2#"), nullptr);
  EXPECT_EQ(watched.last_grant("another"), nullptr);
}

}  // namespace
}  // namespace atl::lab
