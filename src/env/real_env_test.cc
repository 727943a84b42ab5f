// The real side: clocks, timers, workers, signals, and block files over both I/O engines.
#include "env/real_env.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/probe.h"
#include "env/real_block_file.h"

namespace atl::env {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kFileBytes = 8_MiB;

Buf filled(char c, size_t blocks = 1) {
  Buf buf = Buf::allocate(blocks * kBlockSize);
  std::memset(buf.mutable_data(), c, buf.size());
  return buf;
}

// A directory of this test's own, on the file system that holds the build: it knows O_DIRECT.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (fs::current_path() / "atoll-env-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { fs::remove_all(path_); }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// --- Time, tasks, workers ---

Task<void> log_after(RealEnv& env, Nanos delay, std::string* log, char name) {
  co_await env.sleep(delay);
  log->push_back(name);
}

TEST(RealEnv, sleeps_end_in_order_and_not_too_early) {
  RealEnv env;
  std::string log;
  const Nanos before = env.now();
  std::vector<Task<void>> tasks;
  tasks.push_back(log_after(env, 30ms, &log, 'c'));
  tasks.push_back(log_after(env, 10ms, &log, 'a'));
  tasks.push_back(log_after(env, 20ms, &log, 'b'));
  env.run(when_all(env, std::move(tasks)));
  EXPECT_EQ(log, "abc");
  EXPECT_GE(env.now() - before, 30ms);
  EXPECT_EQ(env.live_tasks(), 0u);
}

TEST(RealEnv, cancelled_timers_do_not_fire) {
  RealEnv env;
  std::string log;
  const TimerId first = env.start_timer(1ms, [&] { log += 'X'; });
  env.start_timer(5ms, [&] { log += 'a'; });
  env.cancel_timer(first);
  env.run(env.sleep(10ms));
  EXPECT_EQ(log, "a");
}

TEST(RealEnv, a_deadline_ends_a_wait) {
  RealEnv env;
  struct Forever {
    static Task<Status> wait(std::shared_ptr<Event> event) {
      co_await event->wait();
      co_return Status{};
    }
  };
  auto event = std::make_shared<Event>();
  auto status = env.run(with_timeout<void>(env, 5ms, Forever::wait(event)));
  EXPECT_EQ(status.error().code, Errc::kTimeout);
  event->set();
  env.run(env.sleep(1ms));
  EXPECT_EQ(env.live_tasks(), 0u);
}

TEST(RealEnv, offload_runs_elsewhere_and_comes_back) {
  RealEnv env;
  std::thread::id there;
  std::vector<Task<void>> tasks;
  std::atomic<int> sum = 0;
  for (int i = 1; i <= 1000; ++i) tasks.push_back(env.offload([&sum, i] { sum += i; }));
  tasks.push_back(env.offload([&there] { there = std::this_thread::get_id(); }));
  env.run(when_all(env, std::move(tasks)));
  EXPECT_EQ(sum, 500500);
  EXPECT_NE(there, std::this_thread::get_id());
  EXPECT_NE(there, std::thread::id());
}

TEST(RealEnv, wall_clock_is_the_systems) {
  RealEnv env;
  const auto system = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_GE(env.wall_now() - system, 0s);
  EXPECT_LT(env.wall_now() - system, 1h);
}

TEST(RealEnv, random_numbers_differ_from_run_to_run) {
  RealEnv one, other;
  EXPECT_NE(one.random(), other.random());
}

Task<int> raise_and_wait(RealEnv& env) {
  env.start_timer(1ms, [] { ::raise(SIGTERM); });
  co_return co_await env.wait_for_signal();
}

TEST(RealEnv, a_signal_is_waited_for) {
  RealEnv env;
  EXPECT_EQ(env.run(raise_and_wait(env)), SIGTERM);
}

TEST(RealEnv, can_be_dropped_with_tasks_and_io_under_way) {
  TemporaryDirectory directory;
  auto env = std::make_unique<RealEnv>();
  auto file = env->run(env->open_block_file(directory / "disk", {true, kFileBytes}));
  ASSERT_TRUE(file);
  struct Reader {
    static Task<void> run(BlockFile& file) {
      while (true) (void)co_await file.read(0, 1_MiB, ReadMode::kDirect);
    }
  };
  for (int i = 0; i < 4; ++i) env->spawn("reader", Reader::run(**file));
  env->run(env->sleep(5ms));
  env.reset();
}

// --- Block files ---

class BlockFileTest : public ::testing::TestWithParam<IoEngineKind> {
 protected:
  std::unique_ptr<BlockFile> must_open(const std::string& name, bool create = false) {
    auto file = open(name, {create, create ? kFileBytes : 0});
    EXPECT_TRUE(file) << (file ? "" : file.error().to_string());
    return file ? std::move(*file) : nullptr;
  }
  Result<std::unique_ptr<BlockFile>> open(const std::string& name, OpenOptions options = {}) {
    return env_.run(env_.open_block_file(directory_ / name, options));
  }
  std::string read(BlockFile& file, uint64_t offset, size_t length, ReadMode mode) {
    auto bytes = env_.run(file.read(offset, length, mode));
    return bytes ? std::string(bytes->view()) : "error: " + bytes.error().to_string();
  }

