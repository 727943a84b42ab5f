#include "stripe/layout.h"

#include <gtest/gtest.h>

#include "stripe/encode.h"

namespace atl::stripe {
namespace {

TEST(Layout, TheExampleOfTheHeader) {
  const Geometry g = Geometry::of(300 * 1024, {6, 2});
  EXPECT_EQ(g.shard_length, 51'200u);
  EXPECT_EQ(g.block_count(), 4u);
  EXPECT_EQ(g.data_in_shard(5), 51'200u);
}

TEST(Layout, ShardsAreAsShortAsAlignmentAllows) {
  EXPECT_EQ(shard_length(1, 6), 64u);
  EXPECT_EQ(shard_length(6 * 64, 6), 64u);
  EXPECT_EQ(shard_length(6 * 64 + 1, 6), 128u);
  EXPECT_EQ(shard_length(6u << 20, 6), kFullShardBytes);
  for (uint32_t k = 1; k <= 64; ++k)
    for (const uint32_t n : {1u, 63u, 64u, 65u, 4095u, 65'536u, 1'000'003u, kMaxStripeBytes}) {
      const uint32_t length = shard_length(n, k);
      EXPECT_EQ(length % 64, 0u);
      EXPECT_GE(uint64_t{length} * k, n);
      EXPECT_LT(uint64_t{length - 64} * k, n) << "64 bytes less a shard would not hold it";
    }
}

TEST(Layout, PiecesCoverTheRangeOnceInOrder) {
  const Geometry g = Geometry::of(1000, {3, 2});  // shards of 384: 384 + 384 + 232
  EXPECT_EQ(g.pieces(0, 1000), (std::vector<Piece>{{0, 0, 384}, {1, 0, 384}, {2, 0, 232}}));
  EXPECT_EQ(g.pieces(383, 2), (std::vector<Piece>{{0, 383, 1}, {1, 0, 1}}));
  EXPECT_EQ(g.pieces(384, 1), (std::vector<Piece>{{1, 0, 1}}));
  EXPECT_EQ(g.pieces(999, 1), (std::vector<Piece>{{2, 231, 1}}));
  EXPECT_TRUE(g.pieces(1000, 0).empty());
}

TEST(Layout, SmallStripesLeaveShardsOfPadding) {
  const Geometry g = Geometry::of(65, {6, 2});
  EXPECT_EQ(g.shard_length, 64u);
  EXPECT_EQ(g.data_in_shard(0), 64u);
  EXPECT_EQ(g.data_in_shard(1), 1u);
  EXPECT_EQ(g.data_in_shard(2), 0u);
}

TEST(Layout, BlocksAround) {
  const Geometry g = Geometry::of(6 * 40'000, {6, 2});
  ASSERT_EQ(g.shard_length, 40'000u);
  EXPECT_EQ(g.blocks_around(0, 1), (BlockRange{0, 16'384}));
  EXPECT_EQ(g.blocks_around(16'383, 2), (BlockRange{0, 32'768}));
  EXPECT_EQ(g.blocks_around(32'768, 7'232), (BlockRange{32'768, 40'000})) << "the last is short";
  EXPECT_TRUE(g.blocks_around(5, 0).empty());
}

TEST(BlockRange, HullAndCovers) {
  const BlockRange a{0, 10}, b{20, 30};
  EXPECT_EQ(a.hull(b), (BlockRange{0, 30}));
  EXPECT_EQ(BlockRange().hull(b), b);
  EXPECT_EQ(b.hull(BlockRange()), b);
  EXPECT_TRUE(a.hull(b).covers(a));
  EXPECT_FALSE(a.covers(b));
}

TEST(PaddedChecksums, EqualThoseOfThePaddedBytes) {
  for (const size_t have : {0u, 1u, 16'383u, 16'384u, 16'385u, 40'000u}) {
    std::string data(have, 'x');
    std::string padded = data;
    padded.resize(40'000, '\0');
    EXPECT_EQ(padded_block_checksums(as_bytes(data), 40'000), block_checksums(as_bytes(padded)))
        << have;
  }
}

TEST(EncodeShards, WholeShardsAreNotCopied) {
  auto code = ec::Code::create(3, 2).value();
  Buf data = Buf::allocate(1000);
  for (size_t i = 0; i < data.size(); ++i) data.mutable_data()[i] = static_cast<uint8_t>(i * 7);
  const Geometry g = Geometry::of(1000, {3, 2});
  const auto shards = encode_shards(*code, g, data);
  ASSERT_EQ(shards.size(), 5u);
  EXPECT_EQ(shards[0].bufs[0].data(), data.data());
  EXPECT_EQ(shards[1].bufs[0].data(), data.data() + 384);
  EXPECT_NE(shards[2].bufs[0].data(), data.data() + 768) << "the padded one is";
  std::string joined;
  for (int i = 0; i < 3; ++i) joined += shards[i].bufs[0].view();
  EXPECT_EQ(joined.substr(0, 1000), data.view());
  EXPECT_EQ(joined.find_first_not_of('\0', 1000), std::string::npos);
  for (const auto& shard : shards) {
    EXPECT_EQ(shard.length, 384u);
    EXPECT_EQ(shard.block_crcs, block_checksums(shard.bufs[0].span()));
  }
}

}  // namespace
}  // namespace atl::stripe
