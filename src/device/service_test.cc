// The calls over the fabric: the same answers as on the device itself, and errors for bad messages.
#include "device/device_client.h"
#include "device/device_messages.h"
#include "device/test_disk.h"
#include "device/test_expect.h"
#include "fabric/in_process_fabric.h"

namespace atl::device {
namespace {

struct Served {
  TestDisk disk{1};
  fabric::InProcessFabric fabric{*disk.env};
  DeviceService service{fabric, NodeId(7)};
  DeviceClient client{fabric, NodeId(8), NodeId(7), DeviceId(3)};

  Served() {
    disk.make();
    service.add(disk.device.get());
  }
  template <typename T>
  T run(Task<T> task) {
    return disk.env->run(std::move(task));
  }
  Errc raw(uint16_t method, std::string header) {
    fabric::Message message;
    message.method = method;
    message.header = std::move(header);
    auto reply = run(fabric.call(NodeId(8), NodeId(7), std::move(message), 10s));
    return reply ? Errc{} : reply.error().code;
  }
};

TEST(Service, CarriesEveryCall) {
  Served s;
  const ShardKey key{StripeId(5), 2};
  const Buf bytes = pattern(1, 100'000);
  EXPECT_OK(s.run(s.client.write_shard(key, shard_payload(bytes), WriteClass::kSystem)));
  auto part = s.run(s.client.read_shard(key, 20'000, 30'000));
  ASSERT_OK(part);
  EXPECT_EQ(part->offset, 16'384u);
  EXPECT_EQ(part->shard_length, 100'000u);
  EXPECT_EQ(part->bytes.view(), bytes.view().substr(16'384, 49'152));
  EXPECT_EQ(part->block_crcs, block_checksums(part->bytes.span()));
  auto list = s.run(s.client.list_shards({}, 10));
  ASSERT_OK(list);
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ((*list)[0].key, key);

  auto run = make_run(1, 2, 3, 0, pattern(2, 5000));
  auto state = s.run(s.client.append_run(SegmentId(4), PartitionId(1), Epoch(3), run));
  ASSERT_OK(state);
  EXPECT_EQ(state->next_lsn, Lsn(3));
  EXPECT_EQ(state->chain, run.chain_after);
  EXPECT_ERRC(s.run(s.client.append_run(SegmentId(4), PartitionId(1), Epoch(2),
                                        make_run(3, 1, 2, run.chain_after, pattern(3, 9)))),
              Errc::kFenced);
  auto sealed = s.run(s.client.seal_segment(SegmentId(4), PartitionId(1), Epoch(9), Lsn(1), 0));
  ASSERT_OK(sealed);
  EXPECT_TRUE(sealed->sealed);
  EXPECT_EQ(sealed->promised, Epoch(9));
  auto runs = s.run(s.client.read_runs(SegmentId(4), Lsn(1), 1 << 20));
  ASSERT_OK(runs);
  ASSERT_EQ(runs->size(), 1u);
  EXPECT_EQ((*runs)[0].payload.view(), run.payload.view());
  EXPECT_EQ((*runs)[0].epoch, Epoch(3));
  auto segments = s.run(s.client.list_segments());
  ASSERT_OK(segments);
  EXPECT_EQ(segments->size(), 1u);

  auto use = s.run(s.client.use());
  ASSERT_OK(use);
  EXPECT_EQ(use->shards, 1u);
  EXPECT_EQ(use->capacity_bytes, s.disk.device->use().capacity_bytes);
  auto verified = s.run(s.client.verify_zone(0));
  ASSERT_OK(verified);
  EXPECT_TRUE(verified->bad_shards.empty());
  EXPECT_ERRC(s.run(s.client.verify_zone(10'000)), Errc::kInvalidArgument);

  EXPECT_OK(s.run(s.client.delete_shard(key)));
  EXPECT_OK(s.run(s.client.delete_segment(SegmentId(4))));
  EXPECT_ERRC(s.run(s.client.read_shard(key, 0, 1)), Errc::kNotFound);
  EXPECT_ERRC(s.run(s.client.read_runs(SegmentId(4), Lsn(1), 1)), Errc::kNotFound);
}

TEST(Service, TheBytesAreNotCopiedOnTheWayIn) {
  Served s;
  const uint64_t written = DeviceMetrics(TestDisk::identity()).written_bytes.value();
  EXPECT_OK(s.run(s.client.write_shard({StripeId(1), 0}, shard_payload(pattern(1, 1 << 20)),
                                       WriteClass::kUser)));
  EXPECT_GE(DeviceMetrics(TestDisk::identity()).written_bytes.value() - written, 1u << 20);
}

TEST(Service, UnknownDevicesNodesVersionsAndMethods) {
  Served s;
  DeviceClient other(s.fabric, NodeId(8), NodeId(7), DeviceId(99));
  EXPECT_ERRC(s.run(other.use()), Errc::kUnavailable);
  DeviceClient nowhere(s.fabric, NodeId(8), NodeId(9), DeviceId(3));
  EXPECT_ERRC(s.run(nowhere.use()), Errc::kUnavailable);
  Encoder e;
  e.u8(kMessageVersion + 1).id(DeviceId(3));
  EXPECT_EQ(s.raw(static_cast<uint16_t>(Method::kUse), e.take()), Errc::kUnsupported);
  Encoder good;
  good.u8(kMessageVersion).id(DeviceId(3));
  EXPECT_EQ(s.raw(fabric::kDeviceMethods + 99, good.view()), Errc::kUnsupported);
  s.service.remove(DeviceId(3));
  EXPECT_ERRC(s.run(s.client.use()), Errc::kUnavailable);
}

TEST(Service, RandomMessagesGetErrorsAndChangeNothing) {
  Served s;
  EXPECT_OK(s.disk.write(1, 0, 1000));
  env::Random random(4);
  for (int i = 0; i < 3000; ++i) {
    Encoder e;
    e.u8(kMessageVersion).id(DeviceId(3));
    std::string header = e.take();
    const uint64_t n = random.below(40);
    for (uint64_t b = 0; b < n; ++b) header.push_back(static_cast<char>(random.next()));
    const auto method = static_cast<uint16_t>(fabric::kDeviceMethods + random.below(11));
    // Deletes, seals and the like may be well-formed by chance; they must only not do harm.
    if (method == static_cast<uint16_t>(Method::kDeleteShard)) continue;
    (void)s.raw(method, std::move(header));
  }
  EXPECT_OK(s.disk.check(1, 0, 1000));
  EXPECT_FALSE(s.disk.device->failed());
  EXPECT_EQ(s.disk.device->use().shards, 1u);
}

}  // namespace
}  // namespace atl::device
