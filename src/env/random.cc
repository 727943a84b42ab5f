#include "env/random.h"

#include <sys/random.h>

#include <bit>

#include "base/check.h"

namespace atl::env {
namespace {

uint64_t splitmix64(uint64_t& state) {
  uint64_t z = (state += 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = splitmix64(seed);
}

Random Random::from_system() {
  std::array<uint64_t, 4> state{};
  // Up to 256 bytes are never short and never interrupted once the pool is ready (getrandom(2)).
  const ssize_t n = getrandom(state.data(), sizeof state, 0);
  ATOLL_CHECK(n == static_cast<ssize_t>(sizeof state), "getrandom");
  return Random(state);
}

uint64_t Random::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::below(uint64_t limit) {
  ATOLL_CHECK(limit > 0);
  // Rejects the uneven rest of the range, so that every value is equally likely.
  const uint64_t uneven = -limit % limit;
  uint64_t value = next();
  while (value < uneven) value = next();
  return value % limit;
}

uint64_t Random::between(uint64_t lowest, uint64_t highest) {
  ATOLL_CHECK(lowest <= highest);
  const uint64_t width = highest - lowest + 1;
  return width == 0 ? next() : lowest + below(width);
}

Nanos Random::between(Nanos shortest, Nanos longest) {
  ATOLL_CHECK(shortest.count() >= 0 && shortest <= longest);
  return Nanos(
      between(static_cast<uint64_t>(shortest.count()), static_cast<uint64_t>(longest.count())));
}

double Random::unit() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

}  // namespace atl::env
