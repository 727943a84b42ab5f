// The node's side: holds addresses under the node's lease, and lets go of them by itself.
//
// A node answers for an address while all of this is so, checked in this order:
//   1. it has its lease: a renewal was granted that it sent less than Timing::validity() ago;
//   2. the address's record names it, and was written, or claimed by this node, under the present
//      tenure of the lease (a tenure is from an acquisition to the loss that ends it);
//   3. its kernel's fence is open for the address (vip/guest.h).
//
// Why the claim of 2: the leader gives away the addresses of a node only when it (a) read their
// records, then (b) found the node's lease free, then (c) changed them by compare-and-swap. A node
// that comes back between (b) and (c) changes the record first, and (c) fails; or (c) is first, and
// its claim fails. So no lease of the leader's has to last from (b) to (c), however slow it is.
//
// Level-triggered: it lists the records anew after every change and at every renewal.
//
// Ownership: make_shared; its tasks keep it. env, coordinator, guest and service outlive its tasks:
// stop(), then wait for stopped(). Threads: the reactor's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "coord/coordinator.h"
#include "env/env.h"
#include "env/sync.h"
#include "vip/event.h"
#include "vip/guest.h"
#include "vip/mover.h"
#include "vip/record.h"
#include "vip/service.h"
#include "vip/timing.h"

namespace atl::vip {

// After taking an address the node announces it at once and then with these pauses; then every
// kGarpInterval. Often at first, because an announcement may be lost or lose a race; the sixth is
// past the three seconds in which two senders race (haPolicy, API schema).
inline constexpr Nanos kAnnounceAgain[] = {50ms, 100ms, 200ms, 400ms, 800ms, 1600ms};
// A planned move waits this long for requests under way once no new connection gets in.
inline constexpr Nanos kFinishLimit = 2s;

// The interface may fail to be looked at this often in a row before that counts as no link.
inline constexpr int kLinkDoubts = 3;

class Holder : public std::enable_shared_from_this<Holder> {
 public:
  struct Options {
    Pool pool;
    NodeName node;
    std::string incarnation;  // of this process: another one of the same node has its own lease
    Timing timing;
    GuestDuties duties;
    Observe observe;  // may be empty
    // Called before each attempt to acquire the lease, with its number (vip/last_will.h). May be
    // empty.
    std::function<void(uint64_t)> acquires;
    // This node is cut from clients (vip/reach.h): a planned move waits for nobody. May be empty.
    std::function<bool()> cut;
  };

  Holder(env::Env& env, coord::Coordinator& coordinator, Guest& guest, Service& service,
         Options options);

  // Puts the fence up and starts the tasks. kInvalidArgument: the times or the pool are wrong.
  Task<Status> start();
  // Lets go of all addresses at once and releases the lease. For an orderly end, drain first.
  void stop() { stopping_ = true; }
  Task<void> stopped() { return ended_.wait(); }

  bool answers_for(Vip vip) const;     // all but the kernel's fence
  uint64_t generation(Vip vip) const;  // of the record it answers under; 0 when it does not
  Nanos valid_until() const { return valid_until_; }
  std::set<Vip> active() const;

 private:
  enum class State : uint8_t { kAbsent, kTaking, kActive, kLeaving };
  struct Slot {
    State state = State::kAbsent;
    uint64_t seen_version = 0;  // of the record, under this tenure; 0: not seen yet
    bool seen_mine = false;
    bool confirmed = false;  // the record names this node under this tenure
    Record record;
    Nanos announce_at{0};
    size_t announced = 0;
    std::shared_ptr<env::Event> drained;  // while a planned move waits for transfers to end
    NodeName successor;  // what still arrives is for this node; "": nothing is sent on
    // As the guest was told last; none: unknown, an earlier process may have asked.
    std::optional<NodeName> sends_on_to{""};
    Nanos send_on_until{0};
  };

  Task<void> keep_lease();
  Task<void> keep_fence();
  Task<void> watch_records();
  Task<bool> acquire();
  Task<bool> renew();
  Task<void> look_once();
  Task<void> watch_link();
  bool well() const;
  Task<void> release_earlier();
  Task<void> release_in_passing();
  Task<void> lapse(std::string why);
  Task<void> give_lease_back();
  Task<void> look();
  Task<void> note_record(Vip vip, Record record, uint64_t version);
  void act();
  Task<void> take(Vip vip, uint64_t tenure);
  Task<void> hand_over(Vip vip, uint64_t tenure);
  Task<void> drain(Vip vip);
  Task<void> run_drain(Vip vip, std::shared_ptr<env::Event> drained);
  void handed_over(Vip vip, const NodeName& to, uint64_t version);
  void follow_successors();
  void send_on_to(Vip vip, NodeName to);
  Task<void> send_on(Vip vip);
  Task<Status> tell_where(Vip vip);
  bool cut() const;
  Task<bool> let_go(Vip vip);  // is its fence closed?
  Task<bool> look_at_link();
  Task<bool> put_fence_up();
  std::vector<Vip> holding() const;
  Task<void> mend_guest();
  Task<void> mend(std::set<Vip> open, std::set<Vip> there);
  Task<Status> put_up(Vip vip, uint64_t tenure);
  Task<void> announce_due();
  bool valid() const { return tenure_ != 0 && env_.now() < valid_until_; }
  bool may_hold(Nanos span) const;
  void task_ended();
  void tell(Event event) const;

  env::Env& env_;
  coord::Coordinator& coordinator_;
  Guest& guest_;
  Service& service_;
  Options options_;
  std::map<Vip, Slot> slots_;
  env::Mutex telling_;  // one Guest::forward() at a time, so that the last word is the last
  bool forward_failed_ = false;
  uint64_t tenure_ = 0;  // 0: no lease
  uint64_t last_tenure_ = 0;
  Nanos valid_until_{0};
  bool lapsing_ = false;
  bool closed_ = true;  // the last lapse closed all fences
  bool fenced_ = true;  // the fence is up, as far as was seen
  bool linked_ = false;
  uint64_t attempt_ = 0;  // of acquiring the lease
  std::string earlier_;   // in whose name an earlier attempt or tenure may still have the lease
  int link_doubts_ = 0;
  bool mending_ = false;
  bool stopping_ = false;
  size_t tasks_ = 0;
  env::Event ended_;
};

}  // namespace atl::vip
