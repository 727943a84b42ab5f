// The world of test_world.h.

#include "base/check.h"
#include "vip/movers/test_world.h"

namespace atl::vip {
namespace {

void must(const Status& status) {
  ASSERT_TRUE(status) << status.error().to_string();
}

Task<void> replace_aliases(cloud::Compute* cloud, env::Env* env, cloud::InstanceRef ref,
                           std::string nic, std::vector<cloud::AliasRange> aliases) {
  Result<cloud::Instance> instance = co_await cloud->instance(ref);
  if (!instance) co_return;
  const std::string fingerprint = instance->find(nic)->fingerprint;
  const std::string id;
  Result<cloud::Operation> operation =
      co_await cloud->set_aliases(ref, nic, fingerprint, std::move(aliases), id);
  while (operation && !operation->done) {
    co_await env->sleep(1s);
    operation = co_await cloud->operation(operation->scope, operation->location, operation->name);
  }
}

}  // namespace

World::World(WorldOptions options)
    : options_(std::move(options)),
      env_(options_.seed),
      cloud_(std::make_unique<cloud::EmulatedCompute>(env_, options_.seed,
                                                      cloud::Delays::built_in())) {
  set_log_sink([](LogLevel, std::string_view) {});  // trouble is what these tests are about
  cloud::NetworkFeatures features;
  features.network = network();
  if (!options_.profile.empty()) {
    features.profile = options_.profile;
    features.alias_ip = features.load_balancing = false;
    features.static_routes = features.ip_forwarding = false;
  }
  must(cloud_->add_network(features));
  cloud::NetworkFeatures other;
  other.network = "other";
  must(cloud_->add_network(other));
  cloud::Subnetwork subnet{"sub", network(), "10.0.0.0/16", {{"vips", "10.1.0.0/22"}}};
  must(cloud_->add_subnetwork("r1", subnet));
  cloud::Subnetwork other_subnet{"other-sub", "other", "10.8.0.0/16", {}};
  must(cloud_->add_subnetwork("r1", other_subnet));

  pool_.name = "Tenants_A";
  pool_.mover = options_.mover;
  pool_.network = network();
  pool_.subnetwork = "sub";
  pool_.region = "r1";
  const char* first = options_.mover == "gcp-route" ? "10.99.0.10" : "10.0.9.10";
  if (options_.managed) first = "10.0.1.1";
  for (uint32_t i = 0; i < options_.addresses; ++i)
    pool_.addresses.push_back(Vip{Vip::parse(first)->number + i});
  build_nodes();
  if (options_.services) build_services();
  fresh_mover();
}

void World::build_nodes() {
  cloud::ManagedGroup group{"r1-a", "group", {}, {}, 10s, false};
  for (size_t i = 0; i < options_.nodes; ++i) {
    cloud::Instance instance;
    instance.ref = {options_.managed || i % 2 == 0 ? "r1-a" : "r1-b", fmt::format("vm{}", i)};
    instance.can_ip_forward = options_.can_ip_forward;
    cloud::NetworkInterface main{"nic0", network(), "sub", fmt::format("10.0.1.{}", i + 1), "", {}};
    cloud::NetworkInterface side{"nic1", "other", "other-sub", fmt::format("10.8.1.{}", i + 1),
                                 "",     {}};
    if (options_.nic == "nic1") {
      std::swap(main.name, side.name);
      std::swap(main, side);
    }
    instance.interfaces = {main, side};
    must(cloud_->add_instance(instance));
    NodeSpec node;
    node.name = fmt::format("n{}", i);
    node.domain = instance.ref.zone;
    node.instance = instance.ref;
    node.nic = options_.nic;
    if (options_.services) node.endpoint_group = "neg-" + instance.ref.zone;
    if (options_.managed) {
      node.endpoint_group = group.name;
      group.instances.push_back(instance.ref);
    }
    pool_.nodes.push_back(node);
  }
  for (Vip vip : pool_.addresses) group.reserved.push_back(vip.to_string());
  if (options_.managed) must(cloud_->add_managed_group(group));
}

void World::build_services() {
  std::set<std::string> groups;
  for (const NodeSpec& node : pool_.nodes) groups.insert(node.endpoint_group);
  for (const std::string& group : groups) {
    cloud::EndpointGroup endpoints{group, network(), {}};
    for (const NodeSpec& node : pool_.nodes)
      if (node.endpoint_group == group) endpoints.instances.push_back(node.instance);
    must(cloud_->add_endpoint_group(endpoints));
  }
  for (size_t i = 0; i < pool_.addresses.size(); ++i) {
    const std::string name = options_.one_service ? "svc" : fmt::format("svc{}", i);
    if (i == 0 || !options_.one_service) {
      cloud::EmulatedService service;
      service.service.name = name;
      service.service.region = "r1";
      service.service.fast_ip_move = options_.fast_move;
      service.service.groups.assign(groups.begin(), groups.end());
      service.network = network();
      if (!options_.fast_move) service.health_check = cloud::HealthCheck::from(cloud_->delays());
      must(cloud_->add_backend_service(service));
    }
    pool_.services[vip(i)] = name;
    cloud::ForwardingRule rule{fmt::format("rule{}", i), "r1", vip(i).to_string(), name};
    must(cloud_->add_forwarding_rule(rule));
  }
}

void World::fresh_mover() {
  if (mover_) old_movers_.push_back(std::move(mover_));
  if (compute_) old_computes_.push_back(std::move(compute_));
  compute_ = std::make_unique<StoppingCompute>(env_, *cloud_);
  auto made = make_mover(options_.mover, env_, compute_.get());
  ATOLL_CHECK(made.has_value());
  mover_ = std::move(*made);
}

std::vector<Wanted> World::at(const std::vector<size_t>& nodes) const {
  std::vector<Wanted> out;
  for (size_t i = 0; i < nodes.size(); ++i) out.push_back({vip(i), node(nodes[i]).name});
  return out;
}

std::vector<Wanted> World::spread() const {
  std::vector<size_t> nodes;
  for (size_t i = 0; i < pool_.addresses.size(); ++i) nodes.push_back(i % pool_.nodes.size());
  return at(nodes);
}

void World::settle(const std::vector<Wanted>& wanted) {
  Outcome outcome;
  for (int i = 0; i < 8; ++i) {
    outcome = reconcile(wanted);
    env_.run_for(20s);
  }
  for (const Unfinished& left : outcome.unfinished)
    ADD_FAILURE() << left.vip.to_string() << ": " << left.why.to_string() << "\n"
                  << cloud_->describe();
}

std::string World::delivered(Vip vip) const {
  const auto instance = cloud_->delivered_to(network(), vip.to_string());
  if (!instance) return "";
  for (const NodeSpec& node : pool_.nodes)
    if (node.instance == *instance) return node.name;
  return instance->name;
}

void World::expect_delivered(const std::vector<Wanted>& wanted) const {
  for (const Wanted& want : wanted)
    EXPECT_EQ(delivered(want.vip), want.node) << want.vip.to_string() << "\n" << cloud_->describe();
}

std::vector<cloud::AliasRange> World::aliases(size_t n) const {
  const auto instance = cloud_->look(node(n).instance);
  if (!instance) return {};
  return instance->find(node(n).nic)->aliases;
}

void World::put_aliases(size_t n, std::vector<cloud::AliasRange> aliases) {
  env_.run(replace_aliases(cloud_.get(), &env_, node(n).instance, node(n).nic, aliases));
  EXPECT_EQ(this->aliases(n), aliases);
}

void World::add_aliases(size_t n, const std::vector<cloud::AliasRange>& more) {
  std::vector<cloud::AliasRange> list = aliases(n);
  list.insert(list.end(), more.begin(), more.end());
  put_aliases(n, std::move(list));
}

}  // namespace atl::vip
