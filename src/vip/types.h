// Words of this layer: addresses, nodes, pools.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "cloud/compute.h"

namespace atl::vip {

inline constexpr size_t kPoolAddressesMax = 1024;
// Each node has a lease, and so has the leader, of the 1,024 that a coordinator has (kMaxLeases);
// the rest is for others who use it.
inline constexpr size_t kPoolNodesMax = 1000;
inline constexpr size_t kNameBytesMax = 63;  // of pools and nodes: a DNS label

using NodeName = std::string;

// An IPv4 address; sorts by number.
struct Vip {
  uint32_t number = 0;                              // host byte order
  std::string to_string() const;                    // "10.0.0.5"
  static Result<Vip> parse(std::string_view text);  // kInvalidArgument
  friend auto operator<=>(const Vip&, const Vip&) = default;
};

// A block of addresses, "10.0.0.0/24".
struct Prefix {
  uint32_t number = 0;
  uint8_t length = 32;
  bool contains(Vip vip) const;
  bool overlaps(const Prefix& other) const;
  static Result<Prefix> parse(std::string_view text);  // kInvalidArgument
};

// A node that may hold addresses of a pool, as the cloud knows it.
struct NodeSpec {
  NodeName name;
  std::string domain;  // availability domain
  cloud::InstanceRef instance;
  std::string nic = "nic0";  // the interface that clients reach
  // The group that the instance is in: gcp-garp and gcp-lb: the backend service's (a NEG);
  // gcp-pool: the managed instance group.
  std::string endpoint_group;
  // Its own on that interface, "10.0.1.5": where other nodes ask whether it can be reached
  // (vip/reach.h). "" they do not.
  std::string address;
};

struct Pool {
  std::string name;
  std::string serves;  // the tenant or view that clients reach at these addresses
  std::vector<Vip> addresses;
  std::vector<NodeSpec> nodes;
  std::string mover;  // "gcp-alias", ...
  // Where the movers find what they change.
  std::string network;
  std::string subnetwork;
  std::string region;
  std::string alias_range;  // gcp-alias: the secondary range's name; "" is the primary one
  // gcp-lb, gcp-garp: backend service of each address, no two of them the same: what shares a
  // service can only move together.
  std::map<Vip, std::string> services;

  const NodeSpec* find(const NodeName& node) const;
};

// kInvalidArgument with what is wrong: no address, no node, one of them twice, names that cannot be
// part of a key, more than the limits.
Status check_pool(const Pool& pool);

}  // namespace atl::vip
