// A mover makes the network deliver VIPs to the nodes that hold them.
//
// It is level-triggered: reconcile() reads what the network does now, does what is missing, reads
// again, and says what is not yet as wanted. It keeps no truth of its own, so a controller that
// died between any two calls is continued by the next one, and anything that somebody else changed
// is put right. Safety never rests on it: who may answer for a VIP is the lease's business
// (vip/holder.h); a mover that is late, wrong or stale costs reachability only.
//
// Threads: the reactor's; one reconcile at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cloud/compute.h"
#include "env/env.h"
#include "vip/guest.h"
#include "vip/types.h"

namespace atl::vip {

// What the guest of the holder does beside having the address. The node does these itself.
struct GuestDuties {
  bool garp = false;  // broadcast gratuitous ARP when it takes the address, and go on
  GarpForm garp_form = GarpForm::kReply;
  bool health_port = false;  // answer the load balancer's probe while it holds an address
};

// One address and the node that the network should deliver it to.
struct Wanted {
  Vip vip;
  NodeName node;
};

// Why an address is not yet delivered as wanted.
struct Unfinished {
  Vip vip;
  Error why;
  bool stuck = false;  // the API says DONE and nothing changed, again and again: a person must look
};

struct Outcome {
  std::vector<Unfinished> unfinished;  // empty: the network was seen to be as wanted
  uint32_t api_calls = 0;
  uint32_t changes = 0;  // of those, the ones that changed something
};

class Mover {
 public:
  virtual ~Mover() = default;
  virtual std::string_view name() const = 0;
  virtual GuestDuties duties() const = 0;

  // Can this pool be moved on these networks at all? kUnsupported with the reason in the message:
  // the network's features (asked, never a table of names), addresses inside or outside the subnet,
  // limits and quotas that the pool exceeds.
  virtual Task<Status> check(const Pool& pool) = 0;

  // One round: `wanted` is the whole pool. Addresses of `urgent` come first. Every wait has a
  // deadline; a round ends within kRoundDeadline.
  virtual Task<Outcome> reconcile(const Pool& pool, std::vector<Wanted> wanted,
                                  std::set<Vip> urgent) = 0;
};

// A round of reconcile() gives up what is left after this long, and reports it as unfinished.
inline constexpr Nanos kRoundDeadline = 90s;

}  // namespace atl::vip
