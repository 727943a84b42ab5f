// Calls between nodes: in process, and over the simulated network with all that it does to
// messages.
#include <gtest/gtest.h>

#include <cstring>

#include "env/sim_env.h"
#include "env/sync.h"
#include "fabric/in_process_fabric.h"
#include "fabric/sim_fabric.h"

namespace atl::fabric {
namespace {

constexpr NodeId kA{1};
constexpr NodeId kB{2};
constexpr uint16_t kEcho = kDeviceMethods + 1;

// Answers with what it was sent; counts.
struct Echo {
  env::Env& env;
  Nanos takes{0};
  uint64_t calls = 0;

  Task<Result<Reply>> handle(Message message) {
    ++calls;
    if (takes.count() > 0) co_await env.sleep(takes);
    if (message.header == "bad") co_return fail(Errc::kConflict, "no");
    Reply reply{message.header, message.bulk};
    co_return std::move(reply);
  }
  Handler handler() {
    return [this](Message message) { return handle(std::move(message)); };
  }
};

Message echo_message(std::string header) {
  return {kEcho, std::move(header), {Buf::copy_of(std::string_view("bulk bytes"))}};
}

struct InProcess {
  env::SimEnv env{1};
  InProcessFabric fabric{env};
  Echo echo{env};
};

TEST(InProcessFabric, answers_what_the_handler_says) {
  InProcess t;
  t.fabric.serve(kB, kDeviceMethods, t.echo.handler());
  auto message = echo_message("hi");
  const uint8_t* bytes = message.bulk[0].data();
  auto reply = t.env.run(t.fabric.call(kA, kB, std::move(message), 1s));
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_EQ(reply->header, "hi");
  EXPECT_EQ(reply->bulk[0].data(), bytes) << "bulk travels by reference";

  auto error = t.env.run(t.fabric.call(kA, kB, echo_message("bad"), 1s));
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, Errc::kConflict);
  EXPECT_EQ(t.echo.calls, 2u);
}

TEST(InProcessFabric, a_node_that_does_not_serve_is_unavailable) {
  InProcess t;
  auto none = t.env.run(t.fabric.call(kA, kB, echo_message("hi"), 1s));
  EXPECT_EQ(none.error().code, Errc::kUnavailable);

  t.fabric.serve(kB, kDeviceMethods, t.echo.handler());
  Message other{kDeviceMethods + kMethodBlock, "hi", {}};
  auto wrong_block = t.env.run(t.fabric.call(kA, kB, std::move(other), 1s));
  EXPECT_EQ(wrong_block.error().code, Errc::kUnavailable);

  t.fabric.unserve(kB);
  auto gone = t.env.run(t.fabric.call(kA, kB, echo_message("hi"), 1s));
  EXPECT_EQ(gone.error().code, Errc::kUnavailable);
  EXPECT_EQ(t.echo.calls, 0u);
}

TEST(InProcessFabric, a_handler_that_hangs_does_not_hang_its_caller) {
  InProcess t;
  t.echo.takes = 10s;
  t.fabric.serve(kB, kDeviceMethods, t.echo.handler());
  auto reply = t.env.run(t.fabric.call(kA, kB, echo_message("hi"), 1s));
  EXPECT_EQ(reply.error().code, Errc::kTimeout);
  EXPECT_EQ(t.env.now(), 1s);
  t.env.run_for(10s);
  EXPECT_TRUE(t.env.live_tasks().empty()) << "the handler ended by itself";
}

struct Simulated {
  explicit Simulated(uint64_t seed = 1, SimFabricOptions options = {})
      : env(seed), fabric(env, with(options, seed)) {
    fabric.serve(kB, kDeviceMethods, echo.handler());
  }
  static SimFabricOptions with(SimFabricOptions options, uint64_t seed) {
    options.seed = seed;
    return options;
  }
  Result<Reply> call(Nanos deadline = 1s) {
    return env.run(fabric.call(kA, kB, echo_message("hi"), deadline));
  }
  env::SimEnv env;
  SimFabric fabric;
  Echo echo{env};
};

TEST(SimFabric, delays_and_copies) {
  Simulated t;
  auto message = echo_message("hi");
  const Buf sent = message.bulk[0];
  auto reply = t.env.run(t.fabric.call(kA, kB, std::move(message), 1s));
  ASSERT_TRUE(reply);
  EXPECT_NE(reply->bulk[0].data(), sent.data());
  EXPECT_EQ(reply->bulk[0].view(), "bulk bytes");
  EXPECT_GE(t.env.now(), 2 * t.fabric.options().delay_min);
}

TEST(SimFabric, what_was_sent_is_fixed_when_it_is_sent) {
  Simulated t;
  auto message = echo_message("hi");
  Buf mine = message.bulk[0];
  auto call = t.fabric.call(kA, kB, std::move(message), 1s);
  std::optional<Result<Reply>> reply;
  struct Sender {
    static Task<void> run(Task<Result<Reply>> call, std::optional<Result<Reply>>* out) {
      auto result = co_await std::move(call);
      out->emplace(std::move(result));
    }
  };
  t.env.spawn("sender", Sender::run(std::move(call), &reply));
  t.env.run_for(1us);  // it is under way
  ASSERT_EQ(t.echo.calls, 0u);
  std::memset(mine.mutable_data(), 'X', mine.size());
  t.env.run_for(1s);
  ASSERT_TRUE(reply.has_value() && reply->has_value());
  EXPECT_EQ((*reply)->bulk[0].view(), "bulk bytes");
}

TEST(SimFabric, a_cut_link_times_out_and_heals) {
  Simulated t;
  t.fabric.cut(kB, kA);
  const Nanos before = t.env.now();
  EXPECT_EQ(t.call(1s).error().code, Errc::kTimeout);
  EXPECT_EQ(t.env.now() - before, 1s);
  EXPECT_EQ(t.echo.calls, 0u);
  t.fabric.heal(kA, kB);
  EXPECT_TRUE(t.call());
}

TEST(SimFabric, a_lost_reply_looks_like_a_lost_request_but_ran) {
  Simulated t;
  t.fabric.cut_one_way(kB, kA);
  EXPECT_EQ(t.call().error().code, Errc::kTimeout);
  EXPECT_EQ(t.echo.calls, 1u);
}

TEST(SimFabric, calls_within_a_node_are_never_lost) {
  SimFabricOptions options;
  options.drop_chance = 1;
  Simulated t(1, options);
  EXPECT_EQ(t.call().error().code, Errc::kTimeout);
  auto reply = t.env.run(t.fabric.call(kB, kB, echo_message("hi"), 1s));
  EXPECT_TRUE(reply);
}

TEST(SimFabric, drops_and_duplicates_by_seed) {
  SimFabricOptions options;
  options.drop_chance = 0.2;
  options.duplicate_chance = 0.3;
  auto run = [&](uint64_t seed) {
    Simulated t(seed, options);
    int answered = 0;
    for (int i = 0; i < 200; ++i) answered += t.call().has_value();
    t.env.run_for(1s);
    return std::tuple(answered, t.echo.calls, t.fabric.dropped(), t.fabric.duplicated(),
                      t.env.trace_hash());
  };
  auto [answered, calls, dropped, duplicated, hash] = run(5);
  // 0.8 * 0.8 of 200 are answered; 1.3 * 0.8 of 200 reach the handler.
  EXPECT_GT(answered, 90);
  EXPECT_LT(answered, 165);
  EXPECT_GT(calls, 160u);
  EXPECT_LT(calls, 255u);
  EXPECT_GT(dropped, 30u);
  EXPECT_GT(duplicated, 25u);
  EXPECT_EQ(run(5), std::tuple(answered, calls, dropped, duplicated, hash));
  EXPECT_NE(std::get<4>(run(6)), hash);
}

}  // namespace
}  // namespace atl::fabric
