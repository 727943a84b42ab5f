// Reads a body's extents in order, ahead of the caller. See body.h for the contract.
//
//   caller:       sends piece 1 | sends piece 2 | ...
//   in flight:    2 3 4 5       | 3 4 5 6       |
//
// Pieces end at multiples of kReadPieceBytes in their stripe: so a piece of a full stripe lies in
// one shard and covers whole checksum blocks. A reader of a single piece reads it in place, without
// starting a task.
#pragma once

#include <memory>

#include "client/memory.h"

namespace atl::client {

inline constexpr uint32_t kReadPieceBytes = 512u << 10;
inline constexpr size_t kReadsInFlightMax = 4;  // 2 MiB ahead
// While all readers together hold this much, each reads one piece ahead only: more would not stay
// in the processor's cache from the copy out of the page cache to the socket.
inline constexpr uint64_t kReadAheadShared = 8u << 20;

std::unique_ptr<BodyReader> make_body_reader(std::shared_ptr<Shared> shared, ns::ObjectInfo object,
                                             uint64_t offset, uint64_t length);

}  // namespace atl::client
