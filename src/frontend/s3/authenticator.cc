#include "frontend/s3/authenticator.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/probe.h"
#include "frontend/s3/http_date.h"
#include "frontend/s3/http_parser.h"

namespace atl::s3 {

struct Authenticator::Claim {
  SignatureFields fields;
  std::string amz_date;  // as in the string to sign
  UnixSeconds time = 0;
  std::string_view content_sha256;  // as in the canonical request
  bool presigned = false;

  // Which error says that something about the signature's form is wrong.
  const ErrorKind& malformed() const {
    return presigned ? err::kAuthorizationQueryParametersError : err::kAuthorizationHeaderMalformed;
  }
};

namespace {

constexpr std::string_view kWantV4 =
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";

// A header that decides what is signed must not leave open which of two values counts.
std::optional<S3Error> refuse_repeated(const Request& request) {
  for (std::string_view name : {"authorization", "x-amz-date", "date", "x-amz-content-sha256",
                                "x-amz-decoded-content-length"})
    if (request.headers.count(name) > 1)
      return S3Error(err::kInvalidArgument, fmt::format("The header {} comes twice.", name));
  return std::nullopt;
}

bool is_browser_form(const Request& request) {
  return request.method == "POST" &&
         to_lower_ascii(request.headers.get("content-type")).starts_with("multipart/form-data");
}

S3Error no_signature(const Request& request) {
  if (request.method == "OPTIONS") return err::kAccessForbidden;  // a CORS preflight; it has none
  if (is_browser_form(request))
    return {err::kNotImplemented, "Browser-based uploads using POST are not implemented."};
  if (request.query.has("AWSAccessKeyId")) return {err::kInvalidRequest, std::string(kWantV4)};
  return err::kAccessDenied;
}

std::optional<S3Error> unsigned_header(const Request& request, const SignatureFields& fields) {
  for (const Headers::Field& field : request.headers) {
    if (field.name.size() < 6 || !equals_ignore_case(field.name.substr(0, 6), "x-amz-")) continue;
    const bool is_signed = std::ranges::any_of(fields.signed_headers, [&](std::string_view name) {
      return equals_ignore_case(name, field.name);
    });
    if (is_signed) continue;
    S3Error error(err::kAccessDenied,
                  "There were headers present in the request which were not signed");
    error.details.emplace_back("HeadersNotSigned", to_lower_ascii(field.name));
    return error;
  }
  return std::nullopt;
}

S3Error too_skewed(const std::string& request_time, UnixSeconds now) {
  S3Error error(err::kRequestTimeTooSkewed);
  error.details.emplace_back("RequestTime", request_time);
  error.details.emplace_back("ServerTime", format_amz_date(now));
  error.details.emplace_back("MaxAllowedSkewMilliseconds",
                             std::to_string(kClockSkewSecondsMax * 1000));
  return error;
}

S3Error mismatch(std::string_view access_key, std::string_view text, std::string_view canonical,
                 std::string_view provided) {
  S3Error error(err::kSignatureDoesNotMatch);
  error.details.emplace_back("AWSAccessKeyId", access_key);
  error.details.emplace_back("StringToSign", text);
  error.details.emplace_back("SignatureProvided", provided);
  error.details.emplace_back("CanonicalRequest", canonical);
  return error;
}

}  // namespace

Authenticator::Authenticator(CredentialStore& credentials, std::vector<std::string> regions)
    : credentials_(credentials), regions_(std::move(regions)) {
  ATOLL_CHECK(!regions_.empty());
}

std::expected<Identity, S3Error> Authenticator::authenticate(const Request& request,
                                                             UnixSeconds now) {
  if (auto error = refuse_repeated(request)) return std::unexpected(std::move(*error));
  const bool in_header = request.headers.has("authorization");
  const bool in_query =
      request.query.has("X-Amz-Algorithm") || request.query.has("X-Amz-Signature");
  if (in_header && in_query)
    return std::unexpected(S3Error(err::kInvalidArgument,
                                   "Only one auth mechanism allowed; only the X-Amz-Algorithm "
                                   "query parameter or the Authorization header should be "
                                   "specified."));
  if (!in_header && !in_query) return std::unexpected(no_signature(request));
  if (!request.headers.get("x-amz-security-token").empty() ||
      request.query.has("X-Amz-Security-Token"))
    return std::unexpected(S3Error(
        err::kInvalidToken, "Temporary credentials are not offered: there is no session token."));

  auto claim = in_header ? claim_from_header(request, now) : claim_from_query(request, now);
  if (!claim) return std::unexpected(std::move(claim).error());
  if (auto error = check_scope(*claim)) return std::unexpected(std::move(*error));
  if (auto error = unsigned_header(request, claim->fields))
    return std::unexpected(std::move(*error));
  return verify(request, *claim);
}

std::expected<Authenticator::Claim, S3Error> Authenticator::claim_from_header(
    const Request& request, UnixSeconds now) const {
  const std::string_view header = request.headers.get("authorization");
  if (header.starts_with("AWS4-ECDSA") || header.starts_with("AWS "))
    return std::unexpected(S3Error(err::kInvalidRequest, std::string(kWantV4)));
  if (!header.starts_with(kSigV4Algorithm))
    return std::unexpected(S3Error(err::kInvalidArgument, "Unsupported Authorization Type"));
  auto fields = parse_authorization(header);
  if (!fields)
    return std::unexpected(S3Error(err::kAuthorizationHeaderMalformed, std::move(fields).error()));

  Claim claim;
  claim.fields = std::move(*fields);
  if (auto amz_date = request.headers.find("x-amz-date")) {
    const auto time = parse_amz_date(*amz_date);
    if (!time)
      return std::unexpected(
          S3Error(err::kAccessDenied, "The x-amz-date header must be like 20130524T000000Z."));
    claim.time = *time;
  } else if (auto date = request.headers.find("date")) {
    if (auto time = parse_amz_date(*date)) {
      claim.time = *time;
    } else if (auto http = parse_http_date(*date)) {
      claim.time = std::chrono::duration_cast<std::chrono::seconds>(*http).count();
    } else {
      return std::unexpected(S3Error(err::kAccessDenied, "The Date header is not a date."));
    }
  } else {
    return std::unexpected(S3Error(
        err::kAccessDenied, "AWS authentication requires a valid Date or x-amz-date header"));
  }
  claim.amz_date = format_amz_date(claim.time);
  if (std::abs(claim.time - now) > kClockSkewSecondsMax) {
    ATOLL_PROBE("s3_clock_skew_refused");
    return std::unexpected(too_skewed(claim.amz_date, now));
  }
  // S3 wants the header always. Without it, old curls sign requests without a body by the hash of
  // nothing; that is as strong, because a body would then be checked against that hash.
  const auto content_sha256 = request.headers.find("x-amz-content-sha256");
  if (!content_sha256 && request.method != "GET" && request.method != "HEAD" &&
      request.method != "DELETE")
    return std::unexpected(S3Error(
        err::kInvalidRequest, "Missing required header for this request: x-amz-content-sha256"));
  claim.content_sha256 = content_sha256.value_or(kEmptySha256);
  return claim;
}

std::expected<Authenticator::Claim, S3Error> Authenticator::claim_from_query(
    const Request& request, UnixSeconds now) const {
  const Query& query = request.query;
  auto malformed = [](std::string message) {
    return std::unexpected(S3Error(err::kAuthorizationQueryParametersError, std::move(message)));
  };
  for (std::string_view name : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature",
                                "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires"}) {
    const auto count =
        std::ranges::count_if(query, [&](const Query::Param& param) { return param.key == name; });
    if (count != 1)
      return malformed(
          "Query-string authentication version 4 requires the X-Amz-Algorithm, "
          "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
          "X-Amz-Expires parameters, each once.");
  }
  if (query.get("X-Amz-Algorithm") != kSigV4Algorithm)
    return malformed("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");

