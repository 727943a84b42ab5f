// A cluster over time: phases with dates, each a plan of its own; what they cost together, and what
// must be asked of the cloud, and when, so that it is there.
//
// Threads: pure functions.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace atl::plan {

inline constexpr size_t kPhasesMax = 100;

using Day = std::chrono::sys_days;

struct Phase {
  std::string name;
  Day from{};
  Day until{};   // the next phase's beginning
  Day ask_by{};  // when to ask for what it needs more than the phase before
  Plan plan;
  std::string shape;
  // Of that shape, than the phase before: a reservation is for a machine type, so that of another
  // type all are more.
  double more_nodes = 0;
  double more_vcpus = 0;
  Bytes more_ssd;
  Dollars cost;  // from `from` to `until`
  // A commitment runs its whole term: what the machines that begin one here are still owed when the
  // phases do not use them any more. Not part of `cost`.
  std::optional<Day> used_until, committed_until;
  Dollars owed;
};

struct Growth {
  std::vector<Phase> phases;  // by date
  Dollars cost;
};

// A scenario with tables [phase.NAME], each with `from = "2027-01-31"` and what differs then:
// nodes, domains, shape, protection, network, use, commitment. They are sorted by date, however
// they stand in the file. growth.until ends the last one (a year after its beginning when it is not
// given). kInvalidArgument: file, line, what is wrong.
Result<Growth> project(const Book& scenario, const Book& catalogue);

std::string growth_text(const Growth& growth);
std::string growth_json(const Growth& growth);
std::string growth_html(const std::string& name, const Growth& growth);

}  // namespace atl::plan
