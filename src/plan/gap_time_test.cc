// Gaps by hand where a hand can do it, and against sums that were drawn where it cannot.
#include "plan/gap_time.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace atl::plan {
namespace {

// ln(p99 / median) / 2.3263...; e^2.3263... between the two makes sigma 1.
constexpr double kOneSigma = 10.240473655;
constexpr Wait kUnit{1, kOneSigma};

TEST(GapTime, ALognormalWaitByHand) {
  // sigma = 1: mean e^(1/2), variance e (e - 1).
  EXPECT_NEAR(mean_of(kUnit), 1.6487212707, 1e-8);
  EXPECT_NEAR(variance_of(kUnit), 4.6707742705, 1e-7);
  // 4 s and 10 s, as an alias operation: sigma = ln 2.5 / 2.3263 = 0.39388; 4 e^0.077572.
  EXPECT_NEAR(mean_of({4, 10}), 4.32264, 1e-4);
  EXPECT_EQ(mean_of({3, 3}), 3);
  EXPECT_EQ(variance_of({3, 3}), 0);
}

TEST(GapTime, OneWaitIsExact) {
  const GapTime gap({{2, 1, 0}}, {kUnit, {0.5, 0.5}});
  EXPECT_NEAR(gap.mean(), 2.5 + 1.6487212707, 1e-8);
  EXPECT_NEAR(gap.at(0.5), 3.5, 1e-9);               // 2 + 0.5 + 1
  EXPECT_NEAR(gap.at(0.99), 2.5 + kOneSigma, 1e-6);  // 2 + 0.5 + e^2.3263
  EXPECT_NEAR(gap.within(3.5), 0.5, 1e-12);
  EXPECT_EQ(gap.within(2.5), 0);
  // The median of the longest of three: each is below it in 0.5^(1/3) of all cases.
  EXPECT_NEAR(gap.within(gap.at(0.5, 3)), std::cbrt(0.5), 1e-9);
}

TEST(GapTime, WhatIsLongerThanThePatienceByHand) {
  const GapTime gap({{2, 1, 0}}, {kUnit});
  // No patience: the whole gap, on average.
  EXPECT_NEAR(gap.beyond(0), gap.mean(), 1e-12);
  EXPECT_NEAR(gap.beyond(2), gap.mean() - 2, 1e-12);
  // k = 3 - 2 = 1, ln k = 0: e^(1/2) N(1) - N(0) = 1.6487213 x 0.8413447 - 0.5.
  EXPECT_NEAR(gap.beyond(3), 0.8871429, 1e-6);
  EXPECT_GT(gap.beyond(30), 0);
  // Evenly between 1 and 3: of what exceeds 2, half of the cases and half a second on average.
  const GapTime even({{2, 1, 2}}, {});
  EXPECT_DOUBLE_EQ(even.beyond(2), 0.25);
  EXPECT_DOUBLE_EQ(even.beyond(0), 2);
  EXPECT_EQ(even.beyond(3), 0);
  EXPECT_NEAR(even.at(0.99), 2.98, 1e-9);
}

TEST(GapTime, AnEvenStartInSlicesIsTheWhole) {
  const GapTime gap(evenly(8, 10), {});
  EXPECT_NEAR(gap.mean(), 9, 1e-12);
  for (const double share : {0.01, 0.25, 0.5, 0.99})
    EXPECT_NEAR(gap.at(share), 8 + 2 * share, 1e-9);
}

TEST(GapTime, LaterMovesAllOfIt) {
  const GapTime gap = GapTime(evenly(0, 1), {kUnit});
  const GapTime late = gap.later({30, 90});
  EXPECT_NEAR(late.mean(), gap.mean() + 60, 1e-9);
  EXPECT_LT(late.at(0.4), late.at(0.6) - 40);
}

// The steps of an alias move behind a lease of 10 s, 200,000 times; and of something with wide
// tails.
TEST(GapTime, SumsAreAsDrawn) {
  struct Case {
    std::vector<Wait> waits;
    double within;  // relative, of the gap
  };
  const std::vector<Case> cases = {
      {{{0.12, 0.6},
        {0.12, 0.6},
        {0.12, 0.6},
        {0.35, 1.5},
        {0.35, 1.5},
        {4, 10},
        {4, 10},
        {0.5, 3}},
       0.01},
      {{{0.12, 0.6}, {0.35, 1.5}, {3, 9}, {1.5, 8}}, 0.02},
      {{{60, 180}}, 0.01},
      {{kUnit, kUnit, kUnit}, 0.06},
  };
  std::mt19937_64 random(7);
  for (const Case& c : cases) {
    constexpr size_t kDraws = 200'000;
    std::vector<double> drawn(kDraws);
    std::uniform_real_distribution<double> start(6.25, 10);
    double sum = 0, beyond = 0;
    const GapTime gap(evenly(6.25, 10), c.waits);
    const double patience = gap.at(0.5);
    for (double& d : drawn) {
      d = start(random);
      for (const Wait& wait : c.waits)
        d += std::lognormal_distribution<double>(
            std::log(wait.median), std::log(wait.p99 / wait.median) / 2.3263478740408408)(random);
      sum += d;
      beyond += std::max(0.0, d - patience);
    }
    std::ranges::sort(drawn);
    EXPECT_NEAR(gap.mean() / (sum / kDraws), 1, 0.01);
    EXPECT_NEAR(gap.at(0.5) / drawn[kDraws / 2], 1, c.within);
    EXPECT_NEAR(gap.at(0.99) / drawn[kDraws * 99 / 100], 1, c.within);
    EXPECT_NEAR(gap.beyond(patience) / (beyond / kDraws), 1, 3 * c.within);
  }
}

}  // namespace
}  // namespace atl::plan
