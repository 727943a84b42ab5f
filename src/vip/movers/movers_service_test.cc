// gcp-lb, gcp-garp, gcp-pool, linux-arp, and the factory.

#include "vip/garp_rules.h"
#include "vip/movers/pool_mover.h"
#include "vip/movers/strikes.h"
#include "vip/movers/test_world.h"

namespace atl::vip {
namespace {

WorldOptions garp(size_t nodes, size_t addresses, bool one_service = false) {
  return {.mover = "gcp-garp",
          .nodes = nodes,
          .addresses = addresses,
          .services = true,
          .one_service = one_service};
}

WorldOptions lb(size_t nodes, size_t addresses) {
  return {.mover = "gcp-lb",
          .nodes = nodes,
          .addresses = addresses,
          .services = true,
          .fast_move = false};
}

TEST(MakeMover, knows_six_and_lists_them) {
  World w({});
  for (const std::string_view name : mover_names()) {
    const auto made = make_mover(name, w.env(), &w.cloud());
    ASSERT_TRUE(made);
    EXPECT_EQ((*made)->name(), name);
  }
  const auto unknown = make_mover("vrrp", w.env(), &w.cloud());
  ASSERT_FALSE(unknown);
  for (const std::string_view name : mover_names())
    EXPECT_NE(unknown.error().message.find(name), std::string::npos);
  EXPECT_TRUE(make_mover("linux-arp", w.env(), nullptr));
  EXPECT_FALSE(make_mover("gcp-alias", w.env(), nullptr));
}

TEST(MakeMover, duties_of_the_guest) {
  World w({});
  std::map<std::string, std::string> duties;
  for (const std::string_view name : mover_names()) {
    const GuestDuties d = make_mover(name, w.env(), &w.cloud()).value()->duties();
    duties[std::string(name)] = std::string(d.garp ? "garp " : "") +
                                (d.health_port ? "health " : "") + (d.forward ? "forward" : "");
  }
  EXPECT_EQ(duties, (std::map<std::string, std::string>{{"gcp-alias", ""},
                                                        {"gcp-route", "forward"},
                                                        {"gcp-lb", "health forward"},
                                                        {"gcp-garp", "garp forward"},
                                                        {"gcp-pool", ""},
                                                        {"linux-arp", "garp "}}));
}

TEST(GarpMover, the_leader_is_set_and_seen_to_be_set) {
  World w(garp(3, 3));
  ASSERT_TRUE(w.check());
  w.settle(w.spread());
  w.expect_delivered(w.spread());
  const uint64_t writes = w.calls(Call::kSetLeader);
  const Outcome outcome = w.reconcile(w.at({1, 1, 2}), {w.vip(0)});
  EXPECT_TRUE(outcome.unfinished.empty());
  EXPECT_EQ(w.calls(Call::kSetLeader) - writes, 1u);
  EXPECT_EQ(w.calls(Call::kForwardingRules), 1u);  // by check() alone
  w.env().run_for(1min);
  w.expect_delivered(w.at({1, 1, 2}));
}

TEST(GarpMover, the_leader_takes_over_what_the_garp_moved_at_once) {
  World w(garp(2, 1));
  w.settle(w.at({0}));
  w.cloud().garp(w.node(1).instance, w.vip(0).to_string());
  w.reconcile(w.at({1}), {w.vip(0)});
  w.env().run_for(cloud::kGarpLasts + 1min);
  w.expect_delivered(w.at({1}));
}

TEST(GarpMover, addresses_that_share_a_service_are_left_where_they_are) {
  World w(garp(3, 2, true));
  const Outcome outcome = w.reconcile(w.at({1, 1}));  // not even together: the pool was refused
  ASSERT_EQ(outcome.unfinished.size(), 2u);
  EXPECT_EQ(outcome.unfinished[1].why.code, Errc::kUnsupported);
  EXPECT_NE(outcome.unfinished[1].why.message.find("share backend service svc"), std::string::npos);
  EXPECT_EQ(w.calls(Call::kSetLeader), 0u);
}

TEST(GarpMover, done_but_nothing_changed_is_escalated) {
  World w(garp(2, 1));
  w.settle(w.at({0}));
  w.cloud().inject({.kind = Fault::Kind::kDoneNothing, .times = Fault::kForEver});
  const Outcome outcome = w.reconcile(w.at({1}));
  EXPECT_EQ(trouble_of(outcome, w.vip(0)).code, Errc::kStale);
  EXPECT_TRUE(stuck(outcome, w.vip(0)));
  w.cloud().clear_faults();
  EXPECT_TRUE(w.reconcile(w.at({1})).unfinished.empty());
}

TEST(GarpMover, trouble_of_every_kind_ends) {
  World w(garp(3, 3));
  for (const Fault::Kind kind :
       {Fault::Kind::kFailBefore, Fault::Kind::kFailAfter, Fault::Kind::kRateLimit,
        Fault::Kind::kDoneNothing, Fault::Kind::kHangAfter, Fault::Kind::kChangedNotDone})
    w.cloud().inject({.kind = kind, .times = Fault::kForEver, .share = 0.05});
  for (size_t i = 0; i < 10; ++i) {
    const Nanos began = w.env().now();
    w.reconcile(w.at({i % 3, (i + 1) % 3, (i + 2) % 3}));
    EXPECT_LE(w.env().now() - began, kRoundDeadline + 1s);
  }
  w.cloud().clear_faults();
  w.settle(w.spread());
  w.expect_delivered(w.spread());
}

TEST(LbMover, follows_the_health_and_changes_nothing) {
  World w(lb(3, 2));
  std::string holder = "vm0";
  w.cloud().set_probe([&](cloud::InstanceRef ref, std::string_view) { return ref.name == holder; });
  ASSERT_TRUE(w.check());
  w.env().run_for(2min);
  Outcome outcome = w.reconcile(w.at({0, 0}));
  EXPECT_TRUE(outcome.unfinished.empty());
  EXPECT_EQ(outcome.changes, 0u);
  // Moved, and the load balancer has not noticed.
  outcome = w.reconcile(w.at({1, 1}), {w.vip(0)});
  ASSERT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_EQ(outcome.unfinished[0].why.code, Errc::kUnavailable);
  EXPECT_NE(outcome.unfinished[0].why.message.find("not yet healthy"), std::string::npos);
  holder = "vm1";
  w.env().run_for(2min);
  EXPECT_TRUE(w.reconcile(w.at({1, 1})).unfinished.empty());
  w.expect_delivered(w.at({1, 1}));
}

TEST(LbMover, a_second_node_that_answers_the_probe_is_named) {
  World w(lb(3, 1));
  w.cloud().set_probe([](cloud::InstanceRef ref, std::string_view) { return ref.name != "vm2"; });
  w.env().run_for(2min);
  const Outcome outcome = w.reconcile(w.at({0}));
  ASSERT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_NE(outcome.unfinished[0].why.message.find("n1 still healthy"), std::string::npos);
}

TEST(PoolMover, says_where_addresses_are_and_which_nobody_has) {
  World w({.mover = "gcp-pool", .nodes = 3, .addresses = 4, .managed = true});
  ASSERT_TRUE(w.check());
  auto& mover = dynamic_cast<PoolMover&>(w.mover());
  const auto wanted = w.at({0, 1, 2, 0});
  Outcome outcome = w.reconcile(wanted);
  EXPECT_EQ(outcome.changes, 0u);
  ASSERT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_EQ(outcome.unfinished[0].vip, w.vip(3));
  EXPECT_EQ(mover.found(),
            (std::map<Vip, NodeName>{{w.vip(0), "n0"}, {w.vip(1), "n1"}, {w.vip(2), "n2"}}));

  // Made anew it takes the next free address: nobody has the one it had.
  ASSERT_TRUE(w.cloud().power(w.node(1).instance, cloud::Power::kOff));
  outcome = w.reconcile(wanted);
  EXPECT_EQ(outcome.unfinished.size(), 2u);
  w.env().run_for(10min);
  outcome = w.reconcile(wanted);
  ASSERT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_EQ(outcome.unfinished[0].vip, w.vip(1));
  EXPECT_EQ(mover.found().at(w.vip(3)), "n1");
}

TEST(PoolMover, what_cannot_be_read_stays_as_it_was) {
  World w({.mover = "gcp-pool", .nodes = 2, .addresses = 2, .managed = true});
  auto& mover = dynamic_cast<PoolMover&>(w.mover());
  EXPECT_TRUE(w.reconcile(w.spread()).unfinished.empty());
  w.cloud().inject({.kind = Fault::Kind::kFailBefore, .times = Fault::kForEver});
  EXPECT_EQ(w.reconcile(w.spread()).unfinished.size(), 2u);
  EXPECT_EQ(mover.found().size(), 2u);
}

TEST(ArpMover, needs_a_segment_and_no_api) {
  World w({.mover = "linux-arp", .nodes = 2, .addresses = 2});
  const Status refused = w.check();
  ASSERT_FALSE(refused);  // a network that the cloud knows
  EXPECT_EQ(refused.error().code, Errc::kUnsupported);
  w.pool().network = "a bridge in the cellar";
  EXPECT_TRUE(w.check());
  const uint64_t calls = w.cloud().counters().total();
  const Outcome outcome = w.reconcile({{w.vip(0), "n0"}, {w.vip(1), "nobody"}});
  EXPECT_EQ(w.cloud().counters().total(), calls);
  ASSERT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_EQ(outcome.unfinished[0].vip, w.vip(1));
}

TEST(Strikes, three_and_it_is_stuck_until_it_works) {
  Strikes strikes("test");
  const Vip vip{1};
  const std::vector<Wanted> wanted{{vip, "n"}};
  const std::map<Vip, Error> bad{{vip, Error(Errc::kPermission, "no")}};
  const std::map<Vip, Error> slow{{vip, Error(Errc::kTimeout, "slow")}};
  EXPECT_FALSE(strikes.conclude(wanted, bad)[0].stuck);
  EXPECT_FALSE(strikes.conclude(wanted, slow)[0].stuck);
  EXPECT_FALSE(strikes.conclude(wanted, bad)[0].stuck);
  EXPECT_TRUE(strikes.conclude(wanted, bad)[0].stuck);
  EXPECT_TRUE(strikes.conclude(wanted, slow)[0].stuck);  // stays so until it works
  EXPECT_TRUE(strikes.conclude(wanted, {}).empty());
  EXPECT_FALSE(strikes.conclude(wanted, bad)[0].stuck);
}

}  // namespace
}  // namespace atl::vip
