#include "namespace/read_pin.h"

#include "base/check.h"
#include "base/planted_bug.h"
#include "base/probe.h"

namespace atl::ns {

std::shared_ptr<ReadPin> PinRegistry::take(Nanos now) {
  const uint64_t id = next_pin_++;
  pins_.emplace(id, Held{epoch_, now});
  return std::make_shared<ReadPin>(shared_from_this(), id);
}

void PinRegistry::drop(uint64_t id) {
  pins_.erase(id);
  if (pins_.empty()) freed_at_.clear();
}

bool PinRegistry::may_free(StripeId stripe, Nanos now) {
  if (planted(PlantedBug::kFreeStripeStillRead)) return true;
  while (!pins_.empty() && now - pins_.begin()->second.since > kReadPinMax) {
    ATOLL_PROBE("read_pin_expired");
    pins_.erase(pins_.begin());
  }
  if (pins_.empty()) freed_at_.clear();
  const auto it = freed_at_.find(stripe);
  if (it == freed_at_.end()) return true;
  if (!pins_.empty() && pins_.begin()->second.epoch <= it->second) {
    ATOLL_PROBE("stripe_free_waits_for_reader");
    return false;
  }
  freed_at_.erase(it);
  return true;
}

}  // namespace atl::ns
