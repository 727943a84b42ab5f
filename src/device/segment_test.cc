// Journal segments: order, repetition, fencing, sealing, pipelining.
#include <gtest/gtest.h>

#include "device/test_disk.h"
#include "device/test_expect.h"

namespace atl::device {
namespace {

Errc code_of(const Result<SegmentState>& r) {
  return r ? Errc{} : r.error().code;
}

// Runs of ever different sizes that follow one another.
std::vector<Run> history(uint64_t seed, int runs, uint64_t first_lsn = 1, uint32_t chain = 0,
                         uint64_t epoch = 1) {
  env::Random random(seed);
  std::vector<Run> out;
  for (int i = 0; i < runs; ++i) {
    const auto count = static_cast<uint32_t>(random.between(1, 9));
    const size_t size =
        random.chance(0.1) ? random.between(60'000, 300'000) : random.between(1, 9000);
    out.push_back(make_run(first_lsn, count, epoch, chain, pattern(random.next(), size)));
    first_lsn += count;
    chain = out.back().chain_after;
  }
  return out;
}

void expect_history(TestDisk& disk, uint64_t segment, const std::vector<Run>& expected,
                    size_t max_bytes = 1 << 30) {
  std::vector<Run> found;
  uint64_t from = 0;
  while (true) {
    auto part = disk.runs(segment, from, max_bytes);
    ASSERT_TRUE(part.has_value()) << part.error().to_string();
    if (part->empty()) break;
    for (Run& run : *part) found.push_back(std::move(run));
    from = found.back().first_lsn.value + found.back().count;
  }
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].first_lsn, expected[i].first_lsn);
    EXPECT_EQ(found[i].count, expected[i].count);
    EXPECT_EQ(found[i].epoch, expected[i].epoch);
    EXPECT_EQ(found[i].payload.view(), expected[i].payload.view());
  }
}

TEST(Segments, KeepsRunsInOrderOverRestarts) {
  TestDisk disk(1);
  disk.make();
  const auto runs = history(1, 60);
  for (const auto& run : runs) EXPECT_OK(disk.append(5, run));
  expect_history(disk, 5, runs);
  expect_history(disk, 5, runs, 10'000);
  EXPECT_OK(disk.reopen());
  expect_history(disk, 5, runs);
  disk.crash();
  EXPECT_OK(disk.open());
  expect_history(disk, 5, runs);
  const auto states = disk.device->list_segments();
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0].next_lsn.value, runs.back().first_lsn.value + runs.back().count);
  EXPECT_EQ(states[0].chain, runs.back().chain_after);
  // Reading from the middle of a run gives that run.
  auto part = disk.runs(5, runs[7].first_lsn.value + runs[7].count - 1, 1);
  ASSERT_TRUE(part.has_value());
  ASSERT_EQ(part->size(), 1u);
  EXPECT_EQ((*part)[0].first_lsn, runs[7].first_lsn);
}

TEST(Segments, ASmallRunCostsOneBlock) {
  TestDisk disk(2);
  disk.make();
  EXPECT_OK(disk.append(1, make_run(1, 1, 1, 0, pattern(1, kBlockBytes - kRecordHeaderBytes))));
  EXPECT_EQ(disk.device->use().live_bytes, kBlockBytes);
}

TEST(Segments, RefusesWhatDoesNotFollow) {
  TestDisk disk(3);
  disk.make();
  const auto runs = history(2, 4);
  for (const auto& run : runs) EXPECT_OK(disk.append(1, run));
  // The same again succeeds; the same place with other bytes, a gap or another chain does not.
  EXPECT_OK(disk.append(1, runs[1]));
  EXPECT_OK(disk.append(1, runs[3]));
  auto other = make_run(runs[1].first_lsn.value, runs[1].count, 1, runs[1].chain_before,
                        pattern(77, runs[1].payload.size()));
  EXPECT_EQ(code_of(disk.append(1, other)), Errc::kConflict);
  const uint64_t next = runs[3].first_lsn.value + runs[3].count;
  EXPECT_EQ(code_of(disk.append(1, make_run(next + 1, 1, 1, runs[3].chain_after, pattern(1, 9)))),
            Errc::kConflict);
  EXPECT_EQ(code_of(disk.append(1, make_run(next, 1, 1, 123, pattern(1, 9)))), Errc::kConflict);
  expect_history(disk, 1, runs);
}

TEST(Segments, RefusesBadInput) {
  TestDisk disk(4);
  disk.make();
  auto run = make_run(1, 1, 1, 0, pattern(1, 100));
  run.chain_after ^= 1;
  EXPECT_EQ(code_of(disk.append(1, run)), Errc::kCorrupt);
  EXPECT_EQ(code_of(disk.append(1, make_run(1, 0, 1, 0, pattern(1, 100)))), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(disk.append(1, make_run(1, 1, 5, 0, pattern(1, 100)), 4)),
            Errc::kInvalidArgument);
  EXPECT_EQ(code_of(disk.append(1, make_run(1, 1, 1, 0, Buf::allocate_zeroed(5_MiB)))),
            Errc::kTooLarge);
  EXPECT_TRUE(disk.device->list_segments().empty());
  EXPECT_OK(disk.append(1, make_run(1, 1, 1, 0, pattern(1, 100))));
  EXPECT_EQ(code_of(disk.env->run(disk.device->append_run(SegmentId(1), PartitionId(2), Epoch(1),
                                                          make_run(2, 1, 1, 0, pattern(1, 9))))),
            Errc::kInvalidArgument);
}

