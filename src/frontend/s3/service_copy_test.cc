// CopyObject.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "frontend/s3/test_service.h"

namespace atl::s3 {
namespace {

class ServiceCopy : public ::testing::Test {
 protected:
  ServiceCopy() {
    s3.put("/bucket");
    s3.put("/other");
    body = bytes_of(1, 200'000);
    s3.put("/bucket/source", body,
           {{"Content-Type", "text/plain"},
            {"x-amz-meta-a", "1"},
            {"x-amz-tagging", "t=1"},
            {"x-amz-storage-class", "STANDARD_IA"}});
    etag = s3.head("/bucket/source").header("ETag");
  }
  Answer copy(const std::string& source, const std::string& target, Fields headers = {}) {
    headers.emplace_back("x-amz-copy-source", source);
    return s3.put(target, "", std::move(headers));
  }
  TestService s3;
  std::string body;
  std::string etag;
};

TEST_F(ServiceCopy, CopiesBytesAndMetadata) {
  const Answer copied = copy("/bucket/source", "/other/target");
  ASSERT_EQ(copied.status, 200) << copied.body;
  EXPECT_EQ("\"" + copied.text("ETag").substr(6, 32) + "\"", etag);
  EXPECT_FALSE(copied.text("LastModified").empty());
  const Answer got = s3.get("/other/target");
  EXPECT_TRUE(got.body == body);
  EXPECT_EQ(got.header("ETag"), etag);
  EXPECT_EQ(got.header("Content-Type"), "text/plain");
  EXPECT_EQ(got.header("x-amz-meta-a"), "1");
  EXPECT_EQ(got.header("x-amz-tagging-count"), "1");
  EXPECT_EQ(got.header("x-amz-storage-class"), "") << "S3: the class is not copied";
  s3.del("/bucket/source");
  EXPECT_TRUE(s3.get("/other/target").body == body) << "the copy stands alone";
}

TEST_F(ServiceCopy, Directives) {
  EXPECT_EQ(copy("bucket/source", "/bucket/k",
                 {{"x-amz-metadata-directive", "REPLACE"}, {"x-amz-meta-b", "2"}})
                .status,
            200);
  Answer got = s3.get("/bucket/k");
  EXPECT_EQ(got.header("x-amz-meta-b"), "2");
  EXPECT_FALSE(got.has("x-amz-meta-a"));
  EXPECT_EQ(got.header("Content-Type"), "binary/octet-stream");
  EXPECT_EQ(got.header("x-amz-tagging-count"), "1");
  copy("bucket/source", "/bucket/k",
       {{"x-amz-tagging-directive", "REPLACE"},
        {"x-amz-tagging", "x=1&y=2"},
        {"x-amz-meta-b", "no"}});
  got = s3.get("/bucket/k");
  EXPECT_EQ(got.header("x-amz-tagging-count"), "2");
  EXPECT_EQ(got.header("x-amz-meta-a"), "1") << "COPY ignores what the request says";
  EXPECT_FALSE(got.has("x-amz-meta-b"));
  EXPECT_EQ(copy("bucket/source", "/bucket/k", {{"x-amz-metadata-directive", "MERGE"}}).code(),
            "InvalidArgument");
}

TEST_F(ServiceCopy, OntoItself) {
  EXPECT_EQ(copy("bucket/source", "/bucket/source").code(), "InvalidRequest");
  EXPECT_EQ(copy("bucket/source", "/bucket/source",
                 {{"x-amz-metadata-directive", "REPLACE"}, {"x-amz-meta-new", "1"}})
                .status,
            200);
  const Answer got = s3.get("/bucket/source");
  EXPECT_EQ(got.header("x-amz-meta-new"), "1");
  EXPECT_TRUE(got.body == body);
  EXPECT_EQ(copy("bucket/source", "/bucket/source", {{"x-amz-storage-class", "GLACIER_IR"}}).status,
            200);
  EXPECT_EQ(s3.get("/bucket/source").header("x-amz-storage-class"), "GLACIER_IR");
}

TEST_F(ServiceCopy, SourceNames) {
  s3.put("/bucket/a%20b%2B%3F%25", "odd");
  EXPECT_EQ(copy("/bucket/a%20b%2B%3F%25", "/bucket/t").status, 200);
  EXPECT_EQ(s3.get("/bucket/t").body, "odd");
  EXPECT_EQ(copy("/bucket/a+b%2B%3F%25?versionId=null", "/bucket/t").status, 200);
  EXPECT_EQ(copy("/bucket/source?versionId=abc", "/bucket/t").code(), "NotImplemented");
  for (const char* bad : {"", "/", "bucket", "/bucket", "/bucket/", "//key", "/bucket/%zz"})
    EXPECT_EQ(copy(bad, "/bucket/t").code(), "InvalidArgument") << bad;
  EXPECT_EQ(copy("/bucket/none", "/bucket/t").code(), "NoSuchKey");
  EXPECT_EQ(copy("/absent/none", "/bucket/t").code(), "NoSuchBucket");
  EXPECT_EQ(copy("/bucket/source", "/absent/t").code(), "NoSuchBucket");
}

TEST_F(ServiceCopy, SourceConditions) {
  const auto with = [&](const char* name, const std::string& value) {
    const Answer answer = copy("/bucket/source", "/bucket/t", {{name, value}});
    return answer.status == 200 ? "ok" : answer.code();
  };
  const std::string past = "Sat, 01 Jan 2000 00:00:00 GMT";
  const std::string future = "Fri, 31 Dec 2100 00:00:00 GMT";
  EXPECT_EQ(with("x-amz-copy-source-if-match", etag), "ok");
  EXPECT_EQ(with("x-amz-copy-source-if-match", "\"no\""), "PreconditionFailed");
  EXPECT_EQ(with("x-amz-copy-source-if-none-match", etag), "PreconditionFailed");
  EXPECT_EQ(with("x-amz-copy-source-if-none-match", "\"no\""), "ok");
  EXPECT_EQ(with("x-amz-copy-source-if-modified-since", past), "ok");
  EXPECT_EQ(with("x-amz-copy-source-if-modified-since", future), "PreconditionFailed");
  EXPECT_EQ(with("x-amz-copy-source-if-unmodified-since", future), "ok");
  EXPECT_EQ(with("x-amz-copy-source-if-unmodified-since", past), "PreconditionFailed");
  EXPECT_EQ(with("x-amz-source-expected-bucket-owner", "nobody"), "AccessDenied");
  EXPECT_EQ(with("If-None-Match", "*"), "PreconditionFailed");
  EXPECT_EQ(with("If-Match", etag), "ok");
}

TEST_F(ServiceCopy, AnotherChecksum) {
  const std::string crc = hash_of(HashAlgorithm::kCrc64Nvme, as_bytes(body)).base64();
  const Answer copied =
      copy("/bucket/source", "/bucket/t", {{"x-amz-checksum-algorithm", "CRC64NVME"}});
  EXPECT_EQ(copied.text("ChecksumCRC64NVME"), crc);
  EXPECT_EQ(
      s3.head("/bucket/t", {{"x-amz-checksum-mode", "ENABLED"}}).header("x-amz-checksum-crc64nvme"),
      crc);
  EXPECT_EQ(copy("/bucket/source", "/bucket/t", {{"x-amz-checksum-algorithm", "MD4"}}).code(),
            "InvalidRequest");
}

}  // namespace
}  // namespace atl::s3
