// A whole small cluster over simulated disks, for tests of stripes and of everything that stands on
// them: the real devices, fabric, map and stripe store, one node a domain, a coordinator in memory.
//
//   TestCluster c;                          // 8 domains, 6+2
//   StripeRef s = c.write(pattern(1, 300'000));
//   c.kill(3);                              // domain 3 no longer answers
//   c.expect_read(s, pattern(1, 300'000));
//   c.replace(3);  c.restart();             // a new device for domain 3; power cut and start
//
// Domains are numbered from 1. With one device a domain, device d begins as the one of domain d.
// A restart makes a new SimEnv, view and store over the same disks; what a test holds of the old
// ones is gone, and on_restart() can rebuild it. Everything of a halted world is leaked, as SimEnv
// asks.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/log.h"
#include "cluster/placement.h"
#include "coord/memory.h"
#include "device/device.h"
#include "env/sim_env.h"
#include "fabric/in_process_fabric.h"
#include "stripe/stripe.h"

namespace atl::stripe {

// `length` bytes that tell their seed and their place: a shard in the wrong slot shows.
inline Buf pattern(uint64_t seed, size_t length) {
  Buf out = Buf::allocate(length);
  uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
  size_t at = 0;
  while (at < length) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const uint64_t word = state ^ (state >> 29);
    const size_t n = std::min(sizeof word, length - at);
    std::memcpy(out.mutable_data() + at, &word, n);
    at += n;
  }
  return out;
}

// A catalog that a test fills by hand.
class TestCatalog final : public StripeCatalog {
 public:
  Task<Result<std::vector<StripeRef>>> list(StripeId after, size_t limit) override {
    if (broken) co_return fail(Errc::kUnavailable, "the catalog is not there");
    std::vector<StripeRef> out;
    for (auto it = stripes.upper_bound(after); it != stripes.end() && out.size() < limit; ++it)
      out.push_back(it->second);
    co_return out;
  }
  Task<Result<bool>> contains(StripeId id) override {
    if (broken) co_return fail(Errc::kUnavailable, "the catalog is not there");
    co_return stripes.contains(id);
  }
  void add(const StripeRef& ref) { stripes[ref.id] = ref; }
  void remove(const StripeRef& ref) { stripes.erase(ref.id); }

  std::map<StripeId, StripeRef> stripes;
  bool broken = false;
};

struct TestClusterOptions {
  uint32_t domains = 8;
  uint32_t devices_per_domain = 1;
  cluster::Protection protection{6, 2};
  uint64_t device_bytes = device::kMinDeviceBytes;
  uint64_t seed = 1;
  StoreOptions store;
};

class TestCluster {
 public:
  explicit TestCluster(TestClusterOptions options = {}) : options_(options) {
    set_log_level(LogLevel::kError);  // what the faults make the layers say is no news here
    start_world();
    make_cluster();
    open_all();
  }
  ~TestCluster() { leak_world(); }
  TestCluster(const TestCluster&) = delete;
  TestCluster& operator=(const TestCluster&) = delete;

  env::SimEnv& env() { return *world_->env; }
  env::SimStorage& storage() { return storage_; }
  coord::MemoryCoordinator& coordinator() { return *world_->coordinator; }
  fabric::InProcessFabric& fabric() { return *world_->fabric; }
  cluster::ClusterView& view() { return *world_->view; }
  const cluster::ClusterMap& map() { return world_->view->map(); }
  StripeStore& store() { return *world_->store; }
  TestCatalog& catalog() { return catalog_; }
  // Null unless the device is open.
  device::Device* device(uint32_t id) {
    auto it = world_->devices.find(DeviceId(id));
    return it == world_->devices.end() ? nullptr : it->second.get();
  }
  std::string path(uint32_t id) { return map().find_device(DeviceId(id))->path; }

  template <typename T>
  T run(Task<T> task) {
    return world_->env->run(std::move(task));
  }

  // --- Stripes ---

