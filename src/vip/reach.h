// Is this node still reached by clients? It may have its lease, a link, and no client that hears
// it: then it says so, and the leader moves its addresses.
//
// A node cannot ask clients, so it asks witnesses through the interface that clients reach: other
// nodes at their own addresses there, and hosts that somebody configured. An answer of any of them
// is enough. A witness that answers is asked again; one that does not makes room for the next. A
// node that hears nobody for kLostRounds rounds writes vip/POOL/cut/NODE; one that hears somebody
// for kBackRounds rounds takes it away.
//
// It is only said here. The leader acts on it (vip/controller.h) unless most nodes say so: then
// either the network is down as a whole or the question is at fault, and moving helps nobody.
//
// Level-triggered: what the coordinator holds is read again once a lease and put right.
//
// ReachSocket (vip/reach_socket.h) is the real ReachProbe; the simulator has its own
// (sim/failover/sim_reach.h).
//
// Ownership: make_shared; its tasks keep it. env, coordinator and probe outlive its tasks: stop(),
// then wait for stopped(). Threads: the reactor's.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coord/coordinator.h"
#include "env/env.h"
#include "env/net.h"
#include "env/sync.h"
#include "vip/event.h"
#include "vip/timing.h"
#include "vip/types.h"

namespace atl::vip {

// Asked in a round. One may be dead and one may be cut itself; each is asked by so many others on
// average, whatever the size of the pool.
inline constexpr size_t kWitnessesAsked = 3;
// Hosts that somebody configured: a gateway, a client or two.
inline constexpr size_t kWitnessHostsMax = 8;
// Of a round: half a renewal interval, and more than a packet takes there and back at any lease.
constexpr Nanos reach_round(const Timing& timing) {
  return timing.lease / 10;
}
// So many rounds without an answer, twelve packets that went astray, are two fifths of a lease.
inline constexpr uint32_t kLostRounds = 4;
inline constexpr uint32_t kBackRounds = 4;

struct Witness {
  enum class Kind : uint8_t {
    kNode,  // answers the question of vip/reach_socket.h
    kHost,  // anything that takes or refuses a TCP connection
  };
  Kind kind = Kind::kNode;
  std::string name;
  env::Endpoint at;
};

// The pool's other nodes whose address is known, and hosts of the form "10.0.0.9:443".
// kInvalidArgument: not of that form, or more than kWitnessHostsMax.
Result<std::vector<Witness>> witnesses_of(const Pool& pool, const NodeName& node, uint16_t port,
                                          const std::vector<std::string>& hosts);

class ReachProbe {
 public:
  virtual ~ReachProbe() = default;
  // Sends one question on the clients' side: did an answer come back within `limit`? Several may be
  // under way.
  virtual Task<bool> answered(Witness witness, Nanos limit) = 0;
};

class Reach : public std::enable_shared_from_this<Reach> {
 public:
  struct Options {
    std::string pool;
    NodeName node;
    Timing timing;
    // Hosts before nodes: these are asked first. Without any, the node never says that it is cut.
    std::vector<Witness> witnesses;
    Observe observe;  // may be empty
  };

  Reach(env::Env& env, coord::Coordinator& coordinator, ReachProbe& probe, Options options);

  void start();
  void stop() { stopping_ = true; }
  Task<void> stopped() { return ended_.wait(); }

  // What this node finds, said or not yet.
  bool cut() const { return cut_; }

 private:
  Task<void> ask_for_ever();
  Task<void> say_for_ever();
  Task<bool> ask_round();
  void judge(bool heard);
  Task<void> say();
  Task<Status> write(bool cut, uint64_t version);
  std::string asked_names() const;
  void task_ended();

  env::Env& env_;
  coord::Coordinator& coordinator_;
  ReachProbe& probe_;
  Options options_;
  std::vector<Witness> asked_;
  std::deque<Witness> waiting_;
  bool cut_ = false;
  uint32_t rounds_lost_ = 0;
  uint32_t rounds_heard_ = 0;
  std::optional<bool> said_;  // what the coordinator holds, as far as known
  Nanos read_at_{0};
  Nanos write_not_before_{0};
  bool stopping_ = false;
  size_t tasks_ = 0;
  env::Event ended_;
};

}  // namespace atl::vip
