// What env adds to a bare system call. Each Atoll line has its plain twin beside it; run both on
// the disk in question: ATOLL_BENCH_DIR=/mnt/disk (default: the current directory).
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "env/real_env.h"

namespace atl::env {
namespace {

constexpr uint64_t kFileBytes = 256_MiB;

std::string bench_path() {
  const char* directory = std::getenv("ATOLL_BENCH_DIR");
  return std::string(directory ? directory : ".") + "/atoll-env-bench.data";
}

// A file whose every block has been written once: both sides then only overwrite.
void make_file() {
  std::filesystem::remove(bench_path());
  const int fd = ::open(bench_path().c_str(), O_CREAT | O_RDWR, 0600);
  const Buf zeros = Buf::allocate_zeroed(1_MiB);
  for (uint64_t at = 0; at < kFileBytes; at += 1_MiB)
    if (::pwrite(fd, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) std::abort();
  ::fsync(fd);
  ::close(fd);
}

Task<void> write_loop(benchmark::State& state, BlockFile& file, size_t size, bool sync) {
  Buf buf = Buf::allocate_zeroed(size);
  uint64_t at = 0;
  for (auto _ : state) {
    std::vector<Buf> bufs{buf};
    auto status = co_await file.write(at, std::move(bufs));
    if (sync) status = co_await file.sync();
    if (!status) state.SkipWithError(status.error().message.c_str());
    at = (at + size) % kFileBytes;
  }
}

Task<void> read_loop(benchmark::State& state, BlockFile& file, size_t size, ReadMode mode) {
  uint64_t at = 0;
  for (auto _ : state) {
    auto bytes = co_await file.read(at, size, mode);
    if (!bytes) state.SkipWithError(bytes.error().message.c_str());
    at = (at + size) % kFileBytes;
  }
}

struct Bench {
  explicit Bench(IoEngineKind kind) : env(RealOptions{kind}) {
    make_file();
    file = std::move(*env.run(env.open_block_file(bench_path(), {})));
  }
  ~Bench() {
    file.reset();
    std::filesystem::remove(bench_path());
  }
  RealEnv env;
  std::unique_ptr<BlockFile> file;
};

IoEngineKind engine_of(const benchmark::State& state) {
  return state.range(1) == 0 ? IoEngineKind::kUring : IoEngineKind::kThreads;
}

void set_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void env_write_sync(benchmark::State& state) {
  Bench bench(engine_of(state));
  bench.env.run(write_loop(state, *bench.file, static_cast<size_t>(state.range(0)), true));
  set_bytes(state);
}
void env_write(benchmark::State& state) {
  Bench bench(engine_of(state));
  bench.env.run(write_loop(state, *bench.file, static_cast<size_t>(state.range(0)), false));
  set_bytes(state);
}
void env_read_cached(benchmark::State& state) {
  Bench bench(engine_of(state));
  bench.env.run(
      read_loop(state, *bench.file, static_cast<size_t>(state.range(0)), ReadMode::kCached));
  set_bytes(state);
}
void env_read_direct(benchmark::State& state) {
  Bench bench(engine_of(state));
  bench.env.run(
      read_loop(state, *bench.file, static_cast<size_t>(state.range(0)), ReadMode::kDirect));
  set_bytes(state);
}

// --- The plain twins ---

template <typename Call>
void plain(benchmark::State& state, int flags, Call call) {
  make_file();
  const int fd = ::open(bench_path().c_str(), O_RDWR | flags);
  Buf buf = Buf::allocate_zeroed(static_cast<size_t>(state.range(0)));
  uint64_t at = 0;
  for (auto _ : state) {
    if (!call(fd, buf, static_cast<off_t>(at))) state.SkipWithError("I/O error");
    at = (at + buf.size()) % kFileBytes;
  }
  ::close(fd);
  std::filesystem::remove(bench_path());
  set_bytes(state);
}

void plain_write_sync(benchmark::State& state) {
  plain(state, O_DIRECT, [](int fd, Buf& buf, off_t at) {
    return ::pwrite(fd, buf.data(), buf.size(), at) > 0 && ::fdatasync(fd) == 0;
  });
}
void plain_write(benchmark::State& state) {
  plain(state, O_DIRECT,
        [](int fd, Buf& buf, off_t at) { return ::pwrite(fd, buf.data(), buf.size(), at) > 0; });
}
void plain_read_cached(benchmark::State& state) {
  plain(state, 0, [](int fd, Buf& buf, off_t at) {
    return ::pread(fd, buf.mutable_data(), buf.size(), at) > 0;
  });
}
void plain_read_direct(benchmark::State& state) {
  plain(state, O_DIRECT, [](int fd, Buf& buf, off_t at) {
    return ::pread(fd, buf.mutable_data(), buf.size(), at) > 0;
  });
}

#define ATOLL_ENV_BENCH(function)                 \
  BENCHMARK(function)                             \
      ->ArgNames({"bytes", "threads"})            \
      ->ArgsProduct({{4 << 10, 1 << 20}, {0, 1}}) \
      ->UseRealTime()
#define ATOLL_PLAIN_BENCH(function) \
  BENCHMARK(function)->ArgName("bytes")->Arg(4 << 10)->Arg(1 << 20)->UseRealTime()

ATOLL_PLAIN_BENCH(plain_write_sync);
ATOLL_ENV_BENCH(env_write_sync);
ATOLL_PLAIN_BENCH(plain_write);
ATOLL_ENV_BENCH(env_write);
ATOLL_PLAIN_BENCH(plain_read_cached);
ATOLL_ENV_BENCH(env_read_cached);
ATOLL_PLAIN_BENCH(plain_read_direct);
ATOLL_ENV_BENCH(env_read_direct);

}  // namespace
}  // namespace atl::env
