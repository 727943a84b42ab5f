// A bad network by seed: messages wait, get lost, arrive twice, and links are cut.
//
// Request and reply each travel on their own: either may be lost or late, so a caller that gets
// kTimeout cannot know whether the handler ran, and a duplicated request runs the handler twice,
// the second time possibly long after the first. Bulk bytes are copied on the way, so a buffer that
// is written to after it was sent shows up as wrong data only where it would on a real network.
//
// A call within one node (from == to) is not disturbed. Threads: the reactor's.
#pragma once

#include <set>
#include <utility>

#include "env/random.h"
#include "fabric/fabric.h"
#include "fabric/in_process_fabric.h"

namespace atl::fabric {

struct SimFabricOptions {
  uint64_t seed = 1;
  Nanos delay_min = 5us;
  Nanos delay_max = 200us;
  double slow_chance = 0.005;  // of a message: delayed by up to slow_delay_max
  Nanos slow_delay_max = 50ms;
  double drop_chance = 0;       // of each message; both ways count
  double duplicate_chance = 0;  // of a request
};

class SimFabric final : public Fabric {
 public:
  SimFabric(env::Env& env, SimFabricOptions options)
      : env_(env), options_(options), random_(options.seed) {}

  Task<Result<Reply>> call(NodeId from, NodeId to, Message message, Nanos deadline) override;
  void serve(NodeId node, uint16_t first_method, Handler handler) override {
    handlers_.serve(node, first_method, std::move(handler));
  }
  void unserve(NodeId node) override { handlers_.unserve(node); }

  // Messages between the two get lost, in both directions, those under way too.
  void cut(NodeId a, NodeId b) { cuts_.insert(std::minmax(a, b)); }
  void cut_one_way(NodeId from, NodeId to) { one_way_cuts_.insert({from, to}); }
  void heal(NodeId a, NodeId b);
  void heal_all();

  SimFabricOptions& options() { return options_; }  // may be changed at any time
  uint64_t dropped() const { return dropped_; }
  uint64_t duplicated() const { return duplicated_; }

 private:
  // Both ways. A lost message answers at `give_up_at`, when nobody listens any more.
  Task<Result<Reply>> deliver(NodeId from, NodeId to, Message message, Nanos give_up_at);
  Task<void> deliver_again(NodeId from, NodeId to, Message message);
  // Waits as long as the message travels; false when it gets lost.
  Task<bool> travel(NodeId from, NodeId to);
  bool is_cut(NodeId from, NodeId to) const;
  Nanos draw_delay();

  env::Env& env_;
  SimFabricOptions options_;
  env::Random random_;
  HandlerTable handlers_;
  std::set<std::pair<NodeId, NodeId>> cuts_;
  std::set<std::pair<NodeId, NodeId>> one_way_cuts_;
  uint64_t dropped_ = 0;
  uint64_t duplicated_ = 0;
};

}  // namespace atl::fabric
