// The inverse of a plan: what is needed in, the cheapest cluster that gives it out.
//
// The space: every shape and network of it, every number of domains, every parity from the number
// of domains that may be lost up to kParityMore more, every k with k+m slots in as many domains,
// and every number of nodes. Within one choice of all but the nodes, more nodes never give less
// room or speed and always cost more; the chance of losses falls, too, but not at every step: a
// domain that is a node larger takes longer to rebuild. So room and speed are bisected, and from
// there on every number of nodes is tried but for those that losses cannot fall fast enough for.
// cheapest_test.cc compares with trying everything. With [hibernate] the bucket's share of the bill
// depends on more than nodes; of each choice it is still the least number of nodes that is
// compared.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace atl::plan {

inline constexpr uint32_t kSearchNodesMax = 10'000;
inline constexpr uint32_t kSearchDomainsMax = 64;
// Beyond what losses of domains ask for, parity is only there for losses of single disks and nodes.
inline constexpr uint32_t kParityMore = 2;

// From a scenario without [cluster], with [need] and perhaps [search]; docs/plan.md.
struct Need {
  Bytes usable;
  BytesPerSecond read, write;
  double annual_loss = 1;  // of an object, at most
  uint32_t domains_lost = 2;
  std::vector<std::string> shapes;  // those to choose from
  std::vector<uint32_t> domains;    // more than domains_lost and spare_domains
  uint32_t nodes_most = 1000;
};
Result<Need> read_need(const Book& scenario, const Book& catalogue);

struct Candidate {
  std::string shape;
  std::string network;  // "default" or "tier1"
  uint32_t nodes = 0;
  uint32_t domains = 0;
  uint32_t k = 0;
  uint32_t m = 0;
  bool operator==(const Candidate&) const = default;
};
// The scenario with this cluster in it.
Book scenario_of(const Book& scenario, const Candidate& candidate);
// Room and speed, those of [workload] too; and with losses.
bool gives(const Plan& plan, const Need& need);
bool holds(const Plan& plan, const Need& need);

struct Cheapest {
  struct Choice {
    Candidate candidate;
    Plan plan;
  };
  std::vector<Choice>
      by_shape;            // the cheapest of each shape and network, the cheapest of all first
  uint64_t evaluated = 0;  // plans that were made
  uint64_t space = 0;      // clusters that were chosen from
};
// kNotFound: nothing in the space gives what is needed; says what the largest falls short of.
Result<Cheapest> find_cheapest(const Book& scenario, const Book& catalogue);

std::string cheapest_text(const Cheapest& found);
std::string cheapest_json(const Cheapest& found);

}  // namespace atl::plan
