#include "plan/durability.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace atl::plan {
namespace {

// One domain of the group: how many of its slots are lost one by one, or that it is lost whole.
struct DomainState {
  uint32_t slots = 0;
  uint32_t lost = 0;
  bool down = false;
  auto operator<=>(const DomainState&) const = default;
  uint32_t missing() const { return down ? slots : lost; }
};
// Which domain is which does not matter: sorted, so that states that differ only in that are one.
using State = std::vector<DomainState>;

State whole(const GroupLayout& layout) {
  State state;
  for (const uint32_t slots : layout.slots_in_domain) state.push_back({slots, 0, false});
  std::sort(state.begin(), state.end());
  return state;
}

uint32_t missing(const State& state) {
  uint32_t n = 0;
  for (const DomainState& domain : state) n += domain.missing();
  return n;
}

// What can happen to one domain, in units of one second.
struct Event {
  double rate = 0;
  DomainState after;
  bool failure = false;
};

std::vector<Event> events_of(const DomainState& d, const LossRates& rates) {
  std::vector<Event> out;
  if (d.down) {
    out.push_back({1 / rates.domain_rebuild.value, {d.slots, 0, false}, false});
    return out;
  }
  if (d.lost < d.slots)
    out.push_back({(d.slots - d.lost) * rates.slot_loss.value, {d.slots, d.lost + 1, false}, true});
  if (rates.domain_loss.value > 0)
    out.push_back({rates.domain_loss.value, {d.slots, 0, true}, true});
  if (d.lost > 0)
    out.push_back({d.lost / rates.slot_rebuild.value, {d.slots, d.lost - 1, false}, false});
  return out;
}

// The chain's rates: between its states, and from each to loss. State 0 is the whole group.
struct Chain {
  std::vector<std::vector<double>> rate;
  std::vector<double> loss;
};

Result<Chain> build_chain(const GroupLayout& layout, const LossRates& rates) {
  std::map<State, size_t> places;
  std::vector<State> states;
  struct Edge {
    size_t from, to;
    double rate;
  };
  std::vector<Edge> edges;
  std::vector<double> loss;
  auto place_of = [&](State state) {
    const auto [it, fresh] = places.emplace(std::move(state), states.size());
    if (fresh) {
      states.push_back(it->first);
      loss.push_back(0);
    }
    return it->second;
  };
  place_of(whole(layout));
  for (size_t at = 0; at < states.size(); ++at) {
    if (states.size() > kChainStatesMax)
      return fail(
          Errc::kTooLarge,
          fmt::format("the durability model has more than {} states for {} slots over {} "
                      "domains with {} parities",
                      kChainStatesMax, layout.width(), layout.slots_in_domain.size(), layout.m));
    const State state = states[at];
    for (size_t d = 0, alike = 0; d < state.size(); d += alike) {
      // Domains in the same state stand side by side, and what happens to one may happen to each.
      alike = 1;
      while (d + alike < state.size() && state[d + alike] == state[d]) ++alike;
      for (const Event& event : events_of(state[d], rates)) {
        const double rate = event.rate * static_cast<double>(alike);
        State after = state;
        after[d] = event.after;
        if (missing(after) > layout.m) {
          loss[at] += rate;
          continue;
        }
        std::sort(after.begin(), after.end());
        edges.push_back({at, place_of(std::move(after)), rate});
      }
    }
  }
  Chain chain;
  chain.rate.assign(states.size(), std::vector<double>(states.size(), 0));
  chain.loss = std::move(loss);
  for (const Edge& edge : edges) chain.rate[edge.from][edge.to] += edge.rate;
  return chain;
}

// The mean time from state 0 to loss. States are taken out one by one, from the last: what flowed
// through a state flows past it, and the time spent in it is charged to where it was entered from.
// Nothing is ever subtracted, so a mean of 1e30 years is as exact as one of a day.
double mean_time(Chain chain) {
  const size_t n = chain.loss.size();
  std::vector<double> time(n, 1);  // charged for each visit, times the rate of leaving
  for (size_t s = n - 1; s > 0; --s) {
    double leaving = chain.loss[s];
    for (size_t j = 0; j < s; ++j) leaving += chain.rate[s][j];
    for (size_t i = 0; i < s; ++i) {
      const double in = chain.rate[i][s];
      if (in == 0) continue;
      const double share = in / leaving;
      for (size_t j = 0; j < s; ++j)
        if (j != i) chain.rate[i][j] += share * chain.rate[s][j];
      chain.loss[i] += share * chain.loss[s];
      time[i] += share * time[s];
    }
  }
  return time[0] / chain.loss[0];
}

Status check(const GroupLayout& layout, const LossRates& rates) {
  auto positive = [](double v) { return std::isfinite(v) && v > 0; };
  if (layout.width() == 0) return fail(Errc::kInvalidArgument, "a group without slots");
  for (const uint32_t slots : layout.slots_in_domain)
    if (slots == 0) return fail(Errc::kInvalidArgument, "a domain without slots in the group");
  if (layout.m >= layout.width())
    return fail(Errc::kInvalidArgument, "a group needs at least one data slot");
  if (!positive(rates.slot_loss.value) || !positive(rates.slot_rebuild.value) ||
      !positive(rates.domain_rebuild.value))
    return fail(Errc::kInvalidArgument, "loss and rebuild must be positive");
  if (!std::isfinite(rates.domain_loss.value) || rates.domain_loss.value < 0)
    return fail(Errc::kInvalidArgument, "the rate of lost domains is negative");
  return {};
}

// xoshiro256** would do too; this one is in the standard's spirit and short: splitmix64, Steele et
// al., "Fast splittable pseudorandom number generators", OOPSLA 2014.
class Uniform {
 public:
  explicit Uniform(uint64_t seed) : state_(seed) {}
  double next() {  // [0, 1)
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
  }

