#include <gtest/gtest.h>

#include <map>

#include "cluster/cluster_view.h"
#include "cluster/test_map.h"
#include "env/sim_env.h"
#include "fabric/in_process_fabric.h"

namespace atl::cluster {
namespace {

using coord::KeyValue;
using coord::Versioned;

// A coordinator whose next compare-and-swaps can be made to fail, and which another node may
// change.
class TestCoordinator final : public coord::Coordinator {
 public:
  enum class Fault { kNone, kNotDone, kDoneButSaysNot };

  Task<Result<Versioned>> get(std::string key) override {
    if (!reachable) co_return fail(Errc::kUnavailable, "no majority");
    const auto it = values.find(key);
    if (it == values.end()) co_return fail(Errc::kNotFound, key);
    co_return it->second;
  }
  Task<Result<std::vector<KeyValue>>> list(std::string) override {
    co_return std::vector<KeyValue>{};
  }
  Task<Result<uint64_t>> compare_and_swap(std::string key, uint64_t expected,
                                          std::string value) override {
    ++swaps;
    if (before_swap) std::exchange(before_swap, {})();
    if (!reachable) co_return fail(Errc::kUnavailable, "no majority");
    const Fault fault = std::exchange(next_fault, Fault::kNone);
    if (fault == Fault::kNotDone) co_return fail(Errc::kUnavailable, "no majority");
    if (values[key].version != expected) co_return fail(Errc::kConflict, "changed meanwhile");
    values[key] = {std::move(value), ++revision};
    if (fault == Fault::kDoneButSaysNot) co_return fail(Errc::kUnavailable, "the answer was lost");
    co_return revision;
  }
  Task<Status> erase(std::string, uint64_t) override { co_return Status{}; }
  Task<Result<uint64_t>> wait_change(std::string, uint64_t, Nanos) override { co_return revision; }
  Task<Status> lease_acquire(std::string, std::string, Nanos) override { co_return Status{}; }
  Task<Status> lease_renew(std::string, std::string) override { co_return Status{}; }
  Task<Status> lease_release(std::string, std::string) override { co_return Status{}; }

  std::map<std::string, Versioned> values;
  uint64_t revision = 10;
  int swaps = 0;
  bool reachable = true;
  Fault next_fault = Fault::kNone;
  std::function<void()> before_swap;
};

class ClusterViewTest : public ::testing::Test {
 protected:
  ClusterViewTest() : fabric(env), view(env, coordinator, fabric, NodeId(0)) {
    store(make_map(8, 1, {6, 2}));
    EXPECT_TRUE(env.run(view.load()).has_value());
    view.on_change([this] { ++changes; });
  }

  // As if another node had written it.
  void store(const ClusterMap& map) {
    coordinator.values[kMapKey] = {map.encode(), ++coordinator.revision};
  }
  ClusterMap stored() const {
    return ClusterMap::decode(coordinator.values.at(kMapKey).value).value();
  }
  void report(uint32_t device, Errc code) {
    Error why(code, "a test");
    env.run(view.report_failure(DeviceId(device), std::move(why)));
  }
  Status set_rebuild(uint32_t device, bool value) {
    auto change = [device, value](ClusterMap* map) -> Result<bool> {
      map->find_device(DeviceId(device))->needs_rebuild = value;
      return true;
    };
    return env.run(view.update(change));
  }

