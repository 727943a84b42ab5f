#include "plan/gap_time.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"

namespace atl::plan {
namespace {

// The 99th percentile of the standard normal distribution.
constexpr double kNormal99 = 2.3263478740408408;
// Bisection ends here: 2^-50 of the bracket.
constexpr int kHalvings = 50;

double normal_below(double z) {
  return std::erfc(-z / std::numbers::sqrt2) / 2;
}
double sigma_of(const Wait& wait) {
  return wait.p99 > wait.median ? std::log(wait.p99 / wait.median) / kNormal99 : 0;
}

}  // namespace

double mean_of(const Wait& wait) {
  const double sigma = sigma_of(wait);
  return wait.median * std::exp(sigma * sigma / 2);
}

double variance_of(const Wait& wait) {
  const double sigma = sigma_of(wait);
  const double mean = mean_of(wait);
  return mean * mean * std::expm1(sigma * sigma);
}

std::vector<Start> evenly(double from, double to, double weight) {
  std::vector<Start> out;
  const double width = (to - from) / kSlices;
  for (int i = 0; i < kSlices; ++i)
    out.push_back({from + width * (i + 0.5), weight / kSlices, width});
  return out;
}

GapTime::GapTime(std::vector<Start> starts, const std::vector<Wait>& waits)
    : starts_(std::move(starts)) {
  ATOLL_CHECK(!starts_.empty());
  double weight = 0;
  for (const Start& start : starts_) weight += start.weight;
  ATOLL_CHECK(weight > 0);
  for (Start& start : starts_) start.weight /= weight;
  double mean = 0, variance = 0;
  for (const Wait& wait : waits) {
    if (sigma_of(wait) == 0) {
      constant_ += wait.median;
    } else {
      mean += mean_of(wait);
      variance += variance_of(wait);
    }
  }
  if (variance <= 0) return;
  const double square = std::log1p(variance / (mean * mean));
  sigma_ = std::sqrt(square);
  mu_ = std::log(mean) - square / 2;
}

double GapTime::mean() const {
  double out = constant_ + (sigma_ > 0 ? std::exp(mu_ + sigma_ * sigma_ / 2) : 0);
  for (const Start& start : starts_) out += start.weight * start.at;
  return out;
}

double GapTime::within(double seconds) const {
  double out = 0;
  for (const Start& start : starts_) {
    const double left = seconds - constant_ - start.at;
    if (sigma_ > 0) {
      if (left > 0) out += start.weight * normal_below((std::log(left) - mu_) / sigma_);
    } else if (start.width > 0) {
      out += start.weight * std::clamp(left / start.width + 0.5, 0.0, 1.0);
    } else if (left >= 0) {
      out += start.weight;
    }
  }
  return out;
}

double GapTime::at(double share, double of) const {
  ATOLL_CHECK(share > 0 && share < 1 && of >= 1);
  const double wanted = std::pow(share, 1 / of);
  double low = starts_.front().at, high = low;
  for (const Start& start : starts_) {
    low = std::min(low, start.at - start.width / 2);
    high = std::max(high, start.at + start.width / 2);
  }
  low += constant_;
  high += constant_;
  // Ten standard deviations: no share that can be told from 1 lies beyond.
  if (sigma_ > 0) high += std::exp(mu_ + 10 * sigma_);
  for (int i = 0; i < kHalvings && low < high; ++i) {
    const double middle = (low + high) / 2;
    (within(middle) < wanted ? low : high) = middle;
  }
  return high;
}

double GapTime::beyond(double patience) const {
  double out = 0;
  for (const Start& start : starts_) {
    const double k = patience - constant_ - start.at;  // what the drawn rest must exceed
    if (sigma_ > 0) {
      const double mean = std::exp(mu_ + sigma_ * sigma_ / 2);
      if (k <= 0) {
        out += start.weight * (mean - k);
      } else {
        const double z = (mu_ - std::log(k)) / sigma_;
        out += start.weight * (mean * normal_below(z + sigma_) - k * normal_below(z));
      }
    } else if (start.width > 0) {
      const double a = std::max(0.0, -k - start.width / 2);
      const double b = std::max(0.0, -k + start.width / 2);
      out += start.weight * (b * b - a * a) / (2 * start.width);
    } else {
      out += start.weight * std::max(0.0, -k);
    }
  }
  return out;
}

GapTime GapTime::later(const std::vector<double>& by) const {
  GapTime out = *this;
  out.starts_.clear();
  for (const double more : by)
    for (const Start& start : starts_)
      out.starts_.push_back(
          {start.at + more, start.weight / static_cast<double>(by.size()), start.width});
  return out;
}

}  // namespace atl::plan
