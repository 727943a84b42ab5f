// Faults that users reported of today's tools (docs/vip.md), each by its name. Others have theirs
// beside the mover that they concern: AliasFaults, RouteMover, Linux guests.

#include "vip/movers/round.h"
#include "vip/movers/test_control.h"

namespace atl::vip {
namespace {

constexpr Nanos kSettled = 5min;  // of virtual time, for any pool of these tests

// FortiGate's SDN connector: two that think that they are primary undo each other's routes. A
// leader that lost its lease in the middle of a round sends nothing more, though its process and
// its way to the cloud are well, and though its calls had to be repeated.
TEST(Reported, FortiGate_dual_primary_the_one_without_the_lease_changes_nothing) {
  for (const char* mover : {"gcp-route", "gcp-alias", "gcp-garp"}) {
    SCOPED_TRACE(mover);
    Control c({.mover = mover,
               .nodes = 3,
               .addresses = 3,
               .services = std::string_view(mover) == "gcp-garp"});
    Control::Process& first = c.start_controller();
    ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, kSettled), kSettled);
    Control::Process& second = c.start_controller();
    ASSERT_TRUE(first.controller->leads());
    // A round begins that cannot end soon; then the leader is cut from the coordinator.
    c.w.cloud().inject({.kind = Fault::Kind::kRateLimit, .times = Fault::kForEver});
    c.alive[0] = false;
    c.w.env().run_for(c.timing.lease + 10 * c.timing.tick);
    ASSERT_TRUE(c.held_by(0).empty());
    first.coordinator->cut = true;
    c.w.env().run_for(c.timing.lease);
    ASSERT_FALSE(first.controller->leads());
    const size_t sent = first.compute->ids.size();
    c.w.cloud().clear_faults();
    ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, kSettled), kSettled);
    // Somebody else is wanted by now, and the older rounds would still have time.
    c.alive[1] = false;
    ASSERT_LT(c.time_until([&] { return c.held_by(1).empty() && c.all_delivered(); }, kSettled),
              kSettled);
    c.w.env().run_for(2 * kRoundDeadline);
    EXPECT_TRUE(second.controller->leads());
    EXPECT_TRUE(c.all_delivered());
    EXPECT_EQ(first.compute->ids.size(), sent);
    EXPECT_GT(second.compute->ids.size(), 0u);
  }
}

// The same without a controller: what a mover does when it may not go on.
TEST(Reported, FortiGate_dual_primary_a_round_stops_where_the_lease_ended) {
  for (uint32_t allowed = 0; allowed < 4; ++allowed) {
    SCOPED_TRACE(allowed);
    World w({.mover = "gcp-route", .nodes = 3, .addresses = 2});
    w.settle(w.at({0, 0}));
    const size_t before = w.compute().ids.size();
    uint32_t asked = 0;
    MayGoOn may = [&](Vip, const NodeName&) { return asked++ < allowed; };
    const Outcome outcome =
        w.env().run(w.mover().reconcile(w.pool(), w.at({1, 2}), {w.vip(0), w.vip(1)}, may));
    EXPECT_EQ(w.compute().ids.size() - before, std::min(allowed, 2u));
    for (const Unfinished& left : outcome.unfinished)
      EXPECT_EQ(left.why.code, Errc::kCancelled) << left.why.to_string();
    EXPECT_EQ(outcome.unfinished.size(), allowed < 2 ? 2u - allowed : 0u);
  }
}

