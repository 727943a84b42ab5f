// A device on a real file, beside the bare system calls on the same disk in the same run.
//
//   atoll_device_bench                      in the current folder; ATOLL_BENCH_DIR for another
//
// "append" waits for durability, as the device's callers do; the reference is pwrite + fdatasync on
// a preallocated file. items_per_second counts appends.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/log.h"
#include "device/test_disk.h"
#include "env/real_env.h"

namespace atl::device {
namespace {

constexpr uint64_t kBytes = 2_GiB;

std::string directory() {
  const char* dir = std::getenv("ATOLL_BENCH_DIR");
  return dir ? dir : ".";
}

struct RealDisk {
  env::RealEnv env;
  std::string path = directory() + "/atoll_device_bench.device";
  std::unique_ptr<Device> device;

  RealDisk() {
    set_log_level(LogLevel::kWarn);
    (void)env.remove_all(path);
    Device::FormatOptions options;
    options.size_bytes = kBytes;
    Status status = env.run(Device::format(env, path, TestDisk::identity(), options));
    ATOLL_CHECK(status.has_value(), status ? "" : status.error().to_string());
    auto opened = env.run(Device::open(env, path, TestDisk::expectation()));
    ATOLL_CHECK(opened.has_value());
    device = std::move(*opened);
  }
  ~RealDisk() {
    Status status = env.run(device->close());
    ATOLL_CHECK(status.has_value());
    device.reset();
    (void)env.remove_all(path);
  }
};

Task<bool> write_one(Device& device, uint64_t stripe, Buf bytes, std::vector<uint32_t> crcs) {
  ShardPayload payload;
  payload.length = static_cast<uint32_t>(bytes.size());
  payload.block_crcs = std::move(crcs);
  payload.bufs.push_back(std::move(bytes));
  const ShardKey key{StripeId(stripe), 0};
  Status status = co_await device.write_shard(key, std::move(payload), WriteClass::kUser);
  ATOLL_CHECK(status.has_value(), status ? "" : status.error().to_string());
  co_return true;
}

Task<bool> delete_one(Device& device, uint64_t stripe) {
  const ShardKey key{StripeId(stripe), 0};
  Status status = co_await device.delete_shard(key);
  co_return status.has_value();
}

// range(0): bytes; range(1): appends at once.
void append_shards(benchmark::State& state) {
  RealDisk disk;
  const auto size = static_cast<size_t>(state.range(0));
  const auto width = static_cast<uint64_t>(state.range(1));
  const Buf bytes = pattern(1, size);
  const auto crcs = block_checksums(bytes.span());
  const uint64_t keep = 512_MiB / (size + 4096);
  uint64_t stripe = 1;
  for (auto _ : state) {
    std::vector<Task<bool>> tasks;
    for (uint64_t i = 0; i < width; ++i, ++stripe) {
      if (stripe > keep) tasks.push_back(delete_one(*disk.device, stripe - keep));
      tasks.push_back(write_one(*disk.device, stripe, bytes, crcs));
    }
    disk.env.run(env::when_all(disk.env, std::move(tasks)));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * width));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * width * size));
}
BENCHMARK(append_shards)
    ->Args({4096, 1})
    ->Args({4096, 16})
    ->Args({1 << 20, 1})
    ->Args({1 << 20, 16})
    ->UseRealTime();

Task<bool> append_one(Device& device, device::Run run) {
  auto state = co_await device.append_run(SegmentId(1), PartitionId(1), Epoch(1), std::move(run));
  ATOLL_CHECK(state.has_value());
  co_return true;
}

void append_runs(benchmark::State& state) {
  RealDisk disk;
  const auto size = static_cast<size_t>(state.range(0));
  const auto width = static_cast<uint64_t>(state.range(1));
  const Buf bytes = pattern(1, size);
  uint64_t lsn = 1;
  uint32_t chain = 0;
  for (auto _ : state) {
    if (lsn * (size + 4096) > 1_GiB) {
      state.PauseTiming();
      Status status = disk.env.run(disk.device->delete_segment(SegmentId(1)));
      ATOLL_CHECK(status.has_value());
      lsn = 1;
      chain = 0;
      state.ResumeTiming();
    }
    std::vector<Task<bool>> tasks;
    for (uint64_t i = 0; i < width; ++i) {
      device::Run run = make_run(lsn++, 1, 1, chain, bytes);
      chain = run.chain_after;
      tasks.push_back(append_one(*disk.device, std::move(run)));
    }
    disk.env.run(env::when_all(disk.env, std::move(tasks)));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * width));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * width * size));
}
BENCHMARK(append_runs)->Args({3000, 1})->Args({3000, 16})->Args({1 << 20, 1})->UseRealTime();

void read_shards(benchmark::State& state) {
  RealDisk disk;
  const auto size = static_cast<size_t>(state.range(0));
  const Buf bytes = pattern(1, 1 << 20);
  const auto crcs = block_checksums(bytes.span());
  constexpr uint64_t kShards = 500;
  for (uint64_t s = 1; s <= kShards; ++s) disk.env.run(write_one(*disk.device, s, bytes, crcs));
  env::Random random(1);
  for (auto _ : state) {
    const ShardKey key{StripeId(1 + random.below(kShards)), 0};
    const auto offset =
        static_cast<uint32_t>(round_down(random.below((1 << 20) - size + 1), 16384));
    auto part = disk.env.run(
        disk.device->read_shard(key, offset, static_cast<uint32_t>(size), env::ReadMode::kDirect));
    ATOLL_CHECK(part.has_value());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * size));
}
BENCHMARK(read_shards)->Arg(4096)->Arg(1 << 20)->UseRealTime();

struct PlainFile {
  std::string path = directory() + "/atoll_device_bench.plain";
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_DIRECT, 0600);
  PlainFile() { ATOLL_CHECK(fd >= 0 && ::posix_fallocate(fd, 0, kBytes) == 0); }
  ~PlainFile() {
    ::close(fd);
    ::unlink(path.c_str());
  }
};

void plain_append(benchmark::State& state) {
  PlainFile file;
  const auto size = static_cast<size_t>(state.range(0));
  const Buf bytes = pattern(1, size);
  uint64_t offset = 0;
  for (auto _ : state) {
    ATOLL_CHECK(::pwrite(file.fd, bytes.data(), size, static_cast<off_t>(offset)) ==
                static_cast<ssize_t>(size));
    ATOLL_CHECK(::fdatasync(file.fd) == 0);
    offset = (offset + size) % (kBytes - size);
    offset = round_down(offset, 4096);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * size));
}
BENCHMARK(plain_append)->Arg(4096)->Arg(1 << 20)->UseRealTime();

void plain_read(benchmark::State& state) {
  PlainFile file;
  const auto size = static_cast<size_t>(state.range(0));
  Buf bytes = pattern(1, 1 << 20);
  for (uint64_t at = 0; at < 512_MiB; at += bytes.size())
    ATOLL_CHECK(::pwrite(file.fd, bytes.data(), bytes.size(), static_cast<off_t>(at)) > 0);
  env::Random random(1);
  for (auto _ : state) {
    const auto at = static_cast<off_t>(round_down(random.below(512_MiB - size), 16384));
    ATOLL_CHECK(::pread(file.fd, bytes.mutable_data(), size, at) == static_cast<ssize_t>(size));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * size));
}
BENCHMARK(plain_read)->Arg(4096)->Arg(1 << 20)->UseRealTime();

}  // namespace
}  // namespace atl::device
