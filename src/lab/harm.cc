#include "lab/harm.h"

#include <csignal>

#include <fmt/format.h>

#include "base/log.h"

namespace atl::lab {
namespace {

// A node that holds something.
Result<size_t> draw_victim(World* world) {
  std::vector<size_t> candidates;
  for (const vip::NodeSpec& node : world->pool().nodes)
    if (!world->ledger().held_by(node.name).empty()) candidates.push_back(node_number(node.name));
  if (candidates.empty()) return fail(Errc::kInternal, "no node holds an address");
  return candidates[world->random().below(candidates.size())];
}

void add_victim(World* world, Harm* harm, const std::string& node) {
  harm->victims.insert(node);
  for (const vip::Vip vip : world->ledger().held_by(node)) harm->concerned.insert(vip);
}

cloud::Fault api_fault(cloud::Fault::Kind kind, uint32_t times, double share = 1) {
  cloud::Fault fault;
  fault.kind = kind;
  fault.times = times;
  fault.share = share;
  return fault;
}

// Every call of the API takes so long under api-slow when the file says that none takes any time.
constexpr Nanos kSlowCall = 300ms;

// The API's part of a fault, just before a node is killed.
void spoil_api(World* world, size_t victim) {
  if (world->cloud() == nullptr) return;
  cloud::EmulatedCompute& compute = world->cloud()->compute();
  switch (world->spec().fault) {
    case FaultKind::kApiSlow: {
      cloud::Delays delays = world->spec().delays;
      for (cloud::Delay* delay : {&delays.api_read, &delays.api_write})
        if (delay->median < kSlowCall / kSlowFactor) delay->median = delay->p99 = kSlowCall / 3;
      compute.set_delays(delays);
      compute.set_latency_factor(kSlowFactor);
      return;
    }
    case FaultKind::kApiFail:
      return compute.inject(
          api_fault(cloud::Fault::Kind::kFailBefore, cloud::Fault::kForEver, kFailShare));
    case FaultKind::kApiLimit:
      return compute.inject(api_fault(cloud::Fault::Kind::kRateLimit, kLimitTimes));
    case FaultKind::kApiLies:
      return compute.inject(api_fault(cloud::Fault::Kind::kDoneNothing, kLieTimes));
    case FaultKind::kStuckAlias: {
      cloud::Fault stuck = api_fault(cloud::Fault::Kind::kDoneNothing, kStuckTimes);
      stuck.only = cloud::Call::kSetAliases;
      stuck.instance = instance_ref(node_name(victim));
      return compute.inject(stuck);
    }
    case FaultKind::kKill:
    case FaultKind::kPower:
    case FaultKind::kStop:
    case FaultKind::kLink:
    case FaultKind::kCutCoordinator:
    case FaultKind::kCutClients:
    case FaultKind::kDomain:
    case FaultKind::kController:
    case FaultKind::kClock:
    case FaultKind::kDrain:
    case FaultKind::kUpgrade:
    case FaultKind::kReplace:
      return;
  }
}

void kill_leader(World* world) {
  if (world->leader_killed()) return;
  const Status killed = world->kill_leader();
  if (!killed) ATOLL_LOG(kError, "lab", killed.error().to_string());
}

// The leader dies between two of its calls: just before the drawn one is handled.
void arm_leader_kill(World* world) {
  if (world->cloud() == nullptr) return world->on_next_change([world] { kill_leader(world); });
  const uint64_t at = world->random().between(uint64_t{1}, kKillAtCallMax);
  world->cloud()->http().set_fault_hook(
      [world, left = at](const cloud::HttpMessage&) mutable -> std::optional<cloud::HttpFault> {
        if (left > 0 && --left == 0) kill_leader(world);
        return std::nullopt;
      });
}

Task<Status> kill_node_and_leader(World* world, size_t victim) {
  arm_leader_kill(world);
  ATOLL_CO_TRY_STATUS(world->signal_node(victim, SIGKILL));
  const Nanos until = world->env().now() + kKillLeaderAfterLeases * world->spec().lease;
  while (!world->leader_killed() && world->env().now() < until)
    ATOLL_CO_TRY_STATUS(co_await world->pause(kLookInterval));
  kill_leader(world);
  if (!world->leader_killed()) co_return fail(Errc::kInternal, "no controller led");
  co_return Status{};
}

Task<Status> power_off(World* world, size_t node) {
  const Status off = world->lab().power_off(node);
  if (off && world->cloud() != nullptr) world->cloud()->power(node, cloud::Power::kOff);
  co_return off;
}

Task<Status> power_off_domain(World* world, Harm* harm, size_t victim) {
  const std::string domain = world->lab().domain_of(victim);
  harm->what = "domain " + domain;
  for (const vip::NodeSpec& node : world->pool().nodes)
    if (node.domain == domain) add_victim(world, harm, node.name);
  harm->at_ns = real_now().count();
  ATOLL_CO_TRY(const std::vector<size_t> nodes, world->lab().power_off_domain(domain));
  if (world->cloud() != nullptr)
    for (const size_t node : nodes) world->cloud()->power(node, cloud::Power::kOff);
  co_return Status{};
}

Task<Status> upgrade(World* world, Harm* harm) {
  harm->rolling = true;
  const size_t count = std::min(kUpgradeNodes, world->pool().nodes.size() - 1);
  harm->what = fmt::format("{} nodes in turn", count);
  for (size_t i = 1; i <= count; ++i) {
    const std::string node = node_name(i);
    for (const vip::Vip vip : world->ledger().held_by(node)) harm->concerned.insert(vip);
    ATOLL_CO_TRY_STATUS(co_await world->set_drain(node, true));
    ATOLL_CO_TRY_STATUS(co_await world->wait_holds_nothing(node, world->spec().recover_limit()));
    // What holds nothing may still be what the network delivers to: not before all is steady.
    std::set<std::string> drained{node};
    ATOLL_CO_TRY_STATUS(
        co_await world->wait_steady(world->spec().recover_limit(), std::move(drained)));
    ATOLL_CO_TRY_STATUS(co_await world->stop_node(i));
    const int64_t stopped_ns = real_now().count();
    ATOLL_CO_TRY_STATUS(world->start_node(i));
    ATOLL_CO_TRY_STATUS(co_await world->wait_lease(node, stopped_ns, kStartLimit));
    ATOLL_CO_TRY_STATUS(co_await world->set_drain(node, false));
  }
  co_return Status{};
}

Task<Status> strike(World* world, Harm* harm, size_t victim) {
  const std::string node = node_name(victim);
  NetLab& lab = world->lab();
  switch (world->spec().fault) {
    case FaultKind::kKill:
    case FaultKind::kApiSlow:
    case FaultKind::kApiFail:
    case FaultKind::kApiLimit:
    case FaultKind::kApiLies:
      spoil_api(world, victim);
      co_return world->signal_node(victim, SIGKILL);
    case FaultKind::kController:
      co_return co_await kill_node_and_leader(world, victim);
    case FaultKind::kStuckAlias:
      spoil_api(world, victim);
      co_return co_await power_off(world, victim);
    case FaultKind::kPower:
      co_return co_await power_off(world, victim);
    case FaultKind::kStop:
      co_return world->signal_node(victim, SIGSTOP);
    case FaultKind::kLink:
      co_return lab.set_client_link(victim, false);
    case FaultKind::kCutCoordinator:
      co_return lab.cut_from_coordinator(node_place(victim), true);
    case FaultKind::kCutClients:
      co_return lab.cut_from_clients(victim, true);
    case FaultKind::kDomain:
      co_return co_await power_off_domain(world, harm, victim);
    case FaultKind::kDrain:
      co_return co_await world->set_drain(node, true);
    case FaultKind::kUpgrade:
      co_return co_await upgrade(world, harm);
    case FaultKind::kReplace:
    case FaultKind::kClock:
      break;
  }
  co_return fail(Errc::kUnsupported, "that fault is not for this kind of run");
}

}  // namespace

Task<Result<Harm>> do_harm(World* world) {
  const auto wait = world->random().between(Nanos(0), world->spec().lease);
  ATOLL_CO_TRY_STATUS(co_await world->pause(wait));
  ATOLL_CO_TRY(const size_t victim, draw_victim(world));
  Harm harm;
  harm.what = node_name(victim);
  const FaultKind fault = world->spec().fault;
  if (fault != FaultKind::kUpgrade && fault != FaultKind::kDomain)
    add_victim(world, &harm, harm.what);
  if (world->cloud() != nullptr) harm.calls_before = world->cloud()->calls();
  harm.at_ns = real_now().count();
  ATOLL_CO_TRY_STATUS(co_await strike(world, &harm, victim));
  co_return harm;
}

Task<Result<bool>> mend(World* world, Harm harm) {
  if (world->cloud() != nullptr) {
    world->cloud()->http().set_fault_hook({});
    world->cloud()->compute().clear_faults();
    world->cloud()->compute().set_latency_factor(1);
  }
  if (harm.victims.size() != 1) co_return false;
  const size_t victim = node_number(*harm.victims.begin());
  Status done;
  switch (world->spec().fault) {
    case FaultKind::kStop:
      done = world->signal_node(victim, SIGCONT);
      break;
    case FaultKind::kLink:
      done = world->lab().set_client_link(victim, true);
      break;
    case FaultKind::kCutCoordinator:
      done = world->lab().cut_from_coordinator(node_place(victim), false);
      break;
    case FaultKind::kCutClients:
      done = world->lab().cut_from_clients(victim, false);
      break;
    case FaultKind::kKill:
    case FaultKind::kPower:
    case FaultKind::kDomain:
    case FaultKind::kController:
    case FaultKind::kApiSlow:
    case FaultKind::kApiFail:
    case FaultKind::kApiLimit:
    case FaultKind::kApiLies:
    case FaultKind::kStuckAlias:
    case FaultKind::kClock:
    case FaultKind::kDrain:
    case FaultKind::kUpgrade:
    case FaultKind::kReplace:
      co_return false;
  }
  if (!done) co_return fail(std::move(done.error()));
  co_return true;
}

}  // namespace atl::lab
