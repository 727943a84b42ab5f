#include "fabric/sim_fabric.h"

#include <fmt/format.h>

#include "base/probe.h"
#include "env/sync.h"

namespace atl::fabric {
namespace {

std::vector<Buf> deep_copy(const std::vector<Buf>& bulk) {
  std::vector<Buf> out;
  out.reserve(bulk.size());
  for (const Buf& buf : bulk) out.push_back(Buf::copy_of(buf.span()));
  return out;
}

}  // namespace

void SimFabric::heal(NodeId a, NodeId b) {
  cuts_.erase(std::minmax(a, b));
  one_way_cuts_.erase({a, b});
  one_way_cuts_.erase({b, a});
}

void SimFabric::heal_all() {
  cuts_.clear();
  one_way_cuts_.clear();
}

bool SimFabric::is_cut(NodeId from, NodeId to) const {
  return cuts_.contains(std::minmax(from, to)) || one_way_cuts_.contains({from, to});
}

Nanos SimFabric::draw_delay() {
  Nanos delay = random_.between(options_.delay_min, options_.delay_max);
  if (random_.chance(options_.slow_chance))
    delay += random_.between(Nanos{0}, options_.slow_delay_max);
  return delay;
}

Task<bool> SimFabric::travel(NodeId from, NodeId to) {
  if (from == to) co_return true;
  const bool lost = random_.chance(options_.drop_chance);
  co_await env_.sleep(draw_delay());
  if (lost || is_cut(from, to)) {
    ATOLL_PROBE("sim_fabric.dropped");
    ++dropped_;
    co_return false;
  }
  co_return true;
}

Task<Result<Reply>> SimFabric::deliver(NodeId from, NodeId to, Message message, Nanos give_up_at) {
  const bool arrived = co_await travel(from, to);
  if (!arrived) {
    co_await env_.sleep(give_up_at - env_.now());
    co_return fail(Errc::kTimeout, "message lost");
  }
  auto handler = handlers_.find(to, message.method);
  if (!handler) {
    // A process that is gone refuses at once; a machine that is gone is cut() and stays silent.
    co_return fail(Errc::kUnavailable,
                   fmt::format("node {} does not serve method {:#06x}", to, message.method));
  }
  Result<Reply> reply = co_await run_handler(std::move(handler), std::move(message));
  if (reply) reply->bulk = deep_copy(reply->bulk);
  const bool returned = co_await travel(to, from);
  if (!returned) {
    co_await env_.sleep(give_up_at - env_.now());
    co_return fail(Errc::kTimeout, "reply lost");
  }
  co_return std::move(reply);
}

Task<void> SimFabric::deliver_again(NodeId from, NodeId to, Message message) {
  auto unheard = co_await deliver(from, to, std::move(message), env_.now());
  (void)unheard;
}

Task<Result<Reply>> SimFabric::call(NodeId from, NodeId to, Message message, Nanos deadline) {
  message.bulk = deep_copy(message.bulk);
  if (from != to && random_.chance(options_.duplicate_chance)) {
    ATOLL_PROBE("sim_fabric.duplicated");
    ++duplicated_;
    env_.spawn("duplicate request", deliver_again(from, to, message));
  }
  auto work = deliver(from, to, std::move(message), env_.now() + deadline);
  co_return co_await env::with_timeout<Reply>(env_, deadline, std::move(work));
}

}  // namespace atl::fabric
