// PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects, tags and attributes of objects.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "frontend/s3/test_service.h"
#include "frontend/s3/text.h"

namespace atl::s3 {
namespace {

std::string md5_hex(std::string_view bytes) {
  return hash_of(HashAlgorithm::kMd5, as_bytes(bytes)).hex();
}
std::string base64_of(HashAlgorithm algorithm, std::string_view bytes) {
  return hash_of(algorithm, as_bytes(bytes)).base64();
}
std::string quoted(const std::string& etag) {
  return "\"" + etag + "\"";
}

class ServiceObject : public ::testing::Test {
 protected:
  ServiceObject() { s3.put("/bucket"); }
  TestService s3;
};

TEST_F(ServiceObject, SizesGoInAndOut) {
  for (const size_t size :
       {0u, 1u, 4096u, 65'536u, 65'537u, 262'144u, 300'000u, 6u << 20, (12u << 20) + 7}) {
    const std::string body = bytes_of(size + 1, size);
    const Answer put = s3.put("/bucket/k", body);
    ASSERT_EQ(put.status, 200) << put.body;
    EXPECT_EQ(put.header("ETag"), quoted(md5_hex(body)));
    const Answer got = s3.get("/bucket/k");
    EXPECT_EQ(got.status, 200);
    EXPECT_TRUE(got.body == body) << size;
    EXPECT_EQ(got.header("ETag"), quoted(md5_hex(body)));
    EXPECT_EQ(got.header("Accept-Ranges"), "bytes");
    EXPECT_EQ(got.header("Content-Type"), "binary/octet-stream");
    const Answer head = s3.head("/bucket/k");
    EXPECT_EQ(head.content_length, size);
    EXPECT_EQ(head.header("ETag"), got.header("ETag"));
    EXPECT_EQ(head.header("Last-Modified"), got.header("Last-Modified"));
    EXPECT_TRUE(head.body.empty());
  }
}

TEST_F(ServiceObject, OddKeys) {
  const std::vector<std::string> keys = {"a//b",
                                         "%2Fa",
                                         "a/",
                                         "a",
                                         "a/b",
                                         "../x",
                                         "./y",
                                         "a/../b",
                                         "%20",
                                         "a%0Ab",
                                         "%E2%82%AC/%F0%9D%84%9E",
                                         std::string(1024, 'k'),
                                         std::string(300, 's') + "/" + std::string(300, 't'),
                                         "a%3Fb%26c%3Dd+e"};
  for (size_t i = 0; i < keys.size(); ++i)
    ASSERT_EQ(s3.put("/bucket/" + keys[i], "body " + std::to_string(i)).status, 200) << keys[i];
  for (size_t i = 0; i < keys.size(); ++i)
    EXPECT_EQ(s3.get("/bucket/" + keys[i]).body, "body " + std::to_string(i)) << keys[i];
  EXPECT_EQ(s3.error("PUT", "/bucket/" + std::string(1025, 'k'), "x"), "KeyTooLongError");
  EXPECT_EQ(s3.error("PUT", "/bucket/%FF", "x"), "InvalidURI");
  EXPECT_EQ(s3.error("GET", "/bucket/%C0%AF"), "InvalidURI");
}

TEST_F(ServiceObject, NoSuch) {
  EXPECT_EQ(s3.error("GET", "/bucket/none"), "NoSuchKey");
  EXPECT_EQ(s3.error("GET", "/absent/none"), "NoSuchBucket");
  EXPECT_EQ(s3.head("/bucket/none").status, 404);
  EXPECT_EQ(s3.error("PUT", "/absent/k", "x"), "NoSuchBucket");
  EXPECT_EQ(s3.error("DELETE", "/absent/k"), "NoSuchBucket");
  EXPECT_EQ(s3.get("/bucket/none").text("Key"), "none");
  EXPECT_EQ(s3.get("/bucket/none").text("RequestId"), "0123456789ABCDEF");
}

TEST_F(ServiceObject, Metadata) {
  ASSERT_EQ(s3.put("/bucket/k", "x",
                   {{"Content-Type", "text/html; charset=utf-8"},
                    {"Cache-Control", "max-age=60"},
                    {"Content-Disposition", "attachment"},
                    {"Content-Encoding", "gzip"},
                    {"Content-Language", "de"},
                    {"Expires", "Thu, 01 Dec 2033 16:00:00 GMT"},
                    {"x-amz-meta-Color", "röd"},
                    {"x-amz-storage-class", "STANDARD_IA"},
                    {"x-amz-tagging", "a=1&b=2"}})
                .status,
            200);
  for (const Answer& answer : {s3.get("/bucket/k"), s3.head("/bucket/k")}) {
    EXPECT_EQ(answer.header("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(answer.header("Cache-Control"), "max-age=60");
    EXPECT_EQ(answer.header("Content-Disposition"), "attachment");
    EXPECT_EQ(answer.header("Content-Encoding"), "gzip");
    EXPECT_EQ(answer.header("Content-Language"), "de");
    EXPECT_EQ(answer.header("Expires"), "Thu, 01 Dec 2033 16:00:00 GMT");
    EXPECT_EQ(answer.header("x-amz-meta-color"), "röd");
    EXPECT_EQ(answer.header("x-amz-storage-class"), "STANDARD_IA");
    EXPECT_EQ(answer.header("x-amz-tagging-count"), "2");
  }
  EXPECT_EQ(s3.get("/bucket/k?response-content-type=image%2Fpng").header("Content-Type"),
            "image/png");
  EXPECT_EQ(s3.error("GET", "/bucket/k?response-content-type=a%0D%0Ab"), "InvalidArgument");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "x", {{"x-amz-meta-a", std::string(2100, 'v')}}),
            "MetadataTooLarge");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "x", {{"x-amz-storage-class", "COLD"}}),
            "InvalidStorageClass");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "x", {{"x-amz-server-side-encryption", "AES256"}}),
            "NotImplemented");
  EXPECT_EQ(s3.get("/bucket/k").header("x-amz-meta-color"), "röd")
      << "refused requests change nothing";
}

