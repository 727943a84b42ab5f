#include "vip/linux_guest.h"

#include <algorithm>

#include "env/sync.h"
#include "env/worker_pool.h"

#include "vip/fence_table.h"
#include "vip/interface.h"

namespace atl::vip {

struct LinuxGuest::Impl {
  explicit Impl(LinuxGuestOptions o) : options(std::move(o)) {}

  Status prepare(const std::vector<Vip>& addresses, Nanos kernel_hold, Nanos arm_time);

  const LinuxGuestOptions options;
  std::set<Vip> pool;
  std::unique_ptr<Interface> interface;
  std::unique_ptr<FenceTable> fence;
  env::WorkerPool thread{"atoll-fence", 1};  // last, so that it ends first
};

LinuxGuest::LinuxGuest(env::Env& env, LinuxGuestOptions options)
    : env_(env), impl_(std::make_unique<Impl>(std::move(options))) {}

LinuxGuest::~LinuxGuest() = default;

// The fence comes first; what is taken away afterwards is silent already.
Status LinuxGuest::Impl::prepare(const std::vector<Vip>& addresses, Nanos kernel_hold,
                                 Nanos arm_time) {
  FenceTable::Options table;
  table.table = options.table;
  table.interfaces = options.fenced;
  table.interfaces.push_back(options.interface);
  std::ranges::sort(table.interfaces);
  const auto twice = std::ranges::unique(table.interfaces);
  table.interfaces.erase(twice.begin(), twice.end());
  table.pool = addresses;
  table.kernel_hold = kernel_hold;
  table.arm_time = arm_time;
  ATOLL_TRY(fence, FenceTable::make(std::move(table)));
  ATOLL_TRY(interface, Interface::open(options.interface));
  pool = std::set<Vip>(addresses.begin(), addresses.end());
  ATOLL_TRY(const std::set<Vip> there, interface->addresses());
  for (const Vip vip : there)
    if (pool.contains(vip)) ATOLL_TRY_STATUS(interface->remove(vip));
  return {};
}

Task<Status> LinuxGuest::run(std::function<Status(Impl&)> work) {
  Status status;
  Impl* impl = impl_.get();
  auto begin = [&status, &work, impl](std::unique_ptr<env::Waiter> waiter) {
    impl->thread.submit([&status, &work, impl, w = std::move(waiter)] {
      status = work(*impl);
      w->resume();
    });
  };
  co_await env::Waiter::suspend(std::move(begin));
  co_return status;
}

namespace {
Status not_prepared() {
  return fail(Errc::kInternal, "prepare() was not called, or it failed");
}
}  // namespace

Task<Status> LinuxGuest::prepare(std::vector<Vip> pool, Nanos kernel_hold, Nanos arm_time) {
  return run([pool = std::move(pool), kernel_hold, arm_time](Impl& impl) {
    return impl.prepare(pool, kernel_hold, arm_time);
  });
}

Task<Result<bool>> LinuxGuest::linked() {
  bool linked = false;
  std::function<Status(Impl&)> work = [&linked](Impl& impl) -> Status {
    if (!impl.fence) return not_prepared();
    ATOLL_TRY(linked, impl.interface->has_carrier());
    return {};
  };
  const Status done = co_await run(std::move(work));
  if (!done) co_return fail(done.error());
  co_return linked;
}

Task<Status> LinuxGuest::add_address(Vip vip) {
  return run([vip](Impl& impl) { return impl.fence ? impl.interface->add(vip) : not_prepared(); });
}

Task<Status> LinuxGuest::remove_address(Vip vip) {
  return run(
      [vip](Impl& impl) { return impl.fence ? impl.interface->remove(vip) : not_prepared(); });
}

Task<Result<std::set<Vip>>> LinuxGuest::addresses() {
  std::set<Vip> found;
  std::function<Status(Impl&)> work = [&found](Impl& impl) -> Status {
    if (!impl.fence) return not_prepared();
    ATOLL_TRY(const std::set<Vip> all, impl.interface->addresses());
    std::ranges::set_intersection(all, impl.pool, std::inserter(found, found.end()));
    return {};
  };
  const Status done = co_await run(std::move(work));
  if (!done) co_return fail(done.error());
  co_return found;
}

Task<Status> LinuxGuest::arm(Vip vip) {
  return run([vip](Impl& impl) { return impl.fence ? impl.fence->arm(vip) : not_prepared(); });
}

Task<Status> LinuxGuest::open(Vip vip) {
  return run([vip](Impl& impl) {
    return impl.fence ? impl.fence->touch({vip}, FenceTable::Touch::kOpen) : not_prepared();
  });
}

Task<Status> LinuxGuest::hold(std::vector<Vip> vips) {
  return run([vips = std::move(vips)](Impl& impl) {
    return impl.fence ? impl.fence->touch(vips, FenceTable::Touch::kHold) : not_prepared();
  });
}

Task<Status> LinuxGuest::close(Vip vip) {
  return run([vip](Impl& impl) { return impl.fence ? impl.fence->close(vip) : not_prepared(); });
}

Task<Status> LinuxGuest::quiesce(Vip vip) {
  return run([vip](Impl& impl) { return impl.fence ? impl.fence->quiesce(vip) : not_prepared(); });
}

Task<Result<std::set<Vip>>> LinuxGuest::open_now() {
  std::set<Vip> found;
  std::function<Status(Impl&)> work = [&found](Impl& impl) -> Status {
    if (!impl.fence) return not_prepared();
    ATOLL_TRY(found, impl.fence->held());
    return {};
  };
  const Status done = co_await run(std::move(work));
  if (!done) co_return fail(done.error());
  co_return found;
}

Task<Status> LinuxGuest::announce(Vip vip, GarpForm form) {
  return run([vip, form](Impl& impl) {
    return impl.fence ? impl.interface->announce(vip, form) : not_prepared();
  });
}

}  // namespace atl::vip
