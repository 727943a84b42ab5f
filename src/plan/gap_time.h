// How long an address is away, as a distribution: waits that are drawn, one after the other, behind
// a start that is fixed or drawn evenly.
//
// A wait is lognormal, given by its median and 99th percentile, as in catalogues/vip-delays.toml;
// equal, it is a constant. Waits that follow one another are independent; their sum is taken to be
// lognormal with the sum's mean and variance (Fenton and Wilkinson), which is exact for one of
// them. gap_time_test.cc holds that to sums that were drawn.
//
// Threads: values, const. Seconds throughout.
#pragma once

#include <vector>

namespace atl::plan {

struct Wait {
  double median = 0;
  double p99 = 0;
};
// m exp(s^2 / 2) with s = ln(p99 / m) / 2.3263.
double mean_of(const Wait& wait);
double variance_of(const Wait& wait);

// An even spread is looked at in this many slices: a lease's spread is a fifth of it, so that a
// slice is a fortieth.
inline constexpr int kSlices = 8;

// When the waits begin: evenly between `at` - `width` / 2 and `at` + `width` / 2.
struct Start {
  double at = 0;
  double weight = 1;
  double width = 0;
};
// From `from` to `to`, in kSlices parts that weigh `weight` together.
std::vector<Start> evenly(double from, double to, double weight = 1);

class GapTime {
 public:
  GapTime(std::vector<Start> starts, const std::vector<Wait>& waits);

  double mean() const;
  // The share of gaps that are not longer.
  double within(double seconds) const;
  // The gap that this share does not exceed; of the longest of `of` gaps, when given.
  double at(double share, double of = 1) const;
  // The mean of what a gap is longer than `patience`: 0 for those that are not.
  double beyond(double patience) const;

  // Each start later by one of these, equally likely.
  GapTime later(const std::vector<double>& by) const;

 private:
  GapTime() = default;

  std::vector<Start> starts_;  // weights sum to 1
  double constant_ = 0;        // of the waits
  double mu_ = 0;              // of the lognormal rest
  double sigma_ = 0;           // 0: there is none
};

}  // namespace atl::plan
