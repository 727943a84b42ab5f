// The responder on loopback with real sockets, against dig where it is installed, and its limits in
// virtual time.
#include "vip/dns/responder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "env/real_env.h"
#include "env/sim_env.h"
#include "vip/dns/test_message.h"
#include "vip/dns/test_zone.h"

namespace atl::vip::dns {
namespace {

namespace asio = boost::asio;

std::shared_ptr<DnsResponder> started(env::Env& env, const std::string& host, bool udp) {
  DnsResponder::Options options;
  options.listen = {{host, 0}};
  options.udp = udp;
  auto dns = std::make_shared<DnsResponder>(env, options);
  const Status status = dns->start();
  EXPECT_TRUE(status) << status.error().to_string();
  return dns;
}

std::shared_ptr<const Zone> zone_of(uint32_t addresses, uint32_t nodes) {
  return *Zone::make(test_snapshot(addresses, nodes));
}

// --- A client of its own, over the env's network ---

Task<bool> read_exactly(env::Stream* stream, MutableByteSpan into) {
  while (!into.empty()) {
    const Result<size_t> got = co_await stream->read_some(into);
    if (!got || *got == 0) co_return false;
    into = into.subspan(*got);
  }
  co_return true;
}

// Not there when the connection ended instead.
Task<Seen> ask_stream(env::Stream* stream, Ask ask) {
  std::vector<uint8_t> message = query_of(ask);
  std::vector<uint8_t> length;
  put16(&length, static_cast<uint16_t>(message.size()));
  std::vector<ByteSpan> parts;
  parts.emplace_back(length);
  parts.emplace_back(message);
  (void)co_await stream->write_all(std::move(parts));
  bool good = co_await read_exactly(stream, MutableByteSpan(length));
  message.resize(size_t{length[0]} << 8 | length[1]);
  if (good) good = co_await read_exactly(stream, MutableByteSpan(message));
  co_return good ? seen_in(message) : Seen();
}

Task<std::unique_ptr<env::Stream>> dial(env::Env& env, env::Endpoint to) {
  auto stream = co_await env.network().connect(to);
  EXPECT_TRUE(stream);
  co_return stream ? std::move(*stream) : nullptr;
}

Task<Seen> ask_tcp(env::Env& env, env::Endpoint to, Ask ask) {
  auto stream = co_await dial(env, to);
  Seen seen = co_await ask_stream(stream.get(), ask);
  co_return seen;
}

Task<Seen> ask_udp(env::Env& env, env::Endpoint to, Ask ask) {
  asio::ip::udp::socket socket(env.io(), asio::ip::udp::v4());
  const asio::ip::udp::endpoint server(asio::ip::make_address(to.host), to.port);
  std::vector<uint8_t> message = query_of(ask);
  socket.send_to(asio::buffer(message), server);
  message.resize(65535);
  const asio::mutable_buffer buffer(message.data(), message.size());
  asio::ip::udp::endpoint from;
  const size_t size = co_await socket.async_receive_from(buffer, from, asio::use_awaitable);
  EXPECT_EQ(from, server);
  co_return seen_in(ByteSpan(message).first(size));
}

Task<void> end(std::shared_ptr<DnsResponder> dns) {
  dns->stop();
  co_await dns->stopped();
}

// --- Real sockets ---

TEST(DnsResponder, answers_over_udp_and_the_whole_over_tcp) {
  env::RealEnv env;
  auto dns = started(env, "127.0.0.1", true);
  dns->update(zone_of(4, 40));
  const env::Endpoint at = dns->local().at(0);
  Seen seen = env.run(ask_udp(env, at, {"door.storage.example"}));
  EXPECT_EQ(seen.answer.size(), 4u);
  const Ask srv{"_rdma._tcp.door.storage.example", LDNS_RR_TYPE_SRV};
  seen = env.run(ask_udp(env, at, srv));
  EXPECT_TRUE(seen.tc);
  seen = env.run(ask_tcp(env, at, srv));
  EXPECT_FALSE(seen.tc);
  EXPECT_EQ(seen.answer.size(), 40u);
  EXPECT_EQ(dns->counters().udp_answers, 2u);
  EXPECT_EQ(dns->counters().tcp_answers, 1u);
  env.run(end(dns));
  dns.reset();
  EXPECT_EQ(env.live_tasks(), 0u);
}

TEST(DnsResponder, an_update_is_answered_from_at_once) {
  env::RealEnv env;
  auto dns = started(env, "127.0.0.1", true);
  const env::Endpoint at = dns->local().at(0);
  EXPECT_EQ(env.run(ask_udp(env, at, {"door.storage.example"})).code, LDNS_RCODE_SERVFAIL);
  dns->update(zone_of(1, 1));
  EXPECT_EQ(env.run(ask_udp(env, at, {"door.storage.example"})).answer.size(), 1u);
  dns->update(zone_of(3, 1));
  EXPECT_EQ(env.run(ask_udp(env, at, {"door.storage.example"})).answer.size(), 3u);
  env.run(end(dns));
}

// Until the responder has begun to turn this client away; 50 in a burst are far over the rate.
Task<void> flood(env::Env& env, env::Endpoint to, const ResponderCounters* counters) {
  asio::ip::udp::socket socket(env.io(), asio::ip::udp::v4());
  const asio::ip::udp::endpoint server(asio::ip::make_address(to.host), to.port);
  const std::vector<uint8_t> query = query_of({"door.storage.example"});
  for (int burst = 0; burst < 1000 && counters->udp_terse == 0; ++burst) {
    for (int i = 0; i < 50; ++i) socket.send_to(asio::buffer(query), server);
    co_await env.sleep(1ms);
  }
}

TEST(DnsResponder, a_source_over_its_rate_is_turned_away_and_let_in_by_tcp) {
  env::RealEnv env;
  auto dns = started(env, "127.0.0.1", true);
  dns->update(zone_of(1, 1));
  const env::Endpoint at = dns->local().at(0);
  env.run(flood(env, at, &dns->counters()));
  EXPECT_GE(dns->counters().udp_answers, static_cast<uint64_t>(kSourceBurst));
  EXPECT_GT(dns->counters().udp_terse, 0u);
  EXPECT_GT(dns->counters().udp_dropped, 0u);
  EXPECT_EQ(env.run(ask_tcp(env, at, {"door.storage.example"})).answer.size(), 1u);
  env.run(end(dns));
}

TEST(DnsResponder, addresses_it_cannot_answer_from_are_refused) {
  env::RealEnv env;
  for (const char* host : {"0.0.0.0", "::", "localhost", "nowhere"}) {
    DnsResponder::Options options;
    options.listen = {{"127.0.0.1", 0}, {host, 0}};
    auto dns = std::make_shared<DnsResponder>(env, options);
    const Status status = dns->start();
    ASSERT_FALSE(status) << host;
    EXPECT_EQ(status.error().code, Errc::kInvalidArgument) << host;
    EXPECT_TRUE(dns->local().empty());
  }
  auto first = started(env, "127.0.0.1", true);
  DnsResponder::Options options;
  options.listen = first->local();
  auto second = std::make_shared<DnsResponder>(env, options);
  const Status status = second->start();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::kBusy);
  env.run(end(first));
}

// --- dig ---

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (!pipe) return out;
  std::array<char, 4096> buffer{};
  while (const size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), n);
  ::pclose(pipe);
  return out;
}

