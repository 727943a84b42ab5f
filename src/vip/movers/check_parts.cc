#include "vip/movers/check_parts.h"

#include <utility>

#include <fmt/format.h>

namespace atl::vip {
namespace {

Task<Result<cloud::Instance>> read_node(Round* round, const NodeSpec* node) {
  Result<cloud::Instance> instance = co_await round->instance(node->instance);
  if (!instance) co_return fail(std::move(instance.error()).with_context("node " + node->name));
  co_return instance;
}

}  // namespace

Status check_sizes(const Pool& pool) {
  if (pool.addresses.empty() || pool.addresses.size() > kPoolAddressesMax)
    return fail(Errc::kUnsupported,
                fmt::format("a pool has 1 to {} addresses, {} has {}", kPoolAddressesMax, pool.name,
                            pool.addresses.size()));
  if (pool.nodes.empty() || pool.nodes.size() > kPoolNodesMax)
    return fail(Errc::kUnsupported, fmt::format("a pool has 1 to {} nodes, {} has {}",
                                                kPoolNodesMax, pool.name, pool.nodes.size()));
  return {};
}

std::string not_on(const cloud::NetworkFeatures& features, std::string_view what) {
  const std::string profile =
      features.profile.empty() ? "" : fmt::format(" (profile {})", features.profile);
  return fmt::format("network {}{} does not allow {}", features.network, profile, what);
}

bool is_kept_by_subnet(const Prefix& primary, Vip vip) {
  if (primary.length >= 31 || !primary.contains(vip)) return false;
  const uint32_t host = ~uint32_t{0} >> primary.length;
  const uint32_t index = vip.number & host;
  return index <= 1 || index >= host - 1;
}

Task<Result<std::vector<cloud::Instance>>> read_nodes(Round* round, const Pool& pool) {
  std::vector<Task<Result<cloud::Instance>>> reads;
  for (const NodeSpec& node : pool.nodes) reads.push_back(read_node(round, &node));
  std::vector<Result<cloud::Instance>> results =
      co_await env::when_all(round->env(), std::move(reads));
  std::vector<cloud::Instance> instances;
  for (Result<cloud::Instance>& result : results) {
    if (!result) co_return fail(std::move(result.error()));
    instances.push_back(std::move(*result));
  }
  co_return instances;
}

Result<const cloud::NetworkInterface*> interface_of(const cloud::Instance& instance,
                                                    const NodeSpec& node) {
  if (const cloud::NetworkInterface* nic = instance.find(node.nic)) return nic;
  return fail(Errc::kUnsupported, fmt::format("node {} has no interface {}", node.name, node.nic));
}

// The controller spreads addresses over nodes, and those of one service can only be together.
Result<std::string> own_service(const Pool& pool, Vip vip) {
  auto own = pool.services.find(vip);
  if (own == pool.services.end())
    return fail(Errc::kUnsupported,
                fmt::format("no backend service is given for {}", vip.to_string()));
  std::string others;
  for (const auto& [other, service] : pool.services)
    if (other != vip && service == own->second) others += ", " + other.to_string();
  if (!others.empty())
    return fail(Errc::kUnsupported,
                fmt::format("{}{} share backend service {}: they would move together, each needs "
                            "one of its own",
                            vip.to_string(), others, own->second));
  return own->second;
}

Task<Status> check_forwarding(Round* round, const Pool& pool) {
  for (Vip vip : pool.addresses) {
    const Result<std::string> service = own_service(pool, vip);
    if (!service) co_return fail(service.error());
  }
  ATOLL_CO_TRY(const std::vector<cloud::ForwardingRule> rules,
               co_await round->forwarding_rules(pool.region));
  std::map<std::string, std::string> service_of;
  for (const cloud::ForwardingRule& rule : rules) service_of[rule.address] = rule.backend_service;
  for (const auto& [vip, service] : pool.services) {
    auto found = service_of.find(vip.to_string());
    if (found == service_of.end())
      co_return fail(Errc::kUnsupported, fmt::format("no forwarding rule of {} has the address {}",
                                                     pool.region, vip.to_string()));
    if (found->second != service)
      co_return fail(Errc::kUnsupported,
                     fmt::format("the forwarding rule of {} leads to backend service {}, not to {}",
                                 vip.to_string(), found->second, service));
  }
  co_return Status{};
}

}  // namespace atl::vip
