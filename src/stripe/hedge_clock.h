// Tells reads that have waited for the hedge delay that they have: one timer for all, not one for
// each.
//
// The delay is kHedgeFactor times the median of recent shard reads, and never under the configured
// one: a device that is slow beside the others is hedged, a cluster that is busy everywhere is not,
// because then each hedge would only add to the load (Dean and Barroso, "The Tail at Scale", 2013).
// The median is tracked by steps: up by 5% for a read slower than it, down for a faster one.
//
// Reads become due about in the order in which they came: a queue. When the delay shrinks, those
// behind an older read wait for its time. A read that ended is skipped when its turn comes, and the
// timer is set only for one that has not. 14,000 reads/s with 50 ms: some 700 entries, and at most
// 20 timers/s.
//
// Threads: the reactor's. Holds weak references only.
#pragma once

#include <deque>
#include <memory>

#include "env/env.h"

namespace atl::stripe {

inline constexpr int kHedgeFactor = 4;
inline constexpr Nanos kHedgeDelayMax = 2s;

class Hedged {
 public:
  virtual ~Hedged() = default;
  virtual void hedge_due() = 0;  // may call watch() again
};

class HedgeClock {
 public:
  HedgeClock(env::Env& env, Nanos least)
      : env_(env), least_(least), median_(least / kHedgeFactor) {}
  HedgeClock(const HedgeClock&) = delete;
  HedgeClock& operator=(const HedgeClock&) = delete;

  void watch(std::weak_ptr<Hedged> read);
  // How long a shard read took that ended well.
  void note(Nanos latency);
  Nanos delay() const;

 private:
  struct Entry {
    Nanos due;
    std::weak_ptr<Hedged> read;
  };
  void arm();
  void fire();

  env::Env& env_;
  const Nanos least_;
  Nanos median_;
  std::deque<Entry> entries_;
  bool armed_ = false;
  // A timer that fires after this object is gone finds it expired. It is not cancelled: the last
  // owner may be a task that is thrown away together with the env.
  std::shared_ptr<HedgeClock*> self_ = std::make_shared<HedgeClock*>(this);
};

}  // namespace atl::stripe
