// The network seam: the same tests over loopback TCP and over the simulated network.
#include "env/net.h"

#include <gtest/gtest.h>

#include <cstring>

#include "env/real_env.h"
#include "env/sim_env.h"
#include "env/sync.h"

namespace atl::env {
namespace {

template <typename E>
class NetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto listener = env_.network().listen({"127.0.0.1", 0});
    ASSERT_TRUE(listener) << listener.error().to_string();
    listener_ = std::move(*listener);
    EXPECT_NE(listener_->local().port, 0);
  }
  struct Pair {
    std::unique_ptr<Stream> client, server;
  };
  Pair connect() {
    auto client = env_.run(env_.network().connect(listener_->local()));
    EXPECT_TRUE(client);
    auto server = env_.run(listener_->accept());
    EXPECT_TRUE(server);
    return {std::move(*client), std::move(*server)};
  }
  E env_;
  std::unique_ptr<Listener> listener_;
};
using Envs = ::testing::Types<RealEnv, SimEnv>;
TYPED_TEST_SUITE(NetTest, Envs);

Task<std::string> read_all(Stream& stream) {
  std::string out;
  std::vector<uint8_t> space(10'000);
  while (true) {
    auto n = co_await stream.read_some(space);
    if (!n) co_return "error: " + n.error().to_string();
    if (*n == 0) co_return out;
    out.append(reinterpret_cast<const char*>(space.data()), *n);
  }
}

Task<Status> write_and_end(Stream& stream, std::vector<ByteSpan> parts) {
  auto status = co_await stream.write_all(std::move(parts));
  stream.shutdown_send();
  co_return status;
}

Task<Status> read_status(Stream& stream, std::vector<uint8_t>* space) {
  auto n = co_await stream.read_some(*space);
  if (!n) co_return fail(std::move(n).error());
  co_return Status{};
}

Task<void> keep(Task<Status> task, std::optional<Status>* out) {
  Status status = co_await std::move(task);
  out->emplace(std::move(status));
}

Task<Status> accept_status(Listener& listener) {
  auto stream = co_await listener.accept();
  if (!stream) co_return fail(std::move(stream).error());
  co_return Status{};
}

std::string pattern(size_t size) {
  std::string out(size, '\0');
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + i * 7 % 26);
  return out;
}

TYPED_TEST(NetTest, bytes_arrive_in_order_both_ways_at_once) {
  auto [client, server] = this->connect();
  // Far more than both socket buffers hold, so that writers wait for readers.
  const std::string there = pattern(20'000'000);
  const std::string back = pattern(7'000'001);
  std::vector<ByteSpan> parts;
  for (size_t at = 0; at < there.size(); at += 100'000)
    parts.push_back(as_bytes(there).subspan(at, 100'000));
  parts.insert(parts.begin() + 1, ByteSpan{});
  std::optional<Status> sent, answered;
  this->env_.spawn("client", keep(write_and_end(*client, parts), &sent));
  this->env_.spawn("server", keep(write_and_end(*server, {as_bytes(back)}), &answered));
  std::vector<Task<std::string>> readers;
  readers.push_back(read_all(*server));
  readers.push_back(read_all(*client));
  auto got = this->env_.run(when_all(this->env_, std::move(readers)));
  EXPECT_TRUE(got[0] == there);
  EXPECT_TRUE(got[1] == back);
  EXPECT_TRUE(sent && *sent && answered && *answered);
}

TYPED_TEST(NetTest, nobody_listens) {
  const Endpoint at = this->listener_->local();
  this->listener_.reset();
  auto stream = this->env_.run(this->env_.network().connect(at));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, Errc::kUnavailable);
}

TYPED_TEST(NetTest, an_address_in_use) {
  auto second = this->env_.network().listen(this->listener_->local());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kBusy);
}

TYPED_TEST(NetTest, close_ends_a_read_under_way) {
  auto pair = this->connect();
  std::vector<uint8_t> space(100);
  std::optional<Status> status;
  this->env_.spawn("reader", keep(read_status(*pair.server, &space), &status));
  this->env_.run(this->env_.sleep(1ms));
  ASSERT_FALSE(status.has_value());
  pair.server->close();
  this->env_.run(this->env_.sleep(1ms));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->error().code, Errc::kCancelled);
}

TYPED_TEST(NetTest, close_ends_an_accept_under_way) {
  std::optional<Status> status;
  this->env_.spawn("accept", keep(accept_status(*this->listener_), &status));
  this->env_.run(this->env_.sleep(1ms));
  this->listener_->close();
  this->env_.run(this->env_.sleep(1ms));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->error().code, Errc::kCancelled);
}

TYPED_TEST(NetTest, a_peer_that_is_gone_ends_reads_and_breaks_writes) {
  auto pair = this->connect();
  pair.client.reset();
  EXPECT_EQ(this->env_.run(read_all(*pair.server)), "");
  const std::string much = pattern(10'000'000);
  auto status = this->env_.run(pair.server->write_all({as_bytes(much)}));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::kUnavailable);
}

TEST(RealNet, bad_addresses) {
  RealEnv env;
  EXPECT_EQ(env.network().listen({"no.such.host", 0}).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(env.network().listen({"192.0.2.1", 0}).error().code, Errc::kIo);
  EXPECT_EQ((Endpoint{"::1", 80}.to_string()), "[::1]:80");
}

TEST(SimNet, reads_come_in_random_parts_by_seed) {
  auto run = [](uint64_t seed) {
    SimEnv env(seed);
    auto listener = std::move(*env.network().listen({"10.0.0.1", 80}));
    auto client = std::move(*env.run(env.network().connect({"10.0.0.1", 80})));
    auto server = std::move(*env.run(listener->accept()));
    const std::string text = pattern(500);
    EXPECT_TRUE(env.run(client->write_all({as_bytes(text)})));
    std::vector<size_t> sizes;
    std::vector<uint8_t> space(1000);
    for (size_t got = 0; got < text.size(); got += sizes.back())
      sizes.push_back(*env.run(server->read_some(space)));
    return sizes;
  };
  EXPECT_GT(run(1).size(), 2u);
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

}  // namespace
}  // namespace atl::env
