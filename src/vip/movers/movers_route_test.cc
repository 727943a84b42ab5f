// gcp-route: make before break, names, priorities, what others made.

#include "vip/movers/route_mover.h"
#include "vip/movers/route_names.h"
#include "vip/movers/strikes.h"
#include "vip/movers/test_world.h"

namespace atl::vip {
namespace {

std::vector<cloud::Route> routes(World& w, Vip vip) {
  auto found = w.env().run(w.cloud().routes_to(w.network(), destination_of(vip)));
  return found ? *found : std::vector<cloud::Route>{};
}

void insert(World& w, const cloud::Route& route) {
  const auto operation = w.env().run(w.cloud().insert_route(route, ""));
  ASSERT_TRUE(operation) << operation.error().to_string();
  w.env().run_for(1min);
}

cloud::Route by_hand(World& w, std::string name, Vip vip, uint32_t priority, size_t node) {
  cloud::Route route;
  route.name = std::move(name);
  route.network = w.network();
  route.destination = destination_of(vip);
  route.priority = priority;
  route.next_hop = w.node(node).instance;
  return route;
}

std::vector<std::string> names(World& w, Vip vip) {
  std::vector<std::string> out;
  for (const cloud::Route& route : routes(w, vip)) out.push_back(route.name);
  return out;
}

// From when it is first delivered: never nowhere.
struct NoHole {
  explicit NoHole(World& w) {
    w.cloud().on_data_plane_change([this, &w] {
      for (Vip vip : w.pool().addresses) {
        const bool somewhere = !w.delivered(vip).empty();
        if (!somewhere && seen.contains(vip)) ++holes;
        if (somewhere) seen.insert(vip);
        ++samples;
      }
    });
  }
  std::set<Vip> seen;
  int samples = 0;
  int holes = 0;
};

TEST(RouteMover, one_route_an_address_and_no_more) {
  World w({.mover = "gcp-route", .nodes = 3, .addresses = 3});
  ASSERT_TRUE(w.check());
  w.settle(w.spread());
  w.expect_delivered(w.spread());
  for (Vip vip : w.pool().addresses) EXPECT_EQ(routes(w, vip).size(), 1u);
  const Outcome outcome = w.reconcile(w.spread());
  EXPECT_EQ(outcome.changes, 0u);
  EXPECT_EQ(outcome.api_calls, 3u);
}

TEST(RouteMover, route_hole_FortiGate_make_before_break) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    World w({.mover = "gcp-route", .nodes = 4, .addresses = 3, .seed = seed});
    NoHole watch(w);
    env::Random& random = w.env().world_random();
    for (const Fault::Kind kind : {Fault::Kind::kFailAfter, Fault::Kind::kDoneNothing,
                                   Fault::Kind::kRateLimit, Fault::Kind::kChangedNotDone})
      w.cloud().inject({.kind = kind, .times = Fault::kForEver, .share = 0.03});
    std::vector<Wanted> wanted;
    for (int round = 0; round < 15; ++round) {
      std::vector<size_t> nodes;
      for (size_t i = 0; i < 3; ++i) nodes.push_back(random.below(4));
      wanted = w.at(nodes);
      if (random.chance(0.3)) w.fresh_mover();
      w.reconcile(wanted, {w.vip(random.below(3))});
      w.env().run_for(Nanos(1s) * random.below(40));
    }
    w.cloud().clear_faults();
    w.settle(wanted);
    w.expect_delivered(wanted);
    EXPECT_GT(watch.samples, 50);
    EXPECT_EQ(watch.holes, 0) << "seed " << seed << "\n" << w.cloud().describe();
    for (Vip vip : w.pool().addresses) EXPECT_EQ(routes(w, vip).size(), 1u);
    if (testing::Test::HasFailure()) break;
  }
}

TEST(RouteMover, the_new_route_is_better_and_the_old_one_goes_when_it_has_settled) {
  World w({.mover = "gcp-route", .nodes = 2, .addresses = 1});
  w.settle(w.at({0}));
  const cloud::Route before = routes(w, w.vip(0)).at(0);
  EXPECT_TRUE(w.reconcile(w.at({1}), {w.vip(0)}).unfinished.empty());
  auto now = routes(w, w.vip(0));
  ASSERT_EQ(now.size(), 2u);
  std::ranges::sort(now, {}, &cloud::Route::priority);
  EXPECT_LT(now[0].priority, before.priority);
  EXPECT_EQ(now[0].next_hop, w.node(1).instance);
  EXPECT_EQ(now[1].name, before.name);
  w.env().run_for(kRouteSettle);
  w.reconcile(w.at({1}));
  EXPECT_EQ(names(w, w.vip(0)), std::vector<std::string>{now[0].name});
}

