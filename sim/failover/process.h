// The processes on the simulated machines: a node's and a controller's, with all that they use.
//
// Both kinds are leaked when they die: their tasks are never resumed and never destroyed.
#pragma once

#include <algorithm>
#include <memory>

#include "failover/world.h"

namespace atl::sim {

struct World::SimService final : vip::Service {
  SimService(NodeEnv& e, const bool& is_sick, const bool& is_cut)
      : env(e), sick(is_sick), cut(is_cut) {}
  void begin(vip::Vip, uint64_t) override {}
  // What a client does not receive does not end.
  Task<void> drain(vip::Vip, Nanos limit) override {
    const Nanos give_up = env.now() + limit;
    const Nanos ends = env.now() + 50ms;
    while (env.now() < give_up && (cut || env.now() < ends)) co_await env.sleep(10ms);
  }
  Task<void> finish(vip::Vip, Nanos) override { co_await env.sleep(2ms); }
  void end(vip::Vip) override {}
  bool well() override { return !sick; }
  NodeEnv& env;
  const bool& sick;
  const bool& cut;
};

struct World::NodeProcess {
  NodeProcess(World& world, size_t i)
      : env(world.env_, world.machines_[i]->rate),
        coordinator(world.coordinator_, env, world.random_, world.machines_[i]->link),
        guest(env, world.machines_[i]->kernel, world.random_,
              {[&world, i](vip::Vip vip) { world.check_open(i, vip); },
               [&world, i](vip::Vip vip) { world.announced(i, vip); }}),
        service(env, world.machines_[i]->sick, world.machines_[i]->kernel.cut),
        probe(env, world.random_,
              [&world, i](const vip::Witness& to) { return world.passes(i, to.name); }) {}
  NodeEnv env;
  FarCoordinator coordinator;
  SimGuest guest;
  SimService service;
  SimReach probe;
  std::shared_ptr<vip::Reach> reach;
  std::shared_ptr<vip::Holder> holder;
};

struct World::ControllerProcess {
  ControllerProcess(World& world, size_t i)
      : env(world.env_, 1.0),
        coordinator(world.coordinator_, env, world.random_, world.controller_links_[i]),
        compute(*world.cloud_, env) {}
  NodeEnv env;
  FarCoordinator coordinator;
  GatedCompute compute;
  std::unique_ptr<vip::Mover> mover;
  std::shared_ptr<vip::Controller> controller;
};

}  // namespace atl::sim
