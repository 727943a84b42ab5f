// Cuts a body into stripes while it comes in. See body.h for the contract.
//
//   known size 20 MiB, 6+2      [6 MiB stripe][6 MiB stripe][6 MiB stripe][2 MiB stripe]
//   known size 4 KiB            one inline extent
//   unknown size                64 KiB, 256 KiB, 1 MiB, ... : memory grows with what has come
//
// At most kWritesInFlightMax stripes are on their way while the next one fills.
// Invariant: bytes are in `current_` or have been given to a write, in order; a stripe that was
// written is in `State::writes` until finish() hands it over, or the destructor discards it.
#pragma once

#include <memory>

#include "client/memory.h"

namespace atl::client {

inline constexpr size_t kWritesInFlightMax = 2;  // one being encoded, one at the disks
inline constexpr size_t kFirstGuessBytes = 64u
                                           << 10;  // memory for a body of unknown size, at first
inline constexpr size_t kGrowthFactor = 4;         // then copied into four times as much, and so on

std::unique_ptr<BodyWriter> make_body_writer(std::shared_ptr<Shared> shared, uint64_t size_hint);

}  // namespace atl::client
