#include "cluster/assignment.h"

#include <limits>

#include "base/check.h"

namespace atl::cluster {

// Rows are added one at a time. For each, the cheapest alternating path to a free column is grown
// (Dijkstra over reduced costs), the potentials are lowered along it, and the path is flipped.
// Index 0 stands for "none", so rows and columns count from 1 inside.
std::vector<size_t> cheapest_assignment(const std::vector<std::vector<int64_t>>& cost) {
  const size_t n = cost.size();
  for (const auto& row : cost) ATOLL_CHECK(row.size() == n, "the matrix must be square");
  constexpr int64_t kInfinite = std::numeric_limits<int64_t>::max() / 4;
  std::vector<int64_t> row_potential(n + 1, 0), column_potential(n + 1, 0);
  std::vector<size_t> row_of(n + 1, 0);  // the row that holds a column
  for (size_t row = 1; row <= n; ++row) {
    std::vector<int64_t> distance(n + 1, kInfinite);
    std::vector<size_t> came_from(n + 1, 0);
    std::vector<bool> done(n + 1, false);
    size_t column = 0;
    row_of[0] = row;
    do {
      done[column] = true;
      const size_t at = row_of[column];
      int64_t least = kInfinite;
      size_t next = 0;
      for (size_t j = 1; j <= n; ++j) {
        if (done[j]) continue;
        const int64_t reduced = cost[at - 1][j - 1] - row_potential[at] - column_potential[j];
        if (reduced < distance[j]) {
          distance[j] = reduced;
          came_from[j] = column;
        }
        if (distance[j] < least) {
          least = distance[j];
          next = j;
        }
      }
      for (size_t j = 0; j <= n; ++j) {
        if (done[j]) {
          row_potential[row_of[j]] += least;
          column_potential[j] -= least;
        } else {
          distance[j] -= least;
        }
      }
      column = next;
    } while (row_of[column] != 0);
    while (column != 0) {
      row_of[column] = row_of[came_from[column]];
      column = came_from[column];
    }
  }
  std::vector<size_t> column_of(n, n);
  for (size_t j = 1; j <= n; ++j) column_of[row_of[j] - 1] = j - 1;
  for (const size_t j : column_of) ATOLL_CHECK(j < n, "every row has a column");
  return column_of;
}

}  // namespace atl::cluster
