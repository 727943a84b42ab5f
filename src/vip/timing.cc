#include "vip/timing.h"

#include <fmt/format.h>

namespace atl::vip {

Timing Timing::of(Nanos lease) {
  Timing t;
  t.lease = lease;
  t.renew_interval = lease * 7 / 16;
  t.renew_timeout = lease / 8;
  t.queue_time = lease / 64;
  t.look_interval = lease / 5;
  t.kernel_hold = lease / 8;
  t.arm_time = lease / 8;
  t.tick = lease / 20;
  t.settle = lease * 5;
  t.cloud_retry = lease / 4;
  return t;
}

Status Timing::check() const {
  if (lease < kLeaseMin || lease > kLeaseMax)
    return fail(Errc::kInvalidArgument, "the lease must be between 200 ms and 5 min");
  if (renew_interval <= Nanos(0) || renew_timeout <= Nanos(0) || look_interval <= Nanos(0) ||
      kernel_hold <= Nanos(0) || arm_time <= Nanos(0) || tick <= Nanos(0))
    return fail(Errc::kInvalidArgument, "a time of the fence is not above zero");
  // One renewal may be lost, and its successor may take as long as is waited for it.
  const Nanos guard = std::max(2 * kernel_hold, arm_time + kernel_hold);
  const Nanos needed = renew_interval + 2 * renew_timeout + guard;
  if (needed > validity())
    return fail(
        Errc::kInvalidArgument,
        fmt::format("a renewal, its repetition and the kernel's time ({} ms) do not fit in a "
                    "lease ({} ms): the fence would close between renewals",
                    needed / 1ms, validity() / 1ms));
  return {};
}

}  // namespace atl::vip
