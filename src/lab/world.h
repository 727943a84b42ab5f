// Everything that one run needs, made and kept: the coordinator, the cloud, the processes, the
// load, and what is known about them.
//
// Ownership: run_scenario()'s; env and lab outlive it. end() before the destructor, unless start()
// failed before it started anything. Threads: the reactor's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coord/memory.h"
#include "env/env.h"
#include "env/random.h"
#include "lab/client_group.h"
#include "lab/cloud_side.h"
#include "lab/coord_server.h"
#include "lab/ledger.h"
#include "lab/node.h"
#include "lab/oracle.h"
#include "lab/scenario.h"
#include "lab/watched_coordinator.h"

namespace atl::lab {

// A planned move waits for transfers of a second; the default of 30 s is for real ones.
inline constexpr Nanos kLabDrainLimit = 10s;

class World {
 public:
  World(env::Env& env, NetLab& lab, const ScenarioSpec& spec);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // All up, every address answers steadily, the cloud has its real delays.
  Task<Status> start();
  // The load ends in order, the processes are killed, nothing listens any more.
  Task<Status> end();

  // --- Waiting ---
  // kTimeout with what is still missing; kCancelled when a signal came.
  Task<Status> wait_steady(Nanos limit, std::set<std::string> victims);
  Task<Status> wait_lease(std::string node, int64_t after_ns, Nanos limit);
  Task<Status> wait_holds_nothing(std::string node, Nanos limit);
  // One look: reads what clients and the cloud say. kCancelled, kInternal (a client died).
  Status look();
  Task<Status> pause(Nanos span);

  // --- Doing ---
  Status start_node(size_t number);
  Status signal_node(size_t number, int signal);
  Task<Status> stop_node(size_t number);  // SIGTERM, and waits
  Status kill_leader();                   // the controller that leads; nothing when none does
  bool leader_killed() const { return leader_killed_; }
  Task<Status> set_drain(std::string node, bool drain);

  // --- What is ---
  env::Env& env() { return env_; }
  NetLab& lab() { return lab_; }
  const ScenarioSpec& spec() const { return spec_; }
  const vip::Pool& pool() const { return pool_; }
  Ledger& ledger() { return ledger_; }
  CloudSide* cloud() { return cloud_.get(); }  // null on a segment
  env::Random& random() { return random_; }
  Oracle& oracle() { return *oracle_; }
  ClientGroup& clients() { return clients_; }
  // When the node's lease runs out as the coordinator counts, if it is not renewed any more.
  std::optional<int64_t> lease_end_ns(const std::string& node) const;
  // Called once, at the next change of a record's holder.
  void on_next_change(std::function<void()> callback) { next_change_ = std::move(callback); }
  // Reads the nodes' logs for the times at which they took addresses.
  void read_events();

 private:
  Status listen();
  Status start_oracle();
  Status start_controllers();
  Task<Status> wait_held(Nanos limit);
  void note_change(const KeyChange& change);
  std::string missing(const std::set<std::string>& victims) const;
  std::string path(const std::string& file) const { return spec_.folder + "/" + file; }

  env::Env& env_;
  NetLab& lab_;
  const ScenarioSpec& spec_;
  vip::Pool pool_;
  env::Random random_;
  Ledger ledger_;
  coord::MemoryCoordinator memory_;
  WatchedCoordinator watched_;
  CoordServer coord_server_;
  std::unique_ptr<CloudSide> cloud_;
  std::unique_ptr<Oracle> oracle_;
  std::map<size_t, pid_t> nodes_;
  std::map<size_t, uint32_t> starts_;
  std::map<std::string, pid_t> controllers_;
  ClientGroup clients_;
  bool leader_killed_ = false;
  std::function<void()> next_change_;
};

}  // namespace atl::lab
