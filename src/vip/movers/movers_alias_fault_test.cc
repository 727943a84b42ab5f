// gcp-alias: the API slow, failing, lying, in the way.

#include "base/metrics.h"
#include "vip/movers/strikes.h"
#include "vip/movers/test_world.h"

namespace atl::vip {
namespace {

constexpr Nanos kRoundSlack = 1s;  // the last call that was under way when the round ended

std::string cidr(Vip vip) {
  return vip.to_string() + "/32";
}

// Adds an alias of its own to vm1 while a mover is between its read and its write.
Task<void> add_one_more(cloud::Compute* cloud, env::Env* env, int* number) {
  const cloud::InstanceRef ref{"r1-b", "vm1"};
  Result<cloud::Instance> instance = co_await cloud->instance(ref);
  std::vector<cloud::AliasRange> list = instance->interfaces[0].aliases;
  list.push_back({fmt::format("10.0.7.{}/32", ++*number), ""});
  const std::string nic = "nic0";
  const std::string fingerprint = instance->interfaces[0].fingerprint;
  const std::string id;
  Result<cloud::Operation> operation =
      co_await cloud->set_aliases(ref, nic, fingerprint, std::move(list), id);
  EXPECT_TRUE(operation);
  co_await env->sleep(1s);  // there are no delays in that test
}

TEST(AliasFaults, a_stale_fingerprint_is_read_again_and_nothing_of_the_other_writer_is_lost) {
  World w({.nodes = 2, .addresses = 1});
  w.cloud().set_delays(cloud::Delays::zero());
  int number = 0;
  int hooks = 0;
  w.compute().before_set_aliases([&]() -> Task<void> {
    ++hooks;
    return add_one_more(&w.cloud(), &w.env(), &number);
  });
  const Outcome outcome = w.reconcile(w.at({1}));
  EXPECT_TRUE(outcome.unfinished.empty());  // in the same round
  EXPECT_EQ(hooks, 1);
  EXPECT_TRUE(has(w.aliases(1), "10.0.7.1/32"));
  EXPECT_TRUE(has(w.aliases(1), cidr(w.vip(0))));
}

TEST(AliasFaults, too_many_requests_are_waited_out) {
  World w({.nodes = 2, .addresses = 2});
  w.settle(w.at({0, 0}));
  w.cloud().inject({.kind = Fault::Kind::kRateLimit, .times = 4});
  const Outcome outcome = w.reconcile(w.at({1, 0}));
  EXPECT_TRUE(outcome.unfinished.empty());
  EXPECT_TRUE(has(w.aliases(1), cidr(w.vip(0))));
}

TEST(AliasFaults, too_many_requests_for_ever_are_reported_in_time) {
  World w({.nodes = 2, .addresses = 2});
  w.settle(w.at({0, 0}));
  w.cloud().inject(
      {.kind = Fault::Kind::kRateLimit, .only = Call::kSetAliases, .times = Fault::kForEver});
  const Nanos began = w.env().now();
  const Outcome outcome = w.reconcile(w.at({1, 0}));
  EXPECT_LE(w.env().now() - began, kRoundDeadline + kRoundSlack);
  ASSERT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_EQ(outcome.unfinished[0].why.code, Errc::kBusy);
  EXPECT_LE(outcome.api_calls, 20u);                      // waited, not hammered,
  EXPECT_GE(w.env().now() - began, cloud::kQuotaWindow);  // until the next window of the quota
}

TEST(AliasFaults, no_deadline_OCF_an_operation_that_never_ends) {
  World w({.nodes = 2, .addresses = 1});
  w.settle(w.at({0}));
  w.cloud().inject({.kind = Fault::Kind::kNeverDone, .times = Fault::kForEver});
  Outcome outcome;
  for (uint32_t i = 0; i < kStuckAfter; ++i) {
    const Nanos began = w.env().now();
    outcome = w.reconcile(w.at({1}));
    EXPECT_LE(w.env().now() - began, kRoundDeadline + kRoundSlack);
    ASSERT_EQ(outcome.unfinished.size(), 1u);
    EXPECT_EQ(outcome.unfinished[0].why.code, Errc::kTimeout);
  }
  EXPECT_TRUE(stuck(outcome, w.vip(0)));
  w.cloud().clear_faults();
  w.settle(w.at({1}));
  w.expect_delivered(w.at({1}));
}

TEST(AliasFaults, no_deadline_OCF_an_api_that_never_answers) {
  World w({.nodes = 2, .addresses = 1});
  w.settle(w.at({0}));
  w.compute().stop_at(w.compute().calls() + 1, false);
  const Nanos began = w.env().now();
  const Outcome outcome = w.reconcile(w.at({1}));
  EXPECT_LE(w.env().now() - began, kRoundDeadline + kRoundSlack);
  EXPECT_EQ(trouble_of(outcome, w.vip(0)).code, Errc::kTimeout);
  w.compute().release();
  w.env().run_for(1s);
}

TEST(AliasFaults, a_change_whose_operation_hangs_is_seen_all_the_same) {
  World w({.nodes = 2, .addresses = 1});
  w.settle(w.at({0}));
  w.cloud().inject({.kind = Fault::Kind::kChangedNotDone, .times = 1});
  w.settle(w.at({1}));
  w.expect_delivered(w.at({1}));
}

TEST(AliasFaults, done_but_nothing_changed_is_not_done) {
  World w({.nodes = 2, .addresses = 1});
  w.settle(w.at({0}));
  w.cloud().inject({.kind = Fault::Kind::kDoneNothing, .times = 1});
  const Outcome outcome = w.reconcile(w.at({1}));
  EXPECT_TRUE(outcome.unfinished.empty());
  EXPECT_EQ(outcome.changes, 3u);  // taken, in vain; taken; given
  w.env().run_for(20s);
  w.expect_delivered(w.at({1}));
}

TEST(AliasFaults, an_alias_stuck_on_a_dead_node_is_escalated_and_never_given_twice) {
  World w({.nodes = 3, .addresses = 2});
  w.settle(w.at({0, 0}));
  w.cloud().power(w.node(0).instance, cloud::Power::kOff).value();
  w.cloud().inject({.kind = Fault::Kind::kDoneNothing,
                    .instance = w.node(0).instance,
                    .times = Fault::kForEver});
  const Gauge& gauge = metric_gauge("atoll_vip_stuck", "", "mover=\"gcp-alias\"");
  const Outcome outcome = w.reconcile(w.at({1, 2}), {w.vip(0), w.vip(1)});
  EXPECT_EQ(trouble_of(outcome, w.vip(0)).code, Errc::kStale);
  EXPECT_TRUE(stuck(outcome, w.vip(0)));
  EXPECT_TRUE(stuck(outcome, w.vip(1)));
  EXPECT_EQ(gauge.value(), 2);
  EXPECT_EQ(w.calls(Call::kSetAliases), 4u);  // one to begin with, three in vain
  w.cloud().clear_faults();
  w.settle(w.at({1, 2}));
  w.expect_delivered(w.at({1, 2}));
  EXPECT_EQ(gauge.value(), 0);
}

TEST(AliasFaults, one_stuck_interface_does_not_hold_up_the_others) {
  World w({.nodes = 4, .addresses = 2});
  w.settle(w.at({0, 1}));
  w.cloud().inject(
      {.kind = Fault::Kind::kNeverDone, .instance = w.node(0).instance, .times = Fault::kForEver});
  Nanos arrived{0};
  w.cloud().on_data_plane_change([&] {
    if (arrived == Nanos{0} && w.delivered(w.vip(1)) == "n3") arrived = w.env().now();
  });
  const Nanos began = w.env().now();
  const Outcome outcome = w.reconcile(w.at({2, 3}));
  EXPECT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_GT(arrived, Nanos{0});
  EXPECT_LT(arrived - began, cloud::kOperationDeadline);  // virtual time
}

TEST(AliasFaults, a_lost_answer_repeats_the_request_id_and_changes_once) {
  World w({.nodes = 2, .addresses = 1});
  w.cloud().inject({.kind = Fault::Kind::kFailAfter, .only = Call::kSetAliases, .times = 2});
  const Outcome outcome = w.reconcile(w.at({0}));
  EXPECT_TRUE(outcome.unfinished.empty());
  ASSERT_EQ(w.compute().ids.size(), 3u);
  EXPECT_EQ(w.compute().ids[0], w.compute().ids[1]);
  EXPECT_EQ(w.compute().ids[0], w.compute().ids[2]);
  EXPECT_EQ(w.compute().ids[0].second.size(), 36u);
}

TEST(AliasFaults, another_round_repeats_the_request_id_of_a_lost_answer) {
  World w({.nodes = 2, .addresses = 1});
  w.cloud().inject({.kind = Fault::Kind::kFailBefore, .only = Call::kSetAliases, .times = 3});
  EXPECT_EQ(w.reconcile(w.at({0})).unfinished.size(), 1u);
  EXPECT_TRUE(w.reconcile(w.at({0})).unfinished.empty());
  ASSERT_EQ(w.compute().ids.size(), 4u);
  EXPECT_EQ(w.compute().ids[0], w.compute().ids[3]);
}

TEST(AliasFaults, what_was_answered_is_never_asked_with_the_same_id) {
  World w({.nodes = 2, .addresses = 1});
  w.cloud().inject({.kind = Fault::Kind::kDoneNothing, .times = 2});
  EXPECT_TRUE(w.reconcile(w.at({0})).unfinished.empty());
  std::set<std::string> ids;
  for (const auto& [what, id] : w.compute().ids) ids.insert(id);
  EXPECT_EQ(ids.size(), 3u);
}

TEST(AliasFaults, a_blip_fails_nothing_OCF_1642) {
  World w({.nodes = 3, .addresses = 3});
  w.cloud().inject({.kind = Fault::Kind::kFailBefore, .times = 2});
  w.cloud().inject({.kind = Fault::Kind::kFailBefore, .only = Call::kOperation, .times = 2});
  EXPECT_TRUE(w.reconcile(w.spread()).unfinished.empty());
}

TEST(AliasFaults, in_use_at_another_node_of_the_pool_it_is_found_and_taken_from_there) {
  World w({.nodes = 4, .addresses = 2});
  w.settle(w.at({0, 1}));
  w.put_aliases(0, {});
  w.put_aliases(3, {{cidr(w.vip(0)), ""}});  // by hand, behind the mover's back
  const Outcome outcome = w.reconcile(w.at({2, 1}), {w.vip(0)});
  EXPECT_TRUE(outcome.unfinished.empty());
  EXPECT_TRUE(w.aliases(3).empty());
  EXPECT_EQ(w.calls(Call::kForwardingRules) + w.calls(Call::kRoutesTo), 0u);
  w.env().run_for(20s);
  w.expect_delivered(w.at({2, 1}));
}

TEST(AliasFaults, in_use_outside_the_pool_it_is_reported_and_holds_up_nothing) {
  World w({.nodes = 2, .addresses = 3});
  ASSERT_TRUE(w.cloud().add_reserved_address(w.network(), w.vip(1).to_string()));
  Outcome outcome;
  for (uint32_t i = 0; i < kStuckAfter; ++i) outcome = w.reconcile(w.at({0, 0, 0}));
  ASSERT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_EQ(outcome.unfinished[0].vip, w.vip(1));
  EXPECT_EQ(outcome.unfinished[0].why.code, Errc::kConflict);
  EXPECT_TRUE(outcome.unfinished[0].stuck);
  EXPECT_TRUE(has(w.aliases(0), cidr(w.vip(0))));
  EXPECT_TRUE(has(w.aliases(0), cidr(w.vip(2))));
}

TEST(AliasFaults, covered_by_a_wider_range_of_a_node_the_range_is_named_and_kept) {
  World w({.nodes = 3, .addresses = 1});
  w.put_aliases(2, {{"10.0.9.0/28", ""}});
  const Outcome outcome = w.reconcile(w.at({0}));
  const Error why = trouble_of(outcome, w.vip(0));
  EXPECT_EQ(why.code, Errc::kConflict);
  EXPECT_NE(why.message.find("10.0.9.0/28 of n2 covers"), std::string::npos) << why.message;
  EXPECT_TRUE(has(w.aliases(2), "10.0.9.0/28"));
}

TEST(AliasFaults, a_full_interface_takes_what_fits) {
  World w({.nodes = 2, .addresses = 3});
  std::vector<cloud::AliasRange> many;
  for (int i = 0; i < 149; ++i) many.push_back({fmt::format("10.0.20.{}/32", i + 1), ""});
  w.put_aliases(0, many);
  const Outcome outcome = w.reconcile(w.at({0, 0, 1}));
  ASSERT_EQ(outcome.unfinished.size(), 1u);
  EXPECT_EQ(outcome.unfinished[0].why.code, Errc::kNoSpace);
  EXPECT_EQ(w.aliases(0).size(), cloud::kAliasRangesMax);
  EXPECT_TRUE(has(w.aliases(1), cidr(w.vip(2))));
}

TEST(AliasFaults, a_node_that_is_not_of_the_pool) {
  World w({.nodes = 2, .addresses = 1});
  const Outcome outcome = w.reconcile({{w.vip(0), "nobody"}});
  EXPECT_EQ(trouble_of(outcome, w.vip(0)).code, Errc::kInvalidArgument);
}

TEST(AliasFaults, random_trouble_and_random_moves_end_where_they_should) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    World w({.nodes = 4, .addresses = 8, .seed = seed});
    env::Random& random = w.env().world_random();
    w.put_aliases(0, {{"10.0.7.0/28", ""}});
    for (const Fault::Kind kind :
         {Fault::Kind::kFailBefore, Fault::Kind::kFailAfter, Fault::Kind::kRateLimit,
          Fault::Kind::kDoneNothing, Fault::Kind::kHangAfter, Fault::Kind::kChangedNotDone})
      w.cloud().inject({.kind = kind, .times = Fault::kForEver, .share = 0.03});
    std::vector<Wanted> wanted;
    for (int round = 0; round < 6; ++round) {
      std::vector<size_t> nodes;
      for (size_t i = 0; i < 8; ++i) nodes.push_back(random.below(4));
      wanted = w.at(nodes);
      std::set<Vip> urgent;
      if (random.chance(0.5)) urgent.insert(w.vip(random.below(8)));
      if (random.chance(0.3)) w.fresh_mover();
      w.reconcile(wanted, urgent);
    }
    w.cloud().clear_faults();
    w.env().run_for(2min);
    w.settle(wanted);
    w.expect_delivered(wanted);
    EXPECT_TRUE(has(w.aliases(0), "10.0.7.0/28")) << "seed " << seed;
    if (testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace atl::vip
