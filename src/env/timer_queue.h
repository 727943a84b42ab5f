// Timers of one reactor in the order in which they fire: earliest first, then first set.
//
// Both sides of env use it: SimEnv moves its clock to next(), RealEnv arms one system timer for it.
// A std::map keeps cancelling exact (no tombstones: a call's deadline is nearly always cancelled,
// and thousands a second with 30 s limits would pile up). Not thread-safe.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <optional>

#include "base/units.h"

namespace atl::env {

// Names a timer until it has fired; {} names none.
struct TimerId {
  Nanos when{-1};
  uint64_t sequence = 0;
  auto operator<=>(const TimerId&) const = default;
};

class TimerQueue {
 public:
  using Fire = std::move_only_function<void()>;

  TimerId add(Nanos when, Fire fire) {
    const TimerId id{when, ++last_sequence_};
    timers_.emplace(id, std::move(fire));
    return id;
  }
  bool cancel(TimerId id) { return timers_.erase(id) != 0; }

  size_t size() const { return timers_.size(); }
  std::optional<Nanos> next() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first.when;
  }
  // Removes the earliest timer; there must be one.
  std::pair<TimerId, Fire> pop() {
    auto node = timers_.extract(timers_.begin());
    return {node.key(), std::move(node.mapped())};
  }

 private:
  std::map<TimerId, Fire> timers_;
  uint64_t last_sequence_ = 0;
};

}  // namespace atl::env
