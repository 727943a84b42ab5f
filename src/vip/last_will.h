// What is left to do when a node's process has died: its kernel goes on, with its addresses, and
// its lease runs on with nobody to use it. Whoever is sure that the process is gone closes the
// fence, takes the addresses away and gives the lease back, so that others need not wait for its
// end.
//
// Safe at any time, however late: the fence is closed first, by putting up a new one that lets
// nothing out; a lease is given back only in the name of the process that died, so that one which
// has been started since keeps its own, and puts its addresses up again within a look
// (vip/timing.h).
//
// The caller must be sure that the process has *ended*: while it only stands still it may open its
// fence again. vip/guardian.h is how. Threads: the reactor's. Errors: those of guest and
// coordinator; nothing is lost by them, the lease runs out by itself.
#pragma once

#include <string>

#include "coord/coordinator.h"
#include "env/env.h"
#include "vip/guest.h"
#include "vip/timing.h"
#include "vip/types.h"

namespace atl::vip {

struct LastWill {
  Pool pool;
  NodeName node;
  std::string incarnation;  // of the process that died
  uint64_t attempt = 0;     // the last one to acquire its lease; 0: none
  Timing timing;
};

// Gives up after a lease, when it has run out anyway.
Task<Status> carry_out(env::Env& env, coord::Coordinator& coordinator, Guest& guest, LastWill will);

}  // namespace atl::vip
