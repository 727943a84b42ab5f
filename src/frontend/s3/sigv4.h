// AWS Signature Version 4 as S3 uses it: pure functions and values, without clock or policy.
//
// Who may do what, when a signature is too old and what the answers are is authenticator.h; this
// is the calculation, used to check requests, chunks and trailers, and to make signatures (tests,
// bench).
//
// S3 differs from other services: the path is encoded once and never normalised; the payload's hash
// is a header (x-amz-content-sha256) and may be a word that says how the payload is signed.
//
// Source: AWS, "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API Reference.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "frontend/s3/http.h"

namespace atl::s3 {

inline constexpr std::string_view kSigV4Algorithm = "AWS4-HMAC-SHA256";
// sha256 of nothing, in hex.
inline constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// Stands for the hash of a payload that is not signed.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

// What x-amz-content-sha256 says about the payload.
enum class PayloadKind {
  kUnsigned,                  // UNSIGNED-PAYLOAD
  kSha256,                    // 64 hex digits
  kStreamingSigned,           // STREAMING-AWS4-HMAC-SHA256-PAYLOAD
  kStreamingSignedTrailer,    // STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
  kStreamingUnsignedTrailer,  // STREAMING-UNSIGNED-PAYLOAD-TRAILER
};
std::optional<PayloadKind> parse_payload_kind(std::string_view content_sha256);
constexpr bool is_aws_chunked(PayloadKind kind) {
  return kind != PayloadKind::kUnsigned && kind != PayloadKind::kSha256;
}

// "AKIDEXAMPLE/20130524/us-east-1/s3/aws4_request". Views into the request. An access key may
// itself hold slashes.
struct CredentialScope {
  std::string_view access_key;
  std::string_view date;
  std::string_view region;
  std::string_view service;
  std::string_view scope;  // date/region/service/aws4_request
};
std::optional<CredentialScope> parse_credential(std::string_view text);

// Of the Authorization header, or of the X-Amz- query parameters.
struct SignatureFields {
  CredentialScope credential;
  std::vector<std::string_view> signed_headers;  // lower-case, no duplicates, host among them
  std::string_view signed_headers_text;
  std::string_view signature;  // 64 lower-case hex digits
};
// The error is a sentence for the client.
std::expected<SignatureFields, std::string> parse_authorization(std::string_view header);
std::expected<std::vector<std::string_view>, std::string> parse_signed_headers(
    std::string_view text);
bool is_signature(std::string_view text);

// One of the query parameters that make a presigned request; `name` is in lower case.
bool is_presign_parameter(std::string_view name);

using SigningKey = Sha256;
SigningKey derive_signing_key(std::string_view secret, std::string_view date,
                              std::string_view region, std::string_view service = "s3");

// Method, path, query (without X-Amz-Signature), signed headers, payload hash; in S3's form.
std::string canonical_request(const Request& request, const SignatureFields& fields,
                              std::string_view content_sha256);
std::string string_to_sign(std::string_view amz_date, std::string_view scope,
                           std::string_view canonical_request);
std::string hmac_hex(const SigningKey& key, std::string_view text);

// The chain of signatures of an aws-chunked body: each covers the one before, so that chunks can be
// neither reordered nor repeated nor left out. It starts from the request's own signature.
class ChunkSignatures {
 public:
  ChunkSignatures() = default;
  ChunkSignatures(SigningKey key, std::string_view amz_date, std::string_view scope,
                  std::string_view seed_signature);

  // The signature of the next chunk, whose data has this SHA-256; the chain moves on to it.
  const std::string& next_chunk(ByteSpan data_sha256);
  // Of the trailer: `canonical` is "name:value\n" for each trailing field.
  const std::string& trailer(std::string_view canonical);

 private:
  const std::string& sign(std::string_view algorithm, std::string_view tail);

  SigningKey key_{};
  std::string context_;   // "<date>\n<scope>\n"
  std::string previous_;  // hex
};

}  // namespace atl::s3
