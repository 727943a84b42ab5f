#include "lab/node_reach.h"

#include "lab/process.h"

namespace atl::lab {

Result<std::shared_ptr<NodeReach>> NodeReach::start(env::Env& env, coord::Coordinator& coordinator,
                                                    const NodeConfig& config) {
  auto made = std::make_shared<NodeReach>();
  const vip::NodeSpec* self = config.pool.find(config.node);
  if (self == nullptr || self->address.empty()) return made;
  vip::Reach::Options options;
  options.pool = config.pool.name;
  options.node = config.node;
  options.timing = vip::Timing::of(config.lease);
  options.observe = [&env](const vip::Event& event) { tell_event(env, event); };
  ATOLL_TRY(options.witnesses,
            vip::witnesses_of(config.pool, config.node, config.reach_port, config.reach_hosts));
  vip::ReachSocket::Options socket;
  socket.interface = config.interface;
  socket.address = self->address;
  socket.port = config.reach_port;
  ATOLL_TRY(made->socket_, vip::ReachSocket::open(env, std::move(socket)));
  made->reach_ = std::make_shared<vip::Reach>(env, coordinator, *made->socket_, std::move(options));
  made->reach_->start();
  return made;
}

void NodeReach::stop() {
  if (reach_) reach_->stop();
}

Task<void> NodeReach::stopped() {
  if (reach_) co_await reach_->stopped();
}

}  // namespace atl::lab
