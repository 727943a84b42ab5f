// The state behind EmulatedCompute. For the inside of the emulator: calls under way share it, so
// that the EmulatedCompute may be destroyed under them; timers hold it weakly.
//
//   emulated_compute.cc    the calls: what comes in, what is answered
//   emulated_changes.cc    operations: begun in turn, DONE, then on the fabric
//   emulated_world.cc      building the world
//   emulated_power.cc      instances on, off, made anew; GARP
//   emulated_health.cc     the load balancer's probes, and autohealing
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cloud/emulated_addresses.h"
#include "cloud/emulated_compute.h"
#include "cloud/emulated_fabric.h"
#include "cloud/emulated_gate.h"
#include "env/random.h"
#include "env/sync.h"

namespace atl::cloud {

std::string region_of(const std::string& zone);  // "europe-west4-b" to "europe-west4"
std::string text_of(const InstanceRef& ref);     // "europe-west4-b/n1"
std::string service_key(const std::string& region, const std::string& name);

struct EmulatedCompute::Core : std::enable_shared_from_this<EmulatedCompute::Core> {
  struct Network {
    NetworkFeatures features;
    AddressBook addresses;
    std::set<uint32_t> reserved;
    size_t routes = 0;  // pending insertions included
  };
  struct Subnet {
    Subnetwork subnetwork;
    std::string region;
    AddressBlock primary;
    std::map<std::string, AddressBlock> secondary;
  };
  struct Machine {
    Instance instance;
    bool gone = false;  // between deletion and creation by its group
    std::optional<size_t> group;
    std::optional<Nanos> failing_since;
    uint64_t watch = 0;  // timers of autohealing with another number are void
  };
  struct RouteEntry {
    Route route;
    AddressBlock destination;
    bool ready = false;  // its insertion is DONE
    uint64_t id = 0;     // another route of the same name later has another
  };
  struct ProbeState {
    Health health = Health::kUnknown;
    uint32_t good = 0;  // in a row
    uint32_t bad = 0;
  };
  struct ServiceEntry {
    EmulatedService config;
    std::vector<InstanceRef> endpoints;
    std::map<std::string, std::string> rules;  // name to address
    std::map<InstanceRef, ProbeState> probes;
  };
  struct Group {
    ManagedGroup config;
    std::deque<std::string> free;  // reserved addresses, next first
  };

  // A change that has been taken. `begin` is asked when its turn comes, `apply` when it ends; an
  // error of either is the operation's.
  struct Change {
    std::string subject;  // changes of one subject go one after another
    Delay Delays::*duration;
    std::function<Status()> begin;
    std::function<Status()> apply;
    std::function<void()> dropped;  // nothing was or will be applied; may be empty
    std::string operation;          // filled by take()
    std::optional<Fault::Kind> fault;
  };
  struct OperationEntry {
    Operation operation;
    Call call{};
    std::string request_id;
  };

  Core(env::Env& environment, uint64_t seed, Delays values)
      : env(environment), random(seed), delays(std::move(values)) {}

  // --- Calls (emulated_compute.cc) ---
  Ticket open(Call call, std::string location, std::optional<InstanceRef> instance,
              std::string what);
  Task<Status> arrive(Ticket ticket);
  // The answer's way back: `outcome`, or what a fault makes of it.
  Task<Status> depart(Ticket ticket, Status outcome);

  // --- Changes (emulated_changes.cc) ---
  // The operation of an earlier call with that id.
  Result<std::optional<Operation>> repeated(Call call, const std::string& request_id) const;
  Operation take(const Ticket& ticket, Operation::Scope scope, std::string location,
                 std::string request_id, Change change);
  void begin_next(const std::string& subject);
  void end_first(const std::string& subject, Status begun);
  void forget_old_operations();
  Result<Operation> change_aliases(const Ticket& ticket, const InstanceRef& ref, std::string nic,
                                   std::string fingerprint, std::vector<AliasRange> aliases,
                                   std::string request_id);
  Result<Operation> add_route(const Ticket& ticket, Route route, std::string request_id);
  Result<Operation> drop_route(const Ticket& ticket, std::string name, std::string request_id);
  Result<Operation> change_leader(const Ticket& ticket, std::string region, std::string name,
                                  std::string fingerprint, HaLeader leader, std::string request_id);
  Status check_alias(const Subnet& subnet, AliasRange& alias) const;
  Status check_free(const InstanceRef& ref, const NetworkInterface& nic,
                    const std::vector<AliasRange>& wanted);
  Status apply_aliases(const InstanceRef& ref, const std::string& nic,
                       const std::string& fingerprint, std::vector<AliasRange> wanted);
  void follow_aliases(const InstanceRef& ref, const std::string& nic,
                      const std::vector<AliasRange>& changed);
  void follow_leader(const std::string& key);

  // --- World (emulated_world.cc) ---
  Machine* machine(const InstanceRef& ref);  // null when unknown or gone
  NetworkInterface* interface(const InstanceRef& ref, std::string_view nic);
  bool running(const InstanceRef& ref);
  Result<AddressBlock> address_in_subnet(const std::string& network, const std::string& address);

  // --- Instances (emulated_power.cc) ---
  void hold_primary(const Machine& machine, const NetworkInterface& nic);
  void delete_machine(Machine& machine);  // its addresses are free, its aliases forgotten
  void create_machine(Machine& machine);  // running, with the group's next address if it has one
  std::string pick_primary(const Machine& machine, size_t nic_number);
  void hop_changed(const InstanceRef& ref);
  void watch_garp(Fabric::Service& service);

  // --- Health (emulated_health.cc) ---
  void start_probing(const std::string& key);
  void probe_round(const std::string& key);
  void take_probe(const std::string& key, const InstanceRef& ref, bool good);
  void watch_group(size_t group);
  void group_round(size_t group);
  void note_well(Machine& machine);
  void note_failing(Machine& machine);
  void recreate(const InstanceRef& ref);

  // --- Help ---
  Nanos draw(Delay Delays::*which);
  // Calls it on the reactor later, unless the EmulatedCompute is gone by then.
  void after(Nanos delay, std::function<void()> action);
  void data_plane_changed();
  void instance_changed(const Instance& instance);
  std::string next_fingerprint();

  env::Env& env;
  env::Random random;
  Delays delays;
  double latency_factor = 1;
  CallGate gate;
  bool closed = false;
  env::Event closing;  // what hanging calls wait for

  std::map<std::string, Network> networks;
  std::map<std::string, Subnet> subnets;  // by "region/name"
  std::map<InstanceRef, Machine> machines;
  std::map<std::string, RouteEntry> routes;
  std::map<std::string, uint64_t> programmed_routes;  // name to id of what the fabric has
  std::map<std::string, std::vector<InstanceRef>> endpoint_groups;
  std::map<std::string, std::string> endpoint_group_networks;
  std::map<std::string, ServiceEntry> services;            // by "region/name"
  std::map<std::string, ForwardingRule> forwarding_rules;  // by "region/name"
  std::vector<Group> groups;

  std::map<std::string, std::deque<Change>> changes;  // by subject; the first is under way
  std::map<std::string, OperationEntry> operations;
  std::deque<std::string> operation_order;
  std::map<std::string, std::string> request_ids;  // to operation

  Fabric fabric;
  Probe probe;
  std::vector<std::function<void()>> data_plane_callbacks;
  std::vector<std::function<void(const Instance&)>> instance_callbacks;
  uint64_t last_fingerprint = 0;
  uint64_t last_operation = 0;
  uint64_t last_route = 0;
  uint64_t last_leader = 0;
};

}  // namespace atl::cloud
