// The pool and the emulated cloud of a run at scale: so many nodes over so many domains, a zone and
// an endpoint group for each domain, and what the mover needs to move addresses.
//
// Values and a builder. Errors: scale_pool(): none. build_scale_cloud(): the emulator's; kNoSpace
// is a limit of the cloud that the pool does not keep.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "cloud/delays.h"
#include "cloud/emulated_compute.h"
#include "vip/types.h"

namespace atl::lab {

// Domains that the nodes are spread over: zones have letters.
inline constexpr size_t kScaleDomainsMax = 26;
// A managed group deletes an instance that did not answer for this long. A choice: healing that is
// faster replaces machines that were only busy.
inline constexpr Nanos kScaleAutohealing = 30s;
// How many probes a second an emulated load balancer can send before the simulation is what is
// measured: every service probes every endpoint.
inline constexpr uint64_t kScaleProbesMax = 50'000;

struct ScaleSpec {
  std::string mover;
  size_t nodes = 10;
  size_t addresses = 10;  // of the pool
  size_t domains = 8;     // at most one a node
  Nanos lease = 10s;
  cloud::Delays delays;
  uint64_t seed = 1;
};

vip::Pool scale_pool(const ScaleSpec& spec);
// In an empty cloud.
Status build_scale_cloud(cloud::EmulatedCompute& cloud, const vip::Pool& pool,
                         const cloud::Delays& delays);
// "" or why this cannot be simulated, or makes no sense.
std::string why_not_at_scale(const ScaleSpec& spec);

}  // namespace atl::lab