TEST(Segments, ALargeRunFitsExactly) {
  TestDisk disk(5);
  disk.make();
  const size_t most = (size_t{disk.layout().data_blocks()} - 1) * kBlockBytes;
  const auto run = make_run(1, 1, 1, 0, pattern(1, most));
  EXPECT_OK(disk.append(1, run));
  EXPECT_EQ(code_of(disk.append(1, make_run(2, 1, 1, run.chain_after, pattern(1, most + 1)))),
            Errc::kTooLarge);
  disk.crash();
  EXPECT_OK(disk.open());
  expect_history(disk, 1, {run});
}

TEST(Segments, AHigherEpochFencesLowerOnesForGood) {
  TestDisk disk(6);
  disk.make();
  const auto runs = history(3, 3);
  EXPECT_OK(disk.append(1, runs[0], 1));
  EXPECT_OK(disk.append(1, runs[1], 5));  // raises the promise
  EXPECT_EQ(code_of(disk.append(1, runs[2], 4)), Errc::kFenced);
  EXPECT_EQ(code_of(disk.append(1, runs[0], 4)), Errc::kFenced);
  for (int restart = 0; restart < 2; ++restart) {
    if (restart == 0)
      disk.crash();
    else
      EXPECT_OK(disk.close());
    EXPECT_OK(disk.open());
    EXPECT_EQ(disk.device->list_segments()[0].promised, Epoch(5));
    EXPECT_EQ(code_of(disk.append(1, runs[2], 4)), Errc::kFenced);
  }
  EXPECT_OK(disk.append(1, runs[2], 5));
}

// The fence is the partition's: deleting a segment, a restart or a checkpoint do not lower it, and
// other partitions have their own.
TEST(Segments, AFenceOutlivesItsSegment) {
  TestDisk disk(60);
  disk.make();
  const auto runs = history(3, 3);
  EXPECT_OK(disk.append(1, runs[0], 1));
  EXPECT_OK(disk.seal(1, 5));
  EXPECT_OK(disk.env->run(disk.device->delete_segment(SegmentId(1))));
  for (int round = 0; round < 4; ++round) {
    EXPECT_EQ(code_of(disk.append(1, runs[1], 4)), Errc::kFenced);
    EXPECT_EQ(code_of(disk.append(2, runs[0], 4)), Errc::kFenced);
    EXPECT_EQ(code_of(disk.seal(3, 4)), Errc::kFenced);
    const auto other =
        disk.env->run(disk.device->append_run(SegmentId(9), PartitionId(2), Epoch(1), runs[0]));
    EXPECT_TRUE(other.has_value());
    EXPECT_OK(disk.env->run(disk.device->delete_segment(SegmentId(9))));
    if (round == 0) {
      disk.crash();
    } else {
      EXPECT_OK(round == 1 ? disk.env->run(disk.core().checkpoint()) : disk.close());
      if (round == 1) disk.crash();
    }
    EXPECT_OK(disk.open());
  }
  EXPECT_OK(disk.append(1, runs[0], 5));
}

TEST(Segments, ScrubWritesADamagedPromiseAnew) {
  TestDisk disk(61);
  disk.make();
  const auto runs = history(3, 1);
  EXPECT_OK(disk.append(1, runs[0], 1));
  EXPECT_OK(disk.seal(1, 5));
  const auto at = disk.core().locate_run(SegmentId(1), runs[0].first_lsn);
  ASSERT_TRUE(at.has_value());
  const uint32_t blocks = run_record_blocks(static_cast<uint32_t>(runs[0].payload.size()));
  disk.flip(disk.layout().offset(at->zone, at->block + blocks) + 40);
  const VerifyResult first = disk.verify_all();
  EXPECT_EQ(first.bad_metadata, 1u);
  EXPECT_TRUE(first.bad_segments.empty());
  const VerifyResult second = disk.verify_all();
  EXPECT_EQ(second.bad_metadata, 0u);
  EXPECT_TRUE(second.bad_segments.empty());
  disk.crash();
  EXPECT_OK(disk.open());
  EXPECT_EQ(disk.device->list_segments()[0].promised, Epoch(5));
  EXPECT_EQ(code_of(disk.append(2, runs[0], 4)), Errc::kFenced);
  expect_history(disk, 1, runs);
}

TEST(Segments, ARepeatWithAHigherEpochPromisesItDurably) {
  TestDisk disk(7);
  disk.make();
  const auto runs = history(4, 2);
  EXPECT_OK(disk.append(1, runs[0], 1));
  auto state = disk.append(1, runs[0], 9);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->promised, Epoch(9));
  EXPECT_FALSE(state->sealed);
  disk.crash();
  EXPECT_OK(disk.open());
  EXPECT_EQ(code_of(disk.append(1, runs[1], 8)), Errc::kFenced);
  EXPECT_OK(disk.append(1, runs[1], 9));
}

