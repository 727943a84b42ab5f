// For tests: one simulated disk with one device on it, and a small language to drive them.
//
//   TestDisk disk(/*seed=*/1);
//   disk.format();
//   disk.open();
//   EXPECT_TRUE(disk.write(7, 0, 10'000));       // stripe 7, shard 0
//   disk.crash();                                // power cut; then disk.open() again
//   EXPECT_TRUE(disk.holds(7, 0, 10'000));
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/crc.h"
#include "device/device_impl.h"
#include "env/sim_env.h"

namespace atl::device {

inline constexpr const char* kDiskPath = "/disk/device";

inline Uuid test_cluster(uint8_t n = 1) {
  Uuid u;
  u.bytes.fill(n);
  return u;
}

// Bytes that depend on the shard and nowhere look alike.
inline Buf pattern(uint64_t seed, size_t length) {
  Buf b = Buf::allocate(length);
  env::Random random(seed * 2654435761u + 17);
  uint8_t* p = b.mutable_data();
  for (size_t i = 0; i < length; i += 8) {
    const uint64_t v = random.next();
    std::memcpy(p + i, &v, std::min<size_t>(8, length - i));
  }
  return b;
}

inline uint64_t shard_seed(uint64_t stripe, uint8_t index) {
  return stripe * 64 + index;
}

inline ShardPayload shard_payload(Buf bytes) {
  ShardPayload p;
  p.length = static_cast<uint32_t>(bytes.size());
  p.block_crcs = block_checksums(bytes.span());
  p.bufs.push_back(std::move(bytes));
  return p;
}

inline Run make_run(uint64_t first_lsn, uint32_t count, uint64_t epoch, uint32_t chain,
                    Buf payload) {
  Run r;
  r.first_lsn = Lsn(first_lsn);
  r.count = count;
  r.epoch = Epoch(epoch);
  r.chain_before = chain;
  r.chain_after = crc32c(payload.span(), chain);
  r.payload = std::move(payload);
  return r;
}

class TestDisk {
 public:
  explicit TestDisk(uint64_t seed, uint64_t size_bytes = 64_MiB, uint64_t zone_bytes = 0)
      : seed_(seed), size_bytes_(size_bytes), zone_bytes_(zone_bytes), random_(seed) {
    (void)storage.create_directories("/disk");
    start();
  }
  ~TestDisk() {
    if (device) env->halt();
    leak();
  }

  void start() {
    env::SimOptions options;
    options.seed = ++seed_;
    env = std::make_unique<env::SimEnv>(storage, options);
  }

  Status format(bool overwrite = false) {
    Device::FormatOptions options;
    options.size_bytes = size_bytes_;
    options.zone_bytes = zone_bytes_;
    options.overwrite = overwrite;
    return env->run(Device::format(*env, kDiskPath, identity(), options));
  }
  static Identity identity() { return {test_cluster(), DeviceId(3), DomainId(2), 0}; }
  static OpenExpectation expectation(uint64_t min_incarnation = 0) {
    return {test_cluster(), DeviceId(3), DomainId(2), min_incarnation};
  }
  Status open(OpenExpectation expected = expectation()) {
    auto opened = env->run(Device::open(*env, kDiskPath, expected));
    if (!opened) return fail(opened.error());
    device = std::move(*opened);
    return {};
  }
  // Formatted and opened.
  void make() {
    Status status = format();
    if (status) status = open();
    ATOLL_CHECK(status.has_value(), status ? "" : status.error().to_string());
  }
  Status close() {
    Status status = env->run(device->close());
    device.reset();
    return status;
  }
  Status reopen() {
    ATOLL_TRY_STATUS(close());
    return open();
  }
  // The machine stops in the middle of everything; the next one starts.
  env::CrashReport crash(env::CrashKind kind = env::CrashKind::kPowerCut) {
    env->halt();
    leak();
    const env::CrashReport report = storage.crash(random_, kind);
    start();
    return report;
  }

  Status write(uint64_t stripe, uint8_t index, size_t length,
               WriteClass write_class = WriteClass::kUser) {
    return env->run(device->write_shard({StripeId(stripe), index},
                                        shard_payload(pattern(shard_seed(stripe, index), length)),
                                        write_class));
  }
  Status erase(uint64_t stripe, uint8_t index) {
    return env->run(device->delete_shard({StripeId(stripe), index}));
  }
  // The bytes of a part, compared with their checksums. kCorrupt when they do not match.
  Result<Buf> read(uint64_t stripe, uint8_t index, uint32_t offset, uint32_t length) {
    ATOLL_TRY(ShardPart part, env->run(device->read_shard({StripeId(stripe), index}, offset, length,
                                                          env::ReadMode::kCached)));
    if (block_checksums(part.bytes.span()) != part.block_crcs)
      return fail(Errc::kCorrupt, "the caller's comparison");
    ATOLL_CHECK(part.offset <= offset);
    return part.bytes.slice(offset - part.offset, length);
  }
  // Nothing wrong: the shard is there with the bytes that write() wrote.
  Status check(uint64_t stripe, uint8_t index, size_t length) {
    ATOLL_TRY(Buf bytes, read(stripe, index, 0, static_cast<uint32_t>(length)));
    if (bytes.view() != pattern(shard_seed(stripe, index), length).view())
      return fail(Errc::kInternal, "wrong bytes with good checksums");
    return {};
  }
  bool holds(uint64_t stripe, uint8_t index, size_t length) {
    return check(stripe, index, length).has_value();
  }

  Result<SegmentState> append(uint64_t segment, Run run, uint64_t epoch = 0) {
    const Epoch e(epoch ? epoch : run.epoch.value);
    return env->run(device->append_run(SegmentId(segment), PartitionId(1), e, std::move(run)));
  }
  Result<SegmentState> seal(uint64_t segment, uint64_t epoch, uint64_t first_lsn = 1,
                            uint32_t chain = 0) {
    return env->run(device->seal_segment(SegmentId(segment), PartitionId(1), Epoch(epoch),
                                         Lsn(first_lsn), chain));
  }
  Result<std::vector<Run>> runs(uint64_t segment, uint64_t from = 0, size_t max = 1 << 30) {
    return env->run(device->read_runs(SegmentId(segment), Lsn(from), max));
  }

  const Layout& layout() { return core().layout(); }
  DeviceCore& core() { return static_cast<DeviceImpl&>(*device).core(); }
  void flip(uint64_t offset, int bit = 3) { storage.flip_bit(kDiskPath, offset, bit); }
  VerifyResult verify_all() {
    VerifyResult all;
    for (uint32_t z = 0; z < device->use().zones; ++z) {
      auto one = env->run(device->verify_zone(z));
      ATOLL_CHECK(one.has_value());
      all.records += one->records;
      all.bytes += one->bytes;
      all.bad_metadata += one->bad_metadata;
      all.bad_shards.insert(all.bad_shards.end(), one->bad_shards.begin(), one->bad_shards.end());
      all.bad_segments.insert(all.bad_segments.end(), one->bad_segments.begin(),
                              one->bad_segments.end());
    }
    return all;
  }

  env::SimStorage storage;
  std::unique_ptr<env::SimEnv> env;
  std::unique_ptr<Device> device;
  env::Random& random() { return random_; }

 private:
  // See SimEnv: what tasks of a halted SimEnv use is never destroyed.
  void leak() {
    static auto* graveyard = new std::vector<std::unique_ptr<Device>>;
    if (device) graveyard->push_back(std::move(device));
  }

  uint64_t seed_;
  uint64_t size_bytes_;
  uint64_t zone_bytes_;
  env::Random random_;
};

}  // namespace atl::device
