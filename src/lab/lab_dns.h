// The names that the laboratory's nodes serve (vip/dns/README.md): every node is a name server at
// its own address, and says the same.
//
//   lab.atoll.test                  A     the pool's addresses whose holder is up
//   _rdma._tcp.lab.atoll.test       SRV   nodes that are up
//   node1.rdma.lab.atoll.test       A     10.128.0.1, 10.129.0.1
//
// Nothing is behind the RDMA addresses: they are configuration that clients are told.
//
// Values. Threads: any.
#pragma once

#include <cstdint>
#include <string>

#include "vip/types.h"

namespace atl::lab {

inline constexpr const char* kLabZone = "atoll.test";  // RFC 6761: for tests
inline constexpr uint16_t kDnsPort = 53;
inline constexpr uint16_t kLabRdmaPort = 7471;

// The `dns` section (vip/dns/section.h) of that node.
std::string lab_dns_section(const vip::Pool& pool, size_t node);

}  // namespace atl::lab
