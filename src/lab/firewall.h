// The texts that `ip -batch`, `tc -batch` and `nft -f` read, for netlab.cc.
//
// Threads: any. No errors: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "lab/netlab.h"

namespace atl::lab {

// What a regular VPC has by default (VPC quotas and limits, 2026-04-02).
inline constexpr int kMtu = 1460;
// Of a cap's queue: longer than the kernel's scheduling jitter, shorter than a round of a lease.
inline constexpr int kCapQueueMs = 20;

// The router's or mgmt's table "lab": a set "cut" of interfaces whose packets vanish. In the routed
// router also what a VPC does with packets for an address that nobody has: counted, no answer.
std::string firewall_text(const Place& at, Network network);
// `nft` lines that put `port` into the set or take it out.
std::string cut_text(const Place& at, Network network, const std::string& port, bool cut);
// `tc` lines for one port of the router. Towards the place: a token bucket on the port. From it: an
// ifb behind the port's ingress, so that the packet sockets of the oracle see a packet before its
// queue, as the host of a virtual machine does.
std::string cap_text(const std::string& port, const std::string& ifb, uint32_t mbit);
std::string uncap_text(const std::string& port);

}  // namespace atl::lab
