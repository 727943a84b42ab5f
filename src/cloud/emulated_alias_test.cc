// Alias ranges, operations and the calls' own rules, in the emulator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/emulated_test_world.h"

namespace atl::cloud {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(EmulatedAlias, TheOperationEndsLaterAndTheFabricFollowsLaterStill) {
  Delays delays = Delays::zero();
  delays.api_write = constant(1s);
  delays.alias_operation = constant(4s);
  delays.alias_propagation = constant(2s);
  TestWorld w(delays);
  const auto taken = w.set_aliases(0, {"10.0.0.99/32"});
  ASSERT_TRUE(taken);
  EXPECT_FALSE(taken->done);
  EXPECT_EQ(taken->scope, Operation::Scope::kZone);
  EXPECT_EQ(taken->location, kZone);
  EXPECT_EQ(w.env.now(), 1s);
  w.env.run_for(3400ms);  // the change was taken half way through the round trip
  EXPECT_THAT(w.aliases(0), IsEmpty());
  w.env.run_for(200ms);
  EXPECT_THAT(w.aliases(0), ElementsAre("10.0.0.99/32"));
  EXPECT_TRUE(w.finish(taken).done);
  EXPECT_EQ(w.at("10.0.0.99"), "");
  const int before = w.data_plane_changes;
  w.env.run_for(2s);
  EXPECT_EQ(w.at("10.0.0.99"), "n0");
  EXPECT_EQ(w.data_plane_changes, before + 1);
}

TEST(EmulatedAlias, EveryChangeMakesAnotherFingerprintAndAStaleOneIsRefused) {
  TestWorld w;
  const std::string old = w.fingerprint(0);
  w.finish(w.set_aliases(0, {"10.0.0.99/32"}));
  EXPECT_NE(w.fingerprint(0), old);
  const auto refused = w.set_aliases(0, {}, "", old);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("conditionNotMet"));
  EXPECT_THAT(w.aliases(0), ElementsAre("10.0.0.99/32"));
}

TEST(EmulatedAlias, OfTwoChangesUnderOneFingerprintTheSecondFailsAndLosesNothing) {
  Delays delays = Delays::zero();
  delays.alias_operation = constant(4s);
  TestWorld w(delays);
  const auto first = w.set_aliases(0, {"10.0.0.98/32"});
  const auto second = w.set_aliases(0, {"10.0.0.99/32"});
  EXPECT_FALSE(w.finish(first).error);
  EXPECT_EQ(w.error_of(w.finish(second)), Errc::kConflict);
  EXPECT_THAT(w.aliases(0), ElementsAre("10.0.0.98/32"));
}

TEST(EmulatedAlias, TheWholeListIsReplaced) {
  TestWorld w;
  w.finish(w.set_aliases(0, {"10.0.0.98/32", "10.1.0.8/29"}));
  w.env.run_for(1ms);
  EXPECT_EQ(w.at("10.0.0.98"), "n0");
  EXPECT_EQ(w.at("10.1.0.9"), "n0");
  w.finish(w.set_aliases(0, {"10.0.0.99/32"}));
  w.env.run_for(1ms);
  EXPECT_THAT(w.aliases(0), ElementsAre("10.0.0.99/32"));
  EXPECT_EQ(w.at("10.0.0.98"), "");
  EXPECT_EQ(w.at("10.1.0.9"), "");
  EXPECT_EQ(w.at("10.0.0.99"), "n0");
  w.finish(w.set_aliases(0, {}));
  w.env.run_for(1ms);
  EXPECT_THAT(w.aliases(0), IsEmpty());
  EXPECT_EQ(w.at("10.0.0.99"), "");
}

