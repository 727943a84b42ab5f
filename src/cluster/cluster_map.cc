#include "cluster/cluster_map.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "base/codec.h"
#include "base/crc.h"

namespace atl::cluster {
namespace {

// The value under kMapKey: magic, version, the body, and the CRC-32C of all before it. The
// coordinator checks its own files; this checksum is there for a map that is copied by hand.
constexpr uint32_t kMagic = 0x504d5441;  // "ATMP"
constexpr uint16_t kFormatVersion = 1;
constexpr uint32_t kMaxWidth = 64;      // k + m: ec::kMaxShards, which this layer does not see
constexpr size_t kMaxTextBytes = 4096;  // a path or a reason; longer ones are cut at encode

std::string_view cut(std::string_view text) {
  return text.substr(0, kMaxTextBytes);
}

bool parse_number(std::string_view text, uint32_t* out) {
  if (text.empty() || text.size() > 3) return false;
  if (text.size() > 1 && text[0] == '0') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

bool protection_ok(Protection p) {
  return p.k >= 1 && p.k <= kMaxWidth && p.m <= kMaxWidth && p.k + p.m <= kMaxWidth;
}

void encode_protection(Encoder& e, Protection p) {
  e.u8(static_cast<uint8_t>(p.k)).u8(static_cast<uint8_t>(p.m));
}

Protection decode_protection(Decoder& d) {
  Protection p;
  p.k = d.u8();
  p.m = d.u8();
  if (!protection_ok(p)) d.poison();
  return p;
}

// One way to write each map: a flag is 0 or 1.
bool decode_flag(Decoder& d) {
  const uint8_t flag = d.u8();
  if (flag > 1) d.poison();
  return flag == 1;
}

void encode_device(Encoder& e, const DeviceEntry& device) {
  e.id(device.id).id(device.domain).id(device.node).u8(static_cast<uint8_t>(device.state));
  e.varint(device.incarnation).varint(device.capacity_bytes).boolean(device.needs_rebuild);
  e.str(cut(device.path)).str(cut(device.failure));
}

DeviceEntry decode_device(Decoder& d) {
  DeviceEntry device;
  device.id = d.id<DeviceId>();
  device.domain = d.id<DomainId>();
  device.node = d.id<NodeId>();
  const uint8_t state = d.u8();
  if (state < static_cast<uint8_t>(DeviceState::kUp) ||
      state > static_cast<uint8_t>(DeviceState::kReplaced))
    d.poison();
  else
    device.state = static_cast<DeviceState>(state);
  device.incarnation = d.varint();
  device.capacity_bytes = d.varint();
  device.needs_rebuild = decode_flag(d);
  device.path = std::string(d.str());
  device.failure = std::string(d.str());
  return device;
}

// What every map must hold, whoever wrote it. An empty string is success.
std::string first_fault(const ClusterMap& map) {
  std::set<DomainId> domains;
  for (const DomainEntry& domain : map.domains)
    if (domain.id.value == 0 || !domains.insert(domain.id).second)
      return fmt::format("domain {} is zero or listed twice", domain.id);
  if (domains.size() > kMaxDomains) return "too many domains";

  std::set<DeviceId> devices;
  for (const DeviceEntry& device : map.devices) {
    if (device.id.value == 0 || !devices.insert(device.id).second)
      return fmt::format("device {} is zero or listed twice", device.id);
    if (!domains.contains(device.domain))
      return fmt::format("device {} is in domain {}, which is not listed", device.id,
                         device.domain);
    if (device.id.value >= map.next_device)
      return fmt::format("device {} is not below next_device {}", device.id, map.next_device);
  }
  if (devices.size() > kMaxDevices) return "too many devices";

  std::set<GroupId> groups;
  for (const Group& group : map.groups) {
    if (group.id.value == 0 || !groups.insert(group.id).second)
      return fmt::format("group {} is zero or listed twice", group.id);
    if (group.id.value >= map.next_group)
      return fmt::format("group {} is not below next_group {}", group.id, map.next_group);
    if (group.slots.size() != group.protection.k + group.protection.m)
      return fmt::format("group {} has {} slots", group.id, group.slots.size());
    std::set<DeviceId> slots(group.slots.begin(), group.slots.end());
    if (slots.size() != group.slots.size())
      return fmt::format("group {} lists a device twice", group.id);
    for (const DeviceId slot : slots)
      if (!devices.contains(slot))
        return fmt::format("group {} lists device {}, which is not in the map", group.id, slot);
  }
  return {};
}

}  // namespace

Result<Protection> parse_protection(std::string_view text) {
  const size_t plus = text.find('+');
  Protection p;
  const bool two_numbers = plus != std::string_view::npos &&
                           parse_number(text.substr(0, plus), &p.k) &&
                           parse_number(text.substr(plus + 1), &p.m);
  if (!two_numbers)
    return fail(
        Errc::kInvalidArgument,
        fmt::format("protection \"{}\" is not of the form K+M, like 6+2: K data shards and M "
                    "parity shards",
                    text.substr(0, 32)));
  if (p.k < 1)
    return fail(Errc::kInvalidArgument,
                fmt::format("protection {}: there must be at least one data shard", text));
  if (!protection_ok(p))
    return fail(Errc::kInvalidArgument,
                fmt::format("protection {}: data and parity shards together may be {} at most",
                            text, kMaxWidth));
  return p;
}

std::string format_protection(Protection p) {
  return fmt::format("{}+{}", p.k, p.m);
}

std::string_view device_state_name(DeviceState state) {
  switch (state) {
    case DeviceState::kUp:
      return "up";
    case DeviceState::kFailed:
      return "failed";
    case DeviceState::kDraining:
      return "draining";
    case DeviceState::kReplaced:
      return "replaced";
  }
  return "?";
}

const DeviceEntry* ClusterMap::find_device(DeviceId id) const {
  for (const DeviceEntry& device : devices)
    if (device.id == id) return &device;
  return nullptr;
}

DeviceEntry* ClusterMap::find_device(DeviceId id) {
  for (DeviceEntry& device : devices)
    if (device.id == id) return &device;
  return nullptr;
}

// Groups are appended with growing ids and never removed, so they are sorted.
const Group* ClusterMap::find_group(GroupId id) const {
  const auto it =
      std::lower_bound(groups.begin(), groups.end(), id,
                       [](const Group& group, GroupId wanted) { return group.id < wanted; });
  return it != groups.end() && it->id == id ? &*it : nullptr;
}

std::string ClusterMap::encode() const {
  Encoder e;
  e.u32(kMagic).u16(kFormatVersion).uuid(cluster);
  encode_protection(e, protection);
  e.varint(next_device).varint(next_group);
  e.varint(domains.size());
  for (const DomainEntry& domain : domains) e.id(domain.id).boolean(domain.draining);
  e.varint(devices.size());
  for (const DeviceEntry& device : devices) encode_device(e, device);
  e.varint(groups.size());
  for (const Group& group : groups) {
    e.id(group.id);
    encode_protection(e, group.protection);
    for (const DeviceId slot : group.slots) e.id(slot);
  }
  e.u32(crc32c(as_bytes(e.view())));
  return e.take();
}

Result<ClusterMap> ClusterMap::decode(std::string_view bytes) {
  constexpr size_t kCrcBytes = sizeof(uint32_t);
  if (bytes.size() < kCrcBytes) return fail(Errc::kCorrupt, "cluster map is too short");
  const std::string_view body = bytes.substr(0, bytes.size() - kCrcBytes);
  Decoder tail(bytes.substr(body.size()));
  if (tail.u32() != crc32c(as_bytes(body)))
    return fail(Errc::kCorrupt, "cluster map does not match its checksum");

  Decoder d(body);
  if (d.u32() != kMagic) return fail(Errc::kCorrupt, "not a cluster map");
  const uint16_t version = d.u16();
  if (version != kFormatVersion)
    return fail(Errc::kUnsupported, fmt::format("cluster map of format {}; this program knows {}",
                                                version, kFormatVersion));
  ClusterMap map;
  map.cluster = d.uuid();
  map.protection = decode_protection(d);
  map.next_device = d.id<DeviceId>().value;
  map.next_group = d.id<GroupId>().value;
  for (size_t n = d.count(2); n > 0 && d.ok(); --n) {
    DomainEntry domain;
    domain.id = d.id<DomainId>();
    domain.draining = decode_flag(d);
    map.domains.push_back(domain);
  }
  for (size_t n = d.count(9); n > 0 && d.ok(); --n) map.devices.push_back(decode_device(d));
  for (size_t n = d.count(4); n > 0 && d.ok(); --n) {
    Group group;
    group.id = d.id<GroupId>();
    group.protection = decode_protection(d);
    for (uint32_t i = 0; i < group.protection.k + group.protection.m && d.ok(); ++i)
      group.slots.push_back(d.id<DeviceId>());
    if (!map.groups.empty() && group.id <= map.groups.back().id) d.poison();
    map.groups.push_back(std::move(group));
  }
  ATOLL_TRY_STATUS(d.finish("cluster map"));
  if (const std::string fault = first_fault(map); !fault.empty())
    return fail(Errc::kCorrupt, "cluster map: " + fault);
  return map;
}

}  // namespace atl::cluster
