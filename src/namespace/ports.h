// What a partition stands on, as it uses it: the journal and the stripes of the cluster, or their
// in-memory twins (memory_journal.h, memory_stripes.h) in tests.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "device/device.h"
#include "env/env.h"
#include "journal/journal.h"
#include "stripe/stripe.h"

namespace atl::ns {

// The calls of stripe::StripeStore that a partition makes; they mean the same.
class Stripes {
 public:
  virtual ~Stripes() = default;
  virtual uint32_t full_stripe_bytes() const = 0;
  virtual Task<Result<stripe::StripeRef>> write(Buf data, device::WriteClass write_class) = 0;
  virtual Task<Result<std::vector<Buf>>> read(stripe::StripeRef stripe, uint32_t offset,
                                              uint32_t length) = 0;
  virtual Task<Status> free(stripe::StripeRef stripe) = 0;
  virtual void settle(StripeId id) = 0;
};

struct PartitionPorts {
  env::Env& env;
  Stripes& stripes;  // outlives the partition
  Uuid cluster;
  std::function<Task<Result<std::unique_ptr<journal::Journal>>>()> take_over;
};

}  // namespace atl::ns
