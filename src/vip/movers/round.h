// One round with the cloud: every call under a deadline, repeated where that may help, and counted.
//
// A Round lives in the frame of the reconcile() or check() that made it, which awaits all that uses
// it. A call that was given up on goes on unheard and refers to the Compute alone.
//
// Reads are repeated after kUnavailable, kIo and kTimeout. Changes too, under the same request id,
// so that a change whose answer was lost is made once. kBusy (too many requests) waits longer:
// nothing happened, and the quota is anew within a minute. What is left after that, or after the
// round's time, is the caller's: kTimeout, kBusy, kUnavailable.
//
// Threads: the reactor's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cloud/compute.h"
#include "env/env.h"
#include "env/sync.h"
#include "vip/mover.h"

namespace atl::vip {

// A call is tried this often before its error counts: one blip is common, three in a row are not.
inline constexpr int kCallTries = 3;
// Pause before a call is repeated, doubled each time, with up to half as much again at random.
inline constexpr Nanos kRetryPause = 200ms;
// "Too many requests" waits this long and then twice as long each time, kBusyWaits times, together
// 62 s: the quota's window is 60 s.
inline constexpr Nanos kBusyPause = 2s;
inline constexpr Nanos kBusyPauseMost = 16s;
inline constexpr int kBusyWaits = 6;
// Operations are polled after this long, times the number of those that are under way, then half as
// much later each time, up to the second value: one that is soon done is soon noticed, and a
// thousand of them, polled every 2 s, use up no quota of operation reads.
inline constexpr Nanos kPollFirst = 20ms;
inline constexpr Nanos kPollMost = 2s;
// Calls under way at once: a pool of 1,000 nodes must not meet the rate limit with one burst.
inline constexpr uint64_t kParallelCalls = 64;

// The call may have been made or not: read, and repeat under the same request id.
bool outcome_unknown(const Error& error);

// Asked before each attempt at a change; no: kCancelled, and whether an earlier attempt was made is
// unknown.
using May = std::function<bool()>;
Error not_wanted_any_more();

class Round {
 public:
  Round(env::Env& env, cloud::Compute& compute, Nanos limit = kRoundDeadline);
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

  Nanos left() const;  // never negative
  uint32_t api_calls() const { return api_calls_; }
  uint32_t changes() const { return changes_; }  // taken by the API
  env::Env& env() { return env_; }

  Task<Result<cloud::Instance>> instance(cloud::InstanceRef ref);
  Task<Result<cloud::Subnetwork>> subnetwork(std::string region, std::string name);
  Task<Result<cloud::NetworkFeatures>> network_features(std::string network);
  Task<Result<cloud::Route>> route(std::string name);
  Task<Result<std::vector<cloud::Route>>> routes_to(std::string network, std::string destination);
  Task<Result<cloud::BackendService>> backend_service(std::string region, std::string name);
  Task<Result<std::vector<cloud::ForwardingRule>>> forwarding_rules(std::string region);
  Task<Result<cloud::Health>> backend_health(std::string region, std::string service,
                                             cloud::InstanceRef instance);
  Task<Result<std::vector<cloud::ManagedInstance>>> managed_instances(std::string zone,
                                                                      std::string group);

  Task<Result<cloud::Operation>> set_aliases(cloud::InstanceRef ref, std::string nic,
                                             std::string fingerprint,
                                             std::vector<cloud::AliasRange> aliases,
                                             std::string request_id, May may);
  Task<Result<cloud::Operation>> insert_route(cloud::Route route, std::string request_id, May may);
  Task<Result<cloud::Operation>> delete_route(std::string name, std::string request_id, May may);
  Task<Result<cloud::Operation>> set_leader(std::string region, std::string service,
                                            std::string fingerprint, cloud::HaLeader leader,
                                            std::string request_id, May may);

  // Polls until the operation is done and returns its error, if it has one. kTimeout: not done by
  // its deadline or the round's; the outcome is unknown.
  Task<Status> finish(cloud::Operation operation);

  // Sleeps, but never past the end of the round.
  Task<void> pause(Nanos duration);

 private:
  template <typename T>
  using Start = std::function<Task<Result<T>>()>;
  template <typename T>
  Task<Result<T>> once(Start<T> start, May may);
  template <typename T>
  Task<Result<T>> repeat(Start<T> start, May may);
  template <typename T>
  Task<Result<T>> read(Start<T> start) {
    return repeat<T>(std::move(start), May());
  }
  Task<Result<cloud::Operation>> change(Start<cloud::Operation> start, May may);

  env::Env& env_;
  cloud::Compute& compute_;
  Nanos end_;
  env::Semaphore permits_{kParallelCalls};
  uint32_t api_calls_ = 0;
  uint32_t changes_ = 0;
  uint32_t polled_ = 0;  // operations that are waited for now
};

}  // namespace atl::vip
