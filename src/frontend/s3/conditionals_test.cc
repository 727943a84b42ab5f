#include "frontend/s3/conditionals.h"

#include <gtest/gtest.h>

namespace atl::s3 {
namespace {

constexpr const char* kEtag = "9b2cf535f27731c974343645a3985328";
constexpr const char* kSame = "\"9b2cf535f27731c974343645a3985328\"";
constexpr const char* kOther = "\"00000000000000000000000000000000\"";
// The object was changed at 12:00:00.5.
constexpr Nanos kMtime = std::chrono::seconds(1'700'000'000) + 500ms;
constexpr const char* kAtMtime = "Tue, 14 Nov 2023 22:13:20 GMT";
constexpr const char* kBefore = "Tue, 14 Nov 2023 22:13:19 GMT";
constexpr const char* kAfter = "Tue, 14 Nov 2023 22:13:21 GMT";

constexpr auto kHolds = Precondition::kHolds;
constexpr auto kNotModified = Precondition::kNotModified;
constexpr auto kFailed = Precondition::kFailed;

struct Row {
  const char* if_match;
  const char* if_unmodified_since;
  const char* if_none_match;
  const char* if_modified_since;
  Precondition expected;
};

TEST(Conditionals, PrecedenceTable) {
  const Row rows[] = {
      {nullptr, nullptr, nullptr, nullptr, kHolds},
      {kSame, nullptr, nullptr, nullptr, kHolds},
      {"*", nullptr, nullptr, nullptr, kHolds},
      {kOther, nullptr, nullptr, nullptr, kFailed},
      {nullptr, kBefore, nullptr, nullptr, kFailed},
      {nullptr, kAtMtime, nullptr, nullptr, kHolds},
      {nullptr, kAfter, nullptr, nullptr, kHolds},
      {nullptr, "yesterday", nullptr, nullptr, kHolds},
      {nullptr, nullptr, kSame, nullptr, kNotModified},
      {nullptr, nullptr, "*", nullptr, kNotModified},
      {nullptr, nullptr, kOther, nullptr, kHolds},
      {nullptr, nullptr, nullptr, kBefore, kHolds},
      {nullptr, nullptr, nullptr, kAtMtime, kNotModified},
      {nullptr, nullptr, nullptr, kAfter, kNotModified},
      {nullptr, nullptr, nullptr, "yesterday", kHolds},
      // "If-Match true and If-Unmodified-Since false: 200 OK"
      {kSame, kBefore, nullptr, nullptr, kHolds},
      {kOther, kAfter, nullptr, nullptr, kFailed},
      // "If-None-Match false and If-Modified-Since true: 304"
      {nullptr, nullptr, kSame, kBefore, kNotModified},
      {nullptr, nullptr, kOther, kAfter, kHolds},
      // The first pair decides first.
      {kOther, nullptr, kSame, nullptr, kFailed},
      {kSame, nullptr, kSame, nullptr, kNotModified},
  };
  int i = 0;
  for (const Row& row : rows) {
    Headers headers;
    if (row.if_match) headers.add("If-Match", row.if_match);
    if (row.if_unmodified_since) headers.add("If-Unmodified-Since", row.if_unmodified_since);
    if (row.if_none_match) headers.add("If-None-Match", row.if_none_match);
    if (row.if_modified_since) headers.add("If-Modified-Since", row.if_modified_since);
    EXPECT_EQ(evaluate(parse_read_conditions(headers, ""), kEtag, kMtime), row.expected)
        << "row " << i;
    ++i;
  }
}

TEST(Conditionals, CopySourceHasItsOwnHeaders) {
  Headers headers;
  headers.add("If-Match", kOther);
  headers.add("x-amz-copy-source-if-match", kSame);
  EXPECT_EQ(evaluate(parse_read_conditions(headers, "x-amz-copy-source-"), kEtag, kMtime), kHolds);
  EXPECT_EQ(evaluate(parse_read_conditions(headers, ""), kEtag, kMtime), kFailed);
}

TEST(Conditionals, EtagLists) {
  EXPECT_TRUE(etag_list_matches("\"a\"", "a"));
  EXPECT_TRUE(etag_list_matches("a", "a")) << "bare, as many S3 clients send it";
  EXPECT_TRUE(etag_list_matches("\"x\", \"a\"", "a"));
  EXPECT_TRUE(etag_list_matches("\"x\" ,W/\"a\",\"y\"", "a"));
  EXPECT_TRUE(etag_list_matches("\"x,y\",\"a\"", "a"));
  EXPECT_TRUE(etag_list_matches("\"x,y\"", "x,y"));
  EXPECT_TRUE(etag_list_matches(" * ", "a"));
  EXPECT_FALSE(etag_list_matches("", "a"));
  EXPECT_FALSE(etag_list_matches("\"aa\"", "a"));
  EXPECT_FALSE(etag_list_matches("\"x,a\"", "a"));
  EXPECT_FALSE(etag_list_matches(",,,", "a"));
  EXPECT_FALSE(etag_list_matches("\"a", "a"));
}

TEST(Conditionals, IfRange) {
  const auto holds = [](const char* value) {
    Headers headers;
    headers.add("If-Range", value);
    return if_range_holds(headers, kEtag, kMtime);
  };
  EXPECT_TRUE(if_range_holds(Headers(), kEtag, kMtime));
  EXPECT_TRUE(holds(kSame));
  EXPECT_TRUE(holds(kAtMtime));
  EXPECT_FALSE(holds(kOther));
  EXPECT_FALSE(holds(kBefore));
  EXPECT_FALSE(holds((std::string("W/") + kSame).c_str()));
}

TEST(Conditionals, Writes) {
  const auto parse = [](const char* name, const char* value) {
    Headers headers;
    headers.add(name, value);
    return parse_write_conditions(headers);
  };
  EXPECT_EQ(parse("If-Match", kSame)->if_match, kEtag);
  EXPECT_EQ(parse("If-None-Match", "*")->if_none_match, "*");
  EXPECT_EQ(parse("If-None-Match", kSame).error().code, "NotImplemented");
  EXPECT_EQ(parse("If-Unmodified-Since", kAfter).error().code, "NotImplemented");
  EXPECT_EQ(parse("If-Match", "\"a\",\"b\"").error().code, "InvalidArgument");
  EXPECT_FALSE(parse("X-Other", "1")->if_match.has_value());
}

}  // namespace
}  // namespace atl::s3
