// A controller and its mover: rounds side by side, and what is tried again.

#include "vip/movers/alias_mover.h"
#include "vip/movers/round.h"
#include "vip/movers/test_control.h"

namespace atl::vip {
namespace {

// One API operation of this length and nothing else that takes time.
constexpr Nanos kOperation = 4s;

cloud::Delays only_operations() {
  cloud::Delays delays = cloud::Delays::zero();
  for (cloud::Delay* one :
       {&delays.alias_operation, &delays.route_insert_operation, &delays.leader_operation})
    one->median = one->p99 = kOperation;
  return delays;
}

Fault never_ends(const cloud::InstanceRef& instance) {
  return {.kind = Fault::Kind::kNeverDone, .instance = instance, .times = Fault::kForEver};
}

TEST(Rounds, an_operation_that_hangs_does_not_hold_up_the_next_node_that_dies) {
  Control c({.nodes = 5, .addresses = 5});
  c.start_controller();
  ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, 5min), 5min);
  const auto first = c.held_by(0);
  const auto second = c.held_by(1);
  ASSERT_FALSE(first.empty() || second.empty());
  c.w.cloud().inject(never_ends(c.w.node(0).instance));
  c.alive[0] = false;
  c.w.env().run_for(5s);
  ASSERT_TRUE(c.held_by(0).empty());
  c.alive[1] = false;
  const auto second_arrived = [&] {
    return c.held_by(1).empty() &&
           std::ranges::all_of(second, [&](Vip vip) { return c.delivered(vip); });
  };
  // As long as the first one's operation is waited for at most, less a lot.
  EXPECT_LT(c.time_until(second_arrived, 5min), cloud::kOperationDeadline / 2);
  EXPECT_FALSE(c.delivered(first[0]));  // it did hang
  c.w.cloud().clear_faults();
  EXPECT_LT(c.time_until([&] { return c.all_delivered(); }, 5min), 5min);
}

TEST(Rounds, of_a_drained_node_each_address_moves_when_it_is_handed_over) {
  Control c({.nodes = 4, .addresses = 12});
  c.w.cloud().set_delays(only_operations());
  c.start_controller();
  ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, 5min), 5min);
  c.w.env().run_for(10s);
  const uint64_t changes = c.w.calls(Call::kSetAliases);
  const auto moving = c.held_by(0);
  ASSERT_EQ(moving.size(), 3u);
  c.drain(0);
  const auto all_handed_over = [&] { return c.held_by(0).empty(); };
  ASSERT_LT(c.time_until(all_handed_over, 1min), 1min);
  // The first alone: taken away, given. The others are taken away together after the first, each is
  // given at once: three operations one after another, where waiting for the first's round makes
  // four.
  EXPECT_LT(c.time_until([&] { return c.all_delivered(); }, 1min), 4 * kOperation);
  EXPECT_EQ(c.w.calls(Call::kSetAliases) - changes, 2u + 3u);
}

TEST(Rounds, routes_of_a_drained_node_do_not_wait_for_one_another) {
  Control c({.mover = "gcp-route", .nodes = 4, .addresses = 12});
  c.w.cloud().set_delays(only_operations());
  c.start_controller();
  ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, 5min), 5min);
  c.drain(0);
  const auto all_handed_over = [&] { return c.held_by(0).empty(); };
  ASSERT_LT(c.time_until(all_handed_over, 1min), 1min);
  EXPECT_LT(c.time_until([&] { return c.all_delivered(); }, 1min), kOperation + 1s);
}

TEST(Rounds, a_record_that_changes_in_the_middle_is_followed_at_once) {
  Control c({.nodes = 3, .addresses = 1});
  c.start_controller();
  ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, 5min), 5min);
  const Vip vip = c.w.vip(0);
  // What holds it dies; so does who gets it, whose interface hangs besides.
  const NodeName dead = c.record(vip).holder;
  for (size_t i = 0; i < 3; ++i)
    if (c.w.node(i).name == dead) c.alive[i] = false;
  ASSERT_LT(c.time_until([&] { return c.record(vip).holder != dead; }, 10s), 10s);
  const NodeName second = c.record(vip).holder;
  for (size_t i = 0; i < 3; ++i) {
    if (c.w.node(i).name != second) continue;
    c.w.cloud().inject(never_ends(c.w.node(i).instance));
    c.alive[i] = false;
  }
  ASSERT_LT(c.time_until([&] { return c.record(vip).holder != second; }, 10s), 10s);
  EXPECT_LT(c.time_until([&] { return c.delivered(vip); }, 5min), cloud::kOperationDeadline / 2);
  // And it stays there: the older round does not come back for it.
  c.w.env().run_for(3min);
  EXPECT_TRUE(c.delivered(vip));
}

// The older round would have given it to the second node as soon as the API let it.
TEST(Rounds, an_older_round_does_not_take_back_what_is_wanted_elsewhere) {
  Control c({.nodes = 4, .addresses = 1});
  c.start_controller();
  ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, 5min), 5min);
  const Vip vip = c.w.vip(0);
  const auto index_of = [&](const NodeName& name) {
    size_t i = 0;
    while (c.w.node(i).name != name) ++i;
    return i;
  };
  const auto die = [&](const NodeName& node) {
    c.alive[index_of(node)] = false;
    ASSERT_LT(c.time_until([&] { return c.record(vip).holder != node; }, 10s), 10s);
  };
  die(c.record(vip).holder);
  const NodeName second = c.record(vip).holder;
  c.w.cloud().inject({.kind = Fault::Kind::kRateLimit,
                      .only = Call::kSetAliases,
                      .instance = c.w.node(index_of(second)).instance,
                      .times = Fault::kForEver});
  c.w.env().run_for(5s);
  ASSERT_NE(c.w.delivered(vip), second);
  die(second);
  const NodeName third = c.record(vip).holder;
  ASSERT_LT(c.time_until([&] { return c.delivered(vip); }, 1min), 1min);
  c.w.cloud().clear_faults();
  bool left = false;
  c.w.cloud().on_data_plane_change([&] { left = left || c.w.delivered(vip) != third; });
  c.w.env().run_for(2 * kRoundDeadline);
  EXPECT_FALSE(left);
  EXPECT_EQ(c.record(vip).holder, third);
}

