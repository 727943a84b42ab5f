#include "frontend/s3/url.h"

#include <gtest/gtest.h>

namespace atl::s3 {
namespace {

struct Resolved {
  std::string bucket, key;
  bool virtual_host;
  bool operator==(const Resolved&) const = default;
};
void PrintTo(const Resolved& r, std::ostream* out) {
  *out << r.bucket << " | " << r.key << " | " << r.virtual_host;
}

std::optional<Resolved> resolve(std::string_view host, std::string_view target) {
  Request request;
  request.target = target;
  if (!host.empty()) request.headers.add_view("Host", host);
  if (parse_target(&request)) return std::nullopt;
  if (resolve_bucket_and_key({"s3.example.com", "example.com"}, &request)) return std::nullopt;
  return Resolved{request.bucket, request.key, request.virtual_host};
}

TEST(Url, PathStyle) {
  for (std::string_view host : {"127.0.0.1:9000", "s3.example.com", "example.com:80", "localhost",
                                "s3.localhost:9000", "other.org", "[::1]:9000", ""}) {
    EXPECT_EQ(resolve(host, "/"), (Resolved{"", "", false})) << host;
    EXPECT_EQ(resolve(host, "/b"), (Resolved{"b", "", false})) << host;
    EXPECT_EQ(resolve(host, "/b/"), (Resolved{"b", "", false})) << host;
    EXPECT_EQ(resolve(host, "/b/k/l"), (Resolved{"b", "k/l", false})) << host;
  }
}

TEST(Url, KeysAreNeverNormalised) {
  EXPECT_EQ(resolve("h", "/b//a")->key, "/a");
  EXPECT_EQ(resolve("h", "/b/a//b")->key, "a//b");
  EXPECT_EQ(resolve("h", "/b/../x")->key, "../x");
  EXPECT_EQ(resolve("h", "/b/a/")->key, "a/");
  EXPECT_EQ(resolve("h", "/b/./a/..")->key, "./a/..");
  EXPECT_EQ(resolve("h", "/b/%2E%2E%2Fx")->key, "../x");
  EXPECT_EQ(resolve("h", "/b/a+b%20c%2B")->key, "a+b c+");
  EXPECT_EQ(resolve("h", "/b/%FF%01%C3%A9\xC3\xA9")->key, "\xFF\x01\xC3\xA9\xC3\xA9");
  EXPECT_EQ(resolve("h", "/b%2Fk")->bucket, "b");
  EXPECT_EQ(resolve("h", "/b/a%3Fb%23c?acl")->key, "a?b#c");
}

TEST(Url, VirtualHostStyle) {
  EXPECT_EQ(resolve("b.s3.example.com", "/k"), (Resolved{"b", "k", true}));
  EXPECT_EQ(resolve("b.example.com:8080", "/k"), (Resolved{"b", "k", true}));
  EXPECT_EQ(resolve("B.LocalHost", "/"), (Resolved{"b", "", true}));
  EXPECT_EQ(resolve("b.s3.localhost:9000", "//k"), (Resolved{"b", "/k", true}));
  EXPECT_EQ(resolve("my.bucket.s3.localhost", "/a/b"), (Resolved{"my.bucket", "a/b", true}));
  // The longest domain counts; a name that merely ends like one is none.
  EXPECT_EQ(resolve("s3.example.com", "/b/k"), (Resolved{"b", "k", false}));
  EXPECT_EQ(resolve("notexample.com", "/b/k"), (Resolved{"b", "k", false}));
  EXPECT_EQ(resolve("xlocalhost", "/b/k"), (Resolved{"b", "k", false}));
}

TEST(Url, RefusesWhatIsNoTargetOrHost) {
  for (std::string_view bad : {"", "b/k", "*", "/b/%", "/b/%4", "/b/%4g", "/b/%00", "/b/k#f",
                               "/b?a=%", "/b?%zz=1", "//b", "//"})
    EXPECT_FALSE(resolve("h", bad)) << bad;
  for (std::string_view bad :
       {"a b", "h:port", "h:99999", "h:", "a/b", "[::1", "[::g]", "a@b", "[::1]x", "h:1:2", "%41"})
    EXPECT_FALSE(resolve(bad, "/b/k")) << bad;
}

TEST(Url, Queries) {
  Query query;
  ASSERT_FALSE(parse_query("uploads&prefix=a%2Fb+c&empty=&&x==y&prefix=2", &query));
  ASSERT_EQ(query.size(), 5u);
  EXPECT_TRUE(query.has("uploads"));
  EXPECT_EQ(query.get("prefix"), "a/b c");
  EXPECT_EQ(query.params()[1].raw_value, "a%2Fb+c");
  EXPECT_EQ(query.find("empty"), "");
  EXPECT_FALSE(query.find("absent"));
  EXPECT_EQ(query.get("x"), "=y");
  EXPECT_FALSE(query.has("Uploads"));

  std::string many = "a";
  for (size_t i = 1; i < kQueryParamsMax; ++i) many += "&a";
  Query full;
  EXPECT_FALSE(parse_query(many, &full));
  Query over;
  EXPECT_TRUE(parse_query(many + "&a", &over));
}

TEST(Url, EncodingAndDecodingAreInverse) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  for (bool keep_slash : {false, true}) {
    std::string encoded, decoded;
    append_percent_encoded(all, keep_slash, &encoded);
    ASSERT_TRUE(append_percent_decoded(encoded, false, &decoded));
    EXPECT_EQ(decoded, all);
    EXPECT_EQ(encoded.find('/') != std::string::npos, keep_slash);
  }
}

}  // namespace
}  // namespace atl::s3
