// Compute Engine in memory: the twin of GcpCompute for unit tests, for the simulator and, behind
// HTTP, for the laboratory. It keeps the API's rules (fingerprints, whole-list replacement, held
// addresses, operations, quotas) and answers one more question: to which instance does the fabric
// send a packet for this address now?
//
//   EmulatedCompute cloud(env, /*seed=*/1, Delays::built_in());
//   cloud.add_network({.network = "net"});
//   cloud.add_subnetwork("r1", {.name = "sub", .network = "net", .cidr = "10.0.0.0/16"});
//   cloud.add_instance(instance);             // its address, its interface, its zone
//   ... co_await cloud.set_aliases(...)       // DONE after a drawn delay
//   cloud.delivered_to("net", "10.0.0.99")    // follows after one more
//
// How a change goes: the call is checked and answered with an operation (an API round trip); when
// the operation is DONE the API's own picture has changed (or the operation has an error); the
// fabric follows after a propagation delay. Changes of one thing are done one after another, and
// the fingerprint is checked again when a change's turn comes, so that no change is lost silently.
//
// Where the facts leave room, the harsher reading is taken:
//  - an address is free for others only when the operation that removes it is DONE;
//  - a reserved static address, or one of a forwarding rule, cannot be an alias;
//  - a route to an instance that may not forward is accepted and carries nothing (the API has a
//    warning for it, NEXT_HOP_CANNOT_IP_FORWARD);
//  - an endpoint stays in its group when its instance is off or made anew.
//
// Ownership: the Env outlives it. It may be destroyed with calls under way (they end with
// kUnavailable) and with timers set. Threads: the reactor's. Every random choice comes from the
// seed. Errors of the add_... functions are the world builder's: kExists, kNotFound,
// kInvalidArgument, kConflict (address taken), kNoSpace, kUnsupported (network features).
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/compute.h"
#include "cloud/delays.h"
#include "env/env.h"

namespace atl::cloud {

// A GARP's association ends this long after the last GARP (API schema, haPolicy.fastIPMove).
inline constexpr Nanos kGarpLasts = 20min;
// Another sender's GARP within this time of the last is a race (same schema).
inline constexpr Nanos kGarpGap = 3s;
// Endpoints of a backend service with fast IP move (same schema).
inline constexpr size_t kFastMoveEndpointsMax = 32;
// Request quotas are counted in windows of this length (API rate limits page).
inline constexpr Nanos kQuotaWindow = 60s;
// Operations are remembered, and with them the request ids, until this many newer ones are there:
// an hour of a project at its write quota.
inline constexpr size_t kOperationsKept = 100'000;
// The journal's ring: enough for one failover of a thousand addresses.
inline constexpr size_t kJournalKept = 4096;

enum class Call : uint8_t {
  kInstance,
  kSetAliases,
  kSubnetwork,
  kNetworkFeatures,
  kRoute,
  kRoutesTo,
  kInsertRoute,
  kDeleteRoute,
  kBackendService,
  kSetLeader,
  kForwardingRules,
  kBackendHealth,
  kManagedInstances,
  kOperation,
};
inline constexpr size_t kCallCount = 14;
std::string_view call_name(Call call);  // "set_aliases"

enum class CallKind : uint8_t { kRead, kWrite, kOperationRead };
CallKind kind_of(Call call);

// Counted calls, those that failed included.
struct Counters {
  uint64_t reads = 0;
  uint64_t writes = 0;
  uint64_t operation_reads = 0;
  std::array<uint64_t, kCallCount> by_call{};
  uint64_t total() const { return reads + writes + operation_reads; }
  uint64_t of(Call call) const { return by_call[static_cast<size_t>(call)]; }
};

struct JournalEntry {
  Nanos at{};
  Call call{};
  std::string what;     // "europe-west4-b/n1 nic0 [10.0.0.5/32]"
  std::string outcome;  // "ok", or the error
};

// What may be too many. Requests are per region and 60 s window, and once more for global things.
struct Quotas {
  uint32_t reads_per_minute = 0;
  uint32_t writes_per_minute = 0;
  uint32_t operation_reads_per_minute = 0;
  uint32_t aliases_per_interface = kAliasRangesMax;
  uint32_t static_routes_per_network = 0;
  static Quotas from(const Delays& delays);  // the file's
};

struct HealthCheck {
  Nanos interval{};
  Nanos timeout{};  // a probe without an answer counts after this; at most the interval
  uint32_t unhealthy_threshold = 1;
  uint32_t healthy_threshold = 1;
  static HealthCheck from(const Delays& delays);  // the file's
};

// With `service.fast_ip_move` there is no health check, and with a health check no fast move.
struct EmulatedService {
  BackendService service;  // the fingerprint is given by the emulator
  std::string network;
  std::optional<HealthCheck> health_check;
  // No endpoint is healthy: drop (true), or spread over all (false, the API's default).
  bool drop_traffic_if_unhealthy = false;
};

// A zonal network endpoint group of type GCE_VM_IP.
struct EndpointGroup {
  std::string name;
  std::string network;
  std::vector<InstanceRef> instances;
};

struct ManagedGroup {
  std::string zone;
  std::string name;
  std::vector<InstanceRef> instances;  // each in one group at most
  // Primary addresses that a recreated instance may get, in turn. Those in use now are among them
  // or come to the end of the queue when their instance is made anew.
  std::vector<std::string> reserved;
  // An instance that is off this long, or that does not answer (`probes`), is recreated.
  Nanos autohealing_delay{};
  bool probes = false;
};

enum class Power : uint8_t {
  kOn,
  kOff,        // TERMINATED; keeps its addresses
  kRecreated,  // deleted and made anew under its name, running: aliases lost
};

// What goes wrong with the calls to come. Faults are tried in the order of injection; the first
// that applies is used.
struct Fault {
  enum class Kind : uint8_t {
    kFailBefore,      // kUnavailable, nothing happened
    kFailAfter,       // kUnavailable, and it happened
    kRateLimit,       // kBusy, nothing happened
    kHangBefore,      // never answered, nothing happened
    kHangAfter,       // never answered, and it happened
    kDoneNothing,     // the operation is DONE without error and nothing changed: a stuck alias
    kNeverDone,       // the operation stays RUNNING, nothing changes
    kChangedNotDone,  // the operation stays RUNNING though the change is made
  };
  static constexpr uint32_t kForEver = UINT32_MAX;

