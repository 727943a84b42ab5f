// A small emulated cloud for this layer's tests: one network, two zones of one region, four
// instances n0 ... n3 in subnetwork 10.0.0.0/16 with the secondary range vips 10.1.0.0/24.
#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cloud/emulated_compute.h"
#include "env/sim_env.h"

namespace atl::cloud {

inline constexpr const char* kRegion = "r1";
inline constexpr const char* kZone = "r1-a";

inline InstanceRef node(int number) {
  return {kZone, fmt::format("n{}", number)};
}

inline Delay constant(Nanos value) {
  Delay delay;
  delay.median = delay.p99 = value;
  return delay;
}

struct TestWorld {
  explicit TestWorld(Delays delays = Delays::zero(), uint64_t seed = 1)
      : env(seed), cloud(env, seed, std::move(delays)) {
    ok(cloud.add_network({.network = "net"}));
    ok(cloud.add_subnetwork(kRegion, {.name = "sub",
                                      .network = "net",
                                      .cidr = "10.0.0.0/16",
                                      .secondary = {{"vips", "10.1.0.0/24"}}}));
    for (int i = 0; i < 4; ++i) ok(cloud.add_instance(instance(i)));
    cloud.on_data_plane_change([this] { ++data_plane_changes; });
  }

  static Instance instance(int number) {
    Instance instance;
    instance.ref = node(number);
    instance.can_ip_forward = number != 3;
    NetworkInterface nic;
    nic.name = "nic0";
    nic.network = "net";
    nic.subnetwork = "sub";
    nic.network_ip = fmt::format("10.0.0.{}", 10 + number);
    instance.interfaces.push_back(nic);
    return instance;
  }

  static void ok(const Status& status) {
    EXPECT_TRUE(status.has_value()) << status.error().to_string();
  }

  template <typename T>
  Result<T> call(Task<Result<T>> task) {
    return env.run(std::move(task));
  }

  Result<Operation> set_aliases(int number, std::vector<std::string> cidrs,
                                std::string request_id = "", std::string fingerprint = "") {
    if (fingerprint.empty()) fingerprint = this->fingerprint(number);
    std::vector<AliasRange> aliases;
    for (const std::string& cidr : cidrs)
      aliases.push_back({cidr, cidr.starts_with("10.1.") ? "vips" : ""});
    return call(cloud.set_aliases(node(number), "nic0", fingerprint, aliases, request_id));
  }
  std::string fingerprint(int number) { return nic(number).fingerprint; }
  NetworkInterface nic(int number) { return cloud.look(node(number))->interfaces.at(0); }
  std::vector<std::string> aliases(int number) {
    std::vector<std::string> cidrs;
    for (const AliasRange& alias : nic(number).aliases) cidrs.push_back(alias.cidr);
    return cidrs;
  }

  Result<Operation> insert_route(std::string name, std::string destination, int hop,
                                 uint32_t priority = 1000) {
    Route route;
    route.name = std::move(name);
    route.network = "net";
    route.destination = std::move(destination);
    route.priority = priority;
    route.next_hop = node(hop);
    return call(cloud.insert_route(route, ""));
  }

  // Group "neg" with n0, n1 and n2, and a service "svc" with a rule at 10.0.0.200.
  void add_service(EmulatedService service, std::string address = "10.0.0.200") {
    if (!has_group) ok(cloud.add_endpoint_group({"neg", "net", {node(0), node(1), node(2)}}));
    has_group = true;
    service.network = "net";
    if (service.service.name.empty()) service.service.name = "svc";
    service.service.region = kRegion;
    service.service.groups = {"neg"};
    const std::string name = service.service.name;
    ok(cloud.add_backend_service(service));
    ok(cloud.add_forwarding_rule({"rule-" + name, kRegion, address, name}));
  }
  void add_fast_service() {
    EmulatedService service;
    service.service.fast_ip_move = true;
    service.service.leader = HaLeader{"neg", node(0)};
    add_service(service);
  }
  Result<Operation> set_leader(int number, std::string fingerprint = "") {
    if (fingerprint.empty())
      fingerprint = call(cloud.backend_service(kRegion, "svc")).value().fingerprint;
    return call(cloud.set_leader(kRegion, "svc", fingerprint, {"neg", node(number)}, ""));
  }

  // The operation once it is DONE; it must be within `limit`.
  Operation finish(const Result<Operation>& taken, Nanos limit = 1min) {
    EXPECT_TRUE(taken.has_value()) << taken.error().to_string();
    if (!taken) return {};
    const Nanos end = env.now() + limit;
    for (;;) {
      const auto seen = call(cloud.operation(taken->scope, taken->location, taken->name));
      EXPECT_TRUE(seen.has_value()) << seen.error().to_string();
      if (!seen || seen->done) return seen.value_or(Operation{});
      if (env.now() >= end) {
        ADD_FAILURE() << "the operation is not DONE";
        return *seen;
      }
      env.run_for(100ms);
    }
  }
  Errc error_of(const Operation& operation) {
    EXPECT_TRUE(operation.done);
    EXPECT_TRUE(operation.error.has_value());
    return operation.error ? operation.error->code : Errc{};
  }
  // "n1", or "" for nowhere.
  std::string at(std::string_view address) {
    const auto ref = cloud.delivered_to("net", address);
    return ref ? ref->name : "";
  }

  env::SimEnv env;
  EmulatedCompute cloud;
  bool has_group = false;
  int data_plane_changes = 0;
};

}  // namespace atl::cloud
