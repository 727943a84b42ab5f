// Every call of GcpCompute, through HTTP and back: the same in virtual time and on loopback.
#include "cloud/gcp_compute.h"

#include "cloud/gcp_test_world.h"

namespace atl::cloud {
namespace {

using namespace testing;

template <typename E>
class GcpComputeTest : public ::testing::Test {
 protected:
  GcpWorld<E> world_;
};
using Envs = ::testing::Types<env::SimEnv, env::RealEnv>;
TYPED_TEST_SUITE(GcpComputeTest, Envs);

TYPED_TEST(GcpComputeTest, an_instance_is_read) {
  auto& w = this->world_;
  auto instance = w.env.run(w.gcp->instance(kN1));
  ASSERT_TRUE(instance) << instance.error().to_string();
  EXPECT_EQ(instance->ref, kN1);
  EXPECT_EQ(instance->status, "RUNNING");
  EXPECT_TRUE(instance->can_ip_forward);
  ASSERT_EQ(instance->interfaces.size(), 1u);
  const NetworkInterface& nic = instance->interfaces.front();
  EXPECT_EQ(nic.name, "nic0");
  EXPECT_EQ(nic.network, "net");
  EXPECT_EQ(nic.subnetwork, "sub");
  EXPECT_EQ(nic.network_ip, "10.0.0.11");
  EXPECT_EQ(nic.fingerprint, w.fingerprint(kN1));
  EXPECT_TRUE(nic.aliases.empty());
  auto none = w.env.run(w.gcp->instance({kZone, "n9"}));
  EXPECT_EQ(none.error().code, Errc::kNotFound);
}

TYPED_TEST(GcpComputeTest, aliases_are_set_moved_and_refused) {
  auto& w = this->world_;
  const std::vector<AliasRange> list{{"10.0.0.99/32", ""}, {"10.99.0.1/32", "vips"}};
  const std::string old = w.fingerprint(kN1);
  auto operation = w.set_aliases(kN1, list, 1);
  ASSERT_TRUE(operation) << operation.error().to_string();
  EXPECT_EQ(operation->scope, Operation::Scope::kZone);
  EXPECT_EQ(operation->location, kZone);
  EXPECT_FALSE(w.finish(*operation).error);
  EXPECT_EQ(w.aliases(kN1), list);
  auto read = w.env.run(w.gcp->instance(kN1));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->interfaces.front().aliases, list);

  // 412: somebody else has changed the list in between.
  auto stale = w.env.run(w.gcp->set_aliases(kN1, "nic0", old, {}, uuid(2)));
  EXPECT_EQ(stale.error().code, Errc::kConflict) << stale.error().to_string();
  EXPECT_EQ(w.aliases(kN1), list);
}

TYPED_TEST(GcpComputeTest, an_address_that_another_has_is_a_conflict) {
  auto& w = this->world_;
  auto first = w.set_aliases(kN1, {{"10.0.0.99/32", ""}}, 1);
  ASSERT_TRUE(first);
  w.finish(*first);
  auto second = w.set_aliases(kN2, {{"10.0.0.99/32", ""}}, 2);
  Error error;
  if (second) {
    const Operation done = w.finish(*second);
    ASSERT_TRUE(done.error);
    error = *done.error;
  } else {
    error = second.error();
  }
  EXPECT_EQ(error.code, Errc::kConflict) << error.to_string();
  EXPECT_NE(error.message.find("IP_IN_USE_BY_ANOTHER_RESOURCE"), std::string::npos)
      << error.to_string();
}

TYPED_TEST(GcpComputeTest, networks_and_subnetworks) {
  auto& w = this->world_;
  auto subnetwork = w.env.run(w.gcp->subnetwork(kRegion, "sub"));
  ASSERT_TRUE(subnetwork) << subnetwork.error().to_string();
  EXPECT_EQ(subnetwork->network, "net");
  EXPECT_EQ(subnetwork->cidr, "10.0.0.0/16");
  EXPECT_EQ(subnetwork->secondary.at("vips"), "10.99.0.0/16");

  auto plain = w.env.run(w.gcp->network_features("net"));
  ASSERT_TRUE(plain) << plain.error().to_string();
  EXPECT_EQ(plain->profile, "");
  EXPECT_TRUE(plain->alias_ip && plain->load_balancing && plain->static_routes &&
              plain->ip_forwarding);
  auto falcon = w.env.run(w.gcp->network_features("rdma"));
  ASSERT_TRUE(falcon) << falcon.error().to_string();
  EXPECT_EQ(falcon->network, "rdma");
  EXPECT_EQ(falcon->profile, "europe-west4-b-vpc-falcon");
  EXPECT_FALSE(falcon->alias_ip);
  EXPECT_FALSE(falcon->load_balancing);
  EXPECT_TRUE(falcon->static_routes);
  EXPECT_FALSE(falcon->ip_forwarding);
}

TYPED_TEST(GcpComputeTest, routes_come_and_go) {
  auto& w = this->world_;
  const Route route{"vip-a", "net", "10.200.0.5/32", 900, kN1};
  auto inserted = w.env.run(w.gcp->insert_route(route, uuid(1)));
  ASSERT_TRUE(inserted) << inserted.error().to_string();
  EXPECT_EQ(inserted->scope, Operation::Scope::kGlobal);
  EXPECT_FALSE(w.finish(*inserted).error);
  auto read = w.env.run(w.gcp->route("vip-a"));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->destination, "10.200.0.5/32");
  EXPECT_EQ(read->priority, 900u);
  EXPECT_EQ(read->next_hop, kN1);
  auto there = w.env.run(w.gcp->routes_to("net", "10.200.0.5/32"));
  ASSERT_TRUE(there) << there.error().to_string();
  ASSERT_EQ(there->size(), 1u);
  EXPECT_EQ(there->front().name, "vip-a");
  EXPECT_EQ(w.env.run(w.gcp->routes_to("rdma", "10.200.0.5/32"))->size(), 0u);
  EXPECT_EQ(w.env.run(w.gcp->insert_route(route, uuid(2))).error().code, Errc::kExists);
  auto deleted = w.env.run(w.gcp->delete_route("vip-a", uuid(3)));
  ASSERT_TRUE(deleted) << deleted.error().to_string();
  w.finish(*deleted);
  EXPECT_EQ(w.env.run(w.gcp->route("vip-a")).error().code, Errc::kNotFound);
}

