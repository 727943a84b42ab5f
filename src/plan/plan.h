// Sizing: a scenario and a catalogue in, a sheet of figures out. docs/plan.md says what each means.
//
// Pure: no clock, no disk. Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/book.h"
#include "plan/failover.h"
#include "plan/sheet.h"

namespace atl::plan {

// What limits a speed, the least first.
struct Limit {
  std::string what;    // "network", "local SSD", "CPU"
  std::string figure;  // its key in the sheet
};

struct Speed {
  std::string name;    // "read"
  std::string figure;  // the speed that the cluster gives
  std::vector<Limit> limits;
  std::string asked;  // the figure that the workload asks for; empty when it asks for none
  bool holds = true;  // what is asked is given
};

// What a number of domains allows, one slot of a stripe in each.
struct Width {
  uint32_t domains = 0;
  uint32_t lost = 0;    // domains that it survives
  uint32_t data = 0;    // k of the widest stripe
  double overhead = 0;  // raw bytes for each usable one
};

struct Plan {
  std::string name;
  std::string catalogue;  // title and date
  Sheet sheet;
  std::vector<Speed> speeds;
  std::vector<Width> widths;
  std::optional<Failover> failover;  // when the scenario asks for it
  std::vector<std::string> notes;    // in words: what binds, what does not hold, what is assumed
};

// The catalogue that comes with Atoll, and the cloud's delays (delay_file.h).
const Book& built_in_catalogue();

// kInvalidArgument: file, line, what is wrong and what would be right.
Result<Plan> make_plan(const Book& scenario, const Book& catalogue);

}  // namespace atl::plan
