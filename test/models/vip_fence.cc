// An explicit-state model of the fence of addresses: two nodes, one address, a leader, a
// coordinator, and time. It explores *every* interleaving (breadth first, so that a violation is
// shown by a shortest path): any party may stand still for any time between any two of its steps,
// requests and answers are late or lost, the leader may be replaced at any point. After each step
// it checks
//
//   the fences of two kernels are never open at once.
//
// It follows src/vip/{holder,holder_records,controller}.cc and src/vip/guest.h step by step;
// docs/rfcs/2026-11-21-addresses-that-fail-over.md says why it holds. Time is in ticks; clocks run
// at one rate (what a rate is off by, the real times take off first: src/vip/timing.h).
//
//   vip_fence            explores; exit status 1 and a path when the property does not hold
//
// By default node B is never late: it has its lease for ever, and answers from the instant in which
// the record names it; so A's being late is met by the earliest other answer that there can be.
// -DTWO_LATE lets both be late (many more states).
//
// Built with one of these, it must find a violation (run.sh sees to that):
//   -DNO_CLAIM            a node answers under an old record after a new lease
//   -DPROBE_BEFORE_READ   the leader reads the record after it found the lease free
//   -DTAKE_EARLY          the leader gives away without finding the lease free
//   -DLOOK_BEFORE_ARM     the node looks at its lease before it arms the fence
//   -DHOLD_REVIVES        the kernel lets an address back that had expired
//   -DCOUNT_FROM_ANSWER   the node counts its lease from the answer, not from the request
//   -DNO_COMPARE          the leader writes the record without comparing its version
//   -DREVIVES_TENURE      a renewal that is granted after the lease's time goes on with the old
//   tenure
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <unordered_set>
#include <vector>

namespace {

// In ticks. The lease must be longer than what opening and holding ask for: 2 each.
constexpr int kLease = 4;
constexpr int kArm = 1;
constexpr int kHold = 1;
// The record changes at most this often in a run: the bound of the exploration.
#ifndef CHANGES
#define CHANGES 5
#endif
constexpr int kChanges = CHANGES;
#ifdef TWO_LATE
constexpr int kLateNodes = 2;
#else
constexpr int kLateNodes = 1;
#endif

enum Call : uint8_t { kNone, kAsked, kGranted, kRefused };

struct Node {
  uint8_t call;       // the renewal or acquisition under way
  uint8_t fresh;      // it is an acquisition
  uint8_t age;        // ticks since it was sent (at most kLease)
  uint8_t valid;      // ticks for which the node may answer, as it knows
  uint8_t tenure;     // has a lease, as it knows
  uint8_t seen;       // 1 + version of the record last seen in this tenure; 0 none
  uint8_t seen_mine;  // and whether it named this node
  uint8_t confirmed;
  uint8_t claim;       // a claim under way, of this tenure (1) or an earlier one (2)
  uint8_t claim_at;    // at this version
  uint8_t claim_done;  // 0 not yet, 1 made, 2 refused
  uint8_t step;        // of opening: 0 begin, 1 armed, 2 looked
  uint8_t arm;         // kernel: ticks for which it may be opened
  uint8_t fence;       // kernel: ticks for which it stays open
  uint8_t holding;     // the process has decided to hold, and the packet is not out yet
  uint8_t late;        // an acquisition that it gave up waiting for is still on its way
};

struct State {
  Node node[2];
  uint8_t lease[2];  // coordinator: ticks left of each node's lease
  uint8_t holder;    // of the record: 0, 1
  uint8_t version;
  uint8_t leader;       // 0 begin, 1 has read, 2 found the lease free
  uint8_t leader_read;  // the version it read
  uint8_t leader_saw;   // the holder it read
};
static_assert(sizeof(State) == 39);

struct Hash {
  size_t operator()(const std::string& s) const { return std::hash<std::string>()(s); }
};

class Explorer {
 public:
  int run() {
    State start{};
    add(start, "start");
    for (size_t i = 0; i < states_.size() && failed_ < 0; ++i) {
      at_ = static_cast<int64_t>(i);
      const State now = states_[i];
      for (int n = 0; n < kLateNodes; ++n) {
        renew(now, n);
        records(now, n);
        open(now, n);
      }
      if (kLateNodes == 1) prompt_node(now);
      lead(now);
      tick(now);
    }
    std::printf("%zu states, %zu transitions\n", states_.size(), transitions_);
    if (failed_ < 0) return 0;
    show(failed_);
    std::printf("VIOLATED: both fences are open\n");
    return 1;
  }