TYPED_TEST(GcpComputeTest, a_leader_is_set) {
  auto& w = this->world_;
  auto service = w.env.run(w.gcp->backend_service(kRegion, "fast"));
  ASSERT_TRUE(service) << service.error().to_string();
  EXPECT_TRUE(service->fast_ip_move);
  EXPECT_EQ(service->region, kRegion);
  EXPECT_EQ(service->groups, std::vector<std::string>{"neg"});
  const HaLeader leader{"neg", kN2};
  auto operation =
      w.env.run(w.gcp->set_leader(kRegion, "fast", service->fingerprint, leader, uuid(1)));
  ASSERT_TRUE(operation) << operation.error().to_string();
  EXPECT_EQ(operation->scope, Operation::Scope::kRegion);
  EXPECT_EQ(operation->location, kRegion);
  EXPECT_FALSE(w.finish(*operation).error);
  auto again = w.env.run(w.gcp->backend_service(kRegion, "fast"));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->leader, leader);
  EXPECT_NE(again->fingerprint, service->fingerprint);

  auto rules = w.env.run(w.gcp->forwarding_rules(kRegion));
  ASSERT_TRUE(rules) << rules.error().to_string();
  ASSERT_EQ(rules->size(), 1u);
  EXPECT_EQ(rules->front().address, "10.0.0.200");
  EXPECT_EQ(rules->front().backend_service, "fast");
}

TYPED_TEST(GcpComputeTest, health_and_managed_instances) {
  auto& w = this->world_;
  auto expected = w.env.run(w.cloud.backend_health(kRegion, "fast", kN1));
  auto health = w.env.run(w.gcp->backend_health(kRegion, "fast", kN1));
  ASSERT_EQ(expected.has_value(), health.has_value());
  EXPECT_EQ(health.value_or(Health::kUnknown), expected.value_or(Health::kUnknown));
  auto group = w.env.run(w.gcp->managed_instances(kZone, "mig"));
  ASSERT_TRUE(group) << group.error().to_string();
  ASSERT_EQ(group->size(), 2u);
  EXPECT_EQ(group->front().ref, kN1);
  EXPECT_EQ(group->front().status, "RUNNING");
  EXPECT_EQ(group->front().address, "10.0.0.11");
  EXPECT_EQ(group->back().address, "10.0.0.12");
}

TYPED_TEST(GcpComputeTest, connections_are_kept_and_bounded) {
  auto& w = this->world_;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(w.env.run(w.gcp->instance(kN1)));
  EXPECT_EQ(w.gcp->connections_made(), 1u);
  std::vector<Task<Result<Instance>>> calls;
  for (int i = 0; i < 60; ++i) calls.push_back(w.gcp->instance(kN1));
  for (const auto& one : w.env.run(env::when_all(w.env, std::move(calls)))) EXPECT_TRUE(one);
  EXPECT_LE(w.gcp->connections_made(), kConnectionsMax);
  EXPECT_LE(w.server.connections(), kConnectionsMax);
}

// --- What is on the wire ---

// python-compute issue 446: a client that leaves the empty list out removes nothing, and is told
// that all went well.
TEST(GcpWire, RemovingTheLastAliasSendsAnExplicitEmptyList_PythonCompute446) {
  GcpWorld<env::SimEnv> w;
  auto set = w.set_aliases(kN1, {{"10.0.0.99/32", ""}}, 1);
  ASSERT_TRUE(set);
  w.finish(*set);
  ASSERT_EQ(w.aliases(kN1).size(), 1u);
  w.seen.clear();
  auto removed = w.set_aliases(kN1, {}, 2);
  ASSERT_TRUE(removed) << removed.error().to_string();
  EXPECT_FALSE(w.finish(*removed).error);
  EXPECT_NE(w.seen.front().body.find("\"aliasIpRanges\":[]"), std::string::npos)
      << w.seen.front().body;
  EXPECT_TRUE(w.aliases(kN1).empty());
}