  TemporaryDirectory directory_;
  RealEnv env_{RealOptions{GetParam()}};
};

INSTANTIATE_TEST_SUITE_P(Engines, BlockFileTest,
                         ::testing::Values(IoEngineKind::kUring, IoEngineKind::kThreads),
                         [](const auto& info) {
                           return info.param == IoEngineKind::kUring ? "uring" : "threads";
                         });

TEST_P(BlockFileTest, a_new_file_has_its_space_and_reads_as_zeros) {
  auto file = must_open("disk", true);
  EXPECT_EQ(file->size_bytes(), kFileBytes);
  struct stat info {};
  ASSERT_EQ(::stat((directory_ / "disk").c_str(), &info), 0);
  EXPECT_GE(static_cast<uint64_t>(info.st_blocks) * 512, kFileBytes);
  for (ReadMode mode : {ReadMode::kCached, ReadMode::kDirect})
    EXPECT_EQ(read(*file, kFileBytes - kBlockSize, kBlockSize, mode),
              std::string(kBlockSize, '\0'));
}

TEST_P(BlockFileTest, both_ways_of_reading_see_what_was_written) {
  auto file = must_open("disk", true);
  std::string expected(kFileBytes, '\0');
  for (int round = 0; round < 200; ++round) {
    const char c = static_cast<char>('a' + round % 26);
    const uint64_t blocks = 1 + env_.random() % 40;
    const uint64_t offset = env_.random() % (kFileBytes / kBlockSize - blocks) * kBlockSize;
    std::vector<Buf> bufs{filled(c, (blocks + 1) / 2)};
    if (blocks > 1) bufs.push_back(filled(c, blocks / 2));
    ASSERT_TRUE(env_.run(file->write(offset, std::move(bufs))));
    std::memset(&expected[offset], c, blocks * kBlockSize);
    for (ReadMode mode : {ReadMode::kCached, ReadMode::kDirect})
      ASSERT_EQ(read(*file, offset, blocks * kBlockSize, mode),
                expected.substr(offset, blocks * kBlockSize));
    auto synced = env_.run(file->sync());
    ASSERT_TRUE(synced);
  }
  for (ReadMode mode : {ReadMode::kCached, ReadMode::kDirect})
    EXPECT_TRUE(read(*file, 0, kFileBytes, mode) == expected);
  file.reset();
  file = must_open("disk");
  EXPECT_TRUE(read(*file, 0, kFileBytes, ReadMode::kCached) == expected);
}

TEST_P(BlockFileTest, large_reads_of_what_is_in_memory_in_part_or_not_at_all) {
  auto file = must_open("disk", true);
  std::string expected;
  for (uint64_t offset = 0; offset < kFileBytes; offset += kBlockSize) {
    const char c = static_cast<char>('a' + offset / kBlockSize % 26);
    ASSERT_TRUE(env_.run(file->write(offset, {filled(c)})));
    expected.append(kBlockSize, c);
  }
  ASSERT_GT(kFileBytes, kInlineReadMax);
  const int fd = ::open((directory_ / "disk").c_str(), O_RDONLY | O_CLOEXEC);
  const auto forget = [fd](uint64_t offset, uint64_t length) {
    ASSERT_EQ(::posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(length),
                              POSIX_FADV_DONTNEED),
              0);
  };
  const auto whole = [&] { return read(*file, 0, kFileBytes, ReadMode::kCached) == expected; };
  forget(0, 0);
  EXPECT_TRUE(whole());
  const uint64_t before = probe_of<"uring.copied_on_thread">().hits();
  EXPECT_TRUE(whole());
  if (GetParam() == IoEngineKind::kUring)
    EXPECT_GT(probe_of<"uring.copied_on_thread">().hits(), before);
  for (uint64_t hole : {uint64_t{0}, kFileBytes / 2, kFileBytes - kBlockSize}) {
    forget(hole, kBlockSize);
    EXPECT_TRUE(whole()) << "not in memory at " << hole;
  }
  ::close(fd);
}

