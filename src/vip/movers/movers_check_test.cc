// check(): what each mover needs from the network, and the reason when the network cannot.

#include "vip/movers/check_parts.h"
#include "vip/movers/test_world.h"

namespace atl::vip {
namespace {

void expect_refused(World& w, std::string_view reason) {
  const Status status = w.check();
  ASSERT_FALSE(status) << "not refused";
  EXPECT_EQ(status.error().code, Errc::kUnsupported) << status.error().to_string();
  EXPECT_NE(status.error().message.find(reason), std::string::npos) << status.error().to_string();
}

TEST(Check, on_an_rdma_network_the_profile_is_asked_and_its_reason_given) {
  for (const char* mover : {"gcp-alias", "gcp-route"}) {
    World w({.mover = mover, .profile = "europe-west4-b-vpc-falcon"});
    expect_refused(w, "profile europe-west4-b-vpc-falcon");
    EXPECT_GT(w.calls(Call::kNetworkFeatures), 0u);
  }
  World w({.mover = "gcp-alias", .profile = "made-up"});  // no table of names
  expect_refused(w, "does not allow alias IP ranges");
}

TEST(Check, load_balancing_is_asked_for) {
  for (const char* mover : {"gcp-lb", "gcp-garp"}) {
    World w({.mover = mover, .profile = "europe-west4-b-vpc-falcon"});
    expect_refused(w, "load balancing");
  }
}

TEST(Check, aliases_are_inside_the_subnetwork) {
  World w({});
  ASSERT_TRUE(w.check());
  w.pool().addresses.push_back(*Vip::parse("10.99.0.1"));
  expect_refused(w, "10.99.0.1 is outside 10.0.0.0/16");
  w.pool().addresses = {*Vip::parse("10.0.0.1")};
  expect_refused(w, "keeps for itself");
  w.pool().addresses = {*Vip::parse("10.1.0.1")};
  w.pool().alias_range = "vips";
  EXPECT_TRUE(w.check());
  w.pool().alias_range = "nothing";
  expect_refused(w, "no secondary range");
}

TEST(Check, aliases_are_of_the_interfaces_own_subnetwork) {
  World w({});
  w.pool().nodes[1].nic = "nic1";
  expect_refused(w, "nic1 of node n1 is in other/other-sub");
  w.pool().nodes[1].nic = "nic7";
  expect_refused(w, "no interface nic7");
}

TEST(Check, aliases_fit_when_a_node_fails) {
  World w({.nodes = 3, .addresses = 300});
  EXPECT_TRUE(w.check());
  w.pool().addresses.push_back(*Vip::parse("10.0.30.1"));
  expect_refused(w, "do not fit when 1 of them fail");
  w.pool().addresses.resize(300);
  w.put_aliases(2, {{"10.0.7.0/28", ""}});  // somebody else's counts too
  expect_refused(w, "up to 1 of others");
}

TEST(Check, a_node_that_does_not_exist) {
  World w({});
  w.pool().nodes[0].instance.name = "gone";
  const Status status = w.check();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::kNotFound);
}

TEST(Check, route_destinations_are_outside_every_subnetwork) {
  World w({.mover = "gcp-route"});
  ASSERT_TRUE(w.check());
  w.pool().addresses.push_back(*Vip::parse("10.0.9.1"));
  expect_refused(w, "10.0.9.1 is inside 10.0.0.0/16");
  w.pool().addresses.back() = *Vip::parse("10.1.2.3");
  expect_refused(w, "10.1.2.3 is inside 10.1.0.0/22");
}

TEST(Check, next_hops_may_forward) {
  World w({.mover = "gcp-route", .can_ip_forward = false});
  expect_refused(w, "canIpForward");
}

TEST(Check, route_quota_where_the_api_tells) {
  World w({.mover = "gcp-route", .nodes = 3, .addresses = 3});
  w.compute().static_routes_left = 3;
  expect_refused(w, "needs 4 routes more");  // one a move, for a while
  w.compute().static_routes_left = 4;
  EXPECT_TRUE(w.check());
  w.settle(w.spread());
  w.compute().static_routes_left = 1;  // what is there already is not needed again
  EXPECT_TRUE(w.check());
}

TEST(Check, each_address_names_its_service_and_has_a_forwarding_rule) {
  for (const bool fast : {true, false}) {
    World w({.mover = fast ? "gcp-garp" : "gcp-lb", .services = true, .fast_move = fast});
    ASSERT_TRUE(w.check());
    auto services = w.pool().services;
    w.pool().services.erase(w.vip(0));
    expect_refused(w, "no backend service is given for " + w.vip(0).to_string());
    w.pool().services = services;
    w.pool().services[w.vip(0)] = "svc9";
    expect_refused(w, "leads to backend service svc0, not to svc9");
    w.pool().services = services;
    w.pool().addresses.push_back(*Vip::parse("10.0.9.200"));
    w.pool().services[w.pool().addresses.back()] = "svc9";
    expect_refused(w, "no forwarding rule");
    w.pool().services = services;
    w.pool().addresses.pop_back();
    w.pool().nodes[2].endpoint_group = "elsewhere";
    expect_refused(w, "elsewhere");
  }
}

TEST(Check, addresses_that_share_a_service_are_refused_by_name) {
  for (const bool fast : {true, false}) {
    World w({.mover = fast ? "gcp-garp" : "gcp-lb",
             .services = true,
             .one_service = true,
             .fast_move = fast});
    expect_refused(w, "10.0.9.10, 10.0.9.11, 10.0.9.12 share backend service svc");
    expect_refused(w, "each needs one of its own");
  }
}

TEST(Check, garp_needs_fast_move_and_a_load_balancer_must_not_have_it) {
  World w({.mover = "gcp-garp", .services = true, .fast_move = false});
  expect_refused(w, "fastIPMove");
  World v({.mover = "gcp-lb", .services = true, .fast_move = true});
  expect_refused(v, "excludes health checks");
}

TEST(Check, sixty_four_services_and_thirty_two_endpoints) {
  World w({.mover = "gcp-garp", .nodes = 33, .addresses = 2});
  expect_refused(w, "up to 32 endpoints");
  World v({.mover = "gcp-garp", .nodes = 2, .addresses = 65});
  for (size_t i = 0; i < 65; ++i) v.pool().services[v.vip(i)] = fmt::format("svc{}", i);
  expect_refused(v, "up to 64 backend services");
}

TEST(Check, a_managed_pool_has_an_address_for_each_instance) {
  World w({.mover = "gcp-pool", .nodes = 3, .addresses = 3, .managed = true});
  ASSERT_TRUE(w.check());
  w.pool().addresses.pop_back();
  expect_refused(w, "nothing floats");
  w.pool().nodes[0].endpoint_group = "";
  expect_refused(w, "no managed instance group");
}

TEST(Check, a_pool_has_addresses_and_nodes) {
  World w({});
  w.pool().addresses.clear();
  expect_refused(w, "addresses");
  World v({});
  v.pool().nodes.clear();
  expect_refused(v, "nodes");
}

TEST(Check, ends_in_time_when_nobody_answers) {
  World w({});
  w.compute().stop_at(1, false);
  const Nanos began = w.env().now();
  EXPECT_FALSE(w.check());
  EXPECT_LE(w.env().now() - began, kRoundDeadline + 1s);
  w.compute().release();
  w.env().run_for(1s);
}

TEST(Check, addresses_that_a_subnet_keeps) {
  const Prefix prefix = *Prefix::parse("10.0.0.0/24");
  std::set<std::string> kept;
  for (uint32_t i = 0; i < 256; ++i)
    if (is_kept_by_subnet(prefix, Vip{prefix.number + i}))
      kept.insert(Vip{prefix.number + i}.to_string());
  EXPECT_EQ(kept, (std::set<std::string>{"10.0.0.0", "10.0.0.1", "10.0.0.254", "10.0.0.255"}));
}

}  // namespace
}  // namespace atl::vip
