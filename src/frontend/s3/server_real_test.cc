// The server over real sockets and worker threads: what the simulated world cannot show.
#include <gtest/gtest.h>

#include "base/log.h"
#include "base/metrics.h"
#include "env/real_env.h"
#include "frontend/s3/server_test_util.h"
#include "frontend/s3/tls.h"

namespace atl::s3 {
namespace {

UnixSeconds now_of(env::Env& env) {
  return std::chrono::duration_cast<std::chrono::seconds>(env.wall_now()).count();
}

// Sends `bytes`, then reads until so much has come, or until the server ends the connection.
Task<std::string> talk(std::unique_ptr<env::Stream> stream, std::string bytes, size_t size_wanted) {
  std::vector<ByteSpan> parts(1, as_bytes(bytes));
  Status sent = co_await stream->write_all(std::move(parts));
  if (!sent) co_return "cannot send: " + sent.error().to_string();
  std::string got;
  std::vector<uint8_t> step(1 << 16);
  while (got.size() < size_wanted) {
    Result<size_t> n = co_await stream->read_some(MutableByteSpan(step));
    if (!n || *n == 0) break;
    got.append(as_string_view(ByteSpan(step).first(*n)));
  }
  co_return got;
}

struct RealWorld {
  RealWorld() {
    pem = make_self_signed("localhost", env.wall_now()).value();
    plain = server.listen({"127.0.0.1", 0}).value();
    tls = server.listen({"127.0.0.1", 0}, TlsContext::for_server(pem).value()).value();
  }
  ~RealWorld() { EXPECT_TRUE(env.run(server.stop(std::chrono::seconds(1)))); }

  std::string exchange(std::string bytes, size_t size_wanted, bool over_tls) {
    auto stream = env.run(env.network().connect(over_tls ? tls : plain)).value();
    auto client = TlsContext::for_client(pem.certificate).value();
    if (over_tls) stream = client->wrap_client(env, std::move(stream), "localhost");
    return env.run(talk(std::move(stream), std::move(bytes), size_wanted));
  }

  env::RealEnv env;
  testing::TestUsers users;
  testing::TestHandler handler{env};
  Server server{env, handler, users};
  RequestSigner signer{"alice", "s3cret"};
  CertificateAndKey pem;
  env::Endpoint plain, tls;
};

TEST(ServerReal, LargeSignedBodiesAndAnswers) {
  RealWorld world;
  world.handler.read_step = 4 << 20;  // large enough for hashing on workers while receiving
  std::string body(16 << 20, 'x');
  for (size_t i = 0; i < body.size(); i += 509) body[i] = static_cast<char>(i / 509);
  for (const bool over_tls : {false, true}) {
    world.handler.puts.clear();
    ClientRequest put;
    put.method = "PUT";
    put.path = "/b/k";
    put.headers = {{"Content-Length", std::to_string(body.size())}};
    const std::string head = world.signer.head(put, now_of(world.env), to_hex(sha256(body)));
    const std::string answer = world.exchange(head + body, 12, over_tls);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
    EXPECT_TRUE(world.handler.puts["b/k"] == body);

    ClientRequest get;
    get.path = "/b/big";
    get.headers = {{"Connection", "close"}};
    const std::string big =
        world.exchange(world.signer.head(get, now_of(world.env)), SIZE_MAX, over_tls);
    EXPECT_TRUE(big.ends_with(world.handler.big));
  }
}

TEST(ServerReal, MetricsAndAccessLog) {
  std::vector<std::string> lines;
  set_log_sink([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  set_log_level(LogLevel::kDebug);
  {
    RealWorld world;
    ClientRequest get;
    get.path = "/b/hello there";
    const std::string target = world.signer.presigned_target(get, now_of(world.env), 60);
    world.exchange("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
                   SIZE_MAX, false);
    world.exchange("BREW /pot HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", SIZE_MAX, false);
    const std::string metrics = metrics_text();
    for (const char* expected :
         {"atoll_s3_requests_total{method=\"GET\",status=\"200\"}",
          "atoll_s3_requests_total{method=\"other\",status=\"403\"}",
          "atoll_s3_request_seconds_bucket{method=\"GET\"", "atoll_s3_received_bytes_total ",
          "atoll_s3_sent_bytes_total ", "atoll_s3_connections ", "atoll_s3_timeouts_total{phase="})
      EXPECT_NE(metrics.find(expected), std::string::npos) << expected << "\n" << metrics;
  }
  set_log_level(LogLevel::kInfo);
  set_log_sink({});
  std::string access;
  for (const std::string& line : lines)
    if (line.find("path=/b/hello%20there") != std::string::npos) access = line;
  EXPECT_NE(access.find("status=200"), std::string::npos) << access;
  EXPECT_NE(access.find("access_key=alice"), std::string::npos) << access;
  EXPECT_EQ(access.find("Signature"), std::string::npos) << access;
}

}  // namespace
}  // namespace atl::s3
