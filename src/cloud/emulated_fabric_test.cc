// Routes, leaders and GARP: where packets go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/emulated_test_world.h"

namespace atl::cloud {
namespace {

using ::testing::HasSubstr;

constexpr const char* kVip = "10.0.0.200";  // of the forwarding rule

// --- Routes ---

TEST(EmulatedRoute, CarriesOnceItIsDoneAndHasSpread) {
  Delays delays = Delays::zero();
  delays.route_insert_operation = constant(3s);
  delays.route_propagation = constant(2s);
  TestWorld w(delays);
  const auto taken = w.insert_route("r1", "10.99.0.5/32", 0);
  EXPECT_EQ(taken->scope, Operation::Scope::kGlobal);
  EXPECT_FALSE(w.call(w.cloud.route("r1")));
  EXPECT_FALSE(w.finish(taken).error);
  EXPECT_EQ(w.call(w.cloud.route("r1")).value().next_hop, node(0));
  EXPECT_EQ(w.call(w.cloud.routes_to("net", "10.99.0.5/32")).value().size(), 1u);
  EXPECT_EQ(w.at("10.99.0.5"), "");
  w.env.run_for(2s);
  EXPECT_EQ(w.at("10.99.0.5"), "n0");
  EXPECT_FALSE(w.finish(w.call(w.cloud.delete_route("r1", ""))).error);
  EXPECT_EQ(w.at("10.99.0.5"), "n0");
  w.env.run_for(2s);
  EXPECT_EQ(w.at("10.99.0.5"), "");
  EXPECT_TRUE(w.call(w.cloud.routes_to("net", "10.99.0.5/32")).value().empty());
}

TEST(EmulatedRoute, TheLongestPrefixWinsThenTheLowerNumber) {
  TestWorld w;
  w.finish(w.insert_route("wide", "10.99.0.0/24", 0, 0));
  w.finish(w.insert_route("one", "10.99.0.5/32", 1, 1000));
  w.finish(w.insert_route("better", "10.99.0.5/32", 2, 999));
  w.env.run_for(1ms);
  EXPECT_EQ(w.at("10.99.0.5"), "n2");
  EXPECT_EQ(w.at("10.99.0.6"), "n0");
  w.finish(w.call(w.cloud.delete_route("better", "")));
  w.env.run_for(1ms);
  EXPECT_EQ(w.at("10.99.0.5"), "n1");
}

TEST(EmulatedRoute, AStoppedNextHopIsPassedOverWhenItIsNoticed) {
  Delays delays = Delays::zero();
  delays.next_hop_notice = constant(2s);
  TestWorld w(delays);
  w.finish(w.insert_route("a", "10.99.0.5/32", 0, 100));
  w.finish(w.insert_route("b", "10.99.0.5/32", 1, 200));
  w.env.run_for(1ms);
  w.ok(w.cloud.power(node(0), Power::kOff));
  EXPECT_EQ(w.at("10.99.0.5"), "n0");
  w.env.run_for(2s);
  EXPECT_EQ(w.at("10.99.0.5"), "n1");
  w.ok(w.cloud.power(node(0), Power::kOn));
  w.env.run_for(2s);
  EXPECT_EQ(w.at("10.99.0.5"), "n0");
}

TEST(EmulatedRoute, AHungButRunningNextHopIsNotPassedOver) {
  TestWorld w;
  w.cloud.set_probe([](InstanceRef, std::string_view) { return false; });
  w.finish(w.insert_route("a", "10.99.0.5/32", 0, 100));
  w.finish(w.insert_route("b", "10.99.0.5/32", 1, 200));
  w.env.run_for(1h);
  EXPECT_EQ(w.at("10.99.0.5"), "n0");
}

TEST(EmulatedRoute, ToAnInstanceThatMayNotForwardCarriesNothing) {
  TestWorld w;
  EXPECT_FALSE(w.finish(w.insert_route("r", "10.99.0.5/32", 3)).error);
  w.env.run_for(1min);
  EXPECT_EQ(w.at("10.99.0.5"), "");
  w.ok(w.cloud.power(node(3), Power::kOff));
  w.ok(w.cloud.power(node(3), Power::kOn));
  w.env.run_for(1min);
  EXPECT_EQ(w.at("10.99.0.5"), "");
}

TEST(EmulatedRoute, MustLieOutsideEverySubnetRange) {
  TestWorld w;
  EXPECT_EQ(w.insert_route("r", "10.0.0.99/32", 0).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(w.insert_route("r", "10.1.0.99/32", 0).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(w.insert_route("r", "10.99.0.5/33", 0).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(w.insert_route("r", "10.99.0.5/32", 9).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(w.insert_route("r", "10.99.0.5/32", 0, 65536).error().code, Errc::kInvalidArgument);
}

TEST(EmulatedRoute, NamesAreUniqueFromTheMomentOfInsertion) {
  Delays delays = Delays::zero();
  delays.route_insert_operation = constant(3s);
  TestWorld w(delays);
  const auto first = w.insert_route("r", "10.99.0.5/32", 0);
  EXPECT_EQ(w.insert_route("r", "10.99.0.6/32", 0).error().code, Errc::kExists);
  w.finish(first);
  EXPECT_EQ(w.insert_route("r", "10.99.0.6/32", 0).error().code, Errc::kExists);
  w.finish(w.call(w.cloud.delete_route("r", "")));
  EXPECT_FALSE(w.finish(w.insert_route("r", "10.99.0.6/32", 0)).error);
}

TEST(EmulatedRoute, TheQuotaCountsThoseUnderWayAndDeletionMakesRoom) {
  TestWorld w;
  Quotas quotas = Quotas::from(w.cloud.delays());
  quotas.static_routes_per_network = 1;
  w.cloud.set_quotas(quotas);
  const auto first = w.insert_route("a", "10.99.0.5/32", 0);
  EXPECT_EQ(w.insert_route("b", "10.99.0.6/32", 0).error().code, Errc::kNoSpace);
  w.finish(first);
  w.finish(w.call(w.cloud.delete_route("a", "")));
  EXPECT_TRUE(w.insert_route("b", "10.99.0.6/32", 0));
}

TEST(EmulatedRoute, ANetworkWithoutForwardingOrRoutesSaysSo) {
  TestWorld w;
  w.ok(w.cloud.add_network({.network = "f", .profile = "p", .ip_forwarding = false}));
  w.ok(w.cloud.add_network({.network = "s", .profile = "p", .static_routes = false}));
  for (const char* network : {"f", "s"}) {
    const auto refused =
        w.call(w.cloud.insert_route({"r", network, "10.99.0.5/32", 1, node(0)}, ""));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kUnsupported);
    EXPECT_THAT(refused.error().message,
                HasSubstr(network[0] == 'f' ? "IP forwarding" : "static routes"));
  }
}

TEST(EmulatedRoute, ALateUpdateDoesNotTakeAwayTheNextRouteOfThatName) {
  Delays delays = Delays::zero();
  TestWorld w(delays);
  w.finish(w.insert_route("r", "10.99.0.5/32", 0));
  w.env.run_for(1ms);
  delays.route_propagation = constant(10s);
  w.cloud.set_delays(delays);
  w.finish(w.call(w.cloud.delete_route("r", "")));
  delays.route_propagation = constant(1s);
  w.cloud.set_delays(delays);
  w.finish(w.insert_route("r", "10.99.0.5/32", 1));
  w.env.run_for(2s);
  EXPECT_EQ(w.at("10.99.0.5"), "n1");
  w.env.run_for(20s);
  EXPECT_EQ(w.at("10.99.0.5"), "n1");
}

// --- Leader and GARP ---

TEST(EmulatedLeader, FollowsTheApiAfterTheOperationAndItsSpreading) {
  Delays delays = Delays::zero();
  delays.leader_operation = constant(3s);
  delays.leader_propagation = constant(2s);
  TestWorld w(delays);
  w.add_fast_service();
  EXPECT_EQ(w.at(kVip), "n0");
  const auto taken = w.set_leader(1);
  EXPECT_EQ(taken->scope, Operation::Scope::kRegion);
  EXPECT_EQ(taken->location, kRegion);
  EXPECT_FALSE(w.finish(taken).error);
  EXPECT_EQ(w.call(w.cloud.backend_service(kRegion, "svc")).value().leader->instance, node(1));
  EXPECT_EQ(w.at(kVip), "n0");
  w.env.run_for(2s);
  EXPECT_EQ(w.at(kVip), "n1");
}

TEST(EmulatedLeader, ALateUpdateDoesNotUndoALaterLeader) {
  Delays delays = Delays::zero();
  delays.leader_propagation = constant(10s);
  TestWorld w(delays);
  w.add_fast_service();
  w.finish(w.set_leader(1));
  delays.leader_propagation = constant(1s);
  w.cloud.set_delays(delays);
  w.finish(w.set_leader(2));
  w.env.run_for(2s);
  EXPECT_EQ(w.at(kVip), "n2");
  w.env.run_for(20s);
  EXPECT_EQ(w.at(kVip), "n2");
}

TEST(EmulatedLeader, MustBeAnEndpointOfABackendUnderAFreshFingerprint) {
  TestWorld w;
  w.add_fast_service();
  EXPECT_EQ(w.set_leader(3).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(w.set_leader(1, "stale").error().code, Errc::kConflict);
  const std::string old = w.call(w.cloud.backend_service(kRegion, "svc")).value().fingerprint;
  w.finish(w.set_leader(1));
  EXPECT_EQ(w.set_leader(2, old).error().code, Errc::kConflict);
  const auto group = w.call(w.cloud.set_leader(
      kRegion, "svc", w.call(w.cloud.backend_service(kRegion, "svc")).value().fingerprint,
      {"other", node(1)}, ""));
  EXPECT_EQ(group.error().code, Errc::kInvalidArgument);
}

TEST(EmulatedLeader, AServiceWithoutHaPolicyHasNone) {
  TestWorld w;
  EmulatedService service;
  service.health_check = HealthCheck::from(w.cloud.delays());
  w.add_service(service);
  EXPECT_EQ(w.set_leader(1).error().code, Errc::kInvalidArgument);
}

TEST(EmulatedGarp, OutranksTheLeaderForTwentyMinutesAfterTheLastOne) {
  Delays delays = Delays::zero();
  delays.garp_propagation = constant(200ms);
  TestWorld w(delays);
  w.add_fast_service();
  w.cloud.garp(node(1), kVip);
  EXPECT_EQ(w.at(kVip), "n0");
  w.env.run_for(200ms);
  EXPECT_EQ(w.at(kVip), "n1");
  w.finish(w.set_leader(2));
  w.env.run_for(10min);
  EXPECT_EQ(w.at(kVip), "n1");
  w.cloud.garp(node(1), kVip);
  w.env.run_for(20min - 1ms);
  EXPECT_EQ(w.at(kVip), "n1");
  const int before = w.data_plane_changes;
  w.env.run_for(2ms);
  EXPECT_EQ(w.at(kVip), "n2");
  EXPECT_EQ(w.data_plane_changes, before + 1);
}

TEST(EmulatedGarp, IsIgnoredUnlessTheSenderIsARunningEndpointAndTheAddressItsServices) {
  TestWorld w;
  w.add_fast_service();
  w.cloud.garp(node(3), kVip);          // no endpoint
  w.cloud.garp(node(1), "10.0.0.201");  // no rule's address
  w.ok(w.cloud.power(node(2), Power::kOff));
  w.cloud.garp(node(2), kVip);
  w.env.run_for(1s);
  EXPECT_EQ(w.at(kVip), "n0");
  EXPECT_EQ(w.at("10.0.0.201"), "");
}

TEST(EmulatedGarp, DoesNothingForAHealthCheckedService) {
  TestWorld w;
  EmulatedService service;
  service.health_check = HealthCheck::from(w.cloud.delays());
  service.drop_traffic_if_unhealthy = true;
  w.add_service(service);
  w.cloud.garp(node(1), kVip);
  w.env.run_for(1s);
  EXPECT_EQ(w.at(kVip), "");
}

TEST(EmulatedGarp, MovesEveryAddressOfTheService) {
  TestWorld w;
  w.add_fast_service();
  w.ok(w.cloud.add_forwarding_rule({"second", kRegion, "10.0.0.201", "svc"}));
  w.cloud.garp(node(1), kVip);
  w.env.run_for(1ms);
  EXPECT_EQ(w.at("10.0.0.201"), "n1");
}

TEST(EmulatedGarp, TwoSendersAlternate) {
  TestWorld w;
  w.add_fast_service();
  for (int round = 0; round < 4; ++round) {
    const int sender = 1 + round % 2;
    w.cloud.garp(node(sender), kVip);
    w.env.run_for(5s);
    EXPECT_EQ(w.at(kVip), fmt::format("n{}", sender));
  }
}

TEST(EmulatedGarp, ASecondSenderWithinThreeSecondsIsARaceThatEitherMayWin) {
  std::set<std::string> winners, patient;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    TestWorld w(Delays::zero(), seed);
    w.add_fast_service();
    w.cloud.garp(node(1), kVip);
    w.env.run_for(2900ms);
    w.cloud.garp(node(2), kVip);
    w.env.run_for(1s);
    winners.insert(w.at(kVip));
    w.env.run_for(10s);
    w.cloud.garp(node(1), kVip);
    w.env.run_for(3s);
    w.cloud.garp(node(2), kVip);
    w.env.run_for(1s);
    patient.insert(w.at(kVip));
  }
  EXPECT_EQ(winners, (std::set<std::string>{"n1", "n2"}));
  EXPECT_EQ(patient, (std::set<std::string>{"n2"}));
}

TEST(EmulatedGarp, SurvivesItsSender) {
  TestWorld w;
  w.add_fast_service();
  w.cloud.garp(node(1), kVip);
  w.env.run_for(1s);
  w.ok(w.cloud.power(node(1), Power::kOff));
  w.env.run_for(19min);
  EXPECT_EQ(w.at(kVip), "n1");
}

}  // namespace
}  // namespace atl::cloud
