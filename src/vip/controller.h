// The leader's side: sees which nodes are well, gives each address a holder, makes the network
// follow.
//
// Level-triggered. Each round: 1. list records and drains; 2. find out which nodes have lost their
// lease; 3. assign; 4. change the records that differ, each by compare-and-swap at the version
// that 1. read. Beside the rounds a task makes the network deliver every address to the holder in
// its record (vip/mover.h), again and again. All state is in the coordinator and in the cloud: a
// controller that dies anywhere is continued by the next one.
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

struct NodeView {
  bool up = false;  // its process has its lease
  bool draining = false;
  Nanos up_since{0};   // as this leader saw it
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
  std::map<Vip, NodeName> plan(const std::map<Vip, Held>& held) const;
  Task<void> change(Vip vip, Held held, NodeName to);
  void note_records(const std::map<Vip, Held>& held);
  void follow_with_the_network();
  Task<void> network_round(std::vector<Wanted> wanted, std::set<Vip> urgent);
  void note_unfinished(const Unfinished& left);
  void task_ended();
  void tell(Event event) const;

  env::Env& env_;
  coord::Coordinator& coordinator_;
  Mover& mover_;
  Options options_;
  std::map<NodeName, NodeView> nodes_;
  std::set<NodeName> drains_;
  std::map<Vip, Record> records_;
  std::map<Vip, NodeName> delivered_;  // where the network was last seen to deliver
  std::vector<Unfinished> unfinished_;
  bool network_busy_ = false;
  Nanos network_not_before_{0};
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
