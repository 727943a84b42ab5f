// The same clients and faults on somebody else's failover, for comparison: Debian's keepalived
// (VRRP) on the plain segment, and HAProxy as a load balancer in front of the nodes.
//
//   ref-keepalived   each node runs keepalived with an instance for each address; master down after
//                    3 advertisements and the skew, set so that this is the lease that Atoll runs
//                    with, or less
//   ref-haproxy      one HAProxy in the router, with all addresses; nodes are its servers; checks
//   so
//                    often that three failed ones take the lease
//
// Nothing judges their packets: they make no promise that could be held against them. A gap is not
// split into parts: all of it is `reconnect`.
//
// Ownership: values; the NetLab outlives it and is left clean. Threads: as scenario.h.
#pragma once

#include <optional>
#include <string>

#include "lab/netlab.h"
#include "lab/results.h"
#include "lab/scenario.h"

namespace atl::lab {

// Why it cannot run here ("keepalived is not installed"); nothing: it can.
std::optional<std::string> reference_missing(const MoverInfo& mover);
// The part of run_scenario() that differs: fills in the result; the network is cleaned by the
// caller.
void play_reference(NetLab& lab, const ScenarioSpec& spec, RunResult* result);

// Advertisements, or checks, that have to be missed.
inline constexpr int kMissedChecks = 3;

}  // namespace atl::lab
