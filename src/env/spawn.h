// How both sides of env start a task and notice its end. For the inside of env only.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "env/task.h"

namespace atl::env::internal {

// `alive` is destroyed when the task ends, or when its frame is thrown away.
template <typename Alive>
struct OnTaskEnd {
  Alive alive;
  void operator()(std::exception_ptr error) {
    if (!error) return;
    std::string what = "unknown exception";
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      what = e.what();
    } catch (...) {
    }
    ATOLL_CHECK(!error, "a task threw: " + what);
  }
};

template <typename Alive>
void post_task(boost::asio::io_context& io, Task<void> task, Alive alive) {
  boost::asio::post(io, [&io, task = std::move(task), alive = std::move(alive)]() mutable {
    boost::asio::co_spawn(io, std::move(task), OnTaskEnd<Alive>{std::move(alive)});
  });
}

// Where the value of a task that run() drives is put.
template <typename T>
struct RunSlot {
  std::optional<T> value;
  bool done() const { return value.has_value(); }
};
template <>
struct RunSlot<void> {
  bool finished = false;
  bool done() const { return finished; }
};

template <typename T>
Task<void> fill_slot(std::shared_ptr<RunSlot<T>> slot, Task<T> task, std::function<void()> then) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
    slot->finished = true;
  } else {
    T value = co_await std::move(task);
    slot->value.emplace(std::move(value));
  }
  if (then) then();
}

}  // namespace atl::env::internal
