#include "env/io_engine.h"

#include <cstdlib>
#include <string_view>

#include "base/log.h"

namespace atl::env {

Task<int64_t> IoEngine::run(IoOp op) {
  auto slot = co_await Permit::take(slots_);
  Pending pending{op, 0, nullptr};
  Pending* p = &pending;
  co_await Waiter::suspend([this, p](std::unique_ptr<Waiter> waiter) {
    p->waiter = std::move(waiter);
    start(p);
  });
  co_return pending.result;
}

Result<std::unique_ptr<IoEngine>> make_io_engine(boost::asio::io_context& io, IoEngineKind kind) {
  const char* wanted = std::getenv("ATOLL_IO");
  const bool threads = wanted != nullptr && std::string_view(wanted) == "threads";
  switch (kind) {
    case IoEngineKind::kUring:
      return make_uring_engine(io);
    case IoEngineKind::kThreads:
      return make_thread_engine(io);
    case IoEngineKind::kAuto:
      break;
  }
  if (threads) return make_thread_engine(io);
  auto engine = make_uring_engine(io);
  if (engine) return engine;
  ATOLL_LOG(kInfo, "env", "file I/O by threads", {{"why", engine.error().message}});
  return make_thread_engine(io);
}

}  // namespace atl::env
