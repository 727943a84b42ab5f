// Signature V4 against AWS's own published examples: "Examples: Signature Calculations" and
// "Example calculations" in the Amazon S3 API Reference, with their well-known credentials.
#include "frontend/s3/sigv4.h"

#include <gtest/gtest.h>

#include "frontend/s3/amz_date.h"
#include "frontend/s3/http_parser.h"
#include "frontend/s3/request_signer.h"

namespace atl::s3 {
namespace {

constexpr std::string_view kAccessKey = "AKIAIOSFODNN7EXAMPLE";
constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kDate = "20130524T000000Z";
constexpr std::string_view kScope = "20130524/us-east-1/s3/aws4_request";

// The signature of a head whose signed headers and payload hash are given.
std::string signature_of(const std::string& head, std::string_view signed_headers,
                         std::string_view content_sha256) {
  Request request;
  const auto error = parse_head(head, &request);
  EXPECT_FALSE(error) << error->message;
  SignatureFields fields;
  fields.signed_headers = parse_signed_headers(signed_headers).value();
  fields.signed_headers_text = signed_headers;
  const SigningKey key = derive_signing_key(kSecret, "20130524", "us-east-1");
  const std::string canonical = canonical_request(request, fields, content_sha256);
  return hmac_hex(key, string_to_sign(kDate, kScope, canonical));
}

TEST(SigV4Examples, GetObjectWithRange) {
  const std::string head =
      "GET /test.txt HTTP/1.1\r\n"
      "Host: examplebucket.s3.amazonaws.com\r\n"
      "Range: bytes=0-9\r\n"
      "x-amz-content-sha256: "
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"
      "x-amz-date: 20130524T000000Z\r\n\r\n";
  EXPECT_EQ(signature_of(head, "host;range;x-amz-content-sha256;x-amz-date", kEmptySha256),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4Examples, PutObject) {
  const std::string body = "Welcome to Amazon S3.";
  const std::string hash = to_hex(sha256(body));
  EXPECT_EQ(hash, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  const std::string head =
      "PUT /test%24file.text HTTP/1.1\r\n"
      "Host: examplebucket.s3.amazonaws.com\r\n"
      "Date: Fri, 24 May 2013 00:00:00 GMT\r\n"
      "x-amz-date: 20130524T000000Z\r\n"
      "x-amz-storage-class: REDUCED_REDUNDANCY\r\n"
      "x-amz-content-sha256: " +
      hash + "\r\n\r\n";
  EXPECT_EQ(
      signature_of(head, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", hash),
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4Examples, GetBucketLifecycle) {
  const std::string head =
      "GET /?lifecycle HTTP/1.1\r\n"
      "Host: examplebucket.s3.amazonaws.com\r\n"
      "x-amz-date: 20130524T000000Z\r\n"
      "x-amz-content-sha256: "
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n\r\n";
  EXPECT_EQ(signature_of(head, "host;x-amz-content-sha256;x-amz-date", kEmptySha256),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(SigV4Examples, ListObjectsWithParameters) {
  const std::string head =
      "GET /?max-keys=2&prefix=J HTTP/1.1\r\n"
      "Host: examplebucket.s3.amazonaws.com\r\n"
      "x-amz-date: 20130524T000000Z\r\n"
      "x-amz-content-sha256: "
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n\r\n";
  EXPECT_EQ(signature_of(head, "host;x-amz-content-sha256;x-amz-date", kEmptySha256),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4Examples, PresignedGet) {
  RequestSigner signer{std::string(kAccessKey), std::string(kSecret)};
  ClientRequest request;
  request.path = "/test.txt";
  request.host = "examplebucket.s3.amazonaws.com";
  EXPECT_EQ(signer.presigned_target(request, *parse_amz_date(kDate), 86400),
            "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
            "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
            "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

// "Transferring Payload in Multiple Chunks": 65 KiB of 'a' in chunks of 64 KiB and 1 KiB.
TEST(SigV4Examples, ChunkedUpload) {
  const std::string head =
      "PUT /examplebucket/chunkObject.txt HTTP/1.1\r\n"
      "Host: s3.amazonaws.com\r\n"
      "x-amz-date: 20130524T000000Z\r\n"
      "x-amz-storage-class: REDUCED_REDUNDANCY\r\n"
      "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n"
      "Content-Encoding: aws-chunked\r\n"
      "x-amz-decoded-content-length: 66560\r\n"
      "Content-Length: 66824\r\n\r\n";
  const std::string seed =
      signature_of(head,
                   "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
                   "x-amz-decoded-content-length;x-amz-storage-class",
                   "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  EXPECT_EQ(seed, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");

  ChunkSignatures chain(derive_signing_key(kSecret, "20130524", "us-east-1"), kDate, kScope, seed);
  EXPECT_EQ(chain.next_chunk(sha256(std::string(65536, 'a'))),
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
  EXPECT_EQ(chain.next_chunk(sha256(std::string(1024, 'a'))),
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
  EXPECT_EQ(chain.next_chunk(sha256("")),
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
}

// The same with a trailing checksum: "... in Multiple Chunks with trailing headers".
TEST(SigV4Examples, ChunkedUploadWithTrailer) {
  const std::string head =
      "PUT /examplebucket/chunkObject.txt HTTP/1.1\r\n"
      "Host: s3.amazonaws.com\r\n"
      "x-amz-date: 20130524T000000Z\r\n"
      "x-amz-storage-class: REDUCED_REDUNDANCY\r\n"
      "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\r\n"
      "Content-Encoding: aws-chunked\r\n"
      "x-amz-decoded-content-length: 66560\r\n"
      "x-amz-trailer: x-amz-checksum-crc32c\r\n"
      "Content-Length: 66824\r\n\r\n";
  const std::string seed = signature_of(
      head,
      "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
      "x-amz-storage-class;x-amz-trailer",
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
  EXPECT_EQ(seed, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");

  ChunkSignatures chain(derive_signing_key(kSecret, "20130524", "us-east-1"), kDate, kScope, seed);
  EXPECT_EQ(chain.next_chunk(sha256(std::string(65536, 'a'))),
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2");
  EXPECT_EQ(chain.next_chunk(sha256(std::string(1024, 'a'))),
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7");
  EXPECT_EQ(chain.next_chunk(sha256("")),
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992");
  EXPECT_EQ(chain.trailer("x-amz-checksum-crc32c:sOO8/Q==\n"),
            "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435");
}

TEST(SigV4Canonical, HeadersAreFoldedTrimmedAndJoined) {
  Request request;
  ASSERT_FALSE(
      parse_head("GET / HTTP/1.1\r\nHost:  h:9000 \r\nX-Amz-Meta-A:  a   b \t c  \r\n"
                 "x-amz-meta-a: second\r\n\r\n",
                 &request));
  SignatureFields fields;
  fields.signed_headers = {"host", "x-amz-meta-a"};
  fields.signed_headers_text = "host;x-amz-meta-a";
  EXPECT_EQ(canonical_request(request, fields, "H"),
            "GET\n/\n\nhost:h:9000\nx-amz-meta-a:a b c,second\n\nhost;x-amz-meta-a\nH");
}

// The wire form of a path or query does not matter, only what it means.
TEST(SigV4Canonical, PathsAndQueriesAreDecodedAndEncodedOnce) {
  auto canonical = [](std::string_view target) {
    Request request;
    const std::string head = "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    EXPECT_FALSE(parse_head(head, &request)) << target;
    SignatureFields fields;
    const std::string text = canonical_request(request, fields, "");
    return text.substr(4, text.find('\n', text.find('\n', 4) + 1) - 4);
  };
  EXPECT_EQ(canonical("/b/a%20b"), "/b/a%20b\n");
  EXPECT_EQ(canonical("/b/a+b"), "/b/a%2Bb\n");
  EXPECT_EQ(canonical("/b/a%2bb"), "/b/a%2Bb\n");
  EXPECT_EQ(canonical("/b/%7Euser/!()*'"), "/b/~user/%21%28%29%2A%27\n");
  EXPECT_EQ(canonical("/b//a/../c"), "/b//a/../c\n");
  EXPECT_EQ(canonical("/b/k%2Fl"), "/b/k/l\n");
  EXPECT_EQ(canonical("/b/%25zz"), "/b/%25zz\n");
  EXPECT_EQ(canonical("/b/\xC3\xA9"), "/b/%C3%A9\n");
  EXPECT_EQ(canonical("/b?acl"), "/b\nacl=");
  EXPECT_EQ(canonical("/b?acl="), "/b\nacl=");
  EXPECT_EQ(canonical("/b?b=2&a=x&a=&a=1"), "/b\na=&a=1&a=x&b=2");
  EXPECT_EQ(canonical("/b?prefix=a+b"), "/b\nprefix=a%20b");
  EXPECT_EQ(canonical("/b?prefix=a%20b"), "/b\nprefix=a%20b");
  EXPECT_EQ(canonical("/b?prefix=a%2Bb"), "/b\nprefix=a%2Bb");
  EXPECT_EQ(canonical("/b?prefix=a=b"), "/b\nprefix=a%3Db");
  EXPECT_EQ(canonical("/b?prefix=a/b&delimiter=/"), "/b\ndelimiter=%2F&prefix=a%2Fb");
  EXPECT_EQ(canonical("/b?X-Amz-Signature=00&uploads"), "/b\nuploads=");
  // Sorted by encoded name: '.' (2E) before 'A' (41) before 'a' (61); "%C3" before all letters.
  EXPECT_EQ(canonical("/b?a=1&A=2&%C3%A9=3&.=4"), "/b\n%C3%A9=3&.=4&A=2&a=1");
}

TEST(SigV4Fields, CredentialScopes) {
  const auto ok = parse_credential("AK/20130524/us-east-1/s3/aws4_request");
  ASSERT_TRUE(ok);
  EXPECT_EQ(ok->access_key, "AK");
  EXPECT_EQ(ok->region, "us-east-1");
  EXPECT_EQ(ok->scope, "20130524/us-east-1/s3/aws4_request");
  EXPECT_EQ(parse_credential("a/b/20130524/r/s3/aws4_request")->access_key, "a/b");
  for (std::string_view bad :
       {"", "AK", "/20130524/r/s3/aws4_request", "AK/20130524/r/s3/aws5_request",
        "AK/2013052/r/s3/aws4_request", "AK/2013052x/r/s3/aws4_request",
        "AK/20130524//s3/aws4_request", "AK/20130524/r//aws4_request", "20130524/r/s3/aws4_request",
        "AK/20130524/r/s3/aws4_request/", "////"})
    EXPECT_FALSE(parse_credential(bad)) << bad;
}

TEST(SigV4Fields, AuthorizationHeaders) {
  const std::string sig(64, 'a');
  const std::string cred = "Credential=AK/20130524/r/s3/aws4_request";
  const std::string ok =
      "AWS4-HMAC-SHA256 " + cred + ", SignedHeaders=host;range, Signature=" + sig;
  const auto fields = parse_authorization(ok);
  ASSERT_TRUE(fields) << fields.error();
  EXPECT_EQ(fields->signed_headers.size(), 2u);
  EXPECT_EQ(fields->signature, sig);
  // Without blanks after the commas, as some clients write it.
  EXPECT_TRUE(
      parse_authorization("AWS4-HMAC-SHA256 " + cred + ",SignedHeaders=host,Signature=" + sig));
  for (const std::string& bad :
       {std::string("AWS4-HMAC-SHA256"), std::string("AWS4-HMAC-SHA256 "),
        "AWS4-HMAC-SHA256" + cred + ",SignedHeaders=host,Signature=" + sig,
        "AWS4-HMAC-SHA256 " + cred + ",SignedHeaders=host",
        "AWS4-HMAC-SHA256 " + cred + ",Signature=" + sig,
        "AWS4-HMAC-SHA256 SignedHeaders=host,Signature=" + sig,
        "AWS4-HMAC-SHA256 " + cred + ",SignedHeaders=,Signature=" + sig,
        "AWS4-HMAC-SHA256 " + cred + ",SignedHeaders=range,Signature=" + sig,
        "AWS4-HMAC-SHA256 " + cred + ",SignedHeaders=host;Range,Signature=" + sig,
        "AWS4-HMAC-SHA256 " + cred + ",SignedHeaders=host;host,Signature=" + sig,
        "AWS4-HMAC-SHA256 " + cred + ",SignedHeaders=host;,Signature=" + sig,
        "AWS4-HMAC-SHA256 " + cred + ",SignedHeaders=host,Signature=" + sig + "a",
        "AWS4-HMAC-SHA256 " + cred + ",SignedHeaders=host,Signature=" + std::string(64, 'A'),
        "AWS4-HMAC-SHA256 " + cred + ",SignedHeaders=host,Signature=" + sig + ",Signature=" + sig,
        "AWS4-HMAC-SHA256 " + cred + "," + cred + ",SignedHeaders=host,Signature=" + sig,
        "AWS4-HMAC-SHA256 " + cred + ",SignedHeaders=host,Signature=" + sig + ",More=1"})
    EXPECT_FALSE(parse_authorization(bad)) << bad;
}

TEST(AmzDate, ReadsAndWritesExactlyOneForm) {
  EXPECT_EQ(parse_amz_date("20130524T000000Z"), 1369353600);
  EXPECT_EQ(format_amz_date(1369353600), "20130524T000000Z");
  EXPECT_EQ(parse_amz_date("20240229T235959Z"), 1709251199);
  for (std::string_view bad : {"", "20130524T000000", "20130524 000000Z", "20130230T000000Z",
                               "20131324T000000Z", "20130524T240000Z", "20130524T006000Z",
                               "20130524T00000-Z", "20130524T000000z", "20130524T000000Z "})
    EXPECT_FALSE(parse_amz_date(bad)) << bad;
}

}  // namespace
}  // namespace atl::s3
