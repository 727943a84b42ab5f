// What the async style itself costs: a spawn, a wake-up, a deadline, a turn of the reactor.
#include <benchmark/benchmark.h>

#include "env/real_env.h"

namespace atl::env {
namespace {

Task<int> child(int value) {
  co_return value;
}

Task<Result<int>> child_result(int value) {
  co_return value;
}

Task<void> await_loop(benchmark::State& state) {
  for (auto _ : state) {
    int value = co_await child(7);
    benchmark::DoNotOptimize(value);
  }
}

Task<void> spawn_loop(benchmark::State& state, RealEnv& env) {
  for (auto _ : state) {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < state.range(0); ++i) tasks.push_back(child(i));
    auto results = co_await when_all(env, std::move(tasks));
    benchmark::DoNotOptimize(results.data());
  }
}

Task<void> deadline_loop(benchmark::State& state, RealEnv& env) {
  for (auto _ : state) {
    auto task = child_result(7);
    auto result = co_await with_timeout(env, 30s, std::move(task));
    benchmark::DoNotOptimize(result);
  }
}

Task<void> offload_loop(benchmark::State& state, RealEnv& env) {
  for (auto _ : state) {
    std::function<void()> work = [] {};
    co_await env.offload(std::move(work));
  }
}

void await_a_task(benchmark::State& state) {
  RealEnv env;
  env.run(await_loop(state));
}
void when_all_of(benchmark::State& state) {
  RealEnv env;
  env.run(spawn_loop(state, env));
}
void with_deadline(benchmark::State& state) {
  RealEnv env;
  env.run(deadline_loop(state, env));
}
void offload_nothing(benchmark::State& state) {
  RealEnv env;
  env.run(offload_loop(state, env));
}

BENCHMARK(await_a_task);
BENCHMARK(when_all_of)->Arg(1)->Arg(8);
BENCHMARK(with_deadline);
BENCHMARK(offload_nothing)->UseRealTime();

}  // namespace
}  // namespace atl::env
