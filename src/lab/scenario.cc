#include "lab/scenario.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/log.h"
#include "env/real_env.h"
#include "lab/harm.h"
#include "lab/pool_run.h"
#include "lab/reference.h"
#include "lab/world.h"

namespace atl::lab {
namespace {

// Closed connections unwind their tasks in a few turns of the reactor.
constexpr Nanos kUnwind = 30ms;

// Everything that is known when a run has ended.
struct Story {
  Harm harm;                  // in the end also concerned: whatever else had to move
  std::set<vip::Vip> struck;  // what the fault itself concerned
  int64_t recovered_ns = 0;
  std::map<std::string, int64_t> lease_ends;  // of the victims, before they were mended
};

// How much of the time away was waiting for the lease of the node that had the address.
int64_t fence_ns(const Story& story, const std::string& node, const Away& away,
                 const Milestones& milestones) {
  const auto found = story.lease_ends.find(node);
  if (found == story.lease_ends.end() || !milestones.given_ns) return 0;
  if (found->second > *milestones.given_ns) return 0;  // nobody had to wait for it
  return std::max<int64_t>(0, found->second - std::max(story.harm.at_ns, away.last_good_ns));
}

void collect_gaps(World* world, const Story& story, RunResult* result) {
  const vip::Pool& pool = world->pool();
  for (size_t v = 0; v < pool.addresses.size(); ++v) {
    const vip::Vip vip = pool.addresses[v];
    const ClientGroup& clients = world->clients();
    std::vector<Away> aways =
        find_aways(clients.log_of(v).probes, clients.target_of(v), story.harm.at_ns);
    std::erase_if(aways, [&](const Away& away) { return away.last_good_ns > story.recovered_ns; });
    const bool concerned = story.harm.concerned.contains(vip);
    if (concerned && !story.harm.rolling)
      if (const std::optional<Away> one = longest(aways)) aways = {*one};
    for (const Away& away : aways) {
      if (!concerned && !away.missed) continue;
      Milestones milestones = world->ledger().milestones(vip, away);
      const std::string before = world->ledger().holder_at(vip, away.last_good_ns);
      milestones.fence_ns = fence_ns(story, before, away, milestones);
      (concerned ? result->gaps : result->elsewhere).push_back(split_gap(vip, away, milestones));
    }
  }
}

void collect_counts(World* world, const Story& story, RunResult* result) {
  for (size_t c = 0; c < world->clients().size(); ++c) {
    const RequestCounts counts = count_requests(world->clients().log(c).probes);
    result->requests += counts.requests;
    result->failed_requests += counts.failed_requests;
    result->failed_attempts += counts.failed_attempts;
  }
  const bool planned = info_of(world->spec().fault).planned;
  const std::vector<HolderChange> changes = world->ledger().changes();
  for (size_t v = 0; v < world->pool().addresses.size(); ++v) {
    const vip::Vip vip = world->pool().addresses[v];
    std::vector<int64_t> moves;
    for (const HolderChange& change : changes)
      if (change.vip == vip && change.at.count() > story.harm.at_ns &&
          change.at.count() <= story.recovered_ns)
        moves.push_back(change.at.count());
    const bool struck = story.struck.contains(vip);
    if (!struck && moves.empty()) continue;
    // What a crash does to connections it does at the first move; what moves later is other news.
    if (!planned && moves.size() > 1) moves.resize(1);
    std::optional<int64_t> fault_ns;
    if (struck && !story.harm.rolling) fault_ns = story.harm.at_ns;
    const ClientGroup& clients = world->clients();
    result->in_flight.add(
        count_in_flight(clients.log_of(v).transfers, clients.target_of(v), fault_ns, moves));
  }
}

Task<Status> watch_what_came_back(World* world) {
  const Nanos until = world->env().now() + kAftermathLeases * (world->spec().lease / 1ms) / 1000;
  while (world->env().now() < until) ATOLL_CO_TRY_STATUS(co_await world->pause(kLookInterval));
  co_return Status{};
}

// Numbers as in scenario.h.
Task<Status> play(World* world, Story* story, RunResult* result) {
  ATOLL_CO_TRY_STATUS(co_await world->start());        // 1.
  ATOLL_CO_TRY(story->harm, co_await do_harm(world));  // 2.
  result->victim = story->harm.what;
  std::set<std::string> victims = story->harm.victims;
  // 3. A steady state right after the fault may be one in which it has not shown yet.
  const Nanos shows = std::min(world->spec().lease, Nanos(1s));
  ATOLL_CO_TRY_STATUS(co_await world->pause(shows));
  ATOLL_CO_TRY_STATUS(
      co_await world->wait_steady(world->spec().recover_limit(), std::move(victims)));
  story->recovered_ns = real_now().count();
  result->recovered = true;
  if (world->cloud() != nullptr)
    result->api_calls = world->cloud()->calls() - story->harm.calls_before;
  if (!info_of(world->spec().fault).planned)
    for (const std::string& node : story->harm.victims)
      if (const auto end_ns = world->lease_end_ns(node)) story->lease_ends[node] = *end_ns;
  Harm harm = story->harm;
  ATOLL_CO_TRY(const bool watch, co_await mend(world, std::move(harm)));  // 4.
  if (watch) ATOLL_CO_TRY_STATUS(co_await watch_what_came_back(world));
  co_return Status{};
}

Task<void> run(World* world, RunResult* result) {
  Story story;
  const Status played = co_await play(world, &story, result);
  if (!played) result->trouble = played.error().to_string();
  const Status ended = co_await world->end();  // 5.
  if (!ended && result->trouble.empty()) result->trouble = ended.error().to_string();
  if (story.harm.at_ns == 0) co_return;
  if (story.recovered_ns == 0) story.recovered_ns = real_now().count();
  world->read_events();
  story.struck = story.harm.concerned;
  for (const vip::Vip vip : world->pool().addresses)
    if (world->ledger().holder_at(vip, story.harm.at_ns) !=
        world->ledger().holder_at(vip, story.recovered_ns))
      story.harm.concerned.insert(vip);
  // Of a run that did not recover the gaps have no end, and half of them would mislead.
  if (result->recovered) collect_gaps(world, story, result);
  collect_counts(world, story, result);
  note_verdict(world->oracle(), world->ledger(), result);
}

Task<void> unwind(env::Env* env) {
  co_await env->sleep(kUnwind);
}

// For the next run: no process, no address, no firewall of this one is left.
Status clean(NetLab& lab) {
  std::vector<pid_t> left;
  for (size_t i = 1; i <= lab.options().clients; ++i)
    for (const pid_t pid : lab.running(client_place(i))) left.push_back(pid);
  for (size_t i = 1; i <= lab.options().controllers; ++i)
    for (const pid_t pid : lab.running(controller_place(i))) left.push_back(pid);
  ATOLL_TRY_STATUS(lab.processes().kill(left));
  const std::map<vip::Vip, size_t> delivered = lab.delivered();
  for (const auto& [vip, node] : delivered) ATOLL_TRY_STATUS(lab.deliver(vip, std::nullopt));
  for (size_t i = 1; i <= lab.options().nodes; ++i) {
    ATOLL_TRY_STATUS(lab.power_off(i));
    ATOLL_TRY_STATUS(lab.power_on(i));
  }
  return lab.heal();
}

}  // namespace

RunResult run_scenario(NetLab& lab, const ScenarioSpec& spec) {
  RunResult result;
  result.mover = spec.mover.name;
  result.fault = info_of(spec.fault).name;
  result.number = spec.number;
  const auto begun = std::chrono::steady_clock::now();
  const Result<const Namespace*> space = lab.space(management_place());
  const Status inside = space ? (*space)->enter_this_thread() : Status(fail(space.error()));
  if (!inside) {
    result.trouble = inside.error().to_string();
    return result;
  }
  if (spec.mover.reference) {
    play_reference(lab, spec, &result);
  } else if (spec.fault == FaultKind::kReplace) {
    play_pool(lab, spec, &result);
  } else {
    env::RealEnv env;
    {
      World world(env, lab, spec);
      env.run(run(&world, &result));
    }
    env.run(unwind(&env));
  }
  const Status cleaned = clean(lab);
  if (!cleaned && result.trouble.empty()) result.trouble = cleaned.error().to_string();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return result;
}

}  // namespace atl::lab