TEST(EmulatedAlias, MustBeInTheSubnetworksPrimaryOrNamedSecondaryRange) {
  TestWorld w;
  const auto refused = [&](std::string cidr, std::string range) {
    const auto result =
        w.call(w.cloud.set_aliases(node(0), "nic0", w.fingerprint(0), {{cidr, range}}, ""));
    return result ? Errc{} : result.error().code;
  };
  EXPECT_EQ(refused("10.2.0.1/32", ""), Errc::kInvalidArgument);
  EXPECT_EQ(refused("10.1.0.1/32", ""), Errc::kInvalidArgument);
  EXPECT_EQ(refused("10.0.0.1/32", "vips"), Errc::kInvalidArgument);
  EXPECT_EQ(refused("10.1.0.1/32", "other"), Errc::kInvalidArgument);
  EXPECT_EQ(refused("10.1.0.1/31", "vips"), Errc::kInvalidArgument);  // bits beyond the prefix
  EXPECT_EQ(refused("here", "vips"), Errc::kInvalidArgument);
  EXPECT_EQ(refused("10.1.0.1/32", "vips"), Errc{});
}

TEST(EmulatedAlias, AnAddressHeldElsewhereFailsTheOperation) {
  TestWorld w;
  w.finish(w.set_aliases(0, {"10.0.0.99/32"}));
  const Operation taken = w.finish(w.set_aliases(1, {"10.0.0.99/32"}));
  EXPECT_EQ(w.error_of(taken), Errc::kConflict);
  EXPECT_THAT(taken.error->message, HasSubstr("IP_IN_USE_BY_ANOTHER_RESOURCE"));
  EXPECT_THAT(taken.error->message, HasSubstr("r1-a/n0"));
  // In a block; a primary address; a reserved one; a forwarding rule's.
  EXPECT_EQ(w.error_of(w.finish(w.set_aliases(1, {"10.0.0.96/29"}))), Errc::kConflict);
  EXPECT_EQ(w.error_of(w.finish(w.set_aliases(1, {"10.0.0.12/32"}))), Errc::kConflict);
  w.ok(w.cloud.add_reserved_address("net", "10.0.0.50"));
  EXPECT_EQ(w.error_of(w.finish(w.set_aliases(1, {"10.0.0.48/29"}))), Errc::kConflict);
  w.add_fast_service();
  EXPECT_EQ(w.error_of(w.finish(w.set_aliases(1, {"10.0.0.200/32"}))), Errc::kConflict);
  EXPECT_THAT(w.aliases(1), IsEmpty());
  EXPECT_EQ(w.at("10.0.0.99"), "n0");
}

TEST(EmulatedAlias, AnAddressIsFreeOnlyWhenItsRemovalIsDone) {
  Delays delays = Delays::zero();
  delays.alias_operation = constant(4s);
  TestWorld w(delays);
  w.finish(w.set_aliases(0, {"10.0.0.99/32"}));
  const auto removal = w.set_aliases(0, {});
  w.env.run_for(3900ms);
  const auto early = w.set_aliases(1, {"10.0.0.99/32"});  // its end is after the removal's
  EXPECT_EQ(w.error_of(w.finish(early)), Errc::kConflict);
  EXPECT_FALSE(w.finish(removal).error);
  EXPECT_FALSE(w.finish(w.set_aliases(1, {"10.0.0.99/32"})).error);
}

TEST(EmulatedAlias, OfTwoThatTakeAFreeAddressAtOnceOneFails) {
  Delays delays = Delays::zero();
  delays.alias_operation = constant(4s);
  TestWorld w(delays);
  const auto first = w.set_aliases(0, {"10.0.0.99/32"});
  const auto second = w.set_aliases(1, {"10.0.0.99/32"});
  EXPECT_FALSE(w.finish(first).error);
  EXPECT_EQ(w.error_of(w.finish(second)), Errc::kConflict);
}

TEST(EmulatedAlias, ABlockMayShrinkInPlace) {
  TestWorld w;
  w.finish(w.set_aliases(0, {"10.1.0.8/29"}));
  EXPECT_FALSE(w.finish(w.set_aliases(0, {"10.1.0.8/32", "10.1.0.9/32"})).error);
  w.env.run_for(1ms);
  EXPECT_EQ(w.at("10.1.0.8"), "n0");
  EXPECT_EQ(w.at("10.1.0.9"), "n0");
  EXPECT_EQ(w.at("10.1.0.10"), "");
}

