#include "ec/matrix.h"

#include <isa-l/erasure_code.h>

#include "base/check.h"

namespace atl::ec {

Matrix generator(int k, int m) {
  Matrix matrix(k + m, k);
  gf_gen_cauchy1_matrix(matrix.cells.data(), k + m, k);
  return matrix;
}

namespace {

constexpr int kNotThere = -1;

// Rows for the data shards that are not at hand, over the shards that are:
//   parity = A_known * known + A_missing * missing
//   missing = A_missing^-1 * parity + A_missing^-1 * A_known * known   (plus is minus here)
Matrix solve_missing(const Matrix& generator, std::span<const int> have,
                     std::span<const int> missing) {
  const int k = generator.columns;
  const int e = static_cast<int>(missing.size());
  std::vector<int> parity_column;  // where in `have` the parity shards are
  for (int i = 0; i < k; ++i)
    if (have[i] >= k) parity_column.push_back(i);
  // k at hand, k - e of them data: the other e are parity.
  ATOLL_CHECK(static_cast<int>(parity_column.size()) == e);

  Matrix a_missing(e, e);
  for (int row = 0; row < e; ++row)
    for (int column = 0; column < e; ++column)
      a_missing.at(row, column) = generator.at(have[parity_column[row]], missing[column]);
  Matrix inverted(e, e);
  if (e > 0) {
    int singular = gf_invert_matrix(a_missing.cells.data(), inverted.cells.data(), e);
    ATOLL_CHECK(singular == 0);
  }

  Matrix solved(e, k);
  for (int row = 0; row < e; ++row) {
    for (int i = 0; i < k; ++i) {
      if (have[i] >= k) continue;
      uint8_t sum = 0;
      for (int p = 0; p < e; ++p)
        sum ^= gf_mul(inverted.at(row, p), generator.at(have[parity_column[p]], have[i]));
      solved.at(row, i) = sum;
    }
    for (int p = 0; p < e; ++p) solved.at(row, parity_column[p]) = inverted.at(row, p);
  }
  return solved;
}

}  // namespace

Matrix recovery(const Matrix& generator, std::span<const int> have, std::span<const int> wanted) {
  const int k = generator.columns;
  ATOLL_CHECK(static_cast<int>(have.size()) == k);
  std::vector<int> column_of_data(k, kNotThere);
  for (int i = 0; i < k; ++i)
    if (have[i] < k) column_of_data[have[i]] = i;
  std::vector<int> missing;
  std::vector<int> row_of_missing(k, kNotThere);
  for (int d = 0; d < k; ++d) {
    if (column_of_data[d] != kNotThere) continue;
    row_of_missing[d] = static_cast<int>(missing.size());
    missing.push_back(d);
  }
  Matrix solved = solve_missing(generator, have, missing);

  Matrix out(static_cast<int>(wanted.size()), k);
  for (int row = 0; row < out.rows; ++row) {
    if (wanted[row] < k) {
      ATOLL_CHECK(row_of_missing[wanted[row]] != kNotThere);
      for (int i = 0; i < k; ++i) out.at(row, i) = solved.at(row_of_missing[wanted[row]], i);
      continue;
    }
    // A parity shard: its generator row with each missing data shard replaced by its solution.
    for (int d = 0; d < k; ++d) {
      uint8_t coefficient = generator.at(wanted[row], d);
      if (column_of_data[d] != kNotThere) {
        out.at(row, column_of_data[d]) ^= coefficient;
      } else {
        for (int i = 0; i < k; ++i)
          out.at(row, i) ^= gf_mul(coefficient, solved.at(row_of_missing[d], i));
      }
    }
  }
  return out;
}

std::vector<uint8_t> expand_tables(const Matrix& matrix) {
  std::vector<uint8_t> tables(matrix.cells.size() * kTableBytesPerCoefficient);
  if (matrix.cells.empty()) return tables;
  // ISA-L takes a non-const pointer and does not write through it.
  ec_init_tables(matrix.columns, matrix.rows, const_cast<uint8_t*>(matrix.cells.data()),
                 tables.data());
  return tables;
}

}  // namespace atl::ec
