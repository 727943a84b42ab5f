// The cloud's API as a process on a machine sees it: a process that is stopped or killed between
// any two calls goes no further.
#pragma once

#include "cloud/compute.h"
#include "failover/node_env.h"

namespace atl::sim {

class GatedCompute final : public cloud::Compute {
 public:
  GatedCompute(cloud::Compute& at, NodeEnv& env) : at_(at), env_(env) {}

  Task<Result<cloud::Instance>> instance(cloud::InstanceRef ref) override {
    return gated(at_.instance(std::move(ref)));
  }
  Task<Result<cloud::Operation>> set_aliases(cloud::InstanceRef ref, std::string nic,
                                             std::string fingerprint,
                                             std::vector<cloud::AliasRange> aliases,
                                             std::string request_id) override {
    return gated(at_.set_aliases(std::move(ref), std::move(nic), std::move(fingerprint),
                                 std::move(aliases), std::move(request_id)));
  }
  Task<Result<cloud::Subnetwork>> subnetwork(std::string region, std::string name) override {
    return gated(at_.subnetwork(std::move(region), std::move(name)));
  }
  Task<Result<cloud::NetworkFeatures>> network_features(std::string network) override {
    return gated(at_.network_features(std::move(network)));
  }
  Task<Result<cloud::Route>> route(std::string name) override {
    return gated(at_.route(std::move(name)));
  }
  Task<Result<std::vector<cloud::Route>>> routes_to(std::string network,
                                                    std::string destination) override {
    return gated(at_.routes_to(std::move(network), std::move(destination)));
  }
  Task<Result<cloud::Operation>> insert_route(cloud::Route route, std::string id) override {
    return gated(at_.insert_route(std::move(route), std::move(id)));
  }
  Task<Result<cloud::Operation>> delete_route(std::string name, std::string id) override {
    return gated(at_.delete_route(std::move(name), std::move(id)));
  }
  Task<Result<cloud::BackendService>> backend_service(std::string region,
                                                      std::string name) override {
    return gated(at_.backend_service(std::move(region), std::move(name)));
  }
  Task<Result<cloud::Operation>> set_leader(std::string region, std::string service,
                                            std::string fingerprint, cloud::HaLeader leader,
                                            std::string id) override {
    return gated(at_.set_leader(std::move(region), std::move(service), std::move(fingerprint),
                                std::move(leader), std::move(id)));
  }
  Task<Result<std::vector<cloud::ForwardingRule>>> forwarding_rules(std::string region) override {
    return gated(at_.forwarding_rules(std::move(region)));
  }
  Task<Result<cloud::Health>> backend_health(std::string region, std::string service,
                                             cloud::InstanceRef instance) override {
    return gated(at_.backend_health(std::move(region), std::move(service), std::move(instance)));
  }
  Task<Result<std::vector<cloud::ManagedInstance>>> managed_instances(std::string zone,
                                                                      std::string group) override {
    return gated(at_.managed_instances(std::move(zone), std::move(group)));
  }
  Task<Result<cloud::Operation>> operation(cloud::Operation::Scope scope, std::string location,
                                           std::string name) override {
    return gated(at_.operation(scope, std::move(location), std::move(name)));
  }

 private:
  template <typename R>
  Task<R> gated(Task<R> call) {
    co_await env_.gate();
    ++calls_;
    if (kill_at_call_ != 0 && calls_ >= kill_at_call_) env_.kill();
    co_await env_.gate();
    R result = co_await std::move(call);
    co_await env_.gate();
    co_return result;
  }

  cloud::Compute& at_;
  NodeEnv& env_;
  uint64_t calls_ = 0;

 public:
  // The process dies when it makes this call (its request does not get out); 0: it does not.
  void kill_at_call(uint64_t n) { kill_at_call_ = n; }
  uint64_t calls() const { return calls_; }

 private:
  uint64_t kill_at_call_ = 0;
};

}  // namespace atl::sim
