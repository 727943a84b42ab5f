#include "vip/dns/snapshot.h"

namespace atl::vip::dns {

PoolSnapshot pool_snapshot(const Pool& pool, const std::map<Vip, Record>& records,
                           const std::map<NodeName, NodeHealth>& health, const RdmaService& rdma) {
  PoolSnapshot out;
  out.name = pool.name;
  out.rdma_port = rdma.port;
  for (const Vip vip : pool.addresses) {
    const auto record = records.find(vip);
    out.held.push_back({vip, record == records.end() ? NodeName() : record->second.holder});
  }
  for (const NodeSpec& spec : pool.nodes) {
    NodeState node;
    node.name = spec.name;
    if (const auto found = health.find(spec.name); found != health.end()) {
      node.up = found->second.up;
      node.draining = found->second.draining;
    }
    if (const auto found = rdma.nodes.find(spec.name); found != rdma.nodes.end())
      node.rdma = found->second;
    out.nodes.push_back(std::move(node));
  }
  return out;
}

}  // namespace atl::vip::dns
