// The simulated world: same seed, same run; what a crash may take and what it may not; faults.
#include "env/sim_env.h"

#include <gtest/gtest.h>

#include <cstring>

#include "env/sync.h"

namespace atl::env {
namespace {

constexpr uint64_t kFileBytes = 64 * kBlockSize;

Buf filled(char c, size_t blocks = 1) {
  Buf buf = Buf::allocate(blocks * kBlockSize);
  std::memset(buf.mutable_data(), c, buf.size());
  return buf;
}

std::unique_ptr<BlockFile> must_open(SimEnv& env, const std::string& path, bool create = false) {
  auto file = env.run(env.open_block_file(path, {create, create ? kFileBytes : 0}));
  EXPECT_TRUE(file) << (file ? "" : file.error().to_string());
  return file ? std::move(*file) : nullptr;
}

Status write(SimEnv& env, BlockFile& file, uint64_t block, Buf bytes) {
  return env.run(file.write(block * kBlockSize, {std::move(bytes)}));
}

std::string read_block(SimEnv& env, BlockFile& file, uint64_t block) {
  auto bytes = env.run(file.read(block * kBlockSize, kBlockSize, ReadMode::kDirect));
  return bytes ? std::string(bytes->view()) : "error: " + bytes.error().to_string();
}

Task<void> count_ticks(SimEnv& env, Nanos every, int times, int* ticks) {
  for (int i = 0; i < times; ++i) {
    co_await env.sleep(every);
    ++*ticks;
  }
}

Task<void> write_now_and_then(SimEnv& env, BlockFile& file, int times) {
  for (int i = 0; i < times; ++i) {
    co_await env.sleep(Nanos(env.random() % 100'000));
    std::vector<Buf> bufs{filled(static_cast<char>('a' + i % 26))};
    auto status = co_await file.write(env.random() % 64 * kBlockSize, std::move(bufs));
    EXPECT_TRUE(status);
    if (i % 3 == 0) status = co_await file.sync();
    EXPECT_TRUE(status);
  }
}

TEST(SimEnv, time_jumps_to_the_next_event) {
  SimEnv env;
  int ticks = 0;
  env.run(count_ticks(env, 1h, 24, &ticks));
  EXPECT_EQ(ticks, 24);
  EXPECT_EQ(env.now(), 24h);
  EXPECT_EQ(env.wall_now(), env.options().wall_start + Nanos(24h));
  env.skew_wall_clock(-5s);
  EXPECT_EQ(env.wall_now(), env.options().wall_start + Nanos(24h) - Nanos(5s));
}

TEST(SimEnv, run_for_stops_the_clock_where_it_was_told) {
  SimEnv env;
  int ticks = 0;
  env.spawn("ticks", count_ticks(env, 1s, 100, &ticks));
  env.run_for(10500ms);
  EXPECT_EQ(ticks, 10);
  EXPECT_EQ(env.now(), 10500ms);
  EXPECT_EQ(env.live_tasks(), std::vector<std::string>{"ticks"});
  env.run_for(90s);
  EXPECT_EQ(ticks, 100);
  EXPECT_TRUE(env.live_tasks().empty());
}

TEST(SimEnv, spawn_never_runs_the_task_inside_the_caller) {
  SimEnv env;
  int ticks = 0;
  env.spawn("ticks", count_ticks(env, 0s, 1, &ticks));
  EXPECT_EQ(ticks, 0);
  env.run_for(0s);
  EXPECT_EQ(ticks, 1);
}

TEST(SimEnv, timers_fire_once_and_can_be_cancelled) {
  SimEnv env;
  std::string log;
  env.start_timer(2s, [&] { log += 'b'; });
  env.start_timer(1s, [&] { log += 'a'; });
  const TimerId cancelled = env.start_timer(1s, [&] { log += 'X'; });
  env.start_timer(2s, [&] { log += 'c'; });
  env.cancel_timer(cancelled);
  env.cancel_timer(cancelled);
  env.cancel_timer({});
  env.run_for(1min);
  EXPECT_EQ(log, "abc");
}

TEST(SimEnv, offload_runs_the_work) {
  SimEnv env;
  int done = 0;
  env.run(env.offload([&] { done = 7; }));
  EXPECT_EQ(done, 7);
}

TEST(SimEnvDeathTest, a_deadlock_names_the_live_tasks) {
  struct Stuck {
    static Task<void> wait(std::shared_ptr<Event> event) { co_await event->wait(); }
  };
  EXPECT_DEATH(
      {
        SimEnv env;
        auto event = std::make_shared<Event>();
        env.spawn("waits-for-godot", Stuck::wait(event));
        env.run(Stuck::wait(event));
      },
      "deadlock in simulation.*waits-for-godot");
}

TEST(SimEnvDeathTest, a_task_that_throws_stops_the_process) {
  struct Thrower {
    static Task<void> run(SimEnv& env) {
      co_await env.sleep(1s);
      throw std::runtime_error("out of cheese");
    }
  };
  EXPECT_DEATH(
      {
        SimEnv env;
        env.run(Thrower::run(env));
      },
      "out of cheese");
}

TEST(SimEnv, same_seed_same_trace) {
  auto run = [](uint64_t seed) {
    SimEnv env(seed);
    auto file = must_open(env, "/disk", true);
    for (int i = 0; i < 4; ++i) env.spawn("writer", write_now_and_then(env, *file, 50));
    env.run_for(1min);
    EXPECT_TRUE(env.live_tasks().empty());
    return std::pair(env.trace_hash(), env.events());
  };
  const auto first = run(42);
  EXPECT_GT(first.second, 400u);
  EXPECT_EQ(run(42), first);
  EXPECT_NE(run(43).first, first.first);
}

TEST(SimEnv, dies_quietly_with_tasks_in_the_middle_of_everything) {
  auto storage = std::make_unique<SimStorage>();
  auto env = std::make_unique<SimEnv>(*storage, SimOptions{});
  auto file = must_open(*env, "/disk", true);
  Semaphore semaphore(1);
  struct Holder {
    static Task<void> run(SimEnv& env, Semaphore& semaphore) {
      auto permit = co_await Permit::take(semaphore);
      co_await env.sleep(1h);
    }
  };
  env->spawn("holder", Holder::run(*env, semaphore));
  env->spawn("waiter", Holder::run(*env, semaphore));
  env->spawn("writer", write_now_and_then(*env, *file, 1000));
  env->run_for(1ms);
  env.reset();
  Random random(1);
  storage->crash(random);
  SimEnv next(*storage, SimOptions{});
  EXPECT_TRUE(must_open(next, "/disk"));
}

// --- Files ---

TEST(SimStorage, files_and_directories) {
  SimEnv env;
  EXPECT_EQ(env.run(env.open_block_file("/a/disk", {})).error().code, Errc::kNotFound);
  EXPECT_EQ(env.run(env.open_block_file("/a/disk", {true, kFileBytes})).error().code,
            Errc::kNotFound)
      << "no parent directory";
  ASSERT_TRUE(env.create_directories("/a/b/c"));
  EXPECT_TRUE(env.exists("/a/b"));
  auto file = must_open(env, "/a/disk", true);
  EXPECT_EQ(file->size_bytes(), kFileBytes);
  EXPECT_EQ(env.run(env.open_block_file("/a/disk", {})).error().code, Errc::kBusy);
  EXPECT_EQ(env.run(env.open_block_file("/a/disk", {true, kFileBytes})).error().code,
            Errc::kExists);
  EXPECT_EQ(env.create_directories("/a/disk/x").error().code, Errc::kNotDirectory);
  EXPECT_EQ(*env.list_directory("/a/"), (std::vector<std::string>{"b", "disk"}));
  EXPECT_EQ(env.list_directory("/nope").error().code, Errc::kNotFound);
  file.reset();
  file = must_open(env, "/a/../a/disk");
  ASSERT_TRUE(env.remove_all("/a"));
  EXPECT_FALSE(env.exists("/a/disk"));
  EXPECT_FALSE(env.exists("/a/b"));
  EXPECT_FALSE(file->still_in_place());
}

TEST(SimStorage, reads_what_was_written_and_zeros_elsewhere) {
  SimEnv env;
  auto file = must_open(env, "/disk", true);
  auto status = env.run(file->write(kBlockSize, {filled('a'), filled('b', 2)}));
  ASSERT_TRUE(status);
  EXPECT_EQ(read_block(env, *file, 0), std::string(kBlockSize, '\0'));
  EXPECT_EQ(read_block(env, *file, 1), std::string(kBlockSize, 'a'));
  EXPECT_EQ(read_block(env, *file, 3), std::string(kBlockSize, 'b'));
  auto outside = write(env, *file, 63, filled('c', 2));
  EXPECT_EQ(outside.error().code, Errc::kInvalidArgument);
}

// Runs `before` on a new disk, cuts the power, and returns the file's 64 first bytes of blocks
// 0..63.
struct AfterCrash {
  std::string blocks;  // one character a block: what it is filled with; '?' when torn
  CrashReport report;
};
template <typename Before>
AfterCrash crash_after(uint64_t seed, Before before, CrashKind kind = CrashKind::kPowerCut) {
  SimStorage storage;
  SimOptions options;
  options.seed = seed;
  auto* env = new SimEnv(storage, options);  // leaked with its tasks, as sim_env.h says
  auto* file = must_open(*env, "/disk", true).release();
  before(*env, *file);
  env->halt();
  Random random(seed);
  AfterCrash out;
  out.report = storage.crash(random, kind);
  EXPECT_EQ(storage.find("/disk")->blocks_at_risk() > 0 && kind == CrashKind::kPowerCut, false);
  SimEnv next(storage, options);
  auto again = must_open(next, "/disk");
  for (uint64_t block = 0; block < 64; ++block) {
    const std::string bytes = read_block(next, *again, block);
    const bool whole = bytes == std::string(kBlockSize, bytes[0]);
    out.blocks.push_back(whole ? (bytes[0] ? bytes[0] : '.') : '?');
  }
  static auto* leaked = new std::vector<std::pair<SimEnv*, BlockFile*>>;
  leaked->emplace_back(env, file);
  return out;
}

constexpr uint64_t kSeeds = 300;

TEST(SimCrash, what_was_flushed_is_never_lost) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto after = crash_after(seed, [](SimEnv& env, BlockFile& file) {
      ASSERT_TRUE(write(env, file, 0, filled('o', 32)));
      ASSERT_TRUE(write(env, file, 0, filled('n', 32)));
      ASSERT_TRUE(env.run(file.sync()));
      ASSERT_TRUE(write(env, file, 32, filled('u', 32)));
    });
    ASSERT_EQ(after.blocks.substr(0, 32), std::string(32, 'n')) << "seed " << seed;
  }
}

TEST(SimCrash, what_was_not_flushed_may_be_kept_lost_or_torn) {
  uint64_t all_kept = 0, all_lost = 0, mixed = 0, torn = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto after = crash_after(seed, [](SimEnv& env, BlockFile& file) {
      ASSERT_TRUE(write(env, file, 0, filled('u', 64)));
    });
    if (after.blocks == std::string(64, 'u')) {
      ++all_kept;
    } else if (after.blocks == std::string(64, '.')) {
      ++all_lost;
    } else {
      ++mixed;
    }
    torn += after.blocks.find('?') != std::string::npos;
    ASSERT_EQ(after.report.blocks_kept + after.report.blocks_dropped + after.report.blocks_torn,
              64u);
  }
  EXPECT_GT(all_kept, 10u);
  EXPECT_GT(all_lost, 10u);
  EXPECT_GT(mixed, 10u);
  EXPECT_GT(torn, 10u);
}

Task<void> write_later(BlockFile& file, uint64_t block, char c) {
  std::vector<Buf> bufs{filled(c)};
  auto status = co_await file.write(block * kBlockSize, std::move(bufs));
  EXPECT_TRUE(status);
}

TEST(SimCrash, a_sync_covers_only_writes_that_had_returned_before_it) {
  uint64_t lost = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto after = crash_after(seed, [](SimEnv& env, BlockFile& file) {
      env.options().write = {10us, 10us};
      env.options().sync = {1ms, 1ms};
      env.spawn("late writer", write_later(file, 0, 'u'));  // under way when sync() is called
      ASSERT_TRUE(env.run(file.sync()));                    // and long done when it returns
    });
    lost += after.blocks[0] != 'u';
  }
  EXPECT_GT(lost, 10u);
}

