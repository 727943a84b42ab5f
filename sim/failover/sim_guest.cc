#include "failover/sim_guest.h"

namespace atl::sim {

using vip::Vip;

Task<void> SimGuest::call() {
  // Now and then it takes long: the machine is busy, or the process is not scheduled.
  co_await env_.sleep(random_.chance(0.03) ? random_.between(1ms, 400ms)
                                           : random_.between(10us, 200us));
}

Task<Status> SimGuest::prepare(std::vector<Vip>, Nanos kernel_hold, Nanos arm_time) {
  co_await call();
  kernel_.kernel_hold = span(kernel_hold);
  kernel_.arm_time = span(arm_time);
  kernel_.present.clear();
  kernel_.arming.clear();
  while (!kernel_.held.empty()) take_out(kernel_.held.begin()->first);
  kernel_.fenced = true;
  co_return Status();
}

void SimGuest::take_out(Vip vip) {
  auto it = kernel_.held.find(vip);
  if (it == kernel_.held.end()) return;
  kernel_.queued[vip] = std::min(it->second, now()) + kernel_.queue_time;
  kernel_.held.erase(it);
}

namespace {
Status no_fence() {
  return fail(Errc::kNotFound, "there is no such table");
}
}  // namespace

Task<Result<bool>> SimGuest::linked() {
  co_await call();
  co_return kernel_.linked;
}

Task<Status> SimGuest::add_address(Vip vip) {
  co_await call();
  if (random_.chance(0.02)) co_return fail(Errc::kIo, "the kernel said no");
  kernel_.present.insert(vip);
  co_return Status();
}

Task<Status> SimGuest::remove_address(Vip vip) {
  co_await call();
  kernel_.present.erase(vip);
  co_return Status();
}

Task<Result<std::set<Vip>>> SimGuest::addresses() {
  co_await call();
  co_return kernel_.present;
}

Task<Status> SimGuest::arm(Vip vip) {
  co_await call();
  if (!kernel_.fenced) co_return no_fence();
  if (random_.chance(0.02)) co_return fail(Errc::kIo, "the kernel said no");
  kernel_.arming[vip] = now() + kernel_.arm_time;
  co_return Status();
}

Task<Status> SimGuest::open(Vip vip) {
  co_await call();
  if (kernel_.powered && kernel_.arming[vip] > now()) {
    kernel_.held[vip] = now() + kernel_.kernel_hold;
    world_.opened(vip);
  }
  co_return Status();
}

Task<Status> SimGuest::hold(std::vector<Vip> vips) {
  co_await call();
  for (const Vip vip : vips) {
    if (!kernel_.powered || !kernel_.open(vip, now())) continue;
    kernel_.held[vip] = now() + kernel_.kernel_hold;
    world_.opened(vip);
  }
  co_return Status();
}

Task<Status> SimGuest::close(Vip vip) {
  co_await call();
  if (!kernel_.fenced) co_return no_fence();
  if (random_.chance(0.05)) co_return fail(Errc::kIo, "the kernel said no");
  kernel_.arming.erase(vip);
  take_out(vip);
  co_return Status();
}

Task<Status> SimGuest::quiesce(Vip) {
  co_await call();
  co_return Status();
}

Task<Result<std::set<Vip>>> SimGuest::open_now() {
  co_await call();
  if (!kernel_.fenced) co_return fail(no_fence().error());
  if (random_.chance(0.01)) co_return fail(Errc::kIo, "the kernel said no");
  std::set<Vip> out;
  for (const auto& [vip, until] : kernel_.held)
    if (until > now()) out.insert(vip);
  co_return out;
}

Task<Status> SimGuest::forward(Vip vip, std::optional<Vip> to) {
  if (!to && !kernel_.sends_on.contains(vip)) co_return Status();  // nothing to end
  co_await call();
  if (!kernel_.fenced) co_return no_fence();
  if (random_.chance(0.05)) co_return fail(Errc::kIo, "the kernel said no");
  kernel_.sends_on.erase(vip);
  if (to && kernel_.powered) kernel_.sends_on[vip] = {*to, now() + vip::kForwardLimit};
  co_return Status();
}

Task<Status> SimGuest::announce(Vip vip, vip::GarpForm) {
  co_await call();
  if (kernel_.powered && kernel_.open(vip, now())) world_.announced(vip);
  co_return Status();
}

}  // namespace atl::sim
