#include "stripe/hedge_clock.h"

#include "base/check.h"

namespace atl::stripe {

void HedgeClock::watch(std::weak_ptr<Hedged> read) {
  while (!entries_.empty() && entries_.front().read.expired()) entries_.pop_front();
  entries_.push_back({env_.now() + delay_, std::move(read)});
  arm();
}

void HedgeClock::arm() {
  if (armed_ || entries_.empty()) return;
  armed_ = true;
  const Nanos wait = std::max(entries_.front().due - env_.now(), Nanos(0));
  std::weak_ptr<HedgeClock*> weak = self_;
  env_.start_timer(wait, [weak] {
    if (const auto self = weak.lock()) (*self)->fire();
  });
}

void HedgeClock::fire() {
  ATOLL_CHECK(armed_);
  armed_ = false;
  const Nanos now = env_.now();
  std::deque<Entry> due;
  while (!entries_.empty() && (entries_.front().due <= now || entries_.front().read.expired())) {
    due.push_back(std::move(entries_.front()));
    entries_.pop_front();
  }
  for (Entry& entry : due)
    if (auto read = entry.read.lock()) read->hedge_due();
  arm();
}

}  // namespace atl::stripe
