// Device on top of DeviceCore: each call is the core's, which keeps itself alive while one runs.
#pragma once

#include "device/core.h"
#include "device/device.h"

namespace atl::device {

class DeviceImpl final : public Device {
 public:
  explicit DeviceImpl(std::shared_ptr<DeviceCore> core) : core_(std::move(core)) {}
  // A device that was not closed is as after a crash: what was acknowledged is on the medium.
  ~DeviceImpl() override { core_->stop(); }

  const Identity& identity() const override { return core_->identity(); }
  const std::string& path() const override { return core_->path(); }
  uint64_t size_bytes() const override { return core_->size_bytes(); }
  bool failed() const override { return core_->failed(); }
  Task<bool> check_in_place() override { return core_->check_in_place(); }
  Use use() const override { return core_->use(); }

  Task<Status> write_shard(ShardKey key, ShardPayload payload, WriteClass write_class) override {
    return core_->write_shard(key, std::move(payload), write_class);
  }
  Task<Result<ShardPart>> read_shard(ShardKey key, uint32_t offset, uint32_t length,
                                     env::ReadMode mode) override {
    return core_->read_shard(key, offset, length, mode);
  }
  Task<Status> delete_shard(ShardKey key) override { return core_->delete_shard(key); }
  std::vector<ShardInfo> list_shards(ShardKey after, size_t limit) const override {
    return core_->list_shards(after, limit);
  }

  Task<Result<SegmentState>> append_run(SegmentId segment, PartitionId partition, Epoch epoch,
                                        Run run) override {
    return core_->append_run(segment, partition, epoch, std::move(run));
  }
  Task<Result<SegmentState>> seal_segment(SegmentId segment, PartitionId partition, Epoch epoch,
                                          Lsn first_lsn, uint32_t first_chain) override {
    return core_->seal_segment(segment, partition, epoch, first_lsn, first_chain);
  }
  Task<Result<std::vector<Run>>> read_runs(SegmentId segment, Lsn from, size_t max_bytes) override {
    return core_->read_runs(segment, from, max_bytes);
  }
  Task<Status> delete_segment(SegmentId segment) override { return core_->delete_segment(segment); }
  std::vector<SegmentState> list_segments() const override { return core_->list_segments(); }

  Task<Result<VerifyResult>> verify_zone(uint32_t zone) override {
    return core_->verify_zone(zone);
  }
  Task<Status> checkpoint() override { return core_->checkpoint(); }
  Task<Status> close() override { return core_->close(); }

  DeviceCore& core() { return *core_; }

 private:
  std::shared_ptr<DeviceCore> core_;
};

}  // namespace atl::device
