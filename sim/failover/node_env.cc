#include "failover/node_env.h"

namespace atl::sim {

Task<void> NodeEnv::sleep(Nanos duration) {
  co_await world_.sleep(true_span(duration));
  co_await gate();
}

env::TimerId NodeEnv::start_timer(Nanos delay, env::TimerQueue::Fire fire) {
  auto held = std::make_shared<env::TimerQueue::Fire>(std::move(fire));
  return world_.start_timer(true_span(delay), [this, held] {
    if (!stopped())
      (*held)();
    else
      world_.spawn("late timer", fire_when_running(held));
  });
}

Task<void> NodeEnv::fire_when_running(std::shared_ptr<env::TimerQueue::Fire> fire) {
  co_await gate();
  (*fire)();
}

void NodeEnv::cancel_timer(env::TimerId id) {
  world_.cancel_timer(id);
}

void NodeEnv::spawn(std::string_view name, Task<void> task) {
  world_.spawn(name, run_gated(std::move(task)));
}

Task<void> NodeEnv::run_gated(Task<void> task) {
  co_await gate();
  co_await std::move(task);
}

Task<void> NodeEnv::offload(std::function<void()> work) {
  co_await gate();
  work();
}

}  // namespace atl::sim
