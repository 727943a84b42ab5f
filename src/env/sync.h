// Waiting for one another on one reactor: Event, Semaphore, Mutex, when_all, with_timeout.
//
// None of these locks anything against threads: tasks of one reactor interleave only at co_await.
// Who waits longest is woken first. Waking is by post, never inline, so `set()` never re-enters.
//
// Ownership: a suspended task is owned by what it waits on. Destroying an Event, Semaphore or
// WaitQueue that still has waiters throws those tasks away (their frames are unwound in a later
// turn of the reactor), so end the tasks of an object before the object.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "env/env.h"
#include "env/task.h"

namespace atl::env {

// A suspended task, type-erased; resume() posts it to its reactor, once.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void resume() = 0;

  // co_await Waiter::suspend(store): suspends and hands the Waiter to
  // store(std::unique_ptr<Waiter>). A template because of g++ 12: the caller's lambda becomes a
  // Store here, not inside the co_await expression (see task.h).
  template <typename F>
  static Task<void> suspend(F store) {
    return suspend_into(Store(std::move(store)));
  }

 private:
  using Store = std::move_only_function<void(std::unique_ptr<Waiter>)>;
  static Task<void> suspend_into(Store store);
};

class WaitQueue {
 public:
  Task<void> wait();
  void wake_one();
  void wake_all();
  size_t size() const { return waiters_.size(); }

 private:
  std::deque<std::unique_ptr<Waiter>> waiters_;
};

// Set once or many times; wait() returns at once while it is set.
class Event {
 public:
  bool is_set() const { return set_; }
  void set() {
    set_ = true;
    queue_.wake_all();
  }
  void reset() { set_ = false; }
  Task<void> wait();

 private:
  bool set_ = false;
  WaitQueue queue_;
};

// Counts permits; acquire waits in order, so a large request is not starved by small ones. A
// request for more than the semaphore was made with waits for ever. release() may be called from
// destructors.
class Semaphore {
 public:
  explicit Semaphore(uint64_t permits) : available_(permits) {}
  Task<void> acquire(uint64_t n = 1);
  bool try_acquire(uint64_t n = 1);
  void release(uint64_t n = 1);
  uint64_t available() const { return available_; }
  size_t waiting() const { return pending_.size(); }

 private:
  struct Pending {
    uint64_t permits;
    std::unique_ptr<Waiter> waiter;
  };
  uint64_t available_;
  std::deque<Pending> pending_;
};

// Holds permits of a semaphore until destroyed.
class Permit {
 public:
  Permit() = default;
  Permit(Semaphore* semaphore, uint64_t n) : semaphore_(semaphore), n_(n) {}
  Permit(Permit&& other) noexcept { swap(other); }
  Permit& operator=(Permit&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Permit() {
    if (semaphore_) semaphore_->release(n_);
  }
  static Task<Permit> take(Semaphore& semaphore, uint64_t n = 1);

 private:
  void swap(Permit& other) {
    std::swap(semaphore_, other.semaphore_);
    std::swap(n_, other.n_);
  }
  Semaphore* semaphore_ = nullptr;
  uint64_t n_ = 0;
};

class Mutex {
 public:
  Mutex() : semaphore_(1) {}
  Task<Permit> lock() { return Permit::take(semaphore_); }

 private:
  Semaphore semaphore_;
};

namespace internal {

template <typename T>
struct AllState {
  std::vector<std::optional<T>> results;
  size_t left = 0;
  Event done;
};
template <typename T>
Task<void> run_one(std::shared_ptr<AllState<T>> state, size_t i, Task<T> task) {
  T value = co_await std::move(task);
  state->results[i].emplace(std::move(value));
  if (--state->left == 0) state->done.set();
}

template <typename T>
struct TimeoutState {
  std::optional<Result<T>> result;
  Event done;
};
template <typename T>
Task<void> run_for_timeout(std::shared_ptr<TimeoutState<T>> state, Task<Result<T>> task) {
  Result<T> result = co_await std::move(task);
  if (state->result) co_return;  // too late: nobody listens any more
  state->result.emplace(std::move(result));
  state->done.set();
}

}  // namespace internal

// Runs all at once and returns their results in the same order.
template <typename T>
Task<std::vector<T>> when_all(Env& env, std::vector<Task<T>> tasks) {
  auto state = std::make_shared<internal::AllState<T>>();
  state->results.resize(tasks.size());
  state->left = tasks.size();
  for (size_t i = 0; i < tasks.size(); ++i)
    env.spawn("when_all", internal::run_one<T>(state, i, std::move(tasks[i])));
  if (state->left != 0) co_await state->done.wait();
  std::vector<T> out;
  out.reserve(state->results.size());
  for (auto& result : state->results) out.push_back(std::move(*result));
  co_return out;
}

Task<void> when_all(Env& env, std::vector<Task<void>> tasks);

// The task's result, or kTimeout after `limit`. The task itself goes on to its end unheard, so it
// must own what it uses.
template <typename T>
Task<Result<T>> with_timeout(Env& env, Nanos limit, Task<Result<T>> task) {
  auto state = std::make_shared<internal::TimeoutState<T>>();
  env.spawn("with_timeout", internal::run_for_timeout<T>(state, std::move(task)));
  const TimerId timer = env.start_timer(limit, [state] {
    if (state->result) return;
    state->result.emplace(fail(Errc::kTimeout, "deadline passed"));
    state->done.set();
  });
  co_await state->done.wait();
  env.cancel_timer(timer);
  co_return std::move(*state->result);
}

}  // namespace atl::env
