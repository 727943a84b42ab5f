// S3's errors: code, HTTP status, default message; and the answer that carries one.
//
// Codes and statuses: Amazon S3 API Reference, "Error responses, List of error codes".
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace atl::s3 {

struct Request;
struct Response;

// One entry of S3's list. The message is used where the caller gives none.
struct ErrorKind {
  std::string_view code;
  int status;
  std::string_view message;
};

struct S3Error {
  std::string_view code = "InternalError";  // static storage
  int status = 500;
  std::string message;
  // Further elements of the XML, by name: {"Region", "us-east-1"}.
  std::vector<std::pair<std::string, std::string>> details;
  std::vector<std::pair<std::string, std::string>> headers;  // of the answer

  S3Error() = default;
  S3Error(const ErrorKind& kind)  // NOLINT: an ErrorKind is an S3Error with its usual message
      : code(kind.code), status(kind.status), message(kind.message) {}
  S3Error(const ErrorKind& kind, std::string m)
      : code(kind.code), status(kind.status), message(std::move(m)) {}
};

template <typename T>
using S3Result = std::expected<T, S3Error>;
using S3Status = std::expected<void, S3Error>;

inline std::unexpected<S3Error> refuse(S3Error error) {
  return std::unexpected(std::move(error));
}
inline std::unexpected<S3Error> refuse(const ErrorKind& kind, std::string message) {
  return std::unexpected(S3Error(kind, std::move(message)));
}

// The answer: XML body, Content-Type, for HEAD the status alone; with Retry-After where it is 503.
Response error_response(const S3Error& error, const Request& request);

// What an S3 client is told of an Error from below that the operation itself has no answer to:
//   kNoSpace            507 InsufficientStorage
//   kUnavailable, kBusy, kTimeout, kFenced, kCancelled   503 with Retry-After: trying again may
//   help kConflict           412 PreconditionFailed kInvalidArgument, kTooLarge   400 all else 500
//   InternalError, logged here
S3Error from_error(const Error& error, std::string_view doing);

inline constexpr int kRetryAfterSeconds = 1;  // what a 503 asks for: recovery here takes seconds

namespace err {

// Signatures and access.
inline constexpr ErrorKind kAccessDenied{"AccessDenied", 403, "Access Denied"};
inline constexpr ErrorKind kSignatureDoesNotMatch{
    "SignatureDoesNotMatch", 403,
    "The request signature we calculated does not match the signature you provided. Check your key "
    "and signing method."};
inline constexpr ErrorKind kInvalidAccessKeyId{
    "InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."};
inline constexpr ErrorKind kRequestTimeTooSkewed{
    "RequestTimeTooSkewed", 403,
    "The difference between the request time and the current time is too large."};
inline constexpr ErrorKind kAuthorizationHeaderMalformed{
    "AuthorizationHeaderMalformed", 400,
    "The authorization header that you provided is not valid."};
inline constexpr ErrorKind kAuthorizationQueryParametersError{
    "AuthorizationQueryParametersError", 400,
    "The authorization query parameters that you provided are not valid."};
inline constexpr ErrorKind kXAmzContentSHA256Mismatch{
    "XAmzContentSHA256Mismatch", 400,
    "The provided 'x-amz-content-sha256' header does not match what was computed."};
inline constexpr ErrorKind kExpiredToken{"ExpiredToken", 400, "The provided token has expired."};
inline constexpr ErrorKind kInvalidToken{"InvalidToken", 400,
                                         "The provided token is malformed or otherwise not valid."};

// Requests that cannot be understood.
inline constexpr ErrorKind kInvalidRequest{"InvalidRequest", 400, "Invalid Request"};
inline constexpr ErrorKind kInvalidArgument{"InvalidArgument", 400, "Invalid Argument"};
inline constexpr ErrorKind kInvalidURI{"InvalidURI", 400, "Couldn't parse the specified URI."};
inline constexpr ErrorKind kBadRequest{"BadRequest", 400,
                                       "An error occurred when parsing the HTTP request."};
inline constexpr ErrorKind kURITooLong{"InvalidURI", 414,
                                       "The request target is longer than 8192 bytes."};
inline constexpr ErrorKind kHttpVersionNotSupported{"HttpVersionNotSupported", 505,
                                                    "The HTTP version specified is not supported."};
inline constexpr ErrorKind kExpectationFailed{
    "InvalidArgument", 417, "The only expectation that is understood is 100-continue."};
inline constexpr ErrorKind kMethodNotAllowed{
    "MethodNotAllowed", 405, "The specified method is not allowed against this resource."};
inline constexpr ErrorKind kNotImplemented{
    "NotImplemented", 501,
    "A header or query you provided implies functionality that is not implemented."};
inline constexpr ErrorKind kRequestHeaderSectionTooLarge{
    "RequestHeaderSectionTooLarge", 400,
    "Your request header section exceeds the maximum allowed request header section size."};
inline constexpr ErrorKind kMaxMessageLengthExceeded{"MaxMessageLengthExceeded", 400,
                                                     "Your request was too big."};
inline constexpr ErrorKind kMissingContentLength{
    "MissingContentLength", 411, "You must provide the Content-Length HTTP header."};
inline constexpr ErrorKind kIncompleteBody{
    "IncompleteBody", 400,
    "You did not provide the number of bytes specified by the Content-Length HTTP header."};
inline constexpr ErrorKind kRequestTimeout{"RequestTimeout", 400,
                                           "Your socket connection to the server was not read from "
                                           "or written to within the timeout period."};
inline constexpr ErrorKind kMalformedTrailer{
    "MalformedTrailerError", 400,
    "The request contained trailing data that was not well-formed or did "
    "not conform to our published schema."};
inline constexpr ErrorKind kInvalidChunkSize{"InvalidChunkSizeError", 400,
                                             "The chunk size that you provided is not valid."};
inline constexpr ErrorKind kEntityTooLarge{
    "EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed object size."};

// Buckets.
inline constexpr ErrorKind kNoSuchBucket{"NoSuchBucket", 404,
                                         "The specified bucket does not exist"};
inline constexpr ErrorKind kBucketAlreadyExists{"BucketAlreadyExists", 409,
                                                "The requested bucket name is not available."};
inline constexpr ErrorKind kBucketAlreadyOwnedByYou{
    "BucketAlreadyOwnedByYou", 409,
    "Your previous request to create the named bucket succeeded and you already own it."};
inline constexpr ErrorKind kBucketNotEmpty{"BucketNotEmpty", 409,
                                           "The bucket you tried to delete is not empty"};
inline constexpr ErrorKind kInvalidBucketName{"InvalidBucketName", 400,
                                              "The specified bucket is not valid."};
inline constexpr ErrorKind kTooManyBuckets{
    "TooManyBuckets", 400, "You have attempted to create more buckets than allowed"};
inline constexpr ErrorKind kInvalidLocationConstraint{
    "InvalidLocationConstraint", 400, "The specified location-constraint is not valid"};
inline constexpr ErrorKind kAccessForbidden{"AccessForbidden", 403,
                                            "CORSResponse: CORS is not enabled for this bucket."};

// Objects.
inline constexpr ErrorKind kNoSuchKey{"NoSuchKey", 404, "The specified key does not exist."};
inline constexpr ErrorKind kKeyTooLong{"KeyTooLongError", 400, "Your key is too long"};
inline constexpr ErrorKind kPreconditionFailed{
    "PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"};
inline constexpr ErrorKind kInvalidRange{"InvalidRange", 416,
                                         "The requested range is not satisfiable"};
inline constexpr ErrorKind kInvalidPartNumber{"InvalidPartNumber", 416,
                                              "The requested partnumber is not satisfiable"};
inline constexpr ErrorKind kMetadataTooLarge{
    "MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size"};
inline constexpr ErrorKind kInvalidStorageClass{"InvalidStorageClass", 400,
                                                "The storage class you specified is not valid"};
inline constexpr ErrorKind kInvalidDigest{"InvalidDigest", 400,
                                          "The Content-MD5 you specified was invalid."};
inline constexpr ErrorKind kBadDigest{
    "BadDigest", 400, "The Content-MD5 you specified did not match what we received."};
inline constexpr ErrorKind kInvalidTag{
    "InvalidTag", 400,
    "The tag provided was not a valid tag. This error can occur if the tag did not "
    "pass input validation."};

// Multipart uploads.
inline constexpr ErrorKind kNoSuchUpload{"NoSuchUpload", 404,
                                         "The specified upload does not exist. The upload ID may "
                                         "be invalid, or the upload may have been "
                                         "aborted or completed."};
inline constexpr ErrorKind kInvalidPart{
    "InvalidPart", 400,
    "One or more of the specified parts could not be found.  The part may not have been uploaded, "
    "or "
    "the specified entity tag may not match the part's entity tag."};
inline constexpr ErrorKind kInvalidPartOrder{
    "InvalidPartOrder", 400,
    "The list of parts was not in ascending order. Parts must be ordered by part number."};
inline constexpr ErrorKind kEntityTooSmall{
    "EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size"};

// XML bodies.
inline constexpr ErrorKind kMalformedXml{
    "MalformedXML", 400,
    "The XML you provided was not well-formed or did not validate against our published schema"};

// Configurations that a bucket here never has; clients ask for them all the same.
inline constexpr ErrorKind kNoSuchBucketPolicy{"NoSuchBucketPolicy", 404,
                                               "The bucket policy does not exist"};
inline constexpr ErrorKind kNoSuchLifecycleConfiguration{
    "NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist"};
inline constexpr ErrorKind kNoSuchCorsConfiguration{"NoSuchCORSConfiguration", 404,
                                                    "The CORS configuration does not exist"};
inline constexpr ErrorKind kNoEncryptionConfiguration{
    "ServerSideEncryptionConfigurationNotFoundError", 404,
    "The server side encryption configuration was not found"};
inline constexpr ErrorKind kNoObjectLockConfiguration{
    "ObjectLockConfigurationNotFoundError", 404,
    "Object Lock configuration does not exist for this bucket"};
inline constexpr ErrorKind kNoSuchTagSet{"NoSuchTagSet", 404, "The TagSet does not exist"};
inline constexpr ErrorKind kNoSuchWebsiteConfiguration{
    "NoSuchWebsiteConfiguration", 404,
    "The specified bucket does not have a website configuration"};
inline constexpr ErrorKind kNoReplicationConfiguration{
    "ReplicationConfigurationNotFoundError", 404, "The replication configuration was not found"};
inline constexpr ErrorKind kNoSuchPublicAccessBlock{
    "NoSuchPublicAccessBlockConfiguration", 404,
    "The public access block configuration was not found"};
inline constexpr ErrorKind kNoOwnershipControls{"OwnershipControlsNotFoundError", 404,
                                                "The bucket ownership controls were not found"};

// The server's state.
inline constexpr ErrorKind kInsufficientStorage{
    "InsufficientStorage", 507,
    "There is not enough room left in the cluster; deleting makes room."};
inline constexpr ErrorKind kSlowDown{"SlowDown", 503, "Please reduce your request rate."};
inline constexpr ErrorKind kServiceUnavailable{"ServiceUnavailable", 503,
                                               "Service is unable to handle request."};
inline constexpr ErrorKind kInternalError{"InternalError", 500,
                                          "We encountered an internal error. Please try again."};

}  // namespace err
}  // namespace atl::s3
