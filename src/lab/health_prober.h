// The load balancer's health checks as packets: from the router, by the link of one node, to a
// VIP's health port. The node answers (ARP included) only when its fence is open for the address.
//
// Ownership: the cloud side's; the NetLab outlives it. Threads: one of its own; answers() from any.
#pragma once

#include <memory>

#include "base/result.h"
#include "lab/netlab.h"

namespace atl::lab {

// What was asked for is probed this often, and each probe has as long: half the shortest interval
// that a health check may have (1 s), twice over.
inline constexpr Nanos kHealthProbeInterval = 250ms;
// A pair that nobody asked for in this time is not probed any more.
inline constexpr Nanos kHealthInterest = 10s;
// Pairs of node and address: each address at every node, of 64 and 64.
inline constexpr size_t kHealthPairsMax = 4096;

class HealthProber {
 public:
  static Result<std::unique_ptr<HealthProber>> start(const NetLab& lab);
  ~HealthProber();
  HealthProber(const HealthProber&) = delete;
  HealthProber& operator=(const HealthProber&) = delete;

  // Did the last probe get a 200? The first call for a pair says no, and has it probed from then
  // on.
  bool answers(size_t node, vip::Vip vip);

 private:
  struct Impl;
  explicit HealthProber(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace atl::lab
