// What several movers' check() have in common.
#pragma once

#include <string>
#include <vector>

#include "cloud/compute.h"
#include "vip/movers/round.h"
#include "vip/types.h"

namespace atl::vip {

// kUnsupported: no addresses, no nodes, or more than kPoolAddressesMax or kPoolNodesMax.
Status check_sizes(const Pool& pool);

// "network rdma (profile europe-west4-b-vpc-falcon) does not allow alias IP ranges"
std::string not_on(const cloud::NetworkFeatures& features, std::string_view what);

// The network's own address, its gateway, the last but one and the broadcast address of a subnet's
// primary range are not for use.
bool is_kept_by_subnet(const Prefix& primary, Vip vip);

// All nodes' instances, in their order. An instance that does not exist is kNotFound.
Task<Result<std::vector<cloud::Instance>>> read_nodes(Round* round, const Pool& pool);

// kUnsupported when the instance has no interface of that name.
Result<const cloud::NetworkInterface*> interface_of(const cloud::Instance& instance,
                                                    const NodeSpec& node);

// For movers whose addresses are forwarding rules: the backend service of an address, which no
// other address of the pool may have. kUnsupported: it has none, or shares it.
Result<std::string> own_service(const Pool& pool, Vip vip);

// The same for all addresses, and each has a forwarding rule that leads to its service.
Task<Status> check_forwarding(Round* round, const Pool& pool);

}  // namespace atl::vip
