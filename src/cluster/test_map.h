// Maps for tests: `make_map(8, 1, {6, 2})` is 8 domains of one device each, all up, with groups.
#pragma once

#include <fmt/format.h>

#include "base/check.h"
#include "cluster/cluster_map.h"
#include "cluster/placement.h"

namespace atl::cluster {

// Devices are numbered from 1, domain by domain: domain d has devices (d-1)*n+1 .. d*n.
inline ClusterMap make_map(uint32_t domains, uint32_t devices_per_domain, Protection protection) {
  ClusterMap map;
  map.cluster.bytes[0] = 0xa7;
  map.protection = protection;
  for (uint32_t d = 1; d <= domains; ++d) {
    map.domains.push_back({DomainId(d), false});
    for (uint32_t i = 0; i < devices_per_domain; ++i) {
      DeviceEntry device;
      device.id = DeviceId(map.next_device++);
      device.domain = DomainId(d);
      device.capacity_bytes = 1ull << 30;
      device.path = fmt::format("/domain-{}/device-{}", d, i);
      map.devices.push_back(std::move(device));
    }
  }
  const Status added = add_groups(&map, protection);
  ATOLL_CHECK(added.has_value(), "make_map: the scheme does not fit");
  return map;
}

inline void set_state(ClusterMap* map, uint32_t device, DeviceState state) {
  DeviceEntry* entry = map->find_device(DeviceId(device));
  ATOLL_CHECK(entry != nullptr);
  entry->state = state;
}
inline void lose_domain(ClusterMap* map, uint32_t domain) {
  for (DeviceEntry& device : map->devices)
    if (device.domain == DomainId(domain)) device.state = DeviceState::kFailed;
}

}  // namespace atl::cluster
