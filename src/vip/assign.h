// Who should have which address: a pure function.
//
// Even: no two eligible nodes differ by more than one address. Minimal: an address stays where it
// is unless its node may not have it, or evenness needs it to go. Spread: the addresses of a node
// that failed go to all others in turn, not to one. The same input gives the same answer on any
// machine (ties are broken by a mix of address and node name, never by std::hash).
#pragma once

#include <map>
#include <set>
#include <vector>

#include "vip/types.h"

namespace atl::vip {

struct Candidate {
  NodeName node;
  bool may_keep = true;  // false: what it has goes elsewhere
  bool settled = true;   // false: it came up a moment ago; gets only what no settled node may take
};

// `held`: the present holders; addresses of nobody are absent. Without a candidate that may keep
// addresses the answer is empty.
std::map<Vip, NodeName> assign(const std::vector<Vip>& addresses,
                               const std::vector<Candidate>& candidates,
                               const std::map<Vip, NodeName>& held);

}  // namespace atl::vip