TEST(SimCrash, a_write_in_flight_may_be_there_or_not) {
  uint64_t there = 0, absent = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto after = crash_after(seed, [](SimEnv& env, BlockFile& file) {
      env.options().write = {1h, 1h};
      env.spawn("writer", write_later(file, 0, 'u'));
      env.run_for(1s);
      EXPECT_EQ(read_block(env, file, 0), std::string(kBlockSize, '\0')) << "not seen yet";
    });
    there += after.blocks[0] == 'u';
    absent += after.blocks[0] == '.';
  }
  EXPECT_GT(there, 10u);
  EXPECT_GT(absent, 10u);
}

TEST(SimCrash, a_killed_process_loses_nothing_that_was_written) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const auto after = crash_after(
        seed,
        [](SimEnv& env, BlockFile& file) { ASSERT_TRUE(write(env, file, 0, filled('u', 64))); },
        CrashKind::kProcessKill);
    ASSERT_EQ(after.blocks, std::string(64, 'u'));
  }
}

// --- Faults ---

TEST(SimFaults, a_failed_device_fails_everything_below_its_path_until_repaired) {
  SimEnv env;
  ASSERT_TRUE(env.create_directories("/d1"));
  ASSERT_TRUE(env.create_directories("/d11"));
  auto bad = must_open(env, "/d1/disk", true);
  auto good = must_open(env, "/d11/disk", true);
  env.storage().fail_device("/d1");
  EXPECT_EQ(write(env, *bad, 0, filled('a')).error().code, Errc::kIo);
  EXPECT_EQ(env.run(bad->sync()).error().code, Errc::kIo);
  EXPECT_EQ(env.run(bad->read(0, kBlockSize, ReadMode::kCached)).error().code, Errc::kIo);
  EXPECT_EQ(env.run(env.open_block_file("/d1/disk", {})).error().code, Errc::kIo);
  EXPECT_TRUE(write(env, *good, 0, filled('a')));
  env.storage().repair_device("/d1");
  EXPECT_TRUE(write(env, *bad, 0, filled('a')));
}

