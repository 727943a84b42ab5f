// The cloud's network API as the movers see it: what is where, and how to change it.
//
// GcpCompute (cloud/gcp_compute.h) speaks REST to Google Compute Engine, or to the laboratory's
// emulator. EmulatedCompute (cloud/emulated_compute.h) is the same in memory: the twin for unit
// tests, for the simulator and, behind HTTP, for the laboratory.
//
// Source of shapes and rules: Compute Engine REST API v1 (instances.updateNetworkInterface,
// routes, backendServices, operations, networkProfiles); facts and their sources: docs/vip.md.
//
// Threads: the reactor's. Errors:
//   kNotFound          404
//   kConflict          412: the fingerprint is stale; read again. Also an operation that ended with
//                      IP_IN_USE_BY_ANOTHER_RESOURCE (the message says so): another holds the
//                      address
//   kExists            409: a resource of that name is there
//   kBusy              403 rateLimitExceeded, quota of requests: wait for the next minute
//   kNoSpace           403 QUOTA_EXCEEDED, LIMIT_EXCEEDED: too many of something
//   kPermission        401, other 403
//   kInvalidArgument   400, and an operation that ended with an error that repeating cannot mend
//   kUnsupported       the network's profile forbids it
//   kUnavailable       5xx, connection lost: try again
//   kTimeout           the deadline passed; the outcome is unknown: read
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "env/task.h"

namespace atl::cloud {

// One API call, reading and writing included.
inline constexpr Nanos kCallDeadline = 10s;
// An operation is polled until it is DONE this long, then it is kTimeout.
inline constexpr Nanos kOperationDeadline = 60s;
// Alias ranges of one network interface (VPC quotas and limits, 2026-04-02; cannot be raised).
inline constexpr size_t kAliasRangesMax = 150;
// Backend services with fast IP move: in a VPC and region, and per endpoint (API schema, haPolicy).
inline constexpr size_t kFastMoveServicesMax = 64;

struct AliasRange {
  std::string cidr;        // "10.0.0.5/32"
  std::string range_name;  // a secondary range of the subnet; "" is the primary one
  friend bool operator==(const AliasRange&, const AliasRange&) = default;
};

struct InstanceRef {
  std::string zone;
  std::string name;
  friend auto operator<=>(const InstanceRef&, const InstanceRef&) = default;
};

struct NetworkInterface {
  std::string name;  // "nic0"
  std::string network;
  std::string subnetwork;
  std::string network_ip;   // the primary internal address
  std::string fingerprint;  // of the alias list and the rest; every change makes another
  std::vector<AliasRange> aliases;
};

struct Instance {
  InstanceRef ref;
  std::string status;  // "RUNNING", "STOPPING", "TERMINATED", "STAGING", ...
  bool can_ip_forward = false;
  std::vector<NetworkInterface> interfaces;
  const NetworkInterface* find(std::string_view nic) const;
};

struct Route {
  std::string name;
  std::string network;
  std::string destination;   // "10.99.0.5/32"
  uint32_t priority = 1000;  // 0 is best, 65535 worst
  InstanceRef next_hop;
};

struct Subnetwork {
  std::string name;
  std::string network;
  std::string cidr;
  std::map<std::string, std::string> secondary;  // range name -> cidr
};

// What a network allows: networkProfiles.get().features, or the defaults of a regular VPC.
struct NetworkFeatures {
  std::string network;
  std::string profile;  // "" is a regular VPC; else "europe-west4-b-vpc-falcon", ...
  bool alias_ip = true;
  bool load_balancing = true;
  bool static_routes = true;
  bool ip_forwarding = true;
  // Static routes that the network's quota still allows, where the API tells. Google's does not:
  // the quota (STATIC_ROUTES_PER_NETWORK) is in none of its answers, and an insertion over it
  // fails.
  std::optional<uint32_t> static_routes_left;
};

struct HaLeader {
  std::string group;  // the zonal GCE_VM_IP NEG that the instance is an endpoint of
  InstanceRef instance;
  friend bool operator==(const HaLeader&, const HaLeader&) = default;
};

struct BackendService {
  std::string name;
  std::string region;
  std::string fingerprint;
  bool fast_ip_move = false;  // haPolicy.fastIPMove == GARP_RA
  std::optional<HaLeader> leader;
  std::vector<std::string> groups;  // NEGs
};

struct ForwardingRule {
  std::string name;
  std::string region;
  std::string address;
  std::string backend_service;
};

enum class Health : uint8_t { kUnknown, kHealthy, kUnhealthy };

// A managed instance group's view of one of its instances.
struct ManagedInstance {
  InstanceRef ref;
  std::string status;   // "RUNNING", "RECREATING", ...
  std::string address;  // its primary internal address now
};

// A change under way. Changes return as soon as the API has taken them; finish() waits.
struct Operation {
  enum class Scope : uint8_t { kGlobal, kRegion, kZone };
  Scope scope = Scope::kGlobal;
  std::string location;  // the zone or region
  std::string name;
  bool done = false;
  std::optional<Error> error;  // of a done one
};

// Every mutation carries a request id (a UUID): the same id twice is one change.
class Compute {
 public:
  virtual ~Compute() = default;

  virtual Task<Result<Instance>> instance(InstanceRef ref) = 0;
  // Replaces the whole list under the fingerprint. An empty list is sent as [] and removes all.
  virtual Task<Result<Operation>> set_aliases(InstanceRef ref, std::string nic,
                                              std::string fingerprint,
                                              std::vector<AliasRange> aliases,
                                              std::string request_id) = 0;

  virtual Task<Result<Subnetwork>> subnetwork(std::string region, std::string name) = 0;
  virtual Task<Result<NetworkFeatures>> network_features(std::string network) = 0;

  virtual Task<Result<Route>> route(std::string name) = 0;
  // Those of the network whose destination is exactly that: a filtered list of one page.
  virtual Task<Result<std::vector<Route>>> routes_to(std::string network,
                                                     std::string destination) = 0;
  virtual Task<Result<Operation>> insert_route(Route route, std::string request_id) = 0;
  virtual Task<Result<Operation>> delete_route(std::string name, std::string request_id) = 0;

  virtual Task<Result<BackendService>> backend_service(std::string region, std::string name) = 0;
  virtual Task<Result<Operation>> set_leader(std::string region, std::string service,
                                             std::string fingerprint, HaLeader leader,
                                             std::string request_id) = 0;
  virtual Task<Result<std::vector<ForwardingRule>>> forwarding_rules(std::string region) = 0;
  virtual Task<Result<Health>> backend_health(std::string region, std::string service,
                                              InstanceRef instance) = 0;

  virtual Task<Result<std::vector<ManagedInstance>>> managed_instances(std::string zone,
                                                                       std::string group) = 0;

  // operations.get, on the operation-read quota; never *.wait, which is a heavy-weight read.
  virtual Task<Result<Operation>> operation(Operation::Scope scope, std::string location,
                                            std::string name) = 0;
};

}  // namespace atl::cloud
