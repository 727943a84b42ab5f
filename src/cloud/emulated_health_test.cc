// Health checks, the rules of backend services, and managed groups.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/emulated_test_world.h"

namespace atl::cloud {
namespace {

constexpr const char* kVip = "10.0.0.200";  // of the forwarding rule

// --- Health checks ---

struct Checked : TestWorld {
  explicit Checked(bool drop = false) : TestWorld(delays_for_it()) {
    cloud.set_probe([this](InstanceRef ref, std::string_view address) {
      EXPECT_EQ(address, kVip);
      return answering.contains(ref.name);
    });
    EmulatedService service;
    service.health_check = HealthCheck{5s, 2s, 2, 3};
    service.drop_traffic_if_unhealthy = drop;
    add_service(service);
  }
  static Delays delays_for_it() {
    Delays delays = Delays::zero();
    delays.lb_propagation = constant(500ms);
    return delays;
  }
  Health health(int number) {
    return call(cloud.backend_health(kRegion, "svc", node(number))).value();
  }
  std::set<std::string> answering{"n1"};
};

TEST(EmulatedHealthCheck, AnEndpointIsHealthyAfterItsThresholdAndTrafficFollows) {
  Checked w;
  EXPECT_EQ(w.health(1), Health::kUnknown);
  w.env.run_for(14900ms);
  EXPECT_EQ(w.health(1), Health::kUnknown);
  w.env.run_for(200ms);  // the third probe was at 15 s
  EXPECT_EQ(w.health(1), Health::kHealthy);
  w.env.run_for(500ms);
  EXPECT_EQ(w.at(kVip), "n1");
}

TEST(EmulatedHealthCheck, SilenceCountsAfterTheTimeoutAndMovesTrafficAfterTheThreshold) {
  Checked w;
  w.env.run_for(16s);
  ASSERT_EQ(w.at(kVip), "n1");
  w.answering = {"n1", "n2"};
  w.env.run_for(15s);
  ASSERT_EQ(w.health(2), Health::kHealthy);
  w.answering = {"n2"};
  w.env.run_for(10900ms);  // at 41.9 s: failures at 35 and 40 s, the second known at 42 s
  EXPECT_EQ(w.health(1), Health::kHealthy);
  w.env.run_for(200ms);
  EXPECT_EQ(w.health(1), Health::kUnhealthy);
  w.env.run_for(500ms);
  EXPECT_EQ(w.at(kVip), "n2");
}

TEST(EmulatedHealthCheck, OneLostProbeBeginsTheCountAnew) {
  Checked w;
  w.env.run_for(11s);  // two good ones, at 5 and 10 s
  w.answering = {};
  w.env.run_for(5s);  // one bad one
  w.answering = {"n1"};
  w.env.run_for(10s);  // two good ones
  EXPECT_EQ(w.health(1), Health::kUnknown);
  w.env.run_for(5s);
  EXPECT_EQ(w.health(1), Health::kHealthy);
}

TEST(EmulatedHealthCheck, AnInstanceThatIsOffDoesNotAnswer) {
  Checked w;
  w.env.run_for(16s);
  w.ok(w.cloud.power(node(1), Power::kOff));
  w.env.run_for(30s);
  EXPECT_EQ(w.health(1), Health::kUnhealthy);
}

TEST(EmulatedHealthCheck, SeveralHealthyOnesShareTheAddressesAlwaysInTheSameWay) {
  Checked w;
  w.answering = {"n0", "n1", "n2"};
  for (int i = 1; i < 20; ++i)
    w.ok(w.cloud.add_forwarding_rule(
        {fmt::format("z{}", i), kRegion, fmt::format("10.0.1.{}", i), "svc"}));
  w.env.run_for(30s);
  std::set<std::string> used;
  for (int i = 1; i < 20; ++i) {
    const std::string address = fmt::format("10.0.1.{}", i);
    used.insert(w.at(address));
    EXPECT_EQ(w.at(address), w.at(address));
  }
  EXPECT_EQ(used, (std::set<std::string>{"n0", "n1", "n2"}));
}

TEST(EmulatedHealthCheck, WithoutAHealthyOneTrafficIsSpreadOrDroppedAsConfigured) {
  Checked spread(false), drop(true);
  spread.answering = drop.answering = {};
  spread.env.run_for(1min);
  drop.env.run_for(1min);
  EXPECT_NE(spread.at(kVip), "");
  EXPECT_EQ(drop.at(kVip), "");
}

TEST(EmulatedBackendService, HaPolicyAndHealthChecksDoNotGoTogether) {
  TestWorld w;
  w.add_fast_service();
  EmulatedService both;
  both.network = "net";
  both.service = {.name = "both", .region = kRegion, .fast_ip_move = true, .groups = {"neg"}};
  both.health_check = HealthCheck::from(w.cloud.delays());
  EXPECT_EQ(w.cloud.add_backend_service(both).error().code, Errc::kInvalidArgument);
}

TEST(EmulatedBackendService, ANetworkHasAtMost64WithFastMove) {
  TestWorld w;
  w.add_fast_service();
  for (int i = 1; i <= 64; ++i) {
    EmulatedService service;
    service.network = "net";
    service.service = {
        .name = fmt::format("s{}", i), .region = kRegion, .fast_ip_move = true, .groups = {"neg"}};
    const Status added = w.cloud.add_backend_service(service);
    EXPECT_EQ(added.has_value(), i < 64) << i;
    EXPECT_EQ(added ? Errc{} : added.error().code, i < 64 ? Errc{} : Errc::kNoSpace) << i;
  }
}

TEST(EmulatedBackendService, AnEndpointIsInAtMost64WithFastMoveWhateverTheRegion) {
  TestWorld w;
  w.add_fast_service();
  w.ok(w.cloud.add_endpoint_group({"three", "net", {node(3)}}));
  const auto add = [&](int number, std::string region, std::string group) {
    EmulatedService service;
    service.network = "net";
    service.service = {.name = fmt::format("s{}", number),
                       .region = std::move(region),
                       .fast_ip_move = true,
                       .groups = {std::move(group)}};
    const Status added = w.cloud.add_backend_service(service);
    return added ? Errc{} : added.error().code;
  };
  for (int i = 1; i < 64; ++i) EXPECT_EQ(add(i, "r2", "neg"), Errc{}) << i;
  EXPECT_EQ(add(64, "r2", "neg"), Errc::kNoSpace);
  EXPECT_EQ(add(64, "r2", "three"), Errc{});
  EXPECT_EQ(add(65, "r2", "three"), Errc::kNoSpace);  // r2 is full, though n3 is not
}

TEST(EmulatedBackendService, ANetworkWithoutLoadBalancingSaysSo) {
  TestWorld w;
  w.ok(w.cloud.add_network({.network = "rail", .profile = "p", .load_balancing = false}));
  EmulatedService service;
  service.network = "rail";
  service.service = {.name = "s", .region = kRegion};
  EXPECT_EQ(w.cloud.add_backend_service(service).error().code, Errc::kUnsupported);
}

TEST(EmulatedForwardingRule, HasAnAddressOfItsOwnAndIsListed) {
  TestWorld w;
  w.add_fast_service();
  EXPECT_EQ(w.cloud.add_forwarding_rule({"x", kRegion, kVip, "svc"}).error().code, Errc::kConflict);
  EXPECT_EQ(w.cloud.add_forwarding_rule({"x", kRegion, "10.0.0.10", "svc"}).error().code,
            Errc::kConflict);
  const auto rules = w.call(w.cloud.forwarding_rules(kRegion)).value();
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].address, kVip);
  EXPECT_TRUE(w.call(w.cloud.forwarding_rules("r2")).value().empty());
}

