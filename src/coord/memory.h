// A coordinator in memory, for tests and simulations: the same Store, nothing durable.
//
// It outlives what is restarted against it, so a test keeps it across restarts of a node.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "coord/coordinator.h"
#include "coord/store.h"
#include "env/env.h"

namespace atl::coord {

class MemoryCoordinator final : public Coordinator, public LeaseList {
 public:
  explicit MemoryCoordinator(env::Env& env);
  ~MemoryCoordinator() override;  // ends waits with kCancelled

  // While unavailable every call but wait_change answers kUnavailable and changes nothing.
  void set_available(bool available) { available_ = available; }

  Task<Result<Versioned>> get(std::string key) override;
  Task<Result<std::vector<KeyValue>>> list(std::string prefix) override;
  Task<Result<uint64_t>> compare_and_swap(std::string key, uint64_t expected_version,
                                          std::string value) override;
  Task<Status> erase(std::string key, uint64_t expected_version) override;
  Task<Result<uint64_t>> wait_change(std::string prefix, uint64_t after_revision,
                                     Nanos limit) override;
  Task<Status> lease_acquire(std::string name, std::string holder, Nanos time_to_live) override;
  Task<Status> lease_renew(std::string name, std::string holder) override;
  Task<Status> lease_release(std::string name, std::string holder) override;
  Task<Result<std::vector<HeldLease>>> leases(std::string prefix) override;

 private:
  Result<uint64_t> apply(const Change& change);

  env::Env& env_;
  std::shared_ptr<Store> store_;
  bool available_ = true;
};

}  // namespace atl::coord
