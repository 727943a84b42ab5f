// File I/O by threads that block: the plain reference, and what is left where io_uring is
// forbidden.
#include <unistd.h>

#include <cerrno>

#include "env/io_engine.h"
#include "env/worker_pool.h"

namespace atl::env {
namespace {

int64_t perform(const IoOp& op) {
  const auto offset = static_cast<off_t>(op.offset);
  const int count = static_cast<int>(op.iov_count);
  int64_t result = 0;
  switch (op.kind) {
    case IoOp::Kind::kRead:
    case IoOp::Kind::kCachedRead:
      result = ::preadv(op.fd, op.iov, count, offset);
      break;
    case IoOp::Kind::kWrite:
      result = ::pwritev(op.fd, op.iov, count, offset);
      break;
    case IoOp::Kind::kDataSync:
      result = ::fdatasync(op.fd);
      break;
  }
  return result < 0 ? -errno : result;
}

class ThreadEngine final : public IoEngine {
 public:
  explicit ThreadEngine(boost::asio::io_context& io)
      : IoEngine(io), pool_("atoll-io", kIoThreads) {}
  const char* name() const override { return "threads"; }

 private:
  void start(Pending* pending) override {
    pool_.submit([pending] {
      pending->result = perform(pending->op);
      // Moved out first: once posted, the task may end and take `pending` with it.
      auto waiter = std::move(pending->waiter);
      waiter->resume();
    });
  }

  WorkerPool pool_;
};

}  // namespace

std::unique_ptr<IoEngine> make_thread_engine(boost::asio::io_context& io) {
  return std::make_unique<ThreadEngine>(io);
}

}  // namespace atl::env
