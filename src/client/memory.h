// What the bodies of one Client share: the layers below, and the memory that they may hold
// together.
//
// Writers and readers have their own budgets, so that a copy, which is both, cannot wait in a
// circle as long as its caller bounds how many copies run at once (frontend/s3: kDataCopiesMax).
//   Writers wait for memory only while they hold none but what is being written, which comes back
//   by itself. Readers wait only for the piece that is due; reading ahead takes memory that is
//   free, or none.
// So whoever waits is served in turn, however many there are.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>

#include "client/body.h"
#include "env/sync.h"
#include "namespace/partition.h"
#include "stripe/stripe.h"

namespace atl::client {

inline constexpr uint64_t kWriterMemoryMax = 256u << 20;
inline constexpr uint64_t kReaderMemoryMax = 128u << 20;
static_assert(kWriterMemoryMax + kReaderMemoryMax == kBodyMemoryMax);

// Pieces up to here are not counted: one a connection is bounded by the number of connections.
inline constexpr uint64_t kUncountedBytes = 64u << 10;

struct Shared {
  env::Env& env;
  ns::Partition& partition;
  stripe::StripeStore& store;
  env::Semaphore writer_memory{kWriterMemoryMax};
  env::Semaphore reader_memory{kReaderMemoryMax};
};

// What a Buf of that size takes from the pool.
inline uint64_t memory_cost(uint64_t bytes) {
  return bytes <= kUncountedBytes ? 0 : std::bit_ceil(bytes);
}
static_assert(stripe::kMaxStripeBytes <= kWriterMemoryMax, "a full stripe must fit in the budget");

}  // namespace atl::client
