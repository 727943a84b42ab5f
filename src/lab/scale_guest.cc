#include "lab/scale_guest.h"

namespace atl::lab {

using vip::Vip;

Task<Status> ScaleGuest::prepare(std::vector<Vip>, Nanos kernel_hold, Nanos arm_time) {
  kernel_hold_ = kernel_hold;
  arm_time_ = arm_time;
  present_.clear();
  armed_.clear();
  held_.clear();
  co_return Status();
}

Task<Status> ScaleGuest::add_address(Vip vip) {
  present_.insert(vip);
  co_return Status();
}

Task<Status> ScaleGuest::remove_address(Vip vip) {
  present_.erase(vip);
  co_return Status();
}

Task<Result<std::set<Vip>>> ScaleGuest::addresses() {
  co_return present_;
}

Task<Status> ScaleGuest::arm(Vip vip) {
  armed_[vip] = env_.now() + arm_time_;
  co_return Status();
}

Task<Status> ScaleGuest::open(Vip vip) {
  const auto armed = armed_.find(vip);
  if (armed == armed_.end() || armed->second <= env_.now()) co_return Status();
  held_[vip] = env_.now() + kernel_hold_;
  watch_.opened(node_, vip, held_[vip]);
  co_return Status();
}

Task<Status> ScaleGuest::hold(std::vector<Vip> vips) {
  for (const Vip vip : vips) {
    const auto held = held_.find(vip);
    if (held == held_.end() || held->second <= env_.now()) continue;
    held->second = env_.now() + kernel_hold_;
    watch_.opened(node_, vip, held->second);
  }
  co_return Status();
}

Task<Status> ScaleGuest::close(Vip vip) {
  armed_.erase(vip);
  if (held_.erase(vip) != 0) watch_.closed(node_, vip);
  co_return Status();
}

Task<Status> ScaleGuest::quiesce(Vip) {
  co_return Status();
}

Task<Result<std::set<Vip>>> ScaleGuest::open_now() {
  std::set<Vip> out;
  for (const auto& [vip, until] : held_)
    if (until > env_.now()) out.insert(vip);
  co_return out;
}

Task<Status> ScaleGuest::announce(Vip vip, vip::GarpForm) {
  if (open_for(vip)) watch_.announced(node_, vip);
  co_return Status();
}

}  // namespace atl::lab
