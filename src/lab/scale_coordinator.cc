#include "lab/scale_coordinator.h"

#include <utility>

namespace atl::lab {

Task<Result<coord::Versioned>> HeldLeases::get(std::string key) {
  return at_.get(std::move(key));
}
Task<Result<std::vector<coord::KeyValue>>> HeldLeases::list(std::string prefix) {
  return at_.list(std::move(prefix));
}
Task<Result<uint64_t>> HeldLeases::compare_and_swap(std::string key, uint64_t expected_version,
                                                    std::string value) {
  return at_.compare_and_swap(std::move(key), expected_version, std::move(value));
}
Task<Status> HeldLeases::erase(std::string key, uint64_t expected_version) {
  return at_.erase(std::move(key), expected_version);
}
Task<Result<uint64_t>> HeldLeases::wait_change(std::string prefix, uint64_t after_revision,
                                               Nanos limit) {
  return at_.wait_change(std::move(prefix), after_revision, limit);
}

Task<Status> HeldLeases::lease_acquire(std::string name, std::string holder, Nanos time_to_live) {
  const auto held = held_.find(name);
  if (held != held_.end() && held->second.holder != holder && env_.now() < held->second.expires)
    co_return fail(Errc::kConflict, "lease " + name + " is held by " + held->second.holder);
  const Status done = co_await at_.lease_acquire(name, holder, time_to_live);
  if (done) held_[name] = Held{holder, time_to_live, env_.now() + time_to_live};
  co_return done;
}

Task<Status> HeldLeases::lease_renew(std::string name, std::string holder) {
  const Status done = co_await at_.lease_renew(name, holder);
  const auto held = held_.find(name);
  if (done && held != held_.end()) held->second.expires = env_.now() + held->second.time_to_live;
  co_return done;
}

Task<Status> HeldLeases::lease_release(std::string name, std::string holder) {
  const Status done = co_await at_.lease_release(name, holder);
  if (done) held_.erase(name);
  co_return done;
}

template <typename R>
Task<R> CutLink::over(Task<R> call) {
  if (cut_) {
    co_await env_.sleep(kCutCallDeadline);
    co_return fail(Errc::kTimeout, "the node is cut off");
  }
  co_return co_await std::move(call);
}

Task<Result<coord::Versioned>> CutLink::get(std::string key) {
  return over(at_.get(std::move(key)));
}
Task<Result<std::vector<coord::KeyValue>>> CutLink::list(std::string prefix) {
  return over(at_.list(std::move(prefix)));
}
Task<Result<uint64_t>> CutLink::compare_and_swap(std::string key, uint64_t expected_version,
                                                 std::string value) {
  return over(at_.compare_and_swap(std::move(key), expected_version, std::move(value)));
}
Task<Status> CutLink::erase(std::string key, uint64_t expected_version) {
  return over(at_.erase(std::move(key), expected_version));
}
Task<Result<uint64_t>> CutLink::wait_change(std::string prefix, uint64_t after_revision,
                                            Nanos limit) {
  return over(at_.wait_change(std::move(prefix), after_revision, limit));
}
Task<Status> CutLink::lease_acquire(std::string name, std::string holder, Nanos time_to_live) {
  return over(at_.lease_acquire(std::move(name), std::move(holder), time_to_live));
}
Task<Status> CutLink::lease_renew(std::string name, std::string holder) {
  return over(at_.lease_renew(std::move(name), std::move(holder)));
}
Task<Status> CutLink::lease_release(std::string name, std::string holder) {
  return over(at_.lease_release(std::move(name), std::move(holder)));
}

}  // namespace atl::lab
