// The coordinator over connections: the same answers as beside it, deadlines, lost connections, and
// what the oracle is told.
#include <gtest/gtest.h>

#include "coord/memory.h"
#include "env/real_env.h"
#include "env/sim_env.h"
#include "env/sync.h"
#include "lab/coord_frame.h"
#include "lab/coord_server.h"
#include "lab/remote_coordinator.h"

namespace atl::lab {
namespace {

// A wait ends as soon as what it waits for is there; this is for a failure.
constexpr Nanos kPatience = 60s;

template <typename T>
Errc code_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? Errc::kInternal : result.error().code;
}

template <typename E>
struct World {
  E env;
  coord::MemoryCoordinator memory{env};
  std::vector<KeyChange> changes;
  CoordServer server{env, memory, [this](const KeyChange& change) { changes.push_back(change); }};
  std::unique_ptr<RemoteCoordinator> remote;

  World() {
    const Status listening = server.listen({"127.0.0.1", 0});
    EXPECT_TRUE(listening) << listening.error().to_string();
    remote = std::make_unique<RemoteCoordinator>(env, server.local());
  }
  ~World() {
    remote.reset();
    server.stop();
    env.run(env.sleep(1ms));
  }
};

template <typename E>
class RemoteCoordinatorTest : public ::testing::Test, public World<E> {};
using Envs = ::testing::Types<env::SimEnv, env::RealEnv>;
TYPED_TEST_SUITE(RemoteCoordinatorTest, Envs);

TYPED_TEST(RemoteCoordinatorTest, ListsLeasesOnceTheyAreOffered) {
  auto& env = this->env;
  auto& remote = *this->remote;
  EXPECT_TRUE(env.run(remote.lease_acquire("n/1", "a#1", 60s)));
  EXPECT_TRUE(env.run(remote.lease_acquire("other", "b", 60s)));
  EXPECT_EQ(code_of(env.run(remote.leases("n/"))), Errc::kUnsupported);
  this->server.offer(this->memory);
  const auto held = env.run(remote.leases("n/")).value();
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].name, "n/1");
  EXPECT_EQ(held[0].holder, "a#1");
  this->memory.set_available(false);
  EXPECT_EQ(code_of(env.run(remote.leases("n/"))), Errc::kUnavailable);
}

TYPED_TEST(RemoteCoordinatorTest, AnswersAsTheOneBehindIt) {
  auto& env = this->env;
  auto& remote = *this->remote;
  EXPECT_EQ(code_of(env.run(remote.get("k"))), Errc::kNotFound);
  const uint64_t first = env.run(remote.compare_and_swap("k", 0, "one \"quoted\"\n")).value();
  EXPECT_EQ(code_of(env.run(remote.compare_and_swap("k", 0, "two"))), Errc::kConflict);
  EXPECT_EQ(env.run(remote.get("k")).value().value, "one \"quoted\"\n");
  EXPECT_EQ(env.run(remote.get("k")).value().version, first);
  EXPECT_TRUE(env.run(remote.compare_and_swap("k/2", 0, "x")).has_value());
  const auto listed = env.run(remote.list("k")).value();
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[1].key, "k/2");
  EXPECT_EQ(listed[1].versioned.value, "x");
  EXPECT_EQ(code_of(env.run(remote.erase("k", first + 7))), Errc::kConflict);
  EXPECT_TRUE(env.run(remote.erase("k", first)).has_value());
  EXPECT_EQ(code_of(env.run(remote.get("k"))), Errc::kNotFound);
  EXPECT_EQ(code_of(env.run(remote.get(""))), Errc::kInvalidArgument);
  EXPECT_EQ(remote.connections_made(), 1u);
}

TYPED_TEST(RemoteCoordinatorTest, Leases) {
  auto& env = this->env;
  auto& remote = *this->remote;
  EXPECT_TRUE(env.run(remote.lease_acquire("l", "a", 10min)).has_value());
  EXPECT_EQ(code_of(env.run(remote.lease_acquire("l", "b", 10min))), Errc::kConflict);
  EXPECT_TRUE(env.run(remote.lease_renew("l", "a")).has_value());
  EXPECT_EQ(code_of(env.run(remote.lease_renew("l", "b"))), Errc::kNotFound);
  EXPECT_TRUE(env.run(remote.lease_release("l", "a")).has_value());
  EXPECT_TRUE(env.run(remote.lease_acquire("l", "b", 10min)).has_value());
  EXPECT_EQ(code_of(env.run(remote.lease_acquire("l", "a", Nanos(-5)))), Errc::kInvalidArgument);
}

