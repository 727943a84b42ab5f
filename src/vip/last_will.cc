#include "vip/last_will.h"

#include "base/planted_bug.h"
#include "env/sync.h"
#include "vip/record.h"

namespace atl::vip {

Task<Status> carry_out(env::Env& env, coord::Coordinator& coordinator, Guest& guest,
                       LastWill will) {
  const Nanos until = env.now() + will.timing.lease;
  if (!planted(PlantedBug::kReleaseBeforeClose))
    ATOLL_CO_TRY_STATUS(
        co_await guest.prepare(will.pool.addresses, will.timing.kernel_hold, will.timing.arm_time));
  if (will.attempt == 0) co_return Status{};
  co_await env.sleep(will.timing.queue_time);
  const std::string lease = node_lease(will.pool.name, will.node);
  const std::string holder = lease_holder(will.node, will.incarnation, will.attempt);
  for (;;) {
    const Nanos left = until - env.now();
    if (left <= Nanos(0)) co_return fail(Errc::kTimeout, "the lease has run out by itself");
    Task<Status> call = coordinator.lease_release(lease, holder);
    Status released = co_await env::with_timeout(env, left, std::move(call));
    if (released || released.error().code == Errc::kNotFound ||
        released.error().code == Errc::kConflict)
      co_return Status{};  // ours, or nobody's, or another's
    co_await env.sleep(will.timing.tick);
  }
}

}  // namespace atl::vip
