// What can still be lost: the part of placement.h that only looks.
#include <algorithm>
#include <functional>
#include <map>

#include "base/check.h"
#include "base/units.h"
#include "cluster/placement.h"

namespace atl::cluster {
namespace {

// Domains that may be lost, those that hold most first, before more than `spare` shards are gone.
uint32_t losable(std::vector<uint32_t> shards_by_domain, uint32_t spare) {
  std::sort(shards_by_domain.begin(), shards_by_domain.end(), std::greater<>());
  uint32_t domains = 0;
  for (const uint32_t shards : shards_by_domain) {
    if (shards > spare) break;
    spare -= shards;
    ++domains;
  }
  return domains;
}

}  // namespace

uint32_t domains_survived_by_design(const ClusterMap& map) {
  if (map.domains.empty()) return 0;
  return map.protection.m /
         static_cast<uint32_t>(div_ceil(map.protection.width(), map.domains.size()));
}

uint32_t domains_survived(const ClusterMap& map, const Group& group) {
  std::map<DomainId, uint32_t> shards;
  for (const DeviceId slot : group.slots) {
    const DeviceEntry* device = map.find_device(slot);
    ATOLL_CHECK(device != nullptr, "a group lists a device that the map does not");
    ++shards[device->domain];
  }
  std::vector<uint32_t> counts;
  for (const auto& [domain, n] : shards) counts.push_back(n);
  return losable(std::move(counts), group.protection.m);
}

Exposure exposure(const ClusterMap& map) {
  Exposure out;
  out.losable_domains_by_design = domains_survived_by_design(map);
  out.losable_domains_now = out.losable_domains_by_design;
  for (const Group& group : map.groups) {
    uint32_t missing = 0;
    std::map<DomainId, uint32_t> present;
    for (const DeviceId slot : group.slots) {
      const DeviceEntry* device = map.find_device(slot);
      ATOLL_CHECK(device != nullptr, "a group lists a device that the map does not");
      const bool readable =
          device->state == DeviceState::kUp || device->state == DeviceState::kDraining;
      if (readable && !device->needs_rebuild)
        ++present[device->domain];
      else
        ++missing;
    }
    if (missing > group.protection.m) {
      out.data_unreadable = true;
      out.losable_domains_now = 0;
      continue;
    }
    std::vector<uint32_t> counts;
    for (const auto& [domain, n] : present) counts.push_back(n);
    const uint32_t now = losable(std::move(counts), group.protection.m - missing);
    out.losable_domains_now = std::min(out.losable_domains_now, now);
  }
  for (const DomainEntry& domain : map.domains) {
    uint32_t devices = 0;
    uint32_t readable = 0;
    for (const DeviceEntry& device : map.devices) {
      if (device.domain != domain.id || device.state == DeviceState::kReplaced) continue;
      ++devices;
      if (device.state != DeviceState::kFailed) ++readable;
    }
    if (devices > 0 && readable == 0) ++out.domains_down;
  }
  return out;
}

}  // namespace atl::cluster
