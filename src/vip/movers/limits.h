// Limits that several movers share.
#pragma once

#include "base/units.h"

namespace atl::vip {

// "DONE, yet nothing changed" is tried again this often in a round.
inline constexpr int kUnchangedTries = 3;
// After DONE the thing is read this often, kVerifyPause apart and doubling, before "nothing
// changed" is believed: the API's reads may be a moment behind.
inline constexpr int kVerifyReads = 3;
inline constexpr Nanos kVerifyPause = 300ms;
// A stale fingerprint is read again and the change made again this often in a round; each means
// that another writer of the same thing got in between.
inline constexpr int kFingerprintTries = 8;
// Things (nodes, addresses) looked at in a round though nothing is known to be wrong with them: all
// of a small pool, a part of a large one, in turn. A controller that looks every 5 s makes 768
// reads a minute of it, half of the least quota that was reported (1,500).
inline constexpr size_t kLooksPerRound = 64;

}  // namespace atl::vip
