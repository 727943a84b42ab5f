// The cloud's API as a controller sees it, with an eye on its limits: which of them said no, when
// first, how often, and how many addresses were waiting then.
//
// Ownership: the cloud and the env outlive it, and it outlives the mover. Threads: the reactor's.
// Errors: passed on.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cloud/compute.h"
#include "cloud/emulated_compute.h"
#include "env/env.h"

namespace atl::lab {

struct LimitHit {
  std::string name;  // "writes a minute of the region"
  Nanos first{0};
  uint64_t refusals = 0;
  size_t waiting = 0;  // addresses that were not back when it said no first
};

// What refuses a pool, by the words of the refusal: "32 endpoints of a service", ...; the text
// itself when it is none of the limits that are known.
std::string limit_name(const std::string& refusal);

class MeteredCompute final : public cloud::Compute {
 public:
  MeteredCompute(env::Env& env, cloud::Compute& at, std::function<size_t()> waiting)
      : env_(env), at_(at), waiting_(std::move(waiting)) {}

  void forget() { hits_.clear(); }
  std::vector<LimitHit> hits() const { return hits_; }  // in the order in which they said no

  Task<Result<cloud::Instance>> instance(cloud::InstanceRef ref) override;
  Task<Result<cloud::Operation>> set_aliases(cloud::InstanceRef ref, std::string nic,
                                             std::string fingerprint,
                                             std::vector<cloud::AliasRange> aliases,
                                             std::string request_id) override;
  Task<Result<cloud::Subnetwork>> subnetwork(std::string region, std::string name) override;
  Task<Result<cloud::NetworkFeatures>> network_features(std::string network) override;
  Task<Result<cloud::Route>> route(std::string name) override;
  Task<Result<std::vector<cloud::Route>>> routes_to(std::string network,
                                                    std::string destination) override;
  Task<Result<cloud::Operation>> insert_route(cloud::Route route, std::string request_id) override;
  Task<Result<cloud::Operation>> delete_route(std::string name, std::string request_id) override;
  Task<Result<cloud::BackendService>> backend_service(std::string region,
                                                      std::string name) override;
  Task<Result<cloud::Operation>> set_leader(std::string region, std::string service,
                                            std::string fingerprint, cloud::HaLeader leader,
                                            std::string request_id) override;
  Task<Result<std::vector<cloud::ForwardingRule>>> forwarding_rules(std::string region) override;
  Task<Result<cloud::Health>> backend_health(std::string region, std::string service,
                                             cloud::InstanceRef instance) override;
  Task<Result<std::vector<cloud::ManagedInstance>>> managed_instances(std::string zone,
                                                                      std::string group) override;
  Task<Result<cloud::Operation>> operation(cloud::Operation::Scope scope, std::string location,
                                           std::string name) override;

 private:
  enum class Scope : uint8_t { kRegion, kGlobal };
  template <typename T>
  Task<Result<T>> metered(cloud::CallKind kind, Scope scope, Task<Result<T>> call);
  void note(cloud::CallKind kind, Scope scope, const Error& error);

  env::Env& env_;
  cloud::Compute& at_;
  std::function<size_t()> waiting_;
  std::vector<LimitHit> hits_;
};

}  // namespace atl::lab
