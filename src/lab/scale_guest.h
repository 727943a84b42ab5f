// A node's network in memory, in virtual time, for the laboratory of scale: addresses and the
// fence's sets with their times to live. System calls take no time.
//
// It tells a FenceWatch whatever concerns the outside: openings, closings, gratuitous ARP.
//
// Ownership: the world's; the watch and the env outlive it. Threads: the reactor's. Errors: none.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "env/env.h"
#include "vip/guest.h"

namespace atl::lab {

class FenceWatch {
 public:
  virtual ~FenceWatch() = default;
  // The node's fence is open for the address until then, unless it is closed or kept open.
  virtual void opened(size_t node, vip::Vip vip, Nanos until) = 0;
  virtual void closed(size_t node, vip::Vip vip) = 0;
  virtual void announced(size_t node, vip::Vip vip) = 0;
};

class ScaleGuest final : public vip::Guest {
 public:
  ScaleGuest(env::Env& env, FenceWatch& watch, size_t node)
      : env_(env), watch_(watch), node_(node) {}

  bool open_for(vip::Vip vip) const {
    const auto held = held_.find(vip);
    return held != held_.end() && held->second > env_.now();
  }

  Task<Status> prepare(std::vector<vip::Vip> pool, Nanos kernel_hold, Nanos arm_time) override;
  Task<Status> add_address(vip::Vip vip) override;
  Task<Status> remove_address(vip::Vip vip) override;
  Task<Result<std::set<vip::Vip>>> addresses() override;
  Task<Status> arm(vip::Vip vip) override;
  Task<Status> open(vip::Vip vip) override;
  Task<Status> hold(std::vector<vip::Vip> vips) override;
  Task<Status> close(vip::Vip vip) override;
  Task<Status> quiesce(vip::Vip vip) override;
  Task<Result<std::set<vip::Vip>>> open_now() override;
  Task<Result<bool>> linked() override { co_return true; }
  // The cloud here delivers to a node or it does not: there are no packets to send on.
  Task<Status> forward(vip::Vip, std::optional<vip::Vip>) override { co_return Status(); }
  Task<Status> announce(vip::Vip vip, vip::GarpForm form) override;

 private:
  env::Env& env_;
  FenceWatch& watch_;
  size_t node_;
  Nanos kernel_hold_{0};
  Nanos arm_time_{0};
  std::set<vip::Vip> present_;
  std::map<vip::Vip, Nanos> armed_;  // until when
  std::map<vip::Vip, Nanos> held_;   // until when
};

}  // namespace atl::lab
