#include "failover/far_coordinator.h"

namespace atl::sim {

template <typename R>
Task<R> FarCoordinator::there_and_back(Task<R> call) {
  env::SimEnv& world = env_.world();
  Nanos delay = random_.between(20us, 300us);
  if (random_.chance(link_.late_chance)) delay += random_.between(Nanos(0), link_.late_most);
  co_await world.sleep(delay);
  env::Event never;
  if (link_.cut) co_await never.wait();
  R result = co_await std::move(call);
  co_await world.sleep(random_.between(20us, 300us));
  if (link_.cut || random_.chance(link_.lost_answer_chance)) co_await never.wait();
  co_return result;
}

template <typename R>
Task<R> FarCoordinator::over_the_network(Task<R> call, Nanos deadline) {
  co_await env_.gate();
  R result = co_await env::with_timeout(env_.world(), deadline, there_and_back(std::move(call)));
  co_await env_.gate();
  co_return result;
}

Task<Result<coord::Versioned>> FarCoordinator::get(std::string key) {
  return over_the_network(at_.get(std::move(key)), kFarCallDeadline);
}
Task<Result<std::vector<coord::KeyValue>>> FarCoordinator::list(std::string prefix) {
  return over_the_network(at_.list(std::move(prefix)), kFarCallDeadline);
}
Task<Result<uint64_t>> FarCoordinator::compare_and_swap(std::string key, uint64_t expected_version,
                                                        std::string value) {
  return over_the_network(at_.compare_and_swap(std::move(key), expected_version, std::move(value)),
                          kFarCallDeadline);
}
Task<Status> FarCoordinator::erase(std::string key, uint64_t expected_version) {
  return over_the_network(at_.erase(std::move(key), expected_version), kFarCallDeadline);
}
Task<Result<uint64_t>> FarCoordinator::wait_change(std::string prefix, uint64_t after_revision,
                                                   Nanos limit) {
  return over_the_network(at_.wait_change(std::move(prefix), after_revision, limit),
                          limit + kFarCallDeadline);
}
Task<Status> FarCoordinator::lease_acquire(std::string name, std::string holder,
                                           Nanos time_to_live) {
  return over_the_network(at_.lease_acquire(std::move(name), std::move(holder), time_to_live),
                          kFarCallDeadline);
}
Task<Status> FarCoordinator::lease_renew(std::string name, std::string holder) {
  return over_the_network(at_.lease_renew(std::move(name), std::move(holder)), kFarCallDeadline);
}
Task<Status> FarCoordinator::lease_release(std::string name, std::string holder) {
  return over_the_network(at_.lease_release(std::move(name), std::move(holder)), kFarCallDeadline);
}

}  // namespace atl::sim
