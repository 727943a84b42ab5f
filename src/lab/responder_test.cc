// The responder in virtual time: who answers when, and how an address is left without a failure.
#include "lab/responder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/http_message.h"
#include "env/sim_env.h"
#include "env/sync.h"

namespace atl::lab {
namespace {

using cloud::HttpMessage;
using testing::HasSubstr;

const vip::Vip kFirstVip = vip::Vip::parse("10.0.9.1").value();
const vip::Vip kSecondVip = vip::Vip::parse("10.0.9.2").value();

// A client's connection, which reads as fast as it is told to.
struct Client {
  std::unique_ptr<env::Stream> stream;
  cloud::HttpReader reader{cloud::HttpKind::kResponse};
};

Task<Status> send(env::Stream& stream, std::string text) {
  std::vector<ByteSpan> parts;
  parts.emplace_back(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  co_return co_await stream.write_all(std::move(parts));
}

Task<Result<HttpMessage>> get(Client& client, std::string target, bool keep = true) {
  std::string text = "GET " + target + " HTTP/1.1\r\nHost: a\r\n";
  if (!keep) text += "Connection: close\r\n";
  text += "\r\n";
  ATOLL_CO_TRY_STATUS(co_await send(*client.stream, std::move(text)));
  co_return co_await cloud::read_message(*client.stream, client.reader);
}

// Reads everything until the other side ends, `n` bytes at a time with a pause between; counts.
struct Download {
  uint64_t bytes = 0;
  bool ended = false;
  std::string failed;
};
Task<void> read_slowly(env::Env& env, Client& client, size_t n, Nanos pause,
                       std::shared_ptr<Download> out) {
  std::vector<uint8_t> space(n);
  while (true) {
    const MutableByteSpan into(space);
    const Result<size_t> got = co_await client.stream->read_some(into);
    if (!got || *got == 0) {
      if (!got) out->failed = got.error().to_string();
      break;
    }
    out->bytes += *got;
    co_await env.sleep(pause);
  }
  out->ended = true;
  client.stream->close();
}

class ResponderTest : public testing::Test {
 protected:
  ResponderTest() {
    env_.network().set_fragment(false);
    Responder::Options options;
    options.node = "node1";
    options.addresses = {kFirstVip, kSecondVip};
    options.health_host = "10.0.1.1";
    options.health_port = kHealthPort;
    options.control_host = "198.18.1.1";
    options.control_port = kControlPort;
    responder_ = std::make_unique<Responder>(env_, options);
    responder_->ask([this](vip::Vip vip) { return standings_[vip]; });
    const Status started = responder_->start();
    EXPECT_TRUE(started) << started.error().to_string();
  }
  ~ResponderTest() override {
    responder_->stop();
    env_.run_for(2s);
  }

  void hold(vip::Vip vip, uint64_t generation) {
    standings_[vip] = {true, generation, 812ms};
    responder_->begin(vip, generation);
  }
  Client connect(vip::Vip vip) { return connect(env::Endpoint{vip.to_string(), kServicePort}); }
  Client connect(const env::Endpoint& to) {
    auto stream = env_.run(env_.network().connect(to));
    EXPECT_TRUE(stream);
    return {std::move(*stream)};
  }
  Result<HttpMessage> ask(vip::Vip vip, std::string target) {
    Client client = connect(vip);
    return env_.run(get(client, std::move(target)));
  }
  int side(uint16_t port, const std::string& host, const std::string& request) {
    Client client = connect(env::Endpoint{host, port});
    EXPECT_TRUE(env_.run(send(*client.stream, request + " HTTP/1.1\r\nHost: a\r\n\r\n")));
    auto reply = env_.run(cloud::read_message(*client.stream, client.reader));
    return reply ? reply->status : 0;
  }
  int health() { return side(kHealthPort, "10.0.1.1", "GET /healthz"); }

  // A drain in the background: null while it goes on.
  std::shared_ptr<std::optional<Nanos>> start_drain(vip::Vip vip, Nanos limit) {
    auto ended = std::make_shared<std::optional<Nanos>>();
    env_.spawn("drain", drain(*responder_, env_, vip, limit, ended));
    env_.run_for(1ms);
    return ended;
  }
  static Task<void> drain(Responder& responder, env::Env& env, vip::Vip vip, Nanos limit,
                          std::shared_ptr<std::optional<Nanos>> ended) {
    co_await responder.drain(vip, limit);
    *ended = env.now();
  }
  static Task<void> finish(Responder& responder, env::Env& env, vip::Vip vip, Nanos limit,
                           std::shared_ptr<std::optional<Nanos>> ended) {
    co_await responder.finish(vip, limit);
    *ended = env.now();
  }

  env::SimEnv env_{1};
  std::map<vip::Vip, Standing> standings_;
  std::unique_ptr<Responder> responder_;
};

TEST_F(ResponderTest, SaysWhoAnswers) {
  hold(kFirstVip, 3);
  Client client = connect(kFirstVip);
  for (int i = 0; i < 2; ++i) {  // the connection is kept
    auto reply = env_.run(get(client, "/who"));
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body,
              R"({"node":"node1","vip":"10.0.9.1","generation":3,"lease_left_ms":812})");
    EXPECT_EQ(reply->header("x-atoll-node"), "node1");
    EXPECT_TRUE(reply->keep_alive);
  }
  EXPECT_EQ(ask(kFirstVip, "/ping")->status, 200);
  EXPECT_EQ(ask(kFirstVip, "/bytes/100000")->body, std::string(100000, 'x'));
  EXPECT_EQ(ask(kFirstVip, "/bytes/0")->body, "");
  EXPECT_EQ(ask(kFirstVip, "/bytes/")->status, 404);
  EXPECT_EQ(ask(kFirstVip, "/bytes/9x")->status, 404);
  EXPECT_EQ(ask(kFirstVip, "/bytes/99999999999999")->status, 404);
  EXPECT_EQ(ask(kFirstVip, "/nothing")->status, 404);
}

TEST_F(ResponderTest, DoesNotAnswerForWhatItMayNot) {
  hold(kFirstVip, 1);
  EXPECT_FALSE(ask(kSecondVip, "/who"));
  standings_[kFirstVip].answers = false;
  EXPECT_FALSE(ask(kFirstVip, "/who"));
}

TEST_F(ResponderTest, ARequestThatComesWhileTheAddressIsTakenIsAnswered) {
  Client client = connect(kFirstVip);
  ASSERT_TRUE(env_.run(send(*client.stream, "GET /who HTTP/1.1\r\nHost: a\r\n\r\n")));
  env_.run_for(kTakingMax / 2);
  hold(kFirstVip, 1);
  auto reply = env_.run(cloud::read_message(*client.stream, client.reader));
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_EQ(reply->status, 200);
}

TEST_F(ResponderTest, ALongAnswerStopsWhenTheLeaseDoes) {
  hold(kFirstVip, 1);
  Client client = connect(kFirstVip);
  ASSERT_TRUE(env_.run(send(*client.stream, "GET /bytes/10000000 HTTP/1.1\r\nHost: a\r\n\r\n")));
  auto download = std::make_shared<Download>();
  env_.spawn("read", read_slowly(env_, client, 10'000, 1ms, download));
  env_.run_for(200ms);
  EXPECT_GT(download->bytes, 100'000u);
  EXPECT_FALSE(download->ended);
  const uint64_t so_far = download->bytes;
  standings_[kFirstVip].answers = false;
  env_.run_for(1s);
  EXPECT_TRUE(download->ended);
  // What was in the pipe, and the piece that was being written.
  EXPECT_LE(download->bytes, so_far + env::kSimPipeBytes + 2 * kPieceBytes);
  EXPECT_LT(download->bytes, 10'000'000u);
}

TEST_F(ResponderTest, EndDropsTheConnectionsOfThatAddressAlone) {
  hold(kFirstVip, 1);
  hold(kSecondVip, 1);
  Client one = connect(kFirstVip);
  Client two = connect(kSecondVip);
  ASSERT_TRUE(env_.run(get(one, "/ping")));
  ASSERT_TRUE(env_.run(get(two, "/ping")));
  responder_->end(kFirstVip);
  EXPECT_FALSE(env_.run(get(one, "/ping")));
  EXPECT_TRUE(env_.run(get(two, "/ping")));
  // It can come back.
  hold(kFirstVip, 2);
  EXPECT_TRUE(ask(kFirstVip, "/ping"));
}

TEST_F(ResponderTest, DrainTellsClientsToComeBackElsewhere) {
  hold(kFirstVip, 1);
  Client fresh = connect(kFirstVip);
  auto drained = start_drain(kFirstVip, 30s);
  env_.run_for(10ms);
  EXPECT_TRUE(drained->has_value()) << "nothing was under way";
  // The address is still here, and answers.
  auto reply = env_.run(get(fresh, "/who"));
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_FALSE(reply->keep_alive);
  EXPECT_FALSE(ask(kFirstVip, "/ping")->keep_alive);
  EXPECT_EQ(health(), 503) << "a load balancer should look elsewhere";
  hold(kFirstVip, 2);
  EXPECT_TRUE(ask(kFirstVip, "/ping")->keep_alive) << "a new term has begun";
}

TEST_F(ResponderTest, DrainWaitsUntilALongTransferHasArrived) {
  hold(kFirstVip, 1);
  constexpr uint64_t kBytes = 500'000;
  Client client = connect(kFirstVip);
  ASSERT_TRUE(env_.run(send(*client.stream, "GET /bytes/500000 HTTP/1.1\r\nHost: a\r\n\r\n")));
  auto download = std::make_shared<Download>();
  env_.spawn("read", read_slowly(env_, client, 5'000, 10ms, download));  // takes a second
  env_.run_for(300ms);
  auto drained = start_drain(kFirstVip, 30s);
  for (int i = 0; i < 1000 && !drained->has_value(); ++i) env_.run_for(10ms);
  ASSERT_TRUE(drained->has_value());
  // Not when the last byte was handed over (64 KiB of them wait in the pipe), but when it was read.
  EXPECT_GT(download->bytes, kBytes);
  EXPECT_TRUE(download->ended);
  EXPECT_EQ(download->failed, "");
}

TEST_F(ResponderTest, DrainWaitsForWhatIsStillInTheKernelOfAKeptConnection) {
  hold(kFirstVip, 1);
  Client client = connect(kFirstVip);
  // More than one piece, less than the pipe and one piece hold: the answer is out at once.
  ASSERT_TRUE(env_.run(send(*client.stream, "GET /bytes/65537 HTTP/1.1\r\nHost: a\r\n\r\n")));
  std::vector<uint8_t> some(10'000);
  ASSERT_TRUE(env_.run(client.stream->read_some(some)));
  env_.run_for(200ms);
  auto drained = start_drain(kFirstVip, 30s);
  env_.run_for(500ms);
  EXPECT_FALSE(drained->has_value()) << "the client has not read it";
  auto download = std::make_shared<Download>();
  env_.spawn("read", read_slowly(env_, client, 10'000, 10ms, download));
  env_.run_for(1s);
  EXPECT_TRUE(drained->has_value());
  EXPECT_GT(download->bytes + some.size(), 65'537u);
  EXPECT_EQ(download->failed, "");
}

TEST_F(ResponderTest, DrainEndsAtItsLimit) {
  hold(kFirstVip, 1);
  Client client = connect(kFirstVip);
  ASSERT_TRUE(env_.run(send(*client.stream, "GET /bytes/5000000 HTTP/1.1\r\nHost: a\r\n\r\n")));
  env_.run_for(200ms);  // nobody reads
  const Nanos start = env_.now();
  auto drained = start_drain(kFirstVip, 3s);
  env_.run_for(10s);
  ASSERT_TRUE(drained->has_value());
  EXPECT_GE(**drained - start, 3s);
  EXPECT_LE(**drained - start, 3s + 2 * kDrainPoll);
}

TEST_F(ResponderTest, ALongTransferThatBeginsDuringADrainIsSentAway) {
  hold(kFirstVip, 1);
  Client client = connect(kFirstVip);
  ASSERT_TRUE(env_.run(send(*client.stream, "GET /bytes/5000000 HTTP/1.1\r\nHost: a\r\n\r\n")));
  env_.run_for(200ms);
  auto drained = start_drain(kFirstVip, 5s);
  auto refused = ask(kFirstVip, "/bytes/5000000");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->header("retry-after"), "1");
  EXPECT_EQ(ask(kFirstVip, "/bytes/1000")->status, 200);
  EXPECT_FALSE(drained->has_value());
}

TEST_F(ResponderTest, FinishWaitsForRequestsUnderWay) {
  hold(kFirstVip, 1);
  // One that has not asked yet, and one whose answer is on its way.
  Client late = connect(kFirstVip);
  Client slow = connect(kFirstVip);
  ASSERT_TRUE(env_.run(send(*slow.stream, "GET /bytes/300000 HTTP/1.1\r\nHost: a\r\n\r\n")));
  auto ended = std::make_shared<std::optional<Nanos>>();
  (void)start_drain(kFirstVip, 0s);
  env_.spawn("finish", finish(*responder_, env_, kFirstVip, 2s, ended));
  env_.run_for(50ms);
  EXPECT_FALSE(ended->has_value());
  auto reply = env_.run(get(late, "/ping"));
  EXPECT_TRUE(reply) << "a connection from before is still served";
  late.stream->close();
  auto download = std::make_shared<Download>();
  env_.spawn("read", read_slowly(env_, slow, 10'000, 1ms, download));
  env_.run_for(500ms);
  EXPECT_TRUE(ended->has_value());
  EXPECT_GT(download->bytes, 300'000u);
}

TEST_F(ResponderTest, FinishWaitsForTheFirstRequestOfAConnectionButNotForEver) {
  hold(kFirstVip, 1);
  Client late = connect(kFirstVip);
  const Nanos start = env_.now();
  auto ended = std::make_shared<std::optional<Nanos>>();
  env_.spawn("finish", finish(*responder_, env_, kFirstVip, 2s, ended));
  env_.run_for(kFreshMax / 2);
  EXPECT_FALSE(ended->has_value());
  env_.run_for(1s);
  ASSERT_TRUE(ended->has_value()) << "a connection that never asks holds the address";
  EXPECT_LE(**ended - start, kFreshMax + 2 * kDrainPoll);
}

TEST_F(ResponderTest, HealthAndFaults) {
  EXPECT_EQ(health(), 503);
  hold(kSecondVip, 1);
  EXPECT_EQ(health(), 200);
  standings_[kSecondVip].answers = false;
  EXPECT_EQ(health(), 503);
  EXPECT_TRUE(responder_->well());
  EXPECT_EQ(side(kControlPort, "198.18.1.1", "POST /fault/sick"), 200);
  EXPECT_FALSE(responder_->well());
  EXPECT_EQ(side(kControlPort, "198.18.1.1", "POST /fault/well"), 200);
  EXPECT_TRUE(responder_->well());
  EXPECT_EQ(side(kHealthPort, "10.0.1.1", "POST /fault/sick"), 404);
  EXPECT_TRUE(responder_->well()) << "clients cannot make it sick";
}

TEST_F(ResponderTest, IdleAndStalledConnectionsAreClosed) {
  hold(kFirstVip, 1);
  Client idle = connect(kFirstVip);
  Client stalled = connect(kFirstVip);
  ASSERT_TRUE(env_.run(send(*stalled.stream, "GET /bytes/5000000 HTTP/1.1\r\nHost: a\r\n\r\n")));
  env_.run_for(kRequestIdleMax - 2s);
  EXPECT_EQ(responder_->connections(), 2u);
  env_.run_for(4s);
  EXPECT_EQ(responder_->connections(), 1u);
  env_.run_for(kStallMax);
  EXPECT_EQ(responder_->connections(), 0u);
}

}  // namespace
}  // namespace atl::lab
