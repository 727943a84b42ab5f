// The times of the fence, and the inequality that makes it safe.
//
//   the holder                                    the coordinator
//   sends a renewal at s ------------------------> receives it at r >= s
//   answers until s + validity ....                lets nobody else have the lease before r + lease
//
// validity = lease x (1 - 1/64) - queue_time. The holder counts from when it *sent*, on its own
// clock, and takes 1/64 off for clocks that do not run at one rate; it needs no agreement on what
// time it is. It closes its kernel's fence by itself (vip/guest.h), which lets a packet with the
// address out only while the process keeps saying so: a process that is stopped between looking at
// its clock and telling its kernel cannot hold the fence open for longer than two `kernel_hold`s
// after it looked. So it says so only while
//
//   now + 2 x kernel_hold <= s + validity                      (renewing)
//   now + arm_time + kernel_hold <= s + validity               (opening)
//
// and whoever takes the node's lease at the coordinator, which is possible only after r + lease,
// may give its addresses to others at once. docs/rfcs/2026-11-21-addresses-that-fail-over.md says
// why, test/models/vip_fence.cc explores it.
#pragma once

#include "base/result.h"
#include "base/units.h"

namespace atl::vip {

// Clocks of a node and of the coordinator run at rates that differ by less than one part in this.
// (Crystals differ by 1e-4; a virtual machine that is not scheduled stops answering as well as
// counting, and counts on when it runs again.)
inline constexpr int64_t kClockRateDivisor = 64;

struct Timing {
  Nanos lease = 3s;  // of a node; simulated 1 s, laboratory 1 s
  // Rare, because how old the last renewal is when a node dies is what others need not wait for;
  // and an answer that does not come is soon not waited for any longer.
  Nanos renew_interval = lease * 7 / 16;  // between renewals
  Nanos renew_timeout = lease / 8;        // then it is sent again
  Nanos look_interval = lease / 5;        // a node looks after its link and its records this often
  Nanos kernel_hold = lease / 8;          // how long the kernel's fence stays open without a word
  Nanos arm_time = lease / 8;             // how long an armed fence may be opened
  // What the fence let out may stand in the interface's queue so long. (TCP keeps no more than a
  // millisecond's worth of each connection there; this is for thousands of them.)
  Nanos queue_time = lease / 64;
  Nanos tick = lease / 20;        // the controller looks at least this often
  Nanos settle = lease * 5;       // a node is up this long before addresses are moved onto it
  Nanos drain_limit = 30s;        // a planned move waits this long for connections to end
  Nanos verify_interval = 5s;     // the network is looked at this often though nothing changed
  Nanos cloud_retry = lease / 4;  // after a round of the mover that left something unfinished

  static Timing of(Nanos lease);
  // kInvalidArgument when the times cannot keep an address up: see the two lines above.
  Status check() const;
  // How long after sending the renewal that was granted last a holder may answer.
  Nanos validity() const { return lease - lease / kClockRateDivisor - queue_time; }
};

inline constexpr Nanos kLeaseMin = 200ms;
inline constexpr Nanos kLeaseMax = 5min;

}  // namespace atl::vip