// The other half: the emulator does as the API does, so that such a client is caught.
TEST(GcpWire, TheEmulatorIgnoresAnAbsentAliasList) {
  GcpWorld<env::SimEnv> w;
  auto set = w.set_aliases(kN1, {{"10.0.0.99/32", ""}}, 1);
  ASSERT_TRUE(set);
  w.finish(*set);
  HttpClient raw(w.env, HttpOrigin::parse(w.server.endpoint()).value(), {});
  HttpMessage patch;
  patch.method = "PATCH";
  patch.target =
      "/compute/v1/projects/lab/zones/europe-west4-b/instances/n1/updateNetworkInterface"
      "?networkInterface=nic0&requestId=" +
      uuid(2);
  patch.body = "{\"fingerprint\":\"" + w.fingerprint(kN1) + "\"}";
  auto answer = w.env.run(raw.call(patch, 5s));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200) << answer->body;
  w.env.run_for(5s);
  EXPECT_EQ(w.aliases(kN1).size(), 1u);
}

TEST(GcpWire, HeavyReadsAreNeverUsedAndChangesCarryTheirId) {
  GcpWorld<env::SimEnv> w;
  auto set = w.set_aliases(kN1, {{"10.0.0.99/32", ""}}, 7);
  ASSERT_TRUE(set);
  w.finish(*set);
  auto service = w.env.run(w.gcp->backend_service(kRegion, "fast"));
  (void)w.env.run(w.gcp->set_leader(kRegion, "fast", service->fingerprint, {"neg", kN1}, uuid(8)));
  (void)w.env.run(w.gcp->insert_route({"r", "net", "10.200.0.1/32", 1, kN1}, uuid(9)));
  (void)w.env.run(w.gcp->delete_route("r", uuid(10)));
  (void)w.env.run(w.gcp->routes_to("net", "10.200.0.1/32"));
  (void)w.env.run(w.gcp->forwarding_rules(kRegion));
  (void)w.env.run(w.gcp->managed_instances(kZone, "mig"));
  int changes = 0;
  for (const HttpMessage& request : w.seen) {
    EXPECT_EQ(request.target.find("aggregated"), std::string::npos) << request.target;
    EXPECT_EQ(request.target.find("/wait"), std::string::npos) << request.target;
    const bool read = request.method == "GET" || request.target.find("/list") != std::string::npos;
    if (read) continue;
    ++changes;
    EXPECT_NE(request.target.find("requestId=00000000-"), std::string::npos) << request.target;
  }
  EXPECT_EQ(changes, 4);
}

TEST(GcpWire, WhatIsNoNameIsNotSent) {
  GcpWorld<env::SimEnv> w;
  for (const std::string bad :
       {"", "../n1", "n1/../../x", "N1", "n1?a=b", "-n", "n-", "n 1", "n%2f", "n\r\nx",
        "a234567890123456789012345678901234567890123456789012345678901234"}) {
    EXPECT_EQ(w.env.run(w.gcp->instance({kZone, bad})).error().code, Errc::kInvalidArgument) << bad;
    EXPECT_EQ(w.env.run(w.gcp->instance({bad, "n1"})).error().code, Errc::kInvalidArgument) << bad;
    EXPECT_EQ(w.env.run(w.gcp->delete_route(bad, uuid(1))).error().code, Errc::kInvalidArgument);
    EXPECT_EQ(w.env.run(w.gcp->set_aliases(kN1, bad, "f", {}, uuid(1))).error().code,
              Errc::kInvalidArgument);
  }
  for (const std::string bad : {"", "10.0.0.5", "10.0.0.5/33", "10.0.0/24", "1.2.3.4/32\" OR x",
                                "1.2.3.256/32", "1.2.3.4.5/32", "::1/128"})
    EXPECT_EQ(w.env.run(w.gcp->routes_to("net", bad)).error().code, Errc::kInvalidArgument) << bad;
  EXPECT_EQ(w.env.run(w.gcp->delete_route("r", "")).error().code, Errc::kInvalidArgument);
  std::vector<AliasRange> many(kAliasRangesMax + 1, AliasRange{"10.0.0.1/32", ""});
  EXPECT_EQ(w.env.run(w.gcp->set_aliases(kN1, "nic0", "f", many, uuid(1))).error().code,
            Errc::kNoSpace);
  EXPECT_EQ(w.server.requests(), 0u);
  for (const std::string bad : {"", "a/b", "a..b", "A", "a b", "../x"})
    EXPECT_FALSE(GcpCompute::make(w.env, {.project = bad}, std::make_shared<NoToken>())) << bad;
  EXPECT_TRUE(GcpCompute::make(w.env, {.endpoint = "http://10.0.0.1", .project = "example.com:p-1"},
                               std::make_shared<NoToken>()));
}

}  // namespace
}  // namespace atl::cloud
