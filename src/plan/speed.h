// How fast a cluster is, and which of its parts says so: network, local SSD, PCIe, CPU, metadata.
//
// A machine has a TCP network and perhaps an RDMA network beside it. A limit of the machine as a
// whole holds whatever the number of its interfaces; a limit of an interface counts as often as
// there are interfaces. Clients come by one of the networks (cluster.clients), shards travel
// between nodes by one (cluster.fabric).
//
// Threads: pure functions.
#pragma once

#include <optional>

#include "plan/plan.h"
#include "plan/sources.h"

namespace atl::plan {

// What one network of one machine allows in one direction, from the shape's data.
struct NodeNetworks {
  Known<BytesPerSecond> tcp;
  std::optional<Known<BytesPerSecond>> rdma;
  std::optional<Known<BytesPerSecond>> both;  // together, where the machine has a cap on that
  const Known<BytesPerSecond>& fabric(const Inputs& in) const;
};
Result<NodeNetworks> node_networks(const Sources& from);

// Puts speed.* into the sheet and returns the speeds, reads first.
Result<std::vector<Speed>> cluster_speeds(const Sources& from, const ClusterFigures& cluster,
                                          const NodeNetworks& networks);

}  // namespace atl::plan
