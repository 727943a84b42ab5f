#include "frontend/s3/copy_source.h"

#include <algorithm>

#include "base/check.h"
#include "frontend/s3/conditionals.h"
#include "frontend/s3/text.h"

namespace atl::s3 {

namespace {

S3Status check_source_query(std::string_view query) {
  constexpr std::string_view kVersionId = "versionId=";
  if (query.empty() || query == "versionId=null") return {};
  if (query.starts_with(kVersionId) && query.size() > kVersionId.size())
    return refuse(err::kNotImplemented,
                  "A copy source with a versionId other than null is not implemented");
  S3Error error(err::kInvalidArgument,
                "A copy source has no parameter but versionId; a ? of its key must come as %3F");
  error.details = {{"ArgumentName", "x-amz-copy-source"}};
  return refuse(std::move(error));
}

}  // namespace

S3Result<CopySource> parse_copy_source(std::string_view header) {
  // A '?' of the key itself comes encoded.
  const size_t question = header.find('?');
  const std::string_view query =
      question == std::string_view::npos ? std::string_view() : header.substr(question + 1);
  if (auto ok = check_source_query(query); !ok) return refuse(std::move(ok).error());
  if (header.starts_with("arn:"))
    return refuse(err::kNotImplemented, "A copy source given as an ARN is not implemented");
  const auto path = percent_decode_text(header.substr(0, question), true);
  S3Error malformed(err::kInvalidArgument,
                    "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  malformed.details = {{"ArgumentName", "x-amz-copy-source"}};
  if (!path) return refuse(std::move(malformed));
  const std::string_view rest = std::string_view(*path).substr(path->starts_with('/') ? 1 : 0);
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size())
    return refuse(std::move(malformed));
  CopySource out{std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1))};
  if (auto ok = check_bucket_name(out.bucket); !ok) return refuse(std::move(ok).error());
  if (auto ok = check_key(out.key); !ok) return refuse(std::move(ok).error());
  return out;
}

namespace {

Task<S3Status> check_source_owner(Op& op, std::string bucket) {
  const auto expected = op.headers().find("x-amz-source-expected-bucket-owner");
  if (!expected) co_return S3Status();
  std::string name = bucket;
  const Result<ns::BucketInfo> info =
      co_await op.client().partition_of(bucket).get_bucket(std::move(name));
  // An absent bucket is reported by the look-up of the object.
  if (!info || *expected == info->owner || *expected == canonical_id(info->owner))
    co_return S3Status();
  co_return refuse(err::kAccessDenied);
}

}  // namespace

Task<S3Result<ns::ObjectInfo>> find_copy_source(Op& op, CopySource source, bool with_extents) {
  std::string owner_of = source.bucket;
  S3_CO_CHECK(co_await check_source_owner(op, std::move(owner_of)));
  Result<ns::ObjectInfo> info = co_await op.client()
                                    .partition_of(source.bucket)
                                    .get_object(source.bucket, source.key, with_extents);
  if (!info) {
    if (info.error().code != Errc::kNotFound)
      co_return refuse(from_error(info.error(), "get copy source"));
    S3Error error = co_await not_found(op, source.bucket, err::kNoSuchKey);
    if (error.code == err::kNoSuchKey.code) error.details = {{"Key", source.key}};
    co_return refuse(std::move(error));
  }
  const ReadConditions conditions = parse_read_conditions(op.headers(), "x-amz-copy-source-");
  const std::string_view failing = failing_condition(conditions, info->meta.etag, info->mtime);
  if (!failing.empty())
    co_return refuse(precondition_failed(std::string("x-amz-copy-source-").append(failing)));
  co_return std::move(*info);
}

Task<S3Result<StoredBody>> copy_bytes(Op& op, ns::ObjectInfo source, ByteRange range,
                                      ChecksumAlgorithm algorithm) {
  const env::Permit permit = co_await env::Permit::take(op.service.data_copies);
  HashLane lane(op.env(), algorithm);
  std::unique_ptr<client::BodyWriter> writer = op.client().start_body(range.length);
  std::unique_ptr<client::BodyReader> reader =
      op.client().read_body(std::move(source), range.offset, range.length);
  while (true) {
    const Result<Buf> piece = co_await reader->next();
    if (!piece) co_return refuse(from_error(piece.error(), "read copy source"));
    if (piece->empty()) break;
    co_await lane.add(*piece, piece->span());
    const Status appended = co_await writer->append(piece->span());
    if (!appended) co_return refuse(from_error(appended.error(), "write copy"));
  }
  co_await lane.finish();
  Result<ns::FileData> data = co_await writer->finish();
  if (!data) co_return refuse(from_error(data.error(), "write copy"));
  ATOLL_CHECK(data->size == range.length);
  StoredBody out;
  out.data = std::move(*data);
  out.etag = lane.digest().md5().hex();
  out.checksum = lane.digest().checksum();
  co_return out;
}

Task<S3Result<ns::Checksum>> checksum_of_object(Op& op, ns::ObjectInfo source,
                                                ChecksumAlgorithm algorithm) {
  HashLane lane(op.env(), algorithm);
  const uint64_t size = source.size;
  std::unique_ptr<client::BodyReader> reader = op.client().read_body(std::move(source), 0, size);
  while (true) {
    const Result<Buf> piece = co_await reader->next();
    if (!piece) co_return refuse(from_error(piece.error(), "read copy source"));
    if (piece->empty()) break;
    co_await lane.add(*piece, piece->span());
  }
  co_await lane.finish();
  co_return lane.digest().checksum();
}

}  // namespace atl::s3