// The notes of a wait that is under way when others are made.
struct Order {
  std::vector<std::string> ended;
};
Task<void> wait_for_change(RemoteCoordinator& remote, std::shared_ptr<Order> order,
                           uint64_t after) {
  const Result<uint64_t> now = co_await remote.wait_change("p/", after, 1h);
  order->ended.push_back(now ? "change" : now.error().to_string());
}

TYPED_TEST(RemoteCoordinatorTest, ALongWaitHoldsNothingUp) {
  auto& env = this->env;
  auto& remote = *this->remote;
  const uint64_t now = env.run(remote.compare_and_swap("p/a", 0, "1")).value();
  auto order = std::make_shared<Order>();
  env.spawn("wait", wait_for_change(remote, order, now));
  EXPECT_TRUE(env.run(remote.lease_acquire("l", "a", 10min)).has_value());
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(env.run(remote.lease_renew("l", "a")).has_value());
    order->ended.push_back("renewed");
  }
  EXPECT_EQ(std::ranges::count(order->ended, "renewed"), 20);
  EXPECT_EQ(order->ended.back(), "renewed");
  EXPECT_TRUE(env.run(remote.compare_and_swap("p/b", 0, "2")).has_value());
  for (Nanos end = env.now() + kPatience; order->ended.back() != "change" && env.now() < end;)
    env.run(env.sleep(1ms));
  EXPECT_EQ(order->ended.back(), "change");
  EXPECT_EQ(remote.connections_made(), 1u);
}

TYPED_TEST(RemoteCoordinatorTest, TheOracleIsToldOfEveryChange) {
  auto& env = this->env;
  auto& remote = *this->remote;
  const Nanos before = env.wall_now();
  const uint64_t v1 = env.run(remote.compare_and_swap("k", 0, "one")).value();
  EXPECT_FALSE(env.run(remote.compare_and_swap("k", 0, "never")).has_value());
  const uint64_t v2 = env.run(remote.compare_and_swap("k", v1, "two")).value();
  EXPECT_TRUE(env.run(remote.erase("k", v2)).has_value());
  const Nanos after = env.wall_now();
  std::string told;
  for (const KeyChange& change : this->changes) {
    told += change.key + ":" + change.before + ">" + change.after + " ";
    EXPECT_GE(change.at, before);
    EXPECT_LE(change.at, after);
  }
  EXPECT_EQ(told, "k:>one k:one>two k:two> ");
}

TYPED_TEST(RemoteCoordinatorTest, ALostConnectionIsMadeAgain) {
  auto& env = this->env;
  auto& remote = *this->remote;
  EXPECT_TRUE(env.run(remote.compare_and_swap("k", 0, "one")).has_value());
  auto order = std::make_shared<Order>();
  env.spawn("wait", wait_for_change(remote, order, 1000));
  env.run(env.sleep(10ms));
  const env::Endpoint at = this->server.local();
  this->server.stop();
  for (Nanos end = env.now() + kPatience; order->ended.empty() && env.now() < end;)
    env.run(env.sleep(1ms));
  ASSERT_FALSE(order->ended.empty());
  EXPECT_TRUE(order->ended[0].starts_with("unavailable")) << order->ended[0];
  EXPECT_EQ(code_of(env.run(remote.get("k"))), Errc::kUnavailable);
  CoordServer again(env, this->memory);
  ASSERT_TRUE(again.listen(at).has_value());
  env.run(env.sleep(2 * kCoordConnectPause));
  EXPECT_EQ(env.run(remote.get("k")).value().value, "one");
  EXPECT_EQ(remote.connections_made(), 2u);
  again.stop();
}

// --- What only virtual time can show ---

// Takes connections and says nothing.
Task<void> swallow(std::shared_ptr<env::Listener> at,
                   std::shared_ptr<std::vector<std::unique_ptr<env::Stream>>> taken) {
  while (true) {
    auto stream = co_await at->accept();
    if (!stream) co_return;
    taken->push_back(std::move(*stream));
  }
}

TEST(RemoteCoordinator, ASilentServerIsGivenUpInTime) {
  env::SimEnv env(1);
  std::shared_ptr<env::Listener> listener = env.network().listen({"10.0.0.1", 7000}).value();
  auto taken = std::make_shared<std::vector<std::unique_ptr<env::Stream>>>();
  env.spawn("swallow", swallow(listener, taken));
  RemoteCoordinator remote(env, {"10.0.0.1", 7000});
  Nanos start = env.now();
  EXPECT_EQ(code_of(env.run(remote.lease_renew("l", "a"))), Errc::kTimeout);
  EXPECT_GE(env.now() - start, kCoordCallDeadline);
  EXPECT_LE(env.now() - start, kCoordCallDeadline + 100ms);
  // The connection went with it; the next call makes another.
  start = env.now();
  EXPECT_EQ(code_of(env.run(remote.wait_change("p", 0, 3s))), Errc::kTimeout);
  EXPECT_GE(env.now() - start, kCoordCallDeadline + 3s);
  EXPECT_LE(env.now() - start, kCoordCallDeadline + 3s + 100ms);
  EXPECT_EQ(remote.connections_made(), 2u);
  listener->close();
  env.run_for(1s);
}

