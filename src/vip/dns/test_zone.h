// A zone for tests: storage.example with pool `door`, addresses 10.0.9.1 up held by nodes in turn,
// nodes node1 up, each with the RDMA address 10.128.0.N.
#pragma once

#include <string>

#include "vip/dns/zone.h"

namespace atl::vip::dns {

inline ZoneSnapshot test_snapshot(uint32_t addresses, uint32_t nodes) {
  PoolSnapshot pool;
  pool.name = "door";
  pool.rdma_port = 7471;
  for (uint32_t i = 1; i <= nodes; ++i) {
    NodeState node;
    node.name = "node" + std::to_string(i);
    node.up = true;
    node.rdma = {Vip{0x0a800000 + i}};
    pool.nodes.push_back(node);
  }
  for (uint32_t i = 0; i < addresses; ++i)
    pool.held.push_back({Vip{0x0a000901 + i}, pool.nodes[i % nodes].name});
  ZoneSnapshot snapshot;
  snapshot.zone = "storage.example";
  snapshot.servers = {{"ns1", Vip{0x0a000002}}, {"ns2", Vip{0x0a000003}}};
  snapshot.serial = 42;
  snapshot.pools.push_back(pool);
  return snapshot;
}

}  // namespace atl::vip::dns