  // Writes, commits to catalog() and settles, as an owner of stripes does.
  StripeRef write(Buf data, device::WriteClass write_class = device::WriteClass::kUser) {
    auto written = run(store().write(std::move(data), write_class));
    EXPECT_TRUE(written.has_value()) << (written ? "" : written.error().to_string());
    if (!written) return {};
    catalog_.add(*written);
    store().settle(written->id);
    return *written;
  }
  Result<Buf> read(StripeRef stripe, uint32_t offset, uint32_t length) {
    auto bufs = run(store().read(stripe, offset, length));
    if (!bufs) return std::unexpected(std::move(bufs).error());
    return flatten(*bufs);
  }
  ::testing::AssertionResult reads(StripeRef stripe, const Buf& expected) {
    auto got = read(stripe, 0, stripe.data_length);
    if (!got) return ::testing::AssertionFailure() << got.error().to_string();
    if (got->size() != expected.size())
      return ::testing::AssertionFailure()
             << got->size() << " bytes instead of " << expected.size();
    for (size_t i = 0; i < expected.size(); ++i)
      if (got->data()[i] != expected.data()[i])
        return ::testing::AssertionFailure() << "byte " << i << " differs";
    return ::testing::AssertionSuccess();
  }
  void free(StripeRef stripe) {
    catalog_.remove(stripe);
    EXPECT_TRUE(run(store().free(stripe)).has_value());
  }
  DeviceId slot(StripeRef stripe, uint32_t shard) {
    return map().find_group(stripe.group)->slots[shard];
  }
  bool has_shard(StripeRef stripe, uint32_t shard) {
    device::Device* at = device(slot(stripe, shard).value);
    if (at == nullptr) return false;
    const device::ShardKey key{stripe.id, static_cast<uint8_t>(shard)};
    for (const auto& info : at->list_shards({StripeId(key.stripe.value - 1), 255}, 256))
      if (info.key == key) return true;
    return false;
  }
  uint64_t shards_stored() {
    uint64_t n = 0;
    for (auto& [id, device] : world_->devices) n += device->use().shards;
    return n;
  }

  // --- Faults ---

  // The node of the domain no longer answers; its disks stay as they are.
  void kill(uint32_t domain) {
    fabric().unserve(NodeId(domain));
    auto it = world_->services.find(domain);
    if (it == world_->services.end()) return;
    world_->retired.push_back(it->second.release());  // calls may still be inside
    world_->services.erase(it);
  }
  // It answers again, and is taken back as `atoll domain return` does.
  void revive(uint32_t domain) {
    serve(domain);
    change([domain](cluster::ClusterMap* map) {
      for (auto& device : map->devices) {
        if (device.domain != DomainId(domain) || device.state != cluster::DeviceState::kFailed)
          continue;
        device.state = cluster::DeviceState::kUp;
        device.needs_rebuild = true;
      }
    });
  }
  // The node is gone and its disks with it.
  void lose(uint32_t domain) {
    kill(domain);
    for (const auto& entry : map().devices)
      if (entry.domain == DomainId(domain)) storage_.fail_device(entry.path);
  }
  // Marks the domain's devices failed without waiting for a call to fail.
  void mark_failed(uint32_t domain) {
    kill(domain);
    for (const auto& entry : std::vector(map().devices))
      if (entry.domain == DomainId(domain)) {
        Error why(Errc::kUnavailable, "the test said so");
        run(view().report_failure(entry.id, why));
      }
  }
  void slow(uint32_t device, uint32_t factor) { storage_.slow_device(path(device), factor); }
  void break_disk(uint32_t device, uint64_t after_ops = 0) {
    storage_.fail_device(path(device), after_ops);
  }
  // Flips one bit of a stored shard's payload, at `offset` of the shard, on the medium.
  void flip_bit(StripeRef stripe, uint32_t shard, uint32_t offset, int bit = 0) {
    const uint64_t at = find_payload(stripe, shard, offset);
    storage_.flip_bit(path(slot(stripe, shard).value), at, bit);
  }

