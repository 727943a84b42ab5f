// Faults, done to a world and undone.
//
// Ownership: values; the world outlives every call. Threads: the reactor's. Errors: what the
// network, the processes or the coordinator said; kTimeout when a step of a planned fault did not
// end.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "lab/world.h"

namespace atl::lab {

// Under "controller" the leader is killed at one of the first so many calls after the node's death,
// or, when it makes no calls, at the first record that changes.
inline constexpr uint64_t kKillAtCallMax = 8;
// If no such call comes, it is killed all the same after this many leases.
inline constexpr int kKillLeaderAfterLeases = 3;

struct Harm {
  int64_t at_ns = 0;              // CLOCK_REALTIME, just before
  std::string what;               // the victim, for people
  std::set<std::string> victims;  // nodes that may hold nothing until they are mended
  std::set<vip::Vip> concerned;   // what they held
  bool rolling = false;           // several moves: every gap counts
  uint64_t calls_before = 0;      // of the API
};

// Does the spec's fault at a moment drawn within a lease. A rolling one has ended when this
// returns.
Task<Result<Harm>> do_harm(World* world);
// Takes it back as far as somebody's repair would; true when there is something to watch then.
Task<Result<bool>> mend(World* world, Harm harm);

}  // namespace atl::lab
