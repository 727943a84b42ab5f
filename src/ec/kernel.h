// One matrix applied to many bytes, by ISA-L, in the order that is fastest for its width.
#pragma once

#include <cstddef>
#include <cstdint>

namespace atl::ec {

// Up to this many sources go through one ec_encode_data call. With more of them the call walks more
// streams than the prefetchers follow: measured on cold data, 28+4 ranges from 1.6 to 6.8 GB/s and
// 100+4 makes 1.4-1.8, where source by source they make 4.4-6.2.
inline constexpr int kMaxSourcesInOneCall = 16;
// Column of the source-by-source order: a few outputs of it stay in the 32-48 KiB first-level
// cache.
inline constexpr size_t kColumnBytes = 8 * 1024;

// out[r] = sum over s of coefficient(r, s) * sources[s], for `length` bytes. `tables` as made by
// expand_tables for a rows x columns matrix. Outputs must not overlap sources.
void apply(int columns, int rows, const uint8_t* tables, const uint8_t* const* sources,
           uint8_t* const* out, size_t length);

}  // namespace atl::ec
