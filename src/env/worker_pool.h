// A few threads for what would hold up the reactor: long computing, and calls that block.
//
// submit() may be called from any thread; work runs in the order of submission as threads get free.
// The queue is bounded by its callers (see kOffloadMax, kIoInFlightMax). The destructor runs what
// is queued and joins.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace atl::env {

class WorkerPool {
 public:
  // `name` shows in top and in debuggers (15 characters).
  WorkerPool(const std::string& name, int threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void submit(std::move_only_function<void()> work);

 private:
  void run(std::string name);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::move_only_function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace atl::env
