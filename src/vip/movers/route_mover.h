// gcp-route: VIPs outside every subnet, each the destination of a /32 route to its holder.
//
// There is no call that replaces a route. So a move makes before it breaks: the new route is
// inserted under another name with a better priority, waited for, read again, and only then are the
// old ones deleted, the worst first. At every instant the address has a next hop, wherever the
// mover dies; what it leaves behind is put right by the next round.
//
//   before        atl-p-..-7  priority 894 -> n1
//   insert        atl-p-..-8  priority 893 -> n2     traffic goes to n2
//   30 s later    atl-p-..-7 is deleted
//
// DONE and seen by the API does not mean that the network has it: both an insertion and a deletion
// spread in their own time, and the deletion may be the faster one. So an old route, which harms
// nobody behind a better one, goes only kRouteSettle after the new one was first seen.
//
// Priorities count down from kFirstPriority. At 0 the new route starts there again: it is inserted
// behind the old one and takes over when that one is deleted, again without a hole. Two routes
// never get the same priority, since traffic would be spread over both.
//
// What a round looks at: urgent addresses, those not in place at the last look, those whose old
// routes are due; and, if nothing is urgent, kLooksPerRound addresses in turn. A look is one
// filtered list of the routes to one address.
//
// Routes of others (any name that is not this pool's) are never changed. One that outranks ours and
// leads elsewhere is reported: kConflict.
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
#include "vip/movers/rotation.h"
#include "vip/movers/round.h"
#include "vip/movers/strikes.h"

namespace atl::vip {

// Better than the 1000 that a route has when nobody says otherwise, so that such a one is not in
// the way; 900 moves until it starts again.
inline constexpr uint32_t kFirstPriority = 900;
// An inserted route carries traffic everywhere by then: three times the longest that is assumed for
// the 99th percentile (vip-delays.toml). Waiting costs a second route for that long, and no
// traffic.
inline constexpr Nanos kRouteSettle = 30s;
// Insertions and rounds of deletions for one address in one reconcile: one each, and some more for
// what others do meanwhile.
inline constexpr int kRouteSteps = 8;

// A priority for a new route beside those that are there: better than all of ours if there is one
// left, never one that is used. `all` includes `ours`.
uint32_t next_priority(const std::vector<cloud::Route>& ours, const std::vector<cloud::Route>& all);

class RouteMover final : public Mover {
 public:
  RouteMover(env::Env& env, cloud::Compute& compute);

  std::string_view name() const override { return "gcp-route"; }
  GuestDuties duties() const override { return {.forward = true}; }
  Task<Status> check(const Pool& pool) override;
  Task<Outcome> reconcile(const Pool& pool, std::vector<Wanted> wanted, std::set<Vip> urgent,
                          MayGoOn may) override;

 private:
  struct Job {
    const Pool& pool;
    Round round;
    MayGoOn may;
    std::map<Vip, Error> trouble;
  };
  // The routes to one address, sorted: best first.
  struct Seen {
    std::vector<cloud::Route> all;
    std::vector<cloud::Route> ours;
    uint32_t next_number = 1;
  };

  Task<void> move_all(Job* job, std::vector<Wanted> wanted);
  Task<void> move_one(Job* job, Wanted want);
  Task<Status> move(Job* job, Wanted want, const NodeSpec* node);
  static Task<Result<Seen>> see(Round* round, const Pool& pool, Vip vip);
  // When the route was first seen in place, by this mover.
  Nanos seen_since(Vip vip, const std::string& name);
  Task<Status> insert(Job* job, Wanted want, cloud::Route route);
  Task<Status> remove(Job* job, Wanted want, std::string name);
  Task<Status> remove_all_but(Job* job, Wanted want, std::vector<cloud::Route> ours,
                              std::string keep);

  env::Env& env_;
  cloud::Compute& compute_;
  RequestIds ids_;
  Strikes strikes_;
  std::map<Vip, NodeName> in_place_;  // seen so at the last look
  struct First {
    std::string route;
    Nanos at;
  };
  std::map<Vip, First> first_seen_;  // of the route that is in place
  std::map<Vip, Nanos> due_;         // when old routes may go
  Rotation<Vip> rotation_;
};

}  // namespace atl::vip