TEST_F(ServiceObject, Ranges) {
  const std::string body = bytes_of(1, 300'000);
  s3.put("/bucket/k", body);
  const Answer middle = s3.get("/bucket/k", {{"Range", "bytes=1000-200999"}});
  EXPECT_EQ(middle.status, 206);
  EXPECT_EQ(middle.header("Content-Range"), "bytes 1000-200999/300000");
  EXPECT_TRUE(middle.body == body.substr(1000, 200'000));
  EXPECT_TRUE(s3.get("/bucket/k", {{"Range", "bytes=-10"}}).body == body.substr(299'990));
  EXPECT_TRUE(s3.get("/bucket/k", {{"Range", "bytes=299999-"}}).body == body.substr(299'999));
  const Answer several = s3.get("/bucket/k", {{"Range", "bytes=0-1,5-6"}});
  EXPECT_EQ(several.status, 200);
  EXPECT_EQ(several.body.size(), body.size());
  const Answer bad = s3.get("/bucket/k", {{"Range", "bytes=300000-"}});
  EXPECT_EQ(bad.status, 416);
  EXPECT_EQ(bad.code(), "InvalidRange");
  EXPECT_EQ(bad.header("Content-Range"), "bytes */300000");
  EXPECT_EQ(bad.text("ActualObjectSize"), "300000");
  const Answer head = s3.head("/bucket/k", {{"Range", "bytes=0-9"}});
  EXPECT_EQ(head.status, 206);
  EXPECT_EQ(head.content_length, 10u);
  EXPECT_EQ(s3.get("/bucket/k", {{"Range", "bytes=0-9"}, {"If-Range", "\"other\""}}).status, 200);
  EXPECT_EQ(s3.get("/bucket/k?partNumber=1").status, 206);
  EXPECT_EQ(s3.error("GET", "/bucket/k?partNumber=2"), "InvalidPartNumber");
  EXPECT_EQ(s3.error("GET", "/bucket/k?partNumber=0"), "InvalidArgument");
  EXPECT_EQ(s3.error("GET", "/bucket/k?partNumber=1", "", {{"Range", "bytes=0-1"}}),
            "InvalidRequest");
  s3.put("/bucket/empty", "");
  EXPECT_EQ(s3.error("GET", "/bucket/empty", "", {{"Range", "bytes=0-0"}}), "InvalidRange");
}

TEST_F(ServiceObject, ReadConditions) {
  s3.put("/bucket/k", "body");
  const std::string etag = s3.head("/bucket/k").header("ETag");
  EXPECT_EQ(s3.get("/bucket/k", {{"If-Match", etag}}).body, "body");
  EXPECT_EQ(s3.error("GET", "/bucket/k", "", {{"If-Match", "\"no\""}}), "PreconditionFailed");
  const Answer cached = s3.get("/bucket/k", {{"If-None-Match", etag}});
  EXPECT_EQ(cached.status, 304);
  EXPECT_TRUE(cached.body.empty());
  EXPECT_EQ(cached.header("ETag"), etag);
  EXPECT_EQ(s3.head("/bucket/k", {{"If-None-Match", etag}}).status, 304);
  EXPECT_EQ(s3.head("/bucket/k", {{"If-Match", "\"no\""}}).status, 412);
  EXPECT_EQ(s3.get("/bucket/k", {{"If-Modified-Since", "Fri, 31 Dec 2100 00:00:00 GMT"}}).status,
            304);
  EXPECT_EQ(s3.get("/bucket/k", {{"If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"}}).status,
            412);
}

TEST_F(ServiceObject, WriteConditions) {
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "1", {{"If-Match", "\"x\""}}), "NoSuchKey");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "1", {{"If-None-Match", "*"}}), "ok");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "2", {{"If-None-Match", "*"}}), "PreconditionFailed");
  const std::string etag = s3.head("/bucket/k").header("ETag");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "3", {{"If-Match", "\"x\""}}), "PreconditionFailed");
  EXPECT_EQ(s3.get("/bucket/k").body, "1");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "4", {{"If-Match", etag}}), "ok");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "5", {{"If-None-Match", etag}}), "NotImplemented");
  EXPECT_EQ(s3.error("DELETE", "/bucket/k", "", {{"If-Match", etag}}), "PreconditionFailed");
  EXPECT_EQ(s3.get("/bucket/k").body, "4");
  const std::string now = s3.head("/bucket/k").header("ETag");
  EXPECT_EQ(s3.del("/bucket/k", {{"If-Match", now}}).status, 204);
  EXPECT_EQ(s3.error("DELETE", "/bucket/k", "", {{"If-Match", now}}), "NoSuchKey");
  EXPECT_EQ(s3.del("/bucket/k").status, 204) << "absent is as good as deleted";
}