 private:
  void add(State next, const char* what, int n = -1) {
    ++transitions_;
    if (kLateNodes == 1) {
      next.lease[1] = kLease;
      next.node[1].fence = next.holder == 1;
    }
    std::string key(reinterpret_cast<const char*>(&next), sizeof next);
    if (!known_.insert(std::move(key)).second) return;
    states_.push_back(next);
    from_.push_back(at_);
    names_.push_back(n < 0 ? std::string(what) : std::string(n == 0 ? "A " : "B ") + what);
    if (next.node[0].fence > 0 && next.node[1].fence > 0 && failed_ < 0)
      failed_ = static_cast<int64_t>(states_.size()) - 1;
  }

  static void end_tenure(Node& node) {
    node.tenure = node.confirmed = node.seen = node.seen_mine = node.valid = 0;
    if (node.claim == 1) node.claim = 2;
    // Closing the fence may come late or never: the kernel's time ends it.
  }

  void renew(const State& now, int n) {
    const Node& node = now.node[n];
    if (node.call == kNone) {
      State s = now;
      s.node[n].call = kAsked;
      s.node[n].fresh = !node.tenure;
      s.node[n].age = 0;
      add(s, "asks for its lease", n);
    }
    if (node.call == kAsked) {
      State s = now;
      // Free leases are acquired, own ones renewed; one that ended cannot be renewed.
      const bool granted = node.fresh || now.lease[n] > 0;
      if (granted) s.lease[n] = kLease;
      s.node[n].call = granted ? kGranted : kRefused;
      add(s, "is granted or refused its lease", n);
    }
    if (node.call != kNone) {  // the answer, or giving up waiting for it
      State s = now;
      Node& to = s.node[n];
      to.call = kNone;
#ifdef COUNT_FROM_ANSWER
      const int valid = kLease;
#else
      const int valid = kLease - node.age;
#endif
      if (node.call == kAsked && node.fresh) to.late = 1;
      const bool may = node.fresh ? !node.tenure : node.tenure;
#ifdef REVIVES_TENURE
      const bool in_time = true;
#else
      const bool in_time = node.fresh || node.valid > 0;
#endif
      if (node.call == kGranted && may && !in_time) {
        end_tenure(to);
      } else if (node.call == kGranted && may && valid > 0) {
        to.tenure = 1;
        if (valid > to.valid) to.valid = static_cast<uint8_t>(valid);
      } else if (node.call == kRefused && node.tenure) {
        end_tenure(to);
      }
      to.age = to.fresh = 0;
      add(s, "hears of its lease, or gives up", n);
    }
    if (node.late) {
      State s = now;
      s.node[n].late = 0;
      add(s, "has an old request lost", n);
      s.lease[n] = kLease;
      add(s, "is granted its lease by an old request", n);
    }
    if (node.tenure && node.valid == 0) {
      State s = now;
      end_tenure(s.node[n]);
      add(s, "sees that its time is over", n);
    }
  }

  void records(const State& now, int n) {
    const Node& node = now.node[n];
    if (node.tenure && node.valid > 0 && node.claim == 0) {  // list
      State s = now;
      Node& to = s.node[n];
      const bool mine = now.holder == n;
      const bool given_now = mine && node.seen != 0 && !node.seen_mine;
      const bool known = mine && node.confirmed;
      to.seen = static_cast<uint8_t>(now.version + 1);
      to.seen_mine = mine;
#ifdef NO_CLAIM
      const bool must_claim = false && given_now && known;
#else
      const bool must_claim = mine && !given_now && !known;
#endif
      if (!mine) {
        to.confirmed = 0;
      } else if (!must_claim) {
        to.confirmed = 1;
      } else {
        to.claim = 1;
        to.claim_at = now.version;
      }
      add(s, "reads the record", n);
    }
    if (node.claim != 0 && node.claim_done == 0) {  // it arrives
      State s = now;
      const bool made = now.version == node.claim_at && now.version < kChanges;
      if (made) ++s.version;
      s.node[n].claim_done = made ? 1 : 2;
      add(s, "has its claim decided", n);
    }
    if (node.claim != 0) {  // it hears, or gives up
      State s = now;
      Node& to = s.node[n];
      if (node.claim == 1) {
        if (node.claim_done == 1) {
          to.confirmed = 1;
          to.seen = static_cast<uint8_t>(node.claim_at + 2);
          to.seen_mine = 1;
        } else {
          to.seen = to.seen_mine = 0;
        }
      }
      to.claim = to.claim_at = to.claim_done = 0;
      add(s, "hears of its claim, or gives up", n);
    }
    // A planned move: it closes its fence, then changes the record.
    if (node.confirmed && now.holder == n && now.version < kChanges) {
      State s = now;
      s.node[n].fence = s.node[n].arm = s.node[n].step = s.node[n].holding = 0;
      s.node[n].confirmed = 0;
      s.node[n].seen_mine = 0;
      s.holder = static_cast<uint8_t>(1 - n);
      ++s.version;
      s.node[n].seen = static_cast<uint8_t>(s.version + 1);
      add(s, "hands over", n);
    }
  }

