// Restores shards of one stripe from the others. Shared by repair, rebuild and scrub.
#pragma once

#include <vector>

#include "stripe/store_impl.h"

namespace atl::stripe {

struct Restored {
  uint32_t shards = 0;
  uint64_t bytes = 0;  // shard bytes written
};

// Computes shards `indexes` of the stripe from k verified others, with their checksums, and writes
// them to the devices in their slots. `replace`: delete what is there first (it is bad, and a
// device takes a second write of the same shard for a repeat of the first). A slot whose device is
// down is an error (kUnavailable). Errors of Gather::run, or of the device.
Task<Result<Restored>> restore_shards(StorePtr store, StripeRef stripe,
                                      std::vector<uint32_t> indexes, bool replace);

// True when the device in the slot has the shard and every block of it matches its checksum.
Task<bool> shard_is_good(StorePtr store, StripeRef stripe, uint32_t index);

}  // namespace atl::stripe
