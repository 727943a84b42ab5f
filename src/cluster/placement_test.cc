#include <gtest/gtest.h>

#include <map>
#include <set>

#include "cluster/assignment.h"
#include "cluster/test_map.h"

namespace atl::cluster {
namespace {

std::map<DomainId, uint32_t> slots_by_domain(const ClusterMap& map, const Group& group) {
  std::map<DomainId, uint32_t> out;
  for (const DeviceId slot : group.slots) ++out[map.find_device(slot)->domain];
  return out;
}

// (least, most) times that a device has one slot number, over all devices and slot numbers.
std::pair<uint32_t, uint32_t> slot_spread(const ClusterMap& map) {
  std::map<std::pair<DeviceId, size_t>, uint32_t> count;
  const size_t slots = map.groups[0].slots.size();
  for (const DeviceEntry& device : map.devices)
    for (size_t i = 0; i < slots; ++i) count[{device.id, i}] = 0;
  for (const Group& group : map.groups)
    for (size_t i = 0; i < slots; ++i) ++count[{group.slots[i], i}];
  uint32_t least = UINT32_MAX, most = 0;
  for (const auto& [key, n] : count) {
    least = std::min(least, n);
    most = std::max(most, n);
  }
  return {least, most};
}

Protection best(const ClusterMap& map) {
  return best_protection(map).value();
}

TEST(Assignment, FindsTheCheapest) {
  const std::vector<std::vector<int64_t>> cost{{4, 1, 3}, {2, 0, 5}, {3, 2, 2}};
  EXPECT_EQ(cheapest_assignment(cost), (std::vector<size_t>{1, 0, 2}));
  EXPECT_TRUE(cheapest_assignment({}).empty());
}

TEST(Assignment, AgreesWithTryingAll) {
  uint64_t state = 7;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::vector<int64_t>> cost(5, std::vector<int64_t>(5));
    for (auto& row : cost)
      for (auto& cell : row)
        cell = (state = state * 6364136223846793005u + 1442695040888963407u) >> 60;
    std::vector<size_t> order{0, 1, 2, 3, 4};
    int64_t least = INT64_MAX;
    do {
      int64_t sum = 0;
      for (size_t i = 0; i < 5; ++i) sum += cost[i][order[i]];
      least = std::min(least, sum);
    } while (std::next_permutation(order.begin(), order.end()));
    int64_t got = 0;
    const auto assigned = cheapest_assignment(cost);
    for (size_t i = 0; i < 5; ++i) got += cost[i][assigned[i]];
    EXPECT_EQ(got, least);
    EXPECT_EQ(std::set<size_t>(assigned.begin(), assigned.end()).size(), 5u);
  }
}

TEST(AddGroups, EightDomainsGetEverySlotNumberTwice) {
  const ClusterMap map = make_map(8, 1, {6, 2});
  EXPECT_EQ(map.groups.size(), 16u);
  EXPECT_EQ(slot_spread(map), (std::pair<uint32_t, uint32_t>{2, 2}));
}

TEST(AddGroups, AnyNumberOfDevicesIsBalanced) {
  for (const auto& [domains, devices, p] :
       std::vector<std::tuple<uint32_t, uint32_t, Protection>>{{7, 1, {5, 2}},
                                                               {8, 3, {6, 2}},
                                                               {32, 1, {28, 4}},
                                                               {64, 1, {60, 4}},
                                                               {20, 1, {6, 2}},
                                                               {4, 2, {6, 2}}}) {
    const ClusterMap map = make_map(domains, devices, p);
    const auto [least, most] = slot_spread(map);
    const uint32_t allowed = domains * devices == p.width() ? 0 : 2;
    EXPECT_LE(most - least, allowed) << domains << "x" << devices << " " << format_protection(p);
  }
}

TEST(AddGroups, NoDomainHoldsMoreThanItsShare) {
  for (const auto& [domains, devices, p, share] :
       std::vector<std::tuple<uint32_t, uint32_t, Protection, uint32_t>>{{8, 4, {6, 2}, 1},
                                                                         {4, 2, {6, 2}, 2},
                                                                         {3, 4, {6, 2}, 3},
                                                                         {5, 2, {6, 2}, 2},
                                                                         {1, 8, {6, 2}, 8}}) {
    const ClusterMap map = make_map(domains, devices, p);
    for (const Group& group : map.groups) {
      EXPECT_EQ(std::set<DeviceId>(group.slots.begin(), group.slots.end()).size(), p.width());
      for (const auto& [domain, n] : slots_by_domain(map, group)) EXPECT_LE(n, share);
    }
  }
}

TEST(AddGroups, TooFewDevicesSaysSo) {
  ClusterMap map = make_map(8, 1, {6, 2});
  lose_domain(&map, 3);
  const auto before = map.encode();
  const Status added = add_groups(&map, {6, 2});
  ASSERT_FALSE(added.has_value());
  EXPECT_EQ(added.error().code, Errc::kUnavailable);
  EXPECT_EQ(map.encode(), before);
}

TEST(AddGroups, BiggerDevicesHoldMore) {
  ClusterMap map;
  map.protection = {2, 1};
  for (uint32_t d = 1; d <= 4; ++d) {
    map.domains.push_back({DomainId(d), false});
    DeviceEntry device;
    device.id = DeviceId(map.next_device++);
    device.domain = DomainId(d);
    device.capacity_bytes = d == 4 ? 1ull << 30 : 4ull << 30;
    map.devices.push_back(device);
  }
  ASSERT_TRUE(add_groups(&map, {2, 1}).has_value());
  std::map<DeviceId, int> uses;
  for (const Group& group : map.groups)
    for (const DeviceId slot : group.slots) ++uses[slot];
  EXPECT_LT(uses[DeviceId(4)] * 2, uses[DeviceId(1)]);
  EXPECT_GT(uses[DeviceId(4)], 0);
}

TEST(BestProtection, NarrowsOneShardADomain) {
  ClusterMap map = make_map(8, 1, {6, 2});
  EXPECT_EQ(best(map), (Protection{6, 2}));
  const Protection expected[] = {{5, 2}, {4, 2}, {3, 2}, {2, 2}, {1, 2}, {1, 1}};
  for (uint32_t lost = 1; lost <= 6; ++lost) {
    lose_domain(&map, lost);
    EXPECT_EQ(best(map), expected[lost - 1]) << lost << " lost";
  }
  lose_domain(&map, 7);
  EXPECT_EQ(best_protection(map).error().code, Errc::kUnavailable);
}

TEST(BestProtection, KeepsTheToleranceWithSeveralDevicesADomain) {
  ClusterMap map = make_map(4, 2, {6, 2});  // two shards a domain: one domain may go
  EXPECT_EQ(domains_survived_by_design(map), 1u);
  lose_domain(&map, 1);
  EXPECT_EQ(best(map), (Protection{4, 2}));  // 2 + 2 + 2
  ClusterMap wide = make_map(8, 2, {6, 2});
  set_state(&wide, 1, DeviceState::kFailed);
  EXPECT_EQ(best(wide), (Protection{6, 2})) << "the domain's other device takes over";
}

TEST(BestProtection, WithoutParityAndInOneDomain) {
  EXPECT_EQ(best(make_map(1, 1, {1, 0})), (Protection{1, 0}));
  ClusterMap one = make_map(1, 8, {6, 2});
  set_state(&one, 2, DeviceState::kFailed);
  EXPECT_EQ(best(one), (Protection{5, 2}));
}

TEST(EnsureWritableGroups, AddsNarrowerOnesOnceAndReturnsToWide) {
  ClusterMap map = make_map(8, 1, {6, 2});
  EXPECT_FALSE(ensure_writable_groups(&map).value());
  lose_domain(&map, 8);
  EXPECT_TRUE(writable_groups(map).empty());
  EXPECT_TRUE(ensure_writable_groups(&map).value());
  EXPECT_FALSE(ensure_writable_groups(&map).value()) << "a second time there is nothing to do";
  const auto narrow = writable_groups(map);
  ASSERT_FALSE(narrow.empty());
  for (const GroupId id : narrow) EXPECT_EQ(map.find_group(id)->protection, (Protection{5, 2}));
  for (const GroupId id : narrow) EXPECT_EQ(domains_survived(map, *map.find_group(id)), 2u);

  set_state(&map, 8, DeviceState::kUp);
  const auto wide = writable_groups(map);
  EXPECT_EQ(map.find_group(wide.front())->protection, (Protection{6, 2})) << "the widest first";
  EXPECT_FALSE(ensure_writable_groups(&map).value());
}

TEST(EnsureWritableGroups, ADrainedDomainGetsNothingNew) {
  ClusterMap map = make_map(8, 1, {6, 2});
  map.domains[2].draining = true;
  ASSERT_TRUE(ensure_writable_groups(&map).value());
  for (const GroupId id : writable_groups(map))
    for (const DeviceId slot : map.find_group(id)->slots) EXPECT_NE(slot, DeviceId(3));
}

TEST(EnsureWritableGroups, FlappingDoesNotGrowTheMapForEver) {
  ClusterMap map = make_map(8, 1, {6, 2});
  for (int round = 0; round < 100; ++round) {
    const uint32_t device = 1 + static_cast<uint32_t>(round) % 8;
    set_state(&map, device, DeviceState::kFailed);
    ASSERT_TRUE(ensure_writable_groups(&map).has_value());
    set_state(&map, device, DeviceState::kUp);
  }
  EXPECT_LE(map.groups.size(), 16u + 8 * 21);
}

TEST(JournalDevices, ThreeInThreeDomainsAndAllTakeTurns) {
  const ClusterMap map = make_map(8, 2, {6, 2});
  std::map<DeviceId, int> uses;
  for (uint64_t salt = 0; salt < 160; ++salt) {
    const auto devices = journal_devices(map, salt, {});
    ASSERT_EQ(devices.size(), 3u);
    std::set<DomainId> domains;
    for (const DeviceId id : devices) {
      domains.insert(map.find_device(id)->domain);
      ++uses[id];
    }
    EXPECT_EQ(domains.size(), 3u);
    EXPECT_EQ(devices, journal_devices(map, salt, {})) << "the same salt gives the same devices";
  }
  for (const DeviceEntry& device : map.devices) EXPECT_EQ(uses[device.id], 30);
}

TEST(JournalDevices, NeverThoseDownDrainingOrAvoided) {
  ClusterMap map = make_map(8, 1, {6, 2});
  set_state(&map, 1, DeviceState::kFailed);
  set_state(&map, 2, DeviceState::kDraining);
  map.domains[2].draining = true;
  for (uint64_t salt = 0; salt < 40; ++salt) {
    const auto devices = journal_devices(map, salt, {DeviceId(4), DeviceId(5)});
    const std::set<DeviceId> seen(devices.begin(), devices.end());
    EXPECT_EQ(seen, (std::set<DeviceId>{DeviceId(6), DeviceId(7), DeviceId(8)}));
  }
}

TEST(JournalDevices, SmallClustersGiveWhatTheyHave) {
  EXPECT_EQ(journal_devices(make_map(1, 4, {2, 1}), 9, {}).size(), 3u)
      << "three devices of one domain";
  EXPECT_EQ(journal_devices(make_map(2, 2, {2, 1}), 9, {}).size(), 3u);
  EXPECT_EQ(journal_devices(make_map(2, 1, {1, 1}), 9, {}).size(), 2u);
  ClusterMap none = make_map(1, 1, {1, 0});
  lose_domain(&none, 1);
  EXPECT_TRUE(journal_devices(none, 0, {}).empty());
}

DeviceEntry new_device(ClusterMap* map, uint32_t domain) {
  DeviceEntry device;
  device.id = DeviceId(map->next_device);
  device.domain = DomainId(domain);
  device.capacity_bytes = 1ull << 30;
  return device;
}

TEST(ReplaceDevice, TakesEverySlotAndNeedsARebuild) {
  ClusterMap map = make_map(8, 1, {6, 2});
  lose_domain(&map, 4);
  DeviceEntry fresh = new_device(&map, 4);
  ASSERT_TRUE(replace_device(&map, DeviceId(4), fresh).has_value());
  EXPECT_EQ(map.find_device(DeviceId(4))->state, DeviceState::kReplaced);
  EXPECT_EQ(map.find_device(DeviceId(9))->state, DeviceState::kUp);
  EXPECT_TRUE(map.find_device(DeviceId(9))->needs_rebuild);
  EXPECT_EQ(map.next_device, 10u);
  for (const Group& group : map.groups) {
    EXPECT_EQ(std::count(group.slots.begin(), group.slots.end(), DeviceId(4)), 0);
    EXPECT_EQ(std::count(group.slots.begin(), group.slots.end(), DeviceId(9)), 1);
  }
  EXPECT_TRUE(ClusterMap::decode(map.encode()).has_value());
}

TEST(ReplaceDevice, RefusesWhatWouldWeakenAGroup) {
  ClusterMap map = make_map(8, 1, {6, 2});
  lose_domain(&map, 4);
  const std::string before = map.encode();
  EXPECT_EQ(replace_device(&map, DeviceId(4), new_device(&map, 5)).error().code,
            Errc::kInvalidArgument);
  EXPECT_EQ(replace_device(&map, DeviceId(44), new_device(&map, 4)).error().code, Errc::kNotFound);
  EXPECT_EQ(replace_device(&map, DeviceId(4), new_device(&map, 99)).error().code,
            Errc::kInvalidArgument);
  DeviceEntry taken = new_device(&map, 4);
  taken.id = DeviceId(1);
  EXPECT_EQ(replace_device(&map, DeviceId(4), taken).error().code, Errc::kExists);
  EXPECT_EQ(map.encode(), before) << "a refused change changes nothing";
}

TEST(Exposure, CountsDownAsDomainsGo) {
  ClusterMap map = make_map(8, 1, {6, 2});
  for (uint32_t lost = 0; lost <= 2; ++lost) {
    if (lost > 0) lose_domain(&map, lost);
    const Exposure now = exposure(map);
    EXPECT_EQ(now.losable_domains_by_design, 2u);
    EXPECT_EQ(now.losable_domains_now, 2 - lost);
    EXPECT_EQ(now.domains_down, lost);
    EXPECT_FALSE(now.data_unreadable);
  }
  lose_domain(&map, 3);
  EXPECT_TRUE(exposure(map).data_unreadable);
  EXPECT_EQ(exposure(map).losable_domains_now, 0u);
}

TEST(Exposure, ADeviceThatIsNotRebuiltCountsAsMissing) {
  ClusterMap map = make_map(8, 1, {6, 2});
  map.find_device(DeviceId(1))->needs_rebuild = true;
  EXPECT_EQ(exposure(map).losable_domains_now, 1u);
  EXPECT_EQ(exposure(map).domains_down, 0u);
  map.find_device(DeviceId(1))->needs_rebuild = false;
  EXPECT_EQ(exposure(map).losable_domains_now, 2u);
}

TEST(Exposure, NarrowGroupsKeepThePromise) {
  ClusterMap map = make_map(8, 1, {6, 2});
  lose_domain(&map, 8);
  ASSERT_TRUE(ensure_writable_groups(&map).value());
  EXPECT_EQ(exposure(map).losable_domains_now, 1u) << "the wide stripes have lost one shard";
  set_state(&map, 8, DeviceState::kUp);
  EXPECT_EQ(exposure(map).losable_domains_now, 2u);
}

TEST(Exposure, SharesInADomain) {
  EXPECT_EQ(exposure(make_map(4, 2, {6, 2})).losable_domains_now, 1u);
  EXPECT_EQ(exposure(make_map(1, 8, {6, 2})).losable_domains_now, 0u);
  EXPECT_EQ(exposure(make_map(64, 1, {60, 4})).losable_domains_now, 4u);
}

}  // namespace
}  // namespace atl::cluster
