// A test cluster with Maintenance and some stripes, for the tests of rebuild, scrub and orphans.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/probe.h"
#include "stripe/test_cluster.h"

namespace atl::stripe {

inline uint64_t probe_hits(std::string_view name) {
  for (const auto& [probe, hits] : probe_counts())
    if (probe == name) return hits;
  ADD_FAILURE() << "no probe " << name;
  return 0;
}

class MaintenanceFixture : public ::testing::Test {
 protected:
  explicit MaintenanceFixture(TestClusterOptions options = {}) : c(options) { make_maintenance(); }
  ~MaintenanceFixture() override { stop(); }

  void make_maintenance() {
    std::vector<StripeCatalog*> catalogs{&c.catalog()};
    maintenance = std::make_unique<Maintenance>(c.store(), c.view(), catalogs, options);
  }
  void stop() {
    if (maintenance) c.run(maintenance->stop());
    maintenance.reset();
  }
  void fill(int count, uint32_t first = 0) {
    for (int i = 0; i < count; ++i) {
      Buf data = pattern(first + static_cast<uint64_t>(i), 1000 + (i * 7919) % 300'000);
      stripes.emplace_back(c.write(data), data);
    }
  }
  void expect_all() {
    for (const auto& [stripe, data] : stripes) EXPECT_TRUE(c.reads(stripe, data));
  }
  void expect_every_shard_in_place() {
    for (const auto& [stripe, data] : stripes) {
      const cluster::Group* group = c.map().find_group(stripe.group);
      for (uint32_t i = 0; i < group->slots.size(); ++i)
        EXPECT_TRUE(c.has_shard(stripe, i)) << "stripe " << stripe.id.value << " shard " << i;
    }
  }
  bool needs_rebuild(uint32_t device) {
    return c.map().find_device(DeviceId(device))->needs_rebuild;
  }
  Status rebuild() { return c.run(maintenance->rebuild()); }
  ScrubReport scrub() {
    auto report = c.run(maintenance->scrub({}));
    EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().to_string());
    return report.value_or(ScrubReport());
  }
  uint64_t collect_orphans() {
    auto freed = c.run(maintenance->collect_orphans());
    EXPECT_TRUE(freed.has_value()) << (freed ? "" : freed.error().to_string());
    return freed.value_or(0);
  }

  StoreOptions options;
  TestCluster c;
  std::unique_ptr<Maintenance> maintenance;
  std::vector<std::pair<StripeRef, Buf>> stripes;
};

}  // namespace atl::stripe
