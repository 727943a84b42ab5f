// ListBuckets, CreateBucket, HeadBucket, DeleteBucket, GetBucketLocation.
#include <algorithm>

#include "frontend/s3/http_date.h"
#include "frontend/s3/operation.h"
#include "frontend/s3/page_token.h"

namespace atl::s3 {
namespace {

constexpr uint32_t kBucketsPageMax = 10'000;  // S3's limit for max-buckets
constexpr std::string_view kUsEast1 = "us-east-1";

// The region of a CreateBucketConfiguration; "" when none is named.
S3Result<std::string> parse_location(std::string body) {
  if (body.empty()) return std::string();
  auto document = XmlDocument::parse(std::move(body), "CreateBucketConfiguration");
  if (!document) return refuse(std::move(document).error());
  std::string location;
  for (pugi::xml_node node : document->root().children()) {
    if (node.type() != pugi::node_element) continue;
    if (local_name(node) != "LocationConstraint")
      return refuse(
          err::kNotImplemented,
          fmt::format("{} in CreateBucketConfiguration is not implemented", local_name(node)));
    location = text_of(node);
  }
  return location;
}

}  // namespace

Task<OpResult> list_buckets(Op& op) {
  S3_CO_TRY(const uint32_t limit,
            parse_count(op.query(), "max-buckets", kBucketsPageMax, INT32_MAX));
  if (limit == 0 || limit > kBucketsPageMax)
    co_return refuse(err::kInvalidArgument,
                     fmt::format("max-buckets must be between 1 and {}", kBucketsPageMax));
  const std::string prefix(op.query().get("prefix"));
  S3_CO_CHECK(check_utf8("prefix", prefix));
  std::string after;
  if (const auto token = op.query().find("continuation-token")) {
    S3_CO_TRY(after, decode_page_token(*token, "buckets", prefix));
  }

  Result<std::vector<ns::BucketInfo>> listed = co_await op.client().root().list_buckets();
  if (!listed) co_return refuse(from_error(listed.error(), "list buckets"));
  std::vector<ns::BucketInfo>& buckets = *listed;
  std::ranges::sort(buckets, {}, &ns::BucketInfo::name);
  // A bucket of another region is none of this list's.
  const auto region = op.query().find("bucket-region");
  const bool other_region = region && !region->empty() && *region != op.service.options.region;
  std::erase_if(buckets, [&](const ns::BucketInfo& b) {
    return other_region || !b.name.starts_with(prefix) || b.name <= after;
  });
  const bool truncated = buckets.size() > limit;
  if (truncated) buckets.resize(limit);

  XmlWriter xml;
  xml.open_root("ListAllMyBucketsResult");
  write_owner(&xml, "Owner", op.request.access_key);
  xml.open("Buckets");
  for (const ns::BucketInfo& bucket : buckets) {
    xml.open("Bucket").text("Name", bucket.name).text("CreationDate", iso8601_date(bucket.created));
    if (region) xml.text("BucketRegion", op.service.options.region);
    xml.close("Bucket");
  }
  xml.close("Buckets");
  if (!prefix.empty()) xml.text("Prefix", prefix);
  if (truncated)
    xml.text("ContinuationToken", encode_page_token(buckets.back().name, "buckets", prefix));
  co_return xml_response(xml.close("ListAllMyBucketsResult").take());
}

Task<OpResult> create_bucket(Op& op) {
  S3_CO_TRY(std::string body, co_await read_xml_body(op));
  S3_CO_TRY(const std::string location, parse_location(std::move(body)));
  const std::string& region = op.service.options.region;
  if (!location.empty() && location != region && !(location == "US" && region == kUsEast1))
    co_return refuse(err::kInvalidLocationConstraint,
                     fmt::format("This cluster is region {}", region));

  const Result<ns::BucketInfo> created =
      co_await op.partition().create_bucket(op.bucket(), op.request.access_key);
  if (created) {
    Response response;
    response.set("Location", "/" + op.bucket());
    co_return response;
  }
  if (created.error().code == Errc::kTooLarge) co_return refuse(err::kTooManyBuckets);
  if (created.error().code != Errc::kExists)
    co_return refuse(from_error(created.error(), "create bucket"));
  const Result<ns::BucketInfo> existing = co_await op.partition().get_bucket(op.bucket());
  const bool mine = existing && existing->owner == op.request.access_key;
  S3Error error(mine ? err::kBucketAlreadyOwnedByYou : err::kBucketAlreadyExists);
  error.details = {{"BucketName", op.bucket()}};
  co_return refuse(std::move(error));
}

Task<OpResult> head_bucket(Op& op) {
  S3_CO_CHECK(co_await find_bucket(op));
  Response response;
  response.set("x-amz-bucket-region", op.service.options.region);
  response.set("x-amz-access-point-alias", "false");
  response.set("Content-Type", "application/xml");
  co_return response;
}

Task<OpResult> delete_bucket(Op& op) {
  S3_CO_CHECK(co_await find_bucket(op));
  const Status deleted = co_await op.partition().delete_bucket(op.bucket());
  if (deleted) co_return Response(204);
  if (deleted.error().code == Errc::kNotEmpty) {
    S3Error error(err::kBucketNotEmpty);
    error.details = {{"BucketName", op.bucket()}};
    co_return refuse(std::move(error));
  }
  co_return refuse(
      co_await partition_error(op, deleted.error(), err::kNoSuchBucket, "delete bucket"));
}

Task<OpResult> get_bucket_location(Op& op) {
  S3_CO_CHECK(co_await find_bucket(op));
  // us-east-1 is told as nothing, for reasons of history.
  const std::string& region = op.service.options.region;
  XmlWriter xml;
  xml.open_root("LocationConstraint");
  if (region != kUsEast1) xml.content(region);
  co_return xml_response(xml.close("LocationConstraint").take());
}

}  // namespace atl::s3
