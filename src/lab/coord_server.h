// A coordinator for other processes: serves any coord::Coordinator over TCP, and keeps a record of
// every change for the oracle.
//
//   CoordServer server(env, memory, [&](const KeyChange& change) { ... });
//   ATOLL_TRY_STATUS(server.listen({"198.18.0.1", 7000}));
//
// on_change is called on the reactor after the change was applied; `at` is CLOCK_REALTIME from just
// before. Changes reach it in the order in which they were applied, provided that all come through
// this server and that the coordinator behind it does not suspend (MemoryCoordinator).
//
// Nobody logs in: the laboratory's management network is its own.
//
// Ownership: env and coordinator outlive it; destroying it closes everything. Threads: the
// reactor's. Limits: kCoordConnectionsMax connections, kCoordCallsMax calls of one, kCoordFrameMax;
// a connection without a call for kCoordIdleMax is closed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "coord/coordinator.h"
#include "coord/lease_list.h"
#include "env/env.h"
#include "env/net.h"

namespace atl::lab {

// One a process; 250 nodes and 50 controllers are the laboratory's most.
inline constexpr size_t kCoordConnectionsMax = 1024;
// Nodes renew and controllers look several times a second; who is silent so long is dead.
inline constexpr Nanos kCoordIdleMax = 30s;

struct KeyChange {
  std::string key;
  std::string before;  // "" when there was none
  std::string after;   // "" when it was erased
  Nanos at{};          // CLOCK_REALTIME just before it was applied
};

class CoordServer {
 public:
  using OnChange = std::function<void(const KeyChange&)>;

  CoordServer(env::Env& env, coord::Coordinator& coordinator, OnChange on_change = {});
  ~CoordServer();
  CoordServer(const CoordServer&) = delete;
  CoordServer& operator=(const CoordServer&) = delete;

  // In the network namespace that the calling thread is in; it stays there.
  Status listen(const env::Endpoint& at);
  env::Endpoint local() const;
  // Who may be asked which leases are held; until then that is kUnsupported. It outlives the
  // server.
  void offer(coord::LeaseList& leases);
  void stop();  // no new connections; those there are closed
  size_t connections() const;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace atl::lab