Task<void> renew_once(RemoteCoordinator& remote, std::shared_ptr<Order> order) {
  const Status renewed = co_await remote.lease_renew("l", "a");
  order->ended.push_back(renewed ? "ok" : renewed.error().to_string());
}

TEST(RemoteCoordinator, EndsItsCallsWhenItIsDestroyed) {
  env::SimEnv env(1);
  std::shared_ptr<env::Listener> listener = env.network().listen({"10.0.0.1", 7000}).value();
  auto taken = std::make_shared<std::vector<std::unique_ptr<env::Stream>>>();
  env.spawn("swallow", swallow(listener, taken));
  auto remote = std::make_unique<RemoteCoordinator>(env, env::Endpoint{"10.0.0.1", 7000});
  auto order = std::make_shared<Order>();
  env.spawn("renew", renew_once(*remote, order));
  env.run_for(10ms);
  remote.reset();
  env.run_for(1ms);
  ASSERT_EQ(order->ended.size(), 1u);
  EXPECT_TRUE(order->ended[0].starts_with("cancelled")) << order->ended[0];
  listener->close();
  env.run_for(1s);
}

Task<Status> write_bytes(env::Stream& stream, std::string text) {
  std::vector<ByteSpan> parts;
  parts.emplace_back(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  co_return co_await stream.write_all(std::move(parts));
}

TEST(CoordServer, ClosesWhatItDoesNotUnderstandAndServesOthers) {
  World<env::SimEnv> world;
  auto& env = world.env;
  const std::string frames[] = {
      std::string("\xff\xff\xff\xff", 4),                      // 4 GiB
      std::string("\0\0\0\2{]", 6),                            // no JSON
      std::string("\0\0\0\2[]", 6),                            // no object
      std::string("\0\0\0\x13{\"id\":1,\"op\":\"fly\"}", 23),  // no such call
  };
  for (const std::string& frame : frames) {
    auto stream = env.run(env.network().connect(world.server.local())).value();
    ASSERT_TRUE(env.run(write_bytes(*stream, frame)).has_value());
    uint8_t space[8];
    const auto n = env.run(stream->read_some(space));
    EXPECT_TRUE(!n || *n == 0) << frame;
  }
  EXPECT_EQ(world.server.connections(), 0u);
  EXPECT_TRUE(env.run(world.remote->compare_and_swap("k", 0, "v")).has_value());
}

TEST(CoordServer, ForgetsWhoIsSilent) {
  World<env::SimEnv> world;
  auto& env = world.env;
  auto stream = env.run(env.network().connect(world.server.local())).value();
  EXPECT_TRUE(env.run(world.remote->compare_and_swap("k", 0, "v")).has_value());
  EXPECT_EQ(world.server.connections(), 2u);
  env.run_for(kCoordIdleMax - 1s);
  EXPECT_EQ(world.server.connections(), 2u);
  EXPECT_TRUE(env.run(world.remote->get("k")).has_value());
  env.run_for(3s);
  EXPECT_EQ(world.server.connections(), 1u);
}

TEST(CoordFrame, ComesBackAsItWas) {
  CoordCall call;
  call.id = 7;
  call.op = CoordOp::kAcquire;
  call.key = "name";
  call.value = "holder";
  call.version = UINT64_MAX;
  call.time = 1500ms;
  const CoordCall again = CoordCall::decode(call.encode()).value();
  EXPECT_EQ(again.encode(), call.encode());
  EXPECT_EQ(again.time, 1500ms);
  EXPECT_EQ(again.version, UINT64_MAX);
  CoordReply reply;
  reply.id = 9;
  reply.status = fail(Errc::kBusy, "why");
  const CoordReply refused = CoordReply::decode(reply.encode()).value();
  EXPECT_EQ(refused.status.error().code, Errc::kBusy);
  EXPECT_EQ(refused.status.error().message, "why");
  EXPECT_EQ(code_of(CoordReply::decode(R"({"id":1,"error":999,"message":""})")), Errc::kCorrupt);
  EXPECT_EQ(code_of(CoordReply::decode(R"({"id":1,"number":1,"entries":[["k","v"]]})")),
            Errc::kCorrupt);
}

}  // namespace
}  // namespace atl::lab