// --- Managed groups ---

struct Managed : TestWorld {
  explicit Managed(bool probes = false) : TestWorld(delays_for_it()) {
    ok(cloud.add_managed_group({.zone = kZone,
                                .name = "group",
                                .instances = {node(0), node(1)},
                                .reserved = {"10.0.0.10", "10.0.0.11", "10.0.0.20"},
                                .autohealing_delay = 30s,
                                .probes = probes}));
  }
  static Delays delays_for_it() {
    Delays delays = Delays::zero();
    delays.instance_recreate = constant(1min);
    return delays;
  }
  ManagedInstance managed(size_t number) {
    return call(cloud.managed_instances(kZone, "group")).value().at(number);
  }
};

TEST(EmulatedManagedGroup, AnInstanceThatIsOffIsMadeAnewAtTheNextReservedAddress) {
  Managed w;
  w.finish(w.set_aliases(0, {"10.0.0.99/32"}));
  std::vector<std::string> seen;
  w.cloud.on_instance_change([&](const Instance& instance) {
    seen.push_back(instance.status + " " + instance.interfaces[0].network_ip);
  });
  EXPECT_EQ(w.managed(0).address, "10.0.0.10");
  w.ok(w.cloud.power(node(0), Power::kOff));
  w.env.run_for(29s);
  EXPECT_EQ(w.managed(0).status, "TERMINATED");
  EXPECT_EQ(w.at("10.0.0.99"), "n0");
  w.env.run_for(2s);
  EXPECT_EQ(w.managed(0).status, "RECREATING");
  EXPECT_EQ(w.call(w.cloud.instance(node(0))).error().code, Errc::kNotFound);
  EXPECT_EQ(w.cloud.power(node(0), Power::kOn).error().code, Errc::kConflict);
  EXPECT_EQ(w.at("10.0.0.99"), "");
  EXPECT_EQ(w.at("10.0.0.10"), "");
  w.env.run_for(1min);
  EXPECT_EQ(w.managed(0).status, "RUNNING");
  EXPECT_EQ(w.managed(0).address, "10.0.0.20");
  EXPECT_EQ(w.at("10.0.0.20"), "n0");
  EXPECT_TRUE(w.aliases(0).empty());
  EXPECT_EQ(seen, (std::vector<std::string>{"TERMINATED 10.0.0.10", "RUNNING 10.0.0.20"}));
  // The address that became free is the next one's.
  w.ok(w.cloud.power(node(1), Power::kOff));
  w.env.run_for(2min);
  EXPECT_EQ(w.managed(1).address, "10.0.0.10");
}

