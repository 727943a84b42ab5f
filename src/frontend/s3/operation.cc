#include "frontend/s3/operation.h"

#include "base/hash.h"
#include "frontend/s3/bucket_name.h"
#include "frontend/s3/checksum.h"
#include "frontend/s3/sigv4.h"
#include "frontend/s3/text.h"

namespace atl::s3 {

Task<S3Error> not_found(Op& op, std::string bucket, ErrorKind otherwise) {
  std::string name = bucket;
  const Result<ns::BucketInfo> info =
      co_await op.client().partition_of(bucket).get_bucket(std::move(name));
  if (!info && info.error().code == Errc::kNotFound) {
    S3Error error(err::kNoSuchBucket);
    error.details = {{"BucketName", bucket}};
    co_return error;
  }
  S3Error error(otherwise);
  if (otherwise.code == err::kNoSuchKey.code) error.details = {{"Key", op.key()}};
  co_return error;
}

Task<S3Error> partition_error(Op& op, Error error, ErrorKind if_not_found, std::string_view doing) {
  if (error.code == Errc::kNotFound) co_return co_await not_found(op, op.bucket(), if_not_found);
  co_return from_error(error, doing);
}

namespace {

S3Status check_owner(const Op& op, const ns::BucketInfo& bucket) {
  const auto expected = op.headers().find("x-amz-expected-bucket-owner");
  if (!expected || *expected == bucket.owner || *expected == canonical_id(bucket.owner)) return {};
  return refuse(err::kAccessDenied);
}

}  // namespace

Task<S3Result<ns::BucketInfo>> find_bucket(Op& op) {
  Result<ns::BucketInfo> info = co_await op.partition().get_bucket(op.bucket());
  if (!info)
    co_return refuse(co_await partition_error(op, info.error(), err::kNoSuchBucket, "get bucket"));
  S3_CO_CHECK(check_owner(op, *info));
  co_return std::move(*info);
}

Task<S3Result<ns::ObjectInfo>> find_object(Op& op, bool with_extents) {
  // The bucket is looked at on its own only where the request says something about it.
  if (op.headers().has("x-amz-expected-bucket-owner")) S3_CO_CHECK(co_await find_bucket(op));
  Result<ns::ObjectInfo> info =
      co_await op.partition().get_object(op.bucket(), op.key(), with_extents);
  if (!info)
    co_return refuse(co_await partition_error(op, info.error(), err::kNoSuchKey, "get object"));
  co_return std::move(*info);
}

Task<S3Result<std::string>> read_xml_body(Op& op, XmlBodyCheck check) {
  S3_CO_TRY(const BodyClaims claims, check == XmlBodyCheck::kMd5Only
                                         ? parse_md5_claim(op.request)
                                         : parse_body_claims(op.request));
  if (check == XmlBodyCheck::kRequired && !claims.md5 &&
      claims.algorithm == ChecksumAlgorithm::kNone)
    co_return refuse(err::kInvalidRequest, "Missing required header for this request: Content-MD5");
  S3_CO_TRY(std::string bytes, co_await read_all(op.body, kXmlBytesMax));
  if (claims.md5 || claims.algorithm != ChecksumAlgorithm::kNone) {
    BodyDigest digest(claims.algorithm, claims.md5.has_value());
    digest.update(as_bytes(bytes));
    digest.finish();
    S3_CO_CHECK(check_claims(claims, digest, op.body.trailers()));
  }
  co_return bytes;
}

Response xml_response(std::string body) {
  Response response;
  response.set("Content-Type", "application/xml");
  response.body = std::move(body);
  return response;
}

std::string canonical_id(std::string_view access_key) {
  return to_hex(::atl::sha256(access_key));
}

void write_owner(XmlWriter* xml, std::string_view tag, std::string_view access_key) {
  xml->open(tag).text("ID", canonical_id(access_key)).text("DisplayName", access_key).close(tag);
}

S3Result<uint32_t> parse_count(const Query& query, std::string_view name, uint32_t absent,
                               uint32_t max) {
  const auto text = query.find(name);
  if (!text || text->empty()) return absent;
  const auto value = parse_decimal(*text, INT32_MAX);
  if (!value) {
    S3Error error(err::kInvalidArgument,
                  fmt::format("Provided {} not an integer or within integer range", name));
    error.details = {{"ArgumentName", std::string(name)}, {"ArgumentValue", std::string(*text)}};
    return refuse(std::move(error));
  }
  return static_cast<uint32_t>(std::min<uint64_t>(*value, max));
}

S3Result<bool> parse_encoding_type(const Query& query) {
  const auto value = query.find("encoding-type");
  if (!value || value->empty()) return false;
  if (*value == "url") return true;
  S3Error error(err::kInvalidArgument, "Invalid Encoding Method specified in Request");
  error.details = {{"ArgumentName", "encoding-type"}, {"ArgumentValue", std::string(*value)}};
  return refuse(std::move(error));
}

S3Status check_key(std::string_view key) {
  if (key.size() > ns::kMaxKeyBytes) {
    S3Error error(err::kKeyTooLong);
    error.details = {{"Size", std::to_string(key.size())},
                     {"MaxSizeAllowed", std::to_string(ns::kMaxKeyBytes)}};
    return refuse(std::move(error));
  }
  if (key.empty() || key.find('\0') != std::string_view::npos || !is_valid_utf8(key))
    return refuse(err::kInvalidURI, "The key must be UTF-8 without NUL.");
  return {};
}

S3Status check_bucket_name(std::string_view name) {
  if (is_valid_bucket_name(name)) return {};
  S3Error error(err::kInvalidBucketName);
  error.details = {{"BucketName", std::string(name)}};
  return refuse(std::move(error));
}

Task<S3Status> check_unread_body(Op& op) {
  S3_CO_TRY(const BodyClaims claims, parse_unread_body_claims(op.request));
  const bool nothing_claimed = !claims.md5 && claims.algorithm == ChecksumAlgorithm::kNone;
  const std::string_view hash = op.request.content_sha256;
  if (nothing_claimed && op.request.content_length == 0 &&
      (hash == kEmptySha256 || hash == kUnsignedPayload))
    co_return S3Status();
  S3_CO_TRY(const std::string bytes, co_await read_all(op.body, kUnreadBodyBytesMax));
  if (nothing_claimed) co_return S3Status();
  BodyDigest digest(claims.algorithm, claims.md5.has_value());
  digest.update(as_bytes(bytes));
  digest.finish();
  co_return check_claims(claims, digest, op.body.trailers());
}

S3Status check_utf8(std::string_view name, std::string_view value) {
  if (is_valid_utf8(value)) return {};
  return refuse(err::kInvalidArgument, fmt::format("The value of {} must be UTF-8", name));
}

}  // namespace atl::s3