  env::SimEnv env{1};
  TestCoordinator coordinator;
  fabric::InProcessFabric fabric;
  ClusterView view;
  int changes = 0;
};

TEST_F(ClusterViewTest, WithoutAMapThereIsNothingToLoad) {
  coordinator.values.clear();
  ClusterView other(env, coordinator, fabric, NodeId(0));
  EXPECT_EQ(env.run(other.load()).error().code, Errc::kNotFound);
  coordinator.values[kMapKey] = {"rubbish", 99};
  EXPECT_EQ(env.run(other.load()).error().code, Errc::kCorrupt);
}

TEST_F(ClusterViewTest, ClientsStayTheSame) {
  device::DeviceClient* client = view.client(DeviceId(3));
  ASSERT_NE(client, nullptr);
  EXPECT_EQ(client->device(), DeviceId(3));
  ASSERT_TRUE(set_rebuild(3, true).has_value());
  EXPECT_EQ(view.client(DeviceId(3)), client);
  EXPECT_EQ(view.client(DeviceId(99)), nullptr);
}

TEST_F(ClusterViewTest, UpdateIsStoredAndTold) {
  ASSERT_TRUE(set_rebuild(2, true).has_value());
  EXPECT_TRUE(stored().find_device(DeviceId(2))->needs_rebuild);
  EXPECT_TRUE(view.map().find_device(DeviceId(2))->needs_rebuild);
  EXPECT_EQ(view.map().version, coordinator.values[kMapKey].version);
  EXPECT_EQ(changes, 1);
}

TEST_F(ClusterViewTest, ARefusedOrEmptyChangeWritesNothing) {
  auto nothing = [](ClusterMap*) -> Result<bool> { return false; };
  EXPECT_TRUE(env.run(view.update(nothing)).has_value());
  auto refused = [](ClusterMap* map) -> Result<bool> {
    map->devices.clear();
    return fail(Errc::kPermission, "no");
  };
  EXPECT_EQ(env.run(view.update(refused)).error().code, Errc::kPermission);
  auto meaningless = [](ClusterMap* map) -> Result<bool> {
    map->devices.clear();
    return true;
  };
  EXPECT_EQ(env.run(view.update(meaningless)).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(coordinator.swaps, 0);
  EXPECT_EQ(changes, 0);
  EXPECT_EQ(view.map().devices.size(), 8u);
}

TEST_F(ClusterViewTest, AChangeOfAnotherNodeIsKept) {
  coordinator.before_swap = [this] {
    ClusterMap map = stored();
    map.find_device(DeviceId(7))->needs_rebuild = true;
    store(map);
  };
  ASSERT_TRUE(set_rebuild(2, true).has_value());
  EXPECT_EQ(coordinator.swaps, 2);
  EXPECT_TRUE(stored().find_device(DeviceId(2))->needs_rebuild);
  EXPECT_TRUE(stored().find_device(DeviceId(7))->needs_rebuild);
}

TEST_F(ClusterViewTest, ALostAnswerIsFoundToBeDone) {
  coordinator.next_fault = TestCoordinator::Fault::kDoneButSaysNot;
  ASSERT_TRUE(set_rebuild(2, true).has_value());
  EXPECT_EQ(coordinator.swaps, 1) << "not done twice";
  EXPECT_EQ(changes, 1);
}

TEST_F(ClusterViewTest, AMomentWithoutMajorityIsWaitedOut) {
  coordinator.next_fault = TestCoordinator::Fault::kNotDone;
  ASSERT_TRUE(set_rebuild(2, true).has_value());
  EXPECT_EQ(coordinator.swaps, 2);
}

TEST_F(ClusterViewTest, WithoutMajorityTheCallerHearsAfterAWhile) {
  coordinator.reachable = false;
  EXPECT_EQ(set_rebuild(2, true).error().code, Errc::kUnavailable);
  EXPECT_FALSE(view.map().find_device(DeviceId(2))->needs_rebuild);
}

TEST_F(ClusterViewTest, AFailedDeviceIsMarkedAndNarrowerGroupsAppear) {
  EXPECT_TRUE(view.readable(DeviceId(8)));
  report(8, Errc::kIo);
  EXPECT_FALSE(view.readable(DeviceId(8)));
  EXPECT_FALSE(view.writable(DeviceId(8)));
  EXPECT_EQ(stored().find_device(DeviceId(8))->failure, "io: a test");
  ASSERT_FALSE(writable_groups(view.map()).empty());
  EXPECT_EQ(view.map().find_group(writable_groups(view.map())[0])->protection, (Protection{5, 2}));
  report(8, Errc::kUnavailable);
  EXPECT_EQ(changes, 1) << "a second report changes nothing";
}

TEST_F(ClusterViewTest, ErrorsThatAreNotTheDevicesAreIgnored) {
  for (const Errc code :
       {Errc::kNotFound, Errc::kCorrupt, Errc::kNoSpace, Errc::kFenced, Errc::kConflict,
        Errc::kTooLarge, Errc::kInvalidArgument, Errc::kBusy, Errc::kCancelled})
    report(1, code);
  report(99, Errc::kIo);
  EXPECT_EQ(coordinator.swaps, 0);
  EXPECT_TRUE(view.readable(DeviceId(1)));
}

TEST_F(ClusterViewTest, DevicesThatAreClosedOnPurposeAreNotFailed) {
  view.stop_reports();
  report(1, Errc::kUnavailable);
  EXPECT_EQ(coordinator.swaps, 0);
  EXPECT_TRUE(view.readable(DeviceId(1)));
}

TEST_F(ClusterViewTest, TwoReportsAtOnceBothCount) {
  Error why(Errc::kIo, "a test");
  env.spawn("a", view.report_failure(DeviceId(1), why));
  env.spawn("b", view.report_failure(DeviceId(2), why));
  env.run(view.report_failure(DeviceId(1), why));
  env.run_for(1s);
  EXPECT_FALSE(view.readable(DeviceId(1)));
  EXPECT_FALSE(view.readable(DeviceId(2)));
  EXPECT_EQ(changes, 2);
}

TEST_F(ClusterViewTest, ASlowDeviceIsKeptWhenDataWouldBeUnreadableWithoutIt) {
  report(1, Errc::kTimeout);
  report(2, Errc::kTimeout);
  EXPECT_FALSE(view.readable(DeviceId(2)));
  report(3, Errc::kTimeout);
  EXPECT_TRUE(view.readable(DeviceId(3))) << "the third would take the data with it";
  report(3, Errc::kIo);
  EXPECT_FALSE(view.readable(DeviceId(3))) << "a broken one is broken";
}

TEST_F(ClusterViewTest, DrainingIsReadableOnly) {
  ClusterMap map = stored();
  map.domains[0].draining = true;
  map.find_device(DeviceId(2))->state = DeviceState::kDraining;
  store(map);
  ASSERT_TRUE(env.run(view.load()).has_value());
  EXPECT_TRUE(view.readable(DeviceId(1)));
  EXPECT_FALSE(view.writable(DeviceId(1)));
  EXPECT_TRUE(view.readable(DeviceId(2)));
  EXPECT_FALSE(view.writable(DeviceId(2)));
}

}  // namespace
}  // namespace atl::cluster
