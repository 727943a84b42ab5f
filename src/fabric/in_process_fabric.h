// Nodes of one process call one another on the same reactor: no copies, no encoding of the bulk.
//
// Deadlines hold: a call is a task of its own, and its caller gets kTimeout when the time is over
// while the handler goes on unheard (a stuck disk must not stop its callers). That costs one spawn
// and one timer a call, about a microsecond.
//
// Threads: the reactor's. Lifetime: outlives every call; handlers are kept until their last call
// ends.
#pragma once

#include <map>
#include <memory>

#include "fabric/fabric.h"

namespace atl::fabric {

// node -> first method of a block of 256 -> handler. Shared by the fabrics that stay in the
// process.
class HandlerTable {
 public:
  void serve(NodeId node, uint16_t first_method, Handler handler);
  void unserve(NodeId node) { nodes_.erase(node); }
  // Null when the node does not serve the block of `method`.
  std::shared_ptr<Handler> find(NodeId node, uint16_t method) const;

 private:
  std::map<NodeId, std::map<uint16_t, std::shared_ptr<Handler>>> nodes_;
};

class InProcessFabric final : public Fabric {
 public:
  explicit InProcessFabric(env::Env& env) : env_(env) {}
  Task<Result<Reply>> call(NodeId from, NodeId to, Message message, Nanos deadline) override;
  void serve(NodeId node, uint16_t first_method, Handler handler) override {
    handlers_.serve(node, first_method, std::move(handler));
  }
  void unserve(NodeId node) override { handlers_.unserve(node); }

 private:
  env::Env& env_;
  HandlerTable handlers_;
};

// Calls the handler and keeps it alive meanwhile.
Task<Result<Reply>> run_handler(std::shared_ptr<Handler> handler, Message message);

}  // namespace atl::fabric
