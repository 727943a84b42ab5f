// A small seeded generator: the same seed gives the same numbers on every machine and library.
//
// xoshiro256** by D. Blackman and S. Vigna (https://prng.di.unimi.it/), seeded by splitmix64. Not
// for secrets: keys and credentials come from OpenSSL. No standard distributions are used, because
// their output differs between libraries.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/units.h"

namespace atl::env {

class Random {
 public:
  explicit Random(uint64_t seed);
  // Seeded from the kernel (getrandom).
  static Random from_system();

  uint64_t next();
  uint64_t below(uint64_t limit);                       // uniform in [0, limit); limit > 0
  uint64_t between(uint64_t lowest, uint64_t highest);  // both included
  Nanos between(Nanos shortest, Nanos longest);
  double unit();  // [0, 1)
  bool chance(double probability) { return probability > 0 && unit() < probability; }

  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  explicit Random(std::array<uint64_t, 4> state) : state_(state) {}
  std::array<uint64_t, 4> state_;
};

}  // namespace atl::env
