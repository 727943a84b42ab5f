// Limits and times of failover at scale, on worlds that are small enough for a unit test.
#include "lab/scale.h"

#include <gtest/gtest.h>
#include <algorithm>
#include <boost/json.hpp>

#include "base/log.h"
#include "env/sim_env.h"
#include "lab/scale_guest.h"
#include "lab/scale_world.h"

namespace atl::lab {
namespace {

ScaleSpec spec_of(std::string mover, size_t nodes, size_t addresses, size_t domains) {
  ScaleSpec spec;
  spec.mover = std::move(mover);
  spec.nodes = nodes;
  spec.addresses = addresses;
  spec.domains = domains;
  spec.delays = cloud::Delays::built_in();
  return spec;
}

// Everybody is back, nobody answered twice, and the moments come in the order in which they must.
void expect_back(const ScaleRow& row) {
  ASSERT_EQ(row.state, ScaleState::kBack) << row.reason;
  EXPECT_EQ(row.missing, 0u);
  EXPECT_EQ(row.split_brain_instants, 0u);
  EXPECT_GT(row.concerned, 0u);
  ASSERT_EQ(row.back.sorted.size(), row.concerned);
}

// What nodes and movers log about their trouble is not what these tests are about.
class Scale : public ::testing::Test {
 protected:
  void SetUp() override {
    set_log_sink([](LogLevel, std::string_view) {});
  }
  void TearDown() override { set_log_sink({}); }
};

class ScaleOfMover : public Scale, public ::testing::WithParamInterface<const char*> {};

TEST_P(ScaleOfMover, EveryAddressOfALostDomainComesBack) {
  const ScaleRow row = run_scale_row(spec_of(GetParam(), 12, 24, 3));
  expect_back(row);
  EXPECT_EQ(row.nodes_lost, 4u);
  EXPECT_EQ(row.concerned, 8u);  // two a node
  ASSERT_EQ(row.given.sorted.size(), row.concerned);
  ASSERT_EQ(row.taken.sorted.size(), row.concerned);
  // Nobody else may answer before the lease of the node before has run out. What is left of it when
  // the domain is cut off is all but the age of the last renewal.
  const vip::Timing timing = vip::Timing::of(row.spec.lease);
  EXPECT_GE(row.given.first(), timing.lease - timing.renew_interval - timing.renew_timeout);
  EXPECT_GE(row.taken.first(), row.given.first());
  EXPECT_GE(row.back.last(), row.taken.last());
}

INSTANTIATE_TEST_SUITE_P(Movers, ScaleOfMover,
                         ::testing::Values("gcp-alias", "gcp-route", "gcp-lb", "gcp-garp",
                                           "linux-arp"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(Scale, TheSameSeedGivesTheSameResults) {
  const auto text = [](uint64_t seed) {
    ScaleSpec spec = spec_of("gcp-alias", 9, 9, 3);
    spec.seed = seed;
    ScaleResults results;
    results.rows.push_back(run_scale_row(spec));
    return scale_json(results);
  };
  EXPECT_EQ(text(7), text(7));
  EXPECT_NE(text(7), text(8));
}

TEST_F(Scale, AliasesTakeOneWriteAnInterfaceAndDirection) {
  // A domain of one node: it gives up its 30 addresses at once, and each of the five others gets
  // six.
  const ScaleRow row = run_scale_row(spec_of("gcp-alias", 6, 180, 6));
  expect_back(row);
  EXPECT_EQ(row.concerned, 30u);
  EXPECT_EQ(row.moves, 30u);
  EXPECT_EQ(row.calls.of(cloud::Call::kSetAliases), 1u + 5u);
  EXPECT_EQ(row.calls.writes, 1u + 5u);
}

TEST_F(Scale, RoutesTakeTwoWritesAnAddress) {
  const ScaleRow row = run_scale_row(spec_of("gcp-route", 6, 60, 6));
  expect_back(row);
  EXPECT_EQ(row.concerned, 10u);
  EXPECT_EQ(row.calls.of(cloud::Call::kInsertRoute), 10u);
  EXPECT_EQ(row.calls.of(cloud::Call::kDeleteRoute), 10u);
  // The old routes go when the new ones have settled: not in the way of coming back.
  EXPECT_EQ(row.calls_until_back.writes, 10u);
}

TEST_F(Scale, MovesOntoNodesOfTheLostDomainAreCounted) {
  // Leases of a domain do not run out together: who is about to be found lost may be given an
  // address of one who was.
  const ScaleRow row = run_scale_row(spec_of("gcp-route", 12, 48, 2));
  expect_back(row);
  EXPECT_EQ(row.nodes_lost, 6u);
  EXPECT_GE(row.moves, row.concerned);
  EXPECT_GE(row.calls.of(cloud::Call::kInsertRoute), row.concerned);
}

TEST_F(Scale, TheQuotaOfWritesMakesTheLastAddressLate) {
  ScaleSpec spec = spec_of("gcp-alias", 12, 12, 3);
  const ScaleRow ample = run_scale_row(spec);
  expect_back(ample);
  EXPECT_TRUE(ample.limits.empty());

  // Eight writes at two a minute are four windows; the first begins before the leases run out.
  spec.delays.writes_per_minute.value = 2;
  const ScaleRow scarce = run_scale_row(spec);
  expect_back(scarce);
  EXPECT_GE(scarce.back.last(), 3 * cloud::kQuotaWindow - kScaleCutPhase);
  EXPECT_GT(scarce.back.last(), ample.back.last() + cloud::kQuotaWindow);
  ASSERT_FALSE(scarce.limits.empty());
  EXPECT_EQ(scarce.limits.front().name, "writes a minute, of the region");
  EXPECT_GT(scarce.limits.front().waiting, 0u);
  EXPECT_LE(scarce.limits.front().waiting, scarce.concerned);
  EXPECT_GE(scarce.limits.front().refusals, 3u);
  // Until the first of them says no, quotas do not slow anybody down.
  EXPECT_EQ(scarce.given.sorted.size(), ample.given.sorted.size());
}

TEST_F(Scale, RoutesHaveTheirQuotaAmongTheGlobalOnes) {
  ScaleSpec spec = spec_of("gcp-route", 6, 12, 3);
  spec.delays.writes_per_minute.value = 2;
  const ScaleRow row = run_scale_row(spec);
  expect_back(row);
  ASSERT_FALSE(row.limits.empty());
  EXPECT_EQ(row.limits.front().name, "writes a minute, global");
}

TEST_F(Scale, SixtyFourServicesWithFastIpMoveAndNotOneMore) {
  const ScaleSpec fits = spec_of("gcp-garp", 8, 64, 2);
  expect_back(run_scale_row(fits));
  const ScaleRow row = run_scale_row(spec_of("gcp-garp", 8, 65, 2));
  EXPECT_EQ(row.state, ScaleState::kRefused);
  EXPECT_EQ(row.limit, "services with fast IP move in a network and region") << row.reason;
  const ScaleFit fit = find_scale_fit(spec_of("gcp-garp", 8, 8, 2));
  EXPECT_EQ(fit.addresses, 64u);
  EXPECT_EQ(fit.limit, row.limit);
}

TEST_F(Scale, ThirtyTwoEndpointsOfAServiceAndNotOneMore) {
  const ScaleRow row = run_scale_row(spec_of("gcp-garp", 33, 33, 8));
  EXPECT_EQ(row.state, ScaleState::kRefused);
  EXPECT_EQ(row.limit, "endpoints of a service with fast IP move") << row.reason;
  EXPECT_EQ(find_scale_fit(spec_of("gcp-garp", 33, 33, 8)).addresses, 0u);
  EXPECT_EQ(find_scale_fit(spec_of("gcp-garp", 32, 32, 8)).addresses, 64u);
}

TEST_F(Scale, RoutesAreRefusedOverTheQuotaOfRoutes) {
  ScaleSpec spec = spec_of("gcp-route", 4, 10, 2);
  // Ten addresses, and the three of the most crowded node a second time while they move.
  spec.delays.static_routes_per_network.value = 13;
  EXPECT_EQ(find_scale_fit(spec).addresses, 10u);
  expect_back(run_scale_row(spec));
  spec.delays.static_routes_per_network.value = 12;
  const ScaleRow row = run_scale_row(spec);
  EXPECT_EQ(row.state, ScaleState::kRefused);
  EXPECT_EQ(row.limit, "static routes of the network") << row.reason;
}

TEST_F(Scale, AliasesOfTwoInterfacesFitOnOne) {
  const ScaleFit fit = find_scale_fit(spec_of("gcp-alias", 2, 2, 2));
  EXPECT_EQ(fit.addresses, cloud::kAliasRangesMax);
  EXPECT_EQ(fit.limit, "alias ranges of an interface") << fit.reason;
}

TEST_F(Scale, AnInterfaceThatIsFullLeavesAddressesOut) {
  // Three nodes hold 100 each. The mover counts on one that fails; here two do.
  const ScaleRow row = run_scale_row(spec_of("gcp-alias", 3, 300, 2));
  EXPECT_EQ(row.state, ScaleState::kMissing);
  EXPECT_EQ(row.concerned, 200u);
  EXPECT_EQ(row.missing, 150u);
  EXPECT_NE(row.reason.find("alias ranges"), std::string::npos) << row.reason;
}

TEST_F(Scale, APoolHasALimitOfItsOwn) {
  const ScaleRow row = run_scale_row(spec_of("linux-arp", 10, 1025, 2));
  EXPECT_EQ(row.state, ScaleState::kRefused);
  EXPECT_EQ(row.limit, "addresses of a pool") << row.reason;
}

TEST_F(Scale, NothingFloatsInAManagedPool) {
  const ScaleRow row = run_scale_row(spec_of("gcp-pool", 6, 6, 3));
  expect_back(row);
  // Not before its machine was given up and made anew, without any call of ours.
  EXPECT_GE(row.back.first(), kScaleAutohealing);
  EXPECT_EQ(row.calls.total(), 0u);
  EXPECT_EQ(run_scale_row(spec_of("gcp-pool", 6, 12, 3)).state, ScaleState::kNotRun);
}

TEST_F(Scale, TooManyProbesAreNotSimulated) {
  const ScaleRow row = run_scale_row(spec_of("gcp-lb", 1000, 1000, 8));
  EXPECT_EQ(row.state, ScaleState::kNotRun);
  EXPECT_NE(row.reason.find("1000000 probes a second"), std::string::npos) << row.reason;
}

// --- The guest, and what it tells ---

struct Watch final : FenceWatch {
  void opened(size_t, vip::Vip, Nanos) override { ++openings; }
  void closed(size_t, vip::Vip) override { ++closings; }
  void announced(size_t, vip::Vip) override { ++announcements; }
  int openings = 0, closings = 0, announcements = 0;
};

TEST(ScaleGuest, TheFenceClosesByItselfAndOpensOnlyWhenArmed) {
  env::SimEnv env;
  Watch watch;
  ScaleGuest guest(env, watch, 0);
  const vip::Vip vip = *vip::Vip::parse("10.0.0.5");
  ASSERT_TRUE(env.run(guest.prepare({vip}, 1s, 1s)));
  ASSERT_TRUE(env.run(guest.open(vip)));
  EXPECT_FALSE(guest.open_for(vip));  // was not armed
  ASSERT_TRUE(env.run(guest.arm(vip)));
  env.run_for(2s);
  ASSERT_TRUE(env.run(guest.open(vip)));
  EXPECT_FALSE(guest.open_for(vip));  // too late
  ASSERT_TRUE(env.run(guest.arm(vip)));
  ASSERT_TRUE(env.run(guest.open(vip)));
  EXPECT_TRUE(guest.open_for(vip));
  env.run_for(800ms);
  ASSERT_TRUE(env.run(guest.hold({vip})));
  env.run_for(800ms);
  EXPECT_TRUE(guest.open_for(vip));
  ASSERT_TRUE(env.run(guest.announce(vip, vip::GarpForm::kReply)));
  env.run_for(800ms);
  EXPECT_FALSE(guest.open_for(vip));  // nobody said anything for longer than the hold
  ASSERT_TRUE(env.run(guest.hold({vip})));
  EXPECT_FALSE(guest.open_for(vip));  // and touching does not bring it back
  ASSERT_TRUE(env.run(guest.announce(vip, vip::GarpForm::kReply)));
  EXPECT_EQ(watch.openings, 2);
  EXPECT_EQ(watch.announcements, 1);
}

TEST_F(Scale, TwoFencesOpenAtOnceAreSeen) {
  ScaleWorld world(spec_of("linux-arp", 3, 3, 3));
  ASSERT_TRUE(world.build());
  ASSERT_TRUE(world.settle());
  world.cut_domain();
  // The second address is another node's.
  const vip::Vip vip = scale_pool(spec_of("linux-arp", 3, 3, 3)).addresses[1];
  for (size_t node = 0; node < 3; ++node) world.opened(node, vip, 24h);
  ScaleRow row;
  row.spec = spec_of("linux-arp", 3, 3, 3);
  world.recover(&row);
  world.end();
  EXPECT_GE(row.split_brain_instants, 2u);
  ScaleResults results;
  results.rows.push_back(row);
  EXPECT_FALSE(results.good());
}

// --- What is said about it ---

TEST_F(Scale, JsonSaysWhatTheTableSays) {
  ScaleResults results;
  results.options.version = "test";
  results.rows.push_back(run_scale_row(spec_of("gcp-garp", 6, 6, 3)));
  results.rows.push_back(run_scale_row(spec_of("gcp-garp", 6, 65, 3)));
  results.fits.push_back(find_scale_fit(spec_of("gcp-garp", 6, 6, 3)));
  const std::string text = scale_text(results);
  EXPECT_NE(text.find("refused: LIMIT_EXCEEDED"), std::string::npos) << text;
  EXPECT_NE(text.find("64 addresses"), std::string::npos) << text;
  const boost::json::value json = boost::json::parse(scale_json(results));
  const boost::json::array& rows = json.at("results").as_array();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("state"), "back");
  EXPECT_EQ(rows[0].at("addresses_concerned").to_number<int>(), 2);
  EXPECT_GE(rows[0].at("back_ms").at("last").to_number<double>(),
            rows[0].at("taken_ms").at("last").to_number<double>());
  EXPECT_EQ(rows[1].at("state"), "refused");
  EXPECT_EQ(rows[1].at("refused_by"), "services with fast IP move in a network and region");
  EXPECT_EQ(json.at("fits").as_array()[0].at("addresses").to_number<int>(), 64);
  EXPECT_TRUE(json.at("good").as_bool());
}

TEST_F(Scale, WhatIsWrongIsSaid) {
  ScaleOptions wrong;
  wrong.mover = "gcp-magic";
  EXPECT_EQ(run_scale(wrong), 2);
  wrong = {};
  wrong.nodes = {1};
  EXPECT_EQ(run_scale(wrong), 2);
  wrong = {};
  wrong.delays = "/nowhere/delays.toml";
  EXPECT_EQ(run_scale(wrong), 2);
}

}  // namespace
}  // namespace atl::lab
