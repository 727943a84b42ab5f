// What a node does to its own network: addresses, the fence in its kernel, gratuitous ARP.
//
// The fence is the last word on "may this node send anything in the name of that address": a set in
// the kernel of addresses with a time to live; a packet or an ARP frame from an address of the pool
// that is not in the set is dropped on its way out, whoever sends it. The process keeps an address
// in the set by touching it (hold()), and the kernel takes it out by itself when the touching stops
// for kernel_hold: a process that is stopped (SIGSTOP, swapping, a debugger) goes silent although
// it can do nothing. Touching has no effect once the address has gone: coming back takes arm(), a
// look at the lease, and open(), which has no effect either once arm_time has passed. So nothing
// that a process decided before it was stopped takes effect much later.
//
// LinuxGuest (vip/linux_guest.h): nftables, rtnetlink, packet sockets. SimGuest
// (sim/failover/sim_guest.h): in virtual time, with a node that can be stopped between any two
// lines.
//
// Threads: the reactor's.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "env/task.h"
#include "vip/types.h"

namespace atl::vip {

// Two forms of the same announcement; each network heeds its own.
enum class GarpForm : uint8_t {
  kReply,    // as the cloud wants it (GARP packet specification): target hardware address broadcast
  kRequest,  // as Linux neighbours take it at once: a reply of the other form waits for their
             // locktime
};

// What was handed over is sent on for at most so long. Networks have moved within a minute; a load
// balancer may keep a connection at its old backend for as long as it is used, and a VPC forgets
// one without traffic after 10 min (docs/vip.md).
inline constexpr Nanos kForwardLimit = 10min;

class Guest {
 public:
  virtual ~Guest() = default;

  // Puts the fence up for all addresses of the pool: from now on none of them gets out unless it is
  // held. Takes away pool addresses that an earlier process left; what it sends on (forward()) goes
  // on. Idempotent.
  virtual Task<Status> prepare(std::vector<Vip> pool, Nanos kernel_hold, Nanos arm_time) = 0;

  // Has the interface towards clients a link? Without one the node gives its addresses up.
  virtual Task<Result<bool>> linked() = 0;

  // The address on the interface. Idempotent.
  virtual Task<Status> add_address(Vip vip) = 0;
  virtual Task<Status> remove_address(Vip vip) = 0;
  virtual Task<Result<std::set<Vip>>> addresses() = 0;  // of the pool, as the kernel has them

  // open() works within arm_time of the last arm(), hold() within kernel_hold of the last open() or
  // hold(). What came too late does nothing, and that is not an error.
  virtual Task<Status> arm(Vip vip) = 0;
  virtual Task<Status> open(Vip vip) = 0;
  virtual Task<Status> hold(std::vector<Vip> vips) = 0;
  virtual Task<Status> close(Vip vip) = 0;
  // New connections to the address are not answered any more (their SYNs are dropped, so that the
  // client tries again and meets the next holder); those that exist go on. Undone by close().
  virtual Task<Status> quiesce(Vip vip) = 0;
  virtual Task<Result<std::set<Vip>>> open_now() = 0;  // what the kernel's set holds

  // What still arrives for an address that this node has handed over goes to the node whose own
  // address is `to`, with the client as its source, for kForwardLimit, whether this process lives
  // or not. nullopt ends it. Best effort: a guest that cannot does nothing, and that is no error.
  // Idempotent; another `to` takes the place of the last one.
  virtual Task<Status> forward(Vip vip, std::optional<Vip> to) = 0;

  // One gratuitous ARP to all: sender and target address are the VIP. Dropped by the fence when the
  // address is not held.
  virtual Task<Status> announce(Vip vip, GarpForm form) = 0;
};

}  // namespace atl::vip
