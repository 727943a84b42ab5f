// ListObjects V1 and V2.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "frontend/s3/test_service.h"
#include "frontend/s3/text.h"

namespace atl::s3 {
namespace {

using Names = std::vector<std::string>;

class ServiceList : public ::testing::Test {
 protected:
  ServiceList() { s3.put("/bucket"); }
  void store(const Names& keys) {
    for (const std::string& key : keys)
      ASSERT_EQ(s3.put("/bucket/" + percent_encode(key, true), "x").status, 200) << key;
  }

  // Keys and common prefixes as a client sees them, page by page.
  Names all_v2(const std::string& query, uint32_t max_keys) {
    Names out;
    std::string token;
    for (int page = 0; page < 1000; ++page) {
      const Answer answer = s3.get("/bucket?list-type=2&encoding-type=url&" + query +
                                   "&max-keys=" + std::to_string(max_keys) +
                                   (token.empty() ? "" : "&continuation-token=" + token));
      EXPECT_EQ(answer.status, 200) << answer.body;
      const Names names = names_of(answer);
      EXPECT_EQ(answer.text("KeyCount"), std::to_string(names.size()));
      EXPECT_LE(names.size(), max_keys);
      out.insert(out.end(), names.begin(), names.end());
      token = answer.text("NextContinuationToken");
      EXPECT_EQ(answer.text("IsTruncated"), token.empty() ? "false" : "true");
      if (token.empty()) return out;
    }
    ADD_FAILURE() << "the listing does not end";
    return out;
  }
  Names all_v1(const std::string& query, uint32_t max_keys, bool with_delimiter) {
    Names out;
    std::string marker;
    for (int page = 0; page < 1000; ++page) {
      const Answer answer =
          s3.get("/bucket?encoding-type=url&" + query + "&max-keys=" + std::to_string(max_keys) +
                 "&marker=" + percent_encode(marker, false));
      EXPECT_EQ(answer.status, 200) << answer.body;
      const Names names = names_of(answer);
      out.insert(out.end(), names.begin(), names.end());
      if (answer.text("IsTruncated") == "false") return out;
      EXPECT_EQ(!answer.texts("NextMarker").empty(), with_delimiter)
          << "NextMarker comes with a delimiter only";
      marker =
          with_delimiter ? *percent_decode_text(answer.text("NextMarker"), false) : names.back();
    }
    ADD_FAILURE() << "the listing does not end";
    return out;
  }

  // Decoded, in the order of the answer: keys, then common prefixes.
  static Names names_of(const Answer& answer) {
    Names out;
    for (const std::string& key : answer.texts("Key"))
      out.push_back(*percent_decode_text(key, false));
    const size_t begin = answer.body.find("<CommonPrefixes>");
    if (begin != std::string::npos) {
      Answer tail;
      tail.body = answer.body.substr(begin);
      for (const std::string& prefix : tail.texts("Prefix"))
        out.push_back(*percent_decode_text(prefix, false));
    }
    std::ranges::sort(out);
    return out;
  }

