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
// had them; and, if nothing is urgent, kLooksPerRound nodes in turn. Never a list call. An address
// that nobody was known to have and that the API says is in use is searched among the pool's nodes,
// and nowhere else, every kSearchEvery.
//
// Not moved: addresses of the pool that are not in `wanted`. They stay where they are.
//
// Rounds beside one another take turns at an interface, and who comes to it takes away for all that
// wait. Nobody waits there for an operation that hangs: after kInterfaceTurn the fingerprint keeps
// two changes of one list apart.
//
// Owned by the controller; env and compute outlive it. Threads: the reactor's.
// Errors in Outcome: kStale is "DONE and nothing changed", kConflict is an address that something
// outside the pool has, kNoSpace a full interface, kNotFound a node that is gone.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "env/env.h"
#include "env/sync.h"
#include "vip/mover.h"
#include "vip/movers/limits.h"
#include "vip/movers/request_ids.h"
#include "vip/movers/rotation.h"
#include "vip/movers/round.h"
#include "vip/movers/strikes.h"

namespace atl::vip {

// In a round, "in use by another" is answered by searching and trying again this often.
inline constexpr int kInUseTries = 3;
// All nodes are looked at for one address at most this often: in a pool of 1,000 a search uses up
// most of a minute's quota of reads.
inline constexpr Nanos kSearchEvery = 60s;
// What is waited for another round's change of the same interface: a half more than a change is
// assumed to take at the 99th percentile (vip-delays.toml).
inline constexpr Nanos kInterfaceTurn = 15s;
// Rounds that begin while the first one looks at all nodes wait for it so long: 1,000 reads, 64 at
// once, take two seconds.
inline constexpr Nanos kFirstLookPatience = 5s;

class AliasMover final : public Mover {
 public:
  AliasMover(env::Env& env, cloud::Compute& compute);

  std::string_view name() const override { return "gcp-alias"; }
  GuestDuties duties() const override { return {}; }
  Task<Status> check(const Pool& pool) override;
  Task<Outcome> reconcile(const Pool& pool, std::vector<Wanted> wanted, std::set<Vip> urgent,
                          MayGoOn may) override;

 private:
  struct Nic;  // alias_round.h
  struct Job;
  struct Line;
  struct Turn;
  class Leaving;

  Task<void> look_at_what_matters(Job* job, std::set<Vip> urgent);
  Task<Result<bool>> all_looked_at();
  std::set<NodeName> nodes_that_matter(const Job& job, const std::set<Vip>& urgent) const;
  Task<void> look(Job* job, std::set<NodeName> nodes);
  Task<void> look_at(Job* job, Nic* nic);
  void take_in(Job* job, Nic* nic, uint64_t number);
  std::shared_ptr<Line> line_of(const NodeSpec& node);
  void plan(Job* job);
  Task<void> carry_out(Job* job);
  Task<void> take_away(Job* job, Nic* nic);
  Task<void> give(Job* job, Nic* nic);
  Task<Status> give_batch(Job* job, Nic* nic, std::set<Vip> add);
  // Was any of them found, and asked to go?
  Task<bool> free_elsewhere(Job* job, Nic* target, std::set<Vip> vips);
  bool search_is_due(Job* job, const std::set<Vip>& vips);

  // One interface's list, changed and seen to be changed.
  Task<Status> edit(Job* job, Nic* nic, std::set<Vip> remove, std::set<Vip> add);
  static Task<Result<Turn>> take_turn(std::shared_ptr<Line> line);
  Task<Status> edit_in_turn(Job* job, Nic* nic, std::set<Vip> remove, std::set<Vip> add);
  Task<Status> set_list(Job* job, Nic* nic, std::vector<cloud::AliasRange> list, May may,
                        bool* taken);
  Task<bool> seen_after(Job* job, Nic* nic, std::set<Vip> remove, std::set<Vip> add, int reads);

  env::Env& env_;
  cloud::Compute& compute_;
  RequestIds ids_;
  Strikes strikes_;
  std::map<NodeName, std::set<Vip>> held_;   // at the last look at each node
  std::map<NodeName, uint64_t> held_as_of_;  // the number of that look
  uint64_t looks_ = 0;
  bool first_look_ = false;  // at all nodes, has begun
  env::Event known_;         // and is over
  std::map<NodeName, std::shared_ptr<Line>> lines_;
  std::map<Vip, Nanos> searched_;  // the last search for it among all nodes
  Rotation<NodeName> rotation_;
};

}  // namespace atl::vip
