// What a request says and Atoll would not do: refused by name, before anything is changed.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "frontend/s3/test_service.h"

namespace atl::s3 {
namespace {

constexpr std::string_view kPast = "Sat, 01 Jan 2000 00:00:00 GMT";

class ServiceStrictness : public ::testing::Test {
 protected:
  ServiceStrictness() {
    s3.put("/bucket");
    s3.put("/bucket/k", "the only copy", {{"x-amz-tagging", "t=1"}});
    etag = s3.head("/bucket/k").header("ETag");
  }
  ~ServiceStrictness() override {
    EXPECT_EQ(s3.get("/bucket/k").body, "the only copy");
    EXPECT_EQ(s3.get("/bucket/k?tagging").text("Key"), "t");
    EXPECT_EQ(s3.get("/bucket?list-type=2").texts("Key").size(), 1u) << "nothing was made";
  }
  std::string start() { return s3.post("/bucket/up?uploads").text("UploadId"); }
  // The error's code, which must name `name`.
  std::string refusal(const char* method, const std::string& target, const std::string& name,
                      const std::string& value, std::string body = {}) {
    const Answer answer = s3.call(method, target, std::move(body), {{name, value}});
    EXPECT_NE(to_lower_ascii(answer.text("Message")).find(to_lower_ascii(name)), std::string::npos)
        << answer.body;
    return answer.code();
  }
  TestService s3;
  std::string etag;
};

TEST_F(ServiceStrictness, UnknownParametersChangeNothing) {
  for (const char* method : {"PUT", "DELETE"})
    for (const char* query : {"annotation&annotationName=x", "foo", "foo=1", "foo="}) {
      EXPECT_EQ(s3.error(method, std::string("/bucket/k?") + query, "other"), "NotImplemented");
      EXPECT_EQ(s3.error(method, std::string("/bucket?") + query), "NotImplemented");
    }
  EXPECT_EQ(s3.error("PUT", "/new-bucket?foo"), "NotImplemented");
  EXPECT_EQ(s3.head("/new-bucket").status, 404);
}

TEST_F(ServiceStrictness, PartNumberWithoutUploadId) {
  for (const char* method : {"PUT", "DELETE"})
    EXPECT_EQ(s3.error(method, "/bucket/k?partNumber=1", "other"), "InvalidArgument") << method;
  EXPECT_EQ(s3.error("POST", "/bucket/up?uploads&partNumber=1"), "InvalidArgument");
}

TEST_F(ServiceStrictness, BucketNames) {
  for (const char* method : {"GET", "PUT", "DELETE"})
    for (const char* target : {"/Bad_Name", "/Bad_Name/k", "/ab/k"}) {
      const Answer answer = s3.call(method, target);
      EXPECT_EQ(answer.status, 400) << method << target;
      EXPECT_EQ(answer.code(), "InvalidBucketName");
    }
  EXPECT_EQ(s3.head("/Bad_Name").status, 400);
  EXPECT_EQ(s3.put("/bucket/t", "", {{"x-amz-copy-source", "Bad_Name/k"}}).code(),
            "InvalidBucketName");
}

TEST_F(ServiceStrictness, CopySources) {
  const auto copy = [&](const char* source) {
    return s3.put("/bucket/t", "", {{"x-amz-copy-source", source}});
  };
  const Answer arn = copy("arn:aws:s3:us-east-1:123456789012:accesspoint/a/object/k");
  EXPECT_EQ(arn.code(), "NotImplemented");
  EXPECT_NE(arn.text("Message").find("ARN"), std::string::npos);
  for (const char* odd : {"/bucket/k?foo=1", "/bucket/k?versionId="}) {
    EXPECT_EQ(copy(odd).code(), "InvalidArgument") << odd;
    EXPECT_NE(copy(odd).text("Message").find("%3F"), std::string::npos);
  }
  EXPECT_EQ(copy("/bucket/k?versionId=x").code(), "NotImplemented");
}

TEST_F(ServiceStrictness, HeadersOfOtherOperations) {
  const std::string part = "/bucket/up?partNumber=1&uploadId=" + start();
  for (const char* name :
       {"x-amz-copy-source-range", "x-amz-copy-source-if-match",
        "x-amz-source-expected-bucket-owner", "x-amz-mp-object-size", "x-amz-metadata-directive"})
    EXPECT_EQ(refusal("PUT", "/bucket/k", name, "x", "other"), "InvalidArgument") << name;
  EXPECT_EQ(refusal("PUT", "/bucket/k", "x-amz-checksum-type", "COMPOSITE", "other"),
            "InvalidArgument");
  for (const char* name : {"x-amz-storage-class", "x-amz-tagging", "x-amz-meta-a"}) {
    EXPECT_EQ(refusal("PUT", part, name, "GLACIER", "bytes"), "InvalidArgument") << name;
    EXPECT_EQ(refusal("PUT", "/new-bucket", name, "GLACIER"), "InvalidArgument") << name;
    EXPECT_EQ(refusal("PUT", "/bucket/k?tagging", name, "GLACIER", "<Tagging/>"),
              "InvalidArgument");
  }
  for (const char* target : {"/new-bucket", "/bucket/k?tagging", "/bucket/k?acl"})
    EXPECT_EQ(refusal("PUT", target, "x-amz-copy-source", "/bucket/k"), "InvalidArgument");
  EXPECT_EQ(refusal("DELETE", "/bucket/k", "x-amz-copy-source", "/bucket/k"), "InvalidArgument");
  const Answer ranged =
      s3.put("/bucket/t", "",
             {{"x-amz-copy-source", "/bucket/k"}, {"x-amz-copy-source-range", "bytes=0-1"}});
  EXPECT_EQ(ranged.code(), "InvalidArgument");
  EXPECT_NE(ranged.text("Message").find("CopyObject"), std::string::npos);
  EXPECT_EQ(s3.head("/new-bucket").status, 404);
  EXPECT_EQ(s3.get("/bucket/up?uploadId=" + part.substr(part.rfind('=') + 1)).texts("Part").size(),
            0u);
}

// What SDKs send with everything is none of these.
TEST_F(ServiceStrictness, HeadersThatSayNothingAreLetThrough) {
  const Fields needless = {{"Content-Type", "application/xml"},
                           {"x-amz-date", "x"},
                           {"x-amz-user-agent", "x"},
                           {"amz-sdk-request", "attempt=1"},
                           {"x-amz-acl", "private"},
                           {"x-amz-request-payer", "requester"},
                           {"x-amz-te", "append-md5"},
                           {"Range", "bytes=0-1"}};
  EXPECT_EQ(s3.put("/bucket/t", "x", needless).status, 200);
  EXPECT_EQ(s3.put("/bucket/t?acl", "", needless).status, 200);
  EXPECT_EQ(s3.post("/bucket/up?uploads", "", needless).status, 200);
  EXPECT_EQ(s3.del("/bucket/t", needless).status, 204);
  EXPECT_EQ(s3.put("/bucket/t", "x", {{"x-amz-checksum-type", "FULL_OBJECT"}}).status, 200);
  EXPECT_EQ(s3.del("/bucket/t").status, 204);
}

TEST_F(ServiceStrictness, ConditionsThatNobodyWouldLookAt) {
  const std::string id = start();
  const std::string part = "/bucket/up?partNumber=1&uploadId=" + id;
  const std::string tags = "<Tagging><TagSet/></Tagging>";
  for (const char* name : {"If-Match", "If-None-Match", "If-Unmodified-Since"}) {
    EXPECT_EQ(refusal("PUT", "/bucket/k?tagging", name, "\"no\"", tags), "NotImplemented");
    EXPECT_EQ(refusal("DELETE", "/bucket/k?tagging", name, "\"no\""), "NotImplemented");
    EXPECT_EQ(refusal("PUT", "/bucket?tagging", name, "\"no\"", tags), "NotImplemented");
    EXPECT_EQ(refusal("PUT", "/bucket/k?acl", name, "\"no\""), "NotImplemented");
    EXPECT_EQ(refusal("PUT", "/new-bucket", name, "*"), "NotImplemented");
    EXPECT_EQ(refusal("POST", "/bucket/up?uploads", name, "*"), "NotImplemented");
    EXPECT_EQ(refusal("PUT", part, name, "*", "bytes"), "NotImplemented");
    EXPECT_EQ(refusal("DELETE", "/bucket/up?uploadId=" + id, name, "*"), "NotImplemented");
    EXPECT_EQ(refusal("POST", "/bucket?delete", name, "*", "<Delete/>"), "NotImplemented");
  }
  const Answer copied = s3.put(part, "", {{"x-amz-copy-source", "/bucket/k"}, {"If-Match", "*"}});
  EXPECT_EQ(copied.code(), "NotImplemented");
  EXPECT_EQ(s3.head("/new-bucket").status, 404);
  EXPECT_EQ(s3.get("/bucket/up?uploadId=" + id).status, 200) << "not aborted";
}

TEST_F(ServiceStrictness, RepeatedListsAreOneList) {
  EXPECT_EQ(s3.get("/bucket/k", {{"If-Match", "\"no\""}, {"If-Match", etag}}).status, 200);
  EXPECT_EQ(s3.get("/bucket/k", {{"If-None-Match", "\"no\""}, {"If-None-Match", etag}}).status,
            304);
  EXPECT_EQ(s3.put("/bucket/k", "x", {{"If-Match", etag}, {"If-Match", "\"no\""}}).code(),
            "InvalidArgument");
  s3.put("/bucket/t", "x",
         {{"Cache-Control", "no-cache"},
          {"Content-Encoding", "a"},
          {"cache-control", "private"},
          {"Content-Encoding", "b"},
          {"CACHE-CONTROL", "max-age=1"}});
  const Answer got = s3.get("/bucket/t");
  EXPECT_EQ(got.header("Cache-Control"), "no-cache, private, max-age=1");
  EXPECT_EQ(got.header("Content-Encoding"), "a, b");
  s3.del("/bucket/t");
}

TEST_F(ServiceStrictness, RepeatedSingleHeaders) {
  for (const char* name : {"Content-MD5", "Content-Type", "x-amz-tagging", "x-amz-storage-class",
                           "x-amz-copy-source", "x-amz-checksum-crc32", "Range", "x-amz-acl"}) {
    const Answer answer = s3.put("/bucket/k", "x", {{name, "private"}, {name, "private"}});
    EXPECT_EQ(answer.code(), "InvalidArgument") << name;
    EXPECT_NE(answer.text("Message").find(to_lower_ascii(name)), std::string::npos) << name;
  }
  EXPECT_EQ(s3.get("/bucket/k", {{"Range", "bytes=0-1"}, {"range", "bytes=2-3"}}).code(),
            "InvalidArgument");
  EXPECT_EQ(s3.get("/bucket/k", {{"Via", "a"}, {"Via", "b"}}).status, 200) << "not S3's";
}

TEST_F(ServiceStrictness, BodiesThatNobodyReadsMustHoldTheirClaims) {
  const std::string id = start();
  const Fields copy = {{"x-amz-copy-source", "/bucket/k"}};
  struct Case {
    const char* method;
    std::string target;
    Fields headers;
  };
  const std::vector<Case> cases = {
      {"PUT", "/bucket/t", copy},
      {"PUT", "/bucket/up?partNumber=1&uploadId=" + id, copy},
      {"POST", "/bucket/other?uploads", {}},
      {"DELETE", "/bucket/up?uploadId=" + id, {}},
      {"DELETE", "/bucket/k", {}},
      {"DELETE", "/bucket/k?tagging", {}},
      {"GET", "/bucket/k", {}},
  };
  const std::string md5 = hash_of(HashAlgorithm::kMd5, as_bytes("other")).base64();
  for (const Case& c : cases) {
    const auto with = [&](const char* name, const std::string& value) {
      Fields headers = c.headers;
      headers.emplace_back(name, value);
      return s3.call(c.method, c.target, {}, headers).code();
    };
    EXPECT_EQ(with("Content-MD5", md5), "BadDigest") << c.method << c.target;
    EXPECT_EQ(with("Content-MD5", "AAAA"), "InvalidDigest") << c.method << c.target;
    EXPECT_EQ(with("x-amz-checksum-crc32", "!"), "InvalidRequest") << c.method << c.target;
    EXPECT_EQ(with("x-amz-checksum-crc32", "AAAAAQ=="), "BadDigest") << c.method << c.target;
    // As the connection reports a payload that is not the one that was signed.
    MemoryBody body("", err::kXAmzContentSHA256Mismatch);
    Request request;
    const std::string hash = to_hex(sha256("other"));
    request.content_sha256 = hash;
    EXPECT_EQ(s3.call_with(c.method, c.target, c.headers, &request, &body).code(),
              "XAmzContentSHA256Mismatch")
        << c.method << c.target;
  }
  MemoryBody body("", err::kXAmzContentSHA256Mismatch);
  Request request;
  EXPECT_EQ(s3.call_with("HEAD", "/bucket/k", {}, &request, &body).status, 400);
  EXPECT_TRUE(s3.get("/bucket?uploads").texts("Key") == std::vector<std::string>{"up"});
  EXPECT_TRUE(s3.get("/bucket/up?uploadId=" + id).texts("PartNumber").empty());
  const std::string nothing = hash_of(HashAlgorithm::kMd5, {}).base64();
  EXPECT_EQ(s3.get("/bucket/k", {{"Content-MD5", nothing}}).status, 200);
  EXPECT_EQ(s3.call("DELETE", "/bucket/k", std::string(kUnreadBodyBytesMax + 1, 'a')).code(),
            "MaxMessageLengthExceeded");
}

TEST_F(ServiceStrictness, FramingThatIsNotTakenOff) {
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "5\r\nhello\r\n0\r\n\r\n",
                     {{"Content-Encoding", "aws-chunked"}, {"x-amz-decoded-content-length", "5"}}),
            "InvalidArgument");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "hello!", {{"x-amz-decoded-content-length", "5"}}),
            "InvalidArgument");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "hello", {{"Content-Encoding", "gzip,aws-chunked"}}),
            "InvalidArgument");
  EXPECT_EQ(s3.error("PUT", "/bucket/t", "hello",
                     {{"Content-Encoding", "aws-chunked"}, {"x-amz-decoded-content-length", "5"}}),
            "ok")
      << "nothing to take off";
  s3.del("/bucket/t");
}

