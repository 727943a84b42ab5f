// Multipart uploads.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "frontend/s3/checksum.h"
#include "frontend/s3/test_service.h"
#include "frontend/s3/text.h"

namespace atl::s3 {
namespace {

constexpr size_t kPart = 5u << 20;

std::string base64_of(HashAlgorithm algorithm, std::string_view bytes) {
  return hash_of(algorithm, as_bytes(bytes)).base64();
}

struct Part {
  int number;
  std::string etag;  // quoted
  std::string extra = {};
};

std::string complete_document(const std::vector<Part>& parts) {
  XmlWriter xml;
  xml.open_root("CompleteMultipartUpload");
  for (const Part& part : parts)
    xml.open("Part")
        .number("PartNumber", static_cast<uint64_t>(part.number))
        .text("ETag", part.etag)
        .raw(part.extra)
        .close("Part");
  return xml.close("CompleteMultipartUpload").take();
}

class ServiceMultipart : public ::testing::Test {
 protected:
  ServiceMultipart() { s3.put("/bucket"); }
  std::string start(const std::string& target, Fields headers = {}) {
    const Answer answer = s3.post(target + "?uploads", "", std::move(headers));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.text("UploadId");
  }
  Answer upload(const std::string& target, const std::string& id, int number, std::string body,
                Fields headers = {}) {
    return s3.put(target + "?partNumber=" + std::to_string(number) + "&uploadId=" + id,
                  std::move(body), std::move(headers));
  }
  Answer complete(const std::string& target, const std::string& id, const std::vector<Part>& parts,
                  Fields headers = {}) {
    return s3.post(target + "?uploadId=" + id, complete_document(parts), std::move(headers));
  }
  TestService s3{512u << 20};
};

TEST_F(ServiceMultipart, Life) {
  const std::string id =
      start("/bucket/k",
            {{"Content-Type", "text/plain"}, {"x-amz-meta-a", "1"}, {"x-amz-tagging", "t=1"}});
  ASSERT_FALSE(id.empty());
  EXPECT_EQ(s3.error("GET", "/bucket/k"), "NoSuchKey") << "not before it is complete";
  const std::vector<std::string> bodies = {bytes_of(1, kPart), bytes_of(2, kPart + 123), "tail"};
  std::vector<Part> parts;
  for (const int i : {2, 0, 1}) {  // in any order
    const Answer put = upload("/bucket/k", id, i * 10 + 1, bodies[i]);
    ASSERT_EQ(put.status, 200) << put.body;
    parts.push_back({i * 10 + 1, put.header("ETag")});
  }
  std::ranges::sort(parts, {}, &Part::number);
  const Answer done = complete("/bucket/k", id, parts);
  ASSERT_EQ(done.status, 200) << done.body;
  const std::string etag = done.text("ETag");
  EXPECT_TRUE(etag.ends_with("-3&quot;")) << etag;
  EXPECT_EQ(done.text("Location"), "http://127.0.0.1:9000/bucket/k");

  const std::string whole = bodies[0] + bodies[1] + bodies[2];
  const Answer got = s3.get("/bucket/k");
  EXPECT_TRUE(got.body == whole);
  EXPECT_EQ("&quot;" + got.header("ETag").substr(1, 34) + "&quot;", etag);
  EXPECT_EQ(got.header("Content-Type"), "text/plain");
  EXPECT_EQ(got.header("x-amz-meta-a"), "1");
  EXPECT_EQ(got.header("x-amz-tagging-count"), "1");

  const Answer second = s3.get("/bucket/k?partNumber=11");
  EXPECT_EQ(second.status, 206);
  EXPECT_TRUE(second.body == bodies[1]);
  EXPECT_EQ(second.header("x-amz-mp-parts-count"), "3");
  EXPECT_EQ(s3.head("/bucket/k?partNumber=21").content_length, 4u);
  EXPECT_EQ(s3.error("GET", "/bucket/k?partNumber=2"), "InvalidPartNumber");
  const std::string range = "bytes=" + std::to_string(kPart - 5) + "-" + std::to_string(kPart + 4);
  EXPECT_TRUE(s3.get("/bucket/k", {{"Range", range}}).body == whole.substr(kPart - 5, 10));

  EXPECT_EQ(s3.error("GET", "/bucket/k?uploadId=" + id), "NoSuchUpload");
  EXPECT_EQ(s3.get("/bucket?uploads").texts("UploadId").size(), 0u);
}

TEST_F(ServiceMultipart, CompletingAgainIsAnsweredAlike) {
  const std::string id = start("/bucket/k");
  const Answer put = upload("/bucket/k", id, 1, "only");
  const std::vector<Part> parts = {{1, put.header("ETag")}};
  const Answer first = complete("/bucket/k", id, parts);
  const Answer again = complete("/bucket/k", id, parts);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.text("ETag"), first.text("ETag"));
  s3.put("/bucket/k", "replaced");
  EXPECT_EQ(complete("/bucket/k", id, parts).code(), "NoSuchUpload");
}

TEST_F(ServiceMultipart, WhatCompleteRefuses) {
  const std::string id = start("/bucket/k");
  const Part small = {1, upload("/bucket/k", id, 1, "small").header("ETag")};
  const Part large = {2, upload("/bucket/k", id, 2, bytes_of(1, kPart)).header("ETag")};
  EXPECT_EQ(complete("/bucket/k", id, {small, large}).code(), "EntityTooSmall");
  EXPECT_EQ(complete("/bucket/k", id, {large, small}).code(), "InvalidPartOrder");
  EXPECT_EQ(complete("/bucket/k", id, {large, large}).code(), "InvalidPartOrder");
  EXPECT_EQ(complete("/bucket/k", id, {{2, small.etag}}).code(), "InvalidPart");
  EXPECT_EQ(complete("/bucket/k", id, {large, {3, large.etag}}).code(), "InvalidPart");
  EXPECT_EQ(complete("/bucket/k", id, {{0, small.etag}}).code(), "InvalidArgument");
  EXPECT_EQ(complete("/bucket/k", id, {}).code(), "MalformedXML");
  EXPECT_EQ(s3.error("POST", "/bucket/k?uploadId=" + id, "junk"), "MalformedXML");
  EXPECT_EQ(complete("/bucket/k", "nonsense", {large}).code(), "NoSuchUpload");
  EXPECT_EQ(complete("/bucket/other", id, {large}).code(), "NoSuchUpload") << "of another key";
  EXPECT_EQ(complete("/absent/k", id, {large}).code(), "NoSuchBucket");
  EXPECT_EQ(complete("/bucket/k", id, {large}, {{"x-amz-mp-object-size", "1"}}).code(),
            "InvalidRequest");
  EXPECT_EQ(s3.error("GET", "/bucket/k"), "NoSuchKey");
  s3.put("/bucket/k", "there already");
  EXPECT_EQ(complete("/bucket/k", id, {large}, {{"If-None-Match", "*"}}).code(),
            "PreconditionFailed");
  EXPECT_EQ(s3.get("/bucket/k").body, "there already");
  EXPECT_EQ(
      complete("/bucket/k", id, {large}, {{"x-amz-mp-object-size", std::to_string(kPart)}}).status,
      200)
      << "what was refused left the upload as it was; parts may be left out";
  EXPECT_EQ(s3.head("/bucket/k").content_length, kPart);
}

TEST_F(ServiceMultipart, WhatUploadPartRefuses) {
  const std::string id = start("/bucket/k");
  EXPECT_EQ(upload("/bucket/k", id, 0, "x").code(), "InvalidArgument");
  EXPECT_EQ(upload("/bucket/k", id, 10'001, "x").code(), "InvalidArgument");
  EXPECT_EQ(upload("/bucket/k", id, 10'000, "x").status, 200);
  EXPECT_EQ(s3.error("PUT", "/bucket/k?uploadId=" + id, "x"), "InvalidArgument");
  EXPECT_EQ(s3.error("PUT", "/bucket/k?partNumber=1", "x"), "InvalidArgument");
  EXPECT_EQ(upload("/bucket/k", "nonsense", 1, "x").code(), "NoSuchUpload");
  EXPECT_EQ(upload("/absent/k", id, 1, "x").code(), "NoSuchBucket");
  EXPECT_EQ(upload("/bucket/k", id, 1, "x", {{"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="}}).code(),
            "BadDigest");
  EXPECT_EQ(s3.get("/bucket/k?uploadId=" + id).texts("PartNumber"),
            std::vector<std::string>{"10000"});
}

TEST_F(ServiceMultipart, Abort) {
  const std::string id = start("/bucket/k");
  upload("/bucket/k", id, 1, bytes_of(1, kPart));
  EXPECT_EQ(s3.del("/bucket/k?uploadId=" + id).status, 204);
  EXPECT_EQ(s3.error("DELETE", "/bucket/k?uploadId=" + id), "NoSuchUpload");
  EXPECT_EQ(upload("/bucket/k", id, 2, "x").code(), "NoSuchUpload");
  EXPECT_EQ(s3.error("GET", "/bucket/k"), "NoSuchKey");
  s3.cluster().env().run_for(60s);
  EXPECT_EQ(s3.partition().stats().stripes, 0u) << "its bytes are freed";
}

// A lost answer is given again, to the upload that made the object and to no other.
TEST_F(ServiceMultipart, CompletingAgain) {
  const std::string id = start("/bucket/k");
  const std::string etag = upload("/bucket/k", id, 1, "same").header("ETag");
  const Answer first = complete("/bucket/k", id, {{1, etag}});
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(complete("/bucket/k", id, {{1, etag}}).body, first.body);
  EXPECT_EQ(complete("/bucket/k", id, {{7, etag}}).code(), "NoSuchUpload");
  EXPECT_EQ(complete("/bucket/k", "invented", {{1, etag}}).code(), "NoSuchUpload");

  const std::string aborted = start("/bucket/k", {{"x-amz-meta-v", "2"}});
  EXPECT_EQ(upload("/bucket/k", aborted, 1, "same").header("ETag"), etag);
  EXPECT_EQ(s3.del("/bucket/k?uploadId=" + aborted).status, 204);
  EXPECT_EQ(complete("/bucket/k", aborted, {{1, etag}}).code(), "NoSuchUpload");

  // A copy has the ETag, and was made by no upload.
  EXPECT_EQ(s3.put("/bucket/copy", "", {{"x-amz-copy-source", "bucket/k"}}).status, 200);
  EXPECT_EQ(complete("/bucket/copy", id, {{1, etag}}).code(), "NoSuchUpload");
  for (const auto& [name, value] : s3.get("/bucket/k").headers) EXPECT_NE(value, id) << name;
}

TEST_F(ServiceMultipart, WhatCompleteChecks) {
  const std::string id = start("/bucket/k");
  const std::string etag = upload("/bucket/k", id, 1, "x").header("ETag");
  EXPECT_EQ(
      complete("/bucket/k", id, {{1, etag}}, {{"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="}}).code(),
      "BadDigest");
  EXPECT_EQ(complete("/bucket/k", id, {{1, etag, "<ChecksumMD5>AAAA</ChecksumMD5>"}}).code(),
            "MalformedXML");
  for (const char* match : {"*", "\"abc\""})
    EXPECT_EQ(complete("/bucket/k", id, {{1, etag}}, {{"If-Match", match}}).code(), "NoSuchKey");
  EXPECT_EQ(complete("/bucket/k", id, {{1, etag}}).status, 200) << "the upload was left as it was";
}

TEST_F(ServiceMultipart, ReplacingAPart) {
  const std::string id = start("/bucket/k");
  const std::string old = upload("/bucket/k", id, 1, "old").header("ETag");
  const std::string now = upload("/bucket/k", id, 1, "new").header("ETag");
  EXPECT_EQ(complete("/bucket/k", id, {{1, old}}).code(), "InvalidPart");
  EXPECT_EQ(complete("/bucket/k", id, {{1, now}}).status, 200);
  EXPECT_EQ(s3.get("/bucket/k").body, "new");
}

TEST_F(ServiceMultipart, ListingParts) {
  const std::string id = start("/bucket/k", {{"x-amz-checksum-algorithm", "SHA256"}});
  for (int i = 1; i <= 5; ++i)
    upload("/bucket/k", id, i * 2, std::string(static_cast<size_t>(i), 'x'));
  const Answer all = s3.get("/bucket/k?uploadId=" + id);
  EXPECT_EQ(all.texts("PartNumber"), (std::vector<std::string>{"2", "4", "6", "8", "10"}));
  EXPECT_EQ(all.texts("Size"), (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(all.text("IsTruncated"), "false");
  EXPECT_EQ(all.text("ChecksumAlgorithm"), "SHA256");
  EXPECT_EQ(all.texts("ChecksumSHA256").size(), 5u) << "computed where the client gave none";
  EXPECT_EQ(all.text("StorageClass"), "STANDARD");
  const Answer page = s3.get("/bucket/k?uploadId=" + id + "&max-parts=2&part-number-marker=4");
  EXPECT_EQ(page.texts("PartNumber"), (std::vector<std::string>{"6", "8"}));
  EXPECT_EQ(page.text("IsTruncated"), "true");
  EXPECT_EQ(page.text("NextPartNumberMarker"), "8");
  EXPECT_EQ(s3.error("GET", "/bucket/k?max-parts=x&uploadId=" + id), "InvalidArgument");
}

TEST_F(ServiceMultipart, ListingUploads) {
  std::vector<std::string> ids;
  for (const char* key : {"a", "a", "b/1", "b/2", "c%2F%3C", "d"})
    ids.push_back(start(std::string("/bucket/") + key));
  std::sort(ids.begin(), ids.begin() + 2);
  const Answer all = s3.get("/bucket?uploads");
  EXPECT_EQ(all.texts("UploadId"), ids);
  EXPECT_EQ(all.texts("Key"), (std::vector<std::string>{"a", "a", "b/1", "b/2", "c/&lt;", "d"}));
  EXPECT_EQ(s3.get("/bucket?uploads&prefix=b%2F").texts("UploadId"),
            (std::vector<std::string>{ids[2], ids[3]}));

  // Page by page, with and without common prefixes: all, once each.
  for (const char* delimiter : {"", "%2F"})
    for (const int limit : {1, 2, 3, 100}) {
      std::vector<std::string> seen;
      std::string key;
      std::string id;
      for (int page = 0; page < 20; ++page) {
        const Answer answer =
            s3.get("/bucket?uploads&encoding-type=url&delimiter=" + std::string(delimiter) +
                   "&max-uploads=" + std::to_string(limit) + "&key-marker=" + key +
                   "&upload-id-marker=" + id);
        for (const std::string& one : answer.texts("UploadId")) seen.push_back(one);
        const size_t prefixes = answer.body.find("<CommonPrefixes>");
        if (prefixes != std::string::npos) {
          Answer tail;
          tail.body = answer.body.substr(prefixes);
          for (const std::string& one : tail.texts("Prefix")) seen.push_back(one);
        }
        if (answer.text("IsTruncated") == "false") break;
        key = answer.text("NextKeyMarker");
        id = answer.text("NextUploadIdMarker");
      }
      std::vector<std::string> expected = ids;
      if (*delimiter != '\0') expected = {ids[0], ids[1], ids[5], "b/", "c/"};
      std::ranges::sort(expected);
      std::ranges::sort(seen);
      EXPECT_EQ(seen, expected) << "delimiter " << delimiter << " by " << limit;
    }
  EXPECT_EQ(s3.get("/bucket?uploads&key-marker=a").texts("UploadId").size(), 4u)
      << "without an id, only keys after the marker";
  EXPECT_EQ(s3.error("GET", "/absent?uploads"), "NoSuchBucket");
}

TEST_F(ServiceMultipart, CompositeChecksum) {
  const std::string a = bytes_of(1, kPart);
  const std::string b = "tail";
  const std::string id = start("/bucket/k", {{"x-amz-checksum-algorithm", "SHA256"}});
  const Answer put_a = upload("/bucket/k", id, 1, a,
                              {{"x-amz-checksum-sha256", base64_of(HashAlgorithm::kSha256, a)}});
  const Answer put_b = upload("/bucket/k", id, 2, b);
  EXPECT_EQ(put_b.header("x-amz-checksum-sha256"), base64_of(HashAlgorithm::kSha256, b));
  EXPECT_EQ(
      upload("/bucket/k", id, 3, b, {{"x-amz-checksum-crc32", base64_of(HashAlgorithm::kCrc32, b)}})
          .code(),
      "InvalidRequest");
  const std::string raw =
      std::string(as_string_view(hash_of(HashAlgorithm::kSha256, as_bytes(a)).span())) +
      std::string(as_string_view(hash_of(HashAlgorithm::kSha256, as_bytes(b)).span()));
  const std::string expected = base64_of(HashAlgorithm::kSha256, raw) + "-2";
  const std::vector<Part> wrong = {
      {1, put_a.header("ETag"),
       "<ChecksumSHA256>" + base64_of(HashAlgorithm::kSha256, b) + "</ChecksumSHA256>"},
      {2, put_b.header("ETag")}};
  EXPECT_EQ(complete("/bucket/k", id, wrong).code(), "InvalidPart");
  const std::vector<Part> parts = {
      {1, put_a.header("ETag"),
       "<ChecksumSHA256>" + base64_of(HashAlgorithm::kSha256, a) + "</ChecksumSHA256>"},
      {2, put_b.header("ETag")}};
  EXPECT_EQ(complete("/bucket/k", id, parts,
                     {{"x-amz-checksum-sha256", base64_of(HashAlgorithm::kSha256, a)}})
                .code(),
            "BadDigest");
  EXPECT_EQ(complete("/bucket/k", id, parts, {{"x-amz-checksum-type", "FULL_OBJECT"}}).code(),
            "InvalidRequest");
  const Answer done = complete("/bucket/k", id, parts, {{"x-amz-checksum-sha256", expected}});
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.text("ChecksumSHA256"), expected);
  EXPECT_EQ(done.text("ChecksumType"), "COMPOSITE");
  const Answer head = s3.head("/bucket/k", {{"x-amz-checksum-mode", "ENABLED"}});
  EXPECT_EQ(head.header("x-amz-checksum-sha256"), expected);
  EXPECT_EQ(head.header("x-amz-checksum-type"), "COMPOSITE");
  EXPECT_EQ(s3.head("/bucket/k?partNumber=2", {{"x-amz-checksum-mode", "ENABLED"}})
                .header("x-amz-checksum-sha256"),
            base64_of(HashAlgorithm::kSha256, b));

  const Answer attributes =
      s3.get("/bucket/k?attributes",
             {{"x-amz-object-attributes", "ObjectParts,Checksum"}, {"x-amz-max-parts", "1"}});
  EXPECT_EQ(attributes.text("PartsCount"), "2");
  EXPECT_EQ(attributes.texts("PartNumber"), std::vector<std::string>{"1"});
  EXPECT_EQ(attributes.text("IsTruncated"), "true");
  EXPECT_EQ(attributes.text("NextPartNumberMarker"), "1");
}

TEST_F(ServiceMultipart, FullObjectChecksum) {
  const std::string a = bytes_of(1, kPart);
  const std::string b = "tail";
  for (const auto& [name, algorithm] :
       {std::pair{"CRC32", HashAlgorithm::kCrc32}, std::pair{"CRC32C", HashAlgorithm::kCrc32c},
        std::pair{"CRC64NVME", HashAlgorithm::kCrc64Nvme}}) {
    const std::string id = start(
        "/bucket/k", {{"x-amz-checksum-algorithm", name}, {"x-amz-checksum-type", "FULL_OBJECT"}});
    const std::vector<Part> parts = {{1, upload("/bucket/k", id, 1, a).header("ETag")},
                                     {2, upload("/bucket/k", id, 2, b).header("ETag")}};
    const std::string header = "x-amz-checksum-" + to_lower_ascii(name);
    EXPECT_EQ(complete("/bucket/k", id, parts, {{header, base64_of(algorithm, a)}}).code(),
              "BadDigest");
    const std::string expected = base64_of(algorithm, a + b);
    const Answer done = complete("/bucket/k", id, parts, {{header, expected}});
    ASSERT_EQ(done.status, 200) << done.body;
    EXPECT_EQ(done.text("ChecksumType"), "FULL_OBJECT");
    EXPECT_EQ(s3.head("/bucket/k", {{"x-amz-checksum-mode", "ENABLED"}}).header(header), expected);
  }
}

TEST_F(ServiceMultipart, ChecksumTypesThatDoNotGoTogether) {
  const auto code = [&](Fields headers) {
    return s3.post("/bucket/k?uploads", "", headers).code();
  };
  EXPECT_EQ(code({{"x-amz-checksum-algorithm", "SHA1"}, {"x-amz-checksum-type", "FULL_OBJECT"}}),
            "InvalidRequest");
  EXPECT_EQ(code({{"x-amz-checksum-algorithm", "CRC64NVME"}, {"x-amz-checksum-type", "COMPOSITE"}}),
            "InvalidRequest");
  EXPECT_EQ(code({{"x-amz-checksum-algorithm", "MD4"}}), "InvalidRequest");
  EXPECT_EQ(code({{"x-amz-checksum-algorithm", "MD5"}}), "NotImplemented");
  EXPECT_EQ(code({{"x-amz-checksum-type", "COMPOSITE"}}), "InvalidRequest");
  EXPECT_EQ(s3.error("POST", "/absent/k?uploads"), "NoSuchBucket");
}

TEST_F(ServiceMultipart, CompositeChecksumsNeedConsecutiveParts) {
  const Fields crc32 = {{"x-amz-checksum-algorithm", "CRC32"}};
  for (const std::vector<int>& numbers : {std::vector<int>{1, 3}, std::vector<int>{2, 3}}) {
    const std::string id = start("/bucket/k", crc32);
    std::vector<Part> parts;
    for (const int number : numbers)
      parts.push_back({number, upload("/bucket/k", id, number, bytes_of(1, kPart)).header("ETag")});
    EXPECT_EQ(complete("/bucket/k", id, parts).code(), "InvalidPartOrder");
    EXPECT_EQ(s3.get("/bucket/k?uploadId=" + id).status, 200) << "the upload is still there";
  }
  // Without a checksum, or with one of the full object, S3 takes them.
  Fields full = crc32;
  full.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
  for (const Fields& headers : {Fields{}, full}) {
    const std::string id = start("/bucket/k", headers);
    const std::vector<Part> parts = {
        {2, upload("/bucket/k", id, 2, bytes_of(1, kPart)).header("ETag")},
        {7, upload("/bucket/k", id, 7, "b").header("ETag")}};
    EXPECT_EQ(complete("/bucket/k", id, parts).status, 200);
  }
}

TEST_F(ServiceMultipart, UploadPartCopy) {
  const std::string source = bytes_of(1, kPart + 1000);
  s3.put("/bucket/source", source);
  const std::string id = start("/bucket/k");
  const auto copy = [&](int number, Fields headers) {
    headers.emplace_back("x-amz-copy-source", "/bucket/source");
    return s3.put("/bucket/k?partNumber=" + std::to_string(number) + "&uploadId=" + id, "",
                  headers);
  };
  const Answer whole = copy(1, {});
  ASSERT_EQ(whole.status, 200) << whole.body;
  const std::string md5 = hash_of(HashAlgorithm::kMd5, as_bytes(source)).hex();
  EXPECT_EQ(whole.text("ETag"), "&quot;" + md5 + "&quot;");
  const Answer part = copy(2, {{"x-amz-copy-source-range", "bytes=100-299"}});
  ASSERT_EQ(part.status, 200) << part.body;
  EXPECT_EQ(copy(3, {{"x-amz-copy-source-range", "bytes=0-99999999"}}).code(), "InvalidArgument");
  EXPECT_EQ(copy(3, {{"x-amz-copy-source-if-match", "\"no\""}}).code(), "PreconditionFailed");
  const std::string etag2 = "\"" + part.text("ETag").substr(6, 32) + "\"";
  EXPECT_EQ(complete("/bucket/k", id, {{1, "\"" + md5 + "\""}, {2, etag2}}).status, 200);
  EXPECT_TRUE(s3.get("/bucket/k").body == source + source.substr(100, 200));
}

TEST_F(ServiceMultipart, CopyOfAMultipartObject) {
  const std::string id = start("/bucket/k");
  const std::string a = bytes_of(1, kPart);
  const std::vector<Part> parts = {{1, upload("/bucket/k", id, 1, a).header("ETag")},
                                   {2, upload("/bucket/k", id, 2, "b").header("ETag")}};
  complete("/bucket/k", id, parts);
  EXPECT_EQ(s3.put("/bucket/t", "", {{"x-amz-copy-source", "bucket/k"}}).status, 200);
  EXPECT_TRUE(s3.get("/bucket/t").body == a + "b");
  EXPECT_EQ(s3.head("/bucket/t").header("ETag"), s3.head("/bucket/k").header("ETag"));
}

}  // namespace
}  // namespace atl::s3