TEST(EmulatedAlias, AStoppedInstanceKeepsItsAddressesUntilItIsMadeAnew) {
  TestWorld w;
  w.finish(w.set_aliases(0, {"10.0.0.99/32"}));
  w.env.run_for(1ms);
  w.ok(w.cloud.power(node(0), Power::kOff));
  w.env.run_for(1h);
  EXPECT_EQ(w.call(w.cloud.instance(node(0))).value().status, "TERMINATED");
  EXPECT_EQ(w.at("10.0.0.99"), "n0");
  EXPECT_EQ(w.error_of(w.finish(w.set_aliases(1, {"10.0.0.99/32"}))), Errc::kConflict);
  w.ok(w.cloud.power(node(0), Power::kRecreated));
  EXPECT_THAT(w.aliases(0), IsEmpty());
  EXPECT_EQ(w.at("10.0.0.99"), "");
  EXPECT_EQ(w.at("10.0.0.10"), "n0");
  EXPECT_FALSE(w.finish(w.set_aliases(1, {"10.0.0.99/32"})).error);
}

TEST(EmulatedAlias, ManyAreTooMany) {
  TestWorld w;
  std::vector<std::string> cidrs;
  for (int i = 0; i < 151; ++i) cidrs.push_back(fmt::format("10.1.0.{}/32", i));
  const auto refused = w.set_aliases(0, cidrs);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kNoSpace);
  cidrs.pop_back();
  EXPECT_FALSE(w.finish(w.set_aliases(0, cidrs)).error);
}

TEST(EmulatedAlias, TwoOfAListMayNotOverlap) {
  TestWorld w;
  const auto refused = w.set_aliases(0, {"10.1.0.8/29", "10.1.0.9/32"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kInvalidArgument);
}

TEST(EmulatedAlias, ANetworkWithoutAliasesSaysSo) {
  TestWorld w;
  w.ok(w.cloud.add_network({.network = "rail", .profile = "r1-a-vpc-falcon", .alias_ip = false}));
  w.ok(w.cloud.add_subnetwork(kRegion, {.name = "rail", .network = "rail", .cidr = "10.9.0.0/24"}));
  Instance instance = TestWorld::instance(7);
  instance.interfaces[0].network = instance.interfaces[0].subnetwork = "rail";
  instance.interfaces[0].network_ip = "10.9.0.7";
  w.ok(w.cloud.add_instance(instance));
  EXPECT_FALSE(w.call(w.cloud.network_features("rail")).value().alias_ip);
  const auto refused = w.set_aliases(7, {"10.9.0.99/32"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("r1-a-vpc-falcon"));
}

TEST(EmulatedAlias, UpdatesOfTheFabricThatOvertakeOneAnotherDoNoHarm) {
  Delays delays = Delays::zero();
  delays.alias_propagation = constant(10s);
  TestWorld w(delays);
  w.finish(w.set_aliases(0, {"10.0.0.99/32"}));
  delays.alias_propagation = constant(1s);
  w.cloud.set_delays(delays);
  w.finish(w.set_aliases(0, {}));
  w.finish(w.set_aliases(1, {"10.0.0.99/32"}));
  w.env.run_for(2s);
  EXPECT_EQ(w.at("10.0.0.99"), "n1");
  w.env.run_for(20s);  // the first addition's update arrives
  EXPECT_EQ(w.at("10.0.0.99"), "n1");
}

TEST(EmulatedOperation, TheSameRequestIdTwiceIsOneChange) {
  TestWorld w;
  const std::string fingerprint = w.fingerprint(0);
  const auto first = w.set_aliases(0, {"10.0.0.99/32"}, "id-1", fingerprint);
  w.finish(first);
  const std::string after = w.fingerprint(0);
  const auto again = w.set_aliases(0, {"10.0.0.99/32"}, "id-1", fingerprint);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->name, first->name);
  EXPECT_TRUE(again->done);
  EXPECT_EQ(w.fingerprint(0), after);
  const auto misused = w.call(w.cloud.delete_route("r", "id-1"));
  ASSERT_FALSE(misused);
  EXPECT_EQ(misused.error().code, Errc::kInvalidArgument);
}

TEST(EmulatedOperation, ChangesOfOneThingGoOneAfterAnother) {
  Delays delays = Delays::zero();
  delays.route_insert_operation = constant(10s);
  delays.route_delete_operation = constant(1s);
  TestWorld w(delays);
  const auto insertion = w.insert_route("r", "10.99.0.5/32", 0);
  const auto deletion = w.call(w.cloud.delete_route("r", ""));
  w.env.run_for(5s);
  EXPECT_FALSE(w.call(w.cloud.operation(Operation::Scope::kGlobal, "", deletion->name))->done);
  EXPECT_FALSE(w.finish(insertion).error);
  EXPECT_TRUE(w.call(w.cloud.route("r")));
  EXPECT_FALSE(w.finish(deletion).error);
  EXPECT_FALSE(w.call(w.cloud.route("r")));
}

TEST(EmulatedOperation, IsFoundOnlyWhereItIs) {
  TestWorld w;
  const auto taken = w.set_aliases(0, {});
  ASSERT_TRUE(taken);
  const auto elsewhere = w.call(w.cloud.operation(Operation::Scope::kZone, "r1-b", taken->name));
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().code, Errc::kNotFound);
  EXPECT_TRUE(w.call(w.cloud.operation(Operation::Scope::kZone, kZone, taken->name)));
}

