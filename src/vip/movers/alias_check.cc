// AliasMover: can this pool be moved as aliases at all?

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "vip/movers/alias_list.h"
#include "vip/movers/alias_mover.h"
#include "vip/movers/check_parts.h"

namespace atl::vip {
namespace {

Status inside(const Pool& pool, const cloud::Subnetwork& subnet) {
  std::string cidr = subnet.cidr;
  if (!pool.alias_range.empty()) {
    auto found = subnet.secondary.find(pool.alias_range);
    if (found == subnet.secondary.end())
      return fail(Errc::kUnsupported, fmt::format("subnetwork {} has no secondary range {:?}",
                                                  subnet.name, pool.alias_range));
    cidr = found->second;
  }
  ATOLL_TRY(const Prefix prefix, Prefix::parse(cidr));
  for (Vip vip : pool.addresses) {
    if (!prefix.contains(vip))
      return fail(
          Errc::kUnsupported,
          fmt::format("{} is outside {} of subnetwork {}: an alias must be of the subnetwork "
                      "of the interface",
                      vip.to_string(), cidr, subnet.name));
    if (pool.alias_range.empty() && is_kept_by_subnet(prefix, vip))
      return fail(Errc::kUnsupported,
                  fmt::format("{} is one of the four addresses that {} keeps for itself",
                              vip.to_string(), cidr));
  }
  return {};
}

// Ranges on an interface that are not addresses of the pool.
size_t others_on(const cloud::NetworkInterface& nic, const std::set<Vip>& addresses) {
  return nic.aliases.size() - addresses_in(nic.aliases, addresses).size();
}

Status fits(const Pool& pool, size_t others) {
  const std::optional<size_t> failures =
      failures_that_fit(pool.addresses.size(), pool.nodes.size(), others);
  const size_t needed = std::min<size_t>(1, pool.nodes.size() - 1);
  if (!failures || *failures < needed)
    return fail(
        Errc::kUnsupported,
        fmt::format("{} addresses on {} nodes do not fit when {} of them fail: an interface "
                    "has room for {} alias ranges and up to {} of others are there",
                    pool.addresses.size(), pool.nodes.size(), needed, cloud::kAliasRangesMax,
                    others));
  ATOLL_LOG(kInfo, "vip", "the survivors' interfaces have room for all addresses",
            {{"pool", pool.name}, {"failures_that_fit", *failures}});
  return {};
}

}  // namespace

Task<Status> AliasMover::check(const Pool& pool) {
  ATOLL_CO_TRY_STATUS(check_sizes(pool));
  Round round(env_, compute_);
  ATOLL_CO_TRY(const cloud::NetworkFeatures features,
               co_await round.network_features(pool.network));
  if (!features.alias_ip) co_return fail(Errc::kUnsupported, not_on(features, "alias IP ranges"));
  ATOLL_CO_TRY(const cloud::Subnetwork subnet,
               co_await round.subnetwork(pool.region, pool.subnetwork));
  ATOLL_CO_TRY_STATUS(inside(pool, subnet));
  ATOLL_CO_TRY(const std::vector<cloud::Instance> instances, co_await read_nodes(&round, pool));
  const std::set<Vip> addresses(pool.addresses.begin(), pool.addresses.end());
  size_t others = 0;
  for (size_t i = 0; i < instances.size(); ++i) {
    const NodeSpec& node = pool.nodes[i];
    ATOLL_CO_TRY(const cloud::NetworkInterface* nic, interface_of(instances[i], node));
    if (nic->network != pool.network || nic->subnetwork != pool.subnetwork)
      co_return fail(
          Errc::kUnsupported,
          fmt::format("{} of node {} is in {}/{}, the pool's addresses are of {}/{}", node.nic,
                      node.name, nic->network, nic->subnetwork, pool.network, pool.subnetwork));
    others = std::max(others, others_on(*nic, addresses));
  }
  co_return fits(pool, others);
}

}  // namespace atl::vip
