// Faults, quotas, counters and the journal of the emulator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/emulated_test_world.h"
#include "env/sync.h"

namespace atl::cloud {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename T>
Errc errc_of(const Result<T>& result) {
  return result ? Errc{} : result.error().code;
}

TEST(EmulatedFault, ACallThatFailsBeforeChangesNothing) {
  TestWorld w;
  w.cloud.inject({.kind = Fault::Kind::kFailBefore, .times = 2});
  EXPECT_EQ(errc_of(w.call(w.cloud.instance(node(0)))), Errc::kUnavailable);
  EXPECT_EQ(errc_of(w.set_aliases(0, {"10.0.0.99/32"})), Errc::kUnavailable);
  w.env.run_for(1min);
  EXPECT_THAT(w.aliases(0), IsEmpty());
  EXPECT_TRUE(w.call(w.cloud.instance(node(0))));
}

TEST(EmulatedFault, ACallThatFailsAfterwardsHasChangedAndItsRequestIdFindsIt) {
  TestWorld w;
  const std::string fingerprint = w.fingerprint(0);
  w.cloud.inject({.kind = Fault::Kind::kFailAfter});
  EXPECT_EQ(errc_of(w.set_aliases(0, {"10.0.0.99/32"}, "id")), Errc::kUnavailable);
  w.env.run_for(1min);
  EXPECT_THAT(w.aliases(0), ElementsAre("10.0.0.99/32"));
  EXPECT_FALSE(w.finish(w.set_aliases(0, {"10.0.0.99/32"}, "id", fingerprint)).error);
}

TEST(EmulatedFault, BefallsTheNamedCallAndInstanceOnly) {
  TestWorld w;
  w.cloud.inject({.only = Call::kInstance, .instance = node(1), .times = Fault::kForEver});
  EXPECT_TRUE(w.call(w.cloud.instance(node(0))));
  EXPECT_TRUE(w.set_aliases(1, {}));
  EXPECT_EQ(errc_of(w.call(w.cloud.instance(node(1)))), Errc::kUnavailable);
  EXPECT_EQ(errc_of(w.call(w.cloud.instance(node(1)))), Errc::kUnavailable);
  w.cloud.clear_faults();
  EXPECT_TRUE(w.call(w.cloud.instance(node(1))));
}

TEST(EmulatedFault, AShareOfCallsFails) {
  TestWorld w;
  w.cloud.inject({.times = Fault::kForEver, .share = 0.3});
  int failed = 0;
  for (int i = 0; i < 1000; ++i)
    if (!w.call(w.cloud.instance(node(0)))) ++failed;
  EXPECT_GT(failed, 230);
  EXPECT_LT(failed, 370);
}

TEST(EmulatedFault, AHangingCallIsNeverAnsweredWhetherItHappenedOrNot) {
  for (const auto kind : {Fault::Kind::kHangBefore, Fault::Kind::kHangAfter}) {
    TestWorld w;
    w.cloud.inject({.kind = kind, .only = Call::kSetAliases});
    const std::vector<AliasRange> aliases{{"10.0.0.99/32", ""}};
    auto task = w.cloud.set_aliases(node(0), "nic0", w.fingerprint(0), aliases, "");
    EXPECT_EQ(errc_of(w.call(env::with_timeout(w.env, 24h, std::move(task)))), Errc::kTimeout);
    EXPECT_EQ(w.aliases(0).size(), kind == Fault::Kind::kHangAfter ? 1u : 0u);
  }
}

TEST(EmulatedFault, AStuckAliasIsDoneWhileNothingChanged) {
  TestWorld w;
  w.finish(w.set_aliases(0, {"10.0.0.99/32"}));
  w.env.run_for(1ms);
  const std::string fingerprint = w.fingerprint(0);
  w.cloud.inject({.kind = Fault::Kind::kDoneNothing, .instance = node(0), .times = 2});
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(w.call(w.cloud.instance(node(0))));  // does not use the fault up
    EXPECT_FALSE(w.finish(w.set_aliases(0, {})).error);
    w.env.run_for(1min);
    EXPECT_THAT(w.aliases(0), ElementsAre("10.0.0.99/32"));
    EXPECT_EQ(w.fingerprint(0), fingerprint);
    EXPECT_EQ(w.at("10.0.0.99"), "n0");
  }
  w.finish(w.set_aliases(0, {}));
  EXPECT_THAT(w.aliases(0), IsEmpty());
}

