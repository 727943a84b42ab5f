// For tests: a cluster of simulated devices with journals on it, and ways to break every step.
//
//   JournalWorld w;                         // 8 domains, one device each
//   auto j = w.take_over("a");
//   w.append(*j, "x");                      // acknowledged: expect_history() knows it from now on
//   w.kill(3);                              // domain 3 no longer answers
//   w.restart();                            // power cut of everything, and start
//   j = w.take_over("b");
//   w.expect_history(*j);                   // what was acknowledged is there, in order
//
// Every call to a device or to the coordinator goes through `faults`, which counts them and may
// lose the request, lose the answer, or stop the world there (CrashPoint).
//
// What tasks of a halted world use is leaked, as SimEnv asks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/log.h"
#include "cluster/cluster_view.h"
#include "coord/memory.h"
#include "device/device.h"
#include "device/device_messages.h"
#include "env/sim_env.h"
#include "fabric/in_process_fabric.h"
#include "journal/journal.h"
#include "journal/state_store.h"

namespace atl::journal {

enum class Fault {
  kNone,
  kLoseRequest,  // kUnavailable, and nothing was done
  kLoseReply,    // kUnavailable, and it was done
  kStopBefore,   // it never returns, and nothing was done
  kStopAfter,    // it never returns, and it was done
};

// One call under way: to a device (with its method) or to the coordinator (node 0).
struct Call {
  NodeId node;
  device::Method method{};
  bool coordinator = false;
  bool writes = false;  // coordinator: compare_and_swap
};

// Runs a task whose result nobody waits for.
template <typename T>
Task<void> unheard(Task<T> task) {
  auto ignored = co_await std::move(task);
  (void)ignored;
}

// What happens to calls. Kept by the test; shared by the fabric and the coordinator of a world.
struct Faults {
  std::function<Fault(const Call&)> decide;
  std::set<NodeId> cut;  // nodes that do not answer
  uint64_t calls = 0;
  env::Event stopped;  // set when a kStop was taken
  env::Event never;

  Fault next(const Call& call) {
    ++calls;
    if (!call.coordinator && cut.contains(call.node)) return Fault::kLoseRequest;
    return decide ? decide(call) : Fault::kNone;
  }
};

class FaultyFabric final : public fabric::Fabric {
 public:
  FaultyFabric(env::Env& env, Faults& faults) : inner_(env), faults_(faults) {}
  Task<Result<fabric::Reply>> call(NodeId from, NodeId to, fabric::Message message,
                                   Nanos deadline) override {
    Call call;
    call.node = to;
    call.method = static_cast<device::Method>(message.method);
    const Fault fault = faults_.next(call);
    if (fault == Fault::kStopBefore) {
      faults_.stopped.set();
      co_await faults_.never.wait();
    }
    if (fault == Fault::kLoseRequest) co_return fail(Errc::kUnavailable, "the request was lost");
    auto reply = co_await inner_.call(from, to, std::move(message), deadline);
    if (fault == Fault::kStopAfter) {
      faults_.stopped.set();
      co_await faults_.never.wait();
    }
    if (fault == Fault::kLoseReply) co_return fail(Errc::kUnavailable, "the reply was lost");
    co_return reply;
  }
  void serve(NodeId node, uint16_t first_method, fabric::Handler handler) override {
    inner_.serve(node, first_method, std::move(handler));
  }
  void unserve(NodeId node) override { inner_.unserve(node); }

 private:
  fabric::InProcessFabric inner_;
  Faults& faults_;
};

// Only the calls that a journal makes are disturbed, and only for its own key.
class FaultyCoordinator final : public coord::Coordinator {
 public:
  FaultyCoordinator(env::Env& env, Faults& faults) : inner_(env), faults_(faults) {}
  coord::MemoryCoordinator& inner() { return inner_; }

