// What tests of a controller with its mover have beside World: a coordinator, nodes that keep their
// leases and hand over when they are asked, and controllers that can be cut off from the
// coordinator.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "coord/memory.h"
#include "vip/controller.h"
#include "vip/movers/test_world.h"

namespace atl::vip {

// A process's way to the coordinator.
class CutCoordinator final : public coord::Coordinator {
 public:
  explicit CutCoordinator(coord::Coordinator& at) : at_(at) {}
  bool cut = false;

  Task<Result<coord::Versioned>> get(std::string key) override {
    if (cut) co_return no();
    co_return co_await at_.get(key);
  }
  Task<Result<std::vector<coord::KeyValue>>> list(std::string prefix) override {
    if (cut) co_return no();
    co_return co_await at_.list(prefix);
  }
  Task<Result<uint64_t>> compare_and_swap(std::string key, uint64_t version,
                                          std::string value) override {
    if (cut) co_return no();
    co_return co_await at_.compare_and_swap(key, version, value);
  }
  Task<Status> erase(std::string key, uint64_t version) override {
    if (cut) co_return no();
    co_return co_await at_.erase(key, version);
  }
  Task<Result<uint64_t>> wait_change(std::string prefix, uint64_t after, Nanos limit) override {
    if (cut) co_return no();
    co_return co_await at_.wait_change(prefix, after, limit);
  }
  Task<Status> lease_acquire(std::string name, std::string holder, Nanos life) override {
    if (cut) co_return no();
    co_return co_await at_.lease_acquire(name, holder, life);
  }
  Task<Status> lease_renew(std::string name, std::string holder) override {
    if (cut) co_return no();
    co_return co_await at_.lease_renew(name, holder);
  }
  Task<Status> lease_release(std::string name, std::string holder) override {
    if (cut) co_return no();
    co_return co_await at_.lease_release(name, holder);
  }

 private:
  static std::unexpected<Error> no() { return fail(Errc::kUnavailable, "cut off"); }
  coord::Coordinator& at_;
};

class Control {
 public:
  struct Process {
    std::unique_ptr<CutCoordinator> coordinator;
    StoppingCompute* compute = nullptr;
    std::shared_ptr<Controller> controller;
  };

  explicit Control(WorldOptions options, const Timing& timing = Timing::of(1s))
      : timing(timing), w(std::move(options)), coordinator(w.env()), alive(w.pool().nodes.size()) {
    for (size_t i = 0; i < alive.size(); ++i) {
      alive[i] = true;
      w.env().spawn("node", live(this, i));
    }
  }

  Process& start_controller() {
    w.fresh_mover();
    Process& process = processes.emplace_back();
    process.coordinator = std::make_unique<CutCoordinator>(coordinator);
    process.compute = &w.compute();
    Controller::Options options;
    options.pool = w.pool();
    options.name = fmt::format("c{}", processes.size());
    options.timing = timing;
    process.controller =
        std::make_shared<Controller>(w.env(), *process.coordinator, w.mover(), std::move(options));
    EXPECT_TRUE(w.env().run(process.controller->start()));
    return process;
  }

  Record record(Vip vip) {
    const auto now = w.env().run(coordinator.get(record_key(w.pool().name, vip)));
    return now ? Record::decode(now->value).value_or(Record()) : Record();
  }
  std::vector<Vip> held_by(size_t node) {
    std::vector<Vip> out;
    for (Vip vip : w.pool().addresses)
      if (record(vip).holder == w.node(node).name) out.push_back(vip);
    return out;
  }
  void drain(size_t node) {
    const std::string key = drain_key(w.pool().name, w.node(node).name);
    EXPECT_TRUE(w.env().run(coordinator.compare_and_swap(key, 0, "by an administrator")));
  }
  // Does the network deliver it to whom the record names?
  bool delivered(Vip vip) {
    const NodeName holder = record(vip).holder;
    return !holder.empty() && w.delivered(vip) == holder;
  }
  bool all_delivered() {
    return std::ranges::all_of(w.pool().addresses, [&](Vip vip) { return delivered(vip); });
  }
  // How long it takes until `done`; at most `limit`.
  template <typename Done>
  Nanos time_until(Done done, Nanos limit) {
    const Nanos began = w.env().now();
    while (!done() && w.env().now() - began < limit) w.env().run_for(10ms);
    return w.env().now() - began;
  }

  Timing timing;
  World w;
  coord::MemoryCoordinator coordinator;
  std::vector<bool> alive;
  // Between an address and the next one when a node hands several over.
  Nanos hand_over_pause = 40ms;
  std::deque<Process> processes;
  std::map<Vip, NodeName> holders;  // by the records, as the nodes saw them last

 private:
  static Task<void> live(Control* c, size_t i) {
    const std::string pool = c->w.pool().name;
    const NodeName name = c->w.node(i).name;
    const std::string lease = node_lease(pool, name);
    const std::string holder = lease_holder(name, "1", 1);
    const std::string prefix = record_prefix(pool);
    for (;;) {
      co_await c->w.env().sleep(c->timing.look_interval / 4);
      if (!c->alive[i]) continue;
      (void)co_await c->coordinator.lease_acquire(lease, holder, c->timing.lease);
      const auto all = co_await c->coordinator.list(prefix);
      if (!all) continue;
      for (const coord::KeyValue& kv : *all) {
        Result<Record> record = Record::decode(kv.versioned.value);
        const Result<Vip> vip = record_vip(pool, kv.key);
        if (record && vip) c->holders[*vip] = record->holder;
        if (!record || record->holder != name || record->next.empty()) continue;
        const std::string next = Record{record->next, "", record->generation + 1}.encode();
        co_await c->w.env().sleep(c->hand_over_pause);
        (void)co_await c->coordinator.compare_and_swap(kv.key, kv.versioned.version, next);
      }
    }
  }
};

}  // namespace atl::vip