// kube-vip 1377: the address was lost when the election stalled. Here nobody leads for a while, and
// each address stays where it is; what happened meanwhile is put right by the next leader.
TEST(Reported, kube_vip_1377_a_stalled_election_loses_no_address) {
  Control c({.nodes = 4, .addresses = 8});
  Control::Process& first = c.start_controller();
  ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, kSettled), kSettled);
  Control::Process& second = c.start_controller();
  c.w.env().run_for(30s);
  const auto lost = c.held_by(0);
  ASSERT_FALSE(lost.empty());
  bool kept = true;
  c.w.cloud().on_data_plane_change([&] {
    for (Vip vip : c.w.pool().addresses)
      if (std::ranges::find(lost, vip) == lost.end()) kept = kept && !c.w.delivered(vip).empty();
  });
  first.coordinator->cut = second.coordinator->cut = true;
  c.alive[0] = false;
  c.w.env().run_for(2min);
  EXPECT_FALSE(first.controller->leads() || second.controller->leads());
  for (Vip vip : c.w.pool().addresses) EXPECT_TRUE(c.delivered(vip));  // as before
  second.coordinator->cut = false;
  EXPECT_LT(c.time_until([&] { return c.held_by(0).empty() && c.all_delivered(); }, kSettled),
            kSettled);
  EXPECT_TRUE(second.controller->leads());
  EXPECT_TRUE(kept);
}

// kube-vip 1284: the address flaps. A node that comes and goes loses its addresses once; they do
// not come back to it before it has been up for a while.
TEST(Reported, kube_vip_1284_a_node_that_comes_and_goes_does_not_make_addresses_flap) {
  Control c({.nodes = 3, .addresses = 6});
  c.start_controller();
  ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, kSettled), kSettled);
  c.w.env().run_for(c.timing.settle + 10s);
  std::map<Vip, uint64_t> before;
  for (Vip vip : c.w.pool().addresses) before[vip] = c.record(vip).generation;
  const auto flapping = c.held_by(0);
  ASSERT_EQ(flapping.size(), 2u);
  for (int i = 0; i < 6; ++i) {
    c.alive[0] = false;
    c.w.env().run_for(2 * c.timing.lease);
    c.alive[0] = true;
    c.w.env().run_for(c.timing.settle / 2);
  }
  for (Vip vip : c.w.pool().addresses) {
    const bool was_there = std::ranges::find(flapping, vip) != flapping.end();
    EXPECT_EQ(c.record(vip).generation - before[vip], was_there ? 1u : 0u) << vip.to_string();
  }
  c.w.env().run_for(c.timing.settle * 4);
  EXPECT_EQ(c.held_by(0).size(), 2u);  // well for long enough, it has its share again
}

// OpenShift's gcp-routes (installer pull request 3512): when the helper on the machine is slower
// than the load balancer, traffic goes where nobody answers. Here the next holder answers before
// the load balancer gives up the last one, with the shortest health check that it has.
TEST(Reported, OpenShift_3512_the_holder_changes_before_the_load_balancer_notices) {
  Control c({.mover = "gcp-lb", .nodes = 3, .addresses = 3, .services = true, .fast_move = false});
  const auto open = [&](const NodeName& node, Vip vip) {
    for (size_t i = 0; i < c.alive.size(); ++i)
      if (c.w.node(i).name == node && !c.alive[i]) return false;
    return c.holders[vip] == node;
  };
  c.w.cloud().set_probe([&](cloud::InstanceRef ref, std::string_view address) {
    return open("n" + ref.name.substr(2), *Vip::parse(address));
  });
  c.start_controller();
  ASSERT_LT(c.time_until([&] { return c.all_delivered(); }, kSettled), kSettled);
  c.w.env().run_for(30s);
  const auto moving = c.held_by(0);
  ASSERT_FALSE(moving.empty());
  size_t noticed = 0;
  c.w.cloud().on_data_plane_change([&] {
    for (Vip vip : moving) {
      const NodeName to = c.w.delivered(vip);
      if (to == "n0") continue;
      ++noticed;
      // The load balancer has let go of the dead node: somebody who lives has the address by then.
      EXPECT_NE(c.holders[vip], "n0");
      EXPECT_TRUE(to.empty() || open(to, vip)) << to;
    }
  });
  c.alive[0] = false;
  EXPECT_LT(c.time_until([&] { return c.held_by(0).empty() && c.all_delivered(); }, kSettled),
            kSettled);
  EXPECT_GT(noticed, 0u);
}

}  // namespace
}  // namespace atl::vip
