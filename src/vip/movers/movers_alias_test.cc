// gcp-alias: what a move is, and what it leaves alone.

#include "vip/movers/alias_list.h"
#include "vip/movers/test_world.h"

namespace atl::vip {
namespace {

std::string cidr(Vip vip) {
  return vip.to_string() + "/32";
}

TEST(AliasMover, gives_each_address_to_its_node) {
  World w({.nodes = 3, .addresses = 6});
  const Outcome outcome = w.reconcile(w.spread());
  EXPECT_TRUE(outcome.unfinished.empty());
  EXPECT_EQ(outcome.changes, 3u);
  w.env().run_for(20s);
  w.expect_delivered(w.spread());
}

TEST(AliasMover, does_nothing_when_all_is_as_wanted) {
  World w({.nodes = 3, .addresses = 6});
  w.settle(w.spread());
  const uint64_t writes = w.calls(Call::kSetAliases);
  const Outcome outcome = w.reconcile(w.spread());
  EXPECT_EQ(outcome.changes, 0u);
  EXPECT_EQ(outcome.api_calls, 3u);  // a look at each node
  EXPECT_EQ(w.calls(Call::kSetAliases), writes);
}

TEST(AliasMover, one_change_an_interface_and_direction) {
  World w({.nodes = 3, .addresses = 8});
  w.settle(w.at({0, 0, 0, 0, 0, 0, 0, 0}));
  w.cloud().power(w.node(0).instance, cloud::Power::kOff).value();
  const uint64_t writes = w.calls(Call::kSetAliases);
  const auto wanted = w.at({1, 2, 1, 2, 1, 2, 1, 2});
  const Outcome outcome = w.reconcile(wanted, {w.vip(0), w.vip(1)});
  EXPECT_TRUE(outcome.unfinished.empty());
  EXPECT_EQ(w.calls(Call::kSetAliases) - writes, 3u);
  EXPECT_EQ(outcome.changes, 3u);
  w.env().run_for(20s);
  w.expect_delivered(wanted);
}

TEST(AliasMover, addresses_change_places) {
  World w({.nodes = 3, .addresses = 3});
  w.settle(w.at({0, 1, 2}));
  const auto wanted = w.at({1, 2, 0});
  EXPECT_TRUE(w.reconcile(wanted).unfinished.empty());
  w.env().run_for(20s);
  w.expect_delivered(wanted);
}

TEST(AliasMover, other_aliases_are_kept_OCF_1524) {
  World w({.nodes = 2, .addresses = 2});
  const std::vector<cloud::AliasRange> others0{
      {"10.0.7.0/28", ""}, {"10.0.7.99/32", ""}, {"10.1.0.8/29", "vips"}};
  const std::vector<cloud::AliasRange> others1{{"10.1.1.1/32", "vips"}, {"10.0.8.0/24", ""}};
  w.put_aliases(0, others0);
  w.put_aliases(1, others1);
  w.settle(w.at({0, 0}));
  w.settle(w.at({1, 1}));
  w.settle(w.at({0, 1}));
  for (const auto& other : others0) EXPECT_TRUE(has(w.aliases(0), other.cidr, other.range_name));
  for (const auto& other : others1) EXPECT_TRUE(has(w.aliases(1), other.cidr, other.range_name));
  EXPECT_EQ(w.aliases(0).size(), others0.size() + 1);
  EXPECT_EQ(w.aliases(1).size(), others1.size() + 1);
}

TEST(AliasMover, empty_list_is_explicit_python_compute_446) {
  World w({.nodes = 2, .addresses = 1});
  w.settle(w.at({0}));
  ASSERT_EQ(w.aliases(0).size(), 1u);
  const Outcome outcome = w.reconcile(w.at({1}));
  EXPECT_TRUE(outcome.unfinished.empty());
  EXPECT_TRUE(w.aliases(0).empty());
  w.env().run_for(20s);
  w.expect_delivered(w.at({1}));
}

TEST(AliasMover, untouched_aliases_are_not_removed_terraform_12286) {
  World w({.nodes = 2, .addresses = 4});
  w.settle(w.at({0, 0, 0, 1}));
  int changes = 0;
  w.cloud().on_data_plane_change([&] {
    ++changes;
    EXPECT_EQ(w.delivered(w.vip(1)), "n0");
    EXPECT_EQ(w.delivered(w.vip(2)), "n0");
    EXPECT_EQ(w.delivered(w.vip(3)), "n1");
  });
  w.reconcile(w.at({1, 0, 0, 1}));
  w.env().run_for(20s);
  EXPECT_GE(changes, 2);
  EXPECT_EQ(w.delivered(w.vip(0)), "n1");
}

TEST(AliasMover, moves_on_any_nic_F5_32) {
  World w({.nodes = 2, .addresses = 2, .nic = "nic1"});
  w.settle(w.at({0, 1}));
  w.settle(w.at({1, 1}));
  w.expect_delivered(w.at({1, 1}));
  const auto instance = w.cloud().look(w.node(1).instance);
  EXPECT_EQ(instance->find("nic1")->aliases.size(), 2u);
  EXPECT_TRUE(instance->find("nic0")->aliases.empty());
}

TEST(AliasMover, needs_no_forwarding_rules_and_no_target_instances_F5_74_F5_11) {
  World w({.nodes = 2, .addresses = 2});
  ASSERT_TRUE(w.check());
  w.settle(w.at({0, 0}));
  w.settle(w.at({1, 1}));
  EXPECT_EQ(w.calls(Call::kForwardingRules), 0u);
  EXPECT_EQ(w.calls(Call::kBackendService), 0u);
}

TEST(AliasMover, no_aggregated_list_and_only_what_matters_in_the_failover_path) {
  World w({.nodes = 10, .addresses = 10});
  w.settle(w.spread());
  std::vector<Wanted> wanted = w.spread();
  wanted[0].node = "n4";
  const uint64_t reads = w.calls(Call::kInstance);
  const Nanos began = w.env().now();
  const Outcome outcome = w.reconcile(wanted, {w.vip(0)});
  EXPECT_TRUE(outcome.unfinished.empty());
  // Two interfaces: before, after and no more, even if a verification had to be repeated.
  EXPECT_LE(w.calls(Call::kInstance) - reads, 8u);
  EXPECT_EQ(
      w.calls(Call::kRoutesTo) + w.calls(Call::kForwardingRules) + w.calls(Call::kManagedInstances),
      0u);
  for (const cloud::JournalEntry& entry : w.cloud().journal()) {
    if (entry.at < began || entry.call != Call::kInstance) continue;
    EXPECT_TRUE(entry.what == "r1-a/vm0" || entry.what == "r1-a/vm4") << entry.what;
  }
}

TEST(AliasMover, somebody_elses_change_is_put_right_keepalived_100) {
  World w({.nodes = 3, .addresses = 3});
  w.settle(w.spread());
  w.put_aliases(1, {});
  w.put_aliases(2, {{cidr(w.vip(2)), ""}, {cidr(w.vip(1)), ""}});
  // Nothing happened at the nodes: no edge, and nothing is urgent.
  const Outcome outcome = w.reconcile(w.spread());
  EXPECT_TRUE(outcome.unfinished.empty());
  w.env().run_for(20s);
  w.expect_delivered(w.spread());
}

TEST(AliasMover, an_address_that_is_not_wanted_stays) {
  World w({.nodes = 2, .addresses = 2});
  w.settle(w.at({0, 0}));
  w.settle(w.at({1}));
  EXPECT_TRUE(has(w.aliases(0), cidr(w.vip(1))));
}

TEST(AliasMover, a_node_that_is_gone_holds_nothing) {
  World w({.nodes = 2, .addresses = 2});
  NodeSpec ghost;
  ghost.name = "ghost";
  ghost.instance = {"r1-a", "deleted"};
  w.pool().nodes.push_back(ghost);
  const Outcome outcome = w.reconcile({{w.vip(0), "n0"}, {w.vip(1), "ghost"}});
  ASSERT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_EQ(outcome.unfinished[0].vip, w.vip(1));
  EXPECT_EQ(outcome.unfinished[0].why.code, Errc::kNotFound);
  EXPECT_TRUE(has(w.aliases(0), cidr(w.vip(0))));
}

TEST(AliasMover, a_recreated_instance_has_lost_its_aliases_and_gets_them_again) {
  World w({.nodes = 2, .addresses = 2});
  w.settle(w.spread());
  ASSERT_TRUE(w.cloud().power(w.node(1).instance, cloud::Power::kRecreated));
  w.env().run_for(10min);
  ASSERT_TRUE(w.aliases(1).empty());
  w.settle(w.spread());
  w.expect_delivered(w.spread());
}

TEST(AliasMover, aliases_of_a_secondary_range) {
  World w({.nodes = 2, .addresses = 0});
  w.pool().alias_range = "vips";
  w.pool().addresses = {*Vip::parse("10.1.0.5"), *Vip::parse("10.1.0.6")};
  ASSERT_TRUE(w.check());
  w.settle(w.at({0, 0}));
  w.settle(w.at({1, 0}));
  EXPECT_TRUE(has(w.aliases(1), "10.1.0.5/32", "vips"));
  EXPECT_TRUE(has(w.aliases(0), "10.1.0.6/32", "vips"));
}

TEST(AliasMover, a_large_pool_is_looked_at_in_turn) {
  World w({.nodes = 100, .addresses = 100});
  w.settle(w.spread());
  const uint64_t reads = w.calls(Call::kInstance);
  w.reconcile(w.spread());
  EXPECT_EQ(w.calls(Call::kInstance) - reads, 64u);
  w.put_aliases(99, {});
  w.reconcile(w.spread());
  w.reconcile(w.spread());
  w.env().run_for(20s);
  w.expect_delivered(w.spread());
}

TEST(AliasList, keeps_order_and_what_it_does_not_know) {
  const std::vector<cloud::AliasRange> list{
      {"10.0.0.0/28", ""}, {"10.0.9.1/32", "a"}, {"10.0.9.2", "b"}, {"strange", "c"}};
  const Vip one = *Vip::parse("10.0.9.1");
  const Vip two = *Vip::parse("10.0.9.2");
  const Vip three = *Vip::parse("10.0.9.3");
  EXPECT_EQ(edited(list, {}, {one, two}, "x"), list);
  const std::vector<cloud::AliasRange> expected{
      {"10.0.0.0/28", ""}, {"10.0.9.2", "b"}, {"strange", "c"}, {"10.0.9.3/32", "x"}};
  EXPECT_EQ(edited(list, {one}, {three}, "x"), expected);
  EXPECT_EQ(addresses_in(list, {one, three}), std::set<Vip>{one});
  EXPECT_EQ(wider_range(list, *Vip::parse("10.0.0.3"))->cidr, "10.0.0.0/28");
  EXPECT_FALSE(wider_range(list, one));
}

TEST(AliasList, failures_that_fit) {
  EXPECT_EQ(failures_that_fit(300, 3, 0), 1u);
  EXPECT_EQ(failures_that_fit(301, 3, 0), 0u);
  EXPECT_EQ(failures_that_fit(451, 3, 0), std::nullopt);
  EXPECT_EQ(failures_that_fit(10, 10, 0), 9u);
  EXPECT_EQ(failures_that_fit(300, 3, 50), 0u);
  EXPECT_EQ(failures_that_fit(1, 3, 150), std::nullopt);
}

}  // namespace
}  // namespace atl::vip
