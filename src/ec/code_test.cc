// Faults here: every loss a small code must survive, random losses of wide ones, odd lengths,
// unaligned buffers, and arguments that make no sense.

#include "ec/code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "base/crc.h"
#include "ec/decode_cache.h"

namespace atl::ec {
namespace {

// A stripe in memory; every shard starts `misalign` bytes past an aligned address and is followed
// by guard bytes that nobody may write.
class Stripe {
 public:
  static constexpr size_t kGuard = 64;
  static constexpr uint8_t kGuardByte = 0xA5;

  Stripe(int k, int m, size_t length, size_t misalign, uint64_t seed)
      : k_(k), m_(m), length_(length) {
    std::mt19937_64 random(seed);
    for (int s = 0; s < k + m; ++s) {
      Buf buf = Buf::allocate(misalign + length + kGuard);
      std::memset(buf.mutable_data(), kGuardByte, buf.size());
      uint8_t* shard = buf.mutable_data() + misalign;
      if (s < k)
        for (size_t i = 0; i < length; ++i) shard[i] = static_cast<uint8_t>(random());
      storage_.push_back(std::move(buf));
      shards_.push_back(shard);
    }
  }

  std::vector<const uint8_t*> data() const { return {shards_.begin(), shards_.begin() + k_}; }
  std::vector<uint8_t*> parity() const { return {shards_.begin() + k_, shards_.end()}; }
  uint8_t* shard(int i) const { return shards_[i]; }
  ByteSpan bytes(int i) const { return {shards_[i], length_}; }
  bool guards_hold() const {
    for (uint8_t* shard : shards_)
      for (size_t i = 0; i < kGuard; ++i)
        if (shard[length_ + i] != kGuardByte) return false;
    return true;
  }

  // Reconstructs `wanted` from `have` and compares with the shards of this stripe.
  testing::AssertionResult restores(const Code& code, std::vector<int> have,
                                    std::vector<int> wanted) const {
    std::vector<const uint8_t*> in;
    for (int i : have) in.push_back(shards_[i]);
    std::vector<std::vector<uint8_t>> out(wanted.size(), std::vector<uint8_t>(length_ + 1, 0x5A));
    std::vector<uint8_t*> out_pointers;
    for (auto& o : out) out_pointers.push_back(o.data());
    Status status = code.reconstruct(have, in, wanted, out_pointers, length_);
    if (!status) return testing::AssertionFailure() << status.error().to_string();
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (std::memcmp(out[i].data(), shards_[wanted[i]], length_) != 0)
        return testing::AssertionFailure() << "shard " << wanted[i] << " differs";
      if (out[i][length_] != 0x5A)
        return testing::AssertionFailure() << "shard " << wanted[i] << " written past its end";
    }
    return testing::AssertionSuccess();
  }