TEST_F(ServiceObject, DigestsAreVerified) {
  const std::string body = bytes_of(2, 100'000);
  const std::string md5 = base64_of(HashAlgorithm::kMd5, body);
  EXPECT_EQ(s3.error("PUT", "/bucket/k", body, {{"Content-MD5", md5}}), "ok");
  EXPECT_EQ(s3.error("PUT", "/bucket/bad", body + "x", {{"Content-MD5", md5}}), "BadDigest");
  EXPECT_EQ(s3.error("PUT", "/bucket/bad", body, {{"Content-MD5", "nonsense"}}), "InvalidDigest");
  const std::pair<const char*, HashAlgorithm> algorithms[] = {
      {"crc32", HashAlgorithm::kCrc32},
      {"crc32c", HashAlgorithm::kCrc32c},
      {"crc64nvme", HashAlgorithm::kCrc64Nvme},
      {"sha1", HashAlgorithm::kSha1},
      {"sha256", HashAlgorithm::kSha256}};
  for (const auto& [name, algorithm] : algorithms) {
    const std::string header = std::string("x-amz-checksum-") + name;
    const std::string value = base64_of(algorithm, body);
    const std::string target = std::string("/bucket/") + name;
    const Answer put = s3.put(target, body, {{header, value}});
    EXPECT_EQ(put.header(header), value);
    EXPECT_EQ(s3.get(target).header(header), "") << "only on request";
    const Answer got = s3.get(target, {{"x-amz-checksum-mode", "ENABLED"}});
    EXPECT_EQ(got.header(header), value);
    EXPECT_EQ(got.header("x-amz-checksum-type"), "FULL_OBJECT");
    EXPECT_EQ(s3.head(target, {{"x-amz-checksum-mode", "ENABLED"}}).header(header), value);
    EXPECT_EQ(
        s3.get(target, {{"x-amz-checksum-mode", "ENABLED"}, {"Range", "bytes=0-1"}}).header(header),
        "")
        << "not that of these bytes";
    EXPECT_EQ(s3.error("PUT", "/bucket/bad", body + "x", {{header, value}}), "BadDigest");
    // As a trailer.
    EXPECT_EQ(s3.call("PUT", target, body, {}, {{header, value}}).status, 200);
    EXPECT_EQ(s3.call("PUT", "/bucket/bad", body + "x", {}, {{header, value}}).code(), "BadDigest");
  }
  EXPECT_EQ(s3.error("GET", "/bucket/bad"), "NoSuchKey") << "what did not match was not stored";
}

TEST_F(ServiceObject, ABodyThatBreaksOffStoresNothing) {
  const S3Error broken(err::kIncompleteBody);
  for (const size_t size : {10u, 100'000u, 7u << 20}) {
    const Answer answer = s3.call_broken("PUT", "/bucket/k", bytes_of(1, size), broken, size * 2);
    EXPECT_EQ(answer.code(), "IncompleteBody");
    EXPECT_EQ(s3.error("GET", "/bucket/k"), "NoSuchKey");
  }
  // The error may come with the very read that would have ended the body.
  const S3Error forged(err::kSignatureDoesNotMatch);
  EXPECT_EQ(s3.call_broken("PUT", "/bucket/k", bytes_of(1, 5000), forged, 5000).code(),
            "SignatureDoesNotMatch");
  EXPECT_EQ(s3.error("GET", "/bucket/k"), "NoSuchKey");
  s3.cluster().env().run_for(60s);
  EXPECT_EQ(s3.partition().stats().stripes, 0u);
}

TEST_F(ServiceObject, LengthsAreCheckedBeforeTheBodyIsRead) {
  MemoryBody body("never read");
  Request chunked;
  chunked.content_length = std::nullopt;
  EXPECT_EQ(s3.call_with("PUT", "/bucket/k", {}, &chunked, &body).code(), "MissingContentLength");
  Request huge;
  huge.content_length = (5ull << 30) + 1;
  EXPECT_EQ(s3.call_with("PUT", "/bucket/k", {}, &huge, &body).code(), "EntityTooLarge");
  Request elsewhere;
  elsewhere.content_length = 10;
  EXPECT_EQ(s3.call_with("PUT", "/absent/k", {}, &elsewhere, &body).code(), "NoSuchBucket");
  EXPECT_EQ(body.remaining(), 10u);
}

TEST_F(ServiceObject, OverwritingReplacesEverything) {
  s3.put("/bucket/k", bytes_of(1, 200'000), {{"x-amz-meta-a", "1"}, {"x-amz-tagging", "t=1"}});
  s3.put("/bucket/k", "short");
  const Answer got = s3.get("/bucket/k");
  EXPECT_EQ(got.body, "short");
  EXPECT_FALSE(got.has("x-amz-meta-a"));
  EXPECT_FALSE(got.has("x-amz-tagging-count"));
}

TEST_F(ServiceObject, Tagging) {
  s3.put("/bucket/k", "x", {{"x-amz-tagging", "a=1"}});
  EXPECT_EQ(s3.get("/bucket/k?tagging").text("Key"), "a");
  EXPECT_EQ(s3.put("/bucket/k?tagging",
                   "<Tagging><TagSet><Tag><Key>b</Key><Value>2</Value></Tag></TagSet></Tagging>")
                .status,
            200);
  EXPECT_EQ(s3.get("/bucket/k?tagging").texts("Key"), std::vector<std::string>{"b"});
  EXPECT_EQ(s3.get("/bucket/k").body, "x");
  EXPECT_EQ(s3.del("/bucket/k?tagging").status, 204);
  EXPECT_TRUE(s3.get("/bucket/k?tagging").texts("Key").empty());
  EXPECT_EQ(s3.error("GET", "/bucket/none?tagging"), "NoSuchKey");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "x", {{"x-amz-tagging", "a=1&a=2"}}), "InvalidTag");
}

TEST_F(ServiceObject, Attributes) {
  const std::string body = "attributes";
  s3.put("/bucket/k", body, {{"x-amz-checksum-crc32c", base64_of(HashAlgorithm::kCrc32c, body)}});
  const Answer got =
      s3.get("/bucket/k?attributes", {{"x-amz-object-attributes", "ETag,Checksum, ObjectParts"},
                                      {"x-amz-object-attributes", "StorageClass,ObjectSize"}});
  EXPECT_EQ(got.text("ETag"), md5_hex(body));
  EXPECT_EQ(got.text("ChecksumCRC32C"), base64_of(HashAlgorithm::kCrc32c, body));
  EXPECT_EQ(got.text("ObjectSize"), "10");
  EXPECT_EQ(got.text("StorageClass"), "STANDARD");
  EXPECT_EQ(got.body.find("ObjectParts"), std::string::npos);
  EXPECT_EQ(s3.error("GET", "/bucket/k?attributes"), "InvalidArgument");
  EXPECT_EQ(s3.error("GET", "/bucket/k?attributes", "", {{"x-amz-object-attributes", "Color"}}),
            "InvalidArgument");
  EXPECT_EQ(s3.error("GET", "/bucket/none?attributes", "", {{"x-amz-object-attributes", "ETag"}}),
            "NoSuchKey");
}

std::string delete_document(const std::vector<std::string>& keys, bool quiet = false) {
  XmlWriter xml;
  xml.open_root("Delete");
  if (quiet) xml.boolean("Quiet", true);
  for (const std::string& key : keys) xml.open("Object").text("Key", key).close("Object");
  return xml.close("Delete").take();
}

std::string delete_error(TestService& s3, const std::string& body) {
  return s3.error("POST", "/bucket?delete", body,
                  {{"Content-MD5", base64_of(HashAlgorithm::kMd5, body)}});
}
Answer delete_many(TestService& s3, const std::string& body) {
  return s3.post("/bucket?delete", body, {{"Content-MD5", base64_of(HashAlgorithm::kMd5, body)}});
}

TEST_F(ServiceObject, DeleteMany) {
  for (const char* key : {"a", "b", "c%20d", "%3C"}) s3.put(std::string("/bucket/") + key, "x");
  const Answer deleted = delete_many(s3, delete_document({"a", "c d", "never", "<"}));
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.texts("Key"), (std::vector<std::string>{"a", "c d", "never", "&lt;"}));
  EXPECT_EQ(s3.error("GET", "/bucket/a"), "NoSuchKey");
  EXPECT_EQ(s3.error("GET", "/bucket/%3C"), "NoSuchKey");
  EXPECT_EQ(s3.get("/bucket/b").status, 200);
  const Answer quiet = delete_many(s3, delete_document({"b", std::string(1025, 'k')}, true));
  EXPECT_EQ(quiet.texts("Code"), std::vector<std::string>{"KeyTooLongError"});
  EXPECT_EQ(quiet.body.find("<Deleted>"), std::string::npos);
  EXPECT_EQ(s3.error("GET", "/bucket/b"), "NoSuchKey");
}

TEST_F(ServiceObject, DeleteManyIsBounded) {
  std::vector<std::string> keys;
  for (int i = 0; i < 1000; ++i) keys.push_back("k" + std::to_string(i));
  for (int i = 0; i < 1000; i += 50) s3.put("/bucket/k" + std::to_string(i), "x");
  EXPECT_EQ(delete_many(s3, delete_document(keys)).texts("Key").size(), 1000u);
  EXPECT_TRUE(s3.get("/bucket?list-type=2").texts("Key").empty());
  keys.push_back("one too many");
  EXPECT_EQ(delete_error(s3, delete_document(keys)), "MalformedXML");
  EXPECT_EQ(delete_error(s3, delete_document({})), "MalformedXML");
  EXPECT_EQ(delete_error(s3, "<Delete><Object></Object></Delete>"), "MalformedXML");
  EXPECT_EQ(delete_error(s3, "junk"), "MalformedXML");
  EXPECT_EQ(s3.error("POST", "/absent?delete", delete_document({"a"})), "NoSuchBucket");
  EXPECT_EQ(delete_error(s3, std::string(9u << 20, ' ')), "MaxMessageLengthExceeded");
}

TEST_F(ServiceObject, DeleteManyHonoursWhatItSays) {
  s3.put("/bucket/k", "x");
  const Answer answer = delete_many(s3,
                                    "<Delete><Object><Key>k</Key><ETag>\"no\"</ETag></Object>"
                                    "<Object><Key>k</Key><VersionId>v1</VersionId></Object>"
                                    "<Object><Key>gone</Key><ETag>\"no\"</ETag></Object></Delete>");
  EXPECT_EQ(answer.texts("Code"),
            (std::vector<std::string>{"PreconditionFailed", "NotImplemented", "NoSuchKey"}));
  EXPECT_EQ(s3.get("/bucket/k").status, 200);
}

TEST_F(ServiceObject, DeleteManyNeedsAChecksum) {
  s3.put("/bucket/k", "x");
  EXPECT_EQ(s3.error("POST", "/bucket?delete", delete_document({"k"})), "InvalidRequest");
  EXPECT_EQ(s3.get("/bucket/k").status, 200);
  const std::string body = delete_document({"k"});
  EXPECT_EQ(s3.error("POST", "/bucket?delete", body,
                     {{"x-amz-checksum-crc32", base64_of(HashAlgorithm::kCrc32, body)}}),
            "ok");
}

TEST_F(ServiceObject, DeleteManyIsStrictAboutItsXml) {
  for (const char* key : {"a&b", "a", "b", "&nbsp%3B", "%26x%3B"})
    s3.put(std::string("/bucket/") + key, "x");
  for (const char* bad :
       {"<Delete><Object><Key>a&b</Key></Object></Delete>",
        "<Delete><Object><Key>&nbsp;</Key></Object></Delete>",
        "<!DOCTYPE a [<!ENTITY x \"a\">]><Delete><Object><Key>&x;</Key></Object></Delete>",
        "<Delete><Object><Key>a\x01</Key></Object></Delete>",
        "<Delete><Object><Key>a\xff</Key></Object></Delete>",
        "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
        "<Delete>text<Object><Key>a</Key></Object></Delete>",
        "<Delete><Object>text<Key>a</Key></Object></Delete>",
        "<Delete><Quiet>maybe</Quiet><Object><Key>a</Key></Object></Delete>"})
    EXPECT_EQ(delete_error(s3, bad), "MalformedXML") << bad;
  EXPECT_EQ(s3.get("/bucket?list-type=2").texts("Key").size(), 5u);
  const Answer fine =
      delete_many(s3, "<Delete><!-- & --><Object><Key><![CDATA[a&b]]></Key></Object></Delete>");
  EXPECT_EQ(fine.texts("Key"), (std::vector<std::string>{"a&amp;b"}));
}

TEST_F(ServiceObject, ChecksumsThatNobodyWouldCheckAreRefused) {
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "x", {{"x-amz-checksum-foo", "AAAA"}}), "InvalidRequest");
  for (const char* name : {"md5", "sha512", "xxhash3", "xxhash64", "xxhash128"}) {
    const Answer answer =
        s3.put("/bucket/k", "x", {{std::string("x-amz-checksum-") + name, "AAAA"}});
    EXPECT_EQ(answer.code(), "NotImplemented") << name;
    EXPECT_NE(answer.text("Message").find(name), std::string::npos);
  }
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "x", {{"x-amz-checksum-algorithm", "FOO"}}),
            "InvalidRequest");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "x", {{"x-amz-checksum-type", "FOO"}}), "InvalidRequest");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "x", {{"x-amz-copy-source-foo", "1"}}), "NotImplemented");
  EXPECT_EQ(s3.error("PUT", "/bucket/k", "x", {{"x-amz-meta-", "1"}}), "NotImplemented");
  EXPECT_EQ(s3.error("GET", "/bucket/k"), "NoSuchKey");
}

