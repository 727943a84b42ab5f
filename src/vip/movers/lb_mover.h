// gcp-lb: VIPs as forwarding rules of an internal passthrough load balancer with health checks.
//
// There is nothing to change in the API when an address moves: the holder answers the load
// balancer's probe, the others do not, and the load balancer follows by itself, as fast as its
// health check. reconcile() says whether it has: the backend service is there, has the groups of
// the nodes, finds the holder healthy and no other node.
//
// A service's health is a node's, not an address's: each address has a service of its own. check()
// refuses a pool in which two share one (check_parts.h).
//
// With urgent addresses only their services and holders are looked at. When nothing is urgent, all
// services and their holders, and the other nodes' health for as many services in turn as make
// kLooksPerRound reads.
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
#include "vip/movers/rotation.h"
#include "vip/movers/round.h"
#include "vip/movers/strikes.h"

namespace atl::vip {

class LbMover final : public Mover {
 public:
  LbMover(env::Env& env, cloud::Compute& compute);

  std::string_view name() const override { return "gcp-lb"; }
  GuestDuties duties() const override { return {.health_port = true, .forward = true}; }
  Task<Status> check(const Pool& pool) override;
  Task<Outcome> reconcile(const Pool& pool, std::vector<Wanted> wanted, std::set<Vip> urgent,
                          MayGoOn may) override;

 private:
  struct Service {
    std::string name;
    Wanted want;
    Status state;
  };
  Task<void> look(Round* round, const Pool* pool, Service* service, bool others);
  Task<Status> look_at(Round* round, const Pool* pool, const Service* service, bool others);

  env::Env& env_;
  cloud::Compute& compute_;
  Strikes strikes_;
  Rotation<std::string> rotation_;
};

}  // namespace atl::vip
