// Systematic Reed-Solomon codes over GF(2^8): k data shards, m parity shards, any k restore all.
//
// The generator is ISA-L's Cauchy matrix (gf_gen_cauchy1_matrix; Blomer et al., "An XOR-Based
// Erasure-Resilient Coding Scheme", 1995), which is maximum-distance separable for every
// k + m <= 255; the Vandermonde one is not. It is part of the stored format: shards written with it
// must be read with it. `reference_encode` computes the same bytes with plain loops, and tests hold
// one against the other.
//
// Threads: a Code is immutable but for its cache of decode tables; use one per reactor thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace atl::ec {

inline constexpr int kMaxShards = 64;  // k + m: what the formats allow

class Code {
 public:
  // kInvalidArgument unless 1 <= k, 0 <= m, k + m <= kMaxShards. m == 0 stores no parity.
  static Result<std::unique_ptr<Code>> create(int k, int m);
  ~Code();

  int k() const;
  int m() const;

  // data: k shards, parity: m shards; all of `length` bytes, any alignment (64 is fastest). No
  // parity shard may overlap another shard.
  void encode(std::span<const uint8_t* const> data, std::span<uint8_t* const> parity,
              size_t length) const;

  // Recomputes the shards numbered `wanted` (0..k+m-1) from exactly k others. `have_index[i]` says
  // which shard have[i] is; any order. kInvalidArgument when there are not k distinct ones, or when
  // a wanted shard is out of range, named twice, or among those at hand.
  Status reconstruct(std::span<const int> have_index, std::span<const uint8_t* const> have,
                     std::span<const int> wanted, std::span<uint8_t* const> out,
                     size_t length) const;

  // How reconstruct found its tables: for tests and benchmarks.
  struct DecodeCacheUse {
    uint64_t hits;
    uint64_t misses;
    size_t entries;
  };
  DecodeCacheUse decode_cache_use() const;

 private:
  struct Impl;
  explicit Code(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Plain table-free GF(2^8) arithmetic over the same matrix (polynomial 0x11d).
void reference_encode(int k, int m, std::span<const uint8_t* const> data,
                      std::span<uint8_t* const> parity, size_t length);

}  // namespace atl::ec
