// The world outside: clock, timers, tasks, randomness, files. Everything above uses only this.
//
// Two sides: RealEnv (env/real_env.h: Asio, io_uring, threads) and SimEnv (env/sim_env.h: virtual
// time, one seed, disks that tear, rot and lose what was not flushed). The simulator runs the very
// code that ships, and the same seed gives the same run.
//
// Threads: an Env belongs to its reactor thread; only `offload` leaves it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"
#include "env/task.h"
#include "env/timer_queue.h"

namespace atl::env {

// Offsets, sizes and Buf sizes of block file I/O are multiples of this.
inline constexpr uint64_t kBlockSize = 4096;

// kCached may be served from memory (the page cache); kDirect reads the medium and leaves no trace
// in caches: scrub and rebuild use it.
enum class ReadMode { kCached, kDirect };

// A raw block device or a preallocated file. Concurrent calls are allowed; their order is not
// defined, so callers order what must be ordered. A write is durable only once a sync() that was
// *called after* the write returned has itself returned success.
class BlockFile {
 public:
  virtual ~BlockFile() = default;
  virtual uint64_t size_bytes() const = 0;
  // Writes the bufs one after another from `offset`. A crash may leave any subset of the 4 KiB
  // blocks.
  virtual Task<Status> write(uint64_t offset, std::vector<Buf> bufs) = 0;
  virtual Task<Result<Buf>> read(uint64_t offset, size_t length, ReadMode mode) = 0;
  virtual Task<Status> sync() = 0;
  // False once the path no longer names this very file: it was removed, or another was put there.
  virtual bool still_in_place() = 0;
};

struct OpenOptions {
  bool create = false;      // create the file when absent; kExists when it is there
  uint64_t size_bytes = 0;  // with create: preallocated to this size, reads as zeros
};

class Network;  // env/net.h

class Env {
 public:
  virtual ~Env() = default;

  // Monotonic time since some start. Never used for safety, only for waiting and measuring.
  virtual Nanos now() = 0;
  // Time since the Unix epoch: what users see (mtime, signatures).
  virtual Nanos wall_now() = 0;
  virtual Task<void> sleep(Nanos duration) = 0;
  // Calls `fire` on the reactor once `delay` has passed, unless it is cancelled first: for giving
  // up on something. `fire` must not throw. Cancelling what has fired, or {}, does nothing.
  virtual TimerId start_timer(Nanos delay, TimerQueue::Fire fire) = 0;
  virtual void cancel_timer(TimerId id) = 0;
  virtual uint64_t random() = 0;

  // Starts a task that nobody awaits. Its first step runs in a later turn of the reactor, never
  // inside spawn(). The name is for logs. A task must not throw.
  virtual void spawn(std::string_view name, Task<void> task) = 0;
  // Runs `work` where it does not hold up the reactor (a worker thread; in the simulator, here and
  // now). For more than some 50 us of computing, or for calls that block.
  virtual Task<void> offload(std::function<void()> work) = 0;
  virtual boost::asio::io_context& io() = 0;
  virtual Network& network() = 0;

  // kNotFound, kExists, kNoSpace, kIo, and kBusy when somebody else has the file open. Once a
  // create has returned, the file survives a crash.
  virtual Task<Result<std::unique_ptr<BlockFile>>> open_block_file(std::string path,
                                                                   OpenOptions options) = 0;
  virtual bool exists(const std::string& path) = 0;
  virtual Status create_directories(const std::string& path) = 0;
  virtual Status remove_all(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> list_directory(const std::string& path) = 0;  // sorted
};

// Each side also has `template <typename T> T run(Task<T>)`: runs a task to its end on this env's
// reactor and returns its value, for main() and tests. SimEnv moves virtual time as it goes.

}  // namespace atl::env