TEST(EmulatedFault, ARouteThatIsDoneWhileNothingChangedLeavesItsNameFree) {
  TestWorld w;
  w.cloud.inject({.kind = Fault::Kind::kDoneNothing});
  EXPECT_FALSE(w.finish(w.insert_route("r", "10.99.0.5/32", 0)).error);
  EXPECT_EQ(errc_of(w.call(w.cloud.route("r"))), Errc::kNotFound);
  EXPECT_FALSE(w.finish(w.insert_route("r", "10.99.0.5/32", 0)).error);
  EXPECT_TRUE(w.call(w.cloud.route("r")));
}

TEST(EmulatedFault, AnOperationMayNeverBeDoneAndDoesNotBlockTheNextChange) {
  for (const auto kind : {Fault::Kind::kNeverDone, Fault::Kind::kChangedNotDone}) {
    TestWorld w;
    w.cloud.inject({.kind = kind});
    const auto taken = w.set_aliases(0, {"10.0.0.99/32"});
    w.env.run_for(24h);
    EXPECT_FALSE(
        w.call(w.cloud.operation(Operation::Scope::kZone, kZone, taken->name)).value().done);
    EXPECT_EQ(w.aliases(0).size(), kind == Fault::Kind::kChangedNotDone ? 1u : 0u);
    EXPECT_FALSE(w.finish(w.set_aliases(0, {"10.0.0.98/32"})).error);
    EXPECT_THAT(w.aliases(0), ElementsAre("10.0.0.98/32"));
  }
}

TEST(EmulatedFault, TheLatencyFactorMakesEverythingSlower) {
  Delays delays = Delays::zero();
  delays.api_read = constant(1s);
  TestWorld w(delays);
  w.cloud.set_latency_factor(3);
  w.call(w.cloud.instance(node(0))).value();
  EXPECT_EQ(w.env.now(), 3s);
}

TEST(EmulatedQuota, AnExcessOfRequestsIsRefusedUntilTheMinuteIsOver) {
  TestWorld w;
  Quotas quotas = Quotas::from(w.cloud.delays());
  quotas.reads_per_minute = 2;
  w.cloud.set_quotas(quotas);
  w.env.run_for(30s);
  EXPECT_TRUE(w.call(w.cloud.instance(node(0))));
  EXPECT_TRUE(w.call(w.cloud.instance(node(0))));
  const auto refused = w.call(w.cloud.instance(node(0)));
  EXPECT_EQ(errc_of(refused), Errc::kBusy);
  EXPECT_THAT(refused.error().message, HasSubstr("rateLimitExceeded"));
  w.env.run_for(29s);
  EXPECT_EQ(errc_of(w.call(w.cloud.instance(node(0)))), Errc::kBusy);
  w.env.run_for(2s);
  EXPECT_TRUE(w.call(w.cloud.instance(node(0))));
}

