// Sub-resources that clients ask about and that a bucket here has in one form only, or never:
// versioning, access lists, and S3's "not configured" answers.
#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "frontend/s3/operation.h"

namespace atl::s3 {
namespace {

// What GET of a configuration answers: an error that says there is none, or an empty document.
struct NotConfigured {
  std::string_view subresource;
  const ErrorKind* error;     // null: `document` instead
  std::string_view document;  // the root element
};

constexpr NotConfigured kNotConfigured[] = {
    {"policy", &err::kNoSuchBucketPolicy, {}},
    {"policyStatus", &err::kNoSuchBucketPolicy, {}},
    {"lifecycle", &err::kNoSuchLifecycleConfiguration, {}},
    {"cors", &err::kNoSuchCorsConfiguration, {}},
    {"encryption", &err::kNoEncryptionConfiguration, {}},
    {"object-lock", &err::kNoObjectLockConfiguration, {}},
    {"website", &err::kNoSuchWebsiteConfiguration, {}},
    {"replication", &err::kNoReplicationConfiguration, {}},
    {"publicAccessBlock", &err::kNoSuchPublicAccessBlock, {}},
    {"ownershipControls", &err::kNoOwnershipControls, {}},
    {"logging", nullptr, "BucketLoggingStatus"},
    {"notification", nullptr, "NotificationConfiguration"},
    {"requestPayment", nullptr, "RequestPaymentConfiguration"},
    {"accelerate", nullptr, "AccelerateConfiguration"},
};

}  // namespace

Task<OpResult> get_bucket_config(Op& op) {
  S3_CO_CHECK(co_await find_bucket(op));
  const auto found =
      std::find_if(std::begin(kNotConfigured), std::end(kNotConfigured),
                   [&](const NotConfigured& c) { return op.query().has(c.subresource); });
  ATOLL_CHECK(found != std::end(kNotConfigured), "a route without its answer");
  if (found->error != nullptr) {
    S3Error error(*found->error);
    error.details = {{"BucketName", op.bucket()}};
    co_return refuse(std::move(error));
  }
  XmlWriter xml;
  xml.open_root(found->document);
  if (found->subresource == "requestPayment") xml.text("Payer", "BucketOwner");
  co_return xml_response(xml.close(found->document).take());
}

Task<OpResult> get_bucket_versioning(Op& op) {
  S3_CO_CHECK(co_await find_bucket(op));
  XmlWriter xml;
  xml.open_root("VersioningConfiguration").close("VersioningConfiguration");
  co_return xml_response(xml.take());
}

// Of a bucket or an object: whoever may sign may do all; that is FULL_CONTROL of the bucket's
// owner.
Task<OpResult> get_acl(Op& op) {
  S3_CO_TRY(const ns::BucketInfo bucket, co_await find_bucket(op));
  if (!op.key().empty()) S3_CO_CHECK(co_await find_object(op, false));
  XmlWriter xml;
  xml.open_root("AccessControlPolicy");
  write_owner(&xml, "Owner", bucket.owner);
  xml.open("AccessControlList").open("Grant");
  xml.open(
      "Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
      "xsi:type=\"CanonicalUser\"");
  xml.text("ID", canonical_id(bucket.owner)).text("DisplayName", bucket.owner).close("Grantee");
  xml.text("Permission", "FULL_CONTROL").close("Grant").close("AccessControlList");
  co_return xml_response(xml.close("AccessControlPolicy").take());
}

// Only what is so anyway: x-amz-acl: private. Other canned lists and grants were refused before.
Task<OpResult> put_acl(Op& op) {
  S3_CO_CHECK(co_await find_bucket(op));
  if (!op.key().empty()) S3_CO_CHECK(co_await find_object(op, false));
  S3_CO_TRY(const std::string body, co_await read_xml_body(op));
  if (!body.empty() || !op.headers().has("x-amz-acl"))
    co_return refuse(err::kNotImplemented,
                     "Access lists other than x-amz-acl: private are not implemented");
  co_return Response(200);
}

}  // namespace atl::s3
