#include "plan/durability.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace atl::plan {
namespace {

LossRates rates_of(double slot_per_year, double domain_per_year, double slot_hours,
                   double domain_hours) {
  return {slot_per_year / kYear, domain_per_year / kYear, slot_hours * kHour, domain_hours * kHour};
}

// Two mirrored slots, rate a of loss each, rebuild rate r: from whole to loss takes
// (3a + r) / (2 a^2), the first result of every text on disk arrays (Patterson, Gibson and Katz,
// 1988, whose MTTF^2 / (N (G-1) MTTR) is this for r >> a).
TEST(GroupLoss, AMirrorByHand) {
  const double a = 0.5, r = 8760.0 / 10;  // a year
  auto loss = group_loss({1, {1, 1}}, rates_of(a, 0, 10, 10));
  ASSERT_TRUE(loss.has_value());
  // (1.5 + 876) / 0.5 = 1755 years
  EXPECT_NEAR(loss->mean_time_to_loss / kYear, (3 * a + r) / (2 * a * a), 1e-6);
  EXPECT_NEAR(loss->mean_time_to_loss / kYear, 1755.0, 1e-6);
  EXPECT_NEAR(loss->annual_probability, 1 - std::exp(-1 / 1755.0), 1e-12);
}

// No parity: the first loss of any slot. Four slots at 0.25 a year: one a year.
TEST(GroupLoss, NoParityByHand) {
  auto loss = group_loss({0, {1, 1, 1, 1}}, rates_of(0.25, 0, 1, 1));
  ASSERT_TRUE(loss.has_value());
  EXPECT_NEAR(loss->mean_time_to_loss / kYear, 1.0, 1e-12);
}

// Birth and death with n = 8, m = 2 and rebuilds side by side: with a << r, three must be lost
// within one another's rebuilds: rate = 8a * 7a/r * 6a/(2r) = 168 a^3 / r^2.
TEST(GroupLoss, SixPlusTwoByHand) {
  auto loss = group_loss(spread_group(6, 2, 8), rates_of(0.01, 0, 1, 1));
  ASSERT_TRUE(loss.has_value());
  // 168 * 1e-6 / 8760^2 = 2.1893e-12 a year
  EXPECT_NEAR(1 / (loss->mean_time_to_loss / kYear), 168e-6 / (8760.0 * 8760.0), 1e-16);
}

// Domains alone, four with two slots each, m = 2: the second lost while the first is away. Four
// domains at rate d, back at rate r: 4d * 3d/r.
TEST(GroupLoss, DomainsByHand) {
  auto loss = group_loss(spread_group(6, 2, 4), rates_of(1e-9, 0.01, 1, 24));
  ASSERT_TRUE(loss.has_value());
  const double r = 365;  // a year
  EXPECT_NEAR(1 / (loss->mean_time_to_loss / kYear), 4 * 0.01 * 3 * 0.01 / r, 1e-9);
}

TEST(GroupLoss, MoreParityNeverRaisesIt) {
  for (const uint32_t domains : {3u, 4u, 8u, 16u})
    for (uint32_t k = 1; k <= 12; ++k) {
      double before = 1e300;
      for (uint32_t m = 0; m <= 4; ++m) {
        auto loss = group_loss(spread_group(k, m, domains), rates_of(0.03, 0.002, 3, 30));
        ASSERT_TRUE(loss.has_value()) << loss.error().to_string();
        const double rate = 1 / loss->mean_time_to_loss.value;
        // One more slot is also one more that can fail; where domains hold several slots a parity
        // that does not help against a domain may cost a little.
        if (k + m <= domains) {
          EXPECT_LE(rate, before) << k << "+" << m << " over " << domains;
        }
        before = rate;
      }
    }
}

TEST(GroupLoss, RefusesWhatMakesNoSense) {
  EXPECT_EQ(group_loss({1, {}}, rates_of(1, 0, 1, 1)).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(group_loss({2, {1, 1}}, rates_of(1, 0, 1, 1)).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(group_loss({1, {1, 1}}, rates_of(0, 0, 1, 1)).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(group_loss({1, {1, 1}}, rates_of(1, -1, 1, 1)).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(group_loss(spread_group(24, 40, 7), rates_of(1, 1, 1, 1)).error().code,
            Errc::kTooLarge);
}

// Every width, parity and spread, from frequent to very rare losses: the chain's rate lies in the
// simulation's interval. 99% intervals of independent runs may miss now and then; the seeds are
// fixed, and the number that may miss is the binomial's.
TEST(GroupLoss, TheSimulationAgreesOn240Configurations) {
  int configurations = 0, missed = 0;
  uint64_t seed = 1;
  for (const uint32_t domains : {3u, 4u, 6u, 8u, 12u})
    for (const uint32_t k : {2u, 4u, 6u, 10u})
      for (const uint32_t m : {1u, 2u, 3u})
        for (const auto& rates : {rates_of(4, 0.5, 200, 100), rates_of(0.5, 0.02, 24, 48),
                                  rates_of(0.02, 0, 3, 3), rates_of(0.02, 0.005, 2, 30)}) {
          const GroupLayout layout = spread_group(k, m, domains);
          auto exact = group_loss(layout, rates);
          ASSERT_TRUE(exact.has_value()) << exact.error().to_string();
          const SimulatedLoss played = simulate_loss(layout, rates, 20'000, seed++);
          ASSERT_GT(played.losses_seen, 100u);
          const double rate = 1 / exact->mean_time_to_loss.value;
          ++configurations;
          if (rate < played.low.value || rate > played.high.value) ++missed;
          // However it falls, never far off.
          EXPECT_NEAR(rate / played.rate.value, 1, 0.25) << k << "+" << m << " over " << domains;
        }
  EXPECT_EQ(configurations, 240);
  EXPECT_LE(missed, 8);  // 2.4 expected; P(more than 8) is below 0.1%
}

// The simulation above draws from the same list of events as the chain. This one knows nothing of
// it: every slot and every domain has a clock of its own, as the header says.
double slot_by_slot(const GroupLayout& layout, const LossRates& rates, std::mt19937_64* random) {
  std::exponential_distribution<double> one(1);
  auto after = [&](double now, double rate) {
    return rate > 0 ? now + one(*random) / rate : 1e300;
  };
  struct Slot {
    bool lost = false;
    double next = 0;  // lost then, or back then
  };
  struct Domain {
    bool down = false;
    double next = 0;
    std::vector<Slot> slots;
  };
  std::vector<Domain> domains;
  for (const uint32_t slots : layout.slots_in_domain) {
    domains.push_back({false, after(0, rates.domain_loss.value), {}});
    for (uint32_t s = 0; s < slots; ++s)
      domains.back().slots.push_back({false, after(0, rates.slot_loss.value)});
  }
  while (true) {
    Domain* at = nullptr;
    Slot* slot = nullptr;
    double now = 1e300;
    for (Domain& d : domains) {
      if (d.next < now) now = d.next, at = &d, slot = nullptr;
      if (d.down) continue;  // its slots are away with it, and come back with it
      for (Slot& s : d.slots)
        if (s.next < now) now = s.next, at = &d, slot = &s;
    }
    if (slot != nullptr) {
      slot->lost = !slot->lost;
      slot->next = after(now, slot->lost ? 1 / rates.slot_rebuild.value : rates.slot_loss.value);
    } else {
      at->down = !at->down;
      at->next = after(now, at->down ? 1 / rates.domain_rebuild.value : rates.domain_loss.value);
      for (Slot& s : at->slots) s = {false, after(now, rates.slot_loss.value)};
    }
    uint32_t missing = 0;
    for (const Domain& d : domains)
      for (const Slot& s : d.slots) missing += d.down || s.lost ? 1 : 0;
    if (missing > layout.m) return now;
  }
}

TEST(GroupLoss, PlayedSlotBySlotItIsTheSame) {
  std::mt19937_64 random(7);
  constexpr int kRuns = 4000;
  constexpr double kSigmas = 4;  // P(one of 16 beyond it) is 0.1%; the seed is fixed
  for (const uint32_t domains : {2u, 3u, 4u, 6u})
    for (const auto& [k, m] : {std::pair(2u, 1u), std::pair(4u, 2u)})
      for (const auto& rates : {rates_of(6, 0, 300, 100), rates_of(4, 2, 200, 400)}) {
        const GroupLayout layout = spread_group(k, m, domains);
        auto exact = group_loss(layout, rates);
        ASSERT_TRUE(exact.has_value());
        double sum = 0, squares = 0;
        for (int i = 0; i < kRuns; ++i) {
          const double t = slot_by_slot(layout, rates, &random) / exact->mean_time_to_loss.value;
          sum += t;
          squares += t * t;
        }
        const double mean = sum / kRuns;
        const double error = std::sqrt((squares / kRuns - mean * mean) / kRuns);
        EXPECT_NEAR(mean, 1, kSigmas * error) << k << "+" << m << " over " << domains;
        EXPECT_LT(error, 0.05);
      }
}

TEST(Unavailability, ByHand) {
  // Two slots, one parity, each away for 10%: both away 1%.
  EXPECT_NEAR(group_unavailability({1, {1, 1}}, 0.1, 0), 0.01, 1e-15);
  // One domain away for 10% takes both of its slots: 3 slots in 2 domains, m = 1.
  EXPECT_NEAR(group_unavailability({1, {2, 1}}, 0, 0.1), 0.1, 1e-15);
  EXPECT_EQ(group_unavailability(spread_group(6, 2, 8), 0, 0), 0);
}

}  // namespace
}  // namespace atl::plan
