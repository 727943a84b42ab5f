#include "fabric/in_process_fabric.h"

#include <fmt/format.h>

#include "base/check.h"
#include "env/sync.h"

namespace atl::fabric {

void HandlerTable::serve(NodeId node, uint16_t first_method, Handler handler) {
  ATOLL_CHECK(first_method % kMethodBlock == 0 && handler);
  auto& slot = nodes_[node][first_method];
  ATOLL_CHECK(slot == nullptr, "a block of methods is served twice on a node");
  slot = std::make_shared<Handler>(std::move(handler));
}

std::shared_ptr<Handler> HandlerTable::find(NodeId node, uint16_t method) const {
  auto blocks = nodes_.find(node);
  if (blocks == nodes_.end()) return nullptr;
  auto it = blocks->second.find(static_cast<uint16_t>(method / kMethodBlock * kMethodBlock));
  return it == blocks->second.end() ? nullptr : it->second;
}

Task<Result<Reply>> run_handler(std::shared_ptr<Handler> handler, Message message) {
  co_return co_await (*handler)(std::move(message));
}

Task<Result<Reply>> InProcessFabric::call(NodeId from, NodeId to, Message message, Nanos deadline) {
  (void)from;
  auto handler = handlers_.find(to, message.method);
  if (!handler)
    co_return fail(Errc::kUnavailable,
                   fmt::format("node {} does not serve method {:#06x}", to, message.method));
  auto work = run_handler(std::move(handler), std::move(message));
  co_return co_await env::with_timeout<Reply>(env_, deadline, std::move(work));
}

}  // namespace atl::fabric