  void open(const State& now, int n) {
    const Node& node = now.node[n];
    const bool may_open = node.tenure && node.confirmed && node.valid >= kArm + kHold;
#ifdef LOOK_BEFORE_ARM
    if (node.step == 0 && may_open) {
      State s = now;
      s.node[n].step = 1;
      add(s, "looks at its lease", n);
    }
    if (node.step == 1) {
      State s = now;
      s.node[n].step = 2;
      s.node[n].arm = kArm;
      add(s, "arms", n);
    }
#else
    if (node.step == 0 && node.confirmed) {
      State s = now;
      s.node[n].step = 1;
      s.node[n].arm = kArm;
      add(s, "arms", n);
    }
    if (node.step == 1) {
      State s = now;
      s.node[n].step = may_open ? 2 : 0;
      add(s, "looks at its lease", n);
    }
#endif
    if (node.step == 2) {
      State s = now;
      s.node[n].step = 0;
      if (node.arm > 0) s.node[n].fence = kHold;
      add(s, "opens", n);
    }
    if (!node.holding && node.tenure && node.confirmed && node.valid >= 2 * kHold) {
      State s = now;
      s.node[n].holding = 1;
      add(s, "decides to hold", n);
    }
    if (node.holding) {
      State s = now;
      s.node[n].holding = 0;
#ifdef HOLD_REVIVES
      s.node[n].fence = kHold;
#else
      if (node.fence > 0) s.node[n].fence = kHold;
#endif
      add(s, "holds", n);
    }
  }

  // B, when it is never late, hands over.
  void prompt_node(const State& now) {
    if (now.holder != 1 || now.version >= kChanges) return;
    State s = now;
    s.holder = 0;
    ++s.version;
    add(s, "hands over", 1);
  }

  void lead(const State& now) {
    State s = now;
#ifdef PROBE_BEFORE_READ
    if (now.leader == 0 && now.lease[now.holder] == 0) {
      s.leader = 1;
      s.leader_saw = now.holder;
      add(s, "leader finds the lease free");
    }
    if (now.leader == 1) {
      s = now;
      s.leader = now.holder == now.leader_saw ? 2 : 0;
      s.leader_read = now.version;
      add(s, "leader reads the record");
    }
#else
    if (now.leader == 0) {
      s.leader = 1;
      s.leader_read = now.version;
      s.leader_saw = now.holder;
      add(s, "leader reads the record");
    }
#ifdef TAKE_EARLY
    const bool free = true;
#else
    const bool free = now.lease[now.leader_saw] == 0;
#endif
    if (now.leader == 1 && free) {
      s = now;
      s.leader = 2;
      add(s, "leader finds the lease free");
    }
#endif
    if (now.leader == 2) {
      s = now;
      s.leader = s.leader_read = s.leader_saw = 0;
#ifdef NO_COMPARE
      const bool same = now.version < kChanges;
#else
      const bool same = now.version == now.leader_read && now.version < kChanges;
#endif
      if (same) {
        s.holder = static_cast<uint8_t>(1 - now.leader_saw);
        ++s.version;
      }
      add(s, "leader's change is decided");
    }
    if (now.leader != 0) {
      s = now;
      s.leader = s.leader_read = s.leader_saw = 0;
      add(s, "another leader begins");
    }
  }

  void tick(const State& now) {
    State s = now;
    for (int n = 0; n < 2; ++n) {
      if (s.lease[n] > 0) --s.lease[n];
      Node& node = s.node[n];
      if (node.call != kNone && node.age < kLease) ++node.age;
      if (node.arm > 0) --node.arm;
      if (node.fence > 0) --node.fence;
      if (node.valid > 0) --node.valid;  // the process sees it when it looks
    }
    add(s, "time passes");
  }

  void show(int64_t state) {
    std::vector<int64_t> path;
    for (int64_t i = state; i >= 0; i = from_[static_cast<size_t>(i)]) path.push_back(i);
    for (size_t i = path.size(); i-- > 0;)
      std::printf("  %s\n", names_[static_cast<size_t>(path[i])].c_str());
  }

  std::vector<State> states_;
  std::vector<int64_t> from_;
  std::vector<std::string> names_;
  std::unordered_set<std::string, Hash> known_;
  int64_t at_ = -1;
  int64_t failed_ = -1;
  size_t transitions_ = 0;
};

}  // namespace

int main() {
  return Explorer().run();
}
