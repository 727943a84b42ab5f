#include "frontend/s3/range.h"

#include <gtest/gtest.h>

namespace atl::s3 {
namespace {

constexpr auto kWhole = RangeOutcome::kWhole;
constexpr auto kPart = RangeOutcome::kPart;
constexpr auto kUnsatisfiable = RangeOutcome::kUnsatisfiable;

struct Row {
  const char* header;
  uint64_t size;
  RangeOutcome outcome;
  ByteRange range{};
};

// RFC 9110 14.1.2 and 14.2, and what the S3 API Reference says of GetObject.
TEST(Range, Table) {
  const Row rows[] = {
      {"bytes=0-499", 10'000, kPart, {0, 500}},
      {"bytes=500-999", 10'000, kPart, {500, 500}},
      {"bytes=-500", 10'000, kPart, {9500, 500}},
      {"bytes=9500-", 10'000, kPart, {9500, 500}},
      {"bytes=0-0", 10'000, kPart, {0, 1}},
      {"bytes=0-", 10'000, kPart, {0, 10'000}},
      {"bytes=9999-20000", 10'000, kPart, {9999, 1}},
      {"bytes=0-18446744073709551615", 10, kPart, {0, 10}},
      {"bytes=0-99999999999999999999999", 10, kPart, {0, 10}},
      {"bytes=-99999999999999999999999", 10, kPart, {0, 10}},
      {"bytes=-20000", 10'000, kPart, {0, 10'000}},
      {"bytes= 1-2 ", 10, kPart, {1, 2}},

      {"bytes=10000-", 10'000, kUnsatisfiable},
      {"bytes=10000-10001", 10'000, kUnsatisfiable},
      {"bytes=99999999999999999999999-", 10, kUnsatisfiable},
      {"bytes=-0", 10'000, kUnsatisfiable},
      {"bytes=0-", 0, kUnsatisfiable},
      {"bytes=0-0", 0, kUnsatisfiable},
      {"bytes=-5", 0, kUnsatisfiable},

      // Malformed, several, or of another unit: as if it were not there.
      {"", 10, kWhole},
      {"bytes", 10, kWhole},
      {"bytes=", 10, kWhole},
      {"bytes=-", 10, kWhole},
      {"bytes=5", 10, kWhole},
      {"bytes=5-2", 10, kWhole},
      {"bytes=a-b", 10, kWhole},
      {"bytes=1-2x", 10, kWhole},
      {"bytes=+1-2", 10, kWhole},
      {"bytes=1--2", 10, kWhole},
      {"bytes=--2", 10, kWhole},
      {"bytes=0-1,3-4", 10, kWhole},
      {"bytes=0-1,", 10, kWhole},
      {"Bytes=0-1", 10, kWhole},
      {"lines=0-1", 10, kWhole},
  };
  for (const Row& row : rows) {
    const RangeResult got = evaluate_range(row.header, row.size);
    EXPECT_EQ(got.outcome, row.outcome) << row.header << " of " << row.size;
    EXPECT_EQ(got.range, row.range) << row.header << " of " << row.size;
  }
}

TEST(Range, CopyRangesAreStrict) {
  EXPECT_EQ(parse_copy_range("bytes=0-9", 10), (ByteRange{0, 10}));
  EXPECT_EQ(parse_copy_range("bytes=9-9", 10), (ByteRange{9, 1}));
  for (const char* bad :
       {"bytes=0-10", "bytes=0-", "bytes=-5", "0-5", "bytes=5-4", "", "bytes=0-1,2-3"}) {
    const auto got = parse_copy_range(bad, 10);
    ASSERT_FALSE(got.has_value()) << bad;
    EXPECT_EQ(got.error().code, "InvalidArgument");
  }
}

TEST(Range, TheErrorTellsTheSize) {
  const S3Error error = invalid_range("bytes=10-", 10);
  EXPECT_EQ(error.code, "InvalidRange");
  EXPECT_EQ(error.status, 416);
  ASSERT_EQ(error.headers.size(), 1u);
  EXPECT_EQ(error.headers[0].second, "bytes */10");
}

}  // namespace
}  // namespace atl::s3
