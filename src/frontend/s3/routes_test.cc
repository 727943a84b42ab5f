#include "frontend/s3/routes.h"

#include <gtest/gtest.h>

#include "frontend/s3/bucket_name.h"
#include "frontend/s3/refusals.h"

namespace atl::s3 {
namespace {

// "GET /bucket/key?a=b&c" as a Request, to the extent that routing looks at it.
struct TestRequest {
  Request request;
  explicit TestRequest(std::string_view method, std::string_view target) {
    request.method = method;
    const size_t question = target.find('?');
    std::string_view path = target.substr(1, question == target.npos ? target.npos : question - 1);
    const size_t slash = path.find('/');
    request.bucket = path.substr(0, slash);
    if (slash != path.npos) request.key = path.substr(slash + 1);
    std::string_view rest = question == target.npos ? "" : target.substr(question + 1);
    while (!rest.empty()) {
      const size_t amp = rest.find('&');
      const std::string_view item = rest.substr(0, amp);
      const size_t equals = item.find('=');
      request.query.add(std::string(item.substr(0, equals)),
                        std::string(equals == item.npos ? "" : item.substr(equals + 1)));
      rest = amp == rest.npos ? "" : rest.substr(amp + 1);
    }
  }
};

std::string_view route_of(std::string_view method, std::string_view target) {
  const TestRequest test(method, target);
  const auto route = find_route(test.request);
  return route ? (*route)->name : route.error().code;
}

std::string_view copy_route_of(std::string_view method, std::string_view target) {
  TestRequest test(method, target);
  test.request.headers.add("x-amz-copy-source", "b/source");
  const auto route = find_route(test.request);
  return route ? (*route)->name : route.error().code;
}

std::string message_of(std::string_view method, std::string_view target) {
  const TestRequest test(method, target);
  const auto route = find_route(test.request);
  return route ? std::string() : route.error().message;
}

TEST(Routes, Table) {
  EXPECT_EQ(route_of("GET", "/"), "ListBuckets");
  EXPECT_EQ(route_of("GET", "/?x-id=ListBuckets"), "ListBuckets");
  EXPECT_EQ(route_of("HEAD", "/b"), "HeadBucket");
  EXPECT_EQ(route_of("PUT", "/b"), "CreateBucket");
  EXPECT_EQ(route_of("DELETE", "/b"), "DeleteBucket");
  EXPECT_EQ(route_of("GET", "/b"), "ListObjects");
  EXPECT_EQ(route_of("GET", "/b?prefix=a&delimiter=/"), "ListObjects");
  EXPECT_EQ(route_of("GET", "/b?list-type=2"), "ListObjectsV2");
  EXPECT_EQ(route_of("GET", "/b?list-type=3"), "InvalidArgument");
  EXPECT_EQ(route_of("GET", "/b?location"), "GetBucketLocation");
  EXPECT_EQ(route_of("GET", "/b?versioning"), "GetBucketVersioning");
  EXPECT_EQ(route_of("GET", "/b?uploads"), "ListMultipartUploads");
  EXPECT_EQ(route_of("POST", "/b?delete"), "DeleteObjects");
  EXPECT_EQ(route_of("GET", "/b?policy"), "GetBucketPolicy");
  EXPECT_EQ(route_of("GET", "/b/k"), "GetObject");
  EXPECT_EQ(route_of("GET", "/b/k?partNumber=1&X-Amz-Signature=x"), "GetObject");
  EXPECT_EQ(route_of("HEAD", "/b/k"), "HeadObject");
  EXPECT_EQ(route_of("PUT", "/b/k"), "PutObject");
  EXPECT_EQ(route_of("DELETE", "/b/k"), "DeleteObject");
  EXPECT_EQ(route_of("POST", "/b/k?uploads"), "CreateMultipartUpload");
  EXPECT_EQ(route_of("PUT", "/b/k?partNumber=1&uploadId=x"), "UploadPart");
  EXPECT_EQ(route_of("POST", "/b/k?uploadId=x"), "CompleteMultipartUpload");
  EXPECT_EQ(route_of("DELETE", "/b/k?uploadId=x"), "AbortMultipartUpload");
  EXPECT_EQ(route_of("GET", "/b/k?uploadId=x"), "ListParts");
  EXPECT_EQ(route_of("GET", "/b/k?attributes"), "GetObjectAttributes");
  EXPECT_EQ(route_of("PUT", "/b/k?tagging"), "PutObjectTagging");
}

TEST(Routes, ACopyIsAnOperationOfItsOwn) {
  EXPECT_EQ(copy_route_of("PUT", "/b/k"), "CopyObject");
  EXPECT_EQ(copy_route_of("PUT", "/b/k?partNumber=1&uploadId=x"), "UploadPartCopy");
  EXPECT_EQ(copy_route_of("PUT", "/b"), "CreateBucket") << "and refused there for its header";
  EXPECT_EQ(copy_route_of("PUT", "/b/k?tagging"), "PutObjectTagging");
}

TEST(Routes, AnUnknownParameterIsNotPassedOver) {
  for (const char* method : {"PUT", "DELETE"}) {
    EXPECT_EQ(route_of(method, "/b/k?foo"), "NotImplemented") << method;
    EXPECT_EQ(route_of(method, "/b/k?foo=1"), "NotImplemented") << method;
    EXPECT_EQ(route_of(method, "/b?foo"), "NotImplemented") << method;
    EXPECT_EQ(route_of(method, "/b/k?annotation&annotationName=x"), "NotImplemented") << method;
  }
  EXPECT_EQ(route_of("POST", "/b/k?uploads&foo=1"), "NotImplemented");
  EXPECT_EQ(route_of("GET", "/b/k?foo"), "NotImplemented") << "it could be a sub-resource";
  EXPECT_EQ(route_of("HEAD", "/b/k?foo"), "NotImplemented");
  EXPECT_EQ(route_of("GET", "/b/k?foo=1"), "GetObject") << "as S3";
  EXPECT_EQ(route_of("GET", "/b/k?annotations"), "NotImplemented");
  EXPECT_EQ(route_of("PUT", "/b/k?x-id=PutObject&X-Amz-Signature=x&x-amz-acl=private"),
            "PutObject");
  EXPECT_EQ(route_of("PUT", "/b/k?Content-Type=a&X-Amz-Signature=x"), "PutObject");
  EXPECT_EQ(route_of("GET", "/b/k?response-content-type=a"), "GetObject");
  EXPECT_NE(message_of("PUT", "/b/k?foo").find("foo"), std::string::npos);
  EXPECT_NE(message_of("PUT", "/b/k?annotation&annotationName=x").find("PutObjectAnnotation"),
            std::string::npos);
  EXPECT_NE(message_of("GET", "/b/k?annotations").find("ListObjectAnnotations"), std::string::npos);
}

TEST(Routes, WhatIsNotOfferedSaysSo) {
  EXPECT_EQ(route_of("PUT", "/b?versioning"), "NotImplemented");
  EXPECT_EQ(route_of("PUT", "/b?policy"), "NotImplemented");
  EXPECT_EQ(route_of("PUT", "/b?lifecycle"), "NotImplemented");
  EXPECT_EQ(route_of("DELETE", "/b?cors"), "NotImplemented");
  EXPECT_EQ(route_of("GET", "/b?versions"), "NotImplemented");
  EXPECT_EQ(route_of("GET", "/b?inventory&id=x"), "NotImplemented");
  EXPECT_EQ(route_of("POST", "/b/k?restore"), "NotImplemented");
  EXPECT_EQ(route_of("POST", "/b/k?select&select-type=2"), "NotImplemented");
  EXPECT_EQ(route_of("GET", "/b/k?torrent"), "NotImplemented");
  EXPECT_EQ(route_of("GET", "/b/k?retention"), "NotImplemented");
  EXPECT_EQ(route_of("PUT", "/b/k?legal-hold"), "NotImplemented");
  EXPECT_EQ(route_of("DELETE", "/b?uploadId=x"), "NotImplemented");
  EXPECT_EQ(route_of("POST", "/b"), "NotImplemented");
  EXPECT_EQ(route_of("POST", "/b/k"), "MethodNotAllowed");
  EXPECT_EQ(route_of("PATCH", "/b/k"), "MethodNotAllowed");
  EXPECT_EQ(route_of("PUT", "/"), "MethodNotAllowed");
  EXPECT_EQ(route_of("OPTIONS", "/b/k"), "AccessForbidden");
  EXPECT_EQ(route_of("GET", "/b?acl&tagging"), "InvalidArgument");
  const TestRequest test("PUT", "/b?cors");
  EXPECT_NE(find_route(test.request).error().message.find("cors"), std::string::npos) << "by name";
}

TEST(Routes, EveryRouteIsFound) {
  for (const Route& route : all_routes()) {
    std::string target = route.scope == Scope::kService  ? "/"
                         : route.scope == Scope::kBucket ? "/b"
                                                         : "/b/k";
    if (!route.subresource.empty()) target += "?" + std::string(route.subresource) + "=2";
    const bool copies = route.source == Source::kCopy;
    EXPECT_EQ(copies ? copy_route_of(route.method, target) : route_of(route.method, target),
              route.name);
  }
}

std::string_view refusal_of(std::string_view method, const char* header, const char* value,
                            std::string_view target = "/b/k") {
  TestRequest test(method, target);
  if (header != nullptr) test.request.headers.add(header, value);
  const S3Status status = refuse_what_is_not_offered(test.request);
  return status ? std::string_view("ok") : status.error().code;
}

TEST(Refusals, Headers) {
  for (const char* name :
       {"x-amz-server-side-encryption", "X-Amz-Server-Side-Encryption-Customer-Key",
        "x-amz-grant-read", "x-amz-object-lock-mode", "x-amz-website-redirect-location",
        "x-amz-mfa", "x-amz-copy-source-server-side-encryption-customer-key",
        "x-amz-write-offset-bytes", "x-amz-something-new", "Content-Range"})
    EXPECT_EQ(refusal_of("PUT", name, "x"), "NotImplemented") << name;
  for (const char* name :
       {"x-amz-date", "x-amz-meta-anything", "x-amz-checksum-crc32", "x-amz-copy-source-if-match",
        "x-amz-tagging", "Content-Type", "x-custom", "X-Amz-User-Agent", "amz-sdk-request"})
    EXPECT_EQ(refusal_of("PUT", name, "x"), "ok") << name;
  EXPECT_EQ(refusal_of("GET", "x-amz-something-new", "x"), "ok") << "a read changes nothing";
  EXPECT_EQ(refusal_of("GET", "x-amz-server-side-encryption-customer-key", "x"), "NotImplemented");
  EXPECT_EQ(refusal_of("PUT", "x-amz-acl", "private"), "ok");
  EXPECT_EQ(refusal_of("PUT", "x-amz-acl", "public-read"), "NotImplemented");
  EXPECT_EQ(refusal_of("PUT", "x-amz-bucket-object-lock-enabled", "false"), "ok");
  EXPECT_EQ(refusal_of("PUT", "x-amz-bucket-object-lock-enabled", "true"), "NotImplemented");
}

TEST(Refusals, Versions) {
  EXPECT_EQ(refusal_of("GET", nullptr, "", "/b/k?versionId=null"), "ok");
  EXPECT_EQ(refusal_of("GET", nullptr, "", "/b/k?versionId=abc"), "NotImplemented");
  EXPECT_EQ(refusal_of("DELETE", nullptr, "", "/b/k?versionId="), "NotImplemented");
}

TEST(BucketNames, Rules) {
  for (const char* good : {"abc", "my-bucket", "my.bucket.1", "1bucket", "a-b",
                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    EXPECT_TRUE(is_valid_bucket_name(good)) << good;
  for (const char* bad :
       {"", "ab", "Abc", "my_bucket", "-abc", "abc-", ".abc", "abc.", "a..b", "192.168.5.4",
        "xn--abc", "abc-s3alias", "abc--ol-s3", "a/b", "a b", "é-bucket",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    EXPECT_FALSE(is_valid_bucket_name(bad)) << bad;
}

}  // namespace
}  // namespace atl::s3
