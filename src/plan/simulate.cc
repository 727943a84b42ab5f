#include "plan/simulate.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace atl::plan {
namespace {

constexpr std::string_view kLow = "durability.simulated_low";
constexpr std::string_view kHigh = "durability.simulated_high";
constexpr uint64_t kSeed = 1;
// Journeys times domains of the group: what fits into a tenth of a second or two. An event costs as
// much as the group has domains.
constexpr uint64_t kWork = 250'000;
constexpr uint64_t kJourneysMost = 25'000;

double in_a_year(PerSecond rate) {
  return -std::expm1(-(rate * kYear));
}

}  // namespace

void add_simulation(Plan* plan) {
  if (plan->layout.m == 0) return;  // the first event is the loss: there is nothing to play
  const uint64_t domains = plan->layout.slots_in_domain.size();
  const uint64_t journeys = std::min(kJourneysMost, kWork / std::max<uint64_t>(1, domains));
  const SimulatedLoss played = simulate_loss(plan->layout, plan->rates, journeys, kSeed);
  if (played.losses_seen < kLossesLeast ||
      played.low.value < played.rate.value * (1 - kHalfWidthMost)) {
    plan->notes.push_back(
        "Losses are too rare to be simulated: the durability figures have the chain alone.");
    return;
  }
  const std::vector<std::string> inputs = plan->sheet.at("durability.mean_time_to_loss").inputs;
  auto put = [&](std::string_view key, PerSecond rate, std::string_view end) {
    plan->sheet.put(std::string(key), in_a_year(rate),
                    fmt::format("Monte Carlo of the chain's events, {} journeys with balanced "
                                "failure biasing, a fixed seed: the {} end of its 99% interval",
                                journeys, end),
                    inputs);
  };
  put(kLow, played.low, "lower");
  put(kHigh, played.high, "upper");
}

std::string simulated_words(const Plan& plan) {
  const Figure* low = plan.sheet.find(kLow);
  const Figure* high = plan.sheet.find(kHigh);
  if (low == nullptr || high == nullptr) return {};
  return fmt::format("simulated: {} to {} (99%)", format_quantity(low->value),
                     format_quantity(high->value));
}

}  // namespace atl::plan
