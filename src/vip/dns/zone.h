// The zone as it is answered from: every name that is there, and what it has now.
//
//   storage.example                     SOA, NS
//   ns1.storage.example                 A: a name server
//   door.storage.example                A: the addresses of pool `door` whose holder is up
//   _rdma._tcp.door.storage.example     SRV: nodes that are up; draining ones with a worse priority
//   node1.rdma.door.storage.example     A: that node's RDMA addresses, while it is up
//
// Which names there are follows from the configuration, what they have from health: a pool without
// a healthy address has no data (NODATA), but it is never NXDOMAIN, which resolvers would remember
// for all names below it too.
//
// Immutable; shared by whoever answers. Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/result.h"
#include "vip/dns/name.h"
#include "vip/dns/snapshot.h"

namespace atl::vip::dns {

// Of the name servers, their addresses and the SOA itself: they change with the configuration only.
// Negative answers take the zone's short one.
inline constexpr uint32_t kApexTtlSeconds = 300;
// One zone serves the pools of one cluster.
inline constexpr size_t kZonePoolsMax = 64;
// As many fit with their addresses into 512 bytes (the root zone has 13 for that reason).
inline constexpr size_t kZoneServersMax = 13;
// RDMA interfaces of a node: machines have at most 10 network interfaces.
inline constexpr size_t kNodeRdmaMax = 16;
// Nodes in one SRV answer: 128 of the longest possible names are 35 KiB, over TCP only; a client
// that found 128 nodes dead asks again and gets others.
inline constexpr size_t kNodesPerAnswer = 128;

inline constexpr uint16_t kPriorityWell = 10;
inline constexpr uint16_t kPriorityDraining = 20;

struct Target {
  uint16_t priority = kPriorityWell;
  uint16_t port = 0;
  Name host;
};

// What one name has. Empty: the name is there, or names below it are.
struct Data {
  bool apex = false;
  uint32_t ttl_s = 0;
  std::vector<Vip> addresses;   // sorted
  std::vector<Target> targets;  // sorted by priority, then by host
};

class Zone {
 public:
  // kInvalidArgument: a name that DNS does not allow, two things of one name, no name server, or
  // more than a limit.
  static Result<std::shared_ptr<const Zone>> make(const ZoneSnapshot& snapshot);

  const Name& apex() const { return apex_; }
  const std::vector<Name>& servers() const { return servers_; }
  const Name& mailbox() const { return mailbox_; }  // SOA's RNAME
  uint32_t serial() const { return serial_; }
  uint32_t negative_ttl_s() const { return ttl_s_; }
  size_t addresses_per_answer() const { return addresses_per_answer_; }
  const Data* find(const Name& name) const;  // nullptr: NXDOMAIN

 private:
  Zone() = default;
  Status add(std::string_view label, Data data);
  Status add_pool(const PoolSnapshot& pool);

  Name apex_;
  std::string suffix_;  // ".storage.example"
  std::vector<Name> servers_;
  Name mailbox_;
  uint32_t serial_ = 0;
  uint32_t ttl_s_ = 0;
  size_t addresses_per_answer_ = 0;
  std::map<Name, Data> names_;
};

}  // namespace atl::vip::dns
