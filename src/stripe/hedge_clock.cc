#include "stripe/hedge_clock.h"

#include <algorithm>

#include "base/check.h"

namespace atl::stripe {

void HedgeClock::note(Nanos latency) {
  constexpr Nanos kLeastMedian = 10us;
  const Nanos step = std::max(median_ / 20, Nanos(1us));
  median_ = std::max(latency > median_ ? median_ + step : median_ - step, kLeastMedian);
}

Nanos HedgeClock::delay() const {
  return std::max(least_, std::min<Nanos>(kHedgeFactor * median_, kHedgeDelayMax));
}

void HedgeClock::watch(std::weak_ptr<Hedged> read) {
  while (!entries_.empty() && entries_.front().read.expired()) entries_.pop_front();
  entries_.push_back({env_.now() + delay(), std::move(read)});
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
