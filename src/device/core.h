// The device behind Device: what all calls share, and the calls, by phase:
//
//   device_open.cc    probe, format, open           shard_calls.cc    shards
//   segment_calls.cc  journal runs and promises     verify.cc         scrub
//   device_impl.h     the Device class on top of it
//
// Owned by DeviceImpl; every task that may be suspended holds a share of it, so that a device
// that is dropped (a crash in the simulator) dies only after its last task.
//
// Invariant: the index holds durable records only. What is on its way is in `writing_` (shards) and
// in Segment::in_flight.
#pragma once

#include <map>
#include <memory>

#include "device/appender.h"
#include "device/checkpointer.h"
#include "device/device.h"
#include "device/index.h"
#include "device/medium.h"
#include "device/reclaim.h"
#include "device/recovery.h"
#include "device/space.h"
#include "device/zone.h"

namespace atl::device {

// Records of one stream that are queued, in blocks: bounds memory; past it calls wait. Holds the
// largest run. The journal has its own, so that it never waits behind bulk data.
inline constexpr uint64_t kQueuedBlocksMax = 128u << 20 >> 12;
// A read of part of a shard that begins within this takes header and data in one go.
inline constexpr uint32_t kReadWithHeaderBytes = 64u << 10;
// One read of journal runs that lie behind one another.
inline constexpr uint32_t kRunReadBlocksMax = 4u << 20 >> 12;

class DeviceCore : public std::enable_shared_from_this<DeviceCore> {
 public:
  DeviceCore(env::Env& env, std::string path, std::unique_ptr<env::BlockFile> file, Superblock sb);
  // Right after construction: tasks may be spawned from then on.
  void adopt_self() { medium_.set_owner(weak_from_this()); }

  // Finds what is on the medium, then starts a new incarnation. `found`: the superblock copies.
  Task<Status> recover(SuperblockPair found);
  const Identity& identity() const { return medium_.superblock.identity; }
  const std::string& path() const { return medium_.path; }
  uint64_t size_bytes() const { return medium_.file->size_bytes(); }
  bool failed() const { return medium_.failed(); }
  Task<bool> check_in_place();
  Use use() const;
  const Layout& layout() const { return medium_.layout(); }
  const RecoveryReport& recovery() const { return recovery_report_; }

  Task<Status> write_shard(ShardKey key, ShardPayload payload, WriteClass write_class);
  Task<Result<ShardPart>> read_shard(ShardKey key, uint32_t offset, uint32_t length,
                                     env::ReadMode mode);
  Task<Status> delete_shard(ShardKey key);
  std::vector<ShardInfo> list_shards(ShardKey after, size_t limit) const {
    return shards_.list(after, limit);
  }

  // Where things are: for tools and tests.
  bool has_shard(ShardKey key) const { return shards_.find(key) != nullptr; }
  std::optional<Location> locate(ShardKey key) const;
  std::optional<Location> locate_run(SegmentId segment, Lsn lsn) const;

  Task<Result<SegmentState>> append_run(SegmentId segment, PartitionId partition, Epoch epoch,
                                        Run run);
  Task<Result<SegmentState>> seal_segment(SegmentId segment, PartitionId partition, Epoch epoch,
                                          Lsn first_lsn, uint32_t first_chain);
  Task<Result<std::vector<Run>>> read_runs(SegmentId segment, Lsn from, size_t max_bytes);
  Task<Status> delete_segment(SegmentId segment);
  std::vector<SegmentState> list_segments() const;

  Task<Result<VerifyResult>> verify_zone(uint32_t zone);
  Task<Status> checkpoint();
  Task<Status> close();
  // As a crash: background work ends, nothing more is written.
  void stop() { medium_.stop(); }

 private:
  struct Verdict;

  // segment_calls.cc
  Status check_fence(SegmentId id, PartitionId partition, Epoch epoch) const;
  Verdict judge_run(SegmentId id, PartitionId partition, Epoch epoch, const Run& run);
  Task<Result<SegmentState>> write_promise(SegmentId id, PartitionId partition, Epoch epoch,
                                           bool seal, Lsn first_lsn, uint32_t first_chain,
                                           bool again = false);
  Result<SegmentState> state_of(SegmentId id) const;
  Segment& segment_for_append(SegmentId id, PartitionId partition, Lsn first_lsn,
                              uint32_t first_chain);
  SegmentState run_durable(SegmentId id, const RunEntry& entry);
  SegmentState promise_durable(SegmentId id, Location at);
  void drop_run(Segment& segment, size_t i);

  // shard_calls.cc
  enum class Existing { kSame, kOther, kDamaged };
  Task<Result<Existing>> compare_existing(ShardEntry entry, const std::vector<uint32_t>& crcs);
  Task<Status> append_shard(ShardKey key, ShardPayload payload, Claim claim);
  void shard_durable(const ShardEntry& entry);

  // verify.cc
  Task<Status> verify_zone_header(uint32_t zone, VerifyResult& out);
  Task<Status> start_incarnation(SuperblockPair found);
  Task<Status> verify_superblocks(VerifyResult& out);
  Task<Status> verify_checkpoints(VerifyResult& out);

  void submit(AppendRef append, Place& place);
  void after_append();
  Task<void> background_checkpoint(std::shared_ptr<void> keep);

  Medium medium_;
  ZoneTable zones_;
  ShardIndex shards_;
  SegmentIndex segments_;
  Appender appender_;
  Space space_;
  Checkpointer checkpointer_;
  Reclaim reclaim_;
  env::Semaphore journal_queue_{kQueuedBlocksMax};
  env::Semaphore shard_queue_{kQueuedBlocksMax};
  std::map<ShardKey, std::shared_ptr<env::Event>> writing_;
  std::map<SegmentId, uint32_t> waiting_appends_;  // for a place, by segment
  env::WaitQueue segment_idle_;
  RecoveryReport recovery_report_;
  bool checkpoint_running_ = false;
  env::WaitQueue checkpoint_done_;
};

}  // namespace atl::device
