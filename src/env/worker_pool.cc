#include "env/worker_pool.h"

#include <pthread.h>
#include <signal.h>

#include "base/check.h"

namespace atl::env {

WorkerPool::WorkerPool(const std::string& name, int threads) {
  ATOLL_CHECK(threads > 0);
  // Signals are the main thread's.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this, name] { run(name); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

WorkerPool::~WorkerPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::submit(std::move_only_function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    ATOLL_CHECK(!stopping_);
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void WorkerPool::run(std::string name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

}  // namespace atl::env