  // A new, empty device takes the place of the domain's only one. Returns its id.
  uint32_t replace(uint32_t domain) {
    DeviceId old;
    for (const auto& entry : map().devices)
      if (entry.domain == DomainId(domain) && entry.state != cluster::DeviceState::kReplaced)
        old = entry.id;
    EXPECT_NE(old.value, 0u);
    close(old);
    cluster::DeviceEntry fresh;
    fresh.id = DeviceId(map().next_device);
    fresh.domain = DomainId(domain);
    fresh.node = NodeId(domain);
    fresh.capacity_bytes = options_.device_bytes;
    fresh.path = device_path(fresh.id);
    format(fresh);
    open(fresh);
    serve(domain);
    change([&](cluster::ClusterMap* map) {
      const Status replaced = cluster::replace_device(map, old, fresh);
      EXPECT_TRUE(replaced.has_value()) << (replaced ? "" : replaced.error().to_string());
    });
    return fresh.id.value;
  }

  // Stops in the middle of everything and starts over what the disks still have.
  void restart(env::CrashKind kind = env::CrashKind::kPowerCut) {
    World* old = world_.release();  // leaked: its tasks refer to it
    old->env->halt();
    storage_.crash(random_, kind);
    start_world();
    auto values = run(old->coordinator->list(""));
    for (auto& value : *values) {
      auto stored = run(coordinator().compare_and_swap(value.key, 0, value.versioned.value));
      EXPECT_TRUE(stored.has_value());
    }
    graveyard().push_back(old);
    EXPECT_TRUE(run(view().load()).has_value());
    open_all();
    if (on_restart_) on_restart_();
  }
  void on_restart(std::function<void()> f) { on_restart_ = std::move(f); }

  void change(std::function<void(cluster::ClusterMap*)> edit) {
    auto wrapped = [edit](cluster::ClusterMap* map) -> Result<bool> {
      edit(map);
      return true;
    };
    const Status changed = run(view().update(wrapped));
    EXPECT_TRUE(changed.has_value()) << (changed ? "" : changed.error().to_string());
  }

 private:
  struct World {
    std::unique_ptr<env::SimEnv> env;
    std::unique_ptr<coord::MemoryCoordinator> coordinator;
    std::unique_ptr<fabric::InProcessFabric> fabric;
    std::unique_ptr<cluster::ClusterView> view;
    std::map<DeviceId, std::unique_ptr<device::Device>> devices;
    std::map<uint32_t, std::unique_ptr<device::DeviceService>> services;  // by domain
    std::vector<device::DeviceService*> retired;                          // leaked
    std::vector<device::Device*> closed;                                  // leaked
    std::unique_ptr<StripeIdSource> ids;
    std::unique_ptr<StripeStore> store;
  };

  // Keeps what is leaked reachable, so that leak checkers see it is meant.
  static std::vector<World*>& graveyard() {
    static auto* all = new std::vector<World*>;
    return *all;
  }
  void leak_world() {
    World* old = world_.release();
    old->env->halt();
    for (const std::string& path : storage_.file_paths()) storage_.blank(path);  // frees the memory
    graveyard().push_back(old);
  }

  void start_world() {
    world_ = std::make_unique<World>();
    env::SimOptions sim;
    sim.seed = options_.seed + starts_++;
    world_->env = std::make_unique<env::SimEnv>(storage_, sim);
    world_->coordinator = std::make_unique<coord::MemoryCoordinator>(*world_->env);
    world_->fabric = std::make_unique<fabric::InProcessFabric>(*world_->env);
    world_->view = std::make_unique<cluster::ClusterView>(*world_->env, *world_->coordinator,
                                                          *world_->fabric, NodeId(0));
    world_->ids = std::make_unique<StripeIdSource>(*world_->coordinator);
    world_->store = std::make_unique<StripeStore>(*world_->view, *world_->ids, options_.store);
  }

  std::string device_path(DeviceId id) { return fmt::format("/device-{}", id); }

