#include "failover/world.h"

#include <cstdio>

#include <unistd.h>

#include <fmt/format.h>

#include "failover/process.h"
#include "scenario.h"
#include "vip/last_will.h"
#include "vip/movers/make_mover.h"

namespace atl::sim {

using vip::Vip;

World::World(uint64_t seed, std::string mover, size_t nodes, size_t addresses, bool trace)
    : seed_(seed),
      mover_(std::move(mover)),
      trace_(trace),
      env_(seed),
      random_(seed ^ 0x766970),
      coordinator_(env_) {
  cloud_ = std::make_unique<cloud::EmulatedCompute>(env_, seed, cloud::Delays::zero());
  pool_.name = "p";
  pool_.mover = mover_;
  pool_.network = "net";
  pool_.subnetwork = "sub";
  pool_.region = "r1";
  for (size_t i = 0; i < nodes; ++i) {
    auto machine = std::make_unique<Machine>();
    machine->name = fmt::format("n{}", i);
    // Within what kClockRateDivisor allows, and mostly close to it.
    machine->rate = 1 + (random_.unit() * 2 - 1) / 70;
    vip::NodeSpec spec;
    spec.name = machine->name;
    spec.domain = fmt::format("d{}", i % 3);
    spec.instance = {fmt::format("r1-{}", "abc"[i % 3]), machine->name};
    spec.endpoint_group = fmt::format("neg-{}", i % 3);
    spec.address = fmt::format("10.0.1.{}", i + 1);
    pool_.nodes.push_back(spec);
    machines_.push_back(std::move(machine));
  }
  for (size_t i = 0; i < addresses; ++i) {
    const std::string text = fmt::format("10.{}.9.{}", mover_ == "gcp-route" ? 99 : 0, i + 1);
    const Vip vip = *Vip::parse(text);
    pool_.addresses.push_back(vip);
    pool_.services[vip] = fmt::format("svc-{}", i);
  }
  gateway_ = random_.chance(0.5);
  build_cloud();
  controller_links_.resize(kControllers);
  controllers_.resize(kControllers);
}

void World::build_cloud() {
  auto must = [this](const Status& done) {
    if (!done) violation("building the cloud: " + done.error().to_string());
  };
  must(cloud_->add_network({.network = "net"}));
  must(cloud_->add_subnetwork("r1", {.name = "sub", .network = "net", .cidr = "10.0.0.0/16"}));
  for (size_t i = 0; i < machines_.size(); ++i) {
    cloud::Instance instance;
    instance.ref = pool_.nodes[i].instance;
    instance.can_ip_forward = true;
    cloud::NetworkInterface nic;
    nic.name = "nic0";
    nic.network = "net";
    nic.subnetwork = "sub";
    nic.network_ip = fmt::format("10.0.1.{}", i + 1);
    instance.interfaces.push_back(nic);
    must(cloud_->add_instance(instance));
    // Not the pool's: must be there at the end. (Some have none: their lists become empty.)
    machines_[i]->other_alias = random_.chance(0.5);
    if (!machines_[i]->other_alias) continue;
    std::vector<cloud::AliasRange> other = {{fmt::format("10.0.77.{}/32", i + 1), ""}};
    const std::string fingerprint = cloud_->look(instance.ref)->interfaces[0].fingerprint;
    auto set = env_.run(cloud_->set_aliases(instance.ref, "nic0", fingerprint, std::move(other),
                                            fmt::format("world-{}", i)));
    if (!set) violation("building the cloud: " + set.error().to_string());
  }
  env_.run_for(1s);
  if (mover_ == "gcp-garp" || mover_ == "gcp-lb") {
    for (size_t d = 0; d < 3; ++d) {
      cloud::EndpointGroup group{fmt::format("neg-{}", d), "net", {}};
      for (const vip::NodeSpec& node : pool_.nodes)
        if (node.endpoint_group == group.name) group.instances.push_back(node.instance);
      must(cloud_->add_endpoint_group(group));
    }
    for (const auto& [vip, name] : pool_.services) {
      cloud::EmulatedService service;
      service.service.name = name;
      service.service.region = "r1";
      service.service.fast_ip_move = mover_ == "gcp-garp";
      service.service.groups = {"neg-0", "neg-1", "neg-2"};
      service.network = "net";
      if (mover_ == "gcp-lb") service.health_check = cloud::HealthCheck{1s, 1s, 2, 2};
      must(cloud_->add_backend_service(service));
      must(cloud_->add_forwarding_rule({"rule-" + name, "r1", vip.to_string(), name}));
    }
    cloud_->set_probe([this](cloud::InstanceRef ref, std::string_view address) {
      const Result<Vip> vip = Vip::parse(address);
      for (size_t i = 0; i < machines_.size(); ++i)
        if (pool_.nodes[i].instance == ref)
          return vip && machines_[i]->kernel.powered && machines_[i]->kernel.open(*vip, env_.now());
      return false;
    });
  }
  cloud_->on_data_plane_change([this] { check_holes(); });
}

void World::note(const std::string& what) {
  if (trace_) fmt::print(stderr, "{:>12.6f} {}\n", env_.now().count() / 1e9, what);
}

void World::violation(const std::string& what) {
  fmt::print(stderr, "seed {} ({}): at {:.6f} s: {}\n", seed_, mover_, env_.now().count() / 1e9,
             what);
  std::fflush(stderr);
  _exit(kViolation);
}

// --- Machines and processes ---

void World::start() {
  for (size_t i = 0; i < machines_.size(); ++i) start_process(i);
  for (size_t i = 0; i < kControllers; ++i) start_controller(i);
}

void World::start_process(size_t i) {
  Machine& machine = *machines_[i];
  if (machine.process != nullptr || !machine.kernel.powered) return;
  auto* process = new NodeProcess(*this, i);
  machine.process = process;
  vip::Holder::Options options;
  options.pool = pool_;
  options.node = machine.name;
  options.incarnation = fmt::format("{}", ++incarnations_);
  machine.incarnation = options.incarnation;
  machine.attempt = 0;
  options.acquires = [&machine](uint64_t attempt) { machine.attempt = attempt; };
  machine.kernel.queue_time = timing_.queue_time - timing_.queue_time / vip::kClockRateDivisor;
  options.timing = timing_;
  options.duties.garp = mover_ == "linux-arp" || mover_ == "gcp-garp";
  options.duties.forward = mover_ != "linux-arp" && mover_ != "gcp-alias";
  options.observe = [this](const vip::Event& event) {
    if (event.kind == vip::Event::Kind::kLapsed) ++lapses_;
  };
  process->reach = start_reach(process, machine.name);
  options.cut = [reach = process->reach.get()] { return reach->cut(); };
  process->holder = std::make_shared<vip::Holder>(process->env, process->coordinator,
                                                  process->guest, process->service, options);
  struct Start {
    static Task<void> run(World* world, std::shared_ptr<vip::Holder> holder) {
      const Status done = co_await holder->start();
      if (!done) world->violation("a node does not start: " + done.error().to_string());
    }
  };
  process->env.spawn("node", Start::run(this, process->holder));
  note(machine.name + " starts");
}

std::shared_ptr<vip::Reach> World::start_reach(NodeProcess* process, const std::string& name) {
  std::vector<std::string> hosts;
  if (gateway_) hosts.push_back(kGatewayName);
  auto witnesses = vip::witnesses_of(pool_, name, 1, hosts);
  if (!witnesses) violation("no witnesses: " + witnesses.error().to_string());
  vip::Reach::Options options;
  options.pool = pool_.name;
  options.node = name;
  options.timing = timing_;
  options.witnesses = std::move(*witnesses);
  auto reach = std::make_shared<vip::Reach>(process->env, process->coordinator, process->probe,
                                            std::move(options));
  reach->start();
  return reach;
}

void World::kill_process(size_t i) {
  Machine& machine = *machines_[i];
  if (machine.process == nullptr) return;
  machine.process->env.kill();
  machine.process = nullptr;
  note(machine.name + " is killed");
  if (random_.chance(0.75)) leave_will(i);
}

// A guardian, mostly prompt; another process of the machine may run before it has done its work.
void World::leave_will(size_t i) {
  Machine& machine = *machines_[i];
  auto* guardian = new NodeProcess(*this, i);
  machine.guardians.push_back(guardian);
  struct Will {
    static Task<void> run(NodeProcess* guardian, Nanos late, vip::LastWill will) {
      co_await guardian->env.sleep(late);
      (void)co_await vip::carry_out(guardian->env, guardian->coordinator, guardian->guest, will);
    }
  };
  const Nanos late = random_.between(Nanos(0), random_.chance(0.125) ? Nanos(3s) : Nanos(30ms));
  vip::LastWill will{pool_, machine.name, machine.incarnation, machine.attempt, timing_};
  guardian->env.spawn("guardian", Will::run(guardian, late, std::move(will)));
}

void World::stop_process(size_t i) {
  if (machines_[i]->process == nullptr) return;
  machines_[i]->process->env.stop();
  note(machines_[i]->name + " is stopped");
}

void World::continue_process(size_t i) {
  if (machines_[i]->process == nullptr) return;
  machines_[i]->process->env.go_on();
  note(machines_[i]->name + " goes on");
}

void World::take_fence_down(size_t i) {
  SimKernel& kernel = machines_[i]->kernel;
  kernel.fenced = false;
  kernel.arming.clear();
  kernel.held.clear();
  kernel.sends_on.clear();
  note(machines_[i]->name + " has no fence");
}

void World::power_off(size_t i) {
  kill_process(i);
  for (NodeProcess* guardian : machines_[i]->guardians) guardian->env.kill();
  machines_[i]->guardians.clear();
  SimKernel& kernel = machines_[i]->kernel;
  kernel.powered = false;
  kernel.present.clear();
  kernel.arming.clear();
  kernel.held.clear();
  kernel.sends_on.clear();
  kernel.fenced = false;
  note(machines_[i]->name + " has no power");
}

void World::power_on(size_t i) {
  machines_[i]->kernel.powered = true;
  start_process(i);
}

void World::drain(size_t i, bool on) {
  struct Change {
    static Task<void> run(coord::Coordinator* at, std::string key, bool on) {
      const Result<coord::Versioned> now = co_await at->get(key);
      if (on && !now) (void)co_await at->compare_and_swap(key, 0, "by an administrator");
      if (!on && now) (void)co_await at->erase(key, now->version);
    }
  };
  env_.spawn("drain", Change::run(&coordinator_, vip::drain_key("p", machines_[i]->name), on));
  note(machines_[i]->name + (on ? " is drained" : " is back"));
}

void World::start_controller(size_t i) {
  if (controllers_[i] != nullptr && !controllers_[i]->env.dead()) return;
  auto* process = new ControllerProcess(*this, i);
  controllers_[i] = process;
  auto mover =
      vip::make_mover(mover_, process->env, mover_ == "linux-arp" ? nullptr : &process->compute);
  if (!mover) violation("no mover: " + mover.error().to_string());
  process->mover = std::move(*mover);
  vip::Controller::Options options;
  options.pool = pool_;
  options.name = fmt::format("c{}#{}", i, ++incarnations_);
  options.timing = timing_;
  process->controller = std::make_shared<vip::Controller>(process->env, process->coordinator,
                                                          *process->mover, options);
  struct Start {
    static Task<void> run(World* world, std::shared_ptr<vip::Controller> controller) {
      const Status done = co_await controller->start();
      if (!done) world->violation("a controller does not start: " + done.error().to_string());
    }
  };
  process->env.spawn("controller", Start::run(this, process->controller));
  note(fmt::format("controller {} starts", i));
}

void World::kill_controller(size_t i) {
  if (controllers_[i]->env.dead()) return;
  controllers_[i]->env.kill();
  note(fmt::format("controller {} is killed", i));
}

void World::kill_controller_at_call(size_t i, uint64_t n) {
  controllers_[i]->compute.kill_at_call(controllers_[i]->compute.calls() + n);
  note(fmt::format("controller {} will be killed at its API call {} from now", i, n));
}

void World::stop_controller(size_t i) {
  controllers_[i]->env.stop();
  note(fmt::format("controller {} is stopped", i));
}

void World::continue_controller(size_t i) {
  controllers_[i]->env.go_on();
  note(fmt::format("controller {} goes on", i));
}

uint64_t World::controller_calls(size_t i) const {
  return controllers_[i]->compute.calls();
}

// --- Oracles ---

void World::check_open(size_t node, Vip vip) {
  ++takes_;
  for (size_t i = 0; i < machines_.size(); ++i)
    if (i != node && machines_[i]->kernel.sends(vip, env_.now()))
      violation(fmt::format("split brain: {} and {} both answer for {}", machines_[node]->name,
                            machines_[i]->name, vip.to_string()));
  if (machines_[node]->kernel.forwards(vip, env_.now()))
    violation(fmt::format("{} answers for {} and sends on what arrives for it",
                          machines_[node]->name, vip.to_string()));
}

void World::announced(size_t node, Vip vip) {
  if (random_.chance(0.3)) return;  // lost on the way
  if (mover_ == "linux-arp") arp_[vip] = node;
  if (mover_ == "gcp-garp") cloud_->garp(pool_.nodes[node].instance, vip.to_string());
}

// Once an address has a route, it has one for ever, unless the machine behind it is off.
void World::check_holes() {
  if (mover_ != "gcp-route") return;
  for (const Vip vip : pool_.addresses) {
    const bool has = cloud_->delivered_to("net", vip.to_string()).has_value();
    bool any_off = false;
    for (const auto& machine : machines_) any_off |= !machine->kernel.powered;
    if (!has && had_route_[vip] && !any_off) violation("a hole: no route to " + vip.to_string());
    had_route_[vip] = has;
  }
}

std::optional<size_t> World::delivered_to(Vip vip) {
  if (mover_ == "linux-arp") {
    auto it = arp_.find(vip);
    return it == arp_.end() ? std::nullopt : std::optional<size_t>(it->second);
  }
  const auto to = cloud_->delivered_to("net", vip.to_string());
  for (size_t i = 0; to && i < machines_.size(); ++i)
    if (pool_.nodes[i].instance == *to) return i;
  return std::nullopt;
}

std::string World::what_is_missing() {
  for (const Vip vip : pool_.addresses) {
    std::vector<size_t> open;
    for (size_t i = 0; i < machines_.size(); ++i)
      if (machines_[i]->kernel.open(vip, env_.now())) open.push_back(i);
    if (open.empty()) return "nobody answers for " + vip.to_string();
    if (!machines_[open[0]]->kernel.present.contains(vip))
      return fmt::format("{} has no address {}", machines_[open[0]]->name, vip.to_string());
    const auto to = delivered_to(vip);
    if (!to || *to != open[0])
      return fmt::format("{} answers for {}, and the network delivers to {}",
                         machines_[open[0]]->name, vip.to_string(),
                         to ? machines_[*to]->name : "nobody");
  }
  for (const auto& machine : machines_)
    if (coordinator_has(vip::cut_key(pool_.name, machine->name)))
      return machine->name + " says that it is cut from clients, and is not";
  for (size_t i = 0; i < machines_.size(); ++i) {
    const auto instance = cloud_->look(pool_.nodes[i].instance);
    bool kept = !machines_[i]->other_alias;
    for (const cloud::AliasRange& alias : instance->interfaces[0].aliases)
      kept |= alias.cidr == fmt::format("10.0.77.{}/32", i + 1);
    if (!kept) return "an alias that is not the pool's is gone from " + machines_[i]->name;
    // And the process and its kernel agree on what is an address of the pool.
    for (const Vip vip : machines_[i]->kernel.present)
      if (!machines_[i]->kernel.open(vip, env_.now()))
        return fmt::format("{} has the address {} and does not answer for it", machines_[i]->name,
                           vip.to_string());
  }
  return {};
}

void World::calm_down() {
  note("whoever runs is without trouble");
  coordinator_.set_available(true);
  for (size_t i = 0; i < kControllers; ++i) {
    controller_links_[i] = FarLink();
    controllers_[i]->compute.kill_at_call(0);
    continue_controller(i);
    start_controller(i);
  }
  for (size_t i = 0; i < machines_.size(); ++i) {
    machines_[i]->link = FarLink();
    machines_[i]->sick = false;
    machines_[i]->kernel.linked = true;
    continue_process(i);
  }
}

void World::heal() {
  note("everything is healed");
  calm_down();
  cloud_->clear_faults();
  for (size_t i = 0; i < machines_.size(); ++i) {
    machines_[i]->kernel.cut = false;
    if (!machines_[i]->kernel.powered)
      (void)cloud_->power(pool_.nodes[i].instance, cloud::Power::kOn);
    power_on(i);
    drain(i, false);
  }
}

void World::expect_converged(Nanos limit) {
  const Nanos end = env_.now() + limit;
  std::string missing = "?";
  // Well, and still well a while later.
  for (int good = 0; good < 5;) {
    env_.run_for(timing_.lease / 2);
    missing = what_is_missing();
    good = missing.empty() ? good + 1 : 0;
    if (env_.now() > end && !missing.empty()) violation("not healed in time: " + missing);
  }
  note("converged");
}

}  // namespace atl::sim
