#include "ec/kernel.h"

#include <isa-l/erasure_code.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "ec/code.h"

namespace atl::ec {
namespace {

// ISA-L counts bytes in an int; a longer shard goes in several calls. A multiple of 64.
constexpr size_t kMaxBytesInOneCall = size_t{1} << 30;

using Pointers = std::array<uint8_t*, kMaxShards>;

// ISA-L takes mutable pointers to what it only reads.
uint8_t* unconst(const uint8_t* p) {
  return const_cast<uint8_t*>(p);
}

void apply_at_once(int columns, int rows, uint8_t* tables, const uint8_t* const* sources,
                   uint8_t* const* out, size_t offset, size_t length) {
  Pointers in_at;
  Pointers out_at;
  for (int s = 0; s < columns; ++s) in_at[s] = unconst(sources[s]) + offset;
  for (int r = 0; r < rows; ++r) out_at[r] = out[r] + offset;
  ec_encode_data(static_cast<int>(length), columns, rows, tables, in_at.data(), out_at.data());
}

void apply_source_by_source(int columns, int rows, uint8_t* tables, const uint8_t* const* sources,
                            uint8_t* const* out, size_t length) {
  Pointers out_at;
  for (size_t offset = 0; offset < length; offset += kColumnBytes) {
    size_t n = std::min(kColumnBytes, length - offset);
    for (int r = 0; r < rows; ++r) {
      out_at[r] = out[r] + offset;
      std::memset(out_at[r], 0, n);
    }
    for (int s = 0; s < columns; ++s)
      ec_encode_data_update(static_cast<int>(n), columns, rows, s, tables,
                            unconst(sources[s]) + offset, out_at.data());
  }
}

}  // namespace

void apply(int columns, int rows, const uint8_t* tables, const uint8_t* const* sources,
           uint8_t* const* out, size_t length) {
  ATOLL_CHECK(columns >= 1 && columns <= kMaxShards);
  ATOLL_CHECK(rows >= 0 && rows <= kMaxShards);
  if (rows == 0 || length == 0) return;
  uint8_t* mutable_tables = unconst(tables);
  if (columns > kMaxSourcesInOneCall) {
    apply_source_by_source(columns, rows, mutable_tables, sources, out, length);
    return;
  }
  for (size_t offset = 0; offset < length; offset += kMaxBytesInOneCall) {
    size_t n = std::min(kMaxBytesInOneCall, length - offset);
    apply_at_once(columns, rows, mutable_tables, sources, out, offset, n);
  }
}

}  // namespace atl::ec