TEST(Segments, SealingPromisesAndAnswersWhatIsThere) {
  TestDisk disk(8);
  disk.make();
  const auto runs = history(5, 5);
  for (int i = 0; i < 3; ++i) EXPECT_OK(disk.append(1, runs[i], 1));
  auto state = disk.seal(1, 7);
  ASSERT_TRUE(state.has_value());
  EXPECT_TRUE(state->sealed);
  EXPECT_EQ(state->next_lsn, runs[3].first_lsn);
  EXPECT_EQ(state->chain, runs[3].chain_before);
  EXPECT_EQ(code_of(disk.append(1, runs[3], 1)), Errc::kFenced);
  EXPECT_EQ(code_of(disk.seal(1, 6)), Errc::kFenced);
  EXPECT_OK(disk.seal(1, 7));
  disk.crash();
  EXPECT_OK(disk.open());
  EXPECT_EQ(code_of(disk.append(1, runs[3], 6)), Errc::kFenced);
  EXPECT_EQ(code_of(disk.append(1, runs[3], 8)), Errc::kConflict);  // not its sealing epoch
  EXPECT_OK(disk.append(1, runs[3], 7));                            // recovery making it whole
  EXPECT_OK(disk.seal(1, 8));
  EXPECT_OK(disk.append(1, runs[4], 8));
  expect_history(disk, 1, runs);
}

TEST(Segments, SealingWhatIsNotThereCreatesIt) {
  TestDisk disk(9);
  disk.make();
  auto state = disk.seal(3, 4, 100, 0xABCD);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->next_lsn, Lsn(100));
  EXPECT_EQ(state->chain, 0xABCDu);
  disk.crash();
  EXPECT_OK(disk.open());
  EXPECT_EQ(code_of(disk.append(3, make_run(100, 1, 3, 0xABCD, pattern(1, 9)))), Errc::kFenced);
  EXPECT_EQ(code_of(disk.append(3, make_run(1, 1, 4, 0, pattern(1, 9)))), Errc::kConflict);
  EXPECT_OK(disk.append(3, make_run(100, 1, 4, 0xABCD, pattern(1, 9))));
}

struct AppendLog {
  std::vector<int> acknowledged;
  int running = 0;
};

Task<void> append_and_note(TestDisk& disk, Run run, int number, AppendLog& log) {
  auto state =
      co_await disk.device->append_run(SegmentId(1), PartitionId(1), Epoch(1), std::move(run));
  if (state) log.acknowledged.push_back(number);
  --log.running;
}

TEST(Segments, PipelinedRunsAreAcknowledgedInOrderByFewFlushes) {
  TestDisk disk(10);
  disk.make();
  const auto runs = history(6, 200);
  AppendLog log;
  Counter& flushes = DeviceMetrics(TestDisk::identity()).flushes;
  const uint64_t before = flushes.value();
  for (int i = 0; i < 200; ++i) {
    ++log.running;
    disk.env->spawn("append", append_and_note(disk, runs[i], i, log));
  }
  disk.env->run_for(10s);
  EXPECT_EQ(log.running, 0);
  ASSERT_EQ(log.acknowledged.size(), 200u);
  EXPECT_TRUE(std::is_sorted(log.acknowledged.begin(), log.acknowledged.end()));
  EXPECT_LT(flushes.value() - before, 40u);
  expect_history(disk, 1, runs);
}

TEST(Segments, ASealWaitsForWhatIsInFlight) {
  TestDisk disk(11);
  disk.make();
  const auto runs = history(7, 20);
  AppendLog log;
  for (int i = 0; i < 20; ++i) {
    ++log.running;
    disk.env->spawn("append", append_and_note(disk, runs[i], i, log));
  }
  auto state = disk.seal(1, 2);
  ASSERT_TRUE(state.has_value());
  // Whatever was or will be acknowledged is below what the seal answered.
  disk.env->run_for(10s);
  EXPECT_EQ(log.acknowledged.size(), 20u);
  EXPECT_EQ(state->next_lsn.value, runs.back().first_lsn.value + runs.back().count);
}

TEST(Segments, DeletedSegmentsFreeTheirZonesWhole) {
  TestDisk disk(12);
  disk.make();
  for (uint64_t segment = 1; segment <= 40; ++segment) {
    uint32_t chain = 0;
    for (uint64_t i = 1; i <= 4; ++i) {
      auto run = make_run(i, 1, 1, chain, pattern(segment * 10 + i, 1'000'000));
      chain = run.chain_after;
      EXPECT_OK(disk.append(segment, std::move(run)));
    }
    if (segment > 2) EXPECT_OK(disk.env->run(disk.device->delete_segment(SegmentId(segment - 2))));
  }
  EXPECT_EQ(disk.device->list_segments().size(), 2u);
  EXPECT_OK(disk.env->run(disk.device->delete_segment(SegmentId(77))));
}

}  // namespace
}  // namespace atl::device
