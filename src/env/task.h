// The one async style: C++20 coroutines over Boost.Asio's awaitable. `Task<T>` starts when it is
// awaited or spawned. All tasks of a process run on one reactor thread (Env::run), so code between
// two co_awaits is atomic with regard to every other task, and shared state needs no locks.
//
// Rules that g++ 12 forces on coroutines (each has bitten; see HACKING.md):
//  - no lambda coroutine with captures: the captures die before the coroutine does. Write a
//  function
//    that takes what it needs by value, or a member function whose object outlives the task.
//  - parameters of coroutines are by value, or references to what outlives the whole await.
//  - name non-trivial arguments first: `Foo foo{..}; co_await f(std::move(foo));`, because
//    temporaries inside a co_await expression can be destroyed twice; no initializer lists in
//    there.
//  - no co_await inside a ternary, or in the condition of a range-for.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace atl {

template <typename T>
using Task = boost::asio::awaitable<T>;

}  // namespace atl
