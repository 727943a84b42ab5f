// Building the emulated world.
#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "cloud/emulated_core.h"

namespace atl::cloud {
namespace {

using Core = EmulatedCompute::Core;

std::unexpected<Error> unknown(std::string_view kind, std::string_view name) {
  return fail(Errc::kNotFound, fmt::format("the {} '{}' was not added", kind, name));
}

std::unexpected<Error> twice(std::string_view kind, std::string_view name) {
  return fail(Errc::kExists, fmt::format("the {} '{}' was added before", kind, name));
}

}  // namespace

Core::Machine* Core::machine(const InstanceRef& ref) {
  const auto it = machines.find(ref);
  return it == machines.end() || it->second.gone ? nullptr : &it->second;
}

NetworkInterface* Core::interface(const InstanceRef& ref, std::string_view nic) {
  Machine* found = machine(ref);
  if (found == nullptr) return nullptr;
  for (NetworkInterface& interface : found->instance.interfaces)
    if (interface.name == nic) return &interface;
  return nullptr;
}

bool Core::running(const InstanceRef& ref) {
  const Machine* found = machine(ref);
  return found != nullptr && found->instance.status == "RUNNING";
}

Result<AddressBlock> Core::address_in_subnet(const std::string& network,
                                             const std::string& address) {
  ATOLL_TRY(const AddressBlock block, AddressBlock::parse(address));
  if (!block.single())
    return fail(Errc::kInvalidArgument, fmt::format("{} is more than one address", address));
  for (const auto& [key, subnet] : subnets)
    if (subnet.subnetwork.network == network && subnet.primary.contains(block)) return block;
  return fail(Errc::kInvalidArgument,
              fmt::format("{} is in no subnetwork's primary range of {}", address, network));
}

Status EmulatedCompute::add_network(NetworkFeatures features) {
  if (core_->networks.contains(features.network)) return twice("network", features.network);
  const std::string name = features.network;
  core_->networks[name].features = std::move(features);
  return {};
}

Status EmulatedCompute::add_subnetwork(std::string region, Subnetwork subnetwork) {
  const std::string key = service_key(region, subnetwork.name);
  if (!core_->networks.contains(subnetwork.network)) return unknown("network", subnetwork.network);
  if (core_->subnets.contains(key)) return twice("subnetwork", key);
  Core::Subnet subnet;
  ATOLL_TRY(subnet.primary, AddressBlock::parse(subnetwork.cidr));
  std::vector<AddressBlock> ranges{subnet.primary};
  for (const auto& [name, cidr] : subnetwork.secondary) {
    ATOLL_TRY(subnet.secondary[name], AddressBlock::parse(cidr));
    ranges.push_back(subnet.secondary[name]);
  }
  for (const auto& [other_key, other] : core_->subnets) {
    if (other.subnetwork.network != subnetwork.network) continue;
    for (const AddressBlock& range : ranges) {
      bool overlaps = range.overlaps(other.primary);
      for (const auto& [name, block] : other.secondary) overlaps |= range.overlaps(block);
      if (overlaps)
        return fail(Errc::kConflict,
                    fmt::format("{} overlaps the subnetwork {}", range.to_string(), other_key));
    }
  }
  for (size_t i = 0; i < ranges.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (ranges[i].overlaps(ranges[j]))
        return fail(Errc::kConflict, fmt::format("ranges of {} overlap", key));
  subnet.region = std::move(region);
  subnet.subnetwork = std::move(subnetwork);
  core_->subnets.emplace(key, std::move(subnet));
  return {};
}

Status EmulatedCompute::add_instance(Instance instance) {
  const InstanceRef ref = instance.ref;
  if (core_->machines.contains(ref)) return twice("instance", text_of(ref));
  if (instance.status.empty()) instance.status = "RUNNING";
  if (instance.interfaces.empty())
    return fail(Errc::kInvalidArgument, text_of(ref) + " has no interface");
  std::set<std::pair<std::string, uint32_t>> taken;
  for (NetworkInterface& nic : instance.interfaces) {
    const std::string key = service_key(region_of(ref.zone), nic.subnetwork);
    const auto subnet = core_->subnets.find(key);
    if (subnet == core_->subnets.end() || subnet->second.subnetwork.network != nic.network)
      return unknown("subnetwork", key);
    ATOLL_TRY(const AddressBlock block, core_->address_in_subnet(nic.network, nic.network_ip));
    if (!subnet->second.primary.contains(block))
      return fail(Errc::kInvalidArgument, fmt::format("{} is not in {}", nic.network_ip, key));
    const AddressHolder* holder = core_->networks.at(nic.network).addresses.holder(block);
    if (holder != nullptr || !taken.emplace(nic.network, block.first).second)
      return fail(Errc::kConflict, fmt::format("{} is held by {}", nic.network_ip,
                                               holder ? holder->text : text_of(ref)));
    if (!nic.aliases.empty())
      return fail(Errc::kInvalidArgument, "aliases are given by set_aliases()");
    nic.fingerprint = core_->next_fingerprint();
  }
  Core::Machine machine;
  machine.instance = std::move(instance);
  for (const NetworkInterface& nic : machine.instance.interfaces) core_->hold_primary(machine, nic);
  core_->fabric.set_usable_hop(
      ref, machine.instance.status == "RUNNING" && machine.instance.can_ip_forward);
  core_->machines.emplace(ref, std::move(machine));
  core_->data_plane_changed();
  return {};
}

Status EmulatedCompute::add_reserved_address(std::string network, std::string address) {
  if (!core_->networks.contains(network)) return unknown("network", network);
  ATOLL_TRY(const AddressBlock block, core_->address_in_subnet(network, address));
  if (!core_->networks.at(network).reserved.insert(block.first).second)
    return twice("reserved address", address);
  return {};
}

Status EmulatedCompute::add_endpoint_group(EndpointGroup group) {
  if (!core_->networks.contains(group.network)) return unknown("network", group.network);
  if (core_->endpoint_groups.contains(group.name)) return twice("endpoint group", group.name);
  for (const InstanceRef& ref : group.instances) {
    const Core::Machine* machine = core_->machine(ref);
    if (machine == nullptr) return unknown("instance", text_of(ref));
    if (std::ranges::count(machine->instance.interfaces, group.network,
                           &NetworkInterface::network) == 0)
      return fail(Errc::kInvalidArgument,
                  fmt::format("{} has no interface in {}", text_of(ref), group.network));
    if (ref.zone != group.instances.front().zone)
      return fail(Errc::kInvalidArgument, "a zonal endpoint group is of one zone");
  }
  core_->endpoint_group_networks[group.name] = group.network;
  core_->endpoint_groups[group.name] = std::move(group.instances);
  return {};
}

namespace {

// What haPolicy demands and limits (API schema).
Status check_fast_move(const Core& core, const EmulatedService& config,
                       const std::vector<InstanceRef>& endpoints) {
  if (config.health_check)
    return fail(Errc::kInvalidArgument, "haPolicy is incompatible with health checks");
  if (endpoints.size() > kFastMoveEndpointsMax)
    return fail(Errc::kNoSpace, fmt::format("LIMIT_EXCEEDED: {} endpoints of a service with fast "
                                            "IP move, at most {}",
                                            endpoints.size(), kFastMoveEndpointsMax));
  size_t in_region = 0;
  std::map<InstanceRef, size_t> of_endpoint;
  for (const auto& [key, other] : core.services) {
    if (!other.config.service.fast_ip_move || other.config.network != config.network) continue;
    if (other.config.service.region == config.service.region) ++in_region;
    for (const InstanceRef& ref : other.endpoints) ++of_endpoint[ref];
  }
  bool full = in_region >= kFastMoveServicesMax;
  for (const InstanceRef& ref : endpoints) full |= of_endpoint[ref] >= kFastMoveServicesMax;
  if (full)
    return fail(Errc::kNoSpace,
                fmt::format("LIMIT_EXCEEDED: {} services with fast IP move in a network and "
                            "region, and for an endpoint",
                            kFastMoveServicesMax));
  return {};
}

Status check_health(const HealthCheck& check) {
  if (check.interval <= Nanos{} || check.timeout > check.interval ||
      check.unhealthy_threshold == 0 || check.healthy_threshold == 0)
    return fail(Errc::kInvalidArgument,
                "a health check has an interval, a timeout of at most that, and thresholds from 1");
  return {};
}

}  // namespace

Status EmulatedCompute::add_backend_service(EmulatedService config) {
  BackendService& service = config.service;
  const std::string key = service_key(service.region, service.name);
  const auto network = core_->networks.find(config.network);
  if (network == core_->networks.end()) return unknown("network", config.network);
  if (!network->second.features.load_balancing)
    return fail(Errc::kUnsupported,
                fmt::format("the network {} (profile '{}') does not allow load balancing",
                            config.network, network->second.features.profile));
  if (core_->services.contains(key)) return twice("backend service", key);
  std::vector<InstanceRef> endpoints;
  for (const std::string& group : service.groups) {
    const auto it = core_->endpoint_groups.find(group);
    if (it == core_->endpoint_groups.end()) return unknown("endpoint group", group);
    if (core_->endpoint_group_networks.at(group) != config.network)
      return fail(Errc::kInvalidArgument, fmt::format("the group {} is of another network", group));
    endpoints.insert(endpoints.end(), it->second.begin(), it->second.end());
  }
  std::ranges::sort(endpoints);
  endpoints.erase(std::ranges::unique(endpoints).begin(), endpoints.end());
  if (service.fast_ip_move) ATOLL_TRY_STATUS(check_fast_move(*core_, config, endpoints));
  if (config.health_check) ATOLL_TRY_STATUS(check_health(*config.health_check));
  if (service.leader &&
      (!service.fast_ip_move || std::ranges::count(service.groups, service.leader->group) == 0 ||
       std::ranges::count(core_->endpoint_groups.at(service.leader->group),
                          service.leader->instance) == 0))
    return fail(Errc::kInvalidArgument, "the leader is an endpoint of a backend with haPolicy");

  service.fingerprint = core_->next_fingerprint();
  Fabric::Service seen;
  seen.network = config.network;
  seen.fast_ip_move = service.fast_ip_move;
  seen.health_checked = config.health_check.has_value();
  seen.drop_if_unhealthy = config.drop_traffic_if_unhealthy;
  seen.endpoints = endpoints;
  if (service.leader) seen.leader = service.leader->instance;
  core_->fabric.add_service(key, std::move(seen));
  const bool probes = config.health_check.has_value();
  core_->services[key] = {std::move(config), std::move(endpoints), {}, {}};
  if (probes) core_->start_probing(key);
  return {};
}

Status EmulatedCompute::add_forwarding_rule(ForwardingRule rule) {
  const std::string key = service_key(rule.region, rule.name);
  if (core_->forwarding_rules.contains(key)) return twice("forwarding rule", key);
  const std::string service = service_key(rule.region, rule.backend_service);
  const auto it = core_->services.find(service);
  if (it == core_->services.end()) return unknown("backend service", service);
  const std::string& network = it->second.config.network;
  ATOLL_TRY(const AddressBlock block, core_->address_in_subnet(network, rule.address));
  AddressBook& addresses = core_->networks.at(network).addresses;
  if (const AddressHolder* holder = addresses.holder(block))
    return fail(Errc::kConflict, fmt::format("{} is held by {}", rule.address, holder->text));
  addresses.take(block, {AddressHolder::Kind::kForwardingRule, {}, "forwarding rule " + key});
  core_->fabric.add_rule(network, block.first, service);
  it->second.rules[rule.name] = rule.address;
  core_->forwarding_rules.emplace(key, std::move(rule));
  core_->data_plane_changed();
  return {};
}

Status EmulatedCompute::add_managed_group(ManagedGroup config) {
  std::string network;
  for (const InstanceRef& ref : config.instances) {
    const Core::Machine* machine = core_->machine(ref);
    if (machine == nullptr) return unknown("instance", text_of(ref));
    if (machine->group) return fail(Errc::kConflict, text_of(ref) + " is managed by another group");
    network = machine->instance.interfaces.front().network;
  }
  for (const Core::Group& other : core_->groups)
    if (other.config.zone == config.zone && other.config.name == config.name)
      return twice("managed group", config.name);
  Core::Group group;
  for (const std::string& address : config.reserved) {
    ATOLL_TRY(const AddressBlock block, core_->address_in_subnet(network, address));
    core_->networks.at(network).reserved.insert(block.first);
    if (core_->networks.at(network).addresses.holder(block) == nullptr)
      group.free.push_back(address);
  }
  const size_t number = core_->groups.size();
  for (const InstanceRef& ref : config.instances) core_->machines.at(ref).group = number;
  group.config = std::move(config);
  core_->groups.push_back(std::move(group));
  core_->watch_group(number);
  return {};
}

}  // namespace atl::cloud
