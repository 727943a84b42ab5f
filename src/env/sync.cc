#include "env/sync.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace atl::env {
namespace {

template <typename Handler>
struct Suspended final : Waiter {
  explicit Suspended(Handler h) : handler(std::move(h)) {}
  void resume() override {
    auto executor = boost::asio::get_associated_executor(handler);
    boost::asio::post(executor, std::move(handler));
  }
  Handler handler;
};

struct AllDone {
  size_t left = 0;
  Event done;
};

Task<void> run_one(std::shared_ptr<AllDone> state, Task<void> task) {
  co_await std::move(task);
  if (--state->left == 0) state->done.set();
}

}  // namespace

Task<void> Waiter::suspend_into(Store store) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
      [store = std::move(store)](auto handler) mutable {
        store(std::make_unique<Suspended<decltype(handler)>>(std::move(handler)));
      },
      boost::asio::use_awaitable);
}

Task<void> WaitQueue::wait() {
  return Waiter::suspend([this](std::unique_ptr<Waiter> w) { waiters_.push_back(std::move(w)); });
}

void WaitQueue::wake_one() {
  if (waiters_.empty()) return;
  auto waiter = std::move(waiters_.front());
  waiters_.pop_front();
  waiter->resume();
}

void WaitQueue::wake_all() {
  std::deque<std::unique_ptr<Waiter>> all;
  all.swap(waiters_);
  for (auto& waiter : all) waiter->resume();
}

Task<void> Event::wait() {
  while (!set_) co_await queue_.wait();
}

Task<void> Semaphore::acquire(uint64_t n) {
  if (pending_.empty() && available_ >= n) {
    available_ -= n;
    co_return;
  }
  co_await Waiter::suspend([this, n](std::unique_ptr<Waiter> w) {
    pending_.push_back({n, std::move(w)});
  });
}

bool Semaphore::try_acquire(uint64_t n) {
  if (!pending_.empty() || available_ < n) return false;
  available_ -= n;
  return true;
}

void Semaphore::release(uint64_t n) {
  available_ += n;
  while (!pending_.empty() && pending_.front().permits <= available_) {
    available_ -= pending_.front().permits;
    auto waiter = std::move(pending_.front().waiter);
    pending_.pop_front();
    waiter->resume();
  }
}

Task<Permit> Permit::take(Semaphore& semaphore, uint64_t n) {
  co_await semaphore.acquire(n);
  co_return Permit(&semaphore, n);
}

Task<void> when_all(Env& env, std::vector<Task<void>> tasks) {
  auto state = std::make_shared<AllDone>();
  state->left = tasks.size();
  for (Task<void>& task : tasks) env.spawn("when_all", run_one(state, std::move(task)));
  if (state->left != 0) co_await state->done.wait();
}

}  // namespace atl::env