TEST_F(ServiceObject, ErrorsAreWellFormedWhateverTheKey) {
  for (const char* target : {"/bucket/%ff", "/bucket/%c0%af", "/bucket/a%01b"}) {
    const Answer answer = s3.get(target);
    EXPECT_TRUE(is_valid_utf8(answer.body)) << target;
    EXPECT_EQ(answer.body.find("&#x1;"), std::string::npos) << target;
  }
}

TEST_F(ServiceObject, SurvivesTheLossOfTwoDomains) {
  const std::string large = bytes_of(5, 7u << 20);
  s3.put("/bucket/large", large);
  s3.put("/bucket/small", "small");
  s3.put("/bucket/medium", bytes_of(6, 200'000));  // one piece that touches all data shards
  s3.cluster().mark_failed(3);
  s3.cluster().mark_failed(6);
  EXPECT_TRUE(s3.get("/bucket/large").body == large);
  EXPECT_EQ(s3.get("/bucket/small").body, "small");
  EXPECT_EQ(s3.put("/bucket/more", large).status, 200);
  EXPECT_TRUE(s3.get("/bucket/more").body == large);
  s3.cluster().mark_failed(1);
  EXPECT_EQ(s3.error("GET", "/bucket/medium"), "ServiceUnavailable")
      << "an error, not a broken body";
  EXPECT_EQ(s3.get("/bucket/medium").header("Retry-After"), "1");
}

}  // namespace
}  // namespace atl::s3
