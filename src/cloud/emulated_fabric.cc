#include "cloud/emulated_fabric.h"

#include <algorithm>

namespace atl::cloud {
namespace {

// The same address always goes the same way among the same choices (murmur3's finalizer).
size_t spread(uint32_t address, size_t choices) {
  uint32_t h = address;
  h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
  h = (h ^ (h >> 13)) * 0xC2B2AE35u;
  return (h ^ (h >> 16)) % choices;
}

}  // namespace

void Fabric::bind_primary(const std::string& network, uint32_t address,
                          const InstanceRef& instance) {
  primaries_[{network, address}] = instance;
}

void Fabric::unbind_primary(const std::string& network, uint32_t address) {
  primaries_.erase({network, address});
}

void Fabric::bind_alias(const std::string& network, const AddressBlock& block,
                        const InstanceRef& instance) {
  if (block.single()) {
    aliases_[{network, block.first}] = instance;
    return;
  }
  std::erase_if(wide_aliases_, [&](const WideAlias& wide) {
    return wide.network == network && wide.block == block;
  });
  wide_aliases_.push_back({network, block, instance});
}

void Fabric::unbind_alias(const std::string& network, const AddressBlock& block,
                          const InstanceRef& instance) {
  if (const auto it = aliases_.find({network, block.first});
      block.single() && it != aliases_.end() && it->second == instance)
    aliases_.erase(it);
  std::erase_if(wide_aliases_, [&](const WideAlias& wide) {
    return wide.network == network && wide.block == block && wide.instance == instance;
  });
}

void Fabric::unbind_all(const std::string& network, const InstanceRef& instance) {
  std::erase_if(aliases_, [&](const auto& entry) {
    return entry.first.first == network && entry.second == instance;
  });
  std::erase_if(wide_aliases_, [&](const WideAlias& wide) {
    return wide.network == network && wide.instance == instance;
  });
}

void Fabric::program(const Route& route, const AddressBlock& destination) {
  unprogram(route.name);
  routes_[route.name] = {route, destination};
  if (destination.single()) {
    routes_to_[{route.network, destination.first}].insert(route.name);
  } else {
    wide_routes_.insert(route.name);
  }
}

void Fabric::unprogram(const std::string& name) {
  const auto it = routes_.find(name);
  if (it == routes_.end()) return;
  const Key key{it->second.route.network, it->second.destination.first};
  if (const auto names = routes_to_.find(key); names != routes_to_.end()) {
    names->second.erase(name);
    if (names->second.empty()) routes_to_.erase(names);
  }
  wide_routes_.erase(name);
  routes_.erase(it);
}

void Fabric::set_usable_hop(const InstanceRef& instance, bool usable) {
  if (usable) {
    usable_hops_.insert(instance);
  } else {
    usable_hops_.erase(instance);
  }
}

void Fabric::add_rule(const std::string& network, uint32_t address, const std::string& key) {
  rules_[{network, address}] = key;
}

Fabric::Service* Fabric::service(const std::string& key) {
  const auto it = services_.find(key);
  return it == services_.end() ? nullptr : &it->second;
}

Fabric::Service* Fabric::moved_by_garp(const InstanceRef& sender, uint32_t address) {
  for (const auto& [key, name] : rules_) {
    if (key.second != address) continue;
    Service* found = service(name);
    if (found != nullptr && found->fast_ip_move &&
        std::ranges::count(found->endpoints, sender) != 0)
      return found;
  }
  return nullptr;
}

bool Fabric::take_garp(Service& service, const InstanceRef& sender, Nanos sent,
                       env::Random& random) {
  if (service.garp == sender) {
    service.garp_sent = std::max(service.garp_sent, sent);
    return false;
  }
  const bool lapsed = !service.garp || sent - service.garp_sent >= kGarpLasts;
  const bool race = !lapsed && sent - service.garp_sent < kGarpGap;
  if (race && random.chance(0.5)) return false;
  service.garp = sender;
  service.garp_sent = sent;
  return true;
}

std::optional<InstanceRef> Fabric::delivered_to(const std::string& network, uint32_t address,
                                                Nanos now) const {
  const Key key{network, address};
  if (const auto it = primaries_.find(key); it != primaries_.end()) return it->second;
  if (const auto it = aliases_.find(key); it != aliases_.end()) return it->second;
  for (const WideAlias& wide : wide_aliases_)
    if (wide.network == network && wide.block.contains(address)) return wide.instance;
  if (const auto it = rules_.find(key); it != rules_.end())
    return through_service(services_.at(it->second), address, now);
  return through_route(network, address);
}

std::optional<InstanceRef> Fabric::through_service(const Service& service, uint32_t address,
                                                   Nanos now) const {
  if (service.garp && now - service.garp_sent < kGarpLasts) return service.garp;
  if (service.leader) return service.leader;
  if (!service.health_checked || service.endpoints.empty()) return std::nullopt;
  std::vector<InstanceRef> choices(service.healthy.begin(), service.healthy.end());
  if (choices.empty() && service.drop_if_unhealthy) return std::nullopt;
  if (choices.empty()) choices = service.endpoints;
  return choices[spread(address, choices.size())];
}

std::optional<InstanceRef> Fabric::through_route(const std::string& network,
                                                 uint32_t address) const {
  std::vector<const Programmed*> best;
  const auto consider = [&](const std::string& name) {
    const Programmed& candidate = routes_.at(name);
    if (candidate.route.network != network || !candidate.destination.contains(address)) return;
    if (!usable_hops_.contains(candidate.route.next_hop)) return;
    // The longest prefix wins, then the lowest number of priority; equal ones share.
    if (!best.empty()) {
      const auto rank = [](const Programmed& p) {
        return std::pair(p.destination.size(), p.route.priority);
      };
      if (rank(*best.front()) < rank(candidate)) return;
      if (rank(candidate) < rank(*best.front())) best.clear();
    }
    best.push_back(&candidate);
  };
  if (const auto it = routes_to_.find({network, address}); it != routes_to_.end())
    for (const std::string& name : it->second) consider(name);
  for (const std::string& name : wide_routes_) consider(name);
  if (best.empty()) return std::nullopt;
  return best[spread(address, best.size())]->route.next_hop;
}

}  // namespace atl::cloud
