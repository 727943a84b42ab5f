// The S3 door behind moving addresses, in virtual time; and the store behind it, on a real disk.
#include "lab/s3_service.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "cloud/http_message.h"
#include "env/real_env.h"
#include "env/sim_env.h"
#include "frontend/s3/request_signer.h"
#include "lab/requests.h"
#include "lab/s3_store.h"

namespace atl::lab {
namespace {

using cloud::HttpMessage;
using testing::HasSubstr;

const vip::Vip kOne = vip::Vip::parse("10.0.9.1").value();
const vip::Vip kTwo = vip::Vip::parse("10.0.9.2").value();
constexpr size_t kPiece = 64 * 1024;

// `who` at once, `long` in pieces.
class Objects final : public s3::Handler {
 public:
  explicit Objects(env::Env& env) : env_(env) {}
  Task<s3::Response> handle(s3::Request& request, s3::RequestBody&) override {
    s3::Response response;
    if (request.key == kS3WhoKey) {
      response.body = R"({"node":"node1"})";
    } else {
      response.stream = std::make_unique<Pieces>(env_);
      response.stream_length = kLongTransferBytes;
    }
    co_return response;
  }

 private:
  class Pieces final : public client::BodyReader {
   public:
    explicit Pieces(env::Env& env) : env_(env) {}
    Task<Result<Buf>> next() override {
      co_await env_.sleep(10ms);
      const std::string piece(std::min<uint64_t>(kPiece, left_), 'x');
      left_ -= piece.size();
      co_return Buf::copy_of(piece);
    }

   private:
    env::Env& env_;
    uint64_t left_ = kLongTransferBytes;
  };
  env::Env& env_;
};

struct Reply {
  bool whole = false;
  HttpMessage message;
};

Task<Status> send(env::Stream* stream, std::string text) {
  std::vector<ByteSpan> parts(1, as_bytes(text));
  co_return co_await stream->write_all(std::move(parts));
}

// A whole exchange, as a client of the laboratory has it: one request, then it closes.
Task<Reply> exchange(env::Env& env, env::Endpoint to, std::string request) {
  Reply reply;
  Result<std::unique_ptr<env::Stream>> stream = co_await env.network().connect(to);
  if (!stream) co_return reply;
  const Status sent = co_await send(stream->get(), std::move(request));
  cloud::HttpReader reader(cloud::HttpKind::kResponse);
  if (sent) {
    Result<HttpMessage> message = co_await cloud::read_message(**stream, reader);
    reply.whole = message.has_value();
    if (message) reply.message = std::move(*message);
  }
  (*stream)->close();
  co_return reply;
}

Task<void> exchange_into(env::Env& env, env::Endpoint to, std::string request,
                         std::shared_ptr<std::optional<Reply>> out) {
  *out = co_await exchange(env, to, std::move(request));
}

Task<void> drain_into(S3Service& service, env::Env& env, vip::Vip vip,
                      std::shared_ptr<std::optional<Nanos>> out) {
  co_await service.drain(vip, 10s);
  *out = env.now();
}

class S3ServiceTest : public testing::Test {
 protected:
  S3ServiceTest() {
    env_.network().set_fragment(false);
    Responder::Options side;
    side.node = "node1";
    side.addresses = {kOne, kTwo};
    side.serve = false;
    side.health_host = "10.0.1.1";
    side.health_port = kHealthPort;
    side_ = std::make_unique<Responder>(env_, side);
    S3Service::Options options;
    options.node = "node1";
    options.addresses = {kOne, kTwo};
    service_ = std::make_unique<S3Service>(env_, objects_, users_, *side_, options);
    const Responder::Ask ask = [this](vip::Vip vip) { return standings_[vip]; };
    side_->ask(ask);
    service_->ask(ask);
    EXPECT_TRUE(side_->start());
    EXPECT_TRUE(service_->start());
    hold(kOne);
    hold(kTwo);
  }
  ~S3ServiceTest() override {
    side_->stop();
    env_.run(service_->stop());
    env_.run_for(2s);
  }

