// The real world outside: the system's clocks, files, sockets and a few threads.
//
//   RealEnv env;
//   int code = env.run(server_main(env));   // the reactor runs on this thread until the task ends
//
// Threads: the one that calls run() is the reactor; besides it kOffloadThreads workers, and
// kIoThreads more where io_uring is not to be had. Everything but the clocks belongs to the
// reactor's thread.
//
// Lifetime: outlives all that uses it. When it is destroyed with tasks still alive it leaks them
// (their frames refer to one another in any order), so end them first: close files and listeners,
// and let background tasks return.
#pragma once

#include <chrono>
#include <memory>

#include "base/check.h"
#include "env/env.h"
#include "env/io_engine.h"
#include "env/random.h"
#include "env/real_net.h"
#include "env/spawn.h"
#include "env/sync.h"
#include "env/worker_pool.h"

namespace atl::env {

// Hashing and coding of large requests, and blocking calls, beside the reactor.
inline constexpr int kOffloadThreads = 2;
// A process that was killed holds its files until the kernel has ended its I/O under way, which can
// be after its parent was told of its end: so long is a file that is in use waited for.
inline constexpr Nanos kBusyWait = 3s;
inline constexpr Nanos kBusyRetryInterval = 20ms;
// Offloaded pieces of work at once; more wait in line on the reactor.
inline constexpr unsigned kOffloadMax = 256;

struct RealOptions {
  IoEngineKind io = IoEngineKind::kAuto;
};

class RealEnv final : public Env {
 public:
  explicit RealEnv(RealOptions options = {});
  ~RealEnv() override;

  // Runs the reactor until the task has ended. Not from within a task.
  template <typename T>
  T run(Task<T> task) {
    auto slot = std::make_shared<internal::RunSlot<T>>();
    spawn("run", internal::fill_slot<T>(slot, std::move(task), [this] { stop(); }));
    run_reactor();
    ATOLL_CHECK(slot->done(), "the reactor was stopped before the task ended");
    if constexpr (!std::is_void_v<T>) return std::move(*slot->value);
  }
  void run_reactor();  // until stop()
  void stop();         // any thread

  // Returns at the next SIGTERM or SIGINT, with its number. After that a second one kills.
  Task<int> wait_for_signal();

  const char* io_engine_name() const { return engine_->name(); }
  size_t live_tasks() const;

  Nanos now() override;
  Nanos wall_now() override;
  Task<void> sleep(Nanos duration) override;
  TimerId start_timer(Nanos delay, TimerQueue::Fire fire) override;
  void cancel_timer(TimerId id) override;
  uint64_t random() override { return random_.next(); }
  void spawn(std::string_view name, Task<void> task) override;
  Task<void> offload(std::function<void()> work) override;
  boost::asio::io_context& io() override;
  Network& network() override { return *network_; }
  Task<Result<std::unique_ptr<BlockFile>>> open_block_file(std::string path,
                                                           OpenOptions options) override;
  bool exists(const std::string& path) override;
  Status create_directories(const std::string& path) override;
  Status remove_all(const std::string& path) override;
  Result<std::vector<std::string>> list_directory(const std::string& path) override;

 private:
  struct Core;  // what is leaked when tasks are alive at the end

  void arm_timer();
  void fire_timers();

  const Nanos start_;  // since the machine was switched on
  Random random_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<RealNetwork> network_;
  std::unique_ptr<IoEngine> engine_;
  Semaphore offload_slots_;
  std::unique_ptr<WorkerPool> workers_;
};

}  // namespace atl::env
