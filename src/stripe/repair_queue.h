// Shards that were found bad and wait to be restored. Bounded, each shard once, first in first out.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>

#include "env/sync.h"
#include "stripe/stripe.h"

namespace atl::stripe {

// Beyond this many the rest is left to scrub, which finds them again: a device with that many bad
// shards is better replaced.
inline constexpr size_t kRepairQueueMax = 4096;

struct RepairItem {
  StripeRef stripe;
  uint32_t index = 0;
};

class RepairQueue {
 public:
  // False when it is queued already, or when the queue is full (counted).
  bool push(const RepairItem& item);
  std::optional<RepairItem> pop();
  size_t size() const { return items_.size(); }
  env::Event& arrived() { return arrived_; }  // set while there is something

 private:
  std::deque<RepairItem> items_;
  std::set<std::pair<StripeId, uint32_t>> queued_;
  env::Event arrived_;
};

}  // namespace atl::stripe
