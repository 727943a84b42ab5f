// What still arrives for an address that was handed over is sent on to its new holder.
//
// Nothing waits for it and nothing rests on it: this node stays silent, it only passes on what
// clients send. What the guest was told goes on in the kernel when this process ends.
#include "base/log.h"
#include "base/probe.h"
#include "vip/holder.h"

namespace atl::vip {

// The record names `to` since that version. Unless it has changed again meanwhile, perhaps back to
// this node.
void Holder::handed_over(Vip vip, const NodeName& to, uint64_t version) {
  Slot& slot = slots_[vip];
  const bool ours = slot.state == State::kTaking || slot.state == State::kActive;
  if (!options_.duties.forward || ours || slot.seen_version > version) return;
  slot.send_on_until = env_.now() + kForwardLimit;
  send_on_to(vip, to);
}

// The address has moved on since, or nobody has it, or it was long enough.
void Holder::follow_successors() {
  for (auto& [vip, slot] : slots_) {
    if (slot.successor.empty()) continue;
    if (env_.now() >= slot.send_on_until)
      send_on_to(vip, {});
    else if (slot.seen_version != 0 && !slot.seen_mine && slot.record.holder != slot.successor)
      send_on_to(vip, slot.record.holder);
  }
}

void Holder::send_on_to(Vip vip, NodeName to) {
  slots_[vip].successor = std::move(to);
  ++tasks_;
  env_.spawn("vip.send_on", send_on(vip));
}

Task<void> Holder::send_on(Vip vip) {
  auto self = shared_from_this();
  const Status done = co_await tell_where(vip);
  if (!done && !forward_failed_) {
    forward_failed_ = true;
    ATOLL_LOG(kWarn, "vip", "what still arrives cannot be sent on",
              {{"vip", vip.to_string()}, {"why", done.error().to_string()}});
  }
  task_ended();
}

// The guest is told what the slot says when it is its turn. Who is told to begin counts as told
// whatever comes of it: ending is then tried too.
Task<Status> Holder::tell_where(Vip vip) {
  Slot& slot = slots_[vip];
  if (slot.successor == slot.sends_on_to) co_return Status();
  const env::Permit turn = co_await telling_.lock();
  const NodeName to = slot.successor;
  if (to == slot.sends_on_to) co_return Status();
  const NodeSpec* node = options_.pool.find(to);
  std::optional<Vip> address;
  if (node != nullptr && !node->address.empty()) {
    ATOLL_CO_TRY(address, Vip::parse(node->address));
  }
  if (!address && slot.sends_on_to == "") co_return Status();
  if (address) {
    ATOLL_PROBE("vip: what still arrived was sent on");
    slot.sends_on_to = to;
  }
  const Status done = co_await guest_.forward(vip, address);
  if (done && !address) slot.sends_on_to = "";
  co_return done;
}

}  // namespace atl::vip
