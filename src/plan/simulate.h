// A plan's durability played, event by event (simulate_loss), beside what the chain says.
//
// It costs a tenth of a second, so a command asks for it once, for the plan that it prints; sweeps
// and searches do without. Threads: pure functions; the same plan gives the same interval.
#pragma once

#include <string>

#include "plan/plan.h"

namespace atl::plan {

// So many losses have to be seen for an interval that is worth showing.
inline constexpr uint64_t kLossesLeast = 100;
// And the interval is no wider than this to either side, as a part of the estimate: where a few
// journeys have nearly all of the weight, their spread says little about the mean.
inline constexpr double kHalfWidthMost = 0.3;

// Puts durability.simulated_low and durability.simulated_high into the sheet. Where too few losses
// are seen (very many parities), nothing, and a note says so.
void add_simulation(Plan* plan);

// "simulated: 1.2e-12 to 1.3e-12 (99%)"; empty without a simulation.
std::string simulated_words(const Plan& plan);

}  // namespace atl::plan
