// A catalogue of request heads: those that are fine, and every way to get one wrong.
#include "frontend/s3/http_parser.h"

#include <gtest/gtest.h>

namespace atl::s3 {
namespace {

using Outcome = HeadScanner::Outcome;

// What a connection would make of these bytes: nullopt for a good head, else the status.
std::optional<int> refusal(const std::string& bytes) {
  HeadScanner scanner;
  const Outcome outcome = scanner.scan(bytes);
  if (outcome == Outcome::kBad) return scanner.error().status;
  if (outcome == Outcome::kNeedMore) return -1;
  Request request;
  const std::string head = bytes.substr(0, scanner.head_size());
  if (auto error = parse_head(head, &request)) return error->status;
  if (auto framing = body_framing(request); !framing) return framing.error().status;
  return std::nullopt;
}

TEST(HttpParser, ReadsARequest) {
  const std::string head =
      "PUT /b/a%20key?partNumber=3&uploadId=x HTTP/1.1\r\n"
      "Host: localhost:9000\r\n"
      "content-LENGTH:  42 \r\n"
      "X-Amz-Meta-Empty:\r\n"
      "x-amz-meta-utf8: caf\xC3\xA9\r\n\r\n";
  HeadScanner scanner;
  ASSERT_EQ(scanner.scan(head + "BODY"), Outcome::kComplete);
  ASSERT_EQ(scanner.head_size(), head.size());
  Request request;
  ASSERT_FALSE(parse_head(head, &request));
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.raw_path, "/b/a%20key");
  EXPECT_EQ(request.path, "/b/a key");
  EXPECT_EQ(request.query.get("partNumber"), "3");
  EXPECT_EQ(request.headers.size(), 4u);
  EXPECT_EQ(request.headers.get("Content-Length"), "42");
  EXPECT_EQ(request.headers.find("x-amz-meta-empty"), "");
  EXPECT_EQ(request.headers.get("x-amz-meta-utf8"), "caf\xC3\xA9");
  const auto framing = body_framing(request);
  ASSERT_TRUE(framing);
  EXPECT_EQ(framing->kind, BodyFraming::Kind::kLength);
  EXPECT_EQ(framing->length, 42u);
}

TEST(HttpParser, EverySplitOfTheInputIsTheSame) {
  const std::string head = "GET /b/k HTTP/1.1\r\nHost: h\r\nA: 1\r\n\r\n";
  for (size_t split = 1; split < head.size(); ++split) {
    HeadScanner scanner;
    EXPECT_EQ(scanner.scan(head.substr(0, split)), Outcome::kNeedMore) << split;
    EXPECT_EQ(scanner.scan(head), Outcome::kComplete) << split;
    EXPECT_EQ(scanner.head_size(), head.size());
  }
  HeadScanner byte_by_byte;
  for (size_t n = 1; n < head.size(); ++n)
    ASSERT_EQ(byte_by_byte.scan(head.substr(0, n)), Outcome::kNeedMore) << n;
  EXPECT_EQ(byte_by_byte.scan(head), Outcome::kComplete);
}

TEST(HttpParser, GoodHeads) {
  for (const char* good : {
           "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
           "GET / HTTP/1.0\r\n\r\n",
           "GET http://h/b/k HTTP/1.1\r\nHost: h\r\n\r\n",
           "GET HTTPS://H:1/b/k HTTP/1.1\r\nHost: h:1\r\n\r\n",
           "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n",
           "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
           "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775807\r\n\r\n",
           "WHATEVER / HTTP/1.1\r\nHost: h\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: h\r\nA: \tx\ty \r\n\r\n",
       })
    EXPECT_EQ(refusal(good), std::nullopt) << good;
}

TEST(HttpParser, MalformedHeadsAreRefused) {
  struct Case {
    std::string bytes;
    int status;
  };
  const std::string host = "Host: h\r\n";
  const std::vector<Case> cases = {
      // The request line.
      {"\x16\x03\x01\x02\x00\x01", 400},  // a TLS hello
      {std::string("\x00\x01\x02", 3), 400},
      {"GET\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n" + host + "\r\n", 505},
      {"GET / HTTP/1.10\r\n" + host + "\r\n", 505},
      {"GET / http/1.1\r\n" + host + "\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /\tx HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/1.1 \r\n" + host + "\r\n", 505},
      {" GET / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"G@T / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GETGETGETGETGETGET / HTTP/1.1\r\n" + host + "\r\n", 400},
      {std::string("GET /") + '\0' + " HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET b HTTP/1.1\r\n" + host + "\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /%00 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /" + std::string(kTargetBytesMax, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414},
      {"GET /" + std::string(kTargetBytesMax * 3 / 2, 'a'), 414},
      {"GET http://other/ HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET http://h HTTP/1.1\r\n" + host + "\r\n", 400},
      // Line ends.
      {"GET / HTTP/1.1\n" + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400},
      // Fields.
      {"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\n\tfolded\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n folded\r\nHost: h\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\n: empty\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\na b: c\r\n\r\n", 400},
      {std::string("GET / HTTP/1.1\r\nHost: h\r\nA: x") + '\0' + "y\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: x\x01\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: x\x7F\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nhost: i\r\n\r\n", 400},
      // Where the body ends.
      {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 1, 1\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 0x10\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 9223372036854775808\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"PUT / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
       400},
      {"PUT / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"PUT / HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n\r\n", 501},
      {"PUT / HTTP/1.1\r\n" + host +
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
       501},
      {"PUT / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\n" + host +
           "Transfer-Encoding: \x0B"
           "chunked\r\n\r\n",
       400},
  };
  for (const Case& c : cases) EXPECT_EQ(refusal(c.bytes), c.status) << c.bytes.substr(0, 100);
}

TEST(HttpParser, LimitsOfTheHead) {
  std::string at_limit = "GET / HTTP/1.1\r\nHost: h\r\nA: ";
  at_limit += std::string(kHeadBytesMax - at_limit.size() - 4, 'x') + "\r\n\r\n";
  ASSERT_EQ(at_limit.size(), kHeadBytesMax);
  EXPECT_EQ(refusal(at_limit), std::nullopt);
  std::string over = at_limit;
  over.insert(over.size() - 4, "x");
  EXPECT_EQ(refusal(over), 400);
  // Without an end in sight it is refused at the limit, not later.
  HeadScanner scanner;
  EXPECT_EQ(scanner.scan(over.substr(0, kHeadBytesMax - 1)), Outcome::kNeedMore);
  EXPECT_EQ(scanner.scan(over.substr(0, kHeadBytesMax)), Outcome::kBad);
  EXPECT_EQ(scanner.error().code, "RequestHeaderSectionTooLarge");

  std::string fields = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (size_t i = 1; i < kHeaderFieldsMax; ++i) fields += "A: b\r\n";
  EXPECT_EQ(refusal(fields + "\r\n"), std::nullopt);
  EXPECT_EQ(refusal(fields + "A: b\r\n\r\n"), 400);
}

TEST(HttpParser, KeepAlive) {
  auto keeps = [](std::string_view version, std::string_view connection) {
    const std::string head = fmt::format("GET / HTTP/{}\r\nHost: h\r\n{}\r\n", version, connection);
    Request request;
    EXPECT_FALSE(parse_head(head, &request)) << head;
    return wants_keep_alive(request);
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_FALSE(keeps("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: foo, Close\r\n"));
  EXPECT_TRUE(keeps("1.1", "Connection: keep-alive, upgrade\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
}

TEST(HttpParser, RefusalsKeepWhatWasUnderstood) {
  Request request;
  EXPECT_TRUE(parse_head("PUT /b/k HTTP/1.1\r\nHost: h\r\nbad line\r\n\r\n", &request));
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.target, "/b/k");
}

}  // namespace
}  // namespace atl::s3
