// atoll-bench-device DIR: one device in a file below DIR, alone, without fabric or stripes, so that
// bench/run.py can put it beside fio on the same disk. Prints one JSON object.
//
// Shards: 1 MiB, 8 at a time, written durably, then each read once from the medium (kDirect) and
// checked as a reader must. Journal runs: 4 KiB, one at a time in one segment, then 16 at a time
// in 16.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/crc.h"
#include "device/device.h"
#include "env/real_env.h"

namespace atl::bench {
namespace {

constexpr uint64_t kDeviceBytes = 3_GiB;
constexpr uint32_t kShardBytes = 1_MiB;
constexpr uint64_t kShards = 1024;
constexpr int kDepth = 8;
constexpr uint32_t kRunBytes = 4_KiB;
constexpr uint64_t kRunsAlone = 8'000;
constexpr uint64_t kRunsOfEach = 2'000;
constexpr int kSegments = 16;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Status write_failed(std::string_view what, const Error& error) {
  std::fprintf(stderr, "atoll-bench-device: %s: %s\n", std::string(what).c_str(),
               error.to_string().c_str());
  return fail(error.code, error.message);
}

// Bytes that differ from shard to shard, made before the clock starts.
device::ShardPayload shard_payload(const Buf& bytes) {
  device::ShardPayload out;
  out.length = kShardBytes;
  out.block_crcs = block_checksums(bytes.span());
  out.bufs.push_back(bytes);
  return out;
}

Task<Status> write_every(device::Device* device, Buf bytes, uint64_t first) {
  for (uint64_t i = first; i < kShards; i += kDepth) {
    device::ShardPayload payload = shard_payload(bytes);
    device::ShardKey key{StripeId{i + 1}, 0};
    Status done = co_await device->write_shard(key, std::move(payload), device::WriteClass::kUser);
    if (!done) co_return write_failed("write_shard", done.error());
  }
  co_return Status{};
}

Task<Status> read_every(device::Device* device, uint64_t first) {
  for (uint64_t i = first; i < kShards; i += kDepth) {
    device::ShardKey key{StripeId{i + 1}, 0};
    auto part = co_await device->read_shard(key, 0, kShardBytes, env::ReadMode::kDirect);
    if (!part) co_return write_failed("read_shard", part.error());
    if (block_checksums(part->bytes.span()) != part->block_crcs)
      co_return write_failed("read_shard", Error(Errc::kCorrupt, "wrong bytes"));
  }
  co_return Status{};
}

Task<Status> append_runs(device::Device* device, uint64_t segment, uint64_t runs, Buf bytes) {
  uint32_t chain = 0;
  for (uint64_t i = 0; i < runs; ++i) {
    device::Run run;
    run.first_lsn = Lsn{i + 1};
    run.count = 1;
    run.epoch = Epoch{1};
    run.chain_before = chain;
    run.chain_after = chain = crc32c(bytes.span(), chain);
    run.payload = bytes;
    auto state =
        co_await device->append_run(SegmentId{segment}, PartitionId{1}, Epoch{1}, std::move(run));
    if (!state) co_return write_failed("append_run", state.error());
  }
  co_return Status{};
}

// Runs the tasks together; the seconds they took, or below zero when one failed.
Task<double> timed(env::Env* env, std::vector<Task<Status>> tasks) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<Status> done = co_await env::when_all(*env, std::move(tasks));
  const double seconds = seconds_since(start);
  for (const Status& status : done)
    if (!status) co_return -1.0;
  co_return seconds;
}

Task<int> measure(env::Env* env, std::string path) {
  device::Identity identity;
  identity.cluster.bytes.fill(7);
  identity.device = DeviceId{1};
  identity.domain = DomainId{1};
  device::Device::FormatOptions options;
  options.size_bytes = kDeviceBytes;
  Status formatted = co_await device::Device::format(*env, path, identity, options);
  if (!formatted) co_return (void(write_failed("format", formatted.error())), 1);
  device::OpenExpectation expected{identity.cluster, identity.device, identity.domain, 0};
  auto device = co_await device::Device::open(*env, path, expected);
  if (!device) co_return (void(write_failed("open", device.error())), 1);

  Buf shard = Buf::allocate(kShardBytes);
  for (size_t i = 0; i < shard.size(); ++i)
    shard.mutable_data()[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
  const Buf run = shard.slice(0, kRunBytes);

  std::vector<Task<Status>> writes, reads, alone, together;
  for (uint64_t i = 0; i < kDepth; ++i) writes.push_back(write_every(device->get(), shard, i));
  const double write_s = co_await timed(env, std::move(writes));
  for (uint64_t i = 0; i < kDepth; ++i) reads.push_back(read_every(device->get(), i));
  const double read_s = co_await timed(env, std::move(reads));
  alone.push_back(append_runs(device->get(), 100, kRunsAlone, run));
  const double alone_s = co_await timed(env, std::move(alone));
  for (uint64_t i = 0; i < kSegments; ++i)
    together.push_back(append_runs(device->get(), 200 + i, kRunsOfEach, run));
  const double together_s = co_await timed(env, std::move(together));
  Status closed = co_await (*device)->close();
  if (write_s < 0 || read_s < 0 || alone_s < 0 || together_s < 0 || !closed) co_return 1;

  constexpr double kBytes = static_cast<double>(kShards) * kShardBytes;
  std::printf(
      "{\"shard_write_bytes_per_second\": %.0f, \"shard_read_bytes_per_second\": %.0f, "
      "\"run_append_per_second_1\": %.0f, \"run_append_per_second_16\": %.0f}\n",
      kBytes / write_s, kBytes / read_s, static_cast<double>(kRunsAlone) / alone_s,
      static_cast<double>(kRunsOfEach * kSegments) / together_s);
  co_return 0;
}

}  // namespace
}  // namespace atl::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "atoll-bench-device DIR\n");
    return 2;
  }
  const std::string path = std::string(argv[1]) + "/device-bench.dat";
  std::filesystem::remove(path);
  int status = 1;
  {
    atl::env::RealEnv env;
    status = env.run(atl::bench::measure(&env, path));
  }
  std::filesystem::remove(path);
  return status;
}