 private:
  uint64_t state_;
};

struct Choice {
  size_t domain = 0;
  Event event;
  double probability = 0;         // truly
  double biased_probability = 0;  // as drawn
};

struct Moves {
  std::vector<Choice> all;
  double total_rate = 0;
};

// Half of the draws are failures as long as something is being repaired, and each possible failure
// is as likely as the others.
Moves moves_of(const State& state, const LossRates& rates) {
  Moves moves;
  size_t failures = 0;
  double repair_rate = 0;
  for (size_t d = 0; d < state.size(); ++d)
    for (const Event& event : events_of(state[d], rates)) {
      moves.all.push_back({d, event});
      moves.total_rate += event.rate;
      if (event.failure) {
        ++failures;
      } else {
        repair_rate += event.rate;
      }
    }
  const double failing = repair_rate == 0 ? 1 : failures == 0 ? 0 : 0.5;
  for (Choice& choice : moves.all) {
    choice.probability = choice.event.rate / moves.total_rate;
    choice.biased_probability = choice.event.failure
                                    ? failing / static_cast<double>(failures)
                                    : (1 - failing) * choice.event.rate / repair_rate;
  }
  return moves;
}

const Choice& draw(const Moves& moves, double u, bool biased) {
  for (const Choice& choice : moves.all) {
    u -= biased ? choice.biased_probability : choice.probability;
    if (u < 0) return choice;
  }
  return moves.all.back();
}

struct Cycle {
  double seconds = 0;
  double loss_weight = 0;  // 0: it came back whole
};

Cycle play(const GroupLayout& layout, const State& start, const LossRates& rates, bool biased,
           Uniform* uniform) {
  Cycle cycle;
  State state = start;
  double weight = 1;
  do {
    const Moves moves = moves_of(state, rates);
    cycle.seconds += 1 / moves.total_rate;
    const Choice& choice = draw(moves, uniform->next(), biased);
    if (biased) weight *= choice.probability / choice.biased_probability;
    state[choice.domain] = choice.event.after;
    if (missing(state) > layout.m) {
      cycle.loss_weight = weight;
      return cycle;
    }
  } while (state != start);
  return cycle;
}

struct Mean {
  double mean = 0;
  double error = 0;  // of the mean, one sigma
};

Mean mean_of(const std::vector<double>& samples) {
  Mean out;
  for (const double s : samples) out.mean += s;
  out.mean /= static_cast<double>(samples.size());
  double squares = 0;
  for (const double s : samples) squares += (s - out.mean) * (s - out.mean);
  out.error = std::sqrt(squares) / static_cast<double>(samples.size());
  return out;
}

}  // namespace

