// Sizes and durations with their unit in the source: 64_KiB, and std::chrono literals.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace atl {

using namespace std::chrono_literals;
using Nanos = std::chrono::nanoseconds;

constexpr uint64_t operator""_KiB(unsigned long long n) {
  return n << 10;
}
constexpr uint64_t operator""_MiB(unsigned long long n) {
  return n << 20;
}
constexpr uint64_t operator""_GiB(unsigned long long n) {
  return n << 30;
}
constexpr uint64_t operator""_TiB(unsigned long long n) {
  return n << 40;
}

constexpr uint64_t round_up(uint64_t n, uint64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}
constexpr uint64_t round_down(uint64_t n, uint64_t multiple) {
  return n / multiple * multiple;
}
constexpr uint64_t div_ceil(uint64_t n, uint64_t d) {
  return (n + d - 1) / d;
}

std::string format_bytes(uint64_t bytes);     // "1.5 GiB"
std::string format_duration(Nanos duration);  // "2 min 5 s"

}  // namespace atl
