// PutObject. Steps as in docs/paths/write.md.
#include "frontend/s3/body_store.h"
#include "frontend/s3/conditionals.h"
#include "frontend/s3/metadata.h"
#include "frontend/s3/operation.h"

namespace atl::s3 {
namespace {

// Fails before the body is read where that is already certain. The condition is checked again,
// atomically, when the object is committed.
Task<S3Status> check_early(Op& op, const ns::Conditions& conditions) {
  S3_CO_CHECK(co_await find_bucket(op));
  if (!conditions.if_match && !conditions.if_none_match) co_return S3Status();
  const Result<ns::ObjectInfo> current =
      co_await op.partition().get_object(op.bucket(), op.key(), false);
  if (!current && current.error().code != Errc::kNotFound)
    co_return refuse(from_error(current.error(), "get object"));
  if (conditions.if_none_match && current) co_return refuse(precondition_failed("If-None-Match"));
  if (conditions.if_match) {
    if (!current) co_return refuse(co_await not_found(op, op.bucket(), err::kNoSuchKey));
    if (*conditions.if_match != "*" && *conditions.if_match != current->meta.etag)
      co_return refuse(precondition_failed("If-Match"));
  }
  co_return S3Status();
}

}  // namespace

Task<OpResult> put_object(Op& op) {
  // 3. What can be refused without the body.
  S3_CO_TRY(ns::ObjectMeta meta, parse_object_meta(op.headers()));
  S3_CO_TRY(const BodyClaims claims, parse_body_claims(op.request));
  S3_CO_TRY(ns::Conditions conditions, parse_write_conditions(op.headers()));
  S3_CO_CHECK(check_body_length(op.request));
  S3_CO_CHECK(co_await check_early(op, conditions));

  // 4 to 7. The body.
  BodyClaims claimed = claims;
  S3_CO_TRY(StoredBody stored,
            co_await store_body(op, std::move(claimed), ChecksumAlgorithm::kNone));

  // 8. One journal entry makes it the object: metadata, and where the bytes are (or the bytes).
  meta.etag = stored.etag;
  meta.checksum = stored.checksum;
  const bool if_match = conditions.if_match.has_value();
  const Result<ns::PutResult> put = co_await op.partition().put_object(
      op.bucket(), op.key(), std::move(meta), std::move(stored.data), std::move(conditions));
  if (!put) {
    if (put.error().code == Errc::kConflict)
      co_return refuse(precondition_failed(if_match ? "If-Match" : "If-None-Match"));
    co_return refuse(co_await partition_error(op, put.error(), err::kNoSuchBucket, "put object"));
  }

  // 9. The answer.
  Response response;
  response.set("ETag", quote_etag(stored.etag));
  add_checksum_headers(&response, stored.checksum, 0);
  co_return response;
}

}  // namespace atl::s3