TEST(Rounds, an_interface_is_not_waited_for_when_a_change_of_it_hangs) {
  Control c({.nodes = 4, .addresses = 12});
  c.w.cloud().set_delays(only_operations());
  c.start_controller();
  ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, 5min), 5min);
  c.w.env().run_for(10s);
  ASSERT_EQ(c.held_by(0).size(), 3u);
  c.w.cloud().inject(
      {.kind = Fault::Kind::kNeverDone, .instance = c.w.node(0).instance, .times = 1});
  c.drain(0);
  const auto all_handed_over = [&] { return c.held_by(0).empty(); };
  ASSERT_LT(c.time_until(all_handed_over, 1min), 1min);
  const auto all_but_the_first = [&] {
    return std::ranges::count_if(c.w.pool().addresses, [&](Vip v) { return c.delivered(v); }) >= 11;
  };
  EXPECT_LT(c.time_until(all_but_the_first, 5min), cloud::kOperationDeadline / 2);
  EXPECT_LT(c.time_until([&] { return c.all_delivered(); }, 5min), 5min);
}

struct Told {
  size_t warnings = 0;
};

Timing rare_looks() {
  Timing timing = Timing::of(10s);
  timing.verify_interval = 1h;
  return timing;
}

TEST(Rounds, what_something_else_holds_costs_few_calls_and_is_said_once) {
  Control c({.nodes = 40, .addresses = 3}, rare_looks());
  ASSERT_TRUE(c.w.cloud().add_reserved_address(c.w.network(), c.w.vip(1).to_string()));
  Told told;
  set_log_sink([&](LogLevel level, std::string_view line) {
    if (level >= LogLevel::kWarn && line.find("network") != std::string_view::npos &&
        line.find(c.w.vip(1).to_string()) != std::string_view::npos)
      ++told.warnings;
  });
  const Control::Process& process = c.start_controller();
  c.w.env().run_for(2min);
  ASSERT_EQ(process.controller->unfinished().size(), 1u);
  EXPECT_TRUE(process.controller->unfinished()[0].stuck);
  const uint64_t reads = c.w.calls(Call::kInstance);
  const uint64_t writes = c.w.calls(Call::kSetAliases);
  c.w.env().run_for(10min);
  set_log_sink([](LogLevel, std::string_view) {});
  // A search a minute; of each repetition (one in 30 s) a look at the target before and after.
  EXPECT_LE(c.w.calls(Call::kInstance) - reads, 10u * 40 + 20 * 4);
  EXPECT_LE(c.w.calls(Call::kSetAliases) - writes, 20u * 2);
  EXPECT_EQ(told.warnings, 2u);  // that it does not follow, and that it is stuck
}

TEST(Rounds, what_failed_long_is_tried_at_once_when_its_record_changes) {
  Control c({.nodes = 3, .addresses = 1});
  c.w.cloud().set_delays(only_operations());
  c.start_controller();
  ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, 5min), 5min);
  const Vip vip = c.w.vip(0);
  c.w.cloud().inject(
      {.kind = Fault::Kind::kFailBefore, .only = Call::kSetAliases, .times = Fault::kForEver});
  const NodeName first = c.record(vip).holder;
  const auto die = [&](const NodeName& node) {
    for (size_t i = 0; i < 3; ++i)
      if (c.w.node(i).name == node) c.alive[i] = false;
    return c.time_until([&] { return c.record(vip).holder != node; }, 10s);
  };
  ASSERT_LT(die(first), 10s);
  c.w.env().run_for(5min);  // repetitions are 30 s apart by now
  const uint64_t tries = c.w.calls(Call::kSetAliases);
  c.w.env().run_for(5min);
  const uint64_t more = c.w.calls(Call::kSetAliases) - tries;
  EXPECT_LE(more, 5u * 60 / 30 * kCallTries);
  EXPECT_GE(more, 5u * 60 / 40);  // and goes on for ever
  c.w.cloud().clear_faults();
  ASSERT_LT(die(c.record(vip).holder), 10s);
  EXPECT_LT(c.time_until([&] { return c.delivered(vip); }, 1min), 2 * kOperation + kPollMost);
}

TEST(Rounds, a_controller_refuses_a_pool_in_which_nothing_floats) {
  World w({.mover = "gcp-pool", .nodes = 3, .addresses = 3, .managed = true});
  ASSERT_TRUE(w.check());
  coord::MemoryCoordinator coordinator(w.env());
  Controller::Options options;
  options.pool = w.pool();
  options.name = "c";
  auto controller =
      std::make_shared<Controller>(w.env(), coordinator, w.mover(), std::move(options));
  const Status started = w.env().run(controller->start());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::kUnsupported);
  EXPECT_NE(started.error().message.find("nothing floats with gcp-pool"), std::string::npos);
}

}  // namespace
}  // namespace atl::vip
