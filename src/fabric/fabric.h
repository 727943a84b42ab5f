// Calls between nodes: a method number, an encoded header and bulk bytes that are passed by
// reference where the transport allows.
//
// InProcessFabric (fabric/in_process_fabric.h) hands messages over on the same reactor.
// SimFabric (fabric/sim_fabric.h) delays, drops, duplicates and cuts by seed. TCP and RDMA
// transports implement the same class, so callers never know. A call may have been executed
// although its result is an error: every method must be safe to repeat.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "env/env.h"

namespace atl::fabric {

struct Message {
  uint16_t method = 0;
  std::string header;     // encoded with base/codec.h by the layer that owns the method
  std::vector<Buf> bulk;  // shared, never written after it was passed
};

struct Reply {
  std::string header;
  std::vector<Buf> bulk;
};

// A method's server side. An Error travels back to the caller as it is.
using Handler = std::function<Task<Result<Reply>>(Message)>;

// Method numbers: one block of 256 for each layer that serves calls.
inline constexpr uint16_t kMethodBlock = 256;
inline constexpr uint16_t kDeviceMethods = 0x0100;

class Fabric {
 public:
  virtual ~Fabric() = default;
  // kUnavailable when the node is not reachable, kTimeout once `deadline` (from now) has passed,
  // otherwise what the handler said.
  virtual Task<Result<Reply>> call(NodeId from, NodeId to, Message message, Nanos deadline) = 0;
  // Serves the block of 256 methods that starts at `first_method` on `node`, until unserve.
  virtual void serve(NodeId node, uint16_t first_method, Handler handler) = 0;
  virtual void unserve(NodeId node) = 0;
};

}  // namespace atl::fabric
