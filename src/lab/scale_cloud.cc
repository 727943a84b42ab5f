#include "lab/scale_cloud.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace atl::lab {
namespace {

constexpr const char* kNetwork = "net";
constexpr const char* kSubnet = "sub";
constexpr const char* kRegion = "r1";

std::string address_text(const char* first, size_t i) {
  return vip::Vip{vip::Vip::parse(first)->number + static_cast<uint32_t>(i)}.to_string();
}

// Primary addresses of the nodes: 10.0.16.10 and on.
std::string primary(size_t node) {
  return address_text("10.0.16.10", node);
}

Status add_services(cloud::EmulatedCompute& cloud, const vip::Pool& pool,
                    const cloud::Delays& delays) {
  std::map<std::string, cloud::EndpointGroup> groups;
  for (const vip::NodeSpec& node : pool.nodes) {
    cloud::EndpointGroup& group = groups[node.endpoint_group];
    group.name = node.endpoint_group;
    group.network = kNetwork;
    group.instances.push_back(node.instance);
  }
  for (const auto& [name, group] : groups) ATOLL_TRY_STATUS(cloud.add_endpoint_group(group));
  for (const auto& [vip, name] : pool.services) {
    cloud::EmulatedService service;
    service.service.name = name;
    service.service.region = kRegion;
    service.service.fast_ip_move = pool.mover == "gcp-garp";
    for (const auto& [group, endpoints] : groups) service.service.groups.push_back(group);
    service.network = kNetwork;
    service.drop_traffic_if_unhealthy = true;
    if (pool.mover == "gcp-lb") service.health_check = cloud::HealthCheck::from(delays);
    ATOLL_TRY_STATUS(cloud.add_backend_service(service));
    const cloud::ForwardingRule rule{name, kRegion, vip.to_string(), name};
    ATOLL_TRY_STATUS(cloud.add_forwarding_rule(rule));
  }
  return {};
}

Status add_managed_groups(cloud::EmulatedCompute& cloud, const vip::Pool& pool) {
  std::map<std::string, cloud::ManagedGroup> groups;
  for (size_t i = 0; i < pool.nodes.size(); ++i) {
    const vip::NodeSpec& node = pool.nodes[i];
    cloud::ManagedGroup& group = groups[node.endpoint_group];
    group.zone = node.instance.zone;
    group.name = node.endpoint_group;
    group.instances.push_back(node.instance);
    group.reserved.push_back(primary(i));
    group.autohealing_delay = kScaleAutohealing;
    group.probes = true;
  }
  for (const auto& [name, group] : groups) ATOLL_TRY_STATUS(cloud.add_managed_group(group));
  return {};
}

}  // namespace

vip::Pool scale_pool(const ScaleSpec& spec) {
  vip::Pool pool;
  pool.name = "p";
  pool.serves = "scale";
  pool.mover = spec.mover;
  for (size_t i = 0; i < spec.nodes; ++i) {
    const char letter = static_cast<char>('a' + i % spec.domains);
    vip::NodeSpec node;
    node.name = fmt::format("n{:04}", i);
    node.domain = fmt::format("d{}", letter);
    node.instance = {fmt::format("{}-{}", kRegion, letter), node.name};
    node.endpoint_group = fmt::format("group-{}", letter);
    pool.nodes.push_back(std::move(node));
  }
  // A route's address is outside every subnet, an alias is inside the interface's.
  const char* first = spec.mover == "gcp-route"  ? "10.99.0.10"
                      : spec.mover == "gcp-pool" ? "10.0.16.10"
                                                 : "10.0.128.10";
  for (size_t i = 0; i < spec.addresses; ++i)
    pool.addresses.push_back(*vip::Vip::parse(address_text(first, i)));
  if (spec.mover == "linux-arp") return pool;
  pool.network = kNetwork;
  pool.subnetwork = kSubnet;
  pool.region = kRegion;
  if (spec.mover == "gcp-lb" || spec.mover == "gcp-garp")
    for (size_t i = 0; i < spec.addresses; ++i)
      pool.services[pool.addresses[i]] = fmt::format("svc-{:04}", i);
  return pool;
}

Status build_scale_cloud(cloud::EmulatedCompute& cloud, const vip::Pool& pool,
                         const cloud::Delays& delays) {
  cloud::NetworkFeatures features;
  features.network = kNetwork;
  features.static_routes_left = delays.static_routes_per_network.value;
  ATOLL_TRY_STATUS(cloud.add_network(features));
  cloud::Subnetwork subnet;
  subnet.name = kSubnet;
  subnet.network = kNetwork;
  subnet.cidr = "10.0.0.0/16";
  ATOLL_TRY_STATUS(cloud.add_subnetwork(kRegion, subnet));
  for (size_t i = 0; i < pool.nodes.size(); ++i) {
    cloud::NetworkInterface nic;
    nic.name = pool.nodes[i].nic;
    nic.network = kNetwork;
    nic.subnetwork = kSubnet;
    nic.network_ip = primary(i);
    cloud::Instance instance;
    instance.ref = pool.nodes[i].instance;
    instance.can_ip_forward = pool.mover == "gcp-route";
    instance.interfaces.push_back(nic);
    ATOLL_TRY_STATUS(cloud.add_instance(instance));
  }
  if (pool.mover == "gcp-pool") return add_managed_groups(cloud, pool);
  return add_services(cloud, pool, delays);
}

std::string why_not_at_scale(const ScaleSpec& spec) {
  if (spec.mover == "gcp-pool" && spec.addresses != spec.nodes)
    return "nothing floats: an address is its instance's, one a node";
  if (spec.mover == "gcp-lb") {
    const double interval =
        std::chrono::duration<double>(spec.delays.lb_probe_interval.median).count();
    const double probes = static_cast<double>(spec.nodes * spec.addresses) / interval;
    if (probes > static_cast<double>(kScaleProbesMax))
      return fmt::format(
          "{} services that each probe {} nodes are {:.0f} probes a second, more "
          "than the {} that are simulated",
          spec.addresses, spec.nodes, probes, kScaleProbesMax);
  }
  return {};
}

}  // namespace atl::lab
