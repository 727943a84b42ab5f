#include "vip/movers/pool_mover.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "vip/movers/check_parts.h"

namespace atl::vip {

struct PoolMover::Group {
  std::string zone;
  std::string name;
  Result<std::vector<cloud::ManagedInstance>> instances;
};

namespace {

NodeName node_name(const Pool& pool, const cloud::InstanceRef& instance) {
  for (const NodeSpec& node : pool.nodes)
    if (node.instance == instance) return node.name;
  return instance.name;
}

}  // namespace

Task<std::vector<PoolMover::Group>> PoolMover::read_groups(Round* round, const Pool& pool) {
  std::set<std::pair<std::string, std::string>> names;
  for (const NodeSpec& node : pool.nodes) names.emplace(node.instance.zone, node.endpoint_group);
  std::vector<Task<Result<std::vector<cloud::ManagedInstance>>>> reads;
  for (const auto& [zone, name] : names) reads.push_back(round->managed_instances(zone, name));
  auto results = co_await env::when_all(env_, std::move(reads));
  std::vector<Group> groups;
  size_t i = 0;
  for (const auto& [zone, name] : names)
    groups.push_back(Group{zone, name, std::move(results[i++])});
  co_return groups;
}

Task<Status> PoolMover::check(const Pool& pool) {
  ATOLL_CO_TRY_STATUS(check_sizes(pool));
  for (const NodeSpec& node : pool.nodes)
    if (node.endpoint_group.empty())
      co_return fail(Errc::kUnsupported,
                     fmt::format("node {} names no managed instance group", node.name));
  Round round(env_, compute_);
  const std::vector<Group> groups = co_await read_groups(&round, pool);
  size_t instances = 0;
  for (const Group& group : groups) {
    if (!group.instances) {
      Error error = group.instances.error();
      co_return fail(std::move(error).with_context(
          fmt::format("managed instance group {}/{}", group.zone, group.name)));
    }
    instances += group.instances->size();
  }
  if (pool.addresses.size() < instances)
    co_return fail(
        Errc::kUnsupported,
        fmt::format("{} instances need an address each, the pool has {}: nothing floats, "
                    "an address is its instance's until that is replaced",
                    instances, pool.addresses.size()));
  ATOLL_LOG(kInfo, "vip", "nothing floats in this pool: clients must follow its name in DNS",
            {{"pool", pool.name}, {"instances", instances}, {"addresses", pool.addresses.size()}});
  co_return Status{};
}

Task<Outcome> PoolMover::reconcile(const Pool& pool, std::vector<Wanted> wanted,
                                   std::set<Vip> urgent, MayGoOn may) {
  (void)urgent;  // there is nothing to do first
  (void)may;     // and nothing to change
  Round round(env_, compute_);
  const std::vector<Group> groups = co_await read_groups(&round, pool);
  const std::set<Vip> addresses(pool.addresses.begin(), pool.addresses.end());
  std::map<Vip, NodeName> now;
  std::map<Vip, std::string> not_running;
  std::optional<Error> unread;
  for (const Group& group : groups) {
    if (!group.instances) {
      unread = group.instances.error();
      continue;
    }
    for (const cloud::ManagedInstance& instance : *group.instances) {
      const Result<Vip> vip = Vip::parse(instance.address);
      if (!vip || !addresses.contains(*vip)) continue;
      if (instance.status == "RUNNING") {
        now[*vip] = node_name(pool, instance.ref);
      } else {
        not_running[*vip] = fmt::format("{} is {}", instance.ref.name, instance.status);
      }
    }
  }
  Outcome outcome;
  outcome.api_calls = round.api_calls();
  for (const Wanted& want : wanted) {
    if (now.contains(want.vip)) continue;
    Error why(Errc::kNotFound, "no instance of the group has it now");
    auto idle = not_running.find(want.vip);
    if (idle != not_running.end()) {
      why = Error(Errc::kUnavailable, idle->second);
    } else if (unread) {
      why = *unread;
      auto before = found_.find(want.vip);
      if (before != found_.end()) now.insert(*before);
    }
    outcome.unfinished.push_back({want.vip, std::move(why), false});
  }
  found_ = std::move(now);
  co_return outcome;
}

}  // namespace atl::vip