TEST_P(BlockFileTest, memory_at_odd_addresses_and_very_many_pieces) {
  auto file = must_open("disk", true);
  Buf odd = filled('o', 3).slice(100, kBlockSize);
  ASSERT_TRUE(env_.run(file->write(0, {odd})));
  EXPECT_EQ(read(*file, 0, kBlockSize, ReadMode::kDirect), std::string(kBlockSize, 'o'));
  std::vector<Buf> pieces;  // more than one system call takes
  for (int i = 0; i < 1500; ++i) pieces.push_back(filled(static_cast<char>('a' + i % 26)));
  std::string expected;
  for (const Buf& piece : pieces) expected += piece.view();
  ASSERT_TRUE(env_.run(file->write(0, pieces)));
  EXPECT_TRUE(read(*file, 0, expected.size(), ReadMode::kDirect) == expected);
}

Task<void> write_and_check(BlockFile& file, uint64_t block, char c, int* done) {
  std::vector<Buf> bufs{filled(c)};
  auto status = co_await file.write(block * kBlockSize, std::move(bufs));
  EXPECT_TRUE(status);
  status = co_await file.sync();
  EXPECT_TRUE(status);
  auto bytes = co_await file.read(block * kBlockSize, kBlockSize, ReadMode::kDirect);
  EXPECT_TRUE(bytes && bytes->view() == std::string(kBlockSize, c));
  ++*done;
}

TEST_P(BlockFileTest, more_operations_than_fit_into_the_ring) {
  auto file = must_open("disk", true);
  int done = 0;
  std::vector<Task<void>> tasks;
  for (uint64_t i = 0; i < 2000; ++i)
    tasks.push_back(write_and_check(*file, i, static_cast<char>('a' + i % 26), &done));
  env_.run(when_all(env_, std::move(tasks)));
  EXPECT_EQ(done, 2000);
}

TEST_P(BlockFileTest, ranges_outside_are_refused) {
  auto file = must_open("disk", true);
  auto read = env_.run(file->read(kFileBytes, kBlockSize, ReadMode::kCached));
  EXPECT_EQ(read.error().code, Errc::kInvalidArgument);
  auto write = env_.run(file->write(kFileBytes - kBlockSize, {filled('a', 2)}));
  EXPECT_EQ(write.error().code, Errc::kInvalidArgument);
}

TEST_P(BlockFileTest, opening_says_what_is_wrong) {
  EXPECT_EQ(open("none").error().code, Errc::kNotFound);
  EXPECT_EQ(open("no/dir", {true, kFileBytes}).error().code, Errc::kNotFound);
  EXPECT_EQ(open("odd", {true, 1000}).error().code, Errc::kInvalidArgument);
  auto file = must_open("disk", true);
  EXPECT_EQ(open("disk").error().code, Errc::kBusy);
  EXPECT_EQ(open("disk", {true, kFileBytes}).error().code, Errc::kExists);
  ASSERT_TRUE(env_.create_directories(directory_ / "folder"));
  EXPECT_EQ(open("folder").error().code, Errc::kIsDirectory);
  file.reset();
  EXPECT_TRUE(open("disk"));
}

// As after kill -9: the lock may outlive the process by the I/O that it had under way.
TEST_P(BlockFileTest, a_lock_that_is_about_to_go_is_waited_for) {
  must_open("disk", true).reset();
  const std::string path = directory_ / "disk";
  const int held = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(held, 0);
  ASSERT_EQ(::flock(held, LOCK_EX), 0);
  std::jthread other([held] {
    std::this_thread::sleep_for(kBusyRetryInterval * 5);
    ::close(held);
  });
  EXPECT_TRUE(open("disk"));
}

TEST_P(BlockFileTest, a_file_that_does_not_fit_is_not_left_behind) {
  auto file = open("huge", {true, 1ull << 50});
  ASSERT_FALSE(file);
  // Larger than the disk (ENOSPC), or than any file of this file system (EFBIG).
  EXPECT_TRUE(file.error().code == Errc::kNoSpace || file.error().code == Errc::kTooLarge)
      << file.error().to_string();
  EXPECT_FALSE(env_.exists(directory_ / "huge"));
}

