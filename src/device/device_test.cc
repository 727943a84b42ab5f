// Formatting, identity, shards: what the calls promise when nothing is wrong, and clear errors when
// the input or the disk is.
#include <gtest/gtest.h>

#include "device/dump.h"
#include "device/test_disk.h"
#include "device/test_expect.h"

namespace atl::device {
namespace {

TEST(Device, WritesReadsListsAndDeletesShards) {
  TestDisk disk(1);
  disk.make();
  for (uint8_t i = 0; i < 4; ++i) EXPECT_OK(disk.write(10 - i, i, 1 + i * 50'000));
  for (uint8_t i = 0; i < 4; ++i) EXPECT_OK(disk.check(10 - i, i, 1 + i * 50'000));
  const auto list = disk.device->list_shards({StripeId(7), 3}, 2);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].key, (ShardKey{StripeId(8), 2}));
  EXPECT_EQ(list[0].length, 100'001u);
  EXPECT_EQ(list[1].key, (ShardKey{StripeId(9), 1}));
  EXPECT_OK(disk.erase(8, 2));
  EXPECT_OK(disk.erase(8, 2));
  EXPECT_ERRC(disk.read(8, 2, 0, 1), Errc::kNotFound);
  EXPECT_EQ(disk.device->use().shards, 3u);
}

TEST(Device, ReadsAnyRangeInWholeBlocks) {
  TestDisk disk(2);
  disk.make();
  const uint32_t length = 300'001;
  EXPECT_OK(disk.write(1, 0, length));
  const Buf all = pattern(shard_seed(1, 0), length);
  for (uint32_t offset : {0u, 1u, 16'383u, 16'384u, 65'536u, 81'920u, 81'921u, 300'000u}) {
    for (uint32_t n : {1u, 16'384u, 100'000u, length}) {
      if (n > length - offset) continue;
      auto part = disk.read(1, 0, offset, n);
      ASSERT_TRUE(part.has_value()) << offset << " " << n << part.error().to_string();
      EXPECT_EQ(part->view(), all.view().substr(offset, n));
    }
  }
  EXPECT_ERRC(disk.read(1, 0, 0, 0), Errc::kInvalidArgument);
  EXPECT_ERRC(disk.read(1, 0, length, 1), Errc::kInvalidArgument);
  EXPECT_ERRC(disk.read(1, 0, 5, length - 4), Errc::kInvalidArgument);
}

TEST(Device, TakesBuffersInAnyPieces) {
  TestDisk disk(3);
  disk.make();
  const Buf all = pattern(shard_seed(5, 1), 100'000);
  for (const std::vector<size_t>& cuts :
       {std::vector<size_t>{4096, 8192}, {1, 2, 3}, {65536}, {4096, 5000, 99'999}}) {
    ShardPayload payload;
    payload.length = 100'000;
    payload.block_crcs = block_checksums(all.span());
    size_t at = 0;
    for (size_t cut : cuts) {
      payload.bufs.push_back(all.slice(at, cut - at));
      at = cut;
    }
    payload.bufs.push_back(all.slice(at, all.size() - at));
    EXPECT_OK(disk.env->run(
        disk.device->write_shard({StripeId(5), 1}, std::move(payload), WriteClass::kUser)));
    EXPECT_OK(disk.check(5, 1, 100'000));
    EXPECT_OK(disk.erase(5, 1));
  }
}

TEST(Device, RepeatedWriteSucceedsAndAnotherOneConflicts) {
  TestDisk disk(4);
  disk.make();
  EXPECT_OK(disk.write(1, 0, 5000));
  EXPECT_OK(disk.write(1, 0, 5000));
  EXPECT_ERRC(disk.env->run(disk.device->write_shard(
                  {StripeId(1), 0}, shard_payload(pattern(999, 5000)), WriteClass::kUser)),
              Errc::kConflict);
  EXPECT_OK(disk.check(1, 0, 5000));
  EXPECT_EQ(disk.device->use().shards, 1u);
}

TEST(Device, RefusesImpossibleShards) {
  TestDisk disk(5);
  disk.make();
  ShardPayload wrong = shard_payload(pattern(1, 40'000));
  wrong.block_crcs.pop_back();
  EXPECT_ERRC(disk.env->run(
                  disk.device->write_shard({StripeId(1), 0}, std::move(wrong), WriteClass::kUser)),
              Errc::kInvalidArgument);
  EXPECT_ERRC(disk.write(1, 0, 4_MiB), Errc::kTooLarge);  // a zone of 4 MiB has two header blocks
  EXPECT_OK(disk.write(1, 0, 4_MiB - 3 * 4096));
  EXPECT_OK(disk.check(1, 0, 4_MiB - 3 * 4096));
}

TEST(Device, KeepsEverythingOverACleanRestart) {
  TestDisk disk(6);
  disk.make();
  for (uint64_t s = 1; s <= 100; ++s) EXPECT_OK(disk.write(s, s % 8, 1000 * s));
  for (uint64_t s = 1; s <= 100; s += 3) EXPECT_OK(disk.erase(s, s % 8));
  EXPECT_OK(disk.reopen());
  EXPECT_TRUE(disk.core().recovery().clean);
  EXPECT_EQ(disk.core().recovery().zones_scanned, 0u);
  for (uint64_t s = 1; s <= 100; ++s) {
    if (s % 3 == 1) {
      EXPECT_ERRC(disk.read(s, s % 8, 0, 1), Errc::kNotFound);
    } else {
      EXPECT_OK(disk.check(s, s % 8, 1000 * s));
    }
  }
}

TEST(Device, ProbeTellsWhatIsThere) {
  TestDisk disk(7);
  EXPECT_ERRC(disk.env->run(Device::probe(*disk.env, kDiskPath)), Errc::kNotFound);
  (void)disk.storage.create("/disk/blank", 64_MiB);
  EXPECT_ERRC(disk.env->run(Device::probe(*disk.env, "/disk/blank")), Errc::kBlank);
  EXPECT_OK(disk.format());
  auto identity = disk.env->run(Device::probe(*disk.env, kDiskPath));
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->device, DeviceId(3));
  EXPECT_EQ(identity->cluster, test_cluster());
  disk.flip(100);
  EXPECT_OK(disk.env->run(Device::probe(*disk.env, kDiskPath)));
  disk.flip(64_MiB - 100);
  EXPECT_ERRC(disk.env->run(Device::probe(*disk.env, kDiskPath)), Errc::kCorrupt);
}

TEST(Device, NeverUsesABlankForeignOrOlderDisk) {
  TestDisk disk(8);
  disk.make();
  EXPECT_OK(disk.write(1, 0, 1000));
  const auto older = disk.storage.snapshot(kDiskPath);
  EXPECT_OK(disk.reopen());
  const uint64_t seen = disk.device->identity().incarnation;
  EXPECT_EQ(seen, 2u);
  EXPECT_OK(disk.close());

  OpenExpectation other = TestDisk::expectation();
  other.cluster = test_cluster(9);
  EXPECT_ERRC(disk.open(other), Errc::kForeign);
  other = TestDisk::expectation();
  other.device = DeviceId(4);
  EXPECT_ERRC(disk.open(other), Errc::kForeign);
  other = TestDisk::expectation();
  other.domain = DomainId(1);
  EXPECT_ERRC(disk.open(other), Errc::kForeign);

  disk.storage.restore(kDiskPath, older);
  EXPECT_ERRC(disk.open(TestDisk::expectation(seen)), Errc::kStale);
  disk.storage.blank(kDiskPath);
  EXPECT_ERRC(disk.open(), Errc::kBlank);
  (void)disk.storage.remove_all(kDiskPath);
  EXPECT_ERRC(disk.open(), Errc::kNotFound);
}

TEST(Device, FormatSparesWhatIsThereUnlessTold) {
  TestDisk disk(9);
  disk.make();
  EXPECT_OK(disk.write(1, 0, 1000));
  EXPECT_OK(disk.close());
  EXPECT_ERRC(disk.format(), Errc::kExists);
  EXPECT_OK(disk.open());
  EXPECT_OK(disk.check(1, 0, 1000));
  EXPECT_OK(disk.close());
  EXPECT_OK(disk.format(/*overwrite=*/true));
  EXPECT_OK(disk.open());
  // Records of the earlier life are still on the medium, and are not seen.
  EXPECT_EQ(disk.device->use().shards, 0u);
  disk.crash();
  EXPECT_OK(disk.open());
  EXPECT_EQ(disk.device->use().shards, 0u);
}

TEST(Device, FormatRefusesImpossibleSizes) {
  TestDisk small(10, 32_MiB);
  EXPECT_ERRC(small.format(), Errc::kInvalidArgument);
  TestDisk zones(11, 64_MiB, 3_MiB);
  EXPECT_ERRC(zones.format(), Errc::kInvalidArgument);
  TestDisk few(12, 64_MiB, 16_MiB);
  EXPECT_ERRC(few.format(), Errc::kInvalidArgument);
}

TEST(Device, NoticesThatThePathHoldsSomethingElse) {
  TestDisk disk(13);
  disk.make();
  EXPECT_TRUE(disk.env->run(disk.device->check_in_place()));
  disk.flip(200);  // one damaged copy is not another disk
  EXPECT_TRUE(disk.env->run(disk.device->check_in_place()));
  (void)disk.storage.create("/disk/other", 64_MiB);
  disk.storage.swap(kDiskPath, "/disk/other");
  EXPECT_FALSE(disk.env->run(disk.device->check_in_place()));
  disk.storage.swap(kDiskPath, "/disk/other");
  EXPECT_TRUE(disk.env->run(disk.device->check_in_place()));
  disk.storage.blank(kDiskPath);
  EXPECT_FALSE(disk.env->run(disk.device->check_in_place()));
}

TEST(Device, AFailedWriteOrFlushIsTheEndOfIt) {
  for (bool fail_sync : {false, true}) {
    TestDisk disk(14);
    disk.make();
    EXPECT_OK(disk.write(1, 0, 1000));
    if (fail_sync) {
      disk.env->options().sync_error_chance = 1;
    } else {
      disk.env->options().write_error_chance = 1;
    }
    EXPECT_ERRC(disk.write(2, 0, 1000), Errc::kIo);
    EXPECT_TRUE(disk.device->failed());
    disk.env->options().sync_error_chance = disk.env->options().write_error_chance = 0;
    EXPECT_ERRC(disk.write(3, 0, 1000), Errc::kIo);  // never again
    EXPECT_ERRC(disk.read(1, 0, 0, 1000), Errc::kIo);
    disk.crash();
    EXPECT_OK(disk.open());
    EXPECT_OK(disk.check(1, 0, 1000));
  }
}

TEST(Device, AFailedReadIsOnlyThatCalls) {
  TestDisk disk(15);
  disk.make();
  EXPECT_OK(disk.write(1, 0, 1000));
  disk.env->options().read_error_chance = 1;
  EXPECT_ERRC(disk.read(1, 0, 0, 1000), Errc::kIo);
  disk.env->options().read_error_chance = 0;
  EXPECT_FALSE(disk.device->failed());
  EXPECT_OK(disk.check(1, 0, 1000));
}

TEST(Device, DumpTellsTheStory) {
  TestDisk disk(16);
  disk.make();
  EXPECT_OK(disk.write(7, 2, 5000));
  EXPECT_OK(disk.append(4, make_run(1, 2, 1, 0, pattern(1, 100))));
  EXPECT_OK(disk.seal(4, 2));
  EXPECT_OK(disk.close());
  DumpOptions options;
  options.records = true;
  auto text = disk.env->run(dump_device(*disk.env, kDiskPath, options));
  ASSERT_TRUE(text.has_value());
  for (const char* part : {"superblock A", "device 3 domain 2", "shard 7.2 5000 bytes",
                           "run segment 4 partition 1 lsn 1+2", "promised 2 sealed", "clean"})
    EXPECT_NE(text->find(part), std::string::npos) << part << "\n" << *text;
}

}  // namespace
}  // namespace atl::device
