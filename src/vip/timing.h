// The times of the fence, and the inequality that makes it safe.
//
//   the holder                                    the coordinator
//   sends a renewal at s ------------------------> receives it at r >= s
//   answers until s + lease x (1 - 1/64) ....      lets nobody else have the lease before r + lease
//
// The holder counts from when it *sent*, on its own clock, and takes 1/64 off for clocks that do
// not run at one rate; it needs no agreement on what time it is. It closes its kernel's fence by
// itself (vip/guest.h), which lets a packet with the address out only while the process keeps
// saying so: a process that is stopped between looking at its clock and telling its kernel cannot
// hold the fence open for longer than two `kernel_hold`s after it looked. So it says so only while
//
//   now + 2 x kernel_hold <= s + lease x (1 - 1/64)                      (renewing)
//   now + arm_time + kernel_hold <= s + lease x (1 - 1/64)               (opening)
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
  Nanos lease = 3s;                  // of a node; simulated 1 s, laboratory 1 s
  Nanos renew_interval = lease / 5;  // between renewals
  Nanos kernel_hold = lease / 8;     // how long the kernel's fence stays open without a word
  Nanos arm_time = lease / 8;        // how long an armed fence may be opened
  Nanos tick = lease / 20;           // the controller looks at least this often
  Nanos settle = lease * 5;          // a node is up this long before addresses are moved onto it
  Nanos drain_limit = 30s;           // a planned move waits this long for connections to end
  Nanos verify_interval = 5s;        // the network is looked at this often though nothing changed
  Nanos cloud_retry = lease / 4;     // after a round of the mover that left something unfinished

  static Timing of(Nanos lease);
  // kInvalidArgument when the times cannot keep an address up: see the two lines above.
  Status check() const;
  // How long after sending the renewal that was granted last a holder may answer.
  Nanos validity() const { return lease - lease / kClockRateDivisor; }
};

inline constexpr Nanos kLeaseMin = 200ms;
inline constexpr Nanos kLeaseMax = 5min;

}  // namespace atl::vip
