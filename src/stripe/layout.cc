#include "stripe/layout.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/units.h"

namespace atl::stripe {
namespace {
constexpr uint32_t kBlock = kChecksumBlockSize;
}

BlockRange BlockRange::hull(BlockRange other) const {
  if (empty()) return other;
  if (other.empty()) return *this;
  return {std::min(begin, other.begin), std::max(end, other.end)};
}

Geometry Geometry::of(uint32_t data_length, cluster::Protection protection) {
  ATOLL_CHECK(protection.k >= 1 && data_length <= kMaxStripeBytes);
  Geometry out;
  out.k = protection.k;
  out.m = protection.m;
  out.data_length = data_length;
  out.shard_length = stripe::shard_length(data_length, protection.k);
  ATOLL_CHECK(uint64_t{out.shard_length} * out.k >= data_length);
  return out;
}

uint32_t Geometry::block_count() const {
  return static_cast<uint32_t>(div_ceil(shard_length, kBlock));
}

BlockRange Geometry::blocks_around(uint32_t offset, uint32_t length) const {
  ATOLL_CHECK(offset <= shard_length && length <= shard_length - offset);
  if (length == 0) return {};
  const uint64_t end = round_up(uint64_t{offset} + length, kBlock);
  return {offset / kBlock * kBlock, static_cast<uint32_t>(std::min<uint64_t>(end, shard_length))};
}

std::vector<Piece> Geometry::pieces(uint32_t offset, uint32_t length) const {
  ATOLL_CHECK(offset <= data_length && length <= data_length - offset);
  std::vector<Piece> out;
  while (length > 0) {
    Piece piece;
    piece.shard = offset / shard_length;
    piece.offset = offset % shard_length;
    piece.length = std::min(length, shard_length - piece.offset);
    ATOLL_CHECK(piece.shard < k);
    out.push_back(piece);
    offset += piece.length;
    length -= piece.length;
  }
  return out;
}

uint32_t Geometry::data_in_shard(uint32_t shard) const {
  ATOLL_CHECK(shard < k);
  const uint64_t begin = uint64_t{shard} * shard_length;
  if (begin >= data_length) return 0;
  return static_cast<uint32_t>(std::min<uint64_t>(shard_length, data_length - begin));
}

std::vector<uint32_t> padded_block_checksums(ByteSpan data, uint32_t length) {
  static constexpr std::array<uint8_t, kBlock> kZeros{};
  ATOLL_CHECK(data.size() <= length);
  std::vector<uint32_t> out;
  out.reserve(div_ceil(length, kBlock));
  for (uint32_t at = 0; at < length; at += kBlock) {
    const uint32_t size = std::min(kBlock, length - at);
    const size_t begin = std::min<size_t>(at, data.size());
    const ByteSpan have = data.subspan(begin, std::min<size_t>(size, data.size() - begin));
    const uint32_t crc = crc32c(have);
    out.push_back(have.size() == size ? crc
                                      : crc32c(ByteSpan(kZeros).first(size - have.size()), crc));
  }
  return out;
}

}  // namespace atl::stripe
