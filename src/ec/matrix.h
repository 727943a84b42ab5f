// The coefficients of a code, and those that undo a loss. Pure; used by Code alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace atl::ec {

// Row-major coefficients, `columns` wide.
struct Matrix {
  int rows = 0;
  int columns = 0;
  std::vector<uint8_t> cells;

  Matrix() = default;
  Matrix(int r, int c) : rows(r), columns(c), cells(static_cast<size_t>(r) * c) {}
  uint8_t& at(int row, int column) { return cells[static_cast<size_t>(row) * columns + column]; }
  uint8_t at(int row, int column) const {
    return cells[static_cast<size_t>(row) * columns + column];
  }
};

// (k + m) x k: the identity above ISA-L's Cauchy rows. Shard s is row s times the data shards.
Matrix generator(int k, int m);

// wanted.size() x k: wanted shard i is row i times the shards `have`, in the order of `have`.
//
// have: k distinct shard numbers, ascending; wanted: others. Only the data shards that are not at
// hand are solved for: with e of them an e x e matrix is inverted, never the k x k one (for 60+4
// that is 4 x 4 in place of 60 x 60). Every square part of a Cauchy matrix is invertible, so it
// cannot fail.
Matrix recovery(const Matrix& generator, std::span<const int> have, std::span<const int> wanted);

// What ISA-L's kernels take: 32 bytes for each coefficient.
inline constexpr size_t kTableBytesPerCoefficient = 32;
std::vector<uint8_t> expand_tables(const Matrix& matrix);

}  // namespace atl::ec
