// The leader's side of vip/reach.h: which nodes say that they are cut from clients, and are they
// believed?
#include <algorithm>

#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "vip/controller.h"

namespace atl::vip {

// Of the nodes that are up, which are cut, and are they few enough to be believed?
void Controller::weigh_cuts() {
  size_t up = 0, cut = 0;
  for (const NodeSpec& node : options_.pool.nodes) {
    NodeView& view = nodes_.at(node.name);
    const bool says = view.up && cuts_.contains(node.name);
    if (says && !view.cut) {
      view.cut_since = env_.now();
      tell({.kind = Event::Kind::kSaysCut, .from = node.name});
      ATOLL_LOG(kWarn, "vip", "node says that it is cut from clients", {{"node", node.name}});
    }
    // Back for a while first: a loose plug would draw addresses to and fro.
    if (!says && view.cut && view.up) view.up_since = env_.now();
    view.cut = says;
    up += view.up ? 1 : 0;
    cut += says ? 1 : 0;
  }
  const bool many = 2 * cut > up && !planted(PlantedBug::kReachNeedsNoMajority);
  if (many == many_cut_) return;
  many_cut_ = many;
  few_cut_since_ = env_.now();
  tell({.kind = many ? Event::Kind::kManyCut : Event::Kind::kFewCut, .number = cut});
  if (many) ATOLL_PROBE("vip: most nodes said that they were cut from clients");
  ATOLL_LOG(kWarn, "vip",
            many ? "most nodes are cut from clients: nothing moves because of it"
                 : "most nodes are not cut from clients any more",
            {{"cut", cut}, {"up", up}});
}

bool Controller::believed_cut(const NodeView& view) const {
  if (!view.cut || many_cut_) return false;
  return env_.now() - view.cut_since >= cut_patience(options_.timing) &&
         env_.now() - few_cut_since_ >= cut_patience_after_many(options_.timing);
}

}  // namespace atl::vip