  Task<Result<coord::Versioned>> get(std::string key) override {
    const Fault fault = decide(key, false);
    if (fault == Fault::kStopBefore || fault == Fault::kStopAfter) {
      faults_.stopped.set();
      co_await faults_.never.wait();
    }
    if (fault != Fault::kNone) co_return fail(Errc::kUnavailable, "no majority");
    co_return co_await inner_.get(std::move(key));
  }
  Task<Result<uint64_t>> compare_and_swap(std::string key, uint64_t expected,
                                          std::string value) override {
    const Fault fault = decide(key, true);
    if (fault == Fault::kStopBefore) {
      faults_.stopped.set();
      co_await faults_.never.wait();
    }
    if (fault == Fault::kLoseRequest) co_return fail(Errc::kUnavailable, "no majority");
    auto swapped = co_await inner_.compare_and_swap(std::move(key), expected, std::move(value));
    if (fault == Fault::kStopAfter) {
      faults_.stopped.set();
      co_await faults_.never.wait();
    }
    if (fault == Fault::kLoseReply) co_return fail(Errc::kUnavailable, "no majority");
    co_return swapped;
  }
  Task<Result<std::vector<coord::KeyValue>>> list(std::string prefix) override {
    return inner_.list(std::move(prefix));
  }
  Task<Status> erase(std::string key, uint64_t expected) override {
    return inner_.erase(std::move(key), expected);
  }
  Task<Result<uint64_t>> wait_change(std::string prefix, uint64_t after, Nanos limit) override {
    return inner_.wait_change(std::move(prefix), after, limit);
  }
  Task<Status> lease_acquire(std::string name, std::string holder, Nanos ttl) override {
    return inner_.lease_acquire(std::move(name), std::move(holder), ttl);
  }
  Task<Status> lease_renew(std::string name, std::string holder) override {
    return inner_.lease_renew(std::move(name), std::move(holder));
  }
  Task<Status> lease_release(std::string name, std::string holder) override {
    return inner_.lease_release(std::move(name), std::move(holder));
  }

 private:
  Fault decide(const std::string& key, bool writes) {
    if (!key.starts_with("journal/")) return Fault::kNone;
    Call call;
    call.coordinator = true;
    call.writes = writes;
    return faults_.next(call);
  }
  coord::MemoryCoordinator inner_;
  Faults& faults_;
};

struct JournalWorldOptions {
  uint32_t domains = 8;
  uint64_t seed = 1;
  uint64_t device_bytes = device::kMinDeviceBytes;
  uint64_t zone_bytes = 0;             // the device's choice
  uint64_t segment_bytes = 32u << 10;  // small, so that tests roll segments
};

// What a test was told by append: the journal may not say otherwise later.
struct History {
  std::map<uint64_t, std::string> acked;  // by LSN
  std::set<std::string> offered;          // every payload ever given to append
};

class JournalWorld {
 public:
  explicit JournalWorld(JournalWorldOptions options = {}) : options_(options) {
    set_log_level(LogLevel::kError);
    set_log_sink([](LogLevel, std::string_view) {});  // what the faults cause is no news
    start();
    make_cluster();
    open_devices();
  }
  ~JournalWorld() {
    world_->env->halt();
    for (const std::string& path : storage_.file_paths()) storage_.blank(path);
    graveyard().push_back(world_.release());
  }
  JournalWorld(const JournalWorld&) = delete;
  JournalWorld& operator=(const JournalWorld&) = delete;

  env::SimEnv& env() { return *world_->env; }
  env::SimStorage& storage() { return storage_; }
  cluster::ClusterView& view() { return *world_->view; }
  coord::MemoryCoordinator& coordinator() { return world_->coordinator->inner(); }
  Faults& faults() { return *world_->faults; }
  env::Random& random() { return random_; }
  History& history() { return history_; }
  std::string path(uint32_t device) { return fmt::format("/device-{}", device); }
  device::Device& device(uint32_t id) { return *world_->devices.at(DeviceId(id)); }

  template <typename T>
  T run(Task<T> task) {
    return world_->env->run(std::move(task));
  }

  // --- Journals ---

  JournalOptions journal_options() const { return {options_.segment_bytes}; }
  Result<std::unique_ptr<Journal>> try_take_over(std::string owner) {
    return run(Journal::take_over(view(), PartitionId(1), std::move(owner), journal_options()));
  }
  std::unique_ptr<Journal> take_over(std::string owner) {
    auto taken = try_take_over(std::move(owner));
    EXPECT_TRUE(taken.has_value()) << (taken ? "" : taken.error().to_string());
    return taken ? std::move(*taken) : nullptr;
  }
  Result<Lsn> try_append(Journal& journal, std::string payload) {
    history_.offered.insert(payload);
    auto lsn = run(journal.append(payload));
    if (lsn) note_ack(*lsn, payload);
    return lsn;
  }
  Lsn append(Journal& journal, std::string payload) {
    auto lsn = try_append(journal, std::move(payload));
    EXPECT_TRUE(lsn.has_value()) << (lsn ? "" : lsn.error().to_string());
    return lsn ? *lsn : Lsn();
  }
  void append_many(Journal& journal, int n, size_t size = 100) {
    for (int i = 0; i < n; ++i) append(journal, fresh_payload(size));
  }
  void note_ack(Lsn lsn, const std::string& payload) {
    EXPECT_TRUE(history_.acked.emplace(lsn.value, payload).second)
        << "lsn " << lsn.value << " was acknowledged twice";
  }
  // No two are the same.
  std::string fresh_payload(size_t size) {
    std::string out = fmt::format("entry {};", ++payloads_);
    while (out.size() < size)
      out.push_back(static_cast<char>('a' + (out.size() * 7 + payloads_) % 26));
    return out;
  }

