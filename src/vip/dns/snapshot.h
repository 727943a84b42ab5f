// What the zone is made from: who holds which address, which nodes are well. Plain values, so that
// neither the controller nor the coordinator need to be here.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "vip/record.h"
#include "vip/types.h"

namespace atl::vip::dns {

// Seconds that resolvers may keep an answer. A failed node is noticed after its lease (3 s), and
// its addresses are elsewhere a moment later: to ask more often would learn nothing sooner, to ask
// less often would keep clients at a dead RDMA address for longer than it takes to notice.
inline constexpr uint32_t kTtlSeconds = 5;
inline constexpr uint32_t kTtlSecondsMax = 3600;
// 16 addresses are 256 bytes: with a question of up to 228 bytes they fit into the 512 that every
// client takes over UDP, and a client that goes through them finds one that answers.
inline constexpr size_t kAddressesPerAnswer = 16;
inline constexpr size_t kAddressesPerAnswerMax = kPoolAddressesMax;

struct HeldAddress {
  Vip vip;
  NodeName holder;  // "" nobody
};

struct NodeState {
  NodeName name;
  bool up = false;  // has its lease
  bool draining = false;
  std::vector<Vip> rdma;  // of its RDMA interfaces; these stay with the node
};

struct PoolSnapshot {
  std::string name;
  std::vector<HeldAddress> held;
  std::vector<NodeState> nodes;
  uint16_t rdma_port = 0;  // in rdma_cm's TCP port space; 0: no service over RDMA
};

struct NameServer {
  std::string label;  // below the zone's name: "ns1"
  Vip address;        // its own, not one that moves
};

struct ZoneSnapshot {
  std::string zone;  // "storage.example"
  std::vector<NameServer> servers;
  std::vector<PoolSnapshot> pools;
  uint32_t serial = 1;
  uint32_t ttl_s = kTtlSeconds;
  size_t addresses_per_answer = kAddressesPerAnswer;
};

struct NodeHealth {
  bool up = false;
  bool draining = false;
};

struct RdmaService {
  uint16_t port = 0;
  std::map<NodeName, std::vector<Vip>> nodes;
};

// An address without a record is nobody's; a node without health is down.
PoolSnapshot pool_snapshot(const Pool& pool, const std::map<Vip, Record>& records,
                           const std::map<NodeName, NodeHealth>& health, const RdmaService& rdma);

}  // namespace atl::vip::dns
