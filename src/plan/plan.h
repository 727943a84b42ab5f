// Sizing: a scenario and a catalogue in, a sheet of figures out. docs/plan.md says what each means.
//
// Pure: no clock, no disk. Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/book.h"
#include "plan/durability.h"
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
  GroupLayout layout;                // of a placement group, and what the chain was given
  LossRates rates;
  // What was chosen in words, by key: {"cluster.shape", "z3-highmem-88-highlssd"}.
  std::vector<std::pair<std::string, std::string>> choices;
  std::vector<std::string> notes;  // in words: what binds, what does not hold, what is assumed
};

// The catalogue that comes with Atoll, and the cloud's delays (delay_file.h).
const Book& built_in_catalogue();

// A search needs what a cluster gives and costs: not failover, which costs more than all the rest
// together, nor the comparisons with block storage and other regions. The bill is whole either way.
enum class Parts { kAll, kForSearch };

// `catalogue` is not laid over yet: what it does not know is no key. kInvalidArgument: file, line,
// what is wrong and what would be right.
Result<Plan> make_plan(const Book& scenario, const Book& catalogue, Parts parts = Parts::kAll);
// The same with `data`, the catalogue with the scenario's data over it already, for who makes many
// plans that differ in [cluster] alone.
Result<Plan> make_plan_over(const Book& scenario, const Book& data, const Book& catalogue,
                            Parts parts);

}  // namespace atl::plan
