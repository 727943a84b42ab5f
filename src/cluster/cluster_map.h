// The cluster map: which domains and devices there are, in what state, and which placement groups
// list them. One value under one coordinator key, changed by compare-and-swap, versioned.
//
// A placement group lists k+m device slots; shard i of each of its stripes is on the device in slot
// i. Groups are listed, never computed. A group's id, k and m never change; a replaced device takes
// its predecessor's slots in every group. Groups for narrower stripes are added when domains are
// down, so that what is written meanwhile survives as many further losses as ever (docs/rfcs).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace atl::cluster {

inline constexpr const char* kMapKey = "cluster/map";
inline constexpr uint32_t kMaxDomains = 255;
inline constexpr uint32_t kMaxDevices = 4096;

struct Protection {
  uint32_t k = 6;
  uint32_t m = 2;
  uint32_t width() const { return k + m; }
  bool operator==(const Protection&) const = default;
};
Result<Protection> parse_protection(std::string_view text);  // "6+2"
std::string format_protection(Protection p);

enum class DeviceState : uint8_t {
  kUp = 1,        // in use
  kFailed = 2,    // lost or failed: not read, not written, waits to be replaced (or returned)
  kDraining = 3,  // readable, gets no new data
  kReplaced =
      4,  // its slots went to another device; kept so that its id is never taken for a live one
};
std::string_view device_state_name(DeviceState state);

struct DeviceEntry {
  DeviceId id;
  DomainId domain;
  NodeId node;
  DeviceState state = DeviceState::kUp;
  uint64_t incarnation = 0;  // the last one seen at open
  uint64_t capacity_bytes = 0;
  // Shards that belong on this device may be missing until a rebuild has gone through every group
  // it is in: set when it takes over slots or returns after an absence.
  bool needs_rebuild = false;
  std::string path;     // relative to the data directory, or an absolute device path
  std::string failure;  // why it is kFailed, for people
};

struct Group {
  GroupId id;
  Protection protection;
  std::vector<DeviceId> slots;  // k + m
};

struct DomainEntry {
  DomainId id;
  bool draining = false;
};

struct ClusterMap {
  Uuid cluster;
  uint64_t version = 0;  // of the coordinator key; not encoded
  Protection protection;
  std::vector<DomainEntry> domains;
  std::vector<DeviceEntry> devices;
  std::vector<Group> groups;
  uint32_t next_device = 1;
  uint32_t next_group = 1;

  const DeviceEntry* find_device(DeviceId id) const;
  DeviceEntry* find_device(DeviceId id);
  const Group* find_group(GroupId id) const;

  std::string encode() const;
  static Result<ClusterMap> decode(std::string_view bytes);
};

}  // namespace atl::cluster
