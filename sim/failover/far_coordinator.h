// The coordinator as one machine sees it: over a network that delays, cuts and loses answers.
//
// A request may arrive long after its caller gave up (that is what compare-and-swap versions and
// the lease's arithmetic must survive), and its answer may be lost.
#pragma once

#include "coord/memory.h"
#include "env/random.h"
#include "failover/node_env.h"

namespace atl::sim {

// A call's caller hears nothing for this long, then kTimeout.
inline constexpr Nanos kFarCallDeadline = 2s;

struct FarLink {
  bool cut = false;               // requests vanish
  double late_chance = 0;         // of a request, to arrive up to `late_most` later
  double lost_answer_chance = 0;  // it was done, and nobody is told
  Nanos late_most = 3s;
};

class FarCoordinator final : public coord::Coordinator {
 public:
  FarCoordinator(coord::Coordinator& at, NodeEnv& env, env::Random& random, FarLink& link)
      : at_(at), env_(env), random_(random), link_(link) {}

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
  Task<R> over_the_network(Task<R> call, Nanos deadline);
  template <typename R>
  Task<R> there_and_back(Task<R> call);

  coord::Coordinator& at_;
  NodeEnv& env_;
  env::Random& random_;
  FarLink& link_;
};

}  // namespace atl::sim
