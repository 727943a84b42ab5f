#include "vip/movers/garp_mover.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/probe.h"
#include "vip/movers/check_parts.h"

namespace atl::vip {
namespace {

Status may_lead(const cloud::BackendService& service, const NodeSpec& node) {
  if (std::ranges::find(service.groups, node.endpoint_group) != service.groups.end()) return {};
  return fail(Errc::kUnsupported,
              fmt::format("group {:?} of node {} is not a backend of service {}",
                          node.endpoint_group, node.name, service.name));
}

}  // namespace

GarpMover::GarpMover(env::Env& env, cloud::Compute& compute)
    : env_(env), compute_(compute), ids_(env), strikes_("gcp-garp") {}

Task<Status> GarpMover::check(const Pool& pool) {
  ATOLL_CO_TRY_STATUS(check_sizes(pool));
  Round round(env_, compute_);
  ATOLL_CO_TRY(const cloud::NetworkFeatures features,
               co_await round.network_features(pool.network));
  if (!features.load_balancing)
    co_return fail(Errc::kUnsupported, not_on(features, "load balancing"));
  if (pool.nodes.size() > kGarpEndpointsMax)
    co_return fail(
        Errc::kUnsupported,
        fmt::format("a backend service with fast IP move has up to {} endpoints, the pool "
                    "has {} nodes",
                    kGarpEndpointsMax, pool.nodes.size()));
  std::set<std::string> names;
  for (const auto& [vip, name] : pool.services) names.insert(name);
  if (names.size() > cloud::kFastMoveServicesMax)
    co_return fail(Errc::kUnsupported,
                   fmt::format("a network and region has up to {} backend services with fast IP "
                               "move and each address needs one of its own, the pool has {}: take "
                               "fewer addresses, or another mover",
                               cloud::kFastMoveServicesMax, names.size()));
  ATOLL_CO_TRY_STATUS(co_await check_forwarding(&round, pool));
  for (const std::string& name : names) {
    Result<cloud::BackendService> service = co_await round.backend_service(pool.region, name);
    if (!service)
      co_return fail(std::move(service.error()).with_context("backend service " + name));
    if (!service->fast_ip_move)
      co_return fail(
          Errc::kUnsupported,
          fmt::format("backend service {} has no haPolicy with fastIPMove GARP_RA, which "
                      "can only be set when it is made",
                      name));
    for (const NodeSpec& node : pool.nodes) ATOLL_CO_TRY_STATUS(may_lead(*service, node));
  }
  co_return Status{};
}

std::vector<GarpMover::Service> GarpMover::services_of(Job* job,
                                                       const std::vector<Wanted>& wanted) const {
  std::vector<Service> services;
  for (const Wanted& want : wanted) {
    const Result<std::string> name = own_service(job->pool, want.vip);
    if (name) {
      services.push_back({*name, want});
    } else {
      job->trouble.insert_or_assign(want.vip, name.error());
    }
  }
  return services;
}

Task<Outcome> GarpMover::reconcile(const Pool& pool, std::vector<Wanted> wanted,
                                   std::set<Vip> urgent, MayGoOn go_on) {
  Job job{pool, Round(env_, compute_), std::move(go_on), {}};
  const std::vector<Service> services = services_of(&job, wanted);
  std::vector<Task<void>> first;
  std::vector<Task<void>> rest;
  for (const Service& service : services) {
    auto seen = in_place_.find(service.name);
    const bool in_place = seen != in_place_.end() && seen->second == service.want.node;
    if (!in_place || urgent.contains(service.want.vip)) {
      first.push_back(lead(&job, service));
    } else if (urgent.empty()) {
      rest.push_back(lead(&job, service));
    }
  }
  co_await env::when_all(env_, std::move(first));
  co_await env::when_all(env_, std::move(rest));

  Outcome outcome;
  outcome.unfinished = strikes_.conclude(wanted, job.trouble);
  outcome.api_calls = job.round.api_calls();
  outcome.changes = job.round.changes();
  co_return outcome;
}

Task<void> GarpMover::lead(Job* job, Service service) {
  const Status done = co_await lead_once_seen(job, service);
  if (done) {
    in_place_[service.name] = service.want.node;
  } else {
    in_place_.erase(service.name);
    job->trouble.insert_or_assign(service.want.vip, done.error());
  }
}

Task<Result<cloud::BackendService>> GarpMover::read(Job* job, std::string service) {
  Result<cloud::BackendService> seen =
      co_await job->round.backend_service(job->pool.region, service);
  if (!seen) co_return fail(std::move(seen.error()).with_context("backend service " + service));
  if (!seen->fast_ip_move)
    co_return fail(Errc::kUnsupported,
                   fmt::format("backend service {} has no haPolicy with fastIPMove", service));
  co_return seen;
}

Task<Status> GarpMover::lead_once_seen(Job* job, Service service) {
  ATOLL_CO_TRY(cloud::BackendService seen, co_await read(job, service.name));
  const NodeSpec* node = job->pool.find(service.want.node);
  if (node == nullptr)
    co_return fail(Errc::kInvalidArgument, "node " + service.want.node + " is not of the pool");
  ATOLL_CO_TRY_STATUS(may_lead(seen, *node));
  cloud::HaLeader wanted{node->endpoint_group, node->instance};
  if (seen.leader == wanted) co_return Status{};
  co_return co_await set_leader(job, service, std::move(seen), std::move(wanted));
}

Task<Status> GarpMover::set_leader(Job* job, Service service, cloud::BackendService seen,
                                   cloud::HaLeader leader) {
  const Wanted want = service.want;
  const May may = [job, want] { return job->may(want.vip, want.node); };
  int stale = 0;
  for (int unchanged = 0;;) {
    const std::string change = fmt::format("{} {} {}/{}", seen.fingerprint, leader.group,
                                           leader.instance.zone, leader.instance.name);
    const std::string id = ids_.id_for(service.name, change);
    Result<cloud::Operation> taken = co_await job->round.set_leader(
        job->pool.region, service.name, seen.fingerprint, leader, id, may);
    Status done;
    if (taken) {
      done = co_await job->round.finish(*taken);
    } else {
      done = fail(taken.error());
    }
    if (taken || !outcome_unknown(done.error())) ids_.settle(service.name);
    const int reads = done ? kVerifyReads : 1;
    Nanos pause = kVerifyPause;
    for (int i = 0; i < reads; ++i) {
      ATOLL_CO_TRY(seen, co_await read(job, service.name));
      if (seen.leader == leader) co_return Status{};
      if (i + 1 < reads) co_await job->round.pause(pause);
      pause *= 2;
    }
    if (!may()) co_return fail(not_wanted_any_more());  // another may lead by now, and rightly
    if (done) {
      ATOLL_PROBE("vip: an operation is done and the leader did not change");
      const Error why(Errc::kStale, fmt::format("the operation is DONE, yet {} does not lead {}",
                                                leader.instance.name, service.name));
      strikes_.strike(want.vip, why);
      if (++unchanged >= kUnchangedTries) co_return fail(why);
      continue;
    }
    if (taken && done.error().code == Errc::kTimeout) strikes_.strike(want.vip, done.error());
    if (done.error().code != Errc::kConflict || ++stale >= kFingerprintTries) co_return done;
    ATOLL_PROBE("vip: the fingerprint of a service was stale");
  }
}

}  // namespace atl::vip
