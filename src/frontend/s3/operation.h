// One request on its way through an operation, and what all operations share.
//
// An operation is a coroutine `Task<OpResult> f(Op& op)`. The Op lives in Service::handle's frame,
// so it outlives every operation's task. Operations return an S3Error and never render it.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "client/client.h"
#include "env/sync.h"
#include "frontend/s3/errors.h"
#include "frontend/s3/http.h"
#include "frontend/s3/xml.h"

namespace atl::s3 {

// Like ATOLL_CO_TRY, for std::expected<T, S3Error>.
#define S3_CO_TRY(target, expression) \
  S3_CO_TRY_INNER(ATOLL_CONCAT(s3_try_, __LINE__), target, expression)
#define S3_CO_TRY_INNER(tmp, target, expression)                           \
  auto tmp = (expression);                                                 \
  if (!tmp) [[unlikely]]                                                   \
    co_return std::unexpected<::atl::s3::S3Error>(std::move(tmp).error()); \
  target = std::move(*tmp)
#define S3_CO_CHECK(expression) S3_CO_CHECK_INNER(ATOLL_CONCAT(s3_try_, __LINE__), expression)
#define S3_CO_CHECK_INNER(tmp, expression)                                   \
  do {                                                                       \
    auto tmp = (expression);                                                 \
    if (!tmp) [[unlikely]]                                                   \
      co_return std::unexpected<::atl::s3::S3Error>(std::move(tmp).error()); \
  } while (false)

using OpResult = S3Result<Response>;

inline constexpr uint64_t kSinglePutBytesMax = 5ull << 30;  // S3's limit for one PUT or one part
inline constexpr uint64_t kPartBytesMin = 5ull << 20;       // all parts but the last
// Copies that move bytes read and write at once. So few of them that they can never hold all memory
// for reading while they wait for memory to write into, or the other way round.
inline constexpr uint64_t kDataCopiesMax = 8;
// No client sends one that is read by nobody; this much is what a reactor hashes at once.
inline constexpr size_t kUnreadBodyBytesMax = 64u << 10;

struct ServiceOptions {
  std::string region = "us-east-1";
};

// What outlives requests and is shared by them.
struct ServiceState {
  env::Env& env;
  client::Client& client;
  ServiceOptions options;
  env::Semaphore data_copies{kDataCopiesMax};
};

struct Op {
  ServiceState& service;
  Request& request;
  RequestBody& body;

  env::Env& env() { return service.env; }
  client::Client& client() { return service.client; }
  const std::string& bucket() const { return request.bucket; }
  const std::string& key() const { return request.key; }
  const Headers& headers() const { return request.headers; }
  const Query& query() const { return request.query; }
  ns::Partition& partition() { return service.client.partition_of(request.bucket); }
};

// Shared by several operations (operation.cc).

// NoSuchBucket, or AccessDenied where x-amz-expected-bucket-owner names somebody else.
Task<S3Result<ns::BucketInfo>> find_bucket(Op& op);
// The object of the request: NoSuchKey or NoSuchBucket.
Task<S3Result<ns::ObjectInfo>> find_object(Op& op, bool with_extents);
// What a partition's kNotFound about bucket `bucket` means: NoSuchBucket, or else `otherwise`.
Task<S3Error> not_found(Op& op, std::string bucket, ErrorKind otherwise);
// Any partition error about an object or upload of `bucket`.
Task<S3Error> partition_error(Op& op, Error error, ErrorKind if_not_found, std::string_view doing);

// The XML body of a request, with Content-MD5 or checksum verified.
enum class XmlBodyCheck {
  kWhatIsGiven,
  kRequired,  // Content-MD5 or a checksum must be given
  kMd5Only,   // the request's checksum is of something else than its body
};
Task<S3Result<std::string>> read_xml_body(Op& op, XmlBodyCheck check = XmlBodyCheck::kWhatIsGiven);

Response xml_response(std::string body);
// The canonical user id that stands for an access key: 64 hex digits, as in S3.
std::string canonical_id(std::string_view access_key);
void write_owner(XmlWriter* xml, std::string_view tag, std::string_view access_key);

// A count in the query: absent -> `absent`; InvalidArgument when not a number of 0..2^31-1; at most
// `max`.
S3Result<uint32_t> parse_count(const Query& query, std::string_view name, uint32_t absent,
                               uint32_t max);
// encoding-type: true for url, false for none; InvalidArgument.
S3Result<bool> parse_encoding_type(const Query& query);
// A key that S3 could hold: 1..1,024 bytes of UTF-8. KeyTooLongError, InvalidURI.
S3Status check_key(std::string_view key);
// InvalidBucketName for what no bucket can be called.
S3Status check_bucket_name(std::string_view name);
// Of an operation that has no use for its body: what the request says of it (its length, signed
// hash, Content-MD5, checksum) must hold of what came, before anything is done. Bodies of up to
// kUnreadBodyBytesMax are read for that, longer ones are MaxMessageLengthExceeded.
Task<S3Status> check_unread_body(Op& op);
// Query values that go back into XML must be UTF-8.
S3Status check_utf8(std::string_view name, std::string_view value);

// --- The operations ---

// op_bucket.cc
Task<OpResult> list_buckets(Op& op);
Task<OpResult> create_bucket(Op& op);
Task<OpResult> head_bucket(Op& op);
Task<OpResult> delete_bucket(Op& op);
Task<OpResult> get_bucket_location(Op& op);
// op_bucket_config.cc
Task<OpResult> get_bucket_versioning(Op& op);
Task<OpResult> get_bucket_config(Op& op);  // those that a bucket here never has
Task<OpResult> get_acl(Op& op);
Task<OpResult> put_acl(Op& op);
// op_tagging.cc
Task<OpResult> get_bucket_tagging(Op& op);
Task<OpResult> put_bucket_tagging(Op& op);
Task<OpResult> delete_bucket_tagging(Op& op);
Task<OpResult> get_object_tagging(Op& op);
Task<OpResult> put_object_tagging(Op& op);
Task<OpResult> delete_object_tagging(Op& op);
// op_list.cc
Task<OpResult> list_objects_v1(Op& op);
Task<OpResult> list_objects_v2(Op& op);
// op_object_get.cc
Task<OpResult> get_object(Op& op);
Task<OpResult> head_object(Op& op);
// op_attributes.cc
Task<OpResult> get_object_attributes(Op& op);
// op_object_put.cc
Task<OpResult> put_object(Op& op);
// op_delete.cc
Task<OpResult> delete_object(Op& op);
Task<OpResult> delete_objects(Op& op);
// op_copy.cc
Task<OpResult> copy_object(Op& op);
// op_multipart.cc
Task<OpResult> create_multipart_upload(Op& op);
Task<OpResult> upload_part(Op& op);
Task<OpResult> abort_multipart_upload(Op& op);
// op_part_copy.cc
Task<OpResult> upload_part_copy(Op& op);
// op_multipart_complete.cc
Task<OpResult> complete_multipart_upload(Op& op);
// op_multipart_list.cc
Task<OpResult> list_parts(Op& op);
Task<OpResult> list_multipart_uploads(Op& op);

}  // namespace atl::s3
