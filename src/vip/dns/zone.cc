#include "vip/dns/zone.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace atl::vip::dns {
namespace {

Status check_limits(const ZoneSnapshot& snapshot) {
  auto within = [&snapshot](std::string_view what, size_t n, size_t least, size_t most) -> Status {
    if (n >= least && n <= most) return {};
    return fail(Errc::kInvalidArgument, fmt::format("zone {}: {} {}; {} to {} are possible",
                                                    snapshot.zone, n, what, least, most));
  };
  ATOLL_TRY_STATUS(within("name servers", snapshot.servers.size(), 1, kZoneServersMax));
  ATOLL_TRY_STATUS(within("pools", snapshot.pools.size(), 0, kZonePoolsMax));
  ATOLL_TRY_STATUS(within("seconds to live", snapshot.ttl_s, 1, kTtlSecondsMax));
  ATOLL_TRY_STATUS(
      within("addresses in an answer", snapshot.addresses_per_answer, 1, kAddressesPerAnswerMax));
  for (const PoolSnapshot& pool : snapshot.pools) {
    ATOLL_TRY_STATUS(within("addresses of a pool", pool.held.size(), 0, kPoolAddressesMax));
    ATOLL_TRY_STATUS(within("nodes of a pool", pool.nodes.size(), 0, kPoolNodesMax));
    for (const NodeState& node : pool.nodes)
      ATOLL_TRY_STATUS(within("RDMA addresses of a node", node.rdma.size(), 0, kNodeRdmaMax));
  }
  return {};
}

// Those whose holder is up, each once: a client that is given one can use it now.
std::vector<Vip> healthy(const PoolSnapshot& pool) {
  std::set<NodeName> up;
  for (const NodeState& node : pool.nodes)
    if (node.up) up.insert(node.name);
  std::set<Vip> vips;
  for (const HeldAddress& held : pool.held)
    if (up.contains(held.holder)) vips.insert(held.vip);
  return {vips.begin(), vips.end()};
}

bool better(const Target& a, const Target& b) {
  return std::tie(a.priority, a.host) < std::tie(b.priority, b.host);
}

}  // namespace

Result<std::shared_ptr<const Zone>> Zone::make(const ZoneSnapshot& snapshot) {
  ATOLL_TRY_STATUS(check_limits(snapshot));
  std::shared_ptr<Zone> zone(new Zone);
  ATOLL_TRY(zone->apex_, make_name(snapshot.zone));
  zone->suffix_ = "." + snapshot.zone;
  ATOLL_TRY(zone->mailbox_, make_name("hostmaster" + zone->suffix_));
  zone->serial_ = snapshot.serial;
  zone->ttl_s_ = snapshot.ttl_s;
  zone->addresses_per_answer_ = snapshot.addresses_per_answer;
  zone->names_[zone->apex_] = Data{.apex = true, .ttl_s = kApexTtlSeconds};
  for (const NameServer& server : snapshot.servers) {
    ATOLL_TRY(Name name, make_name(server.label + zone->suffix_));
    zone->servers_.push_back(std::move(name));
    ATOLL_TRY_STATUS(
        zone->add(server.label, Data{.ttl_s = kApexTtlSeconds, .addresses = {server.address}}));
  }
  for (const PoolSnapshot& pool : snapshot.pools) ATOLL_TRY_STATUS(zone->add_pool(pool));
  // The names between those and the apex: they have nothing, but they are there (RFC 8020).
  std::vector<Name> all;
  for (const auto& [name, data] : zone->names_) all.push_back(name);
  for (Name name : all)
    for (; name != zone->apex_; name = parent_of(name)) zone->names_.try_emplace(name);
  return std::shared_ptr<const Zone>(std::move(zone));
}

Status Zone::add_pool(const PoolSnapshot& pool) {
  ATOLL_TRY_STATUS(add(pool.name, Data{.ttl_s = ttl_s_, .addresses = healthy(pool)}));
  if (pool.rdma_port == 0) return {};
  Data service{.ttl_s = ttl_s_};
  for (const NodeState& node : pool.nodes) {
    if (node.rdma.empty()) continue;
    const std::string label = node.name + ".rdma." + pool.name;
    Data data{.ttl_s = ttl_s_};
    if (node.up) {
      const std::set<Vip> vips(node.rdma.begin(), node.rdma.end());
      data.addresses.assign(vips.begin(), vips.end());
      ATOLL_TRY(Name host, make_name(label + suffix_));
      service.targets.push_back(
          {node.draining ? kPriorityDraining : kPriorityWell, pool.rdma_port, std::move(host)});
    }
    ATOLL_TRY_STATUS(add(label, std::move(data)));
  }
  std::sort(service.targets.begin(), service.targets.end(), better);
  return add("_rdma._tcp." + pool.name, std::move(service));
}

Status Zone::add(std::string_view label, Data data) {
  const std::string text = std::string(label) + suffix_;
  ATOLL_TRY(Name name, make_name(text));
  if (!names_.try_emplace(std::move(name), std::move(data)).second)
    return fail(Errc::kInvalidArgument, fmt::format("{} is there twice", text));
  return {};
}

const Data* Zone::find(const Name& name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : &found->second;
}

}  // namespace atl::vip::dns
