#include "vip/movers/route_mover.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/planted_bug.h"
#include "base/probe.h"
#include "vip/movers/route_names.h"

namespace atl::vip {
namespace {

bool leads_to(const cloud::Route& route, const NodeSpec& node) {
  return route.next_hop == node.instance;
}

// A route of somebody else that takes the traffic, or part of it, elsewhere.
Status nobody_in_the_way(const std::vector<cloud::Route>& all, const cloud::Route& mine,
                         const std::vector<cloud::Route>& ours, const NodeSpec& node) {
  for (const cloud::Route& route : all) {
    if (route.priority > mine.priority || leads_to(route, node)) continue;
    const auto same_name = [&](const cloud::Route& r) { return r.name == route.name; };
    if (std::ranges::any_of(ours, same_name)) continue;
    return fail(
        Errc::kConflict,
        fmt::format("route {} to {} with priority {} is not of this pool and outranks {} "
                    "with priority {}: it is left alone, remove it",
                    route.name, route.destination, route.priority, mine.name, mine.priority));
  }
  return {};
}

}  // namespace

uint32_t next_priority(const std::vector<cloud::Route>& ours,
                       const std::vector<cloud::Route>& all) {
  const auto is_used = [&](uint32_t priority) {
    return std::ranges::any_of(all, [&](const auto& r) { return r.priority == priority; });
  };
  uint32_t best = kFirstPriority + 1;
  if (!ours.empty()) best = std::ranges::min(ours, {}, &cloud::Route::priority).priority;
  for (uint32_t priority = best; priority-- > 0;)
    if (!is_used(priority)) return priority;
  ATOLL_PROBE("vip: route priorities start again");
  uint32_t priority = kFirstPriority;
  while (is_used(priority)) ++priority;
  return priority;
}

RouteMover::RouteMover(env::Env& env, cloud::Compute& compute)
    : env_(env), compute_(compute), ids_(env), strikes_("gcp-route") {}

Task<Outcome> RouteMover::reconcile(const Pool& pool, std::vector<Wanted> wanted,
                                    std::set<Vip> urgent, MayGoOn may) {
  Job job{pool, Round(env_, compute_), std::move(may), {}};
  std::map<Vip, NodeName> all;
  for (const Wanted& want : wanted) all[want.vip] = want.node;

  std::vector<Wanted> first;
  std::vector<Wanted> second;
  std::set<Vip> rest;
  for (const auto& [vip, node] : all) {
    auto seen = in_place_.find(vip);
    auto due = due_.find(vip);
    if (urgent.contains(vip) || seen == in_place_.end() || seen->second != node) {
      first.push_back({vip, node});
    } else if (due != due_.end() && due->second <= env_.now()) {
      second.push_back({vip, node});
    } else {
      rest.insert(vip);
    }
  }
  if (urgent.empty()) {
    for (Vip vip : rotation_.next(rest, kLooksPerRound)) second.push_back({vip, all.at(vip)});
  }
  const auto is_urgent = [&](const Wanted& want) { return urgent.contains(want.vip); };
  std::ranges::stable_partition(first, is_urgent);
  co_await move_all(&job, std::move(first));
  co_await move_all(&job, std::move(second));

  Outcome outcome;
  outcome.unfinished = strikes_.conclude(wanted, job.trouble);
  outcome.api_calls = job.round.api_calls();
  outcome.changes = job.round.changes();
  co_return outcome;
}

Task<void> RouteMover::move_all(Job* job, std::vector<Wanted> wanted) {
  std::vector<Task<void>> moves;
  for (const Wanted& want : wanted) moves.push_back(move_one(job, want));
  co_await env::when_all(env_, std::move(moves));
}

Task<void> RouteMover::move_one(Job* job, Wanted want) {
  const NodeSpec* node = job->pool.find(want.node);
  Status done = fail(Errc::kInvalidArgument, "node " + want.node + " is not of the pool");
  if (node != nullptr) done = co_await move(job, want, node);
  if (done) {
    in_place_[want.vip] = want.node;
  } else {
    in_place_.erase(want.vip);
    job->trouble.insert_or_assign(want.vip, std::move(done.error()));
  }
}

Task<Status> RouteMover::move(Job* job, Wanted want, const NodeSpec* node) {
  const Vip vip = want.vip;
  uint32_t number_floor = 1;
  due_.erase(vip);
  for (int step = 0; step < kRouteSteps; ++step) {
    ATOLL_CO_TRY(const Seen seen, co_await see(&job->round, job->pool, vip));
    const auto leads_there = [&](const cloud::Route& r) { return leads_to(r, *node); };
    const auto mine = std::ranges::find_if(seen.ours, leads_there);
    const uint32_t priority = next_priority(seen.ours, seen.all);
    const bool outranks = seen.ours.empty() || priority < seen.ours.front().priority;
    if (mine == seen.ours.end() || (mine != seen.ours.begin() && outranks)) {
      if (planted(PlantedBug::kDeleteRouteFirst)) {
        const std::string none;
        ATOLL_CO_TRY_STATUS(co_await remove_all_but(job, want, seen.ours, none));
      }
      cloud::Route route;
      const uint32_t number = std::max(seen.next_number, number_floor);
      route.name = route_name(job->pool.name, vip, number);
      route.network = job->pool.network;
      route.destination = destination_of(vip);
      route.priority = priority;
      route.next_hop = node->instance;
      const Status made = co_await insert(job, want, std::move(route));
      if (!made && made.error().code != Errc::kExists) co_return made;
      if (!made) number_floor = number + 1;  // the name is taken, in whatever network
      continue;                              // read again before anything is deleted
    }
    const Nanos settled = seen_since(vip, mine->name) + kRouteSettle;
    const bool goes_elsewhere = mine != seen.ours.begin();
    if (goes_elsewhere && env_.now() < settled) {
      // Priorities ran out: ours takes over only when those before it are gone.
      co_await job->round.pause(settled - env_.now());
    }
    if (seen.ours.size() > 1 && env_.now() >= settled) {
      ATOLL_CO_TRY_STATUS(co_await remove_all_but(job, want, seen.ours, mine->name));
      continue;
    }
    if (goes_elsewhere) co_return fail(Errc::kTimeout, "the round is over: the new route waits");
    if (seen.ours.size() > 1) due_[vip] = settled;
    co_return nobody_in_the_way(seen.all, *mine, seen.ours, *node);
  }
  co_return fail(Errc::kTimeout, "routes to it change faster than they can be put right");
}

Nanos RouteMover::seen_since(Vip vip, const std::string& name) {
  First& first = first_seen_[vip];
  if (first.route != name) first = {name, env_.now()};
  return first.at;
}

Task<Result<RouteMover::Seen>> RouteMover::see(Round* round, const Pool& pool, Vip vip) {
  ATOLL_CO_TRY(std::vector<cloud::Route> all,
               co_await round->routes_to(pool.network, destination_of(vip)));
  std::ranges::stable_sort(all, {}, &cloud::Route::priority);
  Seen seen;
  for (const cloud::Route& route : all) {
    const std::optional<uint32_t> number = number_of(route, pool.name, vip);
    if (!number) continue;
    seen.ours.push_back(route);
    seen.next_number = std::max(seen.next_number, *number == UINT32_MAX ? 1 : *number + 1);
  }
  seen.all = std::move(all);
  co_return seen;
}

// kExists: the name is taken by another route.
Task<Status> RouteMover::insert(Job* job, Wanted want, cloud::Route route) {
  const Vip vip = want.vip;
  const May may = [job, want] { return job->may(want.vip, want.node); };
  for (int unchanged = 0;;) {
    const std::string change = fmt::format("insert {} {} {}/{}", route.network, route.priority,
                                           route.next_hop.zone, route.next_hop.name);
    const std::string id = ids_.id_for(route.name, change);
    Result<cloud::Operation> taken = co_await job->round.insert_route(route, id, may);
    Status done;
    if (taken) {
      done = co_await job->round.finish(*taken);
    } else {
      done = fail(taken.error());
    }
    if (taken || !outcome_unknown(done.error())) ids_.settle(route.name);
    if (taken && !done && done.error().code == Errc::kTimeout) strikes_.strike(vip, done.error());
    if (!done && done.error().code == Errc::kNoSpace) {
      const std::string quota = fmt::format(
          "no room for a route of network {} (a move needs a second one for a while; "
          "STATIC_ROUTES_PER_NETWORK)",
          route.network);
      co_return fail(std::move(done.error()).with_context(quota));
    }
    if (!done) co_return done;
    Nanos pause = kVerifyPause;
    for (int i = 0; i < kVerifyReads; ++i) {
      Result<cloud::Route> now = co_await job->round.route(route.name);
      if (now) co_return Status{};
      if (now.error().code != Errc::kNotFound) co_return fail(std::move(now.error()));
      co_await job->round.pause(pause);
      pause *= 2;
    }
    ATOLL_PROBE("vip: a route is inserted and not there");
    const Error why(Errc::kStale,
                    fmt::format("the operation is DONE, yet route {} is not there", route.name));
    strikes_.strike(vip, why);
    if (++unchanged >= kUnchangedTries) co_return fail(why);
  }
}

Task<Status> RouteMover::remove(Job* job, Wanted want, std::string name) {
  const Vip vip = want.vip;
  const May may = [job, want] { return job->may(want.vip, want.node); };
  for (int unchanged = 0;;) {
    const std::string id = ids_.id_for(name, "delete");
    Result<cloud::Operation> taken = co_await job->round.delete_route(name, id, may);
    Status done;
    if (taken) {
      done = co_await job->round.finish(*taken);
    } else {
      done = fail(taken.error());
    }
    if (taken || !outcome_unknown(done.error())) ids_.settle(name);
    if (!done && done.error().code == Errc::kNotFound) co_return Status{};
    if (taken && !done && done.error().code == Errc::kTimeout) strikes_.strike(vip, done.error());
    if (!done) co_return done;
    Nanos pause = kVerifyPause;
    for (int i = 0; i < kVerifyReads; ++i) {
      const Result<cloud::Route> now = co_await job->round.route(name);
      if (!now && now.error().code == Errc::kNotFound) co_return Status{};
      if (!now) co_return fail(now.error());
      co_await job->round.pause(pause);
      pause *= 2;
    }
    ATOLL_PROBE("vip: a route is deleted and still there");
    const Error why(Errc::kStale,
                    fmt::format("the operation is DONE, yet route {} is still there", name));
    strikes_.strike(vip, why);
    if (++unchanged >= kUnchangedTries) co_return fail(why);
  }
}

// Worst first: the best of those that go is kept last, so traffic changes its way only once.
Task<Status> RouteMover::remove_all_but(Job* job, Wanted want, std::vector<cloud::Route> ours,
                                        std::string keep) {
  for (size_t i = ours.size(); i-- > 0;) {
    if (ours[i].name == keep) continue;
    ATOLL_CO_TRY_STATUS(co_await remove(job, want, ours[i].name));
  }
  co_return Status{};
}

}  // namespace atl::vip