  TestService s3;
};

// What S3's rules make of a set of keys, said plainly: the reference.
Names expected_listing(Names keys, const std::string& prefix, const std::string& delimiter,
                       const std::string& after) {
  std::set<std::string> out;
  for (const std::string& key : keys) {
    if (!key.starts_with(prefix)) continue;
    const size_t at = delimiter.empty() ? key.npos : key.find(delimiter, prefix.size());
    const std::string name = at == key.npos ? key : key.substr(0, at + delimiter.size());
    if (name > after) out.insert(name);
  }
  return Names(out.begin(), out.end());
}

const Names kOddKeys = {"a",       "a/",      "a/b",     "a/b/c",  "a//b",   "/a",     "/",
                        "a b",     "a+b",     "a&b<",    "../x",   "./y",    "b/../c", "é",
                        "é/x",     "日本/語", "𝄞",       "\x01",   "a\tb",   "a\nb",   "z%2F",
                        "Z",       "a-",      "a.",      "a0",     "b/1/2",  "b/1/3",  "b/2",
                        "c/d/e/f", "\x7f",    "quote\"", "x/y/z/", "x/y/z/1"};

TEST_F(ServiceList, OddKeysInByteOrderOverPageBorders) {
  store(kOddKeys);
  for (const uint32_t page : {1u, 2u, 3u, 7u, 1000u})
    for (const char* prefix : {"", "a", "a/", "b/", "/", "é", "nothing", "x/y/z/"})
      for (const char* delimiter : {"", "/", "b", "//"}) {
        const std::string query = "prefix=" + percent_encode(prefix, false) +
                                  "&delimiter=" + percent_encode(delimiter, false);
        const Names expected = expected_listing(kOddKeys, prefix, delimiter, "");
        EXPECT_EQ(all_v2(query, page), expected) << query << " by " << page;
        EXPECT_EQ(all_v1(query, page, *delimiter != '\0'), expected) << query << " by " << page;
      }
}

TEST_F(ServiceList, StartAfter) {
  store(kOddKeys);
  for (const char* after : {"a", "a/", "a/b", "b", "b/1", "b/1/", "zzzz", "é"})
    for (const char* delimiter : {"", "/"}) {
      const Names expected = expected_listing(kOddKeys, "", delimiter, after);
      EXPECT_EQ(
          all_v2("start-after=" + percent_encode(after, false) + "&delimiter=" + delimiter, 3),
          expected)
          << after << " " << delimiter;
    }
}

TEST_F(ServiceList, WhatAnEntrySays) {
  s3.put("/bucket/k", "12345",
         {{"x-amz-storage-class", "GLACIER_IR"}, {"x-amz-checksum-crc32", "y/U6HA=="}});
  const Answer v2 = s3.get("/bucket?list-type=2");
  EXPECT_EQ(v2.text("Name"), "bucket");
  EXPECT_EQ(v2.text("Key"), "k");
  EXPECT_EQ(v2.text("Size"), "5");
  EXPECT_EQ(v2.text("ETag"), "&quot;827ccb0eea8a706c4c34a16891f84e7b&quot;");
  EXPECT_EQ(v2.text("StorageClass"), "GLACIER_IR");
  EXPECT_EQ(v2.text("ChecksumAlgorithm"), "CRC32");
  EXPECT_EQ(v2.text("ChecksumType"), "FULL_OBJECT");
  EXPECT_EQ(v2.text("LastModified").size(), 24u);
  EXPECT_EQ(v2.text("MaxKeys"), "1000");
  EXPECT_EQ(v2.text("Owner"), "");
  EXPECT_EQ(s3.get("/bucket?list-type=2&fetch-owner=true").text("DisplayName"), "AKIDEXAMPLE");
  const Answer v1 = s3.get("/bucket");
  EXPECT_EQ(v1.text("DisplayName"), "AKIDEXAMPLE");
  EXPECT_NE(v1.body.find("<Marker></Marker>"), std::string::npos);
}

TEST_F(ServiceList, Parameters) {
  store({"a", "b", "c"});
  EXPECT_EQ(s3.get("/bucket?list-type=2&max-keys=5000").text("MaxKeys"), "1000");
  const Answer none = s3.get("/bucket?list-type=2&max-keys=0");
  EXPECT_EQ(none.text("IsTruncated"), "false");
  EXPECT_EQ(none.text("KeyCount"), "0");
  EXPECT_TRUE(none.texts("Key").empty());
  for (const char* bad :
       {"max-keys=-1", "max-keys=abc", "max-keys=99999999999", "encoding-type=base64",
        "continuation-token=x", "continuation-token=", "prefix=%FF"})
    EXPECT_EQ(s3.error("GET", std::string("/bucket?list-type=2&") + bad), "InvalidArgument") << bad;
  EXPECT_EQ(s3.error("GET", "/bucket?max-keys=-1"), "InvalidArgument");
  EXPECT_EQ(s3.error("GET", "/absent?list-type=2"), "NoSuchBucket");
  EXPECT_EQ(s3.error("GET", "/absent?list-type=2&max-keys=0"), "NoSuchBucket");
  EXPECT_EQ(s3.error("GET", "/absent"), "NoSuchBucket");
  // A token is for its own listing.
  const std::string token = s3.get("/bucket?list-type=2&max-keys=1").text("NextContinuationToken");
  EXPECT_EQ(s3.get("/bucket?list-type=2&continuation-token=" + token).texts("Key"),
            (Names{"b", "c"}));
  EXPECT_EQ(s3.error("GET", "/bucket?list-type=2&prefix=a&continuation-token=" + token),
            "InvalidArgument");
  EXPECT_EQ(s3.get("/bucket?list-type=2&start-after=b&continuation-token=" + token).texts("Key"),
            (Names{"b", "c"}))
      << "the token goes before start-after";
}

TEST_F(ServiceList, TruncatedOnlyWhenMoreFollows) {
  store({"a", "b"});
  EXPECT_EQ(s3.get("/bucket?max-keys=2").text("IsTruncated"), "false");
  EXPECT_EQ(s3.get("/bucket?max-keys=1").text("IsTruncated"), "true");
  store({"p/1", "p/2", "p/3"});
  const Answer page = s3.get("/bucket?delimiter=%2F&max-keys=3");
  EXPECT_EQ(page.text("IsTruncated"), "false") << "a common prefix is one entry";
}

TEST_F(ServiceList, NamesAreEscapedOrEncoded) {
  store({"<&>\"'"});
  EXPECT_EQ(s3.get("/bucket").text("Key"), "&lt;&amp;&gt;&quot;'");
  EXPECT_EQ(s3.get("/bucket?encoding-type=url").text("Key"), "%3C%26%3E%22%27");
  EXPECT_EQ(s3.get("/bucket?encoding-type=url").text("EncodingType"), "url");
}

}  // namespace
}  // namespace atl::s3
