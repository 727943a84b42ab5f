// A pool as JSON: what configuration files hold.
//
//   {"name": "door", "serves": "tenant-a", "mover": "gcp-alias",
//    "addresses": ["10.0.9.1", "10.0.9.2"],
//    "nodes": [{"name": "node1", "domain": "a", "zone": "z-a", "instance": "node1",
//               "nic": "nic0", "endpoint_group": "neg-a", "address": "10.0.1.1"}],
//    "network": "net", "subnetwork": "sub", "region": "r1", "alias_range": "",
//    "services": {"10.0.9.1": "backend-1"}}
//
// name, mover, addresses and nodes must be there, and in a node its name; the rest is "" when
// absent, except nic (nic0) and instance (the node's name). Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "vip/types.h"

namespace atl::vip {

// A pool of the limits' size has some 200 KiB.
inline constexpr size_t kPoolJsonMax = 1u << 20;

std::string encode_pool(const Pool& pool);
// kInvalidArgument naming the field, an unknown one included; the pool has passed check_pool().
Result<Pool> decode_pool(std::string_view text);

}  // namespace atl::vip
