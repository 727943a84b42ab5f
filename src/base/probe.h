// Situations that tests must reach, named where they happen. The simulator reports those never
// seen.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace atl {

class Probe {
 public:
  explicit Probe(const char* name);
  void hit() { hits_.fetch_add(1, std::memory_order_relaxed); }
  const char* name() const { return name_; }
  uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }

 private:
  const char* name_;
  std::atomic<uint64_t> hits_{0};
};

// Every probe in the program with its count, sorted by name.
std::vector<std::pair<std::string, uint64_t>> probe_counts();

}  // namespace atl

// The probe registers when the program starts, so one that was never reached is still listed.
#define ATOLL_PROBE(name) ::atl::probe_of<name>().hit()

namespace atl {
template <size_t N>
struct ProbeName {
  char text[N];
  constexpr ProbeName(const char (&s)[N]) {
    for (size_t i = 0; i < N; ++i) text[i] = s[i];
  }
};
template <ProbeName Name>
inline Probe probe_instance{Name.text};
template <ProbeName Name>
Probe& probe_of() {
  return probe_instance<Name>;
}
}  // namespace atl
