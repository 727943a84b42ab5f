// The assignment problem, for giving a group's devices their slot numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace atl::cluster {

// cost[row][column], square. Returns a column for each row, all different, with the least total
// cost. Kuhn's Hungarian method with potentials (Munkres 1957), O(n^3): 64 slots take well under a
// millisecond. Deterministic: the same costs give the same answer.
std::vector<size_t> cheapest_assignment(const std::vector<std::vector<int64_t>>& cost);

}  // namespace atl::cluster
