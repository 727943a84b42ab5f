// Asynchronous system calls on files: one ring (io_uring), or threads that block where a container
// forbids io_uring. RealBlockFile stands on this.
//
// One engine an Env, used from its reactor only. An operation that was begun always ends, and the
// memory it names must live until then: the coroutine that awaits run() owns it.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "base/result.h"
#include "env/sync.h"
#include "env/task.h"

namespace atl::env {

// Operations at the kernel at once. Deep enough for eight NVMe queues of 32; more wait in line.
inline constexpr unsigned kIoInFlightMax = 256;
// Threads of the engine without io_uring: each blocks on one operation.
inline constexpr int kIoThreads = 16;
// Threads beside io_uring that copy from the page cache. One copies some 10 GB/s: more than a
// reactor sends.
inline constexpr int kCopyThreads = 1;

enum class IoEngineKind {
  kAuto,  // io_uring where the kernel allows it; threads otherwise, or when ATOLL_IO=threads
  kUring,
  kThreads,
};

struct IoOp {
  enum class Kind {
    kRead,
    kCachedRead,  // of what may well be in the page cache: then another thread copies it
    kWrite,
    kDataSync,
  };
  Kind kind = Kind::kRead;
  int fd = -1;
  const iovec* iov = nullptr;
  unsigned iov_count = 0;
  uint64_t offset = 0;
};

class IoEngine {
 public:
  explicit IoEngine(boost::asio::io_context& io) : io_(io), slots_(kIoInFlightMax) {}
  virtual ~IoEngine() = default;
  virtual const char* name() const = 0;

  // What the system call returned: bytes, or -errno. Reads and writes may be short.
  Task<int64_t> run(IoOp op);

 protected:
  struct Pending {
    IoOp op;
    int64_t result = 0;
    std::unique_ptr<Waiter> waiter;
  };
  // Starts it; later, on any thread, sets the result and resumes the waiter.
  virtual void start(Pending* pending) = 0;

  boost::asio::io_context& io_;

 private:
  Semaphore slots_;
};

// kUnsupported when io_uring is asked for and the kernel refuses it.
Result<std::unique_ptr<IoEngine>> make_uring_engine(boost::asio::io_context& io);
std::unique_ptr<IoEngine> make_thread_engine(boost::asio::io_context& io);
Result<std::unique_ptr<IoEngine>> make_io_engine(boost::asio::io_context& io, IoEngineKind kind);

}  // namespace atl::env