  Result<std::vector<std::pair<uint64_t, std::string>>> read_all(Journal& journal, Lsn after) {
    auto out = std::make_shared<std::vector<std::pair<uint64_t, std::string>>>();
    auto visit = [out](const Entry& entry) -> Status {
      out->emplace_back(entry.lsn.value, std::string(entry.payload));
      return {};
    };
    Status replayed = run(journal.replay(after, visit));
    if (!replayed) return fail(replayed.error());
    return *out;
  }
  // Replays from the checkpoint and compares with everything that was acknowledged: no gap, the
  // same bytes at the same LSNs, and nothing that nobody offered or that is there twice.
  void expect_history(Journal& journal) {
    const Lsn after = journal.checkpoint().lsn;
    auto read = read_all(journal, after);
    ASSERT_TRUE(read.has_value()) << read.error().to_string();
    uint64_t expected = after.value;
    std::set<std::string> seen;
    for (const auto& [lsn, payload] : *read) {
      ASSERT_EQ(lsn, ++expected) << "entries must follow without a gap";
      ASSERT_TRUE(history_.offered.contains(payload)) << "nobody offered the entry at " << lsn;
      ASSERT_TRUE(seen.insert(payload).second) << "an entry is there twice, at " << lsn;
      // What is replayed was decided: it may never change again.
      auto [it, first] = history_.acked.emplace(lsn, payload);
      ASSERT_EQ(it->second, payload) << "another entry than acknowledged at " << lsn;
    }
    ASSERT_EQ(Lsn(expected), journal.committed());
    if (!history_.acked.empty()) {
      ASSERT_LE(history_.acked.rbegin()->first, expected) << "acknowledged entries are missing";
    }
  }

  JournalState state() {
    auto loaded = run(load_state(coordinator(), PartitionId(1)));
    EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : loaded.error().to_string());
    return loaded ? loaded->state : JournalState();
  }
  std::vector<uint32_t> replicas_of_open() {
    std::vector<uint32_t> out;
    const JournalState s = state();
    if (!s.segments.empty() && !s.segments.back().closed)
      for (DeviceId id : s.segments.back().replicas) out.push_back(id.value);
    return out;
  }
  bool holds_segment(uint32_t device_id, SegmentId segment) {
    for (const auto& held : device(device_id).list_segments())
      if (held.segment == segment) return true;
    return false;
  }
  uint64_t segments_stored() {
    uint64_t n = 0;
    for (auto& [id, device] : world_->devices) n += device->list_segments().size();
    return n;
  }

  // --- Faults ---

  // A device's node no longer answers; nobody has been told.
  void kill(uint32_t domain) { faults().cut.insert(NodeId(domain)); }
  void revive(uint32_t domain) {
    faults().cut.erase(NodeId(domain));
    edit_map([domain](cluster::ClusterMap* map) {
      for (auto& entry : map->devices)
        if (entry.domain == DomainId(domain) && entry.state == cluster::DeviceState::kFailed)
          entry.state = cluster::DeviceState::kUp;
    });
  }
  void mark_failed(uint32_t domain) {
    kill(domain);
    Error why(Errc::kUnavailable, "the test said so");
    run(view().report_failure(DeviceId(domain), why));
  }
  void set_draining(uint32_t domain, bool draining) {
    edit_map([domain, draining](cluster::ClusterMap* map) {
      for (auto& entry : map->domains)
        if (entry.id == DomainId(domain)) entry.draining = draining;
    });
  }
  void edit_map(std::function<void(cluster::ClusterMap*)> edit) {
    auto change = [edit](cluster::ClusterMap* map) -> Result<bool> {
      edit(map);
      return true;
    };
    const Status changed = run(view().update(change));
    EXPECT_TRUE(changed.has_value()) << (changed ? "" : changed.error().to_string());
  }
  // Flips a bit in the first stored block of the device that holds `needle`. False when none does.
  bool damage(uint32_t device_id, const std::string& needle) {
    for (const auto& [block, data] : storage_.snapshot(path(device_id))) {
      if (data == nullptr) continue;
      const std::string_view bytes(reinterpret_cast<const char*>(data->data()), data->size());
      const size_t at = bytes.find(needle);
      if (at == std::string_view::npos) continue;
      storage_.flip_bit(path(device_id), block * env::kBlockSize + at, 2);
      return true;
    }
    return false;
  }

