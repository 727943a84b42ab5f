// The server among broken, slow and hostile clients, and above a store that fails.
#include <gtest/gtest.h>

#include "base/probe.h"
#include "env/random.h"
#include "frontend/s3/server_test_util.h"

namespace atl::s3 {
namespace {

using testing::Answer;
using testing::Client;
using testing::ServerWorld;
using namespace std::chrono_literals;

TEST(ServerFaults, MalformedRequestsAreAnsweredAndTheConnectionClosed) {
  for (const std::string& bad :
       {std::string("GARBAGE\r\n\r\n"), std::string("\x16\x03\x01\x02\x00"),
        std::string("GET / HTTP/1.1\nHost: h\n\n"),
        std::string("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"),
        std::string("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(kHeadBytesMax, 'a'),
        "GET /" + std::string(2 * kTargetBytesMax, 'a')}) {
    ServerWorld world;
    Client client = world.connect();
    const Answer answer = client.exchange(bad);
    EXPECT_GE(answer.status, 400) << bad.substr(0, 60);
    EXPECT_NE(answer.code(), "") << bad.substr(0, 60);
    EXPECT_TRUE(answer.says_close());
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(world.handler.calls, 0);
  }
}

TEST(ServerFaults, RandomBytesNeverReachTheHandler) {
  ServerWorld world;
  env::Random random(42);
  for (int i = 0; i < 300; ++i) {
    Client client = world.connect();
    std::string bytes;
    const uint64_t size = random.between(uint64_t{1}, uint64_t{20'000});
    for (uint64_t j = 0; j < size; ++j) bytes.push_back(static_cast<char>(random.next()));
    client.send(bytes);
    client.finish_sending();
    const Answer answer = client.receive();
    EXPECT_TRUE(answer.status == 0 || answer.status >= 400);
  }
  EXPECT_EQ(world.handler.calls, 0);
  world.env.run_for(1s);
  EXPECT_EQ(world.server.connections(), 0u);
}

// A valid request with one byte changed somewhere: answered by an error, or meaning the same.
TEST(ServerFaults, MutatedRequestsStoreNothingElse) {
  ServerWorld world;
  env::Random random(7);
  const std::string body(20'000, 'b');
  for (int i = 0; i < 300; ++i) {
    std::string bytes = i % 2 == 0
                            ? world.put("/b/k", body, to_hex(sha256(body)))
                            : world.put_chunked("/b/k", PayloadKind::kStreamingSigned,
                                                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", body, 8192);
    const size_t at = random.between(uint64_t{0}, uint64_t{bytes.size() - 1});
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.between(uint64_t{0}, uint64_t{7})));
    Client client = world.connect();
    client.send(bytes);
    client.finish_sending();
    client.receive();
    for (const auto& [key, stored] : world.handler.puts) {
      EXPECT_EQ(key, "b/k");
      EXPECT_TRUE(stored == body) << "byte " << at;
    }
    world.handler.puts.clear();
  }
}

TEST(ServerFaults, BodiesThatLieAreRefused) {
  ServerWorld world;
  const std::string body(10'000, 'a');
  {
    Client client = world.connect();
    EXPECT_EQ(client.exchange(world.put("/b/k", body, to_hex(sha256("other")))).code(),
              "XAmzContentSHA256Mismatch");
    EXPECT_EQ(client.exchange(world.get("/b/k")).status, 200);  // its end was known
  }
  {
    Client client = world.connect();
    const auto headers =
        std::vector<std::pair<std::string, std::string>>{{"Content-Length", "10000"}};
    EXPECT_EQ(
        client
            .exchange(world.head("PUT", "/b/k", headers, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") +
                      body)
            .code(),
        "MissingContentLength");
  }
  {
    Client client = world.connect();
    std::string bytes = world.put_chunked("/b/k", PayloadKind::kStreamingSigned,
                                          "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", body, 8192);
    bytes[bytes.size() - 1000] ^= 1;
    EXPECT_EQ(client.exchange(bytes).code(), "SignatureDoesNotMatch");
  }
  EXPECT_EQ(world.handler.puts.size(), 0u);
}

TEST(ServerFaults, TruncatedBodiesStoreNothing) {
  ServerWorld world;
  const std::string whole = world.put("/b/k", std::string(10'000, 'a'));
  for (size_t cut : {whole.size() - 1, whole.size() - 5000, whole.size() - 9999}) {
    Client client = world.connect();
    client.send(whole.substr(0, cut));
    client.finish_sending();
    EXPECT_EQ(client.receive().code(), "IncompleteBody");
    EXPECT_TRUE(client.ended());
  }
  // The same with the connection gone.
  for (size_t cut = 1; cut < whole.size(); cut += 37) {
    auto stream = world.connect_raw();
    Client client(world.env, std::move(stream));
    client.send(whole.substr(0, cut));
    client.stream().close();
    world.env.run_for(1s);
  }
  EXPECT_EQ(world.handler.puts.size(), 0u);
  EXPECT_EQ(world.server.connections(), 0u);
}

TEST(ServerFaults, AFailingReadNeverLooksLikeAnAnswer) {
  ServerWorld world;
  {
    Client client = world.connect();
    const Answer answer = client.exchange(world.get("/b/broken-at-once"));
    EXPECT_EQ(answer.code(), "InternalError");
    EXPECT_EQ(client.exchange(world.get("/b/k")).status, 200);
  }
  for (const char* key : {"broken", "too-short"}) {
    Client client = world.connect();
    const Answer answer = client.exchange(world.get(std::string("/b/") + key));
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.whole) << key;
    EXPECT_TRUE(client.ended());
  }
  Client client = world.connect();
  EXPECT_FALSE(client.exchange(world.get("/b/too-long")).whole);
}

TEST(ServerFaults, StoredValuesCannotSplitAnAnswer) {
  ServerWorld world;
  Client client = world.connect();
  const Answer answer = client.exchange(world.get("/b/evil"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.head.find("Set-Cookie"), std::string::npos);
  EXPECT_EQ(answer.body, "hello evil");
}

TEST(ServerFaults, SlowHeadsAreCutOff) {
  ServerWorld world;
  Client client = world.connect();
  const std::string request = world.get("/b/k");
  // A byte every five seconds keeps a connection busy for ever, if one lets it.
  int sent = 0;
  for (; sent < 100; ++sent) {
    if (!client.send(request.substr(static_cast<size_t>(sent), 1))) break;
    world.env.run_for(5s);
  }
  EXPECT_GE(sent, 4);
  EXPECT_LE(sent, 6);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(world.server.connections(), 0u);
}

TEST(ServerFaults, IdleConnectionsAreClosedAtTheirLimit) {
  ServerWorld world;
  Client fresh = world.connect(), used = world.connect();
  EXPECT_EQ(used.exchange(world.get("/b/k")).status, 200);
  world.env.run_for(std::chrono::seconds(kIdleSecondsMax - 2));
  EXPECT_EQ(world.server.connections(), 2u);
  EXPECT_EQ(used.exchange(world.get("/b/k")).status, 200);  // its time starts again
  world.env.run_for(5s);
  EXPECT_EQ(world.server.connections(), 1u);
  EXPECT_TRUE(fresh.ended());
  world.env.run_for(std::chrono::seconds(kIdleSecondsMax));
  EXPECT_EQ(world.server.connections(), 0u);
}

TEST(ServerFaults, StalledBodiesAreCutOffAndSlowOnesAreNot) {
  ServerWorld world;
  const std::string bytes = world.put("/b/k", std::string(1 << 20, 'a'));
  Client stalled = world.connect();
  stalled.send(bytes.substr(0, 500'000));
  world.env.run_for(std::chrono::seconds(2 * kStallSeconds + 2));
  const Answer told = stalled.receive();
  EXPECT_EQ(told.status, 400);
  EXPECT_EQ(told.code(), "RequestTimeout");
  EXPECT_TRUE(told.says_close());
  world.env.run_for(std::chrono::seconds(kLingerSecondsMax + 2));
  EXPECT_TRUE(stalled.ended());

  Client trickling = world.connect();
  const std::string again = world.put("/b/k", std::string(1 << 20, 'a'));
  trickling.send(again.substr(0, 1000));
  size_t at = 1000;
  for (int i = 0; i < 300 && trickling.send(again.substr(at, 10)); ++i, at += 10)
    world.env.run_for(1s);
  EXPECT_EQ(trickling.receive().code(), "RequestTimeout");
  EXPECT_TRUE(trickling.ended());
  EXPECT_LT(at, 5000u);
  EXPECT_EQ(world.handler.puts.size(), 0u);

  Client slow = world.connect();  // 10 KB/s: slow, and fine
  const std::string fine = world.put("/b/k", std::string(1 << 20, 'a'));
  for (size_t i = 0; i < fine.size(); i += 10'000) {
    ASSERT_TRUE(slow.send(fine.substr(i, 10'000)));
    world.env.run_for(1s);
  }
  EXPECT_EQ(slow.receive().status, 200);
}

// What comes after a client was told that it was too slow is not stored all the same.
TEST(ServerFaults, AStalledBodyThatGoesOnStoresNothing) {
  ServerWorld world;
  const std::string body(100'000, 'a');
  for (const std::string& bytes :
       {world.put("/b/k", body),
        world.put_chunked("/b/k", PayloadKind::kStreamingSigned,
                          "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", body, 8192)}) {
    Client client = world.connect();
    client.send(bytes.substr(0, 50'000));
    EXPECT_EQ(client.receive().code(), "RequestTimeout");
    client.send(bytes.substr(50'000));
    world.env.run_for(std::chrono::seconds(kLingerSecondsMax + 2));
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(world.handler.puts.size(), 0u);
    EXPECT_EQ(world.server.connections(), 0u);
  }
}

TEST(ServerFaults, AHandlerMayTakeItsTime) {
  ServerWorld world;
  Client client = world.connect();
  client.send(world.put("/b/slow-reader", std::string(1000, 'a')));
  world.env.run_for(700s);
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(world.handler.puts["b/slow-reader"].size(), 1000u);
}

TEST(ServerFaults, AClientThatDoesNotReadIsCutOff) {
  ServerWorld world;
  Client client = world.connect();
  client.send(world.get("/b/big"));
  world.env.run_for(std::chrono::seconds(2 * kStallSeconds + 2));
  EXPECT_EQ(world.server.connections(), 0u);
  EXPECT_FALSE(client.receive().whole);
}

TEST(ServerFaults, PastTheConnectionLimitOneIsToldToSlowDown) {
  ServerOptions options;
  options.connections_max = 3;
  ServerWorld world(std::move(options));
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(world.connect());
  for (Client& client : clients) EXPECT_EQ(client.exchange(world.get("/b/k")).status, 200);
  Client fourth = world.connect();
  const Answer answer = fourth.receive();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.code(), "SlowDown");
  EXPECT_TRUE(answer.says_close());
  EXPECT_TRUE(fourth.ended());
  clients.pop_back();
  world.env.run_for(1s);
  Client fifth = world.connect();
  EXPECT_EQ(fifth.exchange(world.get("/b/k")).status, 200);
}

TEST(ServerFaults, StopDoesNotWaitForEverForStuckClients) {
  ServerWorld world;
  Client stuck = world.connect();
  stuck.send(world.put("/b/k", std::string(100'000, 'a')).substr(0, 50'000));
  world.env.run_for(1s);
  world.stopped = true;
  const Nanos before = world.env.now();
  EXPECT_TRUE(world.env.run(world.server.stop(10s)));
  EXPECT_LE(world.env.now() - before, 11s);
  EXPECT_EQ(world.handler.puts.size(), 0u);
}

TEST(ServerFaults, EverySeedFragmentsDifferently) {
  const std::string body(30'000, 'f');
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    ServerWorld world({}, seed);
    Client client = world.connect();
    const std::vector<std::pair<std::string, std::string>> trailers = {
        {"x-amz-checksum-crc32", "AAAAAA=="}};
    client.send(world.put_chunked("/b/k", PayloadKind::kStreamingSignedTrailer,
                                  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", body, 8192,
                                  trailers) +
                world.get("/b/after"));
    EXPECT_EQ(client.receive().status, 200) << seed;
    EXPECT_EQ(client.receive().body, "hello after") << seed;
    EXPECT_EQ(world.handler.puts["b/k"], body) << seed;
  }
}

}  // namespace
}  // namespace atl::s3
