#include "vip/dns/rate_limit.h"

#include <algorithm>

namespace atl::vip::dns {
namespace {

// False, and nothing is taken, when it would be more than `burst` ahead of the time.
bool take_one(Nanos* empty_at, Nanos now, int64_t per_second, int64_t burst) {
  const Nanos each = Nanos(1s) / per_second;
  const Nanos then = std::max(*empty_at, now) + each;
  if (then - now > each * burst) return false;
  *empty_at = then;
  return true;
}

// The finaliser of SplitMix64: every bit of the input changes half of the output.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

RateLimit::RateLimit(uint64_t key) : key_(key), slots_(kSourceSlots) {}

RateLimit::Verdict RateLimit::take(uint64_t source, Nanos now) {
  Slot& slot = slots_[mix(mix(source ^ key_) + key_) % kSourceSlots];
  // Who asks too often does not use up what all others share.
  if (!take_one(&slot.empty_at, now, kSourcePerSecond, kSourceBurst))
    return ++slot.over % kTerseEvery == 0 ? Verdict::kTerse : Verdict::kDrop;
  if (!take_one(&all_empty_at_, now, kAllPerSecond, kAllBurst)) return Verdict::kDrop;
  return Verdict::kAnswer;
}

}  // namespace atl::vip::dns
