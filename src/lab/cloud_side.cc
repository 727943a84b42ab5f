#include "lab/cloud_side.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "base/log.h"

namespace atl::lab {
namespace {

std::string service_name(size_t number) {
  return fmt::format("vip-{}", number + 1);
}

cloud::EmulatorOptions emulator_options() {
  cloud::EmulatorOptions options;
  options.project = kProject;
  options.networks = {std::string(kVpc)};
  options.require_token = true;  // of the emulated metadata server, on the same address
  return options;
}

// The API's own view: who has the address as an alias. "" nobody.
std::string alias_owner(const cloud::EmulatedCompute& compute, const vip::Pool& pool,
                        vip::Vip vip) {
  const std::string cidr = vip.to_string() + "/32";
  for (const vip::NodeSpec& node : pool.nodes) {
    const std::optional<cloud::Instance> instance = compute.look(node.instance);
    const cloud::NetworkInterface* nic = instance ? instance->find(node.nic) : nullptr;
    if (nic != nullptr && std::ranges::any_of(nic->aliases, [&](const cloud::AliasRange& alias) {
          return alias.cidr == cidr;
        }))
      return node.name;
  }
  return {};
}

}  // namespace

cloud::InstanceRef instance_ref(const std::string& node) {
  return {std::string(kZone), node};
}

vip::Pool make_lab_pool(const MoverInfo& mover, const NetLab& lab) {
  vip::Pool pool;
  pool.name = "lab";
  pool.serves = "lab";
  pool.mover = mover.name;
  const size_t nodes = lab.options().nodes;
  for (size_t i = 1; i <= nodes; ++i) {
    vip::NodeSpec node;
    node.name = node_name(i);
    node.domain = lab.domain_of(i);
    node.instance = instance_ref(node.name);
    node.address = node_place(i).client_address();
    if (mover.name == "gcp-garp" || mover.name == "gcp-lb") node.endpoint_group = kEndpointGroup;
    pool.nodes.push_back(std::move(node));
  }
  const size_t addresses = std::max(nodes, std::min(2 * nodes, kAddressesGoal));
  for (size_t i = 1; i <= addresses; ++i)
    pool.addresses.push_back(lab_vip(i, /*outside_subnet=*/mover.name == "gcp-route"));
  if (!mover.cloud) return pool;
  pool.network = kVpc;
  pool.subnetwork = kSubnetName;
  pool.region = kRegion;
  if (mover.name == "gcp-garp" || mover.name == "gcp-lb")
    for (size_t i = 0; i < addresses; ++i) pool.services[pool.addresses[i]] = service_name(i);
  return pool;
}

CloudSide::CloudSide(env::Env& env, NetLab& lab, Ledger& ledger, const vip::Pool& pool,
                     uint64_t seed)
    : env_(env),
      lab_(lab),
      ledger_(ledger),
      pool_(pool),
      compute_(env, seed, cloud::Delays::zero()),
      http_(env, compute_, emulator_options()),
      alive_(std::make_shared<bool>(true)) {}

CloudSide::~CloudSide() {
  *alive_ = false;
  http_.stop();
}

Status CloudSide::start() {
  ATOLL_TRY_STATUS(build());
  compute_.on_data_plane_change([this] { follow(); });
  if (pool_.mover == "gcp-lb") {
    ATOLL_TRY(prober_, HealthProber::start(lab_));
    // Every node is asked, as a load balancer does: one that answers for what it does not hold is
    // found healthy.
    compute_.set_probe([this](const cloud::InstanceRef& ref, std::string_view address) {
      const Result<vip::Vip> vip = vip::Vip::parse(address);
      return vip && prober_->answers(node_number(ref.name), *vip);
    });
  }
  return http_.listen({kRunnerAddress, kCloudPort});
}

Status CloudSide::build() {
  cloud::NetworkFeatures features;
  features.network = kVpc;
  ATOLL_TRY_STATUS(compute_.add_network(features));
  cloud::Subnetwork subnetwork;
  subnetwork.name = kSubnetName;
  subnetwork.network = kVpc;
  subnetwork.cidr = kSubnet;
  ATOLL_TRY_STATUS(compute_.add_subnetwork(std::string(kRegion), subnetwork));
  for (const vip::NodeSpec& node : pool_.nodes) {
    cloud::NetworkInterface nic;
    nic.name = node.nic;
    nic.network = kVpc;
    nic.subnetwork = kSubnetName;
    nic.network_ip = node_place(node_number(node.name)).client_address();
    cloud::Instance instance;
    instance.ref = node.instance;
    instance.can_ip_forward = pool_.mover == "gcp-route";
    instance.interfaces.push_back(nic);
    ATOLL_TRY_STATUS(compute_.add_instance(instance));
  }
  if (pool_.mover == "gcp-garp") return build_services(true);
  if (pool_.mover == "gcp-lb") return build_services(false);
  return {};
}

Status CloudSide::build_services(bool fast_move) {
  cloud::EndpointGroup group;
  group.name = kEndpointGroup;
  group.network = kVpc;
  for (const vip::NodeSpec& node : pool_.nodes) group.instances.push_back(node.instance);
  ATOLL_TRY_STATUS(compute_.add_endpoint_group(group));
  http_.add_group({group.name, std::string(kZone), group.instances});
  for (const auto& [vip, name] : pool_.services) {
    cloud::EmulatedService service;
    service.service.name = name;
    service.service.region = kRegion;
    service.service.fast_ip_move = fast_move;
    service.service.groups = {group.name};
    service.network = kVpc;
    service.drop_traffic_if_unhealthy = true;
    if (!fast_move) service.health_check = cloud::HealthCheck::from(compute_.delays());
    ATOLL_TRY_STATUS(compute_.add_backend_service(service));
    cloud::ForwardingRule rule;
    rule.name = name;
    rule.region = kRegion;
    rule.address = vip.to_string();
    rule.backend_service = name;
    ATOLL_TRY_STATUS(compute_.add_forwarding_rule(rule));
  }
  return {};
}

void CloudSide::garp(size_t node, vip::Vip vip) {
  boost::asio::post(env_.io(), [this, alive = std::weak_ptr<bool>(alive_), node, vip] {
    const std::shared_ptr<bool> here = alive.lock();
    if (here && *here) compute_.garp(instance_ref(node_name(node)), vip.to_string());
  });
}

void CloudSide::power(size_t node, cloud::Power power) {
  const Status done = compute_.power(instance_ref(node_name(node)), power);
  if (!done) ATOLL_LOG(kWarn, "lab", done.error().to_string());
}

void CloudSide::follow() {
  const int64_t now = real_now().count();
  for (const vip::Vip vip : pool_.addresses) {
    if (pool_.mover == "gcp-alias") ledger_.note_api(vip, alias_owner(compute_, pool_, vip), now);
    const std::optional<cloud::InstanceRef> at = compute_.delivered_to(kVpc, vip.to_string());
    const std::string node = at ? at->name : std::string();
    if (ledger_.delivered(vip) == node) continue;
    const size_t number = node_number(node);
    const Status done =
        lab_.deliver(vip, number == 0 ? std::nullopt : std::optional<size_t>(number));
    if (!done) ATOLL_LOG(kWarn, "lab", done.error().to_string());
    ledger_.note_delivery(vip, node, real_now().count());
  }
}

}  // namespace atl::lab
