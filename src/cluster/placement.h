// Pure functions over a cluster map: making groups, replacing devices, and what can still be lost.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "cluster/cluster_map.h"

namespace atl::cluster {

// Groups made at a time: at least this many, rounded up to a multiple of the number of devices, so
// that every device has every slot number, data or parity, equally often (8 devices: 16 groups).
inline constexpr uint32_t kGroupsPerScheme = 16;
// The most made at a time: with hundreds of devices this many spread load and rebuild well enough.
inline constexpr uint32_t kGroupsPerSchemeMax = 256;
// The most groups in a map: one of 64 slots takes at most 132 bytes, so that most maps stay under
// half of coord::kMaxValueBytes. Past it nothing is added and what is there must do.
inline constexpr uint32_t kMaxGroups = 4096;

// Appends groups for `protection` over the devices that are kUp (and whose domains do not drain),
// at most ceil((k+m)/domains) slots in a domain. kUnavailable when there are not k+m such devices.
Status add_groups(ClusterMap* map, Protection protection);

// The widest scheme not wider than the configured one that the devices up now allow with the same m
// and the same tolerance of domain losses: 6+2 over 8 domains, 5+2 over 7, 4+2 over 6. Where not
// even 1+m fits: the scheme that survives most, with less parity (1+1 over the last 2), which
// `exposure` shows. kUnavailable when nothing with at least one parity shard fits (unless none is
// configured).
Result<Protection> best_protection(const ClusterMap& map);

// Makes sure that at least one group of the best scheme possible now has every slot writable; adds
// groups if need be. Returns true when the map changed. kUnavailable as best_protection.
Result<bool> ensure_writable_groups(ClusterMap* map);

// Groups, by preference, for a new stripe: all slots writable; those that survive most first (up to
// what is configured), then the widest scheme first.
std::vector<GroupId> writable_groups(const ClusterMap& map);

// Three devices in three domains (as far apart as there are) for journal segment `salt`; fewer when
// the cluster has fewer. Never a device in `avoid`, nor one that is not kUp.
std::vector<DeviceId> journal_devices(const ClusterMap& map, uint64_t salt,
                                      const std::vector<DeviceId>& avoid);

// True when new shards may be put on the device: it is kUp and its domain is not draining.
bool device_writable(const ClusterMap& map, const DeviceEntry& device);

// The replacement takes all slots of `old`, with needs_rebuild; `old` becomes kReplaced.
// kInvalidArgument when their domains differ in a way that would weaken a group; kExists when the
// replacement's id is taken.
Status replace_device(ClusterMap* map, DeviceId old, DeviceEntry replacement);

// How many whole domains a group's stripes survive losing, when nothing is missing.
uint32_t domains_survived(const ClusterMap& map, const Group& group);

// How many the configured scheme survives with every domain in place: m / ceil((k + m) / domains).
uint32_t domains_survived_by_design(const ClusterMap& map);

// What is at stake now.
struct Exposure {
  uint32_t losable_domains_by_design = 0;  // of the configured scheme, all up
  uint32_t losable_domains_now = 0;        // with today's failed and not yet rebuilt devices
  uint32_t domains_down = 0;               // domains with devices, none of them readable
  bool data_unreadable = false;            // some group has fewer than k slots left
};
Exposure exposure(const ClusterMap& map);

}  // namespace atl::cluster
