// GcpCompute against the emulated API over a twin, in virtual time or on loopback; for tests.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cloud/emulated_compute.h"
#include "cloud/emulator_http.h"
#include "cloud/gcp_compute.h"
#include "env/real_env.h"
#include "env/sim_env.h"

namespace atl::cloud::testing {

inline const std::string kZone = "europe-west4-b";
inline const std::string kRegion = "europe-west4";
inline const InstanceRef kN1{kZone, "n1"};
inline const InstanceRef kN2{kZone, "n2"};

inline std::string uuid(int n) {
  return fmt::format("00000000-0000-4000-8000-{:012}", n);
}

template <typename E>
struct GcpWorld {
  explicit GcpWorld(EmulatorOptions options = {.project = "lab", .networks = {"net", "rdma"}},
                    std::shared_ptr<TokenSource> tokens = std::make_shared<NoToken>())
      : server(env, cloud, std::move(options)) {
    server.set_fault_hook([this](const HttpMessage& request) {
      seen.push_back(request);
      return fault ? fault(request) : std::nullopt;
    });
    EXPECT_TRUE(server.listen({"127.0.0.1", 0}));
    connect(std::move(tokens));
    build();
  }
  ~GcpWorld() {
    gcp.reset();
    server.stop();
    env.run(env.sleep(1ms));
  }

  void connect(std::shared_ptr<TokenSource> tokens) {
    GcpOptions gcp_options;
    gcp_options.endpoint = server.endpoint();
    gcp_options.project = "lab";
    auto made = GcpCompute::make(env, std::move(gcp_options), std::move(tokens));
    ASSERT_TRUE(made) << made.error().to_string();
    gcp = std::move(*made);
  }

  static void ok(const Status& status) { EXPECT_TRUE(status) << status.error().to_string(); }

  Instance make_instance(const InstanceRef& ref, const std::string& address) {
    Instance out;
    out.ref = ref;
    out.can_ip_forward = true;
    NetworkInterface nic;
    nic.name = "nic0";
    nic.network = "net";
    nic.subnetwork = "sub";
    nic.network_ip = address;
    out.interfaces.push_back(nic);
    return out;
  }

  void build() {
    ok(cloud.add_network({.network = "net"}));
    ok(cloud.add_network({.network = "rdma",
                          .profile = "europe-west4-b-vpc-falcon",
                          .alias_ip = false,
                          .load_balancing = false,
                          .static_routes = true,
                          .ip_forwarding = false}));
    ok(cloud.add_subnetwork(kRegion, {.name = "sub",
                                      .network = "net",
                                      .cidr = "10.0.0.0/16",
                                      .secondary = {{"vips", "10.99.0.0/16"}}}));
    ok(cloud.add_instance(make_instance(kN1, "10.0.0.11")));
    ok(cloud.add_instance(make_instance(kN2, "10.0.0.12")));
    ok(cloud.add_endpoint_group({"neg", "net", {kN1, kN2}}));
    server.add_group({"neg", kZone, {kN1, kN2}});
    EmulatedService fast;
    fast.service.name = "fast";
    fast.service.region = kRegion;
    fast.service.fast_ip_move = true;
    fast.service.groups = {"neg"};
    fast.network = "net";
    ok(cloud.add_backend_service(fast));
    ok(cloud.add_forwarding_rule({"rule", kRegion, "10.0.0.200", "fast"}));
    ManagedGroup group;
    group.zone = kZone;
    group.name = "mig";
    group.instances = {kN1, kN2};
    group.reserved = {"10.0.0.11", "10.0.0.12"};
    group.autohealing_delay = 60s;
    ok(cloud.add_managed_group(group));
  }

  std::string fingerprint(const InstanceRef& ref) {
    return cloud.look(ref)->interfaces.front().fingerprint;
  }
  std::vector<AliasRange> aliases(const InstanceRef& ref) {
    return cloud.look(ref)->interfaces.front().aliases;
  }
  Result<Operation> set_aliases(const InstanceRef& ref, std::vector<AliasRange> list, int id) {
    return env.run(gcp->set_aliases(ref, "nic0", fingerprint(ref), std::move(list), uuid(id)));
  }
  // Polls until it is done.
  Operation finish(Operation operation) {
    for (int i = 0; i < 100 && !operation.done; ++i) {
      env.run(env.sleep(10ms));
      auto next = env.run(gcp->operation(operation.scope, operation.location, operation.name));
      EXPECT_TRUE(next) << next.error().to_string();
      if (next) operation = *next;
    }
    EXPECT_TRUE(operation.done);
    return operation;
  }

  E env;
  EmulatedCompute cloud{env, /*seed=*/1, Delays::zero()};
  std::vector<HttpMessage> seen;  // requests, in order
  EmulatorHttp::FaultHook fault;
  EmulatorHttp server;
  std::unique_ptr<GcpCompute> gcp;
};

}  // namespace atl::cloud::testing
