// Which requests are let in. Each refusal starts from a request that is let in, changed in one way.
#include "frontend/s3/authenticator.h"

#include <gtest/gtest.h>

#include "frontend/s3/http_parser.h"
#include "frontend/s3/request_signer.h"

namespace atl::s3 {
namespace {

constexpr UnixSeconds kNow = 1767225600;  // 2026-01-01T00:00:00Z

struct OneUser final : CredentialStore {
  std::optional<std::string> secret_for(std::string_view access_key) override {
    if (access_key != "alice" || secret.empty()) return std::nullopt;
    return secret;
  }
  std::string secret = "s3cret";
};

struct Gate {
  OneUser users;
  Authenticator authenticator{users, {"us-east-1", "eu-west-1"}};
  RequestSigner signer{"alice", "s3cret"};

  // "alice" when let in, else S3's code.
  std::string knock(const std::string& head, UnixSeconds now = kNow) {
    Request request;
    if (auto error = parse_head(head, &request)) return "syntax: " + error->message;
    auto identity = authenticator.authenticate(request, now);
    last_error = identity ? S3Error() : identity.error();
    return identity ? identity->access_key : std::string(identity.error().code);
  }
  std::string knock_presigned(const std::string& target, UnixSeconds now = kNow,
                              const std::string& headers = "", std::string method = "GET") {
    return knock(method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + "\r\n",
                 now);
  }
  S3Error last_error;
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

ClientRequest get_object() {
  ClientRequest request;
  request.path = "/b/a key+%";
  request.query = {{"versionId", ""}, {"response-content-type", "a/b c"}};
  request.headers = {{"Range", "bytes=0-9"}, {"x-amz-meta-a", " spaced  out "}};
  return request;
}

TEST(Authenticator, LetsInWhatIsSigned) {
  Gate gate;
  EXPECT_EQ(gate.knock(gate.signer.head(get_object(), kNow)), "alice");
  EXPECT_EQ(gate.knock(gate.signer.head(get_object(), kNow, kEmptySha256)), "alice");
  for (std::string_view kind :
       {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
    EXPECT_EQ(gate.knock(gate.signer.head(get_object(), kNow, kind)), "alice") << kind;
  RequestSigner elsewhere("alice", "s3cret", "eu-west-1");
  EXPECT_EQ(gate.knock(elsewhere.head(get_object(), kNow)), "alice");
}

TEST(Authenticator, RefusesEveryChangeToWhatIsSigned) {
  Gate gate;
  const std::string good = gate.signer.head(get_object(), kNow);
  ASSERT_EQ(gate.knock(good), "alice");
  EXPECT_EQ(gate.knock(replaced(good, "GET ", "PUT ")), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(replaced(good, "/b/a", "/c/a")), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(replaced(good, "/b/a", "/b//a")), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(replaced(good, "%20key", "%20kez")), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(replaced(good, "versionId=", "versionId=1")), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(replaced(good, "versionId=", "acl&versionId=")), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(replaced(good, "bytes=0-9", "bytes=0-8")), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(replaced(good, "Host: 127.0.0.1", "Host: 127.0.0.2")),
            "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(replaced(good, "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")),
            "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(replaced(good, "spaced", "spacex")), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(replaced(good, "Range: bytes=0-9\r\n", "")), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(replaced(good, "T000000Z", "T000001Z")), "SignatureDoesNotMatch");
  // Each digit of the signature counts.
  const size_t at = good.find("Signature=") + 10;
  for (size_t i = 0; i < 64; i += 9) {
    std::string bad = good;
    bad[at + i] = bad[at + i] == '0' ? '1' : '0';
    EXPECT_EQ(gate.knock(bad), "SignatureDoesNotMatch") << i;
  }
  // What means the same is the same.
  EXPECT_EQ(gate.knock(replaced(good, "a%20key", "%61%20key")), "alice");
  EXPECT_EQ(gate.knock(replaced(good, "a%2Fb%20c", "a/b+c")), "alice");
}

TEST(Authenticator, TellsWhatWasSigned) {
  Gate gate;
  const std::string good = gate.signer.head(get_object(), kNow);
  gate.knock(replaced(good, "GET ", "PUT "));
  bool has_string_to_sign = false, has_canonical = false;
  for (const auto& [name, value] : gate.last_error.details) {
    has_string_to_sign |= name == "StringToSign" && value.starts_with("AWS4-HMAC-SHA256\n");
    has_canonical |= name == "CanonicalRequest" && value.starts_with("PUT\n/b/a%20key%2B%25\n");
  }
  EXPECT_TRUE(has_string_to_sign);
  EXPECT_TRUE(has_canonical);
}

TEST(Authenticator, RefusesUnsignedAmzHeaders) {
  Gate gate;
  const std::string good = gate.signer.head(get_object(), kNow);
  EXPECT_EQ(gate.knock(replaced(good, "Host:", "x-amz-acl: public-read\r\nHost:")), "AccessDenied");
  ASSERT_EQ(gate.last_error.details.size(), 1u);
  EXPECT_EQ(gate.last_error.details[0].second, "x-amz-acl");
  // Others may be added by proxies on the way.
  EXPECT_EQ(gate.knock(replaced(good, "Host:", "Via: 1.1 proxy\r\nHost:")), "alice");
}

TEST(Authenticator, ClockSkew) {
  Gate gate;
  const std::string good = gate.signer.head(get_object(), kNow);
  EXPECT_EQ(gate.knock(good, kNow + kClockSkewSecondsMax), "alice");
  EXPECT_EQ(gate.knock(good, kNow - kClockSkewSecondsMax), "alice");
  EXPECT_EQ(gate.knock(good, kNow + kClockSkewSecondsMax + 1), "RequestTimeTooSkewed");
  EXPECT_EQ(gate.knock(good, kNow - kClockSkewSecondsMax - 1), "RequestTimeTooSkewed");
}

TEST(Authenticator, KeysAndRegions) {
  Gate gate;
  EXPECT_EQ(gate.knock(RequestSigner("bob", "s3cret").head(get_object(), kNow)),
            "InvalidAccessKeyId");
  EXPECT_EQ(gate.knock(RequestSigner("alice", "wrong").head(get_object(), kNow)),
            "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(RequestSigner("alice", "s3cret", "mars").head(get_object(), kNow)),
            "AuthorizationHeaderMalformed");
  ASSERT_EQ(gate.last_error.details.size(), 1u);
  EXPECT_EQ(gate.last_error.details[0].first, "Region");
  ASSERT_EQ(gate.last_error.headers.size(), 1u) << "all that a HEAD is told";
  EXPECT_EQ(gate.last_error.headers[0].first, "x-amz-bucket-region");
  EXPECT_EQ(gate.last_error.headers[0].second, "us-east-1");
  EXPECT_EQ(gate.last_error.details[0].second, "us-east-1");
}

// A rotated secret counts at once, though the old one's key is cached.
TEST(Authenticator, RotationAndRemovalCountAtOnce) {
  Gate gate;
  EXPECT_EQ(gate.knock(gate.signer.head(get_object(), kNow)), "alice");
  gate.users.secret = "rotated";
  EXPECT_EQ(gate.knock(gate.signer.head(get_object(), kNow)), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock(RequestSigner("alice", "rotated").head(get_object(), kNow)), "alice");
  gate.users.secret.clear();
  EXPECT_EQ(gate.knock(RequestSigner("alice", "rotated").head(get_object(), kNow)),
            "InvalidAccessKeyId");
}

TEST(Authenticator, OtherMechanismsAreRefusedByName) {
  Gate gate;
  const std::string line = "GET /b/k HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(gate.knock(line + "\r\n"), "AccessDenied");
  EXPECT_EQ(gate.knock(line + "Authorization: AWS alice:c2ln\r\n\r\n"), "InvalidRequest");
  EXPECT_NE(gate.last_error.message.find("AWS4-HMAC-SHA256"), std::string::npos);
  EXPECT_EQ(
      gate.knock("GET /b/k?AWSAccessKeyId=alice&Expires=1&Signature=x HTTP/1.1\r\nHost: h\r\n\r\n"),
      "InvalidRequest");
  EXPECT_EQ(gate.knock(line + "Authorization: AWS4-ECDSA-P256-SHA256 x\r\n\r\n"), "InvalidRequest");
  EXPECT_EQ(gate.knock(line + "Authorization: Basic YTpi\r\n\r\n"), "InvalidArgument");
  EXPECT_EQ(gate.knock(line + "Authorization:\r\n\r\n"), "InvalidArgument");
  EXPECT_EQ(gate.knock(line + "Authorization: AWS4-HMAC-SHA256\r\n\r\n"),
            "AuthorizationHeaderMalformed");
  EXPECT_EQ(gate.knock("OPTIONS /b/k HTTP/1.1\r\nHost: h\r\n\r\n"), "AccessForbidden");
  EXPECT_EQ(gate.knock("POST /b HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; "
                       "boundary=x\r\n\r\n"),
            "NotImplemented");
  const std::string good = gate.signer.head(get_object(), kNow);
  EXPECT_EQ(gate.knock(replaced(good, "versionId=", "X-Amz-Algorithm=AWS4-HMAC-SHA256")),
            "InvalidArgument");
  EXPECT_EQ(gate.knock(replaced(good, "Host:", "Authorization: x\r\nHost:")), "InvalidArgument");
  EXPECT_EQ(gate.knock(replaced(good, "Host:", "x-amz-date: 20260101T000000Z\r\nHost:")),
            "InvalidArgument");
  ClientRequest with_token = get_object();
  with_token.headers.emplace_back("x-amz-security-token", "FwoG");
  EXPECT_EQ(gate.knock(gate.signer.head(with_token, kNow)), "InvalidToken");
}

TEST(Authenticator, DatesAndPayloadHashes) {
  Gate gate;
  const std::string good = gate.signer.head(get_object(), kNow);
  EXPECT_EQ(gate.knock(replaced(good, "x-amz-date: 20260101T000000Z", "x-amz-date: yesterday")),
            "AccessDenied");
  EXPECT_EQ(gate.knock(replaced(good, "x-amz-date: 20260101T000000Z\r\n", "")), "AccessDenied");
  ClientRequest put = get_object();
  put.method = "PUT";
  EXPECT_EQ(gate.knock(replaced(gate.signer.head(put, kNow),
                                "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n", "")),
            "InvalidRequest");
  EXPECT_EQ(gate.knock(gate.signer.head(get_object(), kNow, "nonsense")), "InvalidArgument");
  EXPECT_EQ(gate.knock(gate.signer.head(get_object(), kNow, std::string(64, 'F'))),
            "InvalidArgument");
  EXPECT_EQ(gate.knock(replaced(good, "/20260101/", "/20251231/")), "AuthorizationHeaderMalformed");
  EXPECT_EQ(gate.knock(replaced(good, "/s3/aws4", "/iam/aws4")), "AuthorizationHeaderMalformed");
}

TEST(Authenticator, TheDateHeaderWillDo) {
  Gate gate;
  // As a client without x-amz-date signs: the string to sign has the Date's time.
  const std::string head =
      "GET /b HTTP/1.1\r\nHost: h\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
      "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n";
  Request request;
  const std::string whole = head + "\r\n";
  ASSERT_FALSE(parse_head(whole, &request));
  SignatureFields fields;
  fields.signed_headers = {"date", "host", "x-amz-content-sha256"};
  fields.signed_headers_text = "date;host;x-amz-content-sha256";
  const std::string scope = "20260101/us-east-1/s3/aws4_request";
  const std::string signature =
      hmac_hex(derive_signing_key("s3cret", "20260101", "us-east-1"),
               string_to_sign("20260101T000000Z", scope,
                              canonical_request(request, fields, "UNSIGNED-PAYLOAD")));
  EXPECT_EQ(gate.knock(head + "Authorization: AWS4-HMAC-SHA256 Credential=alice/" + scope +
                       ",SignedHeaders=date;host;x-amz-content-sha256,Signature=" + signature +
                       "\r\n\r\n"),
            "alice");
}

TEST(Authenticator, PresignedUrls) {
  Gate gate;
  ClientRequest client;
  client.path = "/b/a key";
  client.query = {{"versionId", ""}};
  const std::string good = gate.signer.presigned_target(client, kNow, 60);
  EXPECT_EQ(gate.knock_presigned(good), "alice");
  EXPECT_EQ(gate.knock_presigned(good, kNow + 60), "alice");
  EXPECT_EQ(gate.knock_presigned(good, kNow + 61), "AccessDenied");
  EXPECT_EQ(gate.last_error.message, "Request has expired");
  EXPECT_EQ(gate.knock_presigned(good, kNow - kClockSkewSecondsMax), "alice");
  EXPECT_EQ(gate.knock_presigned(good, kNow - kClockSkewSecondsMax - 1), "AccessDenied");

  EXPECT_EQ(gate.knock_presigned(good, kNow, "", "PUT"), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock_presigned(good + "&acl"), "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock_presigned(replaced(good, "Expires=60", "Expires=61")),
            "SignatureDoesNotMatch");
  EXPECT_EQ(gate.knock_presigned(good, kNow, "x-amz-acl: private\r\n"), "AccessDenied");
  EXPECT_EQ(gate.knock_presigned(good, kNow, "Range: bytes=0-1\r\n"), "alice");

  // A week is the most; the URL of an hour ago works when it is meant for longer.
  const std::string week = gate.signer.presigned_target(client, kNow - 3600, 604800);
  EXPECT_EQ(gate.knock_presigned(week), "alice");
  for (int64_t bad : {int64_t{0}, int64_t{-5}, int64_t{604801}, int64_t{1} << 62})
    EXPECT_EQ(gate.knock_presigned(gate.signer.presigned_target(client, kNow, bad)),
              "AuthorizationQueryParametersError")
        << bad;
}

TEST(Authenticator, MalformedPresignedUrls) {
  Gate gate;
  ClientRequest client;
  client.path = "/b/k";
  const std::string good = gate.signer.presigned_target(client, kNow, 60);
  ASSERT_EQ(gate.knock_presigned(good), "alice");
  const std::string kMalformed = "AuthorizationQueryParametersError";
  for (std::string_view name : {"X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
                                "X-Amz-SignedHeaders", "X-Amz-Algorithm", "X-Amz-Signature"})
    EXPECT_EQ(gate.knock_presigned(replaced(good, name, "X-Other")), kMalformed) << name;
  EXPECT_EQ(gate.knock_presigned(good + "&X-Amz-Date=20260101T000000Z"), kMalformed);
  EXPECT_EQ(gate.knock_presigned(replaced(good, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")), kMalformed);
  EXPECT_EQ(gate.knock_presigned(replaced(good, "alice%2F", "alice")), kMalformed);
  EXPECT_EQ(gate.knock_presigned(replaced(good, "T000000Z", "")), kMalformed);
  EXPECT_EQ(gate.knock_presigned(replaced(good, "SignedHeaders=host", "SignedHeaders=range")),
            kMalformed);
  EXPECT_EQ(gate.knock_presigned(replaced(good, "Expires=60", "Expires=6O")), kMalformed);
  EXPECT_EQ(gate.knock_presigned(replaced(good, "us-east-1", "mars")), kMalformed);
  EXPECT_EQ(gate.knock_presigned(good.substr(0, good.size() - 1)), kMalformed);
}

TEST(SigningKeyCache, IsBounded) {
  SigningKeyCache cache;
  for (size_t i = 0; i < 3 * kSigningKeysMax; ++i) {
    const std::string text = fmt::format("user{}/20260101/r/s3/aws4_request", i);
    cache.get(*parse_credential(text), "secret");
    ASSERT_LE(cache.size(), kSigningKeysMax);
  }
}

}  // namespace
}  // namespace atl::s3
