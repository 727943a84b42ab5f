// A small language for the tests of the movers: a cloud in memory, a pool, and what goes wrong.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"
#include "cloud/emulated_compute.h"
#include "env/sim_env.h"
#include "env/sync.h"
#include "vip/movers/make_mover.h"

namespace atl::vip {

using cloud::Call;
using cloud::Fault;

// Passes calls on, and stops the world for its mover at the n-th call: that one and all after it
// are never answered. `reaches` says whether the n-th still has its effect.
class StoppingCompute final : public cloud::Compute {
 public:
  StoppingCompute(env::Env& env, cloud::Compute& inner) : env_(env), inner_(inner) {}

  void stop_at(uint32_t call, bool reaches) {
    stop_at_ = call;
    reaches_ = reaches;
  }
  uint32_t calls() const { return calls_; }
  env::Event& stopped() { return stopped_; }
  // Ends the calls that hang, so that a test can end.
  void release() { released_.set(); }
  // Called once, before the next set_aliases is passed on: another writer.
  void before_set_aliases(std::function<Task<void>()> hook) { hook_ = std::move(hook); }
  // Request ids of changes, in order, and which change it was.
  std::vector<std::pair<std::string, std::string>> ids;
  std::optional<uint32_t> static_routes_left;

  Task<Result<cloud::Instance>> instance(cloud::InstanceRef ref) override {
    return pass<cloud::Instance>(inner_.instance(ref));
  }
  Task<Result<cloud::Operation>> set_aliases(cloud::InstanceRef ref, std::string nic,
                                             std::string fingerprint,
                                             std::vector<cloud::AliasRange> aliases,
                                             std::string request_id) override {
    ids.emplace_back("set_aliases " + ref.name, request_id);
    auto call = inner_.set_aliases(ref, nic, fingerprint, aliases, request_id);
    return pass<cloud::Operation>(after_hook(std::exchange(hook_, {}), std::move(call)));
  }
  Task<Result<cloud::Subnetwork>> subnetwork(std::string region, std::string name) override {
    return pass<cloud::Subnetwork>(inner_.subnetwork(region, name));
  }
  Task<Result<cloud::NetworkFeatures>> network_features(std::string network) override {
    return with_quota(pass<cloud::NetworkFeatures>(inner_.network_features(network)));
  }
  Task<Result<cloud::Route>> route(std::string name) override {
    return pass<cloud::Route>(inner_.route(name));
  }
  Task<Result<std::vector<cloud::Route>>> routes_to(std::string network,
                                                    std::string destination) override {
    return pass<std::vector<cloud::Route>>(inner_.routes_to(network, destination));
  }
  Task<Result<cloud::Operation>> insert_route(cloud::Route route, std::string request_id) override {
    ids.emplace_back("insert_route " + route.name, request_id);
    return pass<cloud::Operation>(inner_.insert_route(route, request_id));
  }
  Task<Result<cloud::Operation>> delete_route(std::string name, std::string request_id) override {
    ids.emplace_back("delete_route " + name, request_id);
    return pass<cloud::Operation>(inner_.delete_route(name, request_id));
  }
  Task<Result<cloud::BackendService>> backend_service(std::string region,
                                                      std::string name) override {
    return pass<cloud::BackendService>(inner_.backend_service(region, name));
  }
  Task<Result<cloud::Operation>> set_leader(std::string region, std::string service,
                                            std::string fingerprint, cloud::HaLeader leader,
                                            std::string request_id) override {
    ids.emplace_back("set_leader " + service, request_id);
    return pass<cloud::Operation>(
        inner_.set_leader(region, service, fingerprint, leader, request_id));
  }
  Task<Result<std::vector<cloud::ForwardingRule>>> forwarding_rules(std::string region) override {
    return pass<std::vector<cloud::ForwardingRule>>(inner_.forwarding_rules(region));
  }
  Task<Result<cloud::Health>> backend_health(std::string region, std::string service,
                                             cloud::InstanceRef instance) override {
    return pass<cloud::Health>(inner_.backend_health(region, service, instance));
  }
  Task<Result<std::vector<cloud::ManagedInstance>>> managed_instances(std::string zone,
                                                                      std::string group) override {
    return pass<std::vector<cloud::ManagedInstance>>(inner_.managed_instances(zone, group));
  }
  Task<Result<cloud::Operation>> operation(cloud::Operation::Scope scope, std::string location,
                                           std::string name) override {
    return pass<cloud::Operation>(inner_.operation(scope, location, name));
  }

