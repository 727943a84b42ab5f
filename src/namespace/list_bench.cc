// Listing, looking up and storing in a bucket of a million keys. The numbers that the issue asks
// for: 100,000 keys/s at 1000 a page; memory and disk of a million small objects; restart with
// them.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "env/real_env.h"
#include "namespace/memory_journal.h"
#include "namespace/memory_stripes.h"
#include "namespace/partition_impl.h"

namespace atl::ns {
namespace {

constexpr int kKeys = 1'000'000;
constexpr int kPerDirectory = 1000;
constexpr size_t kBytes = 1024;

uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  uint64_t pages = 0, resident = 0;
  in >> pages >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// Stripes that count what they are given and keep nothing: only metadata is measured.
class CountingStripes final : public Stripes {
 public:
  explicit CountingStripes(env::Env& env) : env_(env) {}
  uint32_t full_stripe_bytes() const override { return 6u << 20; }
  Task<Result<stripe::StripeRef>> write(Buf data, device::WriteClass) override {
    co_await env_.sleep(1ms);
    co_return stripe::StripeRef{StripeId(next_++), GroupId(1), static_cast<uint32_t>(data.size())};
  }
  Task<Result<std::vector<Buf>>> read(stripe::StripeRef, uint32_t, uint32_t) override {
    co_return fail(Errc::kUnavailable, "not kept");
  }
  Task<Status> free(stripe::StripeRef) override { co_return Status{}; }
  void settle(StripeId) override {}

 private:
  env::Env& env_;
  uint64_t next_ = 1;
};

std::string key_of(int i) {
  return fmt::format("data/set-{:04}/object-{:07}.bin", i / kPerDirectory, i);
}

Task<int> put_range(PartitionImpl* partition, int from, int to) {
  const std::string body(kBytes, 'b');
  int failed = 0;
  for (int i = from; i < to; ++i) {
    FileData data;
    data.size = kBytes;
    Extent extent;
    extent.length = kBytes;
    extent.bytes = Buf::copy_of(body);
    data.extents.push_back(std::move(extent));
    ObjectMeta meta;
    meta.etag = "00112233445566778899aabbccddeeff";
    meta.headers["content-type"] = "application/octet-stream";
    std::string key = key_of(i);
    const auto put =
        co_await partition->put_object("b", std::move(key), std::move(meta), std::move(data), {});
    failed += !put;
  }
  co_return failed;
}

struct World {
  World() : stripes(env), log(std::make_shared<MemoryJournalLog>()) {
    path = fmt::format("/tmp/atoll-namespace-bench-{}", getpid());
    std::filesystem::remove_all(path);
    log->append_delay = 0ns;
    cluster.bytes[0] = 1;
    open();
    ATOLL_CHECK(env.run(partition->create_bucket("b", "me")).has_value());
    const uint64_t before = resident_bytes();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kKeys; i += 64'000) {
      std::vector<Task<int>> tasks;
      for (int j = 0; j < 64; ++j)
        tasks.push_back(put_range(partition.get(), std::min(kKeys, i + j * 1000),
                                  std::min(kKeys, i + (j + 1) * 1000)));
      (void)env.run(env::when_all(env, std::move(tasks)));
      // The memory journal would hold all; the real one is on disk.
      ATOLL_CHECK(env.run(partition->checkpoint()).has_value());
    }
    puts_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    malloc_trim(0);
    resident = resident_bytes() - before;
  }
  ~World() {
    (void)env.run(partition->close());
    partition.reset();
    std::filesystem::remove_all(path);
  }
  void open() {
    PartitionPorts ports{.env = env, .stripes = stripes, .cluster = cluster, .take_over = {}};
    ports.take_over = [this] { return MemoryJournal::take(&env, log); };
    PartitionOptions options;
    options.view_path = path;
    partition = std::make_unique<PartitionImpl>(std::move(ports), options);
    ATOLL_CHECK(env.run(partition->start()).has_value());
  }
  uint64_t view_bytes() const {
    uint64_t sum = 0;
    for (const auto& file : std::filesystem::directory_iterator(path)) sum += file.file_size();
    return sum;
  }

  env::RealEnv env;
  CountingStripes stripes;
  std::shared_ptr<MemoryJournalLog> log;
  std::string path;
  Uuid cluster;
  std::unique_ptr<PartitionImpl> partition;
  double puts_seconds = 0;
  uint64_t resident = 0;
};

World& world() {
  static World w;
  return w;
}

Task<int> list_all(PartitionImpl* partition, size_t page, std::string delimiter,
                   std::string prefix) {
  ListRequest request;
  request.max_entries = page;
  request.delimiter = std::move(delimiter);
  request.prefix = std::move(prefix);
  int entries = 0;
  while (true) {
    ListRequest copy = request;
    const Result<ListResult> listed = co_await partition->list("b", std::move(copy));
    ATOLL_CHECK(listed.has_value());
    entries += static_cast<int>(listed->entries.size());
    if (!listed->truncated) break;
    request.after = listed->entries.back().key;
  }
  co_return entries;
}

void BM_ListMillionKeys(benchmark::State& state) {
  World& w = world();
  int64_t keys = 0;
  for (auto _ : state) {
    const int n =
        w.env.run(list_all(w.partition.get(), static_cast<size_t>(state.range(0)), "", ""));
    ATOLL_CHECK(n == kKeys);
    keys += n;
  }
  state.SetItemsProcessed(keys);
  state.counters["puts_per_s"] = kKeys / w.puts_seconds;
  state.counters["resident_MiB"] = static_cast<double>(w.resident) / (1 << 20);
  state.counters["view_MiB"] = static_cast<double>(w.view_bytes()) / (1 << 20);
}
BENCHMARK(BM_ListMillionKeys)
    ->Arg(1000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void BM_ListWithDelimiter(benchmark::State& state) {
  World& w = world();
  int64_t keys = 0;
  for (auto _ : state) keys += w.env.run(list_all(w.partition.get(), 1000, "/", "data/"));
  state.SetItemsProcessed(keys);
}
BENCHMARK(BM_ListWithDelimiter)->Unit(benchmark::kMillisecond)->UseRealTime();

Task<int> get_some(PartitionImpl* partition, int n) {
  uint64_t x = 88172645463325252ull;
  int failed = 0;
  for (int i = 0; i < n; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    std::string key = key_of(static_cast<int>(x % kKeys));
    const auto got = co_await partition->get_object("b", std::move(key), true);
    failed += !got;
  }
  co_return failed;
}

void BM_GetRandom(benchmark::State& state) {
  World& w = world();
  for (auto _ : state) ATOLL_CHECK(w.env.run(get_some(w.partition.get(), 1000)) == 0);
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_GetRandom)->Unit(benchmark::kMillisecond)->UseRealTime();

Task<int> get_one(PartitionImpl* partition, int n) {
  int failed = 0;
  for (int i = 0; i < n; ++i) {
    std::string key = key_of(i % 16);
    const auto got = co_await partition->get_object("b", std::move(key), true);
    failed += !got;
  }
  co_return failed;
}

void BM_GetHot(benchmark::State& state) {
  World& w = world();
  for (auto _ : state) ATOLL_CHECK(w.env.run(get_one(w.partition.get(), 1000)) == 0);
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_GetHot)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_Restart(benchmark::State& state) {
  World& w = world();
  for (auto _ : state) {
    (void)w.env.run(w.partition->stop());
    w.partition.reset();
    w.open();
  }
}
BENCHMARK(BM_Restart)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(5);

}  // namespace
}  // namespace atl::ns