TEST(DnsResponder, dig_agrees) {
  if (output_of("dig -v").find("DiG") == std::string::npos)
    GTEST_SKIP() << "dig (bind9-dnsutils) is not installed";
  env::RealEnv env;
  auto dns = started(env, "127.0.0.1", true);
  dns->update(zone_of(2, 40));
  const env::Endpoint at = dns->local().at(0);
  auto dig = [&env, &at](const std::string& words) {
    std::string out;
    const std::string command = fmt::format("dig @{} -p {} {}", at.host, at.port, words);
    env.run(env.offload([&out, &command] { out = output_of(command); }));
    return out;
  };
  using ::testing::AllOf;
  using ::testing::HasSubstr;
  using ::testing::Not;
  EXPECT_THAT(
      dig("door.storage.example A +norecurse"),
      AllOf(HasSubstr("status: NOERROR"), HasSubstr("flags: qr aa;"), HasSubstr("ANSWER: 2"),
            HasSubstr("udp: 1232"), HasSubstr("10.0.9.1"), HasSubstr("10.0.9.2"),
            Not(HasSubstr("WARNING")), Not(HasSubstr(";; Got bad"))));
  // dig comes by TCP by itself once it is told that the answer was cut.
  EXPECT_THAT(dig("_rdma._tcp.door.storage.example SRV"),
              AllOf(HasSubstr("retrying in TCP"), HasSubstr("ANSWER: 40"),
                    HasSubstr("10 1 7471 node40.rdma.door.storage.example.")));
  EXPECT_THAT(dig("window.storage.example"),
              AllOf(HasSubstr("status: NXDOMAIN"), HasSubstr("AUTHORITY: 1")));
  EXPECT_THAT(dig("other.example"), HasSubstr("status: REFUSED"));
  EXPECT_THAT(dig("storage.example AXFR"), HasSubstr("Transfer failed"));
  EXPECT_THAT(dig("storage.example SOA +edns=1 +noednsneg"), HasSubstr("status: BADVERS"));
  EXPECT_THAT(dig("storage.example +opcode=notify"), HasSubstr("status: NOTIMP"));
  env.run(end(dns));
}

