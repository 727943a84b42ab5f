// Operations: a change is taken by a call, begins when those before it have ended, ends after a
// drawn delay, and reaches the fabric after another.
#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "cloud/emulated_core.h"

namespace atl::cloud {
namespace {

using Core = EmulatedCompute::Core;

std::unexpected<Error> stale(std::string_view what) {
  return fail(Errc::kConflict, fmt::format("412 conditionNotMet: the fingerprint of {} is stale; "
                                           "read it again",
                                           what));
}

std::unexpected<Error> in_use(const AliasRange& alias, std::string_view by) {
  return fail(Errc::kConflict, fmt::format("IP_IN_USE_BY_ANOTHER_RESOURCE: IP '{}' is already "
                                           "being used by another resource ({})",
                                           alias.cidr, by));
}

AddressBlock block_of(const AliasRange& alias) {
  const auto block = AddressBlock::parse(alias.cidr);
  ATOLL_CHECK(block.has_value(), alias.cidr);
  return *block;
}

// Those of `a` that are not in `b`.
std::vector<AliasRange> without(const std::vector<AliasRange>& a,
                                const std::vector<AliasRange>& b) {
  std::vector<AliasRange> rest;
  for (const AliasRange& alias : a)
    if (std::ranges::find(b, alias) == b.end()) rest.push_back(alias);
  return rest;
}

}  // namespace

Result<std::optional<Operation>> Core::repeated(Call call, const std::string& request_id) const {
  const auto it = request_ids.find(request_id);
  if (it == request_ids.end()) return std::optional<Operation>();
  const OperationEntry& entry = operations.at(it->second);
  if (entry.call != call)
    return fail(Errc::kInvalidArgument, "the request id was used for another kind of change");
  return std::optional<Operation>(entry.operation);
}

Operation Core::take(const Ticket& ticket, Operation::Scope scope, std::string location,
                     std::string request_id, Change change) {
  OperationEntry entry;
  entry.operation.scope = scope;
  entry.operation.location = std::move(location);
  entry.operation.name = fmt::format("operation-{}", ++last_operation);
  entry.call = ticket.call;
  entry.request_id = request_id;
  change.operation = entry.operation.name;
  change.fault = ticket.fault;
  if (!request_id.empty()) request_ids[std::move(request_id)] = entry.operation.name;
  const Operation answer = entry.operation;
  operation_order.push_back(answer.name);
  operations.emplace(answer.name, std::move(entry));
  forget_old_operations();

  const std::string subject = change.subject;
  std::deque<Change>& line = changes[subject];
  line.push_back(std::move(change));
  if (line.size() == 1) begin_next(subject);
  return answer;
}

void Core::begin_next(const std::string& subject) {
  const Change& change = changes.at(subject).front();
  const bool nothing =
      change.fault == Fault::Kind::kDoneNothing || change.fault == Fault::Kind::kNeverDone;
  const Status begun = nothing ? Status{} : change.begin();
  after(draw(change.duration), [this, subject, begun] { end_first(subject, begun); });
}

void Core::end_first(const std::string& subject, Status begun) {
  const auto line = changes.find(subject);
  ATOLL_CHECK(line != changes.end() && !line->second.empty());
  const Change change = std::move(line->second.front());
  line->second.pop_front();

  bool done = true;
  Status outcome = begun;
  if (change.fault == Fault::Kind::kDoneNothing || change.fault == Fault::Kind::kNeverDone) {
    done = change.fault == Fault::Kind::kDoneNothing;
    if (change.dropped) change.dropped();
  } else {
    done = change.fault != Fault::Kind::kChangedNotDone;
    if (outcome) outcome = change.apply();
    if (!outcome && change.dropped) change.dropped();
  }
  if (const auto it = operations.find(change.operation); it != operations.end() && done) {
    it->second.operation.done = true;
    if (!outcome) it->second.operation.error = outcome.error();
  }
  if (line->second.empty()) {
    changes.erase(line);
  } else {
    begin_next(subject);
  }
}

void Core::forget_old_operations() {
  while (operation_order.size() > kOperationsKept) {
    const auto it = operations.find(operation_order.front());
    request_ids.erase(it->second.request_id);
    operations.erase(it);
    operation_order.pop_front();
  }
}

// --- Aliases ---

Status Core::check_alias(const Subnet& subnet, AliasRange& alias) const {
  ATOLL_TRY(const AddressBlock block, AddressBlock::parse(alias.cidr));
  alias.cidr = block.to_string();
  AddressBlock range = subnet.primary;
  if (!alias.range_name.empty()) {
    const auto it = subnet.secondary.find(alias.range_name);
    if (it == subnet.secondary.end())
      return fail(Errc::kInvalidArgument,
                  fmt::format("the subnetwork {} has no secondary range '{}'",
                              subnet.subnetwork.name, alias.range_name));
    range = it->second;
  }
  if (!range.contains(block))
    return fail(
        Errc::kInvalidArgument,
        fmt::format("the alias {} is not in the subnetwork's {} range {}", alias.cidr,
                    alias.range_name.empty() ? "primary" : alias.range_name, range.to_string()));
  return {};
}

Result<Operation> Core::change_aliases(const Ticket& ticket, const InstanceRef& ref,
                                       std::string nic, std::string fingerprint,
                                       std::vector<AliasRange> aliases, std::string request_id) {
  ATOLL_TRY(const auto earlier, repeated(ticket.call, request_id));
  if (earlier) return *earlier;
  const NetworkInterface* found = interface(ref, nic);
  if (found == nullptr)
    return fail(Errc::kNotFound, fmt::format("no interface {} of {}", nic, text_of(ref)));
  if (found->fingerprint != fingerprint) return stale(text_of(ref));
  const Network& network = networks.at(found->network);
  if (!network.features.alias_ip && !aliases.empty())
    return fail(Errc::kUnsupported,
                fmt::format("the network {} (profile '{}') does not allow alias IP ranges",
                            found->network, network.features.profile));
  if (aliases.size() > gate.quotas.aliases_per_interface)
    return fail(Errc::kNoSpace, fmt::format("LIMIT_EXCEEDED: {} alias ranges on an interface, "
                                            "at most {}",
                                            aliases.size(), gate.quotas.aliases_per_interface));
  const Subnet& subnet = subnets.at(service_key(region_of(ref.zone), found->subnetwork));
  std::vector<AddressBlock> blocks;
  for (AliasRange& alias : aliases) {
    ATOLL_TRY_STATUS(check_alias(subnet, alias));
    const AddressBlock block = block_of(alias);
    for (const AddressBlock& other : blocks)
      if (block.overlaps(other))
        return fail(Errc::kInvalidArgument,
                    fmt::format("the alias {} overlaps another in the list", alias.cidr));
    blocks.push_back(block);
  }

  Change change;
  change.subject = fmt::format("instances/{}/{}", text_of(ref), nic);
  change.duration = &Delays::alias_operation;
  change.begin = [this, ref, nic, fingerprint, aliases]() -> Status {
    const NetworkInterface* now = interface(ref, nic);
    if (now == nullptr) return fail(Errc::kNotFound, "the instance is gone");
    if (now->fingerprint != fingerprint) return stale(text_of(ref));
    return check_free(ref, *now, aliases);
  };
  change.apply = [this, ref, nic, fingerprint, aliases] {
    return apply_aliases(ref, nic, fingerprint, aliases);
  };
  return take(ticket, Operation::Scope::kZone, ref.zone, std::move(request_id), std::move(change));
}

// Would the list be free once what it leaves out is gone?
Status Core::check_free(const InstanceRef& ref, const NetworkInterface& nic,
                        const std::vector<AliasRange>& wanted) {
  Network& network = networks.at(nic.network);
  const std::vector<AliasRange> removed = without(nic.aliases, wanted);
  for (const AliasRange& alias : removed) network.addresses.release(block_of(alias));
  Status free;
  for (const AliasRange& alias : without(wanted, nic.aliases)) {
    const AddressBlock block = block_of(alias);
    const AddressHolder* holder = network.addresses.holder(block);
    const auto reserved = network.reserved.lower_bound(block.first);
    if (holder != nullptr) {
      free = in_use(alias, holder->text);
    } else if (reserved != network.reserved.end() && block.contains(*reserved)) {
      free = in_use(alias, "a reserved address");
    }
    if (!free) break;
  }
  for (const AliasRange& alias : removed)
    network.addresses.take(block_of(alias),
                           {AddressHolder::Kind::kAlias, ref, "instance " + text_of(ref)});
  return free;
}

Status Core::apply_aliases(const InstanceRef& ref, const std::string& nic,
                           const std::string& fingerprint, std::vector<AliasRange> wanted) {
  NetworkInterface* now = interface(ref, nic);
  if (now == nullptr) return fail(Errc::kNotFound, "the instance is gone");
  if (now->fingerprint != fingerprint) return stale(text_of(ref));
  ATOLL_TRY_STATUS(check_free(ref, *now, wanted));
  AddressBook& addresses = networks.at(now->network).addresses;
  std::vector<AliasRange> changed = without(now->aliases, wanted);
  for (const AliasRange& alias : changed) addresses.release(block_of(alias));
  for (const AliasRange& alias : without(wanted, now->aliases)) {
    addresses.take(block_of(alias), {AddressHolder::Kind::kAlias, ref, "instance " + text_of(ref)});
    changed.push_back(alias);
  }
  now->aliases = std::move(wanted);
  now->fingerprint = next_fingerprint();
  if (!changed.empty())
    after(draw(&Delays::alias_propagation),
          [this, ref, nic, changed] { follow_aliases(ref, nic, changed); });
  return {};
}

// The fabric takes what is true by now, so that updates that overtake one another do no harm.
void Core::follow_aliases(const InstanceRef& ref, const std::string& nic,
                          const std::vector<AliasRange>& changed) {
  const NetworkInterface* now = interface(ref, nic);
  if (now == nullptr) return;  // deleted: its aliases have left the fabric already
  for (const AliasRange& alias : changed) {
    if (std::ranges::find(now->aliases, alias) != now->aliases.end()) {
      fabric.bind_alias(now->network, block_of(alias), ref);
    } else {
      fabric.unbind_alias(now->network, block_of(alias), ref);
    }
  }
  data_plane_changed();
}

// --- Routes ---

Result<Operation> Core::add_route(const Ticket& ticket, Route route, std::string request_id) {
  ATOLL_TRY(const auto earlier, repeated(ticket.call, request_id));
  if (earlier) return *earlier;
  const auto network = networks.find(route.network);
  if (network == networks.end())
    return fail(Errc::kNotFound, fmt::format("the network '{}' was not found", route.network));
  const NetworkFeatures& features = network->second.features;
  if (!features.static_routes || !features.ip_forwarding)
    return fail(
        Errc::kUnsupported,
        fmt::format("the network {} (profile '{}') does not allow {}", route.network,
                    features.profile, features.static_routes ? "IP forwarding" : "static routes"));
  if (routes.contains(route.name))
    return fail(Errc::kExists, fmt::format("409: the route '{}' already exists", route.name));
  ATOLL_TRY(const AddressBlock destination, AddressBlock::parse(route.destination));
  route.destination = destination.to_string();
  for (const auto& [key, subnet] : subnets) {
    if (subnet.subnetwork.network != route.network) continue;
    bool inside = subnet.primary.contains(destination);
    for (const auto& [name, range] : subnet.secondary) inside |= range.contains(destination);
    if (inside)
      return fail(Errc::kInvalidArgument,
                  fmt::format("the destination {} hides addresses of the subnetwork {}",
                              route.destination, subnet.subnetwork.name));
  }
  if (route.priority > 65535) return fail(Errc::kInvalidArgument, "a priority is 0 to 65535");
  const Machine* hop = machine(route.next_hop);
  if (hop == nullptr ||
      std::ranges::count(hop->instance.interfaces, route.network, &NetworkInterface::network) == 0)
    return fail(Errc::kInvalidArgument, fmt::format("the next hop {} is not in the network {}",
                                                    text_of(route.next_hop), route.network));
  if (network->second.routes >= gate.quotas.static_routes_per_network)
    return fail(Errc::kNoSpace, fmt::format("QUOTA_EXCEEDED: STATIC_ROUTES_PER_NETWORK is {}",
                                            gate.quotas.static_routes_per_network));

  ++network->second.routes;
  const uint64_t id = ++last_route;
  const std::string name = route.name;
  routes[name] = {std::move(route), destination, false, id};
  Change change;
  change.subject = "routes/" + name;
  change.duration = &Delays::route_insert_operation;
  change.begin = [] { return Status{}; };
  change.apply = [this, name, id]() -> Status {
    routes.at(name).ready = true;
    after(draw(&Delays::route_propagation), [this, name, id] {
      const auto it = routes.find(name);
      if (it == routes.end() || it->second.id != id) return;  // deleted meanwhile
      fabric.program(it->second.route, it->second.destination);
      programmed_routes[name] = id;
      data_plane_changed();
    });
    return {};
  };
  change.dropped = [this, name] {
    --networks.at(routes.at(name).route.network).routes;
    routes.erase(name);
  };
  return take(ticket, Operation::Scope::kGlobal, "", std::move(request_id), std::move(change));
}

Result<Operation> Core::drop_route(const Ticket& ticket, std::string name, std::string request_id) {
  ATOLL_TRY(const auto earlier, repeated(ticket.call, request_id));
  if (earlier) return *earlier;
  if (!routes.contains(name))
    return fail(Errc::kNotFound, fmt::format("the route '{}' was not found", name));
  Change change;
  change.subject = "routes/" + name;
  change.duration = &Delays::route_delete_operation;
  change.begin = [this, name]() -> Status {
    if (!routes.contains(name)) return fail(Errc::kNotFound, "the route is gone");
    return {};
  };
  change.apply = [this, name]() -> Status {
    const auto it = routes.find(name);
    if (it == routes.end()) return fail(Errc::kNotFound, "the route is gone");
    const uint64_t id = it->second.id;
    --networks.at(it->second.route.network).routes;
    routes.erase(it);
    after(draw(&Delays::route_propagation), [this, name, id] {
      // Not there yet, or another of that name by now: nothing to take away.
      const auto programmed = programmed_routes.find(name);
      if (programmed == programmed_routes.end() || programmed->second != id) return;
      programmed_routes.erase(programmed);
      fabric.unprogram(name);
      data_plane_changed();
    });
    return {};
  };
  return take(ticket, Operation::Scope::kGlobal, "", std::move(request_id), std::move(change));
}

// --- Leaders ---

Result<Operation> Core::change_leader(const Ticket& ticket, std::string region, std::string name,
                                      std::string fingerprint, HaLeader leader,
                                      std::string request_id) {
  ATOLL_TRY(const auto earlier, repeated(ticket.call, request_id));
  if (earlier) return *earlier;
  const std::string key = service_key(region, name);
  const auto found = services.find(key);
  if (found == services.end())
    return fail(Errc::kNotFound, fmt::format("the backend service '{}' was not found", key));
  const BackendService& service = found->second.config.service;
  if (service.fingerprint != fingerprint) return stale(key);
  if (!service.fast_ip_move)
    return fail(Errc::kInvalidArgument, fmt::format("the backend service {} has no haPolicy", key));
  if (std::ranges::count(service.groups, leader.group) == 0)
    return fail(Errc::kInvalidArgument,
                fmt::format("the group {} is no backend of {}", leader.group, key));
  if (std::ranges::count(endpoint_groups.at(leader.group), leader.instance) == 0)
    return fail(Errc::kInvalidArgument, fmt::format("{} is no endpoint of the group {}",
                                                    text_of(leader.instance), leader.group));
  Change change;
  change.subject = "services/" + key;
  change.duration = &Delays::leader_operation;
  change.begin = [this, key, fingerprint]() -> Status {
    if (services.at(key).config.service.fingerprint != fingerprint) return stale(key);
    return {};
  };
  change.apply = [this, key, leader]() -> Status {
    BackendService& now = services.at(key).config.service;
    now.leader = leader;
    now.fingerprint = next_fingerprint();
    const uint64_t version = ++last_leader;
    after(draw(&Delays::leader_propagation), [this, key, leader, version] {
      Fabric::Service* service = fabric.service(key);
      if (service->leader_version > version) return;
      service->leader_version = version;
      service->leader = leader.instance;
      data_plane_changed();
    });
    return {};
  };
  return take(ticket, Operation::Scope::kRegion, region, std::move(request_id), std::move(change));
}

}  // namespace atl::cloud