  Kind kind = Kind::kFailBefore;
  std::optional<Call> only;             // that call; else any that the fault can befall
  std::optional<InstanceRef> instance;  // calls that concern this instance; else any
  uint32_t times = 1;                   // then it is used up
  double share = 1;                     // of the calls that it could befall
};

class EmulatedCompute final : public Compute {
 public:
  // Does the guest answer a probe at that address now? Asked for running instances only.
  using Probe = std::function<bool(InstanceRef, std::string_view address)>;

  EmulatedCompute(env::Env& env, uint64_t seed, Delays delays);
  ~EmulatedCompute() override;
  EmulatedCompute(const EmulatedCompute&) = delete;
  EmulatedCompute& operator=(const EmulatedCompute&) = delete;

  // --- The world ---

  Status add_network(NetworkFeatures features);
  Status add_subnetwork(std::string region, Subnetwork subnetwork);
  // Fingerprints are given by the emulator; "" as status is RUNNING.
  Status add_instance(Instance instance);
  Status add_reserved_address(std::string network, std::string address);
  Status add_endpoint_group(EndpointGroup group);
  Status add_backend_service(EmulatedService service);
  Status add_forwarding_rule(ForwardingRule rule);
  Status add_managed_group(ManagedGroup group);

  Status power(InstanceRef instance, Power power);
  // A guest's gratuitous ARP (an ARP reply to all) for `address`. Ignored, as the real fabric does,
  // unless the address is a forwarding rule's of a service with fast IP move and the sender is on
  // and one of its endpoints. It moves all addresses of that service.
  void garp(InstanceRef sender, std::string_view address);
  // Without a probe no guest answers. A service's probe goes to its first forwarding rule by name.
  void set_probe(Probe probe);

  // --- The fabric ---

  // Precedence: primary address, alias, GARP association, leader, health-checked service, static
  // route. The instance may be off: then nobody answers, but the packet goes there, except that
  // routes and health checks pass over it.
  std::optional<InstanceRef> delivered_to(std::string_view network, std::string_view address) const;
  // Called after each change to what delivered_to() answers, from a timer; all may be different.
  void on_data_plane_change(std::function<void()> callback);
  // Called when an instance was switched, and when one was made anew, with the new state.
  void on_instance_change(std::function<void(const Instance&)> callback);

  // --- Faults, limits, and what happened ---

  void inject(Fault fault);
  void clear_faults();                     // hanging calls go on hanging
  void set_latency_factor(double factor);  // on all delays drawn from now on; 1 is as in the file
  void set_delays(Delays delays);
  void set_quotas(Quotas quotas);
  const Delays& delays() const;

  const Counters& counters() const;
  std::vector<JournalEntry> journal() const;  // oldest first
  std::string describe() const;               // the journal as text, a call a line
  // Without an API call: for oracles and tests.
  std::optional<Instance> look(const InstanceRef& instance) const;

  // --- Compute ---

  Task<Result<Instance>> instance(InstanceRef ref) override;
  Task<Result<Operation>> set_aliases(InstanceRef ref, std::string nic, std::string fingerprint,
                                      std::vector<AliasRange> aliases,
                                      std::string request_id) override;
  Task<Result<Subnetwork>> subnetwork(std::string region, std::string name) override;
  Task<Result<NetworkFeatures>> network_features(std::string network) override;
  Task<Result<Route>> route(std::string name) override;
  Task<Result<std::vector<Route>>> routes_to(std::string network, std::string destination) override;
  Task<Result<Operation>> insert_route(Route route, std::string request_id) override;
  Task<Result<Operation>> delete_route(std::string name, std::string request_id) override;
  Task<Result<BackendService>> backend_service(std::string region, std::string name) override;
  Task<Result<Operation>> set_leader(std::string region, std::string service,
                                     std::string fingerprint, HaLeader leader,
                                     std::string request_id) override;
  Task<Result<std::vector<ForwardingRule>>> forwarding_rules(std::string region) override;
  Task<Result<Health>> backend_health(std::string region, std::string service,
                                      InstanceRef instance) override;
  Task<Result<std::vector<ManagedInstance>>> managed_instances(std::string zone,
                                                               std::string group) override;
  Task<Result<Operation>> operation(Operation::Scope scope, std::string location,
                                    std::string name) override;

  struct Core;  // emulated_core.h

 private:
  std::shared_ptr<Core> core_;  // shared with calls under way
};

}  // namespace atl::cloud
