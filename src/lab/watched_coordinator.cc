#include "lab/watched_coordinator.h"

#include "lab/oracle.h"

namespace atl::lab {

const WatchedCoordinator::Grant* WatchedCoordinator::last_grant(const std::string& lease) const {
  return last_grant_to(lease, "");
}

const WatchedCoordinator::Grant* WatchedCoordinator::last_grant_to(
    const std::string& lease, std::string_view holder_prefix) const {
  const auto found = grants_.find(lease);
  if (found == grants_.end()) return nullptr;
  for (auto grant = found->second.rbegin(); grant != found->second.rend(); ++grant)
    if (grant->holder.starts_with(holder_prefix)) return &*grant;
  return nullptr;
}

void WatchedCoordinator::note(const std::string& lease, const std::string& holder, int64_t at_ns) {
  std::vector<Grant>& of_lease = grants_[lease];
  std::erase_if(of_lease, [&](const Grant& grant) { return grant.holder == holder; });
  of_lease.push_back({holder, at_ns});
}

Task<Result<coord::Versioned>> WatchedCoordinator::get(std::string key) {
  return behind_.get(std::move(key));
}

Task<Result<std::vector<coord::KeyValue>>> WatchedCoordinator::list(std::string prefix) {
  return behind_.list(std::move(prefix));
}

Task<Result<uint64_t>> WatchedCoordinator::compare_and_swap(std::string key,
                                                            uint64_t expected_version,
                                                            std::string value) {
  return behind_.compare_and_swap(std::move(key), expected_version, std::move(value));
}

Task<Status> WatchedCoordinator::erase(std::string key, uint64_t expected_version) {
  return behind_.erase(std::move(key), expected_version);
}

Task<Result<uint64_t>> WatchedCoordinator::wait_change(std::string prefix, uint64_t after_revision,
                                                       Nanos limit) {
  return behind_.wait_change(std::move(prefix), after_revision, limit);
}

Task<Status> WatchedCoordinator::lease_acquire(std::string name, std::string holder,
                                               Nanos time_to_live) {
  const int64_t at_ns = real_now().count();
  Status done = co_await behind_.lease_acquire(name, holder, time_to_live);
  if (done) note(name, holder, at_ns);
  co_return done;
}

Task<Status> WatchedCoordinator::lease_renew(std::string name, std::string holder) {
  const int64_t at_ns = real_now().count();
  Status done = co_await behind_.lease_renew(name, holder);
  if (done) note(name, holder, at_ns);
  co_return done;
}

Task<Status> WatchedCoordinator::lease_release(std::string name, std::string holder) {
  return behind_.lease_release(std::move(name), std::move(holder));
}

}  // namespace atl::lab