TEST(SimFaults, a_device_can_fail_after_some_operations) {
  SimEnv env;
  auto file = must_open(env, "/disk", true);
  env.storage().fail_device("/disk", 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(write(env, *file, 0, filled('a')));
  EXPECT_FALSE(write(env, *file, 0, filled('a')));
}

TEST(SimFaults, errors_by_chance) {
  SimEnv env;
  auto file = must_open(env, "/disk", true);
  env.options().write_error_chance = 0.5;
  int failed = 0;
  for (int i = 0; i < 200; ++i) failed += !write(env, *file, 0, filled('a')).has_value();
  EXPECT_GT(failed, 60);
  EXPECT_LT(failed, 140);
}

TEST(SimFaults, a_slow_device_is_slow) {
  SimEnv env;
  auto file = must_open(env, "/disk", true);
  env.storage().slow_device("/", 10'000);
  const Nanos before = env.now();
  ASSERT_TRUE(write(env, *file, 0, filled('a')));
  EXPECT_GE(env.now() - before, 10'000 * env.options().write.shortest);
}

TEST(SimFaults, bits_rot_and_flip) {
  SimEnv env;
  auto file = must_open(env, "/disk", true);
  ASSERT_TRUE(write(env, *file, 2, filled('a')));  // still cached: rot hits what is read
  env.storage().flip_bit("/disk", 2 * kBlockSize + 5, 1);
  std::string expected(kBlockSize, 'a');
  expected[5] ^= 2;
  EXPECT_EQ(read_block(env, *file, 2), expected);
  ASSERT_TRUE(env.run(file->sync()));
  env.storage().flip_bit("/disk", 2 * kBlockSize + 5, 1);
  EXPECT_EQ(read_block(env, *file, 2), std::string(kBlockSize, 'a'));

  env.options().read_flip_chance = 1;
  EXPECT_NE(read_block(env, *file, 2), std::string(kBlockSize, 'a'));
  env.options().read_flip_chance = 0;
  EXPECT_EQ(read_block(env, *file, 2), std::string(kBlockSize, 'a'));
}

TEST(SimFaults, full_removed_swapped_blanked_and_older_disks) {
  SimEnv env;
  SimStorage& storage = env.storage();
  storage.set_full("/", true);
  EXPECT_EQ(env.run(env.open_block_file("/one", {true, kFileBytes})).error().code, Errc::kNoSpace);
  storage.set_full("/", false);
  auto one = must_open(env, "/one", true);
  auto two = must_open(env, "/two", true);
  ASSERT_TRUE(write(env, *one, 0, filled('1')));
  ASSERT_TRUE(write(env, *two, 0, filled('2')));
  EXPECT_TRUE(one->still_in_place());

  const auto older = storage.snapshot("/one");
  ASSERT_TRUE(write(env, *one, 0, filled('x')));
  storage.restore("/one", older);
  EXPECT_EQ(read_block(env, *one, 0), std::string(kBlockSize, '1'));
  EXPECT_TRUE(one->still_in_place());

  storage.swap("/one", "/two");
  EXPECT_FALSE(one->still_in_place());
  EXPECT_EQ(read_block(env, *one, 0), std::string(kBlockSize, '1')) << "the handle keeps its file";
  one.reset();
  two.reset();
  one = must_open(env, "/one");
  EXPECT_EQ(read_block(env, *one, 0), std::string(kBlockSize, '2'));

  storage.blank("/one");
  EXPECT_EQ(read_block(env, *one, 0), std::string(kBlockSize, '\0'));
  EXPECT_TRUE(one->still_in_place());

  ASSERT_TRUE(env.remove_all("/one"));
  EXPECT_FALSE(one->still_in_place());
  EXPECT_TRUE(write(env, *one, 0, filled('y'))) << "goes to a file without a name";
  EXPECT_FALSE(env.exists("/one"));
}

}  // namespace
}  // namespace atl::env
