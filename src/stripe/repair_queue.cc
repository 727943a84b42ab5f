#include "stripe/repair_queue.h"

#include "base/check.h"
#include "base/probe.h"
#include "stripe/stripe_metrics.h"

namespace atl::stripe {

bool RepairQueue::push(const RepairItem& item) {
  if (queued_.contains({item.stripe.id, item.index})) return false;
  if (items_.size() >= kRepairQueueMax) {
    ATOLL_PROBE("stripe.repair_queue_full");
    StripeMetrics::get().repairs_dropped.add();
    return false;
  }
  queued_.insert({item.stripe.id, item.index});
  items_.push_back(item);
  ATOLL_CHECK(items_.size() == queued_.size());
  arrived_.set();
  return true;
}

std::optional<RepairItem> RepairQueue::pop() {
  if (items_.empty()) {
    arrived_.reset();
    return std::nullopt;
  }
  RepairItem item = items_.front();
  items_.pop_front();
  ATOLL_CHECK(queued_.erase({item.stripe.id, item.index}) == 1);
  if (items_.empty()) arrived_.reset();
  return item;
}

}  // namespace atl::stripe
