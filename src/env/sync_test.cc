// Waiting for one another: order of waking, permits, when_all, with_timeout.
#include "env/sync.h"

#include <gtest/gtest.h>

#include "env/sim_env.h"

namespace atl::env {
namespace {

Task<void> wait_and_note(Event& event, std::string* log, char name) {
  co_await event.wait();
  log->push_back(name);
}

TEST(Event, wakes_all_in_order_and_never_inside_set) {
  SimEnv env;
  Event event;
  std::string log;
  for (char name : {'a', 'b', 'c'}) env.spawn("waiter", wait_and_note(event, &log, name));
  env.run_for(1s);
  EXPECT_EQ(log, "");
  event.set();
  EXPECT_EQ(log, "");
  env.run_for(0s);
  EXPECT_EQ(log, "abc");
  env.run(wait_and_note(event, &log, 'd'));  // is set: returns at once
  event.reset();
  env.spawn("waiter", wait_and_note(event, &log, 'e'));
  env.run_for(1s);
  EXPECT_EQ(log, "abcd");
  event.set();
  env.run_for(0s);
  EXPECT_EQ(log, "abcde");
}

Task<void> hold(SimEnv& env, Semaphore& semaphore, uint64_t n, std::string* log, char name) {
  auto permit = co_await Permit::take(semaphore, n);
  log->push_back(name);
  co_await env.sleep(1s);
}

TEST(Semaphore, large_requests_are_not_starved) {
  SimEnv env;
  Semaphore semaphore(3);
  std::string log;
  env.spawn("a", hold(env, semaphore, 2, &log, 'a'));
  env.spawn("b", hold(env, semaphore, 3, &log, 'b'));  // waits for all
  env.spawn("c", hold(env, semaphore, 1, &log, 'c'));  // would fit, but came later
  env.run_for(500ms);
  EXPECT_EQ(log, "a");
  EXPECT_EQ(semaphore.waiting(), 2u);
  EXPECT_FALSE(semaphore.try_acquire());
  env.run_for(1s);
  EXPECT_EQ(log, "ab");
  env.run_for(10s);
  EXPECT_EQ(log, "abc");
  EXPECT_EQ(semaphore.available(), 3u);
  EXPECT_TRUE(semaphore.try_acquire(3));
}

TEST(Permit, gives_back_once) {
  Semaphore semaphore(2);
  ASSERT_TRUE(semaphore.try_acquire(2));
  {
    Permit a(&semaphore, 1);
    Permit b = std::move(a);
    Permit c(&semaphore, 1);
    c = std::move(b);  // what c held goes with b
    EXPECT_LE(semaphore.available(), 1u);
  }
  EXPECT_EQ(semaphore.available(), 2u);
}

Task<void> add_slowly(SimEnv& env, Mutex& mutex, int* value) {
  auto permit = co_await mutex.lock();
  const int seen = *value;
  co_await env.sleep(1ms);
  *value = seen + 1;
}

TEST(Mutex, one_at_a_time) {
  SimEnv env;
  Mutex mutex;
  int value = 0;
  for (int i = 0; i < 100; ++i) env.spawn("add", add_slowly(env, mutex, &value));
  env.run_for(1s);
  EXPECT_EQ(value, 100);
}

Task<Result<int>> value_after(SimEnv& env, Nanos delay, int value) {
  co_await env.sleep(delay);
  if (value < 0) co_return fail(Errc::kConflict);
  co_return value;
}

Task<Status> status_after(SimEnv& env, Nanos delay) {
  co_await env.sleep(delay);
  co_return Status{};
}

Task<std::unique_ptr<int>> move_only(SimEnv& env, int value) {
  co_await env.sleep(1ms);
  auto out = std::make_unique<int>(value);
  co_return std::move(out);
}

TEST(WhenAll, runs_together_and_keeps_the_order) {
  SimEnv env;
  std::vector<Task<Result<int>>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(value_after(env, Nanos(1s) * (10 - i), i - 5));
  const auto results = env.run(when_all(env, std::move(tasks)));
  EXPECT_EQ(env.now(), 10s);
  ASSERT_EQ(results.size(), 10u);
  for (int i = 0; i < 10; ++i) {
    if (i < 5) {
      EXPECT_EQ(results[i].error().code, Errc::kConflict);
    } else {
      EXPECT_EQ(*results[i], i - 5);
    }
  }
}

TEST(WhenAll, takes_nothing_void_and_move_only_values) {
  SimEnv env;
  EXPECT_TRUE(env.run(when_all(env, std::vector<Task<Result<int>>>{})).empty());
  env.run(when_all(env, std::vector<Task<void>>{}));
  std::vector<Task<void>> sleeps;
  sleeps.push_back(env.sleep(1s));
  sleeps.push_back(env.sleep(2s));
  env.run(when_all(env, std::move(sleeps)));
  EXPECT_EQ(env.now(), 2s);
  std::vector<Task<std::unique_ptr<int>>> tasks;
  tasks.push_back(move_only(env, 1));
  tasks.push_back(move_only(env, 2));
  auto values = env.run(when_all(env, std::move(tasks)));
  EXPECT_EQ(*values[1], 2);
}

TEST(WithTimeout, the_first_of_result_and_deadline) {
  SimEnv env;
  auto in_time = env.run(with_timeout(env, 2s, value_after(env, 1s, 7)));
  ASSERT_TRUE(in_time);
  EXPECT_EQ(*in_time, 7);
  EXPECT_EQ(env.now(), 1s);

  auto late = env.run(with_timeout(env, 2s, value_after(env, 5s, 7)));
  EXPECT_EQ(late.error().code, Errc::kTimeout);
  EXPECT_EQ(env.now(), 3s);
  EXPECT_EQ(env.live_tasks().size(), 1u) << "the task goes on unheard";
  env.run_for(10s);
  EXPECT_TRUE(env.live_tasks().empty());

  auto error = env.run(with_timeout(env, 2s, value_after(env, 1s, -1)));
  EXPECT_EQ(error.error().code, Errc::kConflict);
  EXPECT_TRUE(env.run(with_timeout<void>(env, 2s, status_after(env, 1s))));
}

TEST(WithTimeout, leaves_no_timer_behind) {
  SimEnv env;
  for (int i = 0; i < 100; ++i) {
    auto result = env.run(with_timeout(env, 1h, value_after(env, 1ms, i)));
    ASSERT_TRUE(result);
  }
  const uint64_t events = env.events();
  env.run_for(2h);
  EXPECT_EQ(env.events(), events);
}

}  // namespace
}  // namespace atl::env
