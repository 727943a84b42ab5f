#include "frontend/s3/routes.h"

#include <algorithm>
#include <iterator>

namespace atl::s3 {
namespace {

constexpr auto kService = Scope::kService;
constexpr auto kBucket = Scope::kBucket;
constexpr auto kObject = Scope::kObject;
constexpr auto kReads = Body::kRead;
constexpr auto kCopy = Source::kCopy;

// The most frequent first, and a copy before what it is a copy of.
constexpr Route kRoutes[] = {
    {"GetObject", "GET", kObject, "", get_object},
    {"CopyObject", "PUT", kObject, "", copy_object, Body::kUnread, kCopy},
    {"PutObject", "PUT", kObject, "", put_object, kReads},
    {"HeadObject", "HEAD", kObject, "", head_object},
    {"DeleteObject", "DELETE", kObject, "", delete_object},
    {"ListObjectsV2", "GET", kBucket, "list-type", list_objects_v2},
    {"ListObjects", "GET", kBucket, "", list_objects_v1},
    {"UploadPartCopy", "PUT", kObject, "uploadId", upload_part_copy, Body::kUnread, kCopy},
    {"UploadPart", "PUT", kObject, "uploadId", upload_part, kReads},
    {"CreateMultipartUpload", "POST", kObject, "uploads", create_multipart_upload},
    {"CompleteMultipartUpload", "POST", kObject, "uploadId", complete_multipart_upload, kReads},
    {"AbortMultipartUpload", "DELETE", kObject, "uploadId", abort_multipart_upload},
    {"ListParts", "GET", kObject, "uploadId", list_parts},
    {"ListMultipartUploads", "GET", kBucket, "uploads", list_multipart_uploads},
    {"DeleteObjects", "POST", kBucket, "delete", delete_objects, kReads},
    {"GetObjectAttributes", "GET", kObject, "attributes", get_object_attributes},
    {"GetObjectTagging", "GET", kObject, "tagging", get_object_tagging},
    {"PutObjectTagging", "PUT", kObject, "tagging", put_object_tagging, kReads},
    {"DeleteObjectTagging", "DELETE", kObject, "tagging", delete_object_tagging},
    {"GetObjectAcl", "GET", kObject, "acl", get_acl},
    {"PutObjectAcl", "PUT", kObject, "acl", put_acl, kReads},

    {"ListBuckets", "GET", kService, "", list_buckets},
    {"HeadBucket", "HEAD", kBucket, "", head_bucket},
    {"CreateBucket", "PUT", kBucket, "", create_bucket, kReads},
    {"DeleteBucket", "DELETE", kBucket, "", delete_bucket},
    {"GetBucketLocation", "GET", kBucket, "location", get_bucket_location},
    {"GetBucketVersioning", "GET", kBucket, "versioning", get_bucket_versioning},
    {"GetBucketTagging", "GET", kBucket, "tagging", get_bucket_tagging},
    {"PutBucketTagging", "PUT", kBucket, "tagging", put_bucket_tagging, kReads},
    {"DeleteBucketTagging", "DELETE", kBucket, "tagging", delete_bucket_tagging},
    {"GetBucketAcl", "GET", kBucket, "acl", get_acl},
    {"PutBucketAcl", "PUT", kBucket, "acl", put_acl, kReads},

    // What clients ask about and no bucket here has: S3's answer for "not configured".
    {"GetBucketPolicy", "GET", kBucket, "policy", get_bucket_config},
    {"GetBucketPolicyStatus", "GET", kBucket, "policyStatus", get_bucket_config},
    {"GetBucketLifecycleConfiguration", "GET", kBucket, "lifecycle", get_bucket_config},
    {"GetBucketCors", "GET", kBucket, "cors", get_bucket_config},
    {"GetBucketEncryption", "GET", kBucket, "encryption", get_bucket_config},
    {"GetObjectLockConfiguration", "GET", kBucket, "object-lock", get_bucket_config},
    {"GetBucketWebsite", "GET", kBucket, "website", get_bucket_config},
    {"GetBucketReplication", "GET", kBucket, "replication", get_bucket_config},
    {"GetPublicAccessBlock", "GET", kBucket, "publicAccessBlock", get_bucket_config},
    {"GetBucketOwnershipControls", "GET", kBucket, "ownershipControls", get_bucket_config},
    {"GetBucketLogging", "GET", kBucket, "logging", get_bucket_config},
    {"GetBucketNotificationConfiguration", "GET", kBucket, "notification", get_bucket_config},
    {"GetBucketRequestPayment", "GET", kBucket, "requestPayment", get_bucket_config},
    {"GetBucketAccelerateConfiguration", "GET", kBucket, "accelerate", get_bucket_config},
};

// All of S3's sub-resources: a request that has one means that operation and no other.
constexpr std::string_view kSubresources[] = {
    "accelerate",
    "acl",
    "analytics",
    "annotation",
    "annotations",
    "append",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "fs",
    "fs-usage",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "list-type",
    "location",
    "logging",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "replication-metrics",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
    "abac",
    "update-encryption",
};

// Parameters that qualify an operation.
constexpr std::string_view kParameters[] = {
    "Cache-Control",  // these three of presigned requests, where they are headers
    "Content-MD5",   "Content-Type",  "annotationName", "bucket-region",    "continuation-token",
    "delimiter",     "encoding-type", "fetch-owner",    "key-marker",       "marker",
    "max-buckets",   "max-keys",      "max-parts",      "max-uploads",      "part-number-marker",
    "partNumber",    "prefix",        "start-after",    "upload-id-marker", "versionId",
    "x-id",  // SDKs write the operation's name there
};

// Operations whose name their sub-resource does not tell.
struct NotOffered {
  std::string_view method;
  std::string_view subresource;
  std::string_view name;
};
constexpr NotOffered kNotOffered[] = {
    {"PUT", "annotation", "PutObjectAnnotation"},
    {"GET", "annotation", "GetObjectAnnotation"},
    {"DELETE", "annotation", "DeleteObjectAnnotation"},
    {"GET", "annotations", "ListObjectAnnotations"},
};

bool is_parameter(std::string_view name) {
  constexpr std::string_view kAmz = "x-amz-";  // of a presigned request
  return name.starts_with("response-") ||
         (name.size() > kAmz.size() && equals_ignore_case(name.substr(0, kAmz.size()), kAmz)) ||
         std::find(std::begin(kParameters), std::end(kParameters), name) != std::end(kParameters);
}

bool is_subresource(std::string_view name) {
  return std::find(std::begin(kSubresources), std::end(kSubresources), name) !=
         std::end(kSubresources);
}

S3Result<std::string_view> find_subresource(const Query& query) {
  std::string_view found;
  for (const Query::Param& param : query) {
    if (!is_subresource(param.key) || param.key == found) continue;
    if (!found.empty())
      return refuse(err::kInvalidArgument,
                    fmt::format("Conflicting query string parameters: {}, {}", found, param.key));
    found = param.key;
  }
  return found;
}

// S3 ignores what it does not know, and knows every sub-resource. A read may ignore what cannot be
// one, because it has a value.
S3Status check_parameters(const Request& request) {
  for (const Query::Param& param : request.query) {
    if (is_subresource(param.key) || is_parameter(param.key)) continue;
    if (!changes_something(request) && !param.value.empty()) continue;
    return refuse(err::kNotImplemented,
                  fmt::format("The query parameter {} is not implemented", param.key));
  }
  return {};
}

bool is_s3_method(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "POST" ||
         method == "DELETE";
}

S3Error no_route(const Request& request, Scope scope, std::string_view subresource) {
  if (request.method == "OPTIONS") return err::kAccessForbidden;  // no bucket here has CORS rules
  if (!is_s3_method(request.method)) return err::kMethodNotAllowed;
  for (const NotOffered& other : kNotOffered)
    if (other.method == request.method && other.subresource == subresource)
      return {err::kNotImplemented, fmt::format("{} is not implemented", other.name)};
  if (!subresource.empty())
    return {err::kNotImplemented, fmt::format("{} of the sub-resource ?{} is not implemented",
                                              request.method, subresource)};
  if (request.method == "POST" && scope == kBucket)
    return {err::kNotImplemented, "POST Object (form upload) is not implemented"};
  return err::kMethodNotAllowed;
}

}  // namespace

S3Result<const Route*> find_route(const Request& request) {
  const Scope scope = request.bucket.empty() ? kService : request.key.empty() ? kBucket : kObject;
  std::string_view subresource;
  if (!request.query.empty()) {
    auto found = find_subresource(request.query);
    if (!found) return refuse(std::move(found).error());
    subresource = *found;
    if (subresource == "list-type" && request.query.get("list-type") != "2")
      return refuse(err::kInvalidArgument, "list-type must be 2");
  }
  const bool copies = request.headers.has("x-amz-copy-source");
  for (const Route& route : kRoutes) {
    if (route.scope != scope || route.method != request.method ||
        route.subresource != subresource || (route.source == Source::kCopy && !copies))
      continue;
    if (auto known = check_parameters(request); !known) return refuse(std::move(known).error());
    return &route;
  }
  return refuse(no_route(request, scope, subresource));
}

std::span<const Route> all_routes() {
  return kRoutes;
}
size_t route_index(const Route* route) {
  return static_cast<size_t>(route - kRoutes);
}

}  // namespace atl::s3
