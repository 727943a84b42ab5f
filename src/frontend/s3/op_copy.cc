// CopyObject: the copy shares the source's stripes; no byte is moved. (Only where another checksum
// is asked for are the bytes read.)
#include "frontend/s3/conditionals.h"
#include "frontend/s3/copy_source.h"
#include "frontend/s3/http_date.h"
#include "frontend/s3/metadata.h"
#include "frontend/s3/operation.h"
#include "frontend/s3/tags.h"

namespace atl::s3 {
namespace {

struct Directives {
  bool replace_metadata = false;
  bool replace_tags = false;
};

S3Result<bool> parse_directive(const Headers& headers, std::string_view name) {
  const auto value = headers.find(name);
  if (!value || *value == "COPY") return false;
  if (*value == "REPLACE") return true;
  S3Error error(err::kInvalidArgument, fmt::format("Unknown {}.", name));
  error.details = {{"ArgumentName", std::string(name)}, {"ArgumentValue", std::string(*value)}};
  return refuse(std::move(error));
}

S3Result<Directives> parse_directives(const Headers& headers) {
  const auto metadata = parse_directive(headers, "x-amz-metadata-directive");
  if (!metadata) return refuse(metadata.error());
  const auto tags = parse_directive(headers, "x-amz-tagging-directive");
  if (!tags) return refuse(tags.error());
  return Directives{*metadata, *tags};
}

// What the copy is to have: each part of it from the source or from the request.
S3Result<ns::ObjectMeta> make_meta(const Headers& headers, const Directives& directives,
                                   const ns::ObjectMeta& source) {
  ns::ObjectMeta out;
  if (directives.replace_metadata) {
    auto given = parse_headers_and_metadata(headers);
    if (!given) return given;
    out = std::move(*given);
  } else {
    out.headers = source.headers;
    out.user_metadata = source.user_metadata;
  }
  if (!directives.replace_tags) {
    out.tags = source.tags;
  } else if (const auto tagging = headers.find("x-amz-tagging")) {
    auto tags = parse_tagging_header(*tagging);
    if (!tags) return refuse(std::move(tags).error());
    out.tags = std::move(*tags);
  }
  auto storage_class = parse_storage_class(headers);  // S3: STANDARD unless said, not the source's
  if (!storage_class) return refuse(std::move(storage_class).error());
  out.storage_class = std::move(*storage_class);
  out.etag = source.etag;
  out.checksum = source.checksum;
  out.parts = source.parts;
  return out;
}

S3Result<ChecksumAlgorithm> parse_wanted_checksum(const Headers& headers) {
  const auto name = headers.find("x-amz-checksum-algorithm");
  if (!name) return ChecksumAlgorithm::kNone;
  const auto algorithm = parse_checksum_algorithm(*name);
  if (!algorithm)
    return refuse(err::kInvalidRequest,
                  "Checksum algorithm provided is unsupported. Please try again with any of the "
                  "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
  return *algorithm;
}

// Why a copy that was refused by the namespace was refused.
Task<S3Error> conflict_of(Op& op, CopySource source, std::string seen_etag) {
  const Result<ns::ObjectInfo> now =
      co_await op.client().partition_of(source.bucket).get_object(source.bucket, source.key, false);
  // The source was replaced after it was looked at: the client may simply try again.
  if (!now || now->meta.etag != seen_etag) co_return S3Error(err::kSlowDown);
  co_return precondition_failed(op.headers().has("if-match") ? "If-Match" : "If-None-Match");
}

}  // namespace

Task<OpResult> copy_object(Op& op) {
  S3_CO_TRY(const CopySource source, parse_copy_source(op.headers().get("x-amz-copy-source")));
  S3_CO_TRY(const Directives directives, parse_directives(op.headers()));
  S3_CO_TRY(const ChecksumAlgorithm wanted, parse_wanted_checksum(op.headers()));
  S3_CO_TRY(ns::Conditions conditions, parse_write_conditions(op.headers()));
  const bool onto_itself = source.bucket == op.bucket() && source.key == op.key();
  if (onto_itself && !directives.replace_metadata && !op.headers().has("x-amz-storage-class") &&
      wanted == ChecksumAlgorithm::kNone)
    co_return refuse(
        err::kInvalidRequest,
        "This copy request is illegal because it is trying to copy an object to itself "
        "without changing the object's metadata, storage class, website redirect "
        "location or encryption attributes.");
  S3_CO_CHECK(co_await find_bucket(op));

  CopySource looked_up = source;
  S3_CO_TRY(ns::ObjectInfo object, co_await find_copy_source(op, std::move(looked_up),
                                                             wanted != ChecksumAlgorithm::kNone));
  S3_CO_TRY(ns::ObjectMeta meta, make_meta(op.headers(), directives, object.meta));
  const std::string etag = object.meta.etag;
  if (wanted != ChecksumAlgorithm::kNone && object.meta.checksum.algorithm != wanted) {
    S3_CO_TRY(meta.checksum, co_await checksum_of_object(op, std::move(object), wanted));
  }
  const ns::Checksum checksum = meta.checksum;
  const size_t parts = meta.parts.size();

  std::string expected = etag;
  std::optional<ns::ObjectMeta> new_meta(std::move(meta));
  const Result<ns::PutResult> copied = co_await op.partition().copy_object(
      source.bucket, source.key, std::move(expected), op.bucket(), op.key(), std::move(new_meta),
      std::move(conditions));
  if (!copied) {
    if (copied.error().code == Errc::kConflict) {
      CopySource again = source;
      std::string seen = etag;
      co_return refuse(co_await conflict_of(op, std::move(again), std::move(seen)));
    }
    co_return refuse(co_await partition_error(op, copied.error(), err::kNoSuchKey, "copy object"));
  }
  XmlWriter xml;
  xml.open_root("CopyObjectResult")
      .text("LastModified", iso8601_date(copied->mtime))
      .text("ETag", quote_etag(etag));
  write_checksum(&xml, checksum, parts);
  if (checksum.algorithm != ChecksumAlgorithm::kNone)
    xml.text("ChecksumType", checksum_type(checksum));
  co_return xml_response(xml.close("CopyObjectResult").take());
}

}  // namespace atl::s3
