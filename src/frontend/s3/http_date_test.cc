#include "frontend/s3/http_date.h"

#include <gtest/gtest.h>

namespace atl::s3 {
namespace {

constexpr Nanos kExample = std::chrono::seconds(784'111'777);  // RFC 9110's

TEST(HttpDate, TheThreeFormsOfRfc9110) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), kExample);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), kExample);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), kExample);
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 +0000"), kExample);
  EXPECT_EQ(http_date(kExample), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(Nanos(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(HttpDate, WhatIsNoDate) {
  for (const char* text :
       {"", "now", "0", "Sun, 31 Feb 2020 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 PST", "1994-11-06T08:49:37Z",
        "Sun, 00 Nov 1994 08:49:37 GMT"})
    EXPECT_FALSE(parse_http_date(text).has_value()) << text;
}

TEST(HttpDate, FarYearsAreTheNearestThatFit) {
  EXPECT_GT(*parse_http_date("Fri, 31 Dec 9999 23:59:59 GMT"), kExample);
  EXPECT_LT(*parse_http_date("Mon, 01 Jan 0001 00:00:00 GMT"), Nanos(0));
}

TEST(HttpDate, RoundTripsOverLeapYears) {
  for (int64_t t = -2'000'000'000; t < 7'000'000'000; t += 86'399 * 97)
    EXPECT_EQ(parse_http_date(http_date(std::chrono::seconds(t))), Nanos(std::chrono::seconds(t)));
}

TEST(HttpDate, Iso8601HasMilliseconds) {
  EXPECT_EQ(iso8601_date(kExample + 7ms + 999us), "1994-11-06T08:49:37.007Z");
  EXPECT_EQ(iso8601_date(kExample), "1994-11-06T08:49:37.000Z");
}

}  // namespace
}  // namespace atl::s3
