// One seed's life of a cluster: which faults happen, when, and what must hold afterwards.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace atl::sim {

struct SeedResult {
  uint32_t trace_hash = 0;
  uint64_t operations = 0;
  uint64_t acknowledged = 0;
  double virtual_seconds = 0;
};

// Runs the seed to its end; a violated promise ends the process with kViolation.
SeedResult run_seed(uint64_t seed, bool trace);

}  // namespace atl::sim
