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
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/check.h"
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
  // store(std::unique_ptr<Waiter>).
  template <typename Store>
  static Task<void> suspend(Store store) {
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
        [store = std::move(store)](auto handler) mutable {
          store(std::make_unique<Holder<decltype(handler)>>(std::move(handler)));
        },
        boost::asio::use_awaitable);
  }

 private:
  template <typename Handler>
  struct Holder;
};

template <typename Handler>
struct Waiter::Holder final : Waiter {
  explicit Holder(Handler h) : handler(std::move(h)) {}
  void resume() override {
    auto executor = boost::asio::get_associated_executor(handler);
    boost::asio::post(executor, std::move(handler));
  }
  Handler handler;
};

class WaitQueue {
 public:
  Task<void> wait() {
    return Waiter::suspend([this](std::unique_ptr<Waiter> w) { waiters_.push_back(std::move(w)); });
  }
  void wake_one() {
    if (waiters_.empty()) return;
    auto waiter = std::move(waiters_.front());
    waiters_.pop_front();
    waiter->resume();
  }
  void wake_all() {
    std::deque<std::unique_ptr<Waiter>> all;
    all.swap(waiters_);
    for (auto& waiter : all) waiter->resume();
  }
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
  Task<void> wait() {
    while (!set_) co_await queue_.wait();
  }

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
  Task<void> acquire(uint64_t n = 1) {
    if (pending_.empty() && available_ >= n) {
      available_ -= n;
      co_return;
    }
    co_await Waiter::suspend([this, n](std::unique_ptr<Waiter> w) {
      pending_.push_back({n, std::move(w)});
    });
  }
  bool try_acquire(uint64_t n = 1) {
    if (!pending_.empty() || available_ < n) return false;
    available_ -= n;
    return true;
  }
  void release(uint64_t n = 1) {
    available_ += n;
    while (!pending_.empty() && pending_.front().permits <= available_) {
      available_ -= pending_.front().permits;
      auto waiter = std::move(pending_.front().waiter);
      pending_.pop_front();
      waiter->resume();
    }
  }
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
  static Task<Permit> take(Semaphore& semaphore, uint64_t n = 1) {
    co_await semaphore.acquire(n);
    co_return Permit(&semaphore, n);
  }

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
template <>
struct AllState<void> {
  size_t left = 0;
  Event done;
};
template <typename T>
Task<void> run_one(std::shared_ptr<AllState<T>> state, size_t i, Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
  } else {
    T value = co_await std::move(task);
    state->results[i].emplace(std::move(value));
  }
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

inline Task<void> when_all(Env& env, std::vector<Task<void>> tasks) {
  auto state = std::make_shared<internal::AllState<void>>();
  state->left = tasks.size();
  for (size_t i = 0; i < tasks.size(); ++i)
    env.spawn("when_all", internal::run_one<void>(state, i, std::move(tasks[i])));
  if (state->left != 0) co_await state->done.wait();
}

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
