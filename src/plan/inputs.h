// A scenario, checked: every key known, every number in range, and consistent with each other.
#pragma once

#include <optional>
#include <string>

#include "plan/book.h"

namespace atl::plan {

inline constexpr double kNodesMax = 100'000;
inline constexpr uint32_t kStripeWidthMax = 64;  // cluster::kMaxWidth; ec::kMaxShards

struct Inputs {
  std::string name;
  std::string shape;
  std::string network = "network";  // the shape's key: network or network_tier1
  bool clients_by_rdma = false;
  bool fabric_by_rdma = false;  // shards between nodes
  uint32_t nodes = 0;
  uint32_t domains = 0;
  uint32_t k = 0;
  uint32_t m = 0;
  std::string commitment = "on_demand";
  std::string tier_class = "standard";
};

// One's own catalogue, before it is laid over `known`: every key is one that is known.
Status check_catalogue(const Book& own, const Book& known);
// The shapes that `own` has lines of: together with what lies below they are whole, and do not
// contradict themselves.
Status check_shapes(const Book& own, const Book& together);
// `catalogue` has the scenario laid over it already; `known` is the catalogue without.
Result<Inputs> read_inputs(const Book& scenario, const Book& catalogue, const Book& known);

}  // namespace atl::plan
