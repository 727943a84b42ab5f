// Where the bytes of a stripe are: pure arithmetic, the drawing in stripe.h in code.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/crc.h"
#include "cluster/cluster_map.h"
#include "stripe/stripe.h"

namespace atl::stripe {

// Bytes [begin, end) of a shard. Checksums cover whole blocks, so a range that is read begins and
// ends at block borders (or at the end of the shard).
struct BlockRange {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t length() const { return end - begin; }
  bool empty() const { return begin == end; }
  bool covers(BlockRange other) const { return begin <= other.begin && other.end <= end; }
  // The smallest range that covers both.
  BlockRange hull(BlockRange other) const;
  bool operator==(const BlockRange&) const = default;
};

// A run of a stripe's bytes that lies in one shard.
struct Piece {
  uint32_t shard = 0;   // 0 .. k-1
  uint32_t offset = 0;  // within the shard
  uint32_t length = 0;
  bool operator==(const Piece&) const = default;
};

struct Geometry {
  uint32_t k = 0;
  uint32_t m = 0;
  uint32_t data_length = 0;
  uint32_t shard_length = 0;

  static Geometry of(uint32_t data_length, cluster::Protection protection);
  uint32_t width() const { return k + m; }
  uint32_t block_count() const;
  BlockRange whole_shard() const { return {0, shard_length}; }
  // The blocks that hold [offset, offset + length) of a shard.
  BlockRange blocks_around(uint32_t offset, uint32_t length) const;
  // The pieces of bytes [offset, offset + length) of the stripe, in order.
  std::vector<Piece> pieces(uint32_t offset, uint32_t length) const;
  // How many of a data shard's bytes are data; the rest is padding of zeros.
  uint32_t data_in_shard(uint32_t shard) const;
};

// The block checksums of `data` followed by zeros up to `length`, without making that copy.
std::vector<uint32_t> padded_block_checksums(ByteSpan data, uint32_t length);

}  // namespace atl::stripe
