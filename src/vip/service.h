// What serves at the addresses of a node: the S3 door, the laboratory's responder.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "env/task.h"
#include "vip/types.h"

namespace atl::vip {

class Service {
 public:
  virtual ~Service() = default;
  // From now on requests may come to this address.
  virtual void begin(Vip vip, uint64_t generation) = 0;
  // A planned move, first half: answers end their connections (`Connection: close`) so that clients
  // come back elsewhere; ends when no long transfer is under way, or after `limit`.
  virtual Task<void> drain(Vip vip, Nanos limit) = 0;
  // Second half, when no new connection gets in any more: ends when nothing is under way.
  virtual Task<void> finish(Vip vip, Nanos limit) = 0;
  // The address has gone: what is left of its connections is dropped.
  virtual void end(Vip vip) = 0;
  // False: cannot serve (its backend hangs, its disk is gone). The node gives its addresses up.
  virtual bool well() = 0;
};

}  // namespace atl::vip
