// How likely a placement group loses data, or cannot be read, in a year.
//
// The model, for one group of k+m slots spread over domains. Times are exponential.
//   - each slot's data is lost at rate `slot_loss` (its device dies, its node comes back with blank
//     disks) and is restored elsewhere after `slot_rebuild` on average;
//   - each domain is lost whole at rate `domain_loss`, with every slot that it holds, and all of
//   them
//     are back after `domain_rebuild`;
//   - more than m slots missing at one moment is loss, for ever.
// Rebuilds run side by side, as Atoll's do. What the model leaves out: several groups share
// devices, so the losses of groups are not independent; nothing here multiplies them as if they
// were.
//
// `group_loss` solves it exactly; `simulate_loss` plays it, event by event, and gives an interval.
// Sources: the elimination without subtraction is Grassmann, Taksar and Heyman, "Regenerative
// analysis and steady state distributions for Markov chains", Operations Research 33(5), 1985, for
// mean times as in Sonin, "The state reduction and related algorithms", 1999. Balanced failure
// biasing: Shahabuddin, "Importance sampling for the simulation of highly reliable Markovian
// systems", Management Science 40(3), 1994.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "plan/quantity.h"

namespace atl::plan {

// A chain of this many states takes about a second to solve.
inline constexpr size_t kChainStatesMax = 1500;

struct GroupLayout {
  uint32_t m = 0;
  std::vector<uint32_t> slots_in_domain;  // of each domain that the group uses; at least 1 each
  uint32_t width() const;
};

// k+m slots over `domains`, as evenly as Atoll places them.
GroupLayout spread_group(uint32_t k, uint32_t m, uint32_t domains);

struct LossRates {
  PerSecond slot_loss;
  PerSecond domain_loss;
  Seconds slot_rebuild;
  Seconds domain_rebuild;
};

struct GroupLoss {
  Seconds mean_time_to_loss;
  double annual_probability = 0;  // of losing the group's data within a year
  size_t states = 0;
};
// kInvalidArgument: rates that are not positive and finite (domain_loss may be 0), or a layout
// without slots. kTooLarge: more than kChainStatesMax states.
Result<GroupLoss> group_loss(const GroupLayout& layout, const LossRates& rates);

struct SimulatedLoss {
  PerSecond rate;       // of losses, an estimate
  PerSecond low, high;  // its interval of 99% confidence
  uint64_t losses_seen = 0;
};
// `cycles`: journeys from everything whole back to that, or to loss. The same seed gives the same
// result. Preconditions as group_loss.
SimulatedLoss simulate_loss(const GroupLayout& layout, const LossRates& rates, uint64_t cycles,
                            uint64_t seed);

// The share of time in which more than m slots cannot be reached, when each node is away for
// `slot_away` of the time and, independently, each domain for `domain_away`.
double group_unavailability(const GroupLayout& layout, double slot_away, double domain_away);

}  // namespace atl::plan
