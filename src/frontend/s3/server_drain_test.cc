// Leaving an address without a failed request: drain(), and what is still under way.
#include <gtest/gtest.h>

#include "frontend/s3/server_test_util.h"

namespace atl::s3 {
namespace {

using testing::Answer;
using testing::Client;
using testing::ServerWorld;

// Longer than what anything here is asked about.
constexpr Nanos kAge = std::chrono::hours(1);

TEST(ServerDrain, AnswersEndTheirConnectionsAndNewOnesAreTaken) {
  ServerWorld world;
  Client before = world.connect();
  EXPECT_FALSE(before.exchange(world.get("/b/k")).says_close());
  world.server.drain();
  EXPECT_TRUE(before.ended());  // between two requests
  Client after = world.connect();
  const Answer answer = after.exchange(world.get("/b/k"));
  EXPECT_EQ(answer.body, "hello k");
  EXPECT_TRUE(answer.says_close());
  EXPECT_TRUE(after.ended());
}

TEST(ServerDrain, OneThatHasNotSpokenYetIsAnswered) {
  ServerWorld world;
  Client client = world.connect();
  world.env.run_for(10ms);
  world.server.drain();
  EXPECT_EQ(world.server.under_way(100ms), 1u);
  EXPECT_EQ(client.exchange(world.get("/b/k")).status, 200);
  // And one that never speaks is not waited for.
  Client silent = world.connect();
  world.env.run_for(200ms);
  client.stream().close();
  world.env.run_for(10ms);
  EXPECT_EQ(world.server.under_way(100ms), 0u);
}

TEST(ServerDrain, ALongAnswerCountsUntilItsClientHasItAll) {
  ServerWorld world;
  Client client = world.connect();
  client.send(world.get("/b/big"));
  world.env.run_for(10ms);
  world.server.drain();
  EXPECT_EQ(world.server.transfers(700'000, kAge), 1u);
  EXPECT_EQ(world.server.transfers(700'001, kAge), 0u);  // it is not that long, nor that old
  EXPECT_EQ(world.server.transfers(700'001, 5ms), 1u);
  const Answer answer = client.receive();
  EXPECT_EQ(answer.body.size(), 700'000u);
  EXPECT_TRUE(answer.whole);
  world.env.run_for(10ms);
  EXPECT_EQ(world.server.transfers(700'000, kAge), 1u);  // who knows whether it has read it
  client.stream().close();
  world.env.run_for(10ms);
  EXPECT_EQ(world.server.transfers(700'000, kAge), 0u);
  EXPECT_EQ(world.server.under_way(0ms), 0u);
}

// Its answer is written, but nobody knows how much of it has arrived.
TEST(ServerDrain, AnIdleConnectionCountsWhileItsLastAnswerMayBeOnTheWay) {
  ServerWorld world;
  Client big = world.connect();
  EXPECT_TRUE(big.exchange(world.get("/b/big")).whole);
  Client small = world.connect();
  EXPECT_EQ(small.exchange(world.get("/b/k")).status, 200);
  EXPECT_EQ(world.server.under_way(0ms), 0u);
  world.server.drain();
  EXPECT_EQ(world.server.under_way(0ms), 1u);
  EXPECT_EQ(world.server.transfers(700'000, kAge), 1u);
  big.stream().close();
  world.env.run_for(10ms);
  EXPECT_EQ(world.server.under_way(0ms), 0u);
}

}  // namespace
}  // namespace atl::s3
