// The node's network on Linux: nftables, rtnetlink and packet sockets behind Guest.
//
// The fence is one nftables table of family netdev:
//
//   on the way out of the fenced interfaces   what has the address of a pool that is not in the set
//                                             `held` as its source (IPv4 or ARP) is dropped
//   on the way in                             SYNs to an address in `quiet` are dropped
//   in by the tunnel (vip/tunnel.h)           only what is for an address in `held` gets in
//   on the way out of lo                      a touch (below) prolongs an element of `held`
//
// Elements of `held` and `arming` have a time to live that the kernel counts, in whole ticks, never
// more than was asked for. hold() and open() are packets, not netlink calls: a packet with the VIP
// as source, written to lo and dropped there by the rule that it matches. The rule looks the
// address up (hold: in `held`; open: in `arming`) and only then puts it into `held` with its full
// time, all in one run in the kernel. So a process that was stopped and goes on where it was cannot
// bring back what has expired, and nothing of this depends on the state of a link. Packets that
// match nothing are dropped too.
//
// A second table, NAME-next, has what is sent on (forward()): the ingress hook puts the packet, as
// it is, into the tunnel to the new holder, which answers the client directly. It never meets this
// node's stack, and the node need not be a router for it. What came by a tunnel is never sent on
// again, so that no packet goes round in a circle. Where this is not to be had (no vxlan in the
// kernel), that is logged, and all else works.
//
// prepare() replaces the first table in one transaction: there is no instant without a fence. Both
// stay when the process ends: its addresses stay silent, and what is sent on is sent on.
//
// Needs root, the program `nft` (for prepare() alone), and a kernel with egress hooks (5.16).
// Ownership: the Env outlives it. Threads: the reactor's; system calls run on a thread of its own,
// so that no other work of the process keeps the fence waiting, one at a time. Errors: kPermission
// (not root), kNotFound (no such interface), kUnsupported (no egress hooks), kIo with what the
// kernel or nft said.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/env.h"
#include "vip/guest.h"

namespace atl::vip {

// Where Google's health checks come from (docs/vip.md).
std::vector<Prefix> cloud_probers();

// For forward(): how a node sends on what still arrives for an address that it has handed over.
struct LinuxForwarding {
  Vip own;                 // this node's own address, by which the others reach it
  std::vector<Vip> nodes;  // the others' own addresses
  // A load balancer asks each node at the address itself. What these send is not sent on: the new
  // holder's answer would make this node look well.
  std::vector<Prefix> probers = cloud_probers();
  Nanos limit = kForwardLimit;
  // Of that node of the pool. None: it or all others have no address.
  static std::optional<LinuxForwarding> of(const Pool& pool, const NodeName& node);
};

struct LinuxGuestOptions {
  std::string interface = "eth0";  // gets the addresses, sends the announcements
  // Addresses of the pool get out of none of these unless they are held; `interface` is one of them
  // anyway. All by which a packet could reach a client belong here.
  std::vector<std::string> fenced;
  std::string table = "atoll";  // nftables table; another for each pool that the machine serves
  std::optional<LinuxForwarding> forwarding;  // none: forward() does nothing
};

class LinuxGuest final : public Guest {
 public:
  LinuxGuest(env::Env& env, LinuxGuestOptions options);
  ~LinuxGuest() override;
  LinuxGuest(const LinuxGuest&) = delete;
  LinuxGuest& operator=(const LinuxGuest&) = delete;

  Task<Status> prepare(std::vector<Vip> pool, Nanos kernel_hold, Nanos arm_time) override;
  Task<Result<bool>> linked() override;
  Task<Status> add_address(Vip vip) override;
  Task<Status> remove_address(Vip vip) override;
  Task<Result<std::set<Vip>>> addresses() override;
  Task<Status> arm(Vip vip) override;
  Task<Status> open(Vip vip) override;
  Task<Status> hold(std::vector<Vip> vips) override;
  Task<Status> close(Vip vip) override;
  Task<Status> quiesce(Vip vip) override;
  Task<Result<std::set<Vip>>> open_now() override;
  Task<Status> forward(Vip vip, std::optional<Vip> to) override;
  Task<Status> announce(Vip vip, GarpForm form) override;

 private:
  struct Impl;
  Task<Status> run(std::function<Status(Impl&)> work);

  env::Env& env_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace atl::vip