TEST(EmulatedManagedGroup, AnInstanceThatComesBackInTimeIsLeftAlone) {
  Managed w;
  w.ok(w.cloud.power(node(0), Power::kOff));
  w.env.run_for(29s);
  w.ok(w.cloud.power(node(0), Power::kOn));
  w.env.run_for(10s);
  w.ok(w.cloud.power(node(0), Power::kOff));
  w.env.run_for(29s);
  EXPECT_EQ(w.managed(0).status, "TERMINATED");
}

TEST(EmulatedManagedGroup, AHungInstanceIsMadeAnewOnlyWhereTheGroupProbes) {
  for (const bool probes : {false, true}) {
    Managed w(probes);
    bool hung = false;
    w.cloud.set_probe([&](InstanceRef ref, std::string_view) { return !hung || ref != node(0); });
    w.env.run_for(1min);
    EXPECT_EQ(w.managed(0).address, "10.0.0.10");
    hung = true;
    w.env.run_for(50s);
    EXPECT_EQ(w.managed(0).status, probes ? "RECREATING" : "RUNNING");
    EXPECT_EQ(w.managed(1).status, "RUNNING");
  }
}

TEST(EmulatedManagedGroup, WithoutASpareAddressTheOldOneIsTaken) {
  TestWorld w;
  w.ok(w.cloud.add_managed_group({.zone = kZone,
                                  .name = "group",
                                  .instances = {node(0)},
                                  .reserved = {"10.0.0.10"},
                                  .autohealing_delay = 1s}));
  w.ok(w.cloud.power(node(0), Power::kOff));
  w.env.run_for(10s);
  EXPECT_EQ(w.nic(0).network_ip, "10.0.0.10");
  EXPECT_EQ(w.cloud.look(node(0))->status, "RUNNING");
}

TEST(EmulatedManagedGroup, AnAddressThatSomebodyTookMeanwhileIsNotGivenTwice) {
  Delays delays = Delays::zero();
  delays.instance_recreate = constant(1min);
  TestWorld w(delays);
  w.ok(w.cloud.add_managed_group(
      {.zone = kZone, .name = "group", .instances = {node(0)}, .autohealing_delay = 1s}));
  w.ok(w.cloud.power(node(0), Power::kOff));
  w.env.run_for(10s);
  EXPECT_FALSE(w.finish(w.set_aliases(1, {"10.0.0.10/32"})).error);
  w.env.run_for(1min);
  EXPECT_EQ(w.cloud.look(node(0))->status, "RUNNING");
  EXPECT_EQ(w.nic(0).network_ip, "10.0.0.2");
  EXPECT_EQ(w.at("10.0.0.10"), "n1");
}

}  // namespace
}  // namespace atl::cloud