  void make_cluster() {
    cluster::ClusterMap map;
    map.cluster.bytes[0] = 0xc1;
    map.protection = options_.protection;
    for (uint32_t d = 1; d <= options_.domains; ++d) {
      map.domains.push_back({DomainId(d), false});
      for (uint32_t i = 0; i < options_.devices_per_domain; ++i) {
        cluster::DeviceEntry entry;
        entry.id = DeviceId(map.next_device++);
        entry.domain = DomainId(d);
        entry.node = NodeId(d);
        entry.capacity_bytes = options_.device_bytes;
        entry.path = device_path(entry.id);
        map.devices.push_back(entry);
        cluster_ = map.cluster;
        format(entry);
      }
    }
    const Status added = cluster::add_groups(&map, map.protection);
    ATOLL_CHECK(added.has_value(), "the scheme does not fit the test's cluster");
    std::string key = cluster::kMapKey;
    auto stored = run(coordinator().compare_and_swap(key, 0, map.encode()));
    ATOLL_CHECK(stored.has_value());
    const Status loaded = run(view().load());
    ATOLL_CHECK(loaded.has_value());
  }

  void format(const cluster::DeviceEntry& entry) {
    device::Identity identity{cluster_, entry.id, entry.domain, 0};
    device::Device::FormatOptions format;
    format.size_bytes = options_.device_bytes;
    const Status formatted = run(device::Device::format(env(), entry.path, identity, format));
    ATOLL_CHECK(formatted.has_value(), formatted ? "" : formatted.error().to_string());
  }

  void open(const cluster::DeviceEntry& entry) {
    device::OpenExpectation expected{cluster_, entry.id, entry.domain, entry.incarnation};
    auto opened = run(device::Device::open(env(), entry.path, expected));
    EXPECT_TRUE(opened.has_value()) << (opened ? "" : opened.error().to_string());
    if (opened) world_->devices[entry.id] = std::move(*opened);
  }

  // Opens what is there; devices whose disks fail stay closed.
  void open_all() {
    cluster_ = map().cluster;
    for (const auto& entry : map().devices) {
      if (entry.state == cluster::DeviceState::kReplaced) continue;
      device::OpenExpectation expected{cluster_, entry.id, entry.domain, entry.incarnation};
      auto opened = run(device::Device::open(env(), entry.path, expected));
      if (opened) world_->devices[entry.id] = std::move(*opened);
    }
    for (uint32_t d = 1; d <= options_.domains; ++d) serve(d);
  }

  void serve(uint32_t domain) {
    kill(domain);
    auto service = std::make_unique<device::DeviceService>(fabric(), NodeId(domain));
    for (const auto& [id, device] : world_->devices)
      if (device->identity().domain == DomainId(domain)) service->add(device.get());
    world_->services[domain] = std::move(service);
  }

  // A device that was taken out: calls may still be inside.
  void close(DeviceId id) {
    auto it = world_->devices.find(id);
    if (it == world_->devices.end()) return;
    kill(it->second->identity().domain.value);
    world_->closed.push_back(it->second.release());
    world_->devices.erase(it);
  }

  uint64_t find_payload(StripeRef stripe, uint32_t shard, uint32_t offset) {
    const auto length = std::min<uint32_t>(64, stripe_shard_length(stripe) - offset / 4096 * 4096);
    auto read = run(device(slot(stripe, shard).value)
                        ->read_shard({stripe.id, static_cast<uint8_t>(shard)}, offset / 4096 * 4096,
                                     length, env::ReadMode::kDirect));
    ATOLL_CHECK(read.has_value(), "no such shard");
    const uint8_t* needle = read->bytes.data() + (offset / 4096 * 4096 - read->offset);
    const auto content = storage_.snapshot(path(slot(stripe, shard).value));
    for (const auto& [block, data] : content)
      if (data != nullptr && std::memcmp(data->data(), needle, length) == 0)
        return block * env::kBlockSize + offset % 4096;
    ATOLL_CHECK(false, "the shard's bytes are not on the disk");
    return 0;
  }
  uint32_t stripe_shard_length(StripeRef stripe) {
    return shard_length(stripe.data_length, map().find_group(stripe.group)->protection.k);
  }

  TestClusterOptions options_;
  env::SimStorage& storage_ = *new env::SimStorage;  // leaked: halted worlds refer to it
  env::Random random_{options_.seed};
  std::unique_ptr<World> world_;
  Uuid cluster_;
  TestCatalog catalog_;
  std::function<void()> on_restart_;
  uint64_t starts_ = 0;
};

}  // namespace atl::stripe