 private:
  int k_;
  int m_;
  size_t length_;
  std::vector<Buf> storage_;
  std::vector<uint8_t*> shards_;
};

std::unique_ptr<Code> make(int k, int m) {
  auto code = Code::create(k, m);
  EXPECT_TRUE(code.has_value());
  return std::move(*code);
}

TEST(EcCode, EncodesAsTheReferenceForManyShapesAndLengths) {
  const std::pair<int, int> shapes[] = {{1, 0},  {1, 1},   {1, 3},  {2, 1},  {3, 2},  {4, 2},
                                        {6, 2},  {8, 3},   {10, 4}, {12, 4}, {16, 4}, {17, 3},
                                        {28, 4}, {32, 32}, {1, 63}, {63, 1}, {60, 4}, {64, 0}};
  const size_t lengths[] = {1, 2, 31, 32, 33, 63, 64, 65, 127, 1000, 4096, 8191, 8192, 8193, 20001};
  uint64_t seed = 1;
  for (auto [k, m] : shapes) {
    auto code = make(k, m);
    for (size_t length : lengths) {
      if (length > 4096 && k * m > 200) continue;  // the reference is slow
      for (size_t misalign : {0, 1, 13}) {
        Stripe stripe(k, m, length, misalign, seed++);
        code->encode(stripe.data(), stripe.parity(), length);
        EXPECT_TRUE(stripe.guards_hold()) << k << "+" << m << " length " << length;
        std::vector<std::vector<uint8_t>> plain(m, std::vector<uint8_t>(length));
        std::vector<uint8_t*> plain_pointers;
        for (auto& p : plain) plain_pointers.push_back(p.data());
        reference_encode(k, m, stripe.data(), plain_pointers, length);
        for (int p = 0; p < m; ++p)
          ASSERT_EQ(std::memcmp(plain[p].data(), stripe.shard(k + p), length), 0)
              << k << "+" << m << " length " << length << " misalign " << misalign;
      }
    }
  }
}

TEST(EcCode, ParityIsPartOfTheStoredFormat) {
  // Bytes 0, 1, 2, ... in 6 shards of 4 bytes. These two shards are on disks: they may never
  // change.
  Stripe stripe(6, 2, 4, 0, 0);
  for (int s = 0; s < 6; ++s)
    for (int i = 0; i < 4; ++i) stripe.shard(s)[i] = static_cast<uint8_t>(4 * s + i);
  make(6, 2)->encode(stripe.data(), stripe.parity(), 4);
  EXPECT_EQ(to_hex(stripe.bytes(6)), "237997cd");
  EXPECT_EQ(to_hex(stripe.bytes(7)), "560ce2b8");
}

TEST(EcCode, SurvivesEveryLossOfSmallCodes) {
  for (auto [k, m] : {std::pair{1, 1}, {2, 1}, {3, 2}, {4, 2}, {6, 2}, {4, 4}}) {
    auto code = make(k, m);
    Stripe stripe(k, m, 777, 3, 42);
    code->encode(stripe.data(), stripe.parity(), 777);
    int losses = 0;
    for (uint32_t lost = 1; lost < 1u << (k + m); ++lost) {
      if (std::popcount(lost) > m) continue;
      std::vector<int> present;
      std::vector<int> wanted;
      for (int s = 0; s < k + m; ++s) (lost >> s & 1 ? wanted : present).push_back(s);
      present.resize(k);
      ASSERT_TRUE(stripe.restores(*code, present, wanted)) << k << "+" << m << " lost " << lost;
      ++losses;
    }
    if (k == 6) {
      EXPECT_EQ(losses, 8 + 28);
    }
  }
}

TEST(EcCode, AnyKOfSixPlusTwoRestoreEachOther) {
  auto code = make(6, 2);
  Stripe stripe(6, 2, 4096, 0, 7);
  code->encode(stripe.data(), stripe.parity(), 4096);
  for (uint32_t chosen = 0; chosen < 256; ++chosen) {
    if (std::popcount(chosen) != 6) continue;
    std::vector<int> have;
    for (int s = 0; s < 8; ++s)
      if (chosen >> s & 1) have.push_back(s);
    for (int s = 0; s < 8; ++s)
      if (!(chosen >> s & 1)) {
        ASSERT_TRUE(stripe.restores(*code, have, {s}));
      }
  }
}

TEST(EcCode, SurvivesRandomLossesOfWideCodes) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 200; ++round) {
    int shards = std::uniform_int_distribution(2, kMaxShards)(random);
    int k = std::uniform_int_distribution(1, shards)(random);
    int m = shards - k;
    size_t length = std::uniform_int_distribution<size_t>(1, 20'000)(random);
    auto code = make(k, m);
    Stripe stripe(k, m, length, random() % 64, round);
    code->encode(stripe.data(), stripe.parity(), length);
    std::vector<int> order(shards);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    // In random order on purpose: the caller need not sort.
    std::vector<int> have(order.begin(), order.begin() + k);
    std::vector<int> wanted(order.begin() + k, order.end());
    wanted.resize(random() % (wanted.size() + 1));
    ASSERT_TRUE(stripe.restores(*code, have, wanted)) << k << "+" << m << " round " << round;
  }
}