TEST_F(ServiceStrictness, AttributesHaveConditions) {
  const auto status = [&](const char* name, const std::string& value) {
    return s3.get("/bucket/k?attributes", {{"x-amz-object-attributes", "ETag"}, {name, value}})
        .status;
  };
  EXPECT_EQ(status("If-Match", etag), 200);
  EXPECT_EQ(status("If-Match", "\"no\""), 412);
  EXPECT_EQ(status("If-None-Match", etag), 304);
  EXPECT_EQ(status("If-Unmodified-Since", std::string(kPast)), 412);
}

TEST_F(ServiceStrictness, ErrorsSayWhatTheyAreAbout) {
  EXPECT_EQ(s3.del("/bucket/none", {{"If-Match", "*"}}).text("Key"), "none");
  const auto condition = [&](const char* name, const std::string& value) {
    const Fields headers = {{"x-amz-copy-source", "/bucket/k"}, {name, value}};
    return s3.put("/bucket/t", "", headers).text("Condition");
  };
  EXPECT_EQ(condition("x-amz-copy-source-if-match", "\"no\""), "x-amz-copy-source-If-Match");
  EXPECT_EQ(condition("x-amz-copy-source-if-none-match", etag), "x-amz-copy-source-If-None-Match");
  EXPECT_EQ(condition("x-amz-copy-source-if-unmodified-since", std::string(kPast)),
            "x-amz-copy-source-If-Unmodified-Since");
  const Answer part = s3.get("/bucket/k?partNumber=3");
  EXPECT_EQ(part.code(), "InvalidPartNumber");
  EXPECT_EQ(part.text("PartNumberRequested"), "3");
  EXPECT_EQ(part.text("ActualPartCount"), "1");
}

TEST_F(ServiceStrictness, RegionsAndCounts) {
  for (const char* target : {"/bucket", "/bucket?list-type=2"})
    EXPECT_EQ(s3.get(target).header("x-amz-bucket-region"), "us-east-1");
  EXPECT_EQ(s3.error("GET", "/?max-buckets=10000"), "ok");
  EXPECT_EQ(s3.error("GET", "/?max-buckets=10001"), "InvalidArgument");
}

}  // namespace
}  // namespace atl::s3