TEST(EmulatedCompute, WhatIsNotThereIsNotFound) {
  TestWorld w;
  EXPECT_EQ(w.call(w.cloud.instance(node(9))).error().code, Errc::kNotFound);
  EXPECT_EQ(w.call(w.cloud.subnetwork("r2", "sub")).error().code, Errc::kNotFound);
  EXPECT_EQ(w.call(w.cloud.network_features("no")).error().code, Errc::kNotFound);
  EXPECT_EQ(w.call(w.cloud.route("no")).error().code, Errc::kNotFound);
  EXPECT_EQ(w.call(w.cloud.delete_route("no", "")).error().code, Errc::kNotFound);
  EXPECT_EQ(w.call(w.cloud.backend_service(kRegion, "no")).error().code, Errc::kNotFound);
  EXPECT_EQ(w.call(w.cloud.managed_instances(kZone, "no")).error().code, Errc::kNotFound);
  const auto nic = w.call(w.cloud.set_aliases(node(0), "nic9", "", {}, ""));
  EXPECT_EQ(nic.error().code, Errc::kNotFound);
  EXPECT_EQ(w.call(w.cloud.subnetwork(kRegion, "sub")).value().secondary.at("vips"), "10.1.0.0/24");
}

TEST(EmulatedCompute, TheSameSeedGivesTheSameHistory) {
  const auto run = [](uint64_t seed) {
    TestWorld w(Delays::built_in(), seed);
    w.finish(w.set_aliases(0, {"10.0.0.99/32"}));
    w.finish(w.set_aliases(0, {}));
    w.finish(w.set_aliases(1, {"10.0.0.99/32"}));
    return w.cloud.describe();
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(EmulatedCompute, TheWorldIsConsistentFromTheStart) {
  TestWorld w;
  Instance instance = TestWorld::instance(0);
  EXPECT_EQ(w.cloud.add_instance(instance).error().code, Errc::kExists);
  instance.ref = node(8);
  EXPECT_EQ(w.cloud.add_instance(instance).error().code, Errc::kConflict);
  instance.interfaces[0].network_ip = "10.2.0.1";
  EXPECT_EQ(w.cloud.add_instance(instance).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(w.cloud.add_network({.network = "net"}).error().code, Errc::kExists);
  const auto overlap =
      w.cloud.add_subnetwork(kRegion, {.name = "s2", .network = "net", .cidr = "10.1.0.0/20"});
  EXPECT_EQ(overlap.error().code, Errc::kConflict);
  EXPECT_EQ(w.cloud.power(node(9), Power::kOff).error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace atl::cloud
