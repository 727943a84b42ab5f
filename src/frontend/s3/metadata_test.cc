#include "frontend/s3/metadata.h"

#include <gtest/gtest.h>

#include "frontend/s3/tags.h"

namespace atl::s3 {
namespace {

Headers make(std::initializer_list<std::pair<const char*, std::string>> fields) {
  Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

TEST(Metadata, WhatIsKept) {
  const Headers headers = make({{"Content-Type", "text/plain"},
                                {"CACHE-CONTROL", "no-store"},
                                {"Content-Encoding", "aws-chunked, gzip"},
                                {"Content-Length", "5"},
                                {"X-Amz-Meta-Name", "=?UTF-8?B?w6k=?="},
                                {"x-amz-meta-utf", "é"},
                                {"x-amz-meta-empty", ""},
                                {"x-amz-meta-utf", "second"},
                                {"x-amz-storage-class", "STANDARD_IA"},
                                {"x-amz-tagging", "a=1&b%20c=%2B"}});
  const auto meta = parse_object_meta(headers);
  ASSERT_TRUE(meta.has_value()) << meta.error().message;
  EXPECT_EQ(meta->headers, (std::map<std::string, std::string>{{"content-type", "text/plain"},
                                                               {"cache-control", "no-store"},
                                                               {"content-encoding", "gzip"}}));
  EXPECT_EQ(meta->user_metadata,
            (std::map<std::string, std::string>{
                {"name", "=?UTF-8?B?w6k=?="}, {"utf", "é,second"}, {"empty", ""}}));
  EXPECT_EQ(meta->storage_class, "STANDARD_IA");
  EXPECT_EQ(meta->tags, (ns::Tags{{"a", "1"}, {"b c", "+"}}));

  Response response;
  add_meta_headers(&response, *meta);
  EXPECT_EQ(response.header("Content-Type"), "text/plain");
  EXPECT_EQ(response.header("Content-Encoding"), "gzip");
  EXPECT_EQ(response.header("x-amz-meta-name"), "=?UTF-8?B?w6k=?=");
  EXPECT_EQ(response.header("x-amz-storage-class"), "STANDARD_IA");
  EXPECT_EQ(response.header("x-amz-tagging-count"), "2");
}

TEST(Metadata, AwsChunkedAloneIsNoEncoding) {
  const auto meta = parse_object_meta(make({{"Content-Encoding", "aws-chunked"}}));
  EXPECT_TRUE(meta->headers.empty());
  Response response;
  add_meta_headers(&response, *meta);
  EXPECT_EQ(response.header("Content-Type"), "binary/octet-stream");
  EXPECT_EQ(response.header("x-amz-storage-class"), "") << "STANDARD is not told";
}

TEST(Metadata, TheLimitCountsNamesAndValues) {
  EXPECT_TRUE(parse_object_meta(make({{"x-amz-meta-ab", std::string(2046, 'v')}})).has_value());
  const auto over = parse_object_meta(make({{"x-amz-meta-ab", std::string(2047, 'v')}}));
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(over.error().code, "MetadataTooLarge");
}

TEST(Metadata, StorageClasses) {
  EXPECT_EQ(parse_storage_class(make({{"x-amz-storage-class", "STANDARD"}})), "");
  EXPECT_EQ(parse_storage_class(make({{"x-amz-storage-class", "GLACIER_IR"}})), "GLACIER_IR");
  for (const char* bad : {"", "standard", "COLD", "OUTPOSTS"})
    EXPECT_EQ(parse_storage_class(make({{"x-amz-storage-class", bad}})).error().code,
              "InvalidStorageClass");
}

TEST(Metadata, OverridesOfOneAnswer) {
  Query query;
  query.add("response-content-type", "image/png");
  query.add("response-content-disposition", "attachment; filename=\"a\"");
  Response response;
  add_meta_headers(&response, *parse_object_meta(make({{"Content-Type", "text/plain"}})));
  ASSERT_TRUE(apply_response_overrides(query, &response).has_value());
  EXPECT_EQ(response.header("Content-Type"), "image/png");
  EXPECT_EQ(response.header("Content-Disposition"), "attachment; filename=\"a\"");

  Query smuggled;
  smuggled.add("response-content-type", "a\r\nSet-Cookie: b");
  EXPECT_EQ(apply_response_overrides(smuggled, &response).error().code, "InvalidArgument");
}

std::string tagging(int count) {
  ns::Tags tags;
  for (int i = 0; i < count; ++i) tags.emplace_back("k" + std::to_string(i), "v");
  return tagging_document(tags);
}

TEST(Tags, Documents) {
  const ns::Tags tags = {{"a", "1"}, {"é /=+-:@", ""}};
  EXPECT_EQ(parse_tagging_document(tagging_document(tags), 10), tags);
  EXPECT_TRUE(parse_tagging_document(tagging(10), kObjectTagsMax).has_value());
  EXPECT_EQ(parse_tagging_document(tagging(11), kObjectTagsMax).error().code, "BadRequest");
  EXPECT_TRUE(parse_tagging_document(tagging(50), kBucketTagsMax).has_value());
  EXPECT_EQ(parse_tagging_document(tagging(51), kBucketTagsMax).error().code, "BadRequest");
  for (const char* bad :
       {"", "<Tagging/>", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Other/></TagSet></Tagging>"})
    EXPECT_EQ(parse_tagging_document(bad, 10).error().code, "MalformedXML") << bad;
  EXPECT_TRUE(parse_tagging_document("<Tagging><TagSet/></Tagging>", 10)->empty());
}

TEST(Tags, Limits) {
  const auto code = [](const ns::Tags& tags) {
    const auto got = parse_tagging_document(tagging_document(tags), 10);
    return got ? std::string_view("ok") : got.error().code;
  };
  EXPECT_EQ(code({{std::string(128, 'k'), std::string(256, 'v')}}), "ok");
  EXPECT_EQ(code({{std::string(129, 'k'), "v"}}), "InvalidTag");
  EXPECT_EQ(code({{"k", std::string(257, 'v')}}), "InvalidTag");
  EXPECT_EQ(code({{"", "v"}}), "InvalidTag");
  EXPECT_EQ(code({{"k", "1"}, {"k", "2"}}), "InvalidTag");
  EXPECT_EQ(code({{"aws:k", "1"}}), "InvalidTag");
  EXPECT_EQ(code({{"k!", "1"}}), "InvalidTag");
  std::string accents;
  for (int i = 0; i < 128; ++i) accents += "é";
  EXPECT_EQ(code({{accents, "1"}}), "ok") << "characters are counted, not bytes";
}

TEST(Tags, Header) {
  EXPECT_EQ(parse_tagging_header("a=1&b"), (ns::Tags{{"a", "1"}, {"b", ""}}));
  EXPECT_TRUE(parse_tagging_header("")->empty());
  EXPECT_EQ(parse_tagging_header("a=1&a=2").error().code, "InvalidTag");
  EXPECT_EQ(parse_tagging_header("a=%zz").error().code, "InvalidArgument");
}

}  // namespace
}  // namespace atl::s3
