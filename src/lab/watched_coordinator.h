// A coordinator that passes everything on and remembers when each lease was granted last: from that
// follows how much of a failover was spent waiting for a lease to run out.
//
// Ownership: the coordinator behind it outlives it. Threads: the reactor's. Errors: those of the
// one behind it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "coord/coordinator.h"

namespace atl::lab {

class WatchedCoordinator final : public coord::Coordinator {
 public:
  struct Grant {
    std::string holder;
    int64_t at_ns = 0;  // CLOCK_REALTIME, when the renewal was received
  };

  explicit WatchedCoordinator(coord::Coordinator& behind) : behind_(behind) {}

  // The last grant of the lease; nothing: never granted. A release does not undo it.
  const Grant* last_grant(const std::string& lease) const;
  // The last one to somebody whose name begins so: a controller that finds a node's lease free
  // takes it itself for a moment.
  const Grant* last_grant_to(const std::string& lease, std::string_view holder_prefix) const;

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
  void note(const std::string& lease, const std::string& holder, int64_t at_ns);

  coord::Coordinator& behind_;
  std::map<std::string, std::vector<Grant>> grants_;  // one for each holder, the last one last
};

}  // namespace atl::lab
