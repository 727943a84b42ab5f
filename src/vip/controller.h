// The leader's side: sees which nodes are well, gives each address a holder, makes the network
// follow.
//
// Level-triggered. Each round: 1. list records, drains, and nodes that say that they are cut from
// clients; 2. find out which nodes have lost their lease; 3. assign; 4. change the records that
// differ, each by compare-and-swap at the version that 1. read. Beside that the network is made to
// deliver every address to the holder in its record (vip/mover.h), again and again: see
// controller_network.cc. All state is in the coordinator and in the cloud: a controller that dies
// anywhere is continued by the next one.
//
// What a node has that is cut from clients moves as if it were drained: it lets go first. Not while
// more than half of the nodes that are up say that they are cut: these keep what they have, and get
// nothing new while others can take it.
//
// Safety rests on the order of 1., 2. and 4. (see vip/holder.h), not on there being one leader; the
// leader's lease only keeps two from undoing each other's work.
//
// Ownership: make_shared; its tasks keep it; env, coordinator and mover outlive its tasks: stop(),
// then wait for stopped(). Threads: the reactor's.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "coord/coordinator.h"
#include "env/env.h"
#include "env/sync.h"
#include "vip/assign.h"
#include "vip/event.h"
#include "vip/mover.h"
#include "vip/record.h"
#include "vip/timing.h"

namespace atl::vip {

// A node that says that it is cut from clients is believed after this part of a lease. When the
// network is down as a whole, all say so within a few of their rounds (vip/reach.h: a tenth of a
// lease); by then most have, and nothing is moved.
constexpr Nanos cut_patience(const Timing& timing) {
  return timing.lease / 2;
}
// When most said so a moment ago, or this leader does not know whether they did: the others take it
// back one after another, each at most once a lease.
constexpr Nanos cut_patience_after_many(const Timing& timing) {
  return timing.lease * 2;
}

// Rounds of the mover at once, each for addresses whose records changed together: enough for
// a node that hands 50 addresses over one after another while none gets on, and for others that
// die then. Repetitions of what failed begin while less than half of them are under way.
inline constexpr size_t kRoundsMost = 64;
// What could not be done is tried again after Timing::cloud_retry, then twice as long each time up
// to this: an address that needs a person costs a few calls a minute. A new record begins anew.
inline constexpr Nanos kCloudRetryMost = 30s;
// What seems to be in place is looked at so much later while something urgent is under way: in a
// large pool the looks take half of a minute's quota of reads.
inline constexpr Nanos kVerifyPatience = 60s;
// Nothing is sent to the cloud's API when the leader's lease ends this soon: a request is there in
// less, as a rule. What is later still meets fingerprints and names that the next leader changed.
constexpr Nanos leader_margin(const Timing& timing) {
  return timing.lease / 8;
}

struct NodeView {
  bool up = false;  // its process has its lease
  bool draining = false;
  bool cut = false;    // up, and says that it is cut from clients (vip/reach.h)
  Nanos cut_since{0};  // as this leader saw it
  Nanos up_since{0};   // the same; anew when it is not cut any more
  Nanos ask_again{0};  // when it is down and holds nothing
};

class Controller : public std::enable_shared_from_this<Controller> {
 public:
  struct Options {
    Pool pool;
    std::string name;  // of this process, unlike any other's
    Timing timing;
    Observe observe;  // may be empty
  };

  Controller(env::Env& env, coord::Coordinator& coordinator, Mover& mover, Options options);

  // kInvalidArgument, kUnsupported: the pool, the times, or the network cannot do it.
  Task<Status> start();
  void stop();
  Task<void> stopped() { return ended_.wait(); }

  // --- What is, for status and metrics ---
  bool leads() const { return leads_; }
  const std::map<NodeName, NodeView>& nodes() const { return nodes_; }
  const std::map<Vip, Record>& records() const { return records_; }
  const std::vector<Unfinished>& unfinished() const { return unfinished_; }
  uint64_t api_calls() const { return api_calls_; }
  // More than half of the nodes that are up say that they are cut: none is believed.
  bool many_cut() const { return many_cut_; }

 private:
  struct Held {
    Record record;
    uint64_t version = 0;  // 0: there is no record yet
  };

  Task<void> lead();
  Task<void> campaign();
  Task<Status> round();
  Task<Result<std::map<Vip, Held>>> read_records();
  Task<void> find_lost_leases(std::map<Vip, Held> held);
  Task<bool> lease_is_free(NodeName node);
  void weigh_cuts();
  bool believed_cut(const NodeView& view) const;
  std::map<Vip, NodeName> plan(const std::map<Vip, Held>& held) const;
  Task<void> change(Vip vip, Held held, NodeName to);
  void note_records(const std::map<Vip, Held>& held);
  // --- controller_network.cc ---
  using Asked = std::map<Vip, NodeName>;
  void follow_with_the_network();
  void start_round(Asked asked, bool urgent);
  Task<void> network_round(uint64_t number, Asked asked, bool urgent);
  bool may_go_on(Vip vip, const NodeName& node) const;
  bool still_wanted(Vip vip, const NodeName& node) const;
  void note_unfinished(const Unfinished& left);
  void show_unfinished();
  void task_ended();
  void tell(Event event) const;

  env::Env& env_;
  coord::Coordinator& coordinator_;
  Mover& mover_;
  Options options_;
  std::map<NodeName, NodeView> nodes_;
  std::set<NodeName> drains_;
  std::set<NodeName> cuts_;  // nodes that say so
  bool many_cut_ = false;
  Nanos few_cut_since_{0};
  std::map<Vip, Record> records_;
  std::map<Vip, NodeName> delivered_;  // where the network was last seen to deliver
  std::vector<Unfinished> unfinished_;
  struct Moving {
    uint64_t round = 0;
    NodeName node;
  };
  struct Trouble {
    Unfinished left;
    uint64_t generation = 0;  // of the record that it is about
    Nanos wait{0};
    Nanos not_before{0};
  };
  std::map<Vip, Moving> moving_;  // the latest round that each is urgent in
  std::map<Vip, Trouble> troubles_;
  size_t rounds_ = 0;  // with urgent addresses, under way
  uint64_t round_number_ = 0;
  bool verifying_ = false;
  Nanos verify_at_{0};
  uint64_t revision_ = 0;
  uint64_t api_calls_ = 0;
  bool leads_ = false;
  Nanos leads_until_{0};
  bool stopping_ = false;
  size_t tasks_ = 0;
  env::Event ended_;
};

}  // namespace atl::vip
