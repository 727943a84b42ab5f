// Which devices a segment should be on. Pure functions over a cluster map.
//
// The goal for a segment: kReplicas devices, in kReplicas domains, as far as the devices that are
// up now allow. A device that does not take new data (failed, replaced, draining) does not count.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "cluster/cluster_map.h"
#include "journal/journal.h"

namespace atl::journal {

size_t distinct_domains(const cluster::ClusterMap& map, const std::vector<DeviceId>& devices);
bool is_writable(const cluster::ClusterMap& map, DeviceId device);

// How good a set of replicas is: domains first (they fail as one), then devices.
struct Spread {
  size_t domains = 0;
  size_t devices = 0;
  auto operator<=>(const Spread&) const = default;
};
inline constexpr Spread kFullSpread{kReplicas, kReplicas};

// Of the devices of `replicas` that are writable now.
Spread spread_of(const cluster::ClusterMap& map, const std::vector<DeviceId>& replicas);
// The best there could be now without the devices in `lost`.
Spread spread_possible(const cluster::ClusterMap& map, const std::set<DeviceId>& lost);

// Devices for a new segment.
std::vector<DeviceId> choose_devices(const cluster::ClusterMap& map, uint64_t salt,
                                     const std::set<DeviceId>& avoid);
// One more device that makes `good` better; none when there is no such device.
std::optional<DeviceId> choose_addition(const cluster::ClusterMap& map, uint64_t salt,
                                        const std::vector<DeviceId>& good,
                                        const std::set<DeviceId>& avoid);
// Drops devices that add least until there are at most kReplicas.
std::vector<DeviceId> best_of(const cluster::ClusterMap& map, std::vector<DeviceId> devices);

}  // namespace atl::journal
