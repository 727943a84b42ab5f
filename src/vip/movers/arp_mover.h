// linux-arp: an address and gratuitous ARP on a plain segment. No API at all: the holder's guest
// has the address and says so (duties().garp); switches and neighbours follow.
//
// check() refuses a network that the cloud knows: in a VPC the gateway answers every ARP and nobody
// hears the guest's (a backend service with fast IP move excepted, which is gcp-garp). Without a
// cloud, or with a pool that names no network, there is nothing to ask.
//
// Owned by the controller; env and compute (which may be null) outlive it. Threads: the reactor's.
#pragma once

#include "env/env.h"
#include "vip/mover.h"

namespace atl::vip {

class ArpMover final : public Mover {
 public:
  ArpMover(env::Env& env, cloud::Compute* compute) : env_(env), compute_(compute) {}

  std::string_view name() const override { return "linux-arp"; }
  GuestDuties duties() const override { return {.garp = true, .garp_form = GarpForm::kRequest}; }
  Task<Status> check(const Pool& pool) override;
  // Done at once, unless an address is wanted at a node that is not of the pool.
  Task<Outcome> reconcile(const Pool& pool, std::vector<Wanted> wanted, std::set<Vip> urgent,
                          MayGoOn may) override;

 private:
  env::Env& env_;
  cloud::Compute* compute_;
};

}  // namespace atl::vip
