// A cloud, some machines with addresses to hold, two controllers, and the oracles.
//
//   World world(seed, "gcp-alias", /*nodes=*/3, /*addresses=*/4);
//   world.start();
//   world.run_for(5s);
//   world.kill_process(1);
//   world.heal();
//   world.expect_converged();
//
// Oracles: no two machines' fences are open for one address at one instant of true time; when all
// is healed, every address has one holder, that is open, and the network delivers to it; aliases
// that are not the pool's are still where they were; a moved route never leaves a hole. A violation
// prints the seed and what happened, and ends the process with kViolation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cloud/emulated_compute.h"
#include "coord/memory.h"
#include "env/random.h"
#include "failover/far_coordinator.h"
#include "failover/gated_compute.h"
#include "failover/sim_guest.h"
#include "failover/sim_reach.h"
#include "vip/controller.h"
#include "vip/holder.h"
#include "vip/reach.h"

namespace atl::sim {

inline constexpr size_t kControllers = 2;

class World {
 public:
  World(uint64_t seed, std::string mover, size_t nodes, size_t addresses, bool trace);

  void start();
  void run_for(Nanos span) { env_.run_for(span); }

  // --- Faults ---
  void kill_process(size_t node);   // kill -9; its kernel goes on
  void start_process(size_t node);  // nothing, when it runs
  void stop_process(size_t node);
  void continue_process(size_t node);
  void power_off(size_t node);
  void power_on(size_t node);
  void set_link(size_t node, FarLink link) { machines_[node]->link = link; }
  // As `nft flush ruleset` does. What the fence kept in is not looked at until it is back: a node
  // that is stopped at that time cannot keep silent.
  void take_fence_down(size_t node);
  void make_sick(size_t node, bool sick) { machines_[node]->sick = sick; }
  void set_carrier(size_t node, bool linked) { machines_[node]->kernel.linked = linked; }
  void cut_clients(size_t node, bool cut);
  void drain(size_t node, bool on);
  void kill_controller(size_t i);
  void start_controller(size_t i);
  void kill_controller_at_call(size_t i, uint64_t n);
  void stop_controller(size_t i);
  void continue_controller(size_t i);
  void set_controller_link(size_t i, FarLink link) { controller_links_[i] = link; }
  void coordinator_available(bool yes) { coordinator_.set_available(yes); }

  // Everything runs, nothing is cut, nothing is drained.
  void heal();
  // Within `limit` of virtual time; else a violation that says what is missing.
  void expect_converged(Nanos limit);

  // Controllers and nodes that run do so without trouble. Who is dead stays so, who is drained or
  // cut from clients as well.
  void calm_down();
  // When all is calm: nodes that say that they are cut from clients, because they hear nobody.
  std::set<size_t> unheard() const;
  // Few enough that they are believed, and somebody else can take what they have.
  bool unheard_must_give_up();
  // None of them has or answers for anything.
  void expect_given_up(const std::set<size_t>& nodes);
  std::map<vip::Vip, vip::Record> records();
  uint64_t lapses() const { return lapses_; }  // of leases: a busy kernel may cost one at any time

  cloud::EmulatedCompute& cloud() { return *cloud_; }
  env::Random& random() { return random_; }
  env::SimEnv& env() { return env_; }
  const vip::Pool& pool() const { return pool_; }
  size_t nodes() const { return machines_.size(); }
  uint64_t takes() const { return takes_; }
  bool process_runs(size_t node) const { return machines_[node]->process != nullptr; }
  bool powered(size_t node) const { return machines_[node]->kernel.powered; }
  uint64_t controller_calls(size_t i) const;
  [[noreturn]] void violation(const std::string& what);
  void note(const std::string& what);
  const vip::Timing& timing() const { return timing_; }
  void set_timing(const vip::Timing& timing) { timing_ = timing; }

 private:
  struct SimService;
  struct NodeProcess;
  struct ControllerProcess;

  void build_cloud();
  void leave_will(size_t node);
  std::shared_ptr<vip::Reach> start_reach(NodeProcess* process, const std::string& name);
  bool runs(size_t node) const;
  bool passes(size_t from, const std::string& to) const;
  bool coordinator_has(const std::string& key);
  void check_open(size_t node, vip::Vip vip);
  void announced(size_t node, vip::Vip vip);
  void check_holes();
  std::string what_is_missing();
  std::optional<size_t> delivered_to(vip::Vip vip);

  uint64_t seed_;
  std::string mover_;
  bool trace_;
  env::SimEnv env_;
  env::Random random_;
  coord::MemoryCoordinator coordinator_;
  std::unique_ptr<cloud::EmulatedCompute> cloud_;
  vip::Timing timing_ = vip::Timing::of(1s);
  vip::Pool pool_;
  struct Machine {
    std::string name;
    double rate = 1;
    SimKernel kernel;
    FarLink link;
    bool sick = false;
    bool other_alias = false;  // has one that is not the pool's
    NodeProcess* process = nullptr;
    std::string incarnation;              // of its latest process
    uint64_t attempt = 0;                 // of that one, to acquire its lease
    std::vector<NodeProcess*> guardians;  // of dead ones; leaked as they are
  };
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<ControllerProcess*> controllers_;
  std::vector<FarLink> controller_links_;
  std::map<vip::Vip, size_t> arp_;  // linux-arp: where the segment's caches point
  std::map<vip::Vip, bool> had_route_;
  bool gateway_ = false;  // on the clients' side is a host that answers all
  uint64_t incarnations_ = 0;
  uint64_t takes_ = 0;
  uint64_t lapses_ = 0;
};

}  // namespace atl::sim