TEST(EcCode, DecodeTablesAreKeptAndBounded) {
  auto code = make(6, 2);
  Stripe stripe(6, 2, 100, 0, 1);
  code->encode(stripe.data(), stripe.parity(), 100);
  ASSERT_TRUE(stripe.restores(*code, {0, 1, 2, 3, 4, 6}, {5, 7}));
  ASSERT_TRUE(stripe.restores(*code, {6, 4, 3, 2, 1, 0}, {7, 5}));  // the same, in another order
  EXPECT_EQ(code->decode_cache_use().hits, 1u);
  EXPECT_EQ(code->decode_cache_use().misses, 1u);

  DecodeCache cache;
  for (uint64_t i = 1; i <= 1000; ++i) {
    cache.insert({i, 0}, std::vector<uint8_t>(100'000, static_cast<uint8_t>(i)));
    ASSERT_LE(cache.bytes(), DecodeCache::kMaxBytes);
    if (i == 1) continue;
    ASSERT_NE(cache.find({i - 1, 0}), nullptr);
    ASSERT_EQ(cache.find({i - 1, 0})->front(), static_cast<uint8_t>(i - 1));
  }
  EXPECT_EQ(cache.entries(), 10u);
  EXPECT_EQ(cache.find({5, 0}), nullptr);
}

TEST(EcCode, EveryErasurePatternIsComputedOnceWhileItFits) {
  auto code = make(6, 2);
  Stripe stripe(6, 2, 10, 0, 1);
  code->encode(stripe.data(), stripe.parity(), 10);
  for (int round = 0; round < 3; ++round)
    for (int a = 0; a < 8; ++a)
      for (int b = a + 1; b < 8; ++b) {
        std::vector<int> have;
        for (int s = 0; s < 8; ++s)
          if (s != a && s != b) have.push_back(s);
        ASSERT_TRUE(stripe.restores(*code, have, {a, b}));
      }
  EXPECT_EQ(code->decode_cache_use().misses, 28u);
  EXPECT_EQ(code->decode_cache_use().hits, 56u);
}

TEST(EcCode, RefusesShapesThatMakeNoSense) {
  for (auto [k, m] : {std::pair{0, 0},
                      {0, 2},
                      {-1, 2},
                      {1, -1},
                      {63, 2},
                      {65, 0},
                      {1, 64},
                      {INT_MAX, INT_MAX},
                      {INT_MIN, INT_MIN},
                      {1, INT_MAX}}) {
    auto code = Code::create(k, m);
    ASSERT_FALSE(code.has_value()) << k << "+" << m;
    EXPECT_EQ(code.error().code, Errc::kInvalidArgument);
  }
}

TEST(EcCode, RefusesToReconstructFromTheWrongShards) {
  auto code = make(3, 2);
  uint8_t shards[5][8] = {};
  uint8_t restored[3][8];
  std::memset(restored, 0x77, sizeof restored);
  auto refused = [&](std::vector<int> have, std::vector<int> wanted) {
    std::vector<const uint8_t*> in;
    for (size_t i = 0; i < have.size(); ++i) in.push_back(shards[i % 5]);
    std::vector<uint8_t*> out;
    for (size_t i = 0; i < wanted.size(); ++i) out.push_back(restored[i % 3]);
    Status status = code->reconstruct(have, in, wanted, out, 8);
    return !status && status.error().code == Errc::kInvalidArgument;
  };
  EXPECT_TRUE(refused({0, 1}, {2}));        // too few
  EXPECT_TRUE(refused({0, 1, 3, 4}, {2}));  // too many
  EXPECT_TRUE(refused({0, 1, 1}, {2}));     // not distinct
  EXPECT_TRUE(refused({0, 1, 5}, {2}));     // no such shard
  EXPECT_TRUE(refused({0, -1, 3}, {2}));    // no such shard
  EXPECT_TRUE(refused({0, 1, 3}, {5}));     // nothing to want
  EXPECT_TRUE(refused({0, 1, 3}, {-1}));    // nothing to want
  EXPECT_TRUE(refused({0, 1, 3}, {2, 2}));  // wanted twice
  EXPECT_TRUE(refused({0, 1, 3}, {2, 3}));  // already there
  EXPECT_EQ(restored[0][0], 0x77);          // nothing was written
  const uint8_t* in[] = {shards[0], shards[1], shards[3]};
  const int have[] = {0, 1, 3};
  EXPECT_TRUE(code->reconstruct(have, in, {}, {}, 8).has_value());  // nothing wanted, nothing done
}

}  // namespace
}  // namespace atl::ec