  void hold(vip::Vip vip) {
    standings_[vip].answers = true;
    service_->begin(vip, 1);
  }
  // The clock of the requests' signatures is the world's.
  Reply who(vip::Vip vip) { return env_.run(exchange(env_, at(vip), signed_get(vip, kS3WhoKey))); }
  // Does an answer leave the connection to a client that would go on?
  bool keeps_connections(vip::Vip vip) {
    s3::RequestSigner signer{std::string(kS3AccessKey), std::string(kS3SecretKey)};
    s3::ClientRequest request;
    request.path = "/lab/who";
    request.host = vip.to_string();
    const auto now = std::chrono::floor<std::chrono::seconds>(env_.wall_now()).count();
    return env_.run(exchange(env_, at(vip), signer.head(request, now))).message.keep_alive;
  }
  std::shared_ptr<std::optional<Reply>> start(vip::Vip vip, std::string_view key) {
    auto out = std::make_shared<std::optional<Reply>>();
    env_.spawn("client", exchange_into(env_, at(vip), signed_get(vip, key), out));
    env_.run_for(5ms);
    return out;
  }
  int health() {
    const env::Endpoint to{"10.0.1.1", kHealthPort};
    std::string request = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    return env_.run(exchange(env_, to, std::move(request))).message.status;
  }
  env::Endpoint at(vip::Vip vip) const { return {vip.to_string(), kServicePort}; }
  std::string signed_get(vip::Vip vip, std::string_view key) {
    Requests requests(ServiceKind::kS3, kLongTransferBytes);
    const auto now = std::chrono::floor<std::chrono::seconds>(env_.wall_now()).count();
    return key == kS3WhoKey ? requests.probe(vip.to_string(), now)
                            : requests.transfer(vip.to_string(), now);
  }