TEST(EmulatedQuota, ReadsWritesAndOperationReadsCountApartAndSoDoRegionsAndGlobalThings) {
  TestWorld w;
  Quotas quotas = Quotas::from(w.cloud.delays());
  quotas.reads_per_minute = quotas.writes_per_minute = quotas.operation_reads_per_minute = 1;
  w.cloud.set_quotas(quotas);
  const auto taken = w.set_aliases(0, {"10.0.0.99/32"});
  ASSERT_TRUE(taken);
  EXPECT_EQ(errc_of(w.set_aliases(0, {})), Errc::kBusy);
  w.env.run_for(1s);
  EXPECT_THAT(w.aliases(0), ElementsAre("10.0.0.99/32"));  // the refused one did nothing
  EXPECT_TRUE(w.call(w.cloud.operation(taken->scope, taken->location, taken->name)));
  EXPECT_EQ(errc_of(w.call(w.cloud.operation(taken->scope, taken->location, taken->name))),
            Errc::kBusy);
  EXPECT_TRUE(w.call(w.cloud.instance(node(0))));
  EXPECT_EQ(errc_of(w.call(w.cloud.subnetwork(kRegion, "sub"))), Errc::kBusy);
  EXPECT_EQ(errc_of(w.call(w.cloud.subnetwork("r2", "sub"))), Errc::kNotFound);
  EXPECT_TRUE(w.insert_route("r", "10.99.0.5/32", 0));
  EXPECT_EQ(errc_of(w.insert_route("s", "10.99.0.6/32", 0)), Errc::kBusy);
}

TEST(EmulatedCounters, CountEveryCallByKind) {
  TestWorld w;
  w.cloud.inject({.only = Call::kInstance});
  EXPECT_FALSE(w.call(w.cloud.instance(node(0))));
  const auto taken = w.set_aliases(0, {});
  EXPECT_TRUE(w.call(w.cloud.operation(taken->scope, taken->location, taken->name)));
  EXPECT_TRUE(w.call(w.cloud.network_features("net")));
  const Counters& counters = w.cloud.counters();
  EXPECT_EQ(counters.reads, 2u);
  EXPECT_EQ(counters.writes, 1u);
  EXPECT_EQ(counters.operation_reads, 1u);
  EXPECT_EQ(counters.total(), 4u);
  EXPECT_EQ(counters.of(Call::kInstance), 1u);
}

TEST(EmulatedJournal, TellsWhatWasAskedAndWhatBecameOfIt) {
  TestWorld w;
  w.env.run_for(2s);
  EXPECT_TRUE(w.set_aliases(0, {"10.0.0.99/32"}));
  EXPECT_FALSE(w.call(w.cloud.instance(node(9))));
  const auto journal = w.cloud.journal();
  ASSERT_EQ(journal.size(), 2u);
  EXPECT_EQ(journal[0].at, 2s);
  EXPECT_EQ(journal[0].what, "r1-a/n0 nic0 [10.0.0.99/32]");
  EXPECT_EQ(journal[0].outcome, "ok");
  EXPECT_THAT(w.cloud.describe(), HasSubstr("instance r1-a/n9: not_found"));
}

TEST(EmulatedJournal, ForgetsTheOldest) {
  TestWorld w;
  for (size_t i = 0; i < kJournalKept + 10; ++i)
    (void)w.call(w.cloud.instance(node(i < 10 ? 9 : 0)));
  const auto journal = w.cloud.journal();
  EXPECT_EQ(journal.size(), kJournalKept);
  EXPECT_EQ(journal.front().outcome, "ok");
}

TEST(EmulatedCompute, MayBeDestroyedUnderCallsAndTimers) {
  env::SimEnv env(1);
  auto cloud = std::make_unique<EmulatedCompute>(env, 1, Delays::built_in());
  TestWorld::ok(cloud->add_network({.network = "net"}));
  cloud->inject({.kind = Fault::Kind::kHangBefore});
  auto hanging = env::with_timeout(env, 1h, cloud->network_features("net"));
  auto slow = env::with_timeout(env, 1h, cloud->network_features("net"));
  env.start_timer(1ms, [&] { cloud.reset(); });
  std::vector<Task<Result<NetworkFeatures>>> both;
  both.push_back(std::move(hanging));
  both.push_back(std::move(slow));
  const auto results = env.run(env::when_all(env, std::move(both)));
  EXPECT_EQ(errc_of(results[0]), Errc::kUnavailable);
  EXPECT_EQ(errc_of(results[1]), Errc::kUnavailable);
}

}  // namespace
}  // namespace atl::cloud
