// One seed's life of a world: which faults happen, when, and what must hold afterwards. There are
// two worlds, and a program for each: a cluster that stores (scenario.cc), addresses that move
// (failover/).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/planted_bug.h"

namespace atl::sim {

// The exit status of a process whose seed broke a promise.
inline constexpr int kViolation = 3;

struct SeedResult {
  uint32_t trace_hash = 0;
  uint64_t operations = 0;
  uint64_t acknowledged = 0;
  double virtual_seconds = 0;
};

// Runs the seed to its end; a violated promise ends the process with kViolation.
SeedResult run_seed(uint64_t seed, bool trace);

// What `./dev sim` needs to run this world: "" or "--world failover ".
const char* world_words();

// Is this bug one that this world can find?
bool concerns(PlantedBug bug);

}  // namespace atl::sim
