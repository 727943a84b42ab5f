// The server as clients see it: good requests, in every shape that HTTP and S3 allow.
#include "frontend/s3/server.h"

#include <gtest/gtest.h>

#include "frontend/s3/server_test_util.h"

namespace atl::s3 {
namespace {

using testing::Answer;
using testing::Client;
using testing::ServerWorld;

TEST(Server, AnswersASignedRequest) {
  ServerWorld world;
  Client client = world.connect();
  const Answer answer = client.exchange(world.get("/b/k"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello k");
  EXPECT_NE(answer.head.find("Date: Thu, 01 Jan 2026 00:00:0"), std::string::npos);
  EXPECT_NE(answer.head.find("x-amz-request-id: "), std::string::npos);
  EXPECT_NE(answer.head.find("Server: Atoll\r\n"), std::string::npos);
  EXPECT_FALSE(answer.says_close());
}

TEST(Server, KeepsConnectionsAndAnswersInOrder) {
  ServerWorld world;
  Client client = world.connect();
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(client.exchange(world.get(fmt::format("/b/{}", i))).body, fmt::format("hello {}", i));
  // Pipelined: all at once, with bodies between.
  std::string all;
  for (int i = 0; i < 20; ++i) {
    all += world.get(fmt::format("/b/p{}", i));
    all += world.put(fmt::format("/b/q{}", i), std::string(static_cast<size_t>(i) * 100, 'q'));
  }
  client.send(all);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.receive().body, fmt::format("hello p{}", i));
    EXPECT_EQ(client.receive().status, 200);
    EXPECT_EQ(world.handler.puts[fmt::format("b/q{}", i)].size(), static_cast<size_t>(i) * 100);
  }
}

TEST(Server, PutsOfEveryKind) {
  ServerWorld world;
  Client client = world.connect();
  const std::string body = std::string(100'000, 'a') + "tail";
  EXPECT_EQ(client.exchange(world.put("/b/unsigned", body)).status, 200);
  EXPECT_EQ(client.exchange(world.put("/b/signed", body, to_hex(sha256(body)))).status, 200);
  EXPECT_EQ(client.exchange(world.put("/b/empty", "", kEmptySha256)).status, 200);
  EXPECT_EQ(client
                .exchange(world.put_chunked("/b/s", PayloadKind::kStreamingSigned,
                                            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", body, 65536))
                .status,
            200);
  const std::vector<std::pair<std::string, std::string>> trailers = {
      {"x-amz-checksum-crc32", "AAAAAA=="}};
  EXPECT_EQ(client
                .exchange(world.put_chunked("/b/st", PayloadKind::kStreamingSignedTrailer,
                                            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", body,
                                            8192, trailers))
                .status,
            200);
  EXPECT_EQ(world.handler.trailers["x-amz-checksum-crc32"], "AAAAAA==");
  world.handler.trailers.clear();
  EXPECT_EQ(
      client
          .exchange(world.put_chunked("/b/ut", PayloadKind::kStreamingUnsignedTrailer,
                                      "STREAMING-UNSIGNED-PAYLOAD-TRAILER", body, 1000, trailers))
          .status,
      200);
  EXPECT_EQ(world.handler.trailers["x-amz-checksum-crc32"], "AAAAAA==");
  for (const char* key : {"unsigned", "signed", "s", "st", "ut"})
    EXPECT_EQ(world.handler.puts[std::string("b/") + key], body) << key;
  EXPECT_EQ(world.handler.puts.count("b/empty"), 1u);
}

// Reads large enough to be hashed by workers while the next piece comes in.
TEST(Server, LargeSignedBodies) {
  ServerWorld world;
  world.handler.read_step = 4 << 20;
  Client client = world.connect();
  std::string body(3 << 20, 'x');
  for (size_t i = 0; i < body.size(); i += 4096) body[i] = static_cast<char>(i >> 12);
  EXPECT_EQ(client.exchange(world.put("/b/k", body, to_hex(sha256(body)))).status, 200);
  EXPECT_EQ(world.handler.puts["b/k"], body);
  const std::string hash = to_hex(sha256(body));
  body[1'500'000] ^= 1;
  EXPECT_EQ(client.exchange(world.put("/b/k2", body, hash)).code(), "XAmzContentSHA256Mismatch");
  EXPECT_EQ(world.handler.puts.count("b/k2"), 0u);
}

TEST(Server, StreamsLargeAnswers) {
  ServerWorld world;
  Client client = world.connect();
  const Answer answer = client.exchange(world.get("/b/big"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == world.handler.big);
  client.send(world.head("HEAD", "/b/big"));
  const Answer head = client.receive(/*head_only=*/true);
  EXPECT_EQ(head.status, 200);
  EXPECT_NE(head.head.find("Content-Length: 700000\r\n"), std::string::npos);
  EXPECT_EQ(client.exchange(world.get("/b/k")).body, "hello k");
  EXPECT_EQ(client.exchange(world.head("DELETE", "/b/k")).status, 204);
  EXPECT_EQ(client.exchange(world.get("/b/k")).body, "hello k");
}

TEST(Server, PresignedUrlsAndVirtualHosts) {
  ServerWorld world;
  Client client = world.connect();
  ClientRequest request;
  request.path = "//a/../k";
  request.host = "photos.s3.localhost:9000";
  const std::string target = world.signer.presigned_target(request, world.now(), 60);
  EXPECT_EQ(
      client.exchange("GET " + target + " HTTP/1.1\r\nHost: " + request.host + "\r\n\r\n").body,
      "hello /a/../k");
  world.env.run_for(std::chrono::seconds(62));
  EXPECT_EQ(
      client.exchange("GET " + target + " HTTP/1.1\r\nHost: " + request.host + "\r\n\r\n").code(),
      "AccessDenied");
}

// SDKs move x-amz- headers into the query when they presign; there they mean the same.
TEST(Server, PresignedHeadersInTheQuery) {
  ServerWorld world;
  Client client = world.connect();
  auto put = [&](std::vector<std::pair<std::string, std::string>> query, std::string headers = {}) {
    ClientRequest request;
    request.method = "PUT";
    request.path = "/b/k";
    request.query = std::move(query);
    const std::string target = world.signer.presigned_target(request, world.now(), 60);
    return client.exchange("PUT " + target + " HTTP/1.1\r\nHost: " + request.host +
                           "\r\nContent-Length: 0\r\n" + headers + "\r\n");
  };
  EXPECT_EQ(
      put({{"X-Amz-Meta-Foo", "a b"}, {"x-amz-acl", "public-read"}, {"x-id", "PutObject"}}).status,
      200);
  const std::map<std::string, std::string> meant{{"x-amz-meta-foo", "a b"},
                                                 {"x-amz-acl", "public-read"}};
  EXPECT_EQ(world.handler.amz_headers, meant);
  const int calls = world.handler.calls;
  EXPECT_EQ(put({{"x-amz-meta-a", "1\r\nx-amz-acl: public-read"}}).code(), "InvalidArgument");
  EXPECT_EQ(put({{"x-amz-meta-a", "1"}, {"X-Amz-Meta-A", "2"}}).code(), "InvalidArgument");
  EXPECT_EQ(world.handler.calls, calls);

  // Those that describe the body, by an older presigner: the header itself counts, if it is sent.
  EXPECT_EQ(put({{"Content-Type", "a/b"}, {"Content-MD5", "x=="}}).status, 200);
  EXPECT_EQ(world.handler.content_type, "a/b");
  EXPECT_EQ(world.handler.content_md5, "x==");
  EXPECT_EQ(put({{"Content-Type", "a/b"}}, "Content-Type: c/d\r\n").status, 200);
  EXPECT_EQ(world.handler.content_type, "c/d");
  EXPECT_EQ(put({{"Content-MD5", "x=="}}, "Content-MD5: x==\r\n").status, 200);
  EXPECT_EQ(put({{"Content-MD5", "x=="}}, "Content-MD5: y==\r\n").code(), "InvalidArgument");
}

TEST(Server, APutThatSaysNothingOfABodyHasNoLength) {
  ServerWorld world;
  Client client = world.connect();
  EXPECT_EQ(client.exchange(world.head("PUT", "/b/k", {{"Content-Length", "0"}})).status, 200);
  EXPECT_EQ(world.handler.last_length, 0u);
  EXPECT_EQ(client.exchange(world.head("PUT", "/b/k")).status, 200);
  EXPECT_EQ(world.handler.last_length, std::nullopt);
  EXPECT_EQ(client.exchange(world.get("/b/k")).status, 200);
  EXPECT_EQ(world.handler.last_length, 0u);
}

TEST(Server, ATrailerThatCannotComeIsRefused) {
  ServerWorld world;
  Client client = world.connect();
  EXPECT_EQ(
      client
          .exchange(world.head(
              "PUT", "/b/k", {{"Content-Length", "0"}, {"x-amz-trailer", "x-amz-checksum-crc32"}}))
          .code(),
      "InvalidRequest");
  EXPECT_EQ(world.handler.calls, 0);
}

TEST(Server, ContinueIsSentWhenTheHandlerReads) {
  ServerWorld world;
  Client client = world.connect();
  const std::string body(50'000, 'c');
  const auto headers = std::vector<std::pair<std::string, std::string>>{
      {"Content-Length", std::to_string(body.size())}, {"Expect", "100-continue"}};
  client.send(world.head("PUT", "/b/k", headers));
  EXPECT_EQ(client.receive().status, 100);
  EXPECT_EQ(client.exchange(body).status, 200);
  EXPECT_EQ(world.handler.puts["b/k"], body);

  // A client that does not wait gets none.
  EXPECT_EQ(client.exchange(world.head("PUT", "/b/l", headers) + body).status / 100, 2);

  // Refused before the body was asked for: no 100, and no guessing whether the body will come.
  Client refused = world.connect();
  std::string bad = world.head("PUT", "/b/k", headers);
  bad.replace(bad.find("/b/k"), 4, "/b/m");
  const Answer answer = refused.exchange(bad);
  EXPECT_EQ(answer.status, 403);
  EXPECT_TRUE(answer.says_close());
  EXPECT_TRUE(refused.ended());

  Client other = world.connect();
  const Answer unmet =
      other.exchange(world.head("PUT", "/b/k", {{"Content-Length", "1"}, {"Expect", "tea"}}));
  EXPECT_EQ(unmet.status, 417);
  EXPECT_TRUE(unmet.says_close());
  EXPECT_TRUE(other.ended());
}

TEST(Server, RefusedRequestsKeepTheConnection) {
  ServerWorld world;
  Client client = world.connect();
  EXPECT_EQ(client.exchange("GET /b/k HTTP/1.1\r\nHost: h\r\n\r\n").code(), "AccessDenied");
  EXPECT_EQ(client.exchange(world.get("/b/missing")).code(), "NoSuchKey");
  // An unread body that is short is skipped.
  EXPECT_EQ(
      client.exchange("PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello").code(),
      "AccessDenied");
  EXPECT_EQ(client.exchange(world.put("/b/ignore", std::string(100'000, 'i'))).status, 200);
  EXPECT_EQ(client.exchange(world.get("/b/k")).body, "hello k");
  EXPECT_EQ(world.handler.puts.size(), 0u);
}

TEST(Server, LongUnreadBodiesEndTheConnectionAfterTheAnswer) {
  ServerWorld world;
  Client client = world.connect();
  const std::string body(3 << 20, 'i');
  client.send(world.put("/b/ignore", body));  // all of it is taken, so that the answer can be seen
  const Answer answer = client.receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.says_close());
  EXPECT_TRUE(client.ended());
}

TEST(Server, ConnectionCloseAndHttp10) {
  ServerWorld world;
  Client client = world.connect();
  const Answer answer = client.exchange(world.head("GET", "/b/k", {{"Connection", "close"}}));
  EXPECT_EQ(answer.body, "hello k");
  EXPECT_TRUE(answer.says_close());
  EXPECT_TRUE(client.ended());

  Client old = world.connect();
  std::string request = world.get("/b/k");
  request.replace(request.find("HTTP/1.1"), 8, "HTTP/1.0");
  const Answer old_answer = old.exchange(request);
  EXPECT_EQ(old_answer.body, "hello k");
  EXPECT_TRUE(old.ended());
}

TEST(Server, EmptyLinesBeforeARequestAreIgnored) {
  ServerWorld world;
  Client client = world.connect();
  EXPECT_EQ(client.exchange("\r\n" + world.get("/b/k")).body, "hello k");
  EXPECT_EQ(client.exchange("\r\n\r\n" + world.get("/b/k")).body, "hello k");
  EXPECT_EQ(client.exchange("\r\n\r\n\r\n" + world.get("/b/k")).status, 400);
}

TEST(Server, StopFinishesWhatRuns) {
  ServerWorld world;
  Client idle = world.connect(), busy = world.connect();
  EXPECT_EQ(idle.exchange(world.get("/b/k")).status, 200);
  busy.send(world.get("/b/sleep"));
  world.env.run_for(std::chrono::seconds(1));
  world.stopped = true;
  const Status stopped = world.env.run(world.server.stop(std::chrono::seconds(60)));
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(idle.ended());
  const Answer answer = busy.receive();
  EXPECT_EQ(answer.body, "hello sleep");
  EXPECT_TRUE(answer.says_close());
  EXPECT_EQ(world.server.connections(), 0u);
  EXPECT_FALSE(world.env.run(world.env.network().connect({"127.0.0.1", 9000})));
}

TEST(Server, SameSeedSameTrace) {
  auto trace = [](uint64_t seed) {
    ServerWorld world({}, seed);
    Client client = world.connect();
    client.exchange(world.get("/b/big"));
    client.exchange(world.put("/b/k", std::string(50'000, 'x')));
    return world.env.trace_hash();
  };
  EXPECT_EQ(trace(7), trace(7));
}

}  // namespace
}  // namespace atl::s3
