// A machine's kernel in the simulated world: addresses, the fence's sets with their times to live,
// gratuitous ARP. It goes on when the process is stopped or killed; a power cut empties it.
//
// The oracle sits here: whenever a fence is opened or kept open, no other machine's may be.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "env/random.h"
#include "failover/node_env.h"
#include "vip/guest.h"

namespace atl::sim {

// Of one machine; outlives the processes that run on it.
class SimKernel {
 public:
  bool open(vip::Vip vip, Nanos now) const {
    auto it = held.find(vip);
    return it != held.end() && it->second > now;
  }
  std::set<vip::Vip> present;
  std::map<vip::Vip, Nanos> arming;  // until when, in true time
  std::map<vip::Vip, Nanos> held;
  // What had been let out stands in the interface's queue for at most this long.
  std::map<vip::Vip, Nanos> queued;  // until when
  Nanos queue_time{0};
  // What still arrives for these goes to another machine, until then.
  struct SendsOn {
    vip::Vip to;
    Nanos until;
  };
  std::map<vip::Vip, SendsOn> sends_on;
  bool forwards(vip::Vip vip, Nanos now) const {
    auto it = sends_on.find(vip);
    return it != sends_on.end() && it->second.until > now;
  }
  bool sends(vip::Vip vip, Nanos now) const {
    auto in_queue = queued.find(vip);
    auto last = held.find(vip);
    return (in_queue != queued.end() && in_queue->second > now) ||
           (last != held.end() && last->second + queue_time > now);
  }
  bool fenced = false;  // somebody may take the table away
  bool powered = true;
  bool linked = true;
  bool cut = false;  // from clients: the link is there, and nothing gets through
  Nanos kernel_hold{0};
  Nanos arm_time{0};
};

class SimGuest final : public vip::Guest {
 public:
  struct World {
    std::function<void(vip::Vip)> opened;     // a fence was opened or kept open
    std::function<void(vip::Vip)> announced;  // a gratuitous ARP got out
  };
  SimGuest(NodeEnv& env, SimKernel& kernel, env::Random& random, World world)
      : env_(env), kernel_(kernel), random_(random), world_(std::move(world)) {}

  Task<Status> prepare(std::vector<vip::Vip> pool, Nanos kernel_hold, Nanos arm_time) override;
  Task<Result<bool>> linked() override;
  Task<Status> add_address(vip::Vip vip) override;
  Task<Status> remove_address(vip::Vip vip) override;
  Task<Result<std::set<vip::Vip>>> addresses() override;
  Task<Status> arm(vip::Vip vip) override;
  Task<Status> open(vip::Vip vip) override;
  Task<Status> hold(std::vector<vip::Vip> vips) override;
  Task<Status> close(vip::Vip vip) override;
  Task<Status> quiesce(vip::Vip vip) override;
  Task<Result<std::set<vip::Vip>>> open_now() override;
  Task<Status> forward(vip::Vip vip, std::optional<vip::Vip> to) override;
  Task<Status> announce(vip::Vip vip, vip::GarpForm form) override;

 private:
  // A system call: some time passes, and the process may be stopped before it takes effect.
  Task<void> call();
  void take_out(vip::Vip vip);
  Nanos now() { return env_.world().now(); }
  Nanos span(Nanos on_its_clock) const {
    return Nanos(static_cast<int64_t>(on_its_clock.count() / env_.rate()));
  }

  NodeEnv& env_;
  SimKernel& kernel_;
  env::Random& random_;
  World world_;
};

}  // namespace atl::sim