// --- Limits, in virtual time ---

class DnsLimitsTest : public ::testing::Test {
 protected:
  DnsLimitsTest() { dns_->update(zone_of(2, 2)); }
  ~DnsLimitsTest() override { env_.run(end(dns_)); }
  Seen ask(env::Stream* stream) {
    const Ask ask{"door.storage.example"};
    return env_.run(ask_stream(stream, ask));
  }
  std::unique_ptr<env::Stream> dial() { return env_.run(dns::dial(env_, dns_->local().at(0))); }

  env::SimEnv env_{1};
  std::shared_ptr<DnsResponder> dns_ = started(env_, "10.0.0.2", false);
};

TEST_F(DnsLimitsTest, what_it_was_told_long_ago_it_does_not_repeat) {
  env_.run_for(kZoneValid - 2s);
  auto stream = dial();
  EXPECT_EQ(ask(stream.get()).answer.size(), 2u);
  env_.run_for(2s);
  EXPECT_EQ(ask(stream.get()).code, LDNS_RCODE_SERVFAIL);
  dns_->update(zone_of(2, 2));
  EXPECT_EQ(ask(stream.get()).answer.size(), 2u);
}

TEST_F(DnsLimitsTest, a_silent_connection_is_closed) {
  auto silent = dial();
  auto busy = dial();
  for (int i = 0; i < 4; ++i) {
    env_.run_for(kTcpIdle / 2);
    dns_->update(zone_of(2, 2));
    EXPECT_TRUE(ask(busy.get()).there);
  }
  EXPECT_FALSE(ask(silent.get()).there);
}

TEST_F(DnsLimitsTest, a_connection_ends_after_so_many_queries_and_at_a_length_over_the_limit) {
  auto stream = dial();
  for (size_t i = 0; i < kTcpQueriesMax; ++i) {
    dns_->update(zone_of(2, 2));
    ASSERT_TRUE(ask(stream.get()).there) << i;
  }
  EXPECT_FALSE(ask(stream.get()).there);
  auto large = dial();
  const std::vector<uint8_t> length{0xff, 0xff};
  std::vector<ByteSpan> parts{ByteSpan(length)};
  (void)env_.run(large->write_all(parts));
  EXPECT_FALSE(ask(large.get()).there);
}

TEST_F(DnsLimitsTest, one_client_gets_only_so_many_connections) {
  std::vector<std::unique_ptr<env::Stream>> streams;
  for (size_t i = 0; i < kTcpPerSourceMax; ++i) {
    streams.push_back(dial());
    ASSERT_TRUE(ask(streams.back().get()).there) << i;
  }
  auto over = dial();
  EXPECT_FALSE(ask(over.get()).there);
  EXPECT_EQ(dns_->counters().tcp_refused, 1u);
  streams.pop_back();
  env_.run_for(1s);
  auto again = dial();
  EXPECT_TRUE(ask(again.get()).there);
}

}  // namespace
}  // namespace atl::vip::dns
