// gcp-pool in the laboratory: nothing floats. Each node is an instance of a managed group, answers
// at its own primary address, and when the group makes it anew it comes back with the next reserved
// one. Clients know all reserved addresses and go to the new one as soon as it answers.
//
// There is no controller: the group decides, and the runner writes, as the instance's start-up
// script would, the record that names the instance as the holder of its address. The fence and the
// oracle are as everywhere.
//
// A gap is from the last good answer of the old address to the first one of the new address.
//
// Ownership: values; the NetLab outlives it and is cleaned by the caller. Threads: as scenario.h.
#pragma once

#include "lab/netlab.h"
#include "lab/results.h"
#include "lab/scenario.h"

namespace atl::lab {

// Reserved addresses that no instance has at the start: one replacement takes one.
inline constexpr size_t kSpareAddresses = 2;
// The group replaces an instance that has been off for so long. Assumed: groups look every few
// seconds at best; what matters here is what comes after.
inline constexpr Nanos kGroupNotices = 1s;

// The part of run_scenario() that differs: fills in the result.
void play_pool(NetLab& lab, const ScenarioSpec& spec, RunResult* result);

}  // namespace atl::lab
