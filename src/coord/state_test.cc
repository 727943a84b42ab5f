// The state as a value and its bytes: limits, order, and what the decoder must refuse.

#include "coord/state.h"

#include <gtest/gtest.h>

#include "coord/snapshot.h"
#include "env/random.h"

namespace atl::coord {
namespace {

Errc code_of(const Result<uint64_t>& result) {
  return result ? Errc{} : result.error().code;
}

std::string encoded(const State& state) {
  Encoder out;
  state.encode(&out);
  return out.take();
}

TEST(CoordState, PutIsCompareAndSwap) {
  State state;
  EXPECT_EQ(code_of(state.put("k", 1, "v")), Errc::kConflict);
  EXPECT_EQ(state.put("k", 0, "v1").value(), 1u);
  EXPECT_EQ(code_of(state.put("k", 0, "v2")), Errc::kConflict);
  EXPECT_EQ(state.put("k", 1, "v2").value(), 2u);
  EXPECT_EQ(*state.entries().at("k").value, "v2");
  EXPECT_EQ(code_of(state.erase("k", 1)), Errc::kConflict);
  EXPECT_EQ(code_of(state.erase("other", 1)), Errc::kNotFound);
  EXPECT_EQ(state.erase("k", 2).value(), 3u);
  EXPECT_EQ(state.bytes(), 0u);
  EXPECT_EQ(state.put("k", 0, "v3").value(), 4u);  // versions are never used again
}

TEST(CoordState, LimitsAreExact) {
  State state;
  EXPECT_EQ(code_of(state.put("", 0, "v")), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(state.put(std::string(kMaxKeyBytes + 1, 'k'), 0, "v")), Errc::kTooLarge);
  EXPECT_EQ(code_of(state.put("k", 0, std::string(kMaxValueBytes + 1, 'v'))), Errc::kTooLarge);
  EXPECT_TRUE(state.put(std::string(kMaxKeyBytes, 'k'), 0, std::string(kMaxValueBytes, 'v')));
  EXPECT_EQ(state.revision(), 1u);
}

TEST(CoordState, FullIsNoSpaceAndErasingMakesRoom) {
  State state;
  int puts = 0;
  while (state.put(fmt::format("key{}", puts), 0, std::string(100'000, 'v'))) ++puts;
  EXPECT_EQ(puts, 41);
  size_t bytes = state.bytes();
  EXPECT_EQ(code_of(state.put("one more", 0, std::string(100'000, 'v'))), Errc::kNoSpace);
  EXPECT_EQ(state.bytes(), bytes);
  // A smaller value in place of a larger one always fits, and the exact remainder does.
  uint64_t version = state.put("key0", 1, "small").value();
  size_t room = kMaxStateBytes - state.bytes();
  size_t old_size = 5;
  EXPECT_EQ(code_of(state.put("key0", version, std::string(room + old_size + 1, 'x'))),
            Errc::kNoSpace);
  EXPECT_TRUE(state.put("key0", version, std::string(room + old_size, 'x')));
  EXPECT_EQ(state.bytes(), kMaxStateBytes);
  // The fullest state fits its slot with the longest copy names.
  SnapshotHeader header;
  std::vector<std::string> names(kMaxCopies, std::string(kMaxCopyNameBytes, 'n'));
  EXPECT_LE(encode_body(names, state, &header).size(), kMaxBodyBytes);
  EXPECT_TRUE(state.erase("key1", state.entries().at("key1").version));
  EXPECT_TRUE(state.put("one more", 0, std::string(90'000, 'v')));
}

TEST(CoordState, ManySmallEntriesFitTheirSlotToo) {
  State state;
  int n = 0;
  while (state.put(fmt::format("{:x}", n), 0, "")) ++n;
  EXPECT_GT(n, 100'000);
  EXPECT_LE(encoded(state).size(), kMaxStateBytes);
  std::string bytes = encoded(state);
  Decoder in(bytes);
  auto back = State::decode(&in);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->bytes(), state.bytes());
}

TEST(CoordState, LeasesAreBounded) {
  State state;
  for (size_t i = 0; i < kMaxLeases; ++i)
    ASSERT_TRUE(state.set_lease(fmt::format("lease{}", i), "holder", 1s));
  EXPECT_EQ(code_of(state.set_lease("one more", "holder", 1s)), Errc::kNoSpace);
  EXPECT_TRUE(state.set_lease("lease0", "another", 2s));
  state.drop_lease("lease1");
  EXPECT_TRUE(state.set_lease("one more", "holder", 1s));
  EXPECT_TRUE(check_lease("l", "h", kMaxWait));
  EXPECT_FALSE(check_lease("l", "h", Nanos(0)));
  EXPECT_FALSE(check_lease("l", "h", kMaxWait + Nanos(1)));
  EXPECT_FALSE(check_lease("", "h", 1s));
  EXPECT_FALSE(check_lease("l", "", 1s));
}

State some_state() {
  State state;
  EXPECT_TRUE(state.put("map", 0, "m1"));
  EXPECT_TRUE(state.put("journal/1", 0, std::string("\0\xff", 2)));
  EXPECT_TRUE(state.put("journal/2", 0, ""));
  EXPECT_TRUE(state.erase("journal/2", 3));
  EXPECT_TRUE(state.put("map", 1, "m2"));
  EXPECT_TRUE(state.set_lease("owner/1", "node-7", 10s));
  return state;
}

TEST(CoordState, ComesBackAsItWasEncoded) {
  State state = some_state();
  std::string bytes = encoded(state);
  Decoder in(bytes);
  auto back = State::decode(&in);
  ASSERT_TRUE(back.has_value());
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(encoded(*back), bytes);
  EXPECT_EQ(back->revision(), 6u);
  EXPECT_EQ(back->bytes(), state.bytes());
  EXPECT_EQ(back->entries().at("map").version, 5u);
  EXPECT_EQ(back->leases().at("owner/1").time_to_live, 10s);
}

TEST(CoordState, EveryTruncationIsRefused) {
  std::string bytes = encoded(some_state());
  for (size_t length = 0; length < bytes.size(); ++length) {
    Decoder in(std::string_view(bytes).substr(0, length));
    EXPECT_FALSE(State::decode(&in).has_value()) << length;
  }
}

TEST(CoordState, RefusesWhatItWouldNeverWrite) {
  auto refused = [](Encoder& out) {
    Decoder in(out.view());
    auto state = State::decode(&in);
    return !state && state.error().code == Errc::kCorrupt;
  };
  Encoder unsorted;
  unsorted.varint(2).varint(2).str("b").varint(1).str("").str("a").varint(2).str("").varint(0);
  EXPECT_TRUE(refused(unsorted));
  Encoder twice;
  twice.varint(2).varint(2).str("a").varint(1).str("").str("a").varint(2).str("").varint(0);
  EXPECT_TRUE(refused(twice));
  Encoder version_zero;
  version_zero.varint(2).varint(1).str("a").varint(0).str("").varint(0);
  EXPECT_TRUE(refused(version_zero));
  Encoder version_ahead;
  version_ahead.varint(2).varint(1).str("a").varint(3).str("").varint(0);
  EXPECT_TRUE(refused(version_ahead));
  Encoder empty_key;
  empty_key.varint(2).varint(1).str("").varint(1).str("").varint(0);
  EXPECT_TRUE(refused(empty_key));
  Encoder endless_lease;
  endless_lease.varint(2).varint(0).varint(1).str("l").str("h").varint(0).varint(1);
  EXPECT_TRUE(refused(endless_lease));
  Encoder huge_count;
  huge_count.varint(2).varint(UINT64_MAX);
  EXPECT_TRUE(refused(huge_count));
  Encoder fine;
  fine.varint(2).varint(2).str("a").varint(1).str("").str("b").varint(2).str("").varint(0);
  EXPECT_FALSE(refused(fine));
}

TEST(CoordState, AgreesWithAPlainMapOverRandomChanges) {
  env::Random random(11);
  State state;
  std::map<std::string, std::pair<std::string, uint64_t>> model;
  for (int step = 0; step < 20'000; ++step) {
    std::string key = fmt::format("k{}", random.below(40));
    uint64_t version = model.contains(key) ? model[key].second : 0;
    uint64_t expected = random.below(4) == 0 ? random.below(step + 1) : version;
    if (random.below(3) == 0) {
      auto erased = state.erase(key, expected);
      ASSERT_EQ(erased.has_value(), version != 0 && expected == version);
      if (erased) model.erase(key);
    } else {
      std::string value(random.below(30), static_cast<char>('a' + step % 26));
      auto put = state.put(key, expected, value);
      ASSERT_EQ(put.has_value(), expected == version);
      if (put) model[key] = {value, *put};
    }
    ASSERT_EQ(state.entries().size(), model.size());
  }
  size_t bytes = 0;
  for (const auto& [key, value] : model) {
    EXPECT_EQ(*state.entries().at(key).value, value.first);
    EXPECT_EQ(state.entries().at(key).version, value.second);
    bytes += key.size() + value.first.size() + State::kOverheadBytes;
  }
  EXPECT_EQ(state.bytes(), bytes);
}

}  // namespace
}  // namespace atl::coord
