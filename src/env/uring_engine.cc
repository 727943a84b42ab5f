// File I/O by io_uring: one ring, whose completions wake the reactor through an eventfd.
//
// Operations started in one turn of the reactor go to the kernel in one system call: the first one
// posts a flush behind what is ready now. Completions that are there right after a flush (page
// cache hits) are taken at once, without the eventfd.
//
// Large reads through the page cache are tried on a thread first (RWF_NOWAIT): a read that the ring
// finds in memory is copied by whoever submits it, and that is the reactor.
//
// Flushes do not go through the ring: the kernel runs them on threads of its own, and handing one
// to them costs more than handing it to ours (write + flush of 4 KiB: 111 us by IORING_OP_FSYNC, 95
// us so).
#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "base/probe.h"
#include "env/errno_error.h"
#include "env/io_engine.h"
#include "env/worker_pool.h"

namespace atl::env {
namespace {

// A device has one flush under way (group commit), so one that hangs takes one of these.
constexpr int kSyncThreads = 16;

class UringEngine final : public IoEngine {
 public:
  UringEngine(boost::asio::io_context& io, io_uring ring, int event_fd)
      : IoEngine(io), ring_(ring), completions_(io, event_fd) {
    watch();
  }

  // Waits for what the kernel still holds: it may write to memory of suspended tasks.
  ~UringEngine() override {
    *alive_ = false;
    while (in_flight_ > 0) {
      (void)io_uring_submit_and_wait(&ring_, 1);
      reap();
    }
    io_uring_queue_exit(&ring_);
  }

  const char* name() const override { return "io_uring"; }

 private:
  void start(Pending* pending) override {
    switch (pending->op.kind) {
      case IoOp::Kind::kDataSync:
        return sync_on_thread(pending);
      case IoOp::Kind::kCachedRead:
        return copy_on_thread(pending);
      case IoOp::Kind::kRead:
      case IoOp::Kind::kWrite:
        return put_on_ring(pending);
    }
  }

  void copy_on_thread(Pending* pending) {
    copy_pool_.submit([this, pending] {
      const IoOp& op = pending->op;
      const ssize_t n = ::preadv2(op.fd, op.iov, static_cast<int>(op.iov_count),
                                  static_cast<off_t>(op.offset), RWF_NOWAIT);
      if (n > 0) {
        ATOLL_PROBE("uring.copied_on_thread");
        pending->result = n;
        auto waiter = std::move(pending->waiter);
        waiter->resume();
        return;
      }
      // Not in memory, or something that the ring will find out.
      boost::asio::post(io_, [this, pending, alive = alive_] {
        if (*alive) put_on_ring(pending);
      });
    });
  }

  void sync_on_thread(Pending* pending) {
    sync_pool_.submit([pending] {
      pending->result = ::fdatasync(pending->op.fd) == 0 ? 0 : -errno;
      auto waiter = std::move(pending->waiter);
      waiter->resume();
    });
  }

  void put_on_ring(Pending* pending) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    if (sqe == nullptr) {
      flush();
      sqe = io_uring_get_sqe(&ring_);
    }
    // The ring has a place for each of kIoInFlightMax operations.
    ATOLL_CHECK(sqe != nullptr, "io_uring's queue is full");
    const IoOp& op = pending->op;
    if (op.kind == IoOp::Kind::kWrite) {
      io_uring_prep_writev(sqe, op.fd, op.iov, op.iov_count, op.offset);
    } else {
      io_uring_prep_readv(sqe, op.fd, op.iov, op.iov_count, op.offset);
    }
    io_uring_sqe_set_data(sqe, pending);
    ++in_flight_;
    schedule_flush();
  }

  void schedule_flush() {
    if (flush_scheduled_) return;
    flush_scheduled_ = true;
    boost::asio::post(io_, [this, alive = alive_] {
      if (!*alive) return;
      flush_scheduled_ = false;
      flush();
      reap();
    });
  }

  void flush() {
    const int submitted = io_uring_submit(&ring_);
    if (submitted >= 0) return;
    // The kernel is short of memory or wants completions taken first: try again next turn.
    ATOLL_CHECK(submitted == -EAGAIN || submitted == -EBUSY || submitted == -EINTR,
                "io_uring_submit failed");
    schedule_flush();
  }

  void reap() {
    io_uring_cqe* cqe = nullptr;
    while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
      auto* pending = static_cast<Pending*>(io_uring_cqe_get_data(cqe));
      pending->result = cqe->res;
      io_uring_cqe_seen(&ring_, cqe);
      ATOLL_CHECK(in_flight_ > 0);
      --in_flight_;
      // Moved out first: once posted, the task may end and take `pending` with it.
      auto waiter = std::move(pending->waiter);
      waiter->resume();
    }
  }

  void watch() {
    completions_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                            [this, alive = alive_](const boost::system::error_code& error) {
                              if (!*alive || error) return;
                              uint64_t count = 0;
                              (void)!::read(completions_.native_handle(), &count, sizeof count);
                              reap();
                              watch();
                            });
  }

  io_uring ring_;
  WorkerPool sync_pool_{"atoll-sync", kSyncThreads};
  boost::asio::posix::stream_descriptor completions_;
  uint64_t in_flight_ = 0;
  bool flush_scheduled_ = false;
  // Handlers that the reactor still holds must find out that the engine is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  WorkerPool copy_pool_{"atoll-copy", kCopyThreads};  // the last: its work uses the others
};

}  // namespace

Result<std::unique_ptr<IoEngine>> make_uring_engine(boost::asio::io_context& io) {
  io_uring ring{};
  // Without COOP_TASKRUN each completion interrupts the reactor thread; kernels before 5.19 lack
  // it.
  int rc = io_uring_queue_init(kIoInFlightMax, &ring, IORING_SETUP_COOP_TASKRUN);
  if (rc == -EINVAL) rc = io_uring_queue_init(kIoInFlightMax, &ring, 0);
  if (rc < 0) {
    const Error error = errno_error(-rc, "io_uring_queue_init", "");
    return fail(Errc::kUnsupported, error.message);
  }
  const int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  rc = event_fd < 0 ? -errno : io_uring_register_eventfd(&ring, event_fd);
  if (rc < 0) {
    io_uring_queue_exit(&ring);
    if (event_fd >= 0) ::close(event_fd);
    return fail(Errc::kUnsupported, errno_error(-rc, "io_uring_register_eventfd", "").message);
  }
  return std::make_unique<UringEngine>(io, ring, event_fd);
}

}  // namespace atl::env
