// The rules for gratuitous ARP on a backend service with fast IP move (haPolicy.fastIPMove
// GARP_RA).
//
// Source: the API schema of BackendService.haPolicy (docs/vip.md). A plain segment needs only
// kGarpInterval.
#pragma once

#include "base/units.h"

namespace atl::vip {

// Two senders within this time race for the address. A new holder does not wait for it: it
// announces at once, and again when this is over, so that the last word is its own whoever wins the
// race.
inline constexpr Nanos kGarpQuiet = 3s;
// The holder repeats its GARP this often, for as long as it has the address. (The schema asks for
// ten minutes after the leader update.)
inline constexpr Nanos kGarpInterval = 10s;

}  // namespace atl::vip