  // Stops everything in the middle and starts over what the disks still have. Journals of before
  // must not be used any more; they may be destroyed.
  void restart(env::CrashKind kind = env::CrashKind::kPowerCut) {
    World* old = world_.release();
    old->env->halt();
    storage_.crash(random_, kind);
    start();
    world_->faults->cut = old->faults->cut;
    auto values = run(old->coordinator->inner().list(""));
    for (auto& value : *values) {
      auto stored = run(coordinator().compare_and_swap(value.key, 0, value.versioned.value));
      EXPECT_TRUE(stored.has_value());
    }
    graveyard().push_back(old);
    EXPECT_TRUE(run(view().load()).has_value());
    open_devices();
  }

 private:
  struct World {
    std::unique_ptr<env::SimEnv> env;
    std::unique_ptr<Faults> faults;
    std::unique_ptr<FaultyCoordinator> coordinator;
    std::unique_ptr<FaultyFabric> fabric;
    std::unique_ptr<cluster::ClusterView> view;
    std::map<DeviceId, std::unique_ptr<device::Device>> devices;
    std::map<DeviceId, std::unique_ptr<device::DeviceService>> services;
  };
  static std::vector<World*>& graveyard() {
    static auto* all = new std::vector<World*>;
    return *all;
  }

  void start() {
    world_ = std::make_unique<World>();
    env::SimOptions sim;
    sim.seed = options_.seed * 1000 + starts_++;
    world_->env = std::make_unique<env::SimEnv>(storage_, sim);
    world_->faults = std::make_unique<Faults>();
    world_->coordinator = std::make_unique<FaultyCoordinator>(*world_->env, *world_->faults);
    world_->fabric = std::make_unique<FaultyFabric>(*world_->env, *world_->faults);
    world_->view = std::make_unique<cluster::ClusterView>(*world_->env, *world_->coordinator,
                                                          *world_->fabric, NodeId(0));
  }

  void make_cluster() {
    cluster::ClusterMap map;
    map.cluster = cluster_;
    map.protection = options_.domains >= 3 ? cluster::Protection{options_.domains - 2, 2}
                                           : cluster::Protection{1, options_.domains - 1};
    for (uint32_t d = 1; d <= options_.domains; ++d) {
      map.domains.push_back({DomainId(d), false});
      cluster::DeviceEntry entry;
      entry.id = DeviceId(map.next_device++);
      entry.domain = DomainId(d);
      entry.node = NodeId(d);
      entry.capacity_bytes = options_.device_bytes;
      entry.path = path(d);
      device::Device::FormatOptions format;
      format.size_bytes = options_.device_bytes;
      format.zone_bytes = options_.zone_bytes;
      const device::Identity identity{cluster_, entry.id, entry.domain, 0};
      const Status formatted = run(device::Device::format(env(), entry.path, identity, format));
      ATOLL_CHECK(formatted.has_value(), formatted ? "" : formatted.error().to_string());
      map.devices.push_back(entry);
    }
    const Status added = cluster::add_groups(&map, map.protection);
    ATOLL_CHECK(added.has_value(), "the scheme does not fit");
    std::string key = cluster::kMapKey;
    auto stored = run(coordinator().compare_and_swap(key, 0, map.encode()));
    ATOLL_CHECK(stored.has_value());
    const Status loaded = run(view().load());
    ATOLL_CHECK(loaded.has_value());
  }

  void open_devices() {
    for (const auto& entry : view().map().devices) {
      const device::OpenExpectation expected{cluster_, entry.id, entry.domain, entry.incarnation};
      auto opened = run(device::Device::open(env(), entry.path, expected));
      ATOLL_CHECK(opened.has_value(), opened ? "" : opened.error().to_string());
      world_->services[entry.id] =
          std::make_unique<device::DeviceService>(*world_->fabric, entry.node);
      world_->services[entry.id]->add(opened->get());
      world_->devices[entry.id] = std::move(*opened);
    }
  }

  JournalWorldOptions options_;
  env::SimStorage& storage_ = *new env::SimStorage;  // leaked: halted worlds refer to it
  env::Random random_{options_.seed * 77 + 5};
  Uuid cluster_ = [] {
    Uuid u;
    u.bytes[0] = 0xc7;
    return u;
  }();
  std::unique_ptr<World> world_;
  History history_;
  uint64_t payloads_ = 0;
  uint64_t starts_ = 0;
};

}  // namespace atl::journal
