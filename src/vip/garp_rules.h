// The rules for gratuitous ARP on a backend service with fast IP move (haPolicy.fastIPMove
// GARP_RA).
//
// Source: the API schema of BackendService.haPolicy (docs/vip.md). The guest keeps them where it
// sends, the controller where it hands an address from one node to another. A plain segment needs
// only kGarpInterval.
#pragma once

#include "base/units.h"

namespace atl::vip {

// Another node sends its first GARP for an address no sooner than this after the last one of the
// node before it: two senders race, and traffic alternates between them.
inline constexpr Nanos kGarpQuiet = 3s;
// The holder repeats its GARP this often.
inline constexpr Nanos kGarpInterval = 10s;
// And goes on until this long after the leader update is seen to be in place.
inline constexpr Nanos kGarpKeepUp = 10min;
// What a GARP moved falls back to the leader of the API after about this long.
inline constexpr Nanos kGarpLasts = 20min;

}  // namespace atl::vip
