// A coordinator in another process: the client of CoordServer.
//
// One connection, made at the first call and again after it was lost. All calls share it, so that a
// long wait_change holds nothing up. Every call ends: within kCoordCallDeadline, wait_change within
// its limit and that. A call that passed its deadline ends the connection too, because TCP alone
// would not notice for minutes that the way is cut; the others on it end with kUnavailable, and the
// next call connects anew.
//
// Errors besides the coordinator's own: kUnavailable (not reached, or the connection was lost: the
// outcome is unknown until a get succeeds), kTimeout (the same), kBusy (kCoordCallsMax under way).
//
// Ownership: the Env outlives it; destroyed with calls under way, these end with kCancelled.
// Threads: the reactor's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "coord/coordinator.h"
#include "coord/lease_list.h"
#include "env/env.h"
#include "env/net.h"

namespace atl::lab {

// The server answers from memory, so that this is for a busy machine and a lost packet or two.
inline constexpr Nanos kCoordCallDeadline = 2s;
// Over links without delay; short, so that a way that was cut is found again soon after it is
// mended.
inline constexpr Nanos kCoordConnectDeadline = 500ms;
// After a connection that failed, calls fail at once for so long.
inline constexpr Nanos kCoordConnectPause = 50ms;

class RemoteCoordinator final : public coord::Coordinator, public coord::LeaseList {
 public:
  RemoteCoordinator(env::Env& env, env::Endpoint server);
  ~RemoteCoordinator() override;
  RemoteCoordinator(const RemoteCoordinator&) = delete;
  RemoteCoordinator& operator=(const RemoteCoordinator&) = delete;

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
  Task<Result<std::vector<coord::HeldLease>>> leases(std::string prefix) override;

  uint64_t connections_made() const;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace atl::lab