TEST(RouteMover, when_priorities_run_out_they_start_again_without_a_hole) {
  World w({.mover = "gcp-route", .nodes = 2, .addresses = 1});
  insert(w, by_hand(w, route_name(w.pool().name, w.vip(0), 900), w.vip(0), 1, 0));
  NoHole watch(w);
  w.settle(w.at({1}));
  EXPECT_EQ(routes(w, w.vip(0)).at(0).priority, 0u);
  w.settle(w.at({0}));
  w.expect_delivered(w.at({0}));
  ASSERT_EQ(routes(w, w.vip(0)).size(), 1u);
  EXPECT_EQ(routes(w, w.vip(0)).at(0).priority, kFirstPriority);
  EXPECT_EQ(watch.holes, 0);
}

TEST(RouteMover, leftovers_of_a_crash_are_cleaned_up_the_best_last) {
  World w({.mover = "gcp-route", .nodes = 4, .addresses = 1});
  const auto name = [&](uint32_t n) { return route_name(w.pool().name, w.vip(0), n); };
  insert(w, by_hand(w, name(3), w.vip(0), 800, 1));
  insert(w, by_hand(w, name(4), w.vip(0), 799, 2));
  insert(w, by_hand(w, name(5), w.vip(0), 798, 3));
  NoHole watch(w);
  w.settle(w.at({0}));
  w.expect_delivered(w.at({0}));
  EXPECT_EQ(names(w, w.vip(0)), std::vector<std::string>{name(6)});
  EXPECT_EQ(watch.holes, 0);
  std::vector<std::string> deleted;
  for (const auto& [what, id] : w.compute().ids)
    if (what.starts_with("delete_route ")) deleted.push_back(what.substr(13));
  EXPECT_EQ(deleted, (std::vector<std::string>{name(3), name(4), name(5)}));
}

TEST(RouteMover, routes_of_others_are_never_touched_and_named_when_in_the_way) {
  World w({.mover = "gcp-route", .nodes = 2, .addresses = 2});
  insert(w, by_hand(w, "somebody-elses", w.vip(0), 1000, 1));
  w.settle(w.at({0, 0}));  // 1000 is what a route has by default: ours is better
  w.expect_delivered(w.at({0, 0}));
  insert(w, by_hand(w, "in-the-way", w.vip(0), 5, 1));
  const Outcome outcome = w.reconcile(w.at({0, 0}));
  ASSERT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_EQ(outcome.unfinished[0].why.code, Errc::kConflict);
  EXPECT_NE(outcome.unfinished[0].why.message.find("in-the-way"), std::string::npos);
  EXPECT_EQ(routes(w, w.vip(0)).size(), 3u);
  const auto gone = w.env().run(w.cloud().delete_route("in-the-way", ""));
  ASSERT_TRUE(gone);
  w.env().run_for(1min);
  EXPECT_TRUE(w.reconcile(w.at({0, 0})).unfinished.empty());
  EXPECT_EQ(routes(w, w.vip(0)).size(), 2u);
}

TEST(RouteMover, another_pools_routes_are_others) {
  World w({.mover = "gcp-route", .nodes = 2, .addresses = 1});
  // Its name looks the same in the letters that a name may have.
  const std::string theirs = route_name("tenants-a", w.vip(0), 1);
  EXPECT_NE(theirs, route_name("Tenants_A", w.vip(0), 1));
  insert(w, by_hand(w, theirs, w.vip(0), 950, 1));
  w.settle(w.at({0}));
  EXPECT_EQ(routes(w, w.vip(0)).size(), 2u);
}

TEST(RouteMover, a_name_that_is_taken_in_another_network_is_passed_over) {
  World w({.mover = "gcp-route", .nodes = 2, .addresses = 1});
  cloud::Route route = by_hand(w, route_name(w.pool().name, w.vip(0), 1), w.vip(0), 900, 0);
  route.network = "other";
  insert(w, route);
  w.settle(w.at({1}));
  w.expect_delivered(w.at({1}));
  EXPECT_EQ(names(w, w.vip(0)), std::vector<std::string>{route_name(w.pool().name, w.vip(0), 2)});
}

TEST(RouteMover, a_route_that_somebody_deleted_is_put_back_OCF_monitor) {
  World w({.mover = "gcp-route", .nodes = 2, .addresses = 2});
  w.settle(w.at({0, 1}));
  const auto gone = w.env().run(w.cloud().delete_route(names(w, w.vip(0)).at(0), ""));
  ASSERT_TRUE(gone);
  w.env().run_for(1min);
  ASSERT_EQ(w.delivered(w.vip(0)), "");
  w.settle(w.at({0, 1}));
  w.expect_delivered(w.at({0, 1}));
}

TEST(RouteMover, done_but_nothing_changed_is_not_done_and_the_old_route_stays) {
  World w({.mover = "gcp-route", .nodes = 2, .addresses = 1});
  w.settle(w.at({0}));
  w.cloud().inject(
      {.kind = Fault::Kind::kDoneNothing, .only = Call::kInsertRoute, .times = Fault::kForEver});
  const Outcome outcome = w.reconcile(w.at({1}), {w.vip(0)});
  EXPECT_EQ(trouble_of(outcome, w.vip(0)).code, Errc::kStale);
  EXPECT_TRUE(stuck(outcome, w.vip(0)));
  EXPECT_EQ(w.delivered(w.vip(0)), "n0");
  w.cloud().clear_faults();
  w.settle(w.at({1}));
  w.expect_delivered(w.at({1}));
}

