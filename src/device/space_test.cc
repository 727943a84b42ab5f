// Space: group commit, full devices, reserves, and space that comes back.
#include "device/test_disk.h"
#include "device/test_expect.h"

namespace atl::device {
namespace {

DeviceMetrics metrics() {
  return DeviceMetrics(TestDisk::identity());
}

Task<void> write_and_count(TestDisk& disk, uint64_t stripe, size_t length, int& done) {
  ShardPayload payload = shard_payload(pattern(shard_seed(stripe, 0), length));
  const ShardKey key{StripeId(stripe), 0};
  Status status = co_await disk.device->write_shard(key, std::move(payload), WriteClass::kUser);
  if (status) ++done;
}

TEST(GroupCommit, ManyRecordsOneFlush) {
  TestDisk disk(1);
  disk.make();
  EXPECT_OK(disk.write(1000, 0, 10));  // zones are open now
  const uint64_t flushes = metrics().flushes.value();
  const uint64_t records = metrics().flushed_records.value();
  int done = 0;
  for (uint64_t s = 1; s <= 100; ++s)
    disk.env->spawn("write", write_and_count(disk, s, 4096, done));
  disk.env->run_for(1s);
  EXPECT_EQ(done, 100);
  EXPECT_EQ(metrics().flushed_records.value() - records, 100u);
  EXPECT_LE(metrics().flushes.value() - flushes, 4u);
}

TEST(GroupCommit, SuccessOnlyAfterAFlushThatBeganAfterTheWrite) {
  // A device that never finishes a flush acknowledges nothing.
  TestDisk disk(2);
  disk.make();
  EXPECT_OK(disk.write(1000, 0, 10));
  disk.env->options().sync = {1h, 1h};
  disk.env->options().slow_op_chance = 0;
  int done = 0;
  for (uint64_t s = 1; s <= 20; ++s) disk.env->spawn("write", write_and_count(disk, s, 4096, done));
  disk.env->run_for(59min);
  EXPECT_EQ(done, 0);
  EXPECT_EQ(disk.device->use().shards, 1u);
  // The first flush began after the first writes; what was written during it waits for the next.
  disk.env->run_for(2min);
  const int first = done;
  EXPECT_GT(first, 0);
  for (uint64_t s = 21; s <= 30; ++s)
    disk.env->spawn("write", write_and_count(disk, s, 4096, done));
  disk.env->run_for(58min);
  EXPECT_LE(done, 20);
  disk.env->run_for(3h);
  EXPECT_EQ(done, 30);
}

// Writes shards of `length` until there is no room. Returns how many were written.
uint64_t fill(TestDisk& disk, uint64_t first, size_t length, WriteClass c = WriteClass::kUser) {
  for (uint64_t s = first;; ++s) {
    Status status = disk.write(s, 0, length, c);
    if (status) continue;
    EXPECT_EQ(status.error().code, Errc::kNoSpace) << status.error().to_string();
    return s - first;
  }
}

TEST(Space, AFullDeviceSaysSoKeepsServingAndLeavesRoomForTheRest) {
  TestDisk disk(3);
  disk.make();
  const uint64_t free_before = disk.device->use().free_bytes;
  const uint64_t n = fill(disk, 1, 100'000);
  const uint64_t written = n * (100'000 / 4096 + 2) * 4096;
  EXPECT_GT(written, free_before * 9 / 10);
  EXPECT_LT(disk.device->use().free_bytes, 200'000u);
  EXPECT_GT(fill(disk, 10'000, 100'000, WriteClass::kSystem), 10u);
  // The journal goes on after both.
  uint32_t chain = 0;
  for (uint64_t i = 1; i <= 20; ++i) {
    auto run = make_run(i, 1, 1, chain, pattern(i, 50'000));
    chain = run.chain_after;
    ASSERT_OK(disk.append(1, std::move(run)));
  }
  for (uint64_t s = 1; s <= n; ++s) EXPECT_OK(disk.check(s, 0, 100'000));
  // Deleting makes room, and as much as use() says.
  for (uint64_t s = 1; s <= n; s += 2) EXPECT_OK(disk.erase(s, 0));
  const uint64_t free_bytes = disk.device->use().free_bytes;
  EXPECT_GT(free_bytes, written / 5);
  const uint64_t again = free_bytes * 9 / 10 / (26 * 4096);
  for (uint64_t s = 0; s < again; ++s) ASSERT_OK(disk.write(20'000 + s, 0, 100'000));
  for (uint64_t s = 2; s <= n; s += 2) EXPECT_OK(disk.check(s, 0, 100'000));
  EXPECT_OK(disk.reopen());
  for (uint64_t s = 2; s <= n; s += 2) EXPECT_OK(disk.check(s, 0, 100'000));
}

TEST(Space, TheJournalMayTakeAllAndNoMore) {
  TestDisk disk(4);
  disk.make();
  uint32_t chain = 0;
  uint64_t lsn = 1;
  while (true) {
    auto run = make_run(lsn, 1, 1, chain, pattern(lsn, 500'000));
    const uint32_t after = run.chain_after;
    auto state = disk.append(1, std::move(run));
    if (!state) {
      EXPECT_EQ(state.error().code, Errc::kNoSpace);
      break;
    }
    chain = after;
    ++lsn;
  }
  EXPECT_GT(lsn, 90u);
  EXPECT_ERRC(disk.write(1, 0, 1000), Errc::kNoSpace);
  EXPECT_OK(disk.reopen());
  EXPECT_EQ(disk.device->list_segments()[0].next_lsn, Lsn(lsn));
  EXPECT_OK(disk.env->run(disk.device->delete_segment(SegmentId(1))));
  EXPECT_OK(disk.write(1, 0, 1000));
}

TEST(Space, TenTimesTheCapacityPassesThrough) {
  for (bool scattered : {false, true}) {
    TestDisk disk(5);
    disk.make();
    env::Random random(5);
    std::vector<uint64_t> live;
    uint64_t live_bytes = 0;
    uint64_t written = 0;
    uint64_t next = 1;
    const uint64_t capacity = disk.device->use().capacity_bytes;
    const uint64_t keep = disk.device->use().free_bytes * 3 / 4;
    const auto length = [](uint64_t s) { return s % 5 == 0 ? 900'000 : 1000 + s % 60'000; };
    const auto cost = [&](uint64_t s) { return round_up(length(s), 4096) + 4096; };
    while (written < 10 * capacity) {
      while (live_bytes > keep) {
        const size_t i = scattered ? random.below(live.size()) : 0;
        ASSERT_OK(disk.erase(live[i], 0));
        live_bytes -= cost(live[i]);
        live.erase(live.begin() + static_cast<ptrdiff_t>(i));
      }
      ASSERT_OK(disk.write(next, 0, length(next)));
      written += cost(next);
      live_bytes += cost(next);
      live.push_back(next++);
    }
    EXPECT_EQ(disk.device->use().shards, live.size());
    EXPECT_EQ(disk.device->use().live_bytes, live_bytes);
    for (uint64_t s : live) EXPECT_OK(disk.check(s, 0, length(s)));
    disk.crash();
    ASSERT_OK(disk.open());
    for (uint64_t s : live) EXPECT_OK(disk.check(s, 0, length(s)));
    EXPECT_TRUE(disk.verify_all().bad_shards.empty());
  }
}

TEST(Space, TenTimesTheCapacityOfJournal) {
  TestDisk disk(6);
  disk.make();
  EXPECT_OK(disk.write(1, 0, 1'000'000));
  const uint64_t capacity = disk.device->use().capacity_bytes;
  uint64_t written = 0;
  const uint64_t moved = metrics().reclaim_moved_bytes.value();
  for (uint64_t segment = 1; written < 10 * capacity; ++segment) {
    uint32_t chain = 0;
    for (uint64_t i = 1; i <= 8; ++i) {
      auto run = make_run(i, 1, 1, chain, pattern(i, 700'000));
      chain = run.chain_after;
      written += 700'000;
      ASSERT_OK(disk.append(segment, std::move(run)));
    }
    if (segment > 3) ASSERT_OK(disk.env->run(disk.device->delete_segment(SegmentId(segment - 3))));
  }
  EXPECT_OK(disk.check(1, 0, 1'000'000));
  // Journal zones die whole: next to nothing was moved.
  EXPECT_LT(metrics().reclaim_moved_bytes.value() - moved, written / 20);
}

TEST(Space, ReadersKeepAZoneFromBeingReused) {
  TestDisk disk(7, 64_MiB, 1_MiB);
  disk.make();
  struct Reader {
    static Task<void> loop(TestDisk& disk, uint64_t seed, int& reads, bool& stop, int& bad) {
      env::Random random(seed);
      while (!stop) {
        const uint64_t s = 1 + random.below(40);
        const ShardKey key{StripeId(s), 0};
        auto part = co_await disk.device->read_shard(key, 0, 60'000, env::ReadMode::kCached);
        ++reads;
        if (!part) {
          if (part.error().code != Errc::kNotFound) ++bad;
        } else if (block_checksums(part->bytes.span()) != part->block_crcs ||
                   part->bytes.view().substr(0, 60'000) != pattern(s * 64, 60'000).view()) {
          ++bad;
        }
      }
    }
  };
  int reads = 0;
  int bad = 0;
  bool stop = false;
  for (uint64_t s = 1; s <= 40; ++s) ASSERT_OK(disk.write(s, 0, 60'000));
  for (uint64_t r = 0; r < 4; ++r) disk.env->spawn("read", Reader::loop(disk, r, reads, stop, bad));
  // Churn, so that what is read is moved again and again.
  for (uint64_t s = 100; s < 1500; ++s) {
    ASSERT_OK(disk.write(s, 0, 300'000));
    if (s >= 220) ASSERT_OK(disk.erase(s - 120, 0));
  }
  stop = true;
  disk.env->run_for(1s);
  EXPECT_GT(reads, 1000);
  EXPECT_EQ(bad, 0);
}

TEST(Space, SmallAndLargeDevicesGetSensibleZones) {
  const auto zone_of = [](uint64_t size) { return Layout::plan(size, 0)->zone_bytes; };
  EXPECT_EQ(zone_of(64_MiB), 4_MiB);
  EXPECT_EQ(zone_of(1_GiB), 16_MiB);
  EXPECT_EQ(zone_of(3_GiB), 32_MiB);
  EXPECT_EQ(zone_of(100_GiB), 64_MiB);
  for (uint64_t size : {64_MiB, 65_MiB, 100_MiB, 1_GiB, 10_GiB, 4_TiB}) {
    const auto layout = Layout::plan(size, 0);
    ASSERT_OK(layout);
    EXPECT_TRUE(layout->valid());
    EXPECT_LT(layout->checkpoint_bytes * 2, size / 20);
  }
}

}  // namespace
}  // namespace atl::device
