#include "cluster/placement.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/check.h"
#include "base/probe.h"
#include "base/units.h"
#include "cluster/assignment.h"

namespace atl::cluster {
namespace {

const DomainEntry* find_domain(const ClusterMap& map, DomainId id) {
  for (const DomainEntry& domain : map.domains)
    if (domain.id == id) return &domain;
  return nullptr;
}

std::vector<const DeviceEntry*> writable_devices(const ClusterMap& map) {
  std::vector<const DeviceEntry*> out;
  for (const DeviceEntry& device : map.devices)
    if (device_writable(map, device)) out.push_back(&device);
  return out;
}

std::map<DomainId, uint32_t> count_by_domain(const std::vector<const DeviceEntry*>& devices) {
  std::map<DomainId, uint32_t> out;
  for (const DeviceEntry* device : devices) ++out[device->domain];
  return out;
}

// The most slots of a group in one domain; 0 when a group of this width cannot be made.
uint32_t slots_per_domain(const std::map<DomainId, uint32_t>& devices_by_domain, uint32_t slots) {
  if (devices_by_domain.empty()) return 0;
  const auto cap = static_cast<uint32_t>(div_ceil(slots, devices_by_domain.size()));
  uint32_t room = 0;
  for (const auto& [domain, devices] : devices_by_domain) room += std::min(devices, cap);
  return room >= slots ? cap : 0;
}

// A fixed mixing function (splitmix64's finalizer, Steele et al. 2014), only to break ties: what
// comes out of it is listed in the map, so it may change without harm.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// How often each device has been used so far, in all and under each slot number.
struct Usage {
  std::vector<uint32_t> total;
  std::vector<std::vector<uint32_t>> by_slot;
};

// The devices of one group: those with the least use for their size, within the domain rule. Taking
// them in any order under the rule never gets stuck, because the rule is a partition matroid.
std::vector<size_t> choose_devices(const std::vector<const DeviceEntry*>& devices,
                                   const Usage& usage, uint32_t slots, uint32_t cap,
                                   uint64_t salt) {
  std::vector<size_t> order(devices.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  auto load = [&](size_t i) {
    const double size = static_cast<double>(std::max<uint64_t>(devices[i]->capacity_bytes, 1));
    return (usage.total[i] + 1) / size;
  };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (load(a) != load(b)) return load(a) < load(b);
    const uint64_t mixed_a = mix(salt ^ mix(devices[a]->id.value));
    const uint64_t mixed_b = mix(salt ^ mix(devices[b]->id.value));
    return mixed_a != mixed_b ? mixed_a < mixed_b : a < b;
  });
  std::map<DomainId, uint32_t> taken;
  std::vector<size_t> chosen;
  for (const size_t i : order) {
    if (chosen.size() == slots) break;
    if (taken[devices[i]->domain] == cap) continue;
    ++taken[devices[i]->domain];
    chosen.push_back(i);
  }
  ATOLL_CHECK(chosen.size() == slots, "slots_per_domain said that the group fits");
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

// Gives the chosen devices their slot numbers so that each has had each number equally often.
std::vector<DeviceId> order_slots(const std::vector<const DeviceEntry*>& devices,
                                  const std::vector<size_t>& chosen, Usage* usage) {
  const size_t n = chosen.size();
  std::vector<std::vector<int64_t>> cost(n, std::vector<int64_t>(n));
  for (size_t slot = 0; slot < n; ++slot)
    for (size_t j = 0; j < n; ++j) cost[slot][j] = usage->by_slot[chosen[j]][slot];
  const std::vector<size_t> assigned = cheapest_assignment(cost);
  std::vector<DeviceId> slots(n);
  for (size_t slot = 0; slot < n; ++slot) {
    const size_t i = chosen[assigned[slot]];
    slots[slot] = devices[i]->id;
    ++usage->total[i];
    ++usage->by_slot[i][slot];
  }
  return slots;
}

// Greater is better: survive domain losses (up to what is configured), then device losses, then
// store more for each parity shard.
struct Rank {
  uint32_t tolerance = 0;
  uint32_t m = 0;
  uint32_t k = 0;
  auto operator<=>(const Rank&) const = default;
};

bool all_slots_writable(const ClusterMap& map, const Group& group) {
  for (const DeviceId slot : group.slots) {
    const DeviceEntry* device = map.find_device(slot);
    ATOLL_CHECK(device != nullptr, "a group lists a device that the map does not");
    if (!device_writable(map, *device)) return false;
  }
  return true;
}

}  // namespace

bool device_writable(const ClusterMap& map, const DeviceEntry& device) {
  if (device.state != DeviceState::kUp) return false;
  const DomainEntry* domain = find_domain(map, device.domain);
  return domain != nullptr && !domain->draining;
}

Status add_groups(ClusterMap* map, Protection protection) {
  const auto devices = writable_devices(*map);
  const uint32_t slots = protection.width();
  ATOLL_CHECK(protection.k >= 1, "a scheme without data shards");
  const auto by_domain = count_by_domain(devices);
  const uint32_t cap = slots_per_domain(by_domain, slots);
  if (cap == 0)
    return fail(
        Errc::kUnavailable,
        fmt::format("protection {} needs {} devices spread evenly over their domains; there "
                    "are {} writable devices in {} domains",
                    format_protection(protection), slots, devices.size(), by_domain.size()));
  uint64_t count = round_up(kGroupsPerScheme, devices.size());
  count = std::min<uint64_t>(std::max<uint64_t>(count, devices.size()), kGroupsPerSchemeMax);
  if (map->groups.size() + count > kMaxGroups)
    return fail(Errc::kTooLarge, fmt::format("{} placement groups are the most", kMaxGroups));

  Usage usage;
  usage.total.assign(devices.size(), 0);
  usage.by_slot.assign(devices.size(), std::vector<uint32_t>(slots, 0));
  for (uint64_t i = 0; i < count; ++i) {
    Group group;
    group.id = GroupId(map->next_group);
    group.protection = protection;
    const auto chosen = choose_devices(devices, usage, slots, cap, group.id.value);
    group.slots = order_slots(devices, chosen, &usage);
    ATOLL_CHECK(group.slots.size() == slots);
    map->groups.push_back(std::move(group));
    ++map->next_group;
  }
  return {};
}

Result<Protection> best_protection(const ClusterMap& map) {
  const auto devices = writable_devices(map);
  const auto by_domain = count_by_domain(devices);
  const uint32_t wanted = domains_survived_by_design(map);
  const uint32_t least_m = std::min(map.protection.m, 1u);
  Rank best;
  for (uint32_t m = map.protection.m + 1; m-- > least_m;) {
    for (uint32_t k = map.protection.k; k >= 1; --k) {
      const uint32_t cap = slots_per_domain(by_domain, k + m);
      if (cap == 0) continue;
      best = std::max(best, Rank{std::min(m / cap, wanted), m, k});
    }
  }
  if (best.k == 0)
    return fail(Errc::kUnavailable,
                fmt::format("{} writable devices in {} domains cannot hold even one data and one "
                            "parity shard",
                            devices.size(), by_domain.size()));
  if (best.tolerance < wanted) ATOLL_PROBE("cluster.protection_below_design");
  return Protection{best.k, best.m};
}

Result<bool> ensure_writable_groups(ClusterMap* map) {
  ATOLL_TRY(const Protection best, best_protection(*map));
  const auto writable = writable_groups(*map);
  for (const GroupId id : writable)
    if (map->find_group(id)->protection == best) return false;
  const Status added = add_groups(map, best);
  if (!added && added.error().code == Errc::kTooLarge && !writable.empty()) {
    ATOLL_PROBE("cluster.too_many_groups");
    return false;  // narrower stripes than could be, but safe ones
  }
  if (!added) return fail(added.error());
  if (!(best == map->protection)) ATOLL_PROBE("cluster.narrower_groups");
  return true;
}

std::vector<GroupId> writable_groups(const ClusterMap& map) {
  const uint32_t wanted = domains_survived_by_design(map);
  std::vector<std::pair<Rank, GroupId>> ranked;
  for (const Group& group : map.groups) {
    if (!all_slots_writable(map, group)) continue;
    const uint32_t tolerance = std::min(domains_survived(map, group), wanted);
    ranked.emplace_back(Rank{tolerance, group.protection.m, group.protection.k}, group.id);
  }
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::vector<GroupId> out;
  for (const auto& [rank, id] : ranked) out.push_back(id);
  return out;
}

std::vector<DeviceId> journal_devices(const ClusterMap& map, uint64_t salt,
                                      const std::vector<DeviceId>& avoid) {
  constexpr size_t kReplicas = 3;
  std::map<DomainId, std::vector<DeviceId>> by_domain;
  for (const DeviceEntry& device : map.devices)
    if (device_writable(map, device) &&
        std::find(avoid.begin(), avoid.end(), device.id) == avoid.end())
      by_domain[device.domain].push_back(device.id);
  std::vector<std::vector<DeviceId>> domains;
  for (auto& [domain, devices] : by_domain) {
    std::sort(devices.begin(), devices.end());
    domains.push_back(std::move(devices));
  }
  std::vector<DeviceId> out;
  // Round 0 takes one device of each domain, beginning with domain salt % n; later rounds, needed
  // only with fewer than three domains, the other devices of the same domains.
  for (size_t round = 0; out.size() < kReplicas; ++round) {
    const size_t before = out.size();
    for (size_t i = 0; i < domains.size() && out.size() < kReplicas; ++i) {
      const auto& devices = domains[(salt + i) % domains.size()];
      if (round < devices.size())
        out.push_back(devices[(salt / domains.size() + round) % devices.size()]);
    }
    if (out.size() == before) break;
  }
  ATOLL_CHECK(std::set<DeviceId>(out.begin(), out.end()).size() == out.size());
  return out;
}

Status replace_device(ClusterMap* map, DeviceId old_id, DeviceEntry replacement) {
  const DeviceEntry* old = map->find_device(old_id);
  if (old == nullptr || old->state == DeviceState::kReplaced)
    return fail(Errc::kNotFound, fmt::format("there is no device {} to replace", old_id));
  if (replacement.id.value == 0 || map->find_device(replacement.id) != nullptr)
    return fail(Errc::kExists, fmt::format("device id {} is taken", replacement.id));
  if (find_domain(*map, replacement.domain) == nullptr)
    return fail(Errc::kInvalidArgument, fmt::format("there is no domain {}", replacement.domain));
  if (map->devices.size() >= kMaxDevices)
    return fail(Errc::kTooLarge, fmt::format("{} devices are the most", kMaxDevices));

  ClusterMap changed = *map;
  replacement.state = DeviceState::kUp;
  replacement.needs_rebuild = true;
  replacement.failure.clear();
  const DeviceId new_id = replacement.id;
  changed.next_device = std::max(changed.next_device, new_id.value + 1);
  changed.devices.push_back(std::move(replacement));
  for (Group& group : changed.groups) {
    const auto slot = std::find(group.slots.begin(), group.slots.end(), old_id);
    if (slot == group.slots.end()) continue;
    const uint32_t before = domains_survived(changed, group);
    *slot = new_id;
    if (domains_survived(changed, group) < before)
      return fail(
          Errc::kInvalidArgument,
          fmt::format("a device in domain {} would hold too much of group {}: replace device "
                      "{} by one in its own domain {}",
                      changed.find_device(new_id)->domain, group.id, old_id, old->domain));
  }
  DeviceEntry* gone = changed.find_device(old_id);
  gone->state = DeviceState::kReplaced;
  gone->needs_rebuild = false;
  *map = std::move(changed);
  return {};
}

}  // namespace atl::cluster
