// gcp-pool: nothing floats. Each node is an instance of a managed group with one of the pool's
// reserved addresses as its primary one; an instance that is replaced takes the next free address.
//
// The mover changes nothing and cannot: it says where each address is now, and which ones nobody
// has. Clients must be told (the node's DNS responder does that), since an address that was lost
// with its instance comes back, if at all, at whichever instance is made next.
//
// A Controller refuses such a pool, and a Holder has no part in it outside the laboratory: it would
// take the pool's addresses off the interface, which are the instances' own.
//
// NodeSpec::endpoint_group is the managed group. An instance that is not among the pool's nodes (a
// replacement under a new name) is reported by its instance name.
//
// Owned by the controller; env and compute outlive it. Threads: the reactor's.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "env/env.h"
#include "vip/mover.h"
#include "vip/movers/round.h"

namespace atl::vip {

class PoolMover final : public Mover {
 public:
  PoolMover(env::Env& env, cloud::Compute& compute) : env_(env), compute_(compute) {}

  std::string_view name() const override { return "gcp-pool"; }
  GuestDuties duties() const override { return {}; }
  bool floats() const override { return false; }
  Task<Status> check(const Pool& pool) override;
  Task<Outcome> reconcile(const Pool& pool, std::vector<Wanted> wanted, std::set<Vip> urgent,
                          MayGoOn may) override;

  // At the last reconcile(): who has which address, running instances only. An address of a group
  // that could not be read stays as it was.
  const std::map<Vip, NodeName>& found() const { return found_; }

 private:
  struct Group;  // one managed group's answer
  Task<std::vector<Group>> read_groups(Round* round, const Pool& pool);

  env::Env& env_;
  cloud::Compute& compute_;
  std::map<Vip, NodeName> found_;
};

}  // namespace atl::vip
