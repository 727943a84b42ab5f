// The `dns` section of a configuration: what the responder of a pool needs beyond the pool itself.
//
//   {"zone": "storage.example",
//    "listen": ["10.0.0.2:53"],
//    "servers": {"ns1": "10.0.0.2", "ns2": "10.0.0.3"},
//    "ttl_s": 5, "addresses_per_answer": 16,
//    "rdma": {"port": 7471, "nodes": {"node1": ["10.128.0.2", "10.129.0.2"]}}}
//
// zone, listen and servers must be there. `servers` are the processes that answer for the zone, by
// addresses that do not move. Without `rdma` there is no list of RDMA addresses. Threads: any.
#pragma once

#include <string_view>
#include <vector>

#include "env/net.h"
#include "vip/dns/snapshot.h"

namespace atl::vip::dns {

inline constexpr size_t kSectionBytesMax = 1u << 20;  // 1,024 nodes with 16 addresses: 350 KiB

struct Section {
  std::string zone;
  std::vector<env::Endpoint> listen;
  std::vector<NameServer> servers;
  uint32_t ttl_s = kTtlSeconds;
  size_t addresses_per_answer = kAddressesPerAnswer;
  RdmaService rdma;
};

// kInvalidArgument naming the field, an unknown one included. The values pass Zone::make's checks
// for a zone without pools.
Result<Section> decode_section(std::string_view text);

// The input of Zone::make for one pool.
ZoneSnapshot zone_snapshot(const Section& section, PoolSnapshot pool, uint32_t serial);

}  // namespace atl::vip::dns