uint32_t GroupLayout::width() const {
  return std::accumulate(slots_in_domain.begin(), slots_in_domain.end(), 0u);
}

GroupLayout spread_group(uint32_t k, uint32_t m, uint32_t domains) {
  ATOLL_CHECK(domains > 0);
  GroupLayout layout;
  layout.m = m;
  const uint32_t width = k + m;
  const uint32_t used = std::min(domains, width);
  for (uint32_t d = 0; d < used; ++d)
    layout.slots_in_domain.push_back(width / used + (d < width % used ? 1 : 0));
  return layout;
}

Result<GroupLoss> group_loss(const GroupLayout& layout, const LossRates& rates) {
  ATOLL_TRY_STATUS(check(layout, rates));
  ATOLL_TRY(Chain chain, build_chain(layout, rates));
  GroupLoss out;
  out.states = chain.loss.size();
  out.mean_time_to_loss = Seconds{mean_time(std::move(chain))};
  // From everything whole the wait for loss is as good as exponential: the chain forgets within a
  // rebuild, which is short beside a year.
  out.annual_probability = -std::expm1(-(kYear / out.mean_time_to_loss));
  return out;
}

SimulatedLoss simulate_loss(const GroupLayout& layout, const LossRates& rates, uint64_t cycles,
                            uint64_t seed) {
  ATOLL_CHECK(check(layout, rates).has_value() && cycles > 1);
  constexpr double kSigmas = 2.576;  // 99%, two-sided
  const State start = whole(layout);
  Uniform uniform(seed);
  SimulatedLoss out;
  std::vector<double> weights;
  std::vector<double> times;
  for (uint64_t i = 0; i < cycles; ++i) {
    weights.push_back(play(layout, start, rates, true, &uniform).loss_weight);
    if (weights.back() > 0) ++out.losses_seen;
    times.push_back(play(layout, start, rates, false, &uniform).seconds);
  }
  const Mean loss = mean_of(weights);
  const Mean time = mean_of(times);
  out.rate = PerSecond{loss.mean / time.mean};
  if (loss.mean == 0) return out;
  const double relative = std::hypot(loss.error / loss.mean, time.error / time.mean) * kSigmas;
  out.low = out.rate * std::max(0.0, 1 - relative);
  out.high = out.rate * (1 + relative);
  return out;
}

double group_unavailability(const GroupLayout& layout, double slot_away, double domain_away) {
  ATOLL_CHECK(slot_away >= 0 && slot_away <= 1 && domain_away >= 0 && domain_away <= 1);
  std::vector<double> missing(1, 1);  // probability of so many slots away
  for (const uint32_t slots : layout.slots_in_domain) {
    std::vector<double> here(slots + 1, 0);
    double ways = 1;
    for (uint32_t i = 0; i <= slots; ++i) {
      here[i] =
          (1 - domain_away) * ways * std::pow(slot_away, i) * std::pow(1 - slot_away, slots - i);
      ways = ways * (slots - i) / (i + 1);
    }
    here[slots] += domain_away;
    std::vector<double> sum(missing.size() + slots, 0);
    for (size_t a = 0; a < missing.size(); ++a)
      for (size_t b = 0; b <= slots; ++b) sum[a + b] += missing[a] * here[b];
    missing = std::move(sum);
  }
  return std::accumulate(missing.begin() + layout.m + 1, missing.end(), 0.0);
}

}  // namespace atl::plan