TEST(RouteMover, an_old_route_that_will_not_go_is_escalated_and_does_no_harm) {
  World w({.mover = "gcp-route", .nodes = 2, .addresses = 1});
  w.settle(w.at({0}));
  w.cloud().inject(
      {.kind = Fault::Kind::kDoneNothing, .only = Call::kDeleteRoute, .times = Fault::kForEver});
  EXPECT_TRUE(w.reconcile(w.at({1})).unfinished.empty());
  w.env().run_for(kRouteSettle);
  const Outcome outcome = w.reconcile(w.at({1}));
  EXPECT_TRUE(stuck(outcome, w.vip(0)));
  w.expect_delivered(w.at({1}));
}

TEST(RouteMover, over_the_route_quota_is_reported) {
  World w({.mover = "gcp-route", .nodes = 2, .addresses = 3});
  cloud::Quotas quotas = cloud::Quotas::from(w.cloud().delays());
  quotas.static_routes_per_network = 2;
  w.cloud().set_quotas(quotas);
  const Outcome outcome = w.reconcile(w.spread());
  ASSERT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_EQ(outcome.unfinished[0].why.code, Errc::kNoSpace);
}

TEST(RouteMover, an_api_that_never_answers) {
  World w({.mover = "gcp-route", .nodes = 2, .addresses = 1});
  w.settle(w.at({0}));
  w.compute().stop_at(w.compute().calls() + 2, true);
  const Nanos began = w.env().now();
  const Outcome outcome = w.reconcile(w.at({1}));
  EXPECT_LE(w.env().now() - began, kRoundDeadline + 1s);
  EXPECT_EQ(trouble_of(outcome, w.vip(0)).code, Errc::kTimeout);
  w.compute().release();
  w.env().run_for(1s);
}

TEST(RouteNames, are_valid_and_are_recognised) {
  const Vip vip = *Vip::parse("255.255.255.255");
  const std::string name = route_name("A pool with a Very long & strange name", vip, UINT32_MAX);
  EXPECT_LE(name.size(), kResourceNameMax);
  for (const char c : name)
    EXPECT_TRUE(c == '-' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
  cloud::Route route;
  route.name = route_name("p", vip, 17);
  route.destination = destination_of(vip);
  EXPECT_EQ(number_of(route, "p", vip), 17u);
  EXPECT_EQ(number_of(route, "q", vip), std::nullopt);
  route.name += "x";
  EXPECT_EQ(number_of(route, "p", vip), std::nullopt);
  route.name = route_name("p", vip, 17);
  route.destination = "10.0.0.0/8";
  EXPECT_EQ(number_of(route, "p", vip), std::nullopt);
}

TEST(RoutePriorities, are_better_and_never_shared) {
  const auto with = [](uint32_t priority) {
    cloud::Route route;
    route.priority = priority;
    return route;
  };
  EXPECT_EQ(next_priority({}, {}), kFirstPriority);
  EXPECT_EQ(next_priority({}, {with(900)}), kFirstPriority - 1);
  EXPECT_EQ(next_priority({with(5)}, {with(5), with(4)}), 3u);
  EXPECT_EQ(next_priority({with(0)}, {with(0), with(900)}), kFirstPriority + 1);
  EXPECT_EQ(next_priority({with(1)}, {with(0), with(1)}), kFirstPriority);
}

TEST(RouteMover, over_the_quota_it_stays_and_the_reason_is_given) {
  World w({.mover = "gcp-route", .nodes = 2, .addresses = 2});
  w.settle(w.at({0, 0}));
  cloud::Quotas quotas = cloud::Quotas::from(w.cloud().delays());
  quotas.static_routes_per_network = 2;
  w.cloud().set_quotas(quotas);
  ASSERT_TRUE(w.check());  // the API does not say it beforehand
  Outcome outcome;
  for (uint32_t i = 0; i < kStuckAfter; ++i) outcome = w.reconcile(w.at({1, 0}));
  const Error why = trouble_of(outcome, w.vip(0));
  EXPECT_EQ(why.code, Errc::kNoSpace);
  EXPECT_NE(why.message.find("a move needs a second one"), std::string::npos) << why.message;
  EXPECT_TRUE(stuck(outcome, w.vip(0)));
  w.env().run_for(1min);
  w.expect_delivered(w.at({0, 0}));  // no hole
  quotas.static_routes_per_network = 3;
  w.cloud().set_quotas(quotas);
  w.settle(w.at({1, 0}));
  w.expect_delivered(w.at({1, 0}));
}

}  // namespace
}  // namespace atl::vip
