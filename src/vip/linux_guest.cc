#include "vip/linux_guest.h"

#include <algorithm>

#include "base/log.h"
#include "env/sync.h"
#include "env/worker_pool.h"

#include "vip/fence_table.h"
#include "vip/interface.h"
#include "vip/tunnel.h"

namespace atl::vip {

namespace {
Status not_prepared() {
  return fail(Errc::kInternal, "prepare() was not called, or it failed");
}
}  // namespace

struct LinuxGuest::Impl {
  explicit Impl(LinuxGuestOptions o) : options(std::move(o)) {}

  Status prepare(const std::vector<Vip>& addresses, Nanos kernel_hold, Nanos arm_time);
  Status put_fence_up(FenceTable::Options table);
  void no_forwarding(const Error& why);
  Status forward(Vip vip, std::optional<Vip> to);

  const LinuxGuestOptions options;
  std::set<Vip> pool;
  std::unique_ptr<Interface> interface;
  std::unique_ptr<FenceTable> fence;
  std::unique_ptr<Tunnel> tunnel;  // none: nothing can be sent on
  bool told_why = false;
  env::WorkerPool thread{"atoll-fence", 1};  // last, so that it ends first
};

LinuxGuest::LinuxGuest(env::Env& env, LinuxGuestOptions options)
    : env_(env), impl_(std::make_unique<Impl>(std::move(options))) {}

LinuxGuest::~LinuxGuest() = default;

std::vector<Prefix> cloud_probers() {
  return {*Prefix::parse("35.191.0.0/16"), *Prefix::parse("130.211.0.0/22")};
}

std::optional<LinuxForwarding> LinuxForwarding::of(const Pool& pool, const NodeName& node) {
  LinuxForwarding out;
  bool known = false;
  for (const NodeSpec& spec : pool.nodes) {
    const Result<Vip> address = Vip::parse(spec.address);
    if (!address) continue;
    if (spec.name == node) {
      known = true;
      out.own = *address;
    } else {
      out.nodes.push_back(*address);
    }
  }
  if (!known || out.nodes.empty()) return std::nullopt;
  return out;
}

void LinuxGuest::Impl::no_forwarding(const Error& why) {
  tunnel.reset();
  if (!std::exchange(told_why, true))
    ATOLL_LOG(kWarn, "vip", "what arrives after a planned move is not sent on",
              {{"table", options.table}, {"why", why.to_string()}});
}

// With the tunnel, or without it. An earlier one is of no use to anybody without the rules.
Status LinuxGuest::Impl::put_fence_up(FenceTable::Options table) {
  tunnel.reset();
  if (options.forwarding) {
    auto made = Tunnel::make(options.table, options.forwarding->own);
    if (made) {
      tunnel = std::move(*made);
      FenceTable::Options with = table;
      with.sending_on = {tunnel->device(), options.forwarding->nodes, options.forwarding->probers,
                         options.forwarding->limit};
      auto put_up = FenceTable::make(std::move(with));
      if (put_up) {
        fence = std::move(*put_up);
        return {};
      }
      no_forwarding(put_up.error());
    } else {
      no_forwarding(made.error());
    }
  }
  ATOLL_TRY(fence, FenceTable::make(std::move(table)));
  const Status removed = Tunnel::remove(options.table);
  if (!removed) no_forwarding(removed.error());
  return {};
}

// Where the tunnel leads to comes before what goes in.
Status LinuxGuest::Impl::forward(Vip vip, std::optional<Vip> to) {
  if (!fence) return not_prepared();
  if (!tunnel) return {};
  if (!to) return fence->send_on_no_more(vip);
  ATOLL_TRY_STATUS(tunnel->lead_to(*to));
  return fence->send_on(vip, Tunnel::mac_of(*to));
}

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
  ATOLL_TRY_STATUS(put_fence_up(std::move(table)));
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

Task<Status> LinuxGuest::forward(Vip vip, std::optional<Vip> to) {
  return run([vip, to](Impl& impl) { return impl.forward(vip, to); });
}

Task<Status> LinuxGuest::announce(Vip vip, GarpForm form) {
  return run([vip, form](Impl& impl) {
    return impl.fence ? impl.interface->announce(vip, form) : not_prepared();
  });
}

}  // namespace atl::vip
