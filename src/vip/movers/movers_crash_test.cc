// The controller dies at each of its calls in turn, with and without the call having its effect;
// the next one, which remembers nothing, ends where the first one should have.

#include "vip/movers/route_names.h"
#include "vip/movers/test_world.h"

namespace atl::vip {
namespace {

// What a mover does to the pool in one round, and how many calls that takes.
struct Story {
  WorldOptions options;
  std::vector<size_t> before;
  std::vector<size_t> after;
};

Task<void> doomed_round(World* w, std::vector<Wanted> wanted, std::set<Vip> urgent) {
  co_await w->mover().reconcile(w->pool(), std::move(wanted), std::move(urgent), World::always());
}

Task<void> until(env::Event* event) {
  co_await event->wait();
}

std::unique_ptr<World> prepared(const Story& story) {
  auto w = std::make_unique<World>(story.options);
  if (story.options.mover == "gcp-alias") w->put_aliases(0, {{"10.0.7.0/28", ""}});
  w->settle(w->at(story.before));
  w->env().run_for(1min);
  return w;
}

uint32_t calls_without_a_crash(const Story& story) {
  auto w = prepared(story);
  const uint32_t before = w->compute().calls();
  w->reconcile(w->at(story.after), {w->vip(0)});
  return w->compute().calls() - before;
}

void crash_everywhere(const Story& story) {
  const uint32_t calls = calls_without_a_crash(story);
  ASSERT_GT(calls, 4u);
  int holes = 0;
  for (uint32_t call = 1; call <= calls; ++call) {
    for (const bool reaches : {false, true}) {
      SCOPED_TRACE(fmt::format("call {} of {}, {}", call, calls, reaches ? "made" : "not made"));
      auto w = prepared(story);
      const auto wanted = w->at(story.after);
      if (story.options.mover == "gcp-route")
        w->cloud().on_data_plane_change([&holes, w = w.get()] {
          for (Vip vip : w->pool().addresses) holes += w->delivered(vip).empty();
        });
      StoppingCompute& dying = w->compute();
      dying.stop_at(dying.calls() + call, reaches);
      w->env().spawn("doomed", doomed_round(w.get(), wanted, {w->vip(0)}));
      w->env().run(until(&dying.stopped()));
      w->fresh_mover();
      w->settle(wanted);
      w->expect_delivered(wanted);
      EXPECT_EQ(holes, 0);
      if (story.options.mover == "gcp-alias") {
        EXPECT_TRUE(has(w->aliases(0), "10.0.7.0/28"));
      }
      for (Vip vip : w->pool().addresses) {
        if (story.options.mover != "gcp-route") break;
        const auto routes = w->env().run(w->cloud().routes_to(w->network(), destination_of(vip)));
        EXPECT_EQ(routes->size(), 1u) << "left behind: " << vip.to_string();
      }
      w->env().run_for(kRoundDeadline + 10s);
      dying.release();
      w->env().run_for(1min);
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(MoverCrash, alias_at_every_call) {
  crash_everywhere(
      {{.mover = "gcp-alias", .nodes = 3, .addresses = 4}, {0, 0, 0, 1}, {1, 2, 1, 0}});
}

TEST(MoverCrash, route_at_every_call) {
  crash_everywhere({{.mover = "gcp-route", .nodes = 3, .addresses = 3}, {0, 0, 1}, {1, 2, 1}});
}

TEST(MoverCrash, garp_at_every_call) {
  crash_everywhere(
      {{.mover = "gcp-garp", .nodes = 3, .addresses = 3, .services = true}, {0, 0, 1}, {1, 2, 1}});
}

}  // namespace
}  // namespace atl::vip
