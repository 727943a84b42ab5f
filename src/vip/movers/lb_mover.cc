#include "vip/movers/lb_mover.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "vip/movers/check_parts.h"

namespace atl::vip {
namespace {

Status has_groups(const cloud::BackendService& service, const Pool& pool) {
  for (const NodeSpec& node : pool.nodes)
    if (!node.endpoint_group.empty() &&
        std::ranges::find(service.groups, node.endpoint_group) == service.groups.end())
      return fail(Errc::kUnsupported,
                  fmt::format("group {} of node {} is not a backend of service {}",
                              node.endpoint_group, node.name, service.name));
  return {};
}

Task<Result<cloud::Health>> health_of(Round* round, const Pool* pool, std::string service,
                                      const NodeSpec* node) {
  return round->backend_health(pool->region, std::move(service), node->instance);
}

}  // namespace

LbMover::LbMover(env::Env& env, cloud::Compute& compute)
    : env_(env), compute_(compute), strikes_("gcp-lb") {}

Task<Status> LbMover::check(const Pool& pool) {
  ATOLL_CO_TRY_STATUS(check_sizes(pool));
  Round round(env_, compute_);
  ATOLL_CO_TRY(const cloud::NetworkFeatures features,
               co_await round.network_features(pool.network));
  if (!features.load_balancing)
    co_return fail(Errc::kUnsupported, not_on(features, "load balancing"));
  ATOLL_CO_TRY_STATUS(co_await check_forwarding(&round, pool));
  std::set<std::string> names;
  for (const auto& [vip, name] : pool.services) names.insert(name);
  for (const std::string& name : names) {
    Result<cloud::BackendService> service = co_await round.backend_service(pool.region, name);
    if (!service)
      co_return fail(std::move(service.error()).with_context("backend service " + name));
    if (service->fast_ip_move)
      co_return fail(
          Errc::kUnsupported,
          fmt::format("backend service {} has an haPolicy, which excludes health checks: "
                      "use gcp-garp",
                      name));
    ATOLL_CO_TRY_STATUS(has_groups(*service, pool));
  }
  co_return Status{};
}

Task<Outcome> LbMover::reconcile(const Pool& pool, std::vector<Wanted> wanted, std::set<Vip> urgent,
                                 MayGoOn may) {
  (void)may;  // nothing is changed
  Round round(env_, compute_);
  std::map<Vip, Error> trouble;
  std::vector<Service> services;
  std::set<std::string> all;
  for (const Wanted& want : wanted) {
    const Result<std::string> name = own_service(pool, want.vip);
    if (name) {
      services.push_back({*name, want, {}});
      all.insert(*name);
    } else {
      trouble.insert_or_assign(want.vip, name.error());
    }
  }
  std::set<std::string> closely;
  if (urgent.empty())
    closely = rotation_.next(all, std::max<size_t>(1, kLooksPerRound / pool.nodes.size()));
  std::vector<Task<void>> looks;
  for (Service& service : services)
    if (urgent.empty() || urgent.contains(service.want.vip))
      looks.push_back(look(&round, &pool, &service, closely.contains(service.name)));
  co_await env::when_all(env_, std::move(looks));
  for (const Service& service : services)
    if (!service.state) trouble.insert_or_assign(service.want.vip, service.state.error());
  Outcome outcome;
  outcome.unfinished = strikes_.conclude(wanted, trouble);
  outcome.api_calls = round.api_calls();
  co_return outcome;
}

Task<void> LbMover::look(Round* round, const Pool* pool, Service* service, bool others) {
  service->state = co_await look_at(round, pool, service, others);
}

Task<Status> LbMover::look_at(Round* round, const Pool* pool, const Service* service, bool others) {
  const NodeName holder = service->want.node;
  const NodeSpec* wanted = pool->find(holder);
  if (wanted == nullptr)
    co_return fail(Errc::kInvalidArgument, "node " + holder + " is not of the pool");
  Result<cloud::BackendService> seen = co_await round->backend_service(pool->region, service->name);
  if (!seen)
    co_return fail(std::move(seen.error()).with_context("backend service " + service->name));
  ATOLL_CO_TRY_STATUS(has_groups(*seen, *pool));

  std::vector<const NodeSpec*> nodes{wanted};
  for (const NodeSpec& node : pool->nodes)
    if (others && &node != wanted) nodes.push_back(&node);
  std::vector<Task<Result<cloud::Health>>> reads;
  for (const NodeSpec* node : nodes) reads.push_back(health_of(round, pool, service->name, node));
  const std::vector<Result<cloud::Health>> health =
      co_await env::when_all(round->env(), std::move(reads));
  for (size_t i = 0; i < nodes.size(); ++i) {
    const bool is_holder = nodes[i] == wanted;
    // An instance that is gone, or is no endpoint now, is not healthy either.
    if (!health[i] && (is_holder || health[i].error().code != Errc::kNotFound))
      co_return fail(health[i].error());
    const bool healthy = health[i] && *health[i] == cloud::Health::kHealthy;
    if (healthy == is_holder) continue;
    co_return fail(
        Errc::kUnavailable,
        fmt::format("the load balancer finds {} {} for service {}, {} holds it", nodes[i]->name,
                    healthy ? "still healthy" : "not yet healthy", service->name, holder));
  }
  co_return Status{};
}

}  // namespace atl::vip
