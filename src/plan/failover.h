// Failover: how long clients are without an address, by mover, and what that makes in a year.
//
// Asked for by a [failover] table in the scenario. Figures: failover.<mover>.node_gap and the like
// (docs/plan.md). Threads: pure functions. Errors: kInvalidArgument with file and line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/movers.h"
#include "plan/sources.h"

namespace atl::plan {

struct Failover {
  struct Row {
    std::string mover;
    std::string refused;  // why it cannot be; the gaps are empty then
    Gap node, domain, drain;
    bool chosen = false;
  };
  std::vector<Row> movers;
  std::string chosen;  // empty: none is
  MoverFacts facts;
  double patience = 0;  // seconds
};

// Nothing when the scenario has no [failover].
Result<std::optional<Failover>> add_failover(const Sources& from);

// The same cluster with other numbers of nodes, and as many addresses a node.
struct AtScale {
  std::string mover;
  double nodes = 0, addresses = 0;
  std::string refused;
  Gap node, domain;
};
inline constexpr double kScaleNodes[] = {10, 30, 100, 300, 1000};
std::vector<AtScale> failover_at_scale(const Failover& failover);

}  // namespace atl::plan
