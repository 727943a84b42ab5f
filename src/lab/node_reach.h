// A node's question whether clients still reach it (vip/reach.h), with its socket.
//
// Ownership: stop(), then wait for stopped(), before env or the coordinator go. Threads: the
// reactor's. Errors of start(): those of vip::ReachSocket::open() and vip::witnesses_of().
#pragma once

#include <memory>

#include "coord/coordinator.h"
#include "env/env.h"
#include "lab/node.h"
#include "vip/reach.h"
#include "vip/reach_socket.h"

namespace atl::lab {

class NodeReach {
 public:
  // A pool that does not know this node's own address: nothing is asked, and it is never cut.
  static Result<std::shared_ptr<NodeReach>> start(env::Env& env, coord::Coordinator& coordinator,
                                                  const NodeConfig& config);
  void stop();
  Task<void> stopped();
  bool cut() const { return reach_ != nullptr && reach_->cut(); }

 private:
  std::unique_ptr<vip::ReachSocket> socket_;
  std::shared_ptr<vip::Reach> reach_;
};

}  // namespace atl::lab
