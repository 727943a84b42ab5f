// Names of the routes that a pool makes: atl-POOL-HASH-10-99-0-5-N.
//
// POOL is what is left of the pool's name in the letters that a name may have (RFC 1035), HASH
// tells pools apart whose names look alike then, N counts up. A route is ours if its name and its
// destination say so; every other route to the same address is somebody else's and is not touched.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cloud/compute.h"
#include "vip/types.h"

namespace atl::vip {

// Of a resource of Compute Engine (RFC 1035 label).
inline constexpr size_t kResourceNameMax = 63;

std::string destination_of(Vip vip);  // "10.99.0.5/32"
std::string route_name(std::string_view pool, Vip vip, uint32_t number);
// N, if `route` was made by this pool for this address.
std::optional<uint32_t> number_of(const cloud::Route& route, std::string_view pool, Vip vip);

}  // namespace atl::vip
