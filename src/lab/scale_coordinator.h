// The coordinator as many simulated nodes reach it.
//
// HeldLeases stands before a MemoryCoordinator, which copies its whole state for every change that
// is tried: a controller that asks after a thousand leases each tick would copy a thousand states
// to hear a thousand times that they are held. That answer is given here, from a mirror that is
// exact because the coordinator behind it answers without waiting.
//
// CutLink is one node's way to it: once cut, requests vanish, and the caller hears of that
// kCutCallDeadline later.
//
// Ownership: the world's; what they refer to outlives them. Threads: the reactor's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "coord/coordinator.h"
#include "env/env.h"

namespace atl::lab {

// A caller over a network that swallows everything gives up after this long, as in the simulator.
inline constexpr Nanos kCutCallDeadline = 2s;

class HeldLeases final : public coord::Coordinator {
 public:
  HeldLeases(env::Env& env, coord::Coordinator& at) : env_(env), at_(at) {}

  Task<Result<coord::Versioned>> get(std::string key) override;
  Task<Result<std::vector<coord::KeyValue>>> list(std::string prefix) override;
  Task<Result<uint64_t>> compare_and_swap(std::string key, uint64_t expected_version,
                                          std::string value) override;
  Task<Status> erase(std::string key, uint64_t expected_version) override;
  Task<Result<uint64_t>> wait_change(std::string prefix, uint64_t after_revision,
                                     Nanos limit) override;
  Task<Status> lease_acquire(std::string name, std::string holder, Nanos time_to_live) override;
  Task<Status> lease_renew(std::string name, std::string holder) override;
  Task<Status> lease_release(std::string name, std::string holder) override;

 private:
  struct Held {
    std::string holder;
    Nanos time_to_live{0};
    Nanos expires{0};
  };
  env::Env& env_;
  coord::Coordinator& at_;
  std::map<std::string, Held> held_;
};

class CutLink final : public coord::Coordinator {
 public:
  CutLink(env::Env& env, coord::Coordinator& at) : env_(env), at_(at) {}
  void cut() { cut_ = true; }

  Task<Result<coord::Versioned>> get(std::string key) override;
  Task<Result<std::vector<coord::KeyValue>>> list(std::string prefix) override;
  Task<Result<uint64_t>> compare_and_swap(std::string key, uint64_t expected_version,
                                          std::string value) override;
  Task<Status> erase(std::string key, uint64_t expected_version) override;
  Task<Result<uint64_t>> wait_change(std::string prefix, uint64_t after_revision,
                                     Nanos limit) override;
  Task<Status> lease_acquire(std::string name, std::string holder, Nanos time_to_live) override;
  Task<Status> lease_renew(std::string name, std::string holder) override;
  Task<Status> lease_release(std::string name, std::string holder) override;

 private:
  template <typename R>
  Task<R> over(Task<R> call);

  env::Env& env_;
  coord::Coordinator& at_;
  bool cut_ = false;
};

}  // namespace atl::lab
