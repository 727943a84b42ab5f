// Tags of buckets and objects.
#include "frontend/s3/operation.h"
#include "frontend/s3/tags.h"

namespace atl::s3 {
namespace {

Task<OpResult> store_bucket_tags(Op& op, ns::Tags tags) {
  const Status stored = co_await op.partition().set_bucket_tags(op.bucket(), std::move(tags));
  if (!stored)
    co_return refuse(
        co_await partition_error(op, stored.error(), err::kNoSuchBucket, "set bucket tags"));
  co_return Response(204);
}

Task<S3Status> store_object_tags(Op& op, ns::Tags tags) {
  const Status stored =
      co_await op.partition().set_object_tags(op.bucket(), op.key(), std::move(tags));
  if (!stored)
    co_return refuse(
        co_await partition_error(op, stored.error(), err::kNoSuchKey, "set object tags"));
  co_return S3Status();
}

}  // namespace

Task<OpResult> get_bucket_tagging(Op& op) {
  S3_CO_TRY(const ns::BucketInfo bucket, co_await find_bucket(op));
  if (bucket.tags.empty()) {
    S3Error error(err::kNoSuchTagSet);
    error.details = {{"BucketName", op.bucket()}};
    co_return refuse(std::move(error));
  }
  co_return xml_response(tagging_document(bucket.tags));
}

Task<OpResult> put_bucket_tagging(Op& op) {
  S3_CO_CHECK(co_await find_bucket(op));
  S3_CO_TRY(std::string body, co_await read_xml_body(op));
  S3_CO_TRY(ns::Tags tags, parse_tagging_document(std::move(body), kBucketTagsMax));
  co_return co_await store_bucket_tags(op, std::move(tags));
}

Task<OpResult> delete_bucket_tagging(Op& op) {
  S3_CO_CHECK(co_await find_bucket(op));
  ns::Tags none;
  co_return co_await store_bucket_tags(op, std::move(none));
}

Task<OpResult> get_object_tagging(Op& op) {
  S3_CO_TRY(const ns::ObjectInfo object, co_await find_object(op, false));
  co_return xml_response(tagging_document(object.meta.tags));
}

Task<OpResult> put_object_tagging(Op& op) {
  S3_CO_CHECK(co_await find_object(op, false));
  S3_CO_TRY(std::string body, co_await read_xml_body(op));
  S3_CO_TRY(ns::Tags tags, parse_tagging_document(std::move(body), kObjectTagsMax));
  S3_CO_CHECK(co_await store_object_tags(op, std::move(tags)));
  co_return Response(200);
}

Task<OpResult> delete_object_tagging(Op& op) {
  S3_CO_CHECK(co_await find_object(op, false));
  ns::Tags none;
  S3_CO_CHECK(co_await store_object_tags(op, std::move(none)));
  co_return Response(204);
}

}  // namespace atl::s3
