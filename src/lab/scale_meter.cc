#include "lab/scale_meter.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace atl::lab {
namespace {

using cloud::CallKind;

std::string_view words(CallKind kind) {
  switch (kind) {
    case CallKind::kRead:
      return "reads";
    case CallKind::kWrite:
      return "writes";
    case CallKind::kOperationRead:
      return "operation reads";
  }
  return "?";
}

}  // namespace

std::string limit_name(const std::string& refusal) {
  // The first that fits: a service's endpoints are named in the text about its services too.
  static constexpr auto kKnown = std::to_array<std::pair<std::string_view, std::string_view>>(
      {{" addresses; 1 to", "addresses of a pool"},
       {" nodes; 1 to", "nodes of a pool"},
       {"STATIC_ROUTES_PER_NETWORK", "static routes of the network"},
       {"routes more, the quota of network", "static routes of the network"},
       {"endpoints, the pool", "endpoints of a service with fast IP move"},
       {"endpoints of a service", "endpoints of a service with fast IP move"},
       {"services with fast IP", "services with fast IP move in a network and region"},
       {"alias ranges", "alias ranges of an interface"}});
  for (const auto& [text, name] : kKnown)
    if (refusal.find(text) != std::string::npos) return std::string(name);
  return refusal;
}

void MeteredCompute::note(CallKind kind, Scope scope, const Error& error) {
  std::string name;
  if (error.code == Errc::kBusy)
    name = fmt::format("{} a minute, {}", words(kind),
                       scope == Scope::kGlobal ? "global" : "of the region");
  else if (error.code == Errc::kNoSpace)
    name = limit_name(error.message);
  else
    return;
  auto hit = std::ranges::find(hits_, name, &LimitHit::name);
  if (hit == hits_.end()) hit = hits_.insert(hits_.end(), {name, env_.now(), 0, waiting_()});
  ++hit->refusals;
}

template <typename T>
Task<Result<T>> MeteredCompute::metered(CallKind kind, Scope scope, Task<Result<T>> call) {
  Result<T> result = co_await std::move(call);
  if (!result) note(kind, scope, result.error());
  if constexpr (std::is_same_v<T, cloud::Operation>)
    if (result && result->error) note(kind, scope, *result->error);
  co_return result;
}

Task<Result<cloud::Instance>> MeteredCompute::instance(cloud::InstanceRef ref) {
  return metered(CallKind::kRead, Scope::kRegion, at_.instance(std::move(ref)));
}
Task<Result<cloud::Operation>> MeteredCompute::set_aliases(cloud::InstanceRef ref, std::string nic,
                                                           std::string fingerprint,
                                                           std::vector<cloud::AliasRange> aliases,
                                                           std::string request_id) {
  return metered(CallKind::kWrite, Scope::kRegion,
                 at_.set_aliases(std::move(ref), std::move(nic), std::move(fingerprint),
                                 std::move(aliases), std::move(request_id)));
}
Task<Result<cloud::Subnetwork>> MeteredCompute::subnetwork(std::string region, std::string name) {
  return metered(CallKind::kRead, Scope::kRegion,
                 at_.subnetwork(std::move(region), std::move(name)));
}
Task<Result<cloud::NetworkFeatures>> MeteredCompute::network_features(std::string network) {
  return metered(CallKind::kRead, Scope::kGlobal, at_.network_features(std::move(network)));
}
Task<Result<cloud::Route>> MeteredCompute::route(std::string name) {
  return metered(CallKind::kRead, Scope::kGlobal, at_.route(std::move(name)));
}
Task<Result<std::vector<cloud::Route>>> MeteredCompute::routes_to(std::string network,
                                                                  std::string destination) {
  return metered(CallKind::kRead, Scope::kGlobal,
                 at_.routes_to(std::move(network), std::move(destination)));
}
Task<Result<cloud::Operation>> MeteredCompute::insert_route(cloud::Route route,
                                                            std::string request_id) {
  return metered(CallKind::kWrite, Scope::kGlobal,
                 at_.insert_route(std::move(route), std::move(request_id)));
}
Task<Result<cloud::Operation>> MeteredCompute::delete_route(std::string name,
                                                            std::string request_id) {
  return metered(CallKind::kWrite, Scope::kGlobal,
                 at_.delete_route(std::move(name), std::move(request_id)));
}
Task<Result<cloud::BackendService>> MeteredCompute::backend_service(std::string region,
                                                                    std::string name) {
  return metered(CallKind::kRead, Scope::kRegion,
                 at_.backend_service(std::move(region), std::move(name)));
}
Task<Result<cloud::Operation>> MeteredCompute::set_leader(std::string region, std::string service,
                                                          std::string fingerprint,
                                                          cloud::HaLeader leader,
                                                          std::string request_id) {
  return metered(CallKind::kWrite, Scope::kRegion,
                 at_.set_leader(std::move(region), std::move(service), std::move(fingerprint),
                                std::move(leader), std::move(request_id)));
}
Task<Result<std::vector<cloud::ForwardingRule>>> MeteredCompute::forwarding_rules(
    std::string region) {
  return metered(CallKind::kRead, Scope::kRegion, at_.forwarding_rules(std::move(region)));
}
Task<Result<cloud::Health>> MeteredCompute::backend_health(std::string region, std::string service,
                                                           cloud::InstanceRef instance) {
  return metered(CallKind::kRead, Scope::kRegion,
                 at_.backend_health(std::move(region), std::move(service), std::move(instance)));
}
Task<Result<std::vector<cloud::ManagedInstance>>> MeteredCompute::managed_instances(
    std::string zone, std::string group) {
  return metered(CallKind::kRead, Scope::kRegion,
                 at_.managed_instances(std::move(zone), std::move(group)));
}
Task<Result<cloud::Operation>> MeteredCompute::operation(cloud::Operation::Scope scope,
                                                         std::string location, std::string name) {
  const Scope where = scope == cloud::Operation::Scope::kGlobal ? Scope::kGlobal : Scope::kRegion;
  return metered(CallKind::kOperationRead, where,
                 at_.operation(scope, std::move(location), std::move(name)));
}

}  // namespace atl::lab
