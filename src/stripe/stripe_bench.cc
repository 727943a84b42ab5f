// Stripes over eight real device files and the real environment: what the layers above have to
// spend.
//
// Files are in $ATOLL_BENCH_DIR (default /tmp), 1 GiB each and sparse. 6+2. The small reads come 16
// at a time; their data is in the page cache, so this measures Atoll and not the disk.

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "cluster/placement.h"
#include "coord/memory.h"
#include "device/device.h"
#include "env/real_env.h"
#include "fabric/in_process_fabric.h"
#include "stripe/stripe.h"

namespace atl::stripe {
namespace {

constexpr uint32_t kDomains = 8;
constexpr uint64_t kDeviceBytes = 1ull << 30;
constexpr int kReadsAtOnce = 16;

struct Bench {
  Bench() {
    set_log_level(LogLevel::kError);
    const char* base = getenv("ATOLL_BENCH_DIR");
    folder = std::string(base != nullptr ? base : "/tmp") + "/atoll-stripe-bench-XXXXXX";
    ATOLL_CHECK(mkdtemp(folder.data()) != nullptr);
    cluster::ClusterMap map;
    map.cluster.bytes[0] = 1;
    map.protection = {6, 2};
    for (uint32_t d = 1; d <= kDomains; ++d) {
      cluster::DeviceEntry entry;
      entry.id = DeviceId(d);
      entry.domain = DomainId(d);
      entry.path = fmt::format("{}/device-{}", folder, d);
      map.domains.push_back({entry.domain, false});
      map.devices.push_back(entry);
      map.next_device = d + 1;
      open(map.cluster, entry);
    }
    const Status added = cluster::add_groups(&map, map.protection);
    ATOLL_CHECK(added.has_value());
    const auto stored = env.run(coordinator.compare_and_swap(cluster::kMapKey, 0, map.encode()));
    ATOLL_CHECK(stored.has_value());
    const Status loaded = env.run(view.load());
    ATOLL_CHECK(loaded.has_value());
  }
  ~Bench() {
    for (auto& device : devices) {
      service.remove(device->identity().device);
      const Status closed = env.run(device->close());
      ATOLL_CHECK(closed.has_value());
    }
    const Status removed = env.remove_all(folder);
    ATOLL_CHECK(removed.has_value());
  }

  void open(Uuid cluster, const cluster::DeviceEntry& entry) {
    device::Identity identity{cluster, entry.id, entry.domain, 0};
    device::Device::FormatOptions format;
    format.size_bytes = kDeviceBytes;
    const Status formatted = env.run(device::Device::format(env, entry.path, identity, format));
    ATOLL_CHECK(formatted.has_value());
    device::OpenExpectation expected{cluster, entry.id, entry.domain, 0};
    auto device = env.run(device::Device::open(env, entry.path, expected));
    ATOLL_CHECK(device.has_value());
    service.add(device->get());
    devices.push_back(std::move(*device));
  }

  StripeRef write(size_t size) {
    Buf data = Buf::allocate(size);
    std::memset(data.mutable_data(), 0x5a, size);
    auto written = env.run(store.write(std::move(data), device::WriteClass::kUser));
    ATOLL_CHECK(written.has_value());
    store.settle(written->id);
    return *written;
  }

  env::RealEnv env;
  coord::MemoryCoordinator coordinator{env};
  fabric::InProcessFabric fabric{env};
  device::DeviceService service{fabric, NodeId(0)};
  std::vector<std::unique_ptr<device::Device>> devices;
  cluster::ClusterView view{env, coordinator, fabric, NodeId(0)};
  StripeIdSource ids{coordinator};
  StripeStore store{view, ids, StoreOptions()};
  std::string folder;
};

Task<Status> read_some(Bench* bench, StripeRef stripe, uint64_t first, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    const auto offset =
        static_cast<uint32_t>((first + i) * 7919 * 4096 % (stripe.data_length - 4096));
    auto got = co_await bench->store.read(stripe, offset / 4096 * 4096, 4096);
    if (!got) co_return fail(got.error());
    benchmark::DoNotOptimize(got->front().data());
  }
  co_return Status{};
}

void small_reads(benchmark::State& state, Bench& bench, StripeRef stripe) {
  constexpr uint64_t kEach = 64;
  uint64_t first = 0;
  for (auto _ : state) {
    std::vector<Task<Status>> tasks;
    for (int i = 0; i < kReadsAtOnce; ++i)
      tasks.push_back(read_some(&bench, stripe, first += kEach, kEach));
    for (const Status& s : bench.env.run(env::when_all(bench.env, std::move(tasks))))
      ATOLL_CHECK(s.has_value(), "a read failed");
  }
  state.SetItemsProcessed(state.iterations() * kReadsAtOnce * kEach);
}

void BM_Read4KiB(benchmark::State& state) {
  Bench bench;
  small_reads(state, bench, bench.write(6u << 20));
}
BENCHMARK(BM_Read4KiB)->UseRealTime()->Unit(benchmark::kMillisecond);

// The device of data shard 0 is down: one read in six is computed from blocks of six other shards.
void BM_Read4KiBDegraded(benchmark::State& state) {
  Bench bench;
  const StripeRef stripe = bench.write(6u << 20);
  const DeviceId gone = bench.view.map().find_group(stripe.group)->slots[0];
  bench.env.run(bench.view.report_failure(gone, Error(Errc::kIo, "for the benchmark")));
  small_reads(state, bench, stripe);
}
BENCHMARK(BM_Read4KiBDegraded)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_ReadStripe(benchmark::State& state) {
  Bench bench;
  const StripeRef stripe = bench.write(6u << 20);
  for (auto _ : state) {
    auto got = bench.env.run(bench.store.read(stripe, 0, stripe.data_length));
    ATOLL_CHECK(got.has_value());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * stripe.data_length);
}
BENCHMARK(BM_ReadStripe)->UseRealTime()->Unit(benchmark::kMillisecond);

Task<Status> write_some(Bench* bench, Buf data, int count) {
  for (int i = 0; i < count; ++i) {
    auto written = co_await bench->store.write(data, device::WriteClass::kUser);
    if (!written) co_return fail(written.error());
    bench->store.settle(written->id);
    ATOLL_CO_TRY_STATUS(co_await bench->store.free(*written));
  }
  co_return Status{};
}

// Two at a time, as one upload keeps them; each is deleted, so that the files do not fill.
void BM_WriteStripe(benchmark::State& state) {
  Bench bench;
  Buf data = Buf::allocate(6u << 20);
  std::memset(data.mutable_data(), 0x77, data.size());
  for (auto _ : state) {
    std::vector<Task<Status>> tasks;
    for (int i = 0; i < 2; ++i) tasks.push_back(write_some(&bench, data, 2));
    for (const Status& s : bench.env.run(env::when_all(bench.env, std::move(tasks))))
      ATOLL_CHECK(s.has_value(), "a write failed");
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * 4 *
                          static_cast<int64_t>(data.size()));
}
BENCHMARK(BM_WriteStripe)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace atl::stripe
