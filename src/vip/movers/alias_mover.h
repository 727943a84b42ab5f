// gcp-alias: VIPs as alias IP ranges (/32) of the interfaces of the nodes.
//
// A move is two changes of whole lists: taken from the old holder's interface, then given to the
// new one's, because the API refuses an address that another interface has. Between the two nobody
// has it; a mover that dies there is continued by the next, since reconcile() starts from what the
// interfaces say. One change an interface and direction, however many addresses move; interfaces
// side by side; an interface that gains waits only for those that lose to it.
//
// What a round looks at: first of all, once, every node's instance. Later those that matter to
// urgent addresses and to those that were not in place at the last look: the new holders and who
// had them; and, if nothing is urgent or the last time is kLookEvery ago, kLooksPerRound nodes in
// turn. Never a list call. An address that nobody was known to have and that the API says is in use
// is searched among the pool's nodes, and nowhere else.
//
// Not moved: addresses of the pool that are not in `wanted`. They stay where they are.
//
// Owned by the controller; env and compute outlive it. Threads: the reactor's; one round at a time.
// Errors in Outcome: kStale is "DONE and nothing changed", kConflict is an address that something
// outside the pool has, kNoSpace a full interface, kNotFound a node that is gone.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "env/env.h"
#include "vip/mover.h"
#include "vip/movers/limits.h"
#include "vip/movers/request_ids.h"
#include "vip/movers/rotation.h"
#include "vip/movers/round.h"
#include "vip/movers/strikes.h"

namespace atl::vip {

// In a round, "in use by another" is answered by searching and trying again this often.
inline constexpr int kInUseTries = 3;
class AliasMover final : public Mover {
 public:
  AliasMover(env::Env& env, cloud::Compute& compute);

  std::string_view name() const override { return "gcp-alias"; }
  GuestDuties duties() const override { return {}; }
  Task<Status> check(const Pool& pool) override;
  Task<Outcome> reconcile(const Pool& pool, std::vector<Wanted> wanted,
                          std::set<Vip> urgent) override;

 private:
  struct Nic;  // alias_round.h
  struct Job;

  std::set<NodeName> nodes_that_matter(const Job& job, const std::set<Vip>& urgent) const;
  Task<void> look(Job* job, std::set<NodeName> nodes);
  Task<void> look_at(Job* job, Nic* nic);
  void take_in(Job* job, Nic* nic);
  void plan(Job* job);
  Task<void> carry_out(Job* job);
  Task<void> take_away(Job* job, Nic* nic);
  Task<void> give(Job* job, Nic* nic);
  Task<Status> give_batch(Job* job, Nic* nic, std::set<Vip> add);
  Task<void> free_elsewhere(Job* job, Nic* target, std::set<Vip> vips);

  // One interface's list, changed and seen to be changed.
  Task<Status> edit(Job* job, Nic* nic, std::set<Vip> remove, std::set<Vip> add);
  Task<bool> seen_after(Job* job, Nic* nic, std::set<Vip> remove, std::set<Vip> add, int reads);

  env::Env& env_;
  cloud::Compute& compute_;
  RequestIds ids_;
  Strikes strikes_;
  std::map<NodeName, std::set<Vip>> held_;  // at the last look at each node
  bool known_ = false;                      // all nodes were looked at once
  Rotation<NodeName> rotation_;
  Nanos last_rotation_{0};
};

}  // namespace atl::vip
