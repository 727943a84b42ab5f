#include "frontend/s3/checksum.h"

#include <gtest/gtest.h>

#include "frontend/s3/page_token.h"

namespace atl::s3 {
namespace {

constexpr auto kCrc32 = ChecksumAlgorithm::kCrc32;
constexpr auto kCrc32c = ChecksumAlgorithm::kCrc32c;
constexpr auto kCrc64 = ChecksumAlgorithm::kCrc64Nvme;
constexpr auto kSha1 = ChecksumAlgorithm::kSha1;
constexpr auto kSha256 = ChecksumAlgorithm::kSha256;

BodyDigest digest_of(std::string_view text, ChecksumAlgorithm algorithm) {
  BodyDigest digest(algorithm);
  digest.update(as_bytes(text.substr(0, text.size() / 2)));
  digest.update(as_bytes(text.substr(text.size() / 2)));
  digest.finish();
  return digest;
}

std::string checksum_of(std::string_view text, ChecksumAlgorithm algorithm) {
  return format_checksum(digest_of(text, algorithm).checksum(), 0);
}

// "123456789": the check values of the CRC catalogue (crc32 cbf43926, crc32c e3069283, crc64/nvme
// ae8b14860a799888); SHA-1 and SHA-256 of "abc" from FIPS 180.
TEST(Checksum, Vectors) {
  EXPECT_EQ(checksum_of("123456789", kCrc32), "y/Q5Jg==");
  EXPECT_EQ(checksum_of("123456789", kCrc32c), "4waSgw==");
  EXPECT_EQ(checksum_of("123456789", kCrc64), "rosUhgp5mIg=");
  EXPECT_EQ(checksum_of("abc", kSha1), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
  EXPECT_EQ(checksum_of("abc", kSha256), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
  EXPECT_EQ(digest_of("abc", kCrc32).md5().hex(), "900150983cd24fb0d6963f7d28e17f72");
}

TEST(Checksum, Names) {
  for (const ChecksumAlgorithm a : all_checksum_algorithms()) {
    EXPECT_EQ(parse_checksum_algorithm(checksum_name(a)), a);
    EXPECT_EQ(parse_checksum_algorithm(to_lower_ascii(checksum_name(a))), a);
    EXPECT_EQ(checksum_header(a), "x-amz-checksum-" + to_lower_ascii(checksum_name(a)));
    EXPECT_EQ(checksum_element(a), "Checksum" + std::string(checksum_name(a)));
  }
  EXPECT_FALSE(parse_checksum_algorithm("MD5").has_value());
}

std::vector<ns::ObjectPart> parts_of(const std::vector<std::string>& bodies,
                                     ChecksumAlgorithm algorithm) {
  std::vector<ns::ObjectPart> parts;
  for (const std::string& body : bodies)
    parts.push_back({static_cast<uint32_t>(parts.size() + 1), body.size(),
                     digest_of(body, algorithm).checksum()});
  return parts;
}

TEST(Checksum, FullObjectsAreJoinedFromParts) {
  const std::vector<std::string> bodies = {std::string(100'000, 'a'), "", "b",
                                           std::string(77'777, 'c')};
  std::string whole;
  for (const std::string& body : bodies) whole += body;
  for (const ChecksumAlgorithm a : {kCrc32, kCrc32c, kCrc64}) {
    const ns::Checksum joined = full_object_checksum(a, parts_of(bodies, a));
    EXPECT_EQ(format_checksum(joined, bodies.size()), checksum_of(whole, a)) << checksum_name(a);
    EXPECT_FALSE(joined.composite);
  }
}

TEST(Checksum, CompositeIsTheHashOfTheParts) {
  for (const ChecksumAlgorithm a : {kCrc32, kCrc32c, kSha1, kSha256}) {
    const auto parts = parts_of({"hello", "world"}, a);
    const std::string joined = parts[0].checksum.value + parts[1].checksum.value;
    EXPECT_EQ(format_checksum(composite_checksum(a, parts), 2), checksum_of(joined, a) + "-2");
  }
}

TEST(Checksum, MultipartEtag) {
  // md5("a") and md5("b"), joined: md5 over their 32 raw bytes.
  const std::string a = digest_of("a", kCrc32).md5().hex();
  const std::string b = digest_of("b", kCrc32).md5().hex();
  EXPECT_EQ(multipart_etag({a, b}), "96e024ba2074fe77e8e965ba43a704be-2");
  EXPECT_EQ(multipart_etag({"not an etag"}), "");
}

struct Claim {
  std::vector<std::pair<const char*, const char*>> headers;
  std::vector<std::string> trailers;
  std::string_view parse_error;  // "" for none
  std::string_view check_error = "";
};

// The body is "123456789".
TEST(Checksum, Claims) {
  const Claim claims[] = {
      {{}, {}, ""},
      {{{"Content-MD5", "JfnnlDI7RTiF9RgfG2JNCw=="}}, {}, ""},
      {{{"Content-MD5", "JfnnlDI7RTiF9RgfG2JNCA=="}}, {}, "", "BadDigest"},
      {{{"Content-MD5", "JfnnlDI7RTiF9RgfG2JNCw"}}, {}, "InvalidDigest"},
      {{{"Content-MD5", "AAAA"}}, {}, "InvalidDigest"},
      {{{"Content-MD5", ""}}, {}, "InvalidDigest"},
      {{{"x-amz-checksum-crc32", "y/Q5Jg=="}}, {}, ""},
      {{{"x-amz-checksum-crc32", "y/Q5Jw=="}}, {}, "", "BadDigest"},
      {{{"x-amz-checksum-crc32", "y/Q5"}}, {}, "InvalidRequest"},
      {{{"x-amz-checksum-crc32", "!"}}, {}, "InvalidRequest"},
      {{{"x-amz-checksum-crc32", "y/Q5Jg=="}, {"x-amz-checksum-crc32c", "4waSgw=="}},
       {},
       "InvalidRequest"},
      {{{"x-amz-checksum-crc32", "y/Q5Jg=="}, {"x-amz-sdk-checksum-algorithm", "CRC32"}}, {}, ""},
      {{{"x-amz-checksum-crc32", "y/Q5Jg=="}, {"x-amz-sdk-checksum-algorithm", "SHA1"}},
       {},
       "InvalidRequest"},
      {{{"x-amz-sdk-checksum-algorithm", "CRC32"}}, {}, "InvalidRequest"},
      {{{"x-amz-sdk-checksum-algorithm", "CRC64NVME"}}, {"x-amz-checksum-crc64nvme"}, ""},
      {{}, {"x-amz-checksum-crc32c"}, "", "MalformedTrailerError"},  // announced, never sent
      {{}, {"x-amz-checksum-blake3"}, "InvalidRequest"},
      {{{"x-amz-checksum-crc32", "y/Q5Jg=="}}, {"x-amz-checksum-crc32"}, "InvalidRequest"},
      {{{"x-amz-checksum-mode", "ENABLED"}}, {}, ""},
  };
  int i = 0;
  for (const Claim& claim : claims) {
    Request request;
    for (const auto& [name, value] : claim.headers) request.headers.add(name, value);
    request.trailer_names = claim.trailers;
    const auto parsed = parse_body_claims(request);
    EXPECT_EQ(parsed ? "" : parsed.error().code, claim.parse_error) << "claim " << i;
    if (parsed) {
      Headers trailers;
      trailers.add("x-amz-checksum-crc64nvme", "rosUhgp5mIg=");
      const auto checked =
          check_claims(*parsed, digest_of("123456789", parsed->algorithm), trailers);
      EXPECT_EQ(checked ? "" : checked.error().code, claim.check_error) << "claim " << i;
    }
    ++i;
  }
}

TEST(PageToken, RoundTripsAndIsChecked) {
  const std::string key = "a/é \xf0\x9d\x84\x9e+&<";
  const std::string token = encode_page_token(key, "bucket", "a/");
  EXPECT_EQ(
      token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
      std::string::npos);
  EXPECT_EQ(decode_page_token(token, "bucket", "a/"), key);
  EXPECT_EQ(decode_page_token(token, "other", "a/").error().code, "InvalidArgument");
  EXPECT_EQ(decode_page_token(token, "bucket", "b/").error().code, "InvalidArgument");
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(decode_page_token(changed, "bucket", "a/").has_value()) << i;
  }
  for (const std::string& bad :
       {std::string(), std::string("x"), token + "A", std::string(5000, 'A')})
    EXPECT_FALSE(decode_page_token(bad, "bucket", "a/").has_value());
  const std::string longest(1024, '\xc3');
  EXPECT_EQ(decode_page_token(encode_page_token(longest, "b", ""), "b", ""), longest);
}

}  // namespace
}  // namespace atl::s3
