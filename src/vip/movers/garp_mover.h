// gcp-garp: VIPs as forwarding rules of backend services with haPolicy and fastIPMove GARP_RA.
//
// The holder's guest sends a gratuitous ARP and the network follows at once, for some twenty
// minutes (vip/garp_rules.h has the rules that the node and the controller keep). What makes it
// last is the service's leader, and that is this mover's part: set under the fingerprint, waited
// for, read again.
//
// Each address has a service of its own: those that share one would all move with every ARP and
// every leader, and the controller spreads them. check() refuses that (check_parts.h).
//
// With urgent addresses only their services are looked at, and those that were not in place at the
// last look.
//
// Owned by the controller; env and compute outlive it. Threads: the reactor's.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "env/env.h"
#include "vip/mover.h"
#include "vip/movers/limits.h"
#include "vip/movers/request_ids.h"
#include "vip/movers/round.h"
#include "vip/movers/strikes.h"

namespace atl::vip {

// Endpoints of one backend service with fast IP move (API schema, haPolicy).
inline constexpr size_t kGarpEndpointsMax = 32;

class GarpMover final : public Mover {
 public:
  GarpMover(env::Env& env, cloud::Compute& compute);

  std::string_view name() const override { return "gcp-garp"; }
  GuestDuties duties() const override { return {.garp = true, .forward = true}; }
  Task<Status> check(const Pool& pool) override;
  Task<Outcome> reconcile(const Pool& pool, std::vector<Wanted> wanted, std::set<Vip> urgent,
                          MayGoOn may) override;

 private:
  struct Service {
    std::string name;
    Wanted want;
  };
  struct Job {
    const Pool& pool;
    Round round;
    MayGoOn may;
    std::map<Vip, Error> trouble;
  };
  std::vector<Service> services_of(Job* job, const std::vector<Wanted>& wanted) const;
  Task<void> lead(Job* job, Service service);
  Task<Status> lead_once_seen(Job* job, Service service);
  Task<Status> set_leader(Job* job, Service service, cloud::BackendService seen,
                          cloud::HaLeader leader);
  Task<Result<cloud::BackendService>> read(Job* job, std::string service);

  env::Env& env_;
  cloud::Compute& compute_;
  RequestIds ids_;
  Strikes strikes_;
  std::map<std::string, NodeName> in_place_;  // leader of each service at the last look
};

}  // namespace atl::vip