  Claim claim;
  claim.presigned = true;
  const auto credential = parse_credential(query.get("X-Amz-Credential"));
  if (!credential)
    return malformed(
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "
        "expecting \"<access key>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  claim.fields.credential = *credential;
  claim.fields.signed_headers_text = query.get("X-Amz-SignedHeaders");
  auto names = parse_signed_headers(claim.fields.signed_headers_text);
  if (!names) return malformed(std::move(names).error());
  claim.fields.signed_headers = std::move(*names);
  claim.fields.signature = query.get("X-Amz-Signature");
  if (!is_signature(claim.fields.signature))
    return malformed("X-Amz-Signature must have 64 lower-case hex digits.");
  claim.amz_date = query.get("X-Amz-Date");
  const auto time = parse_amz_date(claim.amz_date);
  if (!time)
    return malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  claim.time = *time;
  const auto expires = parse_decimal(query.get("X-Amz-Expires"));
  if (!expires || *expires < 1 || *expires > static_cast<uint64_t>(kPresignSecondsMax))
    return malformed("X-Amz-Expires must be a number of seconds from 1 to 604800 (a week).");

  if (claim.time - now > kClockSkewSecondsMax)
    return std::unexpected(S3Error(err::kAccessDenied, "Request is not valid yet"));
  if (now - claim.time > static_cast<UnixSeconds>(*expires)) {
    ATOLL_PROBE("s3_presigned_expired");
    S3Error error(err::kAccessDenied, "Request has expired");
    error.details.emplace_back("X-Amz-Expires", std::to_string(*expires));
    error.details.emplace_back("Expires",
                               format_amz_date(claim.time + static_cast<UnixSeconds>(*expires)));
    error.details.emplace_back("ServerTime", format_amz_date(now));
    return std::unexpected(std::move(error));
  }
  claim.content_sha256 = kUnsignedPayload;
  if (auto in_header = request.headers.find("x-amz-content-sha256")) {
    claim.content_sha256 = *in_header;
  } else if (auto in_query = query.find("X-Amz-Content-Sha256")) {
    claim.content_sha256 = *in_query;
  }
  return claim;
}

std::optional<S3Error> Authenticator::check_scope(const Claim& claim) const {
  const CredentialScope& scope = claim.fields.credential;
  if (scope.service != "s3")
    return S3Error(
        claim.malformed(),
        fmt::format("incorrect service \"{}\". This endpoint belongs to \"s3\".", scope.service));
  if (std::ranges::find(regions_, scope.region) == regions_.end()) {
    S3Error error(claim.malformed(),
                  fmt::format("The authorization is malformed; the region '{}' is wrong; expecting "
                              "'{}'",
                              scope.region, regions_.front()));
    error.details.emplace_back("Region", regions_.front());
    // SDKs sign again for the region that is named here; of a HEAD they see nothing else.
    error.headers.emplace_back("x-amz-bucket-region", regions_.front());
    return error;
  }
  if (scope.date != std::string_view(claim.amz_date).substr(0, 8))
    return S3Error(claim.malformed(),
                   fmt::format("Invalid credential date \"{}\". This date is not the same as "
                               "X-Amz-Date: \"{}\".",
                               scope.date, claim.amz_date));
  return std::nullopt;
}

std::expected<Identity, S3Error> Authenticator::verify(const Request& request, const Claim& claim) {
  const CredentialScope& scope = claim.fields.credential;
  const auto payload = parse_payload_kind(claim.content_sha256);
  if (!payload)
    return std::unexpected(
        S3Error(err::kInvalidArgument,
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "
                "STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."));
  const bool signs_chunks =
      *payload == PayloadKind::kStreamingSigned || *payload == PayloadKind::kStreamingSignedTrailer;
  if (signs_chunks && claim.presigned)
    return std::unexpected(S3Error(
        err::kInvalidRequest, "Signed chunks need the signature in the Authorization header."));
  for (std::string_view name : claim.fields.signed_headers)
    if (!request.headers.has(name))
      return std::unexpected(S3Error(
          err::kSignatureDoesNotMatch,
          fmt::format("The signed header {} is not in the request that has arrived.", name)));

  const auto secret = credentials_.secret_for(scope.access_key);
  if (!secret) {
    S3Error error(err::kInvalidAccessKeyId);
    error.details.emplace_back("AWSAccessKeyId", scope.access_key);
    return std::unexpected(std::move(error));
  }
  const SigningKey key = keys_.get(scope, *secret);
  const std::string canonical = canonical_request(request, claim.fields, claim.content_sha256);
  const std::string text = string_to_sign(claim.amz_date, scope.scope, canonical);
  if (!equal_in_constant_time(hmac_hex(key, text), claim.fields.signature)) {
    ATOLL_PROBE("s3_signature_refused");
    return std::unexpected(mismatch(scope.access_key, text, canonical, claim.fields.signature));
  }

  Identity identity;
  identity.access_key = scope.access_key;
  identity.payload = *payload;
  identity.content_sha256 = claim.content_sha256;
  identity.presigned = claim.presigned;
  if (signs_chunks)
    identity.chunk_signatures.emplace(key, claim.amz_date, scope.scope, claim.fields.signature);
  return identity;
}

}  // namespace atl::s3
