// Orphan collection; and domains that hold several shards of a stripe.
#include <gtest/gtest.h>

#include "base/planted_bug.h"
#include "stripe/maintenance_fixture.h"
#include "stripe/store_impl.h"

namespace atl::stripe {
namespace {

class OrphanTest : public MaintenanceFixture {};

// --- Orphans ---

TEST_F(OrphanTest, OrphansAreFreedAndTheRestIsLeft) {
  fill(5);
  auto orphan = c.run(c.store().write(pattern(90, 50'000), device::WriteClass::kUser));
  ASSERT_TRUE(orphan.has_value());
  EXPECT_EQ(collect_orphans(), 0u) << "it is in flight";
  c.store().settle(orphan->id);
  EXPECT_EQ(collect_orphans(), 8u);
  EXPECT_EQ(collect_orphans(), 0u);
  expect_every_shard_in_place();
}

TEST_F(OrphanTest, ACatalogThatCannotAnswerLosesNothing) {
  fill(5);
  c.catalog().broken = true;
  EXPECT_FALSE(c.run(maintenance->collect_orphans()).has_value());
  c.catalog().broken = false;
  expect_every_shard_in_place();
}

TEST_F(OrphanTest, ShardsOnADeviceThatWasAwayAreFreedLater) {
  fill(4);
  const StripeRef gone = stripes[0].first;
  c.mark_failed(3);
  c.free(gone);
  stripes.erase(stripes.begin());
  c.revive(3);
  EXPECT_EQ(collect_orphans(), 1u);
  expect_all();
}

TEST_F(OrphanTest, OrphanCollectionWhileOthersWriteTakesNothingThatIsNeeded) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    TestClusterOptions o;
    o.seed = seed;
    TestCluster cluster(o);
    std::vector<StripeCatalog*> catalogs{&cluster.catalog()};
    Maintenance m(cluster.store(), cluster.view(), catalogs, StoreOptions());
    struct State {
      TestCluster* c;
      std::map<StripeId, uint64_t> live;
      bool stop = false;
      int ended = 0;
    };
    auto state = std::make_shared<State>();
    state->c = &cluster;
    auto writer = [](std::shared_ptr<State> s, uint64_t seed) -> Task<void> {
      env::Random random(seed);
      while (!s->stop) {
        const uint64_t id = random.next();
        Buf data = pattern(id, 1000 + random.below(50'000));
        auto written = co_await s->c->store().write(std::move(data), device::WriteClass::kUser);
        if (!written) continue;
        co_await s->c->env().sleep(Nanos(random.below(3'000'000)));  // the owner takes its time
        if (random.chance(0.3)) {                                    // and sometimes gives up
          s->c->store().settle(written->id);
          continue;
        }
        s->c->catalog().add(*written);
        s->c->store().settle(written->id);
        s->live[written->id] = id;
        if (random.chance(0.3)) {
          const StripeRef ref = *written;
          s->live.erase(ref.id);
          s->c->catalog().remove(ref);
          (void)co_await s->c->store().free(ref);
        }
      }
      ++s->ended;
    };
    auto collector = [](std::shared_ptr<State> s, Maintenance* m) -> Task<void> {
      while (!s->stop) {
        (void)co_await m->collect_orphans();
        co_await s->c->env().sleep(50us);  // listing takes no time in the simulated world
      }
      ++s->ended;
    };
    for (uint64_t w = 0; w < 4; ++w) cluster.env().spawn("writer", writer(state, seed * 10 + w));
    cluster.env().spawn("collector", collector(state, &m));
    cluster.env().run_for(300ms);
    state->stop = true;
    cluster.env().run_for(5s);
    ASSERT_EQ(state->ended, 5);
    (void)cluster.run(m.collect_orphans());
    EXPECT_EQ(cluster.shards_stored(), 8 * cluster.catalog().stripes.size()) << "seed " << seed;
    EXPECT_GT(cluster.catalog().stripes.size(), 10u);
    for (const auto& [id, ref] : cluster.catalog().stripes) {
      const auto got = cluster.read(ref, 0, ref.data_length);
      ASSERT_TRUE(got.has_value()) << got.error().to_string();
      EXPECT_EQ(got->view(), pattern(state->live[id], ref.data_length).view());
    }
    cluster.run(m.stop());
  }
}

// --- Several shards of a stripe in a domain ---

class WideDomainsTest : public MaintenanceFixture {
 protected:
  static TestClusterOptions four_by_two() {
    TestClusterOptions o;
    o.domains = 4;
    o.devices_per_domain = 2;
    return o;
  }
  WideDomainsTest() : MaintenanceFixture(four_by_two()) {}
};

TEST_F(WideDomainsTest, OneDomainIsTwoShards) {
  fill(10);
  c.lose(2);
  expect_all();
  EXPECT_EQ(cluster::domains_survived_by_design(c.map()), 1u);
  c.mark_failed(2);
  fill(5, 100);
  c.lose(3);
  for (size_t i = 10; i < stripes.size(); ++i)
    EXPECT_TRUE(c.reads(stripes[i].first, stripes[i].second)) << "4+2 over 3 x 2 survives one more";
}

}  // namespace
}  // namespace atl::stripe