 private:
  static Task<Result<cloud::Operation>> after_hook(std::function<Task<void>()> hook,
                                                   Task<Result<cloud::Operation>> call) {
    if (hook) co_await hook();
    co_return co_await std::move(call);
  }
  Task<Result<cloud::NetworkFeatures>> with_quota(Task<Result<cloud::NetworkFeatures>> call) {
    Result<cloud::NetworkFeatures> features = co_await std::move(call);
    if (features) features->static_routes_left = static_routes_left;
    co_return features;
  }
  template <typename T>
  Task<Result<T>> pass(Task<Result<T>> call) {
    const uint32_t number = ++calls_;
    if (stop_at_ == 0 || number < stop_at_) co_return co_await std::move(call);
    if (number == stop_at_ && reaches_) {
      const Result<T> unheard = co_await std::move(call);
      (void)unheard;
    }
    stopped_.set();
    co_await released_.wait();
    co_return fail(Errc::kUnavailable, "the test is over");
  }

  env::Env& env_;
  cloud::Compute& inner_;
  std::function<Task<void>()> hook_;
  uint32_t calls_ = 0;
  uint32_t stop_at_ = 0;
  bool reaches_ = false;
  env::Event stopped_;
  env::Event released_;
};

struct WorldOptions {
  std::string mover = "gcp-alias";
  size_t nodes = 3;
  size_t addresses = 3;
  std::string profile;  // "" or "falcon": a network without anything but unicast
  std::string nic = "nic0";
  bool can_ip_forward = true;
  bool services = false;     // a backend service an address
  bool one_service = false;  // all addresses share one
  bool fast_move = true;     // of the services; else they have health checks
  bool managed = false;      // nodes are of a managed group, addresses are their primary ones
  uint64_t seed = 1;
};

class World {
 public:
  explicit World(WorldOptions options);

  env::SimEnv& env() { return env_; }
  cloud::EmulatedCompute& cloud() { return *cloud_; }
  StoppingCompute& compute() { return *compute_; }
  Pool& pool() { return pool_; }
  Mover& mover() { return *mover_; }
  // A controller that starts: a mover that remembers nothing.
  void fresh_mover();

  Vip vip(size_t i) const { return pool_.addresses.at(i); }
  const NodeSpec& node(size_t i) const { return pool_.nodes.at(i); }
  // The i-th address at node[i], by index.
  std::vector<Wanted> at(const std::vector<size_t>& nodes) const;
  // Address i at node i modulo the number of nodes.
  std::vector<Wanted> spread() const;

  Status check() { return env_.run(mover_->check(pool_)); }
  Outcome reconcile(const std::vector<Wanted>& wanted, const std::set<Vip>& urgent = {}) {
    return env_.run(mover_->reconcile(pool_, wanted, urgent, always()));
  }
  // Leads for ever, and wants nothing else meanwhile.
  static MayGoOn always() {
    return [](Vip, const NodeName&) { return true; };
  }
  // Reconciles until nothing is left to do and the network has followed.
  void settle(const std::vector<Wanted>& wanted);

  // Node name, "" for nobody.
  std::string delivered(Vip vip) const;
  void expect_delivered(const std::vector<Wanted>& wanted) const;
  std::vector<cloud::AliasRange> aliases(size_t node) const;
  // Somebody else's hand: replaces or extends the list of a node's interface, and waits.
  void put_aliases(size_t node, std::vector<cloud::AliasRange> aliases);
  void add_aliases(size_t node, const std::vector<cloud::AliasRange>& more);
  uint64_t calls(Call call) const { return cloud_->counters().of(call); }
  std::string network() const { return "net"; }

 private:
  void build_nodes();
  void build_services();

  WorldOptions options_;
  env::SimEnv env_;
  std::unique_ptr<cloud::EmulatedCompute> cloud_;
  std::unique_ptr<StoppingCompute> compute_;
  Pool pool_;
  std::vector<std::unique_ptr<StoppingCompute>> old_computes_;
  std::vector<std::unique_ptr<Mover>> old_movers_;
  std::unique_ptr<Mover> mover_;
};

inline bool has(const std::vector<cloud::AliasRange>& list, const std::string& cidr,
                const std::string& range = "") {
  const cloud::AliasRange wanted{cidr, range};
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

inline Error trouble_of(const Outcome& outcome, Vip vip) {
  for (const Unfinished& left : outcome.unfinished)
    if (left.vip == vip) return left.why;
  return Error(Errc::kInternal, "no trouble");
}

inline bool stuck(const Outcome& outcome, Vip vip) {
  for (const Unfinished& left : outcome.unfinished)
    if (left.vip == vip) return left.stuck;
  return false;
}

}  // namespace atl::vip