TEST_P(BlockFileTest, notices_when_its_path_is_another_file_or_none) {
  auto file = must_open("disk", true);
  EXPECT_TRUE(file->still_in_place());
  fs::rename(directory_ / "disk", directory_ / "moved");
  EXPECT_FALSE(file->still_in_place());
  { std::ofstream(directory_ / "disk") << "something else"; }
  EXPECT_FALSE(file->still_in_place());
  fs::rename(directory_ / "moved", directory_ / "disk");
  EXPECT_TRUE(file->still_in_place());
  ASSERT_EQ(::truncate((directory_ / "disk").c_str(), kBlockSize), 0);
  EXPECT_FALSE(file->still_in_place());
  const auto beyond = env_.run(file->read(kBlockSize, kBlockSize, ReadMode::kCached));
  EXPECT_EQ(beyond.error().code, Errc::kIo);
  fs::remove(directory_ / "disk");
  EXPECT_FALSE(file->still_in_place());
}

TEST_P(BlockFileTest, errors_of_the_medium_are_io_errors) {
  // A descriptor that cannot be written stands for a medium that cannot.
  { std::ofstream(directory_ / "disk") << std::string(kFileBytes, 'x'); }
  auto opened = open_file(directory_ / "disk", {});
  ASSERT_TRUE(opened);
  const int read_only = ::open((directory_ / "disk").c_str(), O_RDONLY | O_CLOEXEC);
  ::dup2(read_only, (*opened)->direct_fd);
  ::close(read_only);
  auto engine = make_io_engine(env_.io(), GetParam());
  ASSERT_TRUE(engine);
  RealBlockFile file(**engine, *opened);
  EXPECT_EQ(env_.run(file.write(0, {filled('a')})).error().code, Errc::kIo);
}

// Needs the right to set up a loop device; elsewhere it is skipped and says so.
TEST_P(BlockFileTest, a_raw_block_device) {
  { std::ofstream(directory_ / "image") << ""; }
  ASSERT_EQ(::truncate((directory_ / "image").c_str(), kFileBytes), 0);
  const std::string command = "losetup -f --show '" + (directory_ / "image") + "' 2>/dev/null";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  char line[64] = "";
  if (!pipe || std::fgets(line, sizeof line, pipe.get()) == nullptr)
    GTEST_SKIP() << "no loop device to be had";
  const std::string device(line, std::strcspn(line, "\n"));
  struct Detach {
    std::string command;
    ~Detach() { EXPECT_EQ(std::system(command.c_str()), 0); }
  } detach{"losetup -d " + device};

  auto file = env_.run(env_.open_block_file(device, {}));
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ((*file)->size_bytes(), kFileBytes);
  EXPECT_TRUE((*file)->still_in_place());
  ASSERT_TRUE(env_.run((*file)->write(kBlockSize, {filled('d', 3)})));
  ASSERT_TRUE(env_.run((*file)->sync()));
  for (ReadMode mode : {ReadMode::kCached, ReadMode::kDirect})
    EXPECT_EQ(read(**file, kBlockSize, 3 * kBlockSize, mode), std::string(3 * kBlockSize, 'd'));
  EXPECT_EQ(env_.run(env_.open_block_file(device, {})).error().code, Errc::kBusy);
  EXPECT_EQ(env_.run(env_.open_block_file(device, {true, kFileBytes})).error().code, Errc::kExists);
  file->reset();
}

TEST_P(BlockFileTest, directories) {
  ASSERT_TRUE(env_.create_directories(directory_ / "a/b/c"));
  ASSERT_TRUE(env_.create_directories(directory_ / "a/b/c"));
  auto file = must_open("a/disk", true);
  EXPECT_EQ(*env_.list_directory(directory_ / "a"), (std::vector<std::string>{"b", "disk"}));
  EXPECT_EQ(env_.list_directory(directory_ / "none").error().code, Errc::kNotFound);
  EXPECT_EQ(env_.create_directories(directory_ / "a/disk/x").error().code, Errc::kNotDirectory);
  ASSERT_TRUE(env_.remove_all(directory_ / "a"));
  ASSERT_TRUE(env_.remove_all(directory_ / "a"));
  EXPECT_FALSE(env_.exists(directory_ / "a"));
  EXPECT_FALSE(file->still_in_place());
}

}  // namespace
}  // namespace atl::env