  env::SimEnv env_;
  Objects objects_{env_};
  S3LabUsers users_;
  std::map<vip::Vip, Standing> standings_;
  std::unique_ptr<Responder> side_;
  std::unique_ptr<S3Service> service_;
};

TEST_F(S3ServiceTest, AnswersSignedRequestsAndNamesItsNode) {
  const Reply reply = who(kOne);
  ASSERT_TRUE(reply.whole);
  EXPECT_EQ(reply.message.status, 200);
  EXPECT_THAT(reply.message.body, HasSubstr(R"("node":"node1")"));
  const auto plain = env_.run(exchange(env_, at(kOne), "GET /lab/who HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_EQ(plain.message.status, 403);
}

TEST_F(S3ServiceTest, WaitsForAnAddressThatIsBeingTaken) {
  standings_[kOne].answers = false;
  const auto soon = start(kOne, kS3WhoKey);
  env_.run_for(kTakingMax / 2);
  EXPECT_FALSE(soon->has_value());
  standings_[kOne].answers = true;
  env_.run_for(20ms);
  ASSERT_TRUE(soon->has_value());
  EXPECT_EQ((*soon)->message.status, 200);
  standings_[kOne].answers = false;
  EXPECT_EQ(who(kOne).message.status, 503);
}

TEST_F(S3ServiceTest, ALongAnswerEndsWithTheLease) {
  const auto transfer = start(kOne, kS3LongKey);
  env_.run_for(50ms);
  standings_[kOne].answers = false;
  env_.run_for(1s);
  ASSERT_TRUE(transfer->has_value());
  EXPECT_FALSE((*transfer)->whole);
}

TEST_F(S3ServiceTest, IsLeftWithoutAFailure) {
  const auto transfer = start(kOne, kS3LongKey);
  const auto ended = std::make_shared<std::optional<Nanos>>();
  env_.spawn("drain", drain_into(*service_, env_, kOne, ended));
  env_.run_for(50ms);
  EXPECT_FALSE(ended->has_value()) << "a long transfer is under way";
  EXPECT_EQ(who(kOne).message.status, 200);  // small ones are answered all the time
  EXPECT_FALSE(keeps_connections(kOne));
  EXPECT_TRUE(keeps_connections(kTwo));
  const Reply late = env_.run(exchange(env_, at(kOne), signed_get(kOne, kS3LongKey)));
  EXPECT_EQ(late.message.status, 503);
  EXPECT_THAT(late.message.body, HasSubstr("SlowDown"));
  EXPECT_EQ(env_.run(exchange(env_, at(kTwo), signed_get(kTwo, kS3LongKey))).message.status, 200);
  env_.run_for(1s);
  ASSERT_TRUE(transfer->has_value());
  EXPECT_TRUE((*transfer)->whole);
  ASSERT_TRUE(ended->has_value());
  env_.run(service_->finish(kOne, 2s));
  standings_[kOne].answers = false;
  service_->end(kOne);
  // It comes back, and is served as before.
  hold(kOne);
  EXPECT_EQ(who(kOne).message.status, 200);
}

TEST_F(S3ServiceTest, TheEndOfAnAddressDropsItsConnectionsAlone) {
  const auto one = start(kOne, kS3LongKey);
  const auto two = start(kTwo, kS3LongKey);
  service_->end(kOne);
  env_.run_for(1s);
  ASSERT_TRUE(one->has_value());
  EXPECT_FALSE((*one)->whole);
  ASSERT_TRUE(two->has_value());
  EXPECT_TRUE((*two)->whole);
}

TEST_F(S3ServiceTest, TheHealthPortFollowsTheDrain) {
  EXPECT_EQ(health(), 200);
  standings_[kTwo].answers = false;
  EXPECT_EQ(health(), 200);
  const auto ended = std::make_shared<std::optional<Nanos>>();
  env_.spawn("drain", drain_into(*service_, env_, kOne, ended));
  env_.run_for(10ms);
  EXPECT_EQ(health(), 503);
}

// --- The store ---

// Of this run of the test alone.
vip::Vip own_loopback() {
  return vip::Vip{(127u << 24) | ((static_cast<uint32_t>(::getpid()) & 0xfffff) << 4) | 1};
}

Task<Status> store_and_ask(env::RealEnv& env, std::string folder, Reply* who, Reply* all) {
  ATOLL_CO_TRY(const auto store, co_await S3Store::open(env, "node7", std::move(folder)));
  Responder::Options none;
  none.serve = false;
  Responder side(env, none);
  S3LabUsers users;
  S3Service::Options options;
  options.node = "node7";
  options.addresses = {own_loopback()};
  options.port = 8333;
  S3Service service(env, store->handler(), users, side, options);
  const Responder::Ask always = [](vip::Vip) { return Standing{.answers = true}; };
  service.ask(always);
  const Status started = service.start();
  if (started) {
    Requests requests(ServiceKind::kS3, kLongTransferBytes);
    const auto now = std::chrono::floor<std::chrono::seconds>(env.wall_now()).count();
    const env::Endpoint to{own_loopback().to_string(), options.port};
    std::string request = requests.probe(to.host, now);
    *who = co_await exchange(env, to, std::move(request));
    request = requests.transfer(to.host, now);
    *all = co_await exchange(env, to, std::move(request));
  }
  co_await service.stop();
  const Status closed = co_await store->close();
  co_return started ? closed : started;
}

TEST(S3Store, HasItsObjectsAndHasThemAgain) {
  std::string folder = (std::filesystem::temp_directory_path() / "atoll-s3-store-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  for (int i = 0; i < 2; ++i) {
    env::RealEnv env;
    Reply who;
    Reply all;
    const Status done = env.run(store_and_ask(env, folder, &who, &all));
    EXPECT_TRUE(done) << done.error().to_string();
    EXPECT_EQ(who.message.body, R"({"node":"node7"})");
    EXPECT_EQ(all.message.header(Requests(ServiceKind::kS3, 0).node_header()), "node7");
    EXPECT_EQ(all.message.body.size(), kLongTransferBytes);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace atl::lab
