// How often one source, and all together, get answers over UDP, whose sources can be forged.
//
// A fixed table of counters, chosen by a keyed mix of the source: no memory is taken for a new
// source, and who wants to share another's counter cannot know which it is. Sources that share one
// are told to come by TCP a little early, no more.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <vector>

#include "base/units.h"

namespace atl::vip::dns {

// A client asks for A and AAAA once in a TTL (5 s); a resolver does so for each name, whatever the
// number of its clients. 100 a second are far above both, and too few to be worth forging for.
inline constexpr int64_t kSourcePerSecond = 100;
inline constexpr int64_t kSourceBurst = 200;  // many clients of one machine that start at once
// 1,000 clients without a resolver between make 400 queries a second; an answer takes some 20 us of
// a reactor that has other work, so that 5,000 a second are a tenth of it.
inline constexpr int64_t kAllPerSecond = 5000;
inline constexpr int64_t kAllBurst = 2000;
inline constexpr size_t kSourceSlots = 4096;
// Of the queries over a source's limit every second one is told to come by TCP, and the others are
// dropped: a true client is let in soon, a forged one is no amplifier.
inline constexpr uint32_t kTerseEvery = 2;

class RateLimit {
 public:
  explicit RateLimit(uint64_t key);

  enum class Verdict : uint8_t { kAnswer, kTerse, kDrop };
  Verdict take(uint64_t source, Nanos now);

 private:
  // When the counter would be empty, were nothing asked any more.
  struct Slot {
    Nanos empty_at{0};
    uint32_t over = 0;
  };

  uint64_t key_;
  Nanos all_empty_at_{0};
  std::vector<Slot> slots_;
};

}  // namespace atl::vip::dns
