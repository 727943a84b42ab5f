// A mover makes the network deliver VIPs to the nodes that hold them.
//
// It is level-triggered: reconcile() reads what the network does now, does what is missing, reads
// again, and says what is not yet as wanted. It keeps no truth of its own, so a controller that
// died between any two calls is continued by the next one, and anything that somebody else changed
// is put right. Safety never rests on it: who may answer for a VIP is the lease's business
// (vip/holder.h); a mover that is late, wrong or stale costs reachability only.
//
// Threads: the reactor's. Several reconcile() may be under way at once, each for addresses of its
// own, so that one operation that hangs holds up nobody else.
#pragma once

#include <functional>
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
  // Send on what still arrives for an address that was handed over, until the network has moved.
  bool forward = false;
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

// May this address still be brought to this node? Asked before each call that changes something,
// repetitions too: no when the address's record names another node now, and when whoever asked for
// the round leads no more. What is not done because of it is kCancelled.
using MayGoOn = std::function<bool(Vip vip, const NodeName& node)>;

class Mover {
 public:
  virtual ~Mover() = default;
  virtual std::string_view name() const = 0;
  virtual GuestDuties duties() const = 0;
  // Can an address be at any node of the pool? No: the cloud alone decides which node has which,
  // there is nothing to assign and no controller to run.
  virtual bool floats() const { return true; }

  // Can this pool be moved on these networks at all? kUnsupported with the reason in the message:
  // the network's features (asked, never a table of names), addresses inside or outside the subnet,
  // limits and quotas that the pool exceeds.
  virtual Task<Status> check(const Pool& pool) = 0;

  // One round for `wanted`, addresses of the pool; others are left as they are. Those of `urgent`
  // come first; with none a part of the network is looked at besides, in turn, though nothing is
  // known to be wrong with it. Every wait has a deadline; a round ends within kRoundDeadline.
  //
  // Rounds may overlap. An address is in two of them only when the older one was asked for another
  // node, and so may not go on with it.
  virtual Task<Outcome> reconcile(const Pool& pool, std::vector<Wanted> wanted,
                                  std::set<Vip> urgent, MayGoOn may) = 0;
};

// A round of reconcile() gives up what is left after this long, and reports it as unfinished.
inline constexpr Nanos kRoundDeadline = 90s;

}  // namespace atl::vip
