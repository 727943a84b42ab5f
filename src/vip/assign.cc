#include "vip/assign.h"

#include <algorithm>

#include "base/crc.h"

namespace atl::vip {
namespace {

struct Load {
  const Candidate* candidate = nullptr;
  std::vector<Vip> has;
};

// Rendezvous order: what an address thinks of a node.
uint32_t liking(Vip vip, const NodeName& node) {
  const std::string text = vip.to_string() + "@" + node;
  return crc32c(ByteSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

// The least loaded of the settled, or of all when none is; among equals the one the address likes
// most.
Load* taker(std::vector<Load>& loads, Vip vip) {
  const bool any_settled =
      std::any_of(loads.begin(), loads.end(), [](const Load& l) { return l.candidate->settled; });
  Load* best = nullptr;
  for (Load& load : loads) {
    if (any_settled && !load.candidate->settled) continue;
    if (best == nullptr || load.has.size() < best->has.size() ||
        (load.has.size() == best->has.size() &&
         liking(vip, load.candidate->node) > liking(vip, best->candidate->node)))
      best = &load;
  }
  return best;
}

// Moves one address from the most loaded to the least, if that makes it more even.
bool level(std::vector<Load>& loads) {
  Load* most = nullptr;
  Load* least = nullptr;
  for (Load& load : loads) {
    if (most == nullptr || load.has.size() > most->has.size()) most = &load;
    if (load.candidate->settled && (least == nullptr || load.has.size() < least->has.size()))
      least = &load;
  }
  if (most == nullptr || least == nullptr || most->has.size() < least->has.size() + 2) return false;
  auto goes = std::max_element(most->has.begin(), most->has.end(), [&](Vip a, Vip b) {
    return liking(a, least->candidate->node) < liking(b, least->candidate->node);
  });
  least->has.push_back(*goes);
  most->has.erase(goes);
  return true;
}

}  // namespace

std::map<Vip, NodeName> assign(const std::vector<Vip>& addresses,
                               const std::vector<Candidate>& candidates,
                               const std::map<Vip, NodeName>& held) {
  std::vector<Load> loads;
  for (const Candidate& candidate : candidates)
    if (candidate.may_keep) loads.push_back({&candidate, {}});
  std::vector<Vip> homeless;
  for (const Vip vip : addresses) {
    auto holder = held.find(vip);
    Load* keeps = nullptr;
    for (Load& load : loads)
      if (holder != held.end() && load.candidate->node == holder->second) keeps = &load;
    if (keeps != nullptr)
      keeps->has.push_back(vip);
    else
      homeless.push_back(vip);
  }
  for (const Vip vip : homeless)
    if (Load* load = taker(loads, vip)) load->has.push_back(vip);
  while (level(loads)) {
  }
  std::map<Vip, NodeName> out;
  for (const Load& load : loads)
    for (const Vip vip : load.has) out[vip] = load.candidate->node;
  return out;
}

}  // namespace atl::vip
