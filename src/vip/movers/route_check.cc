// RouteMover: can this pool be moved by routes at all?

#include <set>

#include <fmt/format.h>

#include "vip/movers/check_parts.h"
#include "vip/movers/route_mover.h"
#include "vip/movers/route_names.h"

namespace atl::vip {
namespace {

Status outside(const Pool& pool, const cloud::Subnetwork& subnet) {
  std::vector<std::string> blocks{subnet.cidr};
  for (const auto& [range, cidr] : subnet.secondary) blocks.push_back(cidr);
  for (const std::string& cidr : blocks) {
    ATOLL_TRY(const Prefix prefix, Prefix::parse(cidr));
    for (Vip vip : pool.addresses)
      if (prefix.contains(vip))
        return fail(Errc::kUnsupported,
                    fmt::format("{} is inside {} of subnetwork {}: subnet routes outrank every "
                                "static route, take an address outside all subnets",
                                vip.to_string(), cidr, subnet.name));
  }
  return {};
}

}  // namespace

Task<Status> RouteMover::check(const Pool& pool) {
  ATOLL_CO_TRY_STATUS(check_sizes(pool));
  Round round(env_, compute_);
  ATOLL_CO_TRY(const cloud::NetworkFeatures features,
               co_await round.network_features(pool.network));
  if (!features.static_routes)
    co_return fail(Errc::kUnsupported, not_on(features, "static routes"));
  if (!features.ip_forwarding)
    co_return fail(Errc::kUnsupported, not_on(features, "IP forwarding"));

  // Every subnet that a node of the pool is in; the API has the others' when a route is inserted.
  ATOLL_CO_TRY(const std::vector<cloud::Instance> instances, co_await read_nodes(&round, pool));
  std::set<std::string> subnets;
  if (!pool.subnetwork.empty()) subnets.insert(pool.subnetwork);
  for (size_t i = 0; i < instances.size(); ++i) {
    const NodeSpec& node = pool.nodes[i];
    if (!instances[i].can_ip_forward)
      co_return fail(Errc::kUnsupported,
                     fmt::format("node {} must have canIpForward to be a next hop", node.name));
    ATOLL_CO_TRY(const cloud::NetworkInterface* nic, interface_of(instances[i], node));
    if (nic->network != pool.network)
      co_return fail(Errc::kUnsupported,
                     fmt::format("{} of node {} is in network {}, the pool's routes are in {}",
                                 node.nic, node.name, nic->network, pool.network));
    if (!nic->subnetwork.empty()) subnets.insert(nic->subnetwork);
  }
  for (const std::string& name : subnets) {
    ATOLL_CO_TRY(const cloud::Subnetwork subnet, co_await round.subnetwork(pool.region, name));
    ATOLL_CO_TRY_STATUS(outside(pool, subnet));
  }
  if (!features.static_routes_left) co_return Status{};

  // A move needs a second route for a while: count on the most crowded node's addresses at once.
  size_t needed = div_ceil(pool.addresses.size(), pool.nodes.size());
  for (Vip vip : pool.addresses) {
    ATOLL_CO_TRY(const Seen seen, co_await see(&round, pool, vip));
    if (seen.ours.empty()) ++needed;
  }
  if (needed > *features.static_routes_left)
    co_return fail(Errc::kUnsupported,
                   fmt::format("the pool needs {} routes more, the quota of network {} has {} left",
                               needed, pool.network, *features.static_routes_left));
  co_return Status{};
}

}  // namespace atl::vip
