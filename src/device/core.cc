#include "device/core.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"

namespace atl::device {

DeviceCore::DeviceCore(env::Env& env, std::string path, std::unique_ptr<env::BlockFile> file,
                       Superblock sb)
    : medium_(env, std::move(path), std::move(file), sb),
      zones_(medium_.layout()),
      appender_(medium_, zones_),
      space_(medium_, zones_, appender_),
      checkpointer_(medium_, appender_, zones_, shards_, segments_),
      reclaim_(medium_, zones_, space_, appender_, checkpointer_, shards_, segments_) {
  space_.set_reclaim(&reclaim_);
  medium_.on_end([this] {
    segment_idle_.wake_all();
    checkpoint_done_.wake_all();
  });
}

// The copy that is older, or damaged, is written first: one good copy at every moment.
Task<Status> DeviceCore::start_incarnation(SuperblockPair found) {
  ++medium_.superblock.identity.incarnation;
  ++medium_.superblock.sequence;
  const Superblock sb = medium_.superblock;
  Status status = co_await write_superblocks(*medium_.file, sb, 1 - found.newest);
  if (!status) medium_.fail("write superblock", status.error());
  co_return status;
}

Task<Status> DeviceCore::recover(SuperblockPair found) {
  const auto self = shared_from_this();
  const Nanos start = medium_.env.now();
  Recovery recovery(medium_, zones_, shards_, segments_, space_);
  ATOLL_CO_TRY(recovery_report_, co_await recovery.run());
  const RecoveryReport& r = recovery_report_;
  appender_.start_after(r.last_sequence);
  checkpointer_.set_slots(r.slot_sequence[0], r.slot_sequence[1]);
  ATOLL_CO_TRY_STATUS(co_await start_incarnation(std::move(found)));
  // What a scan found may lie in caches still: a checkpoint, and its flush, before it is served.
  if (!r.clean) {
    ATOLL_CO_TRY_STATUS(co_await checkpointer_.write(false));
  }
  medium_.metrics.corrupt_records.add(r.records_damaged + r.segments_damaged);
  medium_.metrics.zones_free.set(zones_.free_count());
  medium_.metrics.live_bytes.set(static_cast<double>(zones_.live_blocks() * kBlockBytes));
  ATOLL_LOG(kInfo, "device", "opened",
            {{"path", medium_.path},
             {"device", identity().device},
             {"domain", identity().domain},
             {"incarnation", identity().incarnation},
             {"size", format_bytes(medium_.layout().size_bytes)},
             {"zones", zones_.size()},
             {"zones_free", zones_.free_count()},
             {"shards", shards_.size()},
             {"segments", segments_.size()},
             {"clean", r.clean},
             {"zones_scanned", r.zones_scanned},
             {"records_found", r.records_found},
             {"torn_records", r.records_dropped},
             {"bad_checkpoints", r.damaged_checkpoints},
             {"took", format_duration(medium_.env.now() - start)}});
  if (r.full_scan || r.records_damaged != 0 || r.segments_damaged != 0)
    ATOLL_LOG(kWarn, "device", "damage found while opening",
              {{"path", medium_.path},
               {"no_good_checkpoint", r.full_scan},
               {"records", r.records_damaged},
               {"segments", r.segments_damaged}});
  co_return Status();
}

// Cheap enough to be called often: one block, usually.
Task<bool> DeviceCore::check_in_place() {
  const auto self = shared_from_this();
  if (!medium_.usable() || !medium_.file->still_in_place()) co_return false;
  for (int copy = 0; copy < 2; ++copy) {
    const uint64_t offset = medium_.layout().superblock_offset(copy);
    Result<Buf> block = co_await medium_.read(offset, kBlockBytes, env::ReadMode::kDirect);
    if (!block) continue;
    Result<Superblock> sb = decode_superblock(block->span());
    if (!sb) continue;  // damaged or blanked: the other copy decides
    co_return sb->device_tag == medium_.superblock.device_tag &&
        sb->identity.cluster == identity().cluster && sb->identity.device == identity().device &&
        sb->identity.incarnation == identity().incarnation;
  }
  ATOLL_PROBE("device: both superblock copies vanished");
  co_return false;
}

Use DeviceCore::use() const {
  const Layout& layout = medium_.layout();
  Use u;
  u.capacity_bytes = layout.capacity_bytes();
  u.live_bytes = zones_.live_blocks() * kBlockBytes;
  u.zones = zones_.size();
  u.zones_free = zones_.free_count();
  u.shards = shards_.size();
  u.segments = segments_.size();
  // What user writes can still take: the zones that are free or can be won, but those kept for
  // others, and the room in the open zone. Won are zones worth moving, less those that their
  // survivors need. The ends of zones that are too short for a record count as zones have ended so
  // far.
  uint64_t zones = 0;
  uint64_t survivors = 0;
  uint64_t filled = 0;
  uint64_t full_zones = 0;
  for (uint32_t z = 0; z < zones_.size(); ++z) {
    const Zone& zone = zones_[z];
    if (zone.state == ZoneState::kFree || zone.state == ZoneState::kFreed) ++zones;
    if (reclaim_.worth_moving(zone)) {
      ++zones;
      survivors += zone.live_blocks;
    }
    if (zone.state == ZoneState::kClosed && !zone.closed_early) {
      filled += zone.fill - layout.first_block();
      ++full_zones;
    }
  }
  const uint64_t zone_blocks = full_zones == 0 ? layout.data_blocks() : filled / full_zones;
  const uint64_t moved_room = space_.open_room(Stream::kMoved);
  uint64_t kept = space_.reserved_zones(Claim::kUser);
  if (survivors > moved_room)
    kept += div_ceil(survivors - moved_room, std::max<uint64_t>(zone_blocks, 1));
  const uint64_t blocks = zones > kept ? (zones - kept) * zone_blocks : 0;
  u.free_bytes = (blocks + space_.open_room(Stream::kShards)) * kBlockBytes;
  return u;
}

std::optional<Location> DeviceCore::locate(ShardKey key) const {
  const ShardEntry* entry = shards_.find(key);
  if (!entry) return std::nullopt;
  return entry->location();
}

std::optional<Location> DeviceCore::locate_run(SegmentId id, Lsn lsn) const {
  const auto it = segments_.find(id);
  if (it == segments_.end()) return std::nullopt;
  const size_t i = it->second.run_at(lsn);
  if (i == it->second.runs.size()) return std::nullopt;
  return it->second.runs[i].location();
}

void DeviceCore::submit(AppendRef append, Place& place) {
  append->stream = place.stream;
  append->zone = place.zone;
  append->block = place.block;
  space_.take(place, append->blocks);
  appender_.submit(std::move(append));
}

// Housekeeping that follows writes: a checkpoint when one is due, reclaim when free zones run low.
void DeviceCore::after_append() {
  medium_.metrics.live_bytes.set(static_cast<double>(zones_.live_blocks() * kBlockBytes));
  if (!medium_.usable() || checkpoint_running_ || !checkpointer_.due()) return;
  checkpoint_running_ = true;
  medium_.env.spawn("device checkpoint", background_checkpoint(medium_.keep_alive()));
}

Task<void> DeviceCore::background_checkpoint([[maybe_unused]] std::shared_ptr<void> keep) {
  Status status = co_await checkpointer_.write(false);
  if (!status && medium_.usable())
    ATOLL_LOG(kWarn, "device", "checkpoint failed",
              {{"path", medium_.path}, {"error", status.error().to_string()}});
  checkpoint_running_ = false;
  checkpoint_done_.wake_all();
}

Task<Status> DeviceCore::checkpoint() {
  const auto self = shared_from_this();
  co_return co_await checkpointer_.write(false);
}

Task<Status> DeviceCore::close() {
  const auto self = shared_from_this();
  co_await reclaim_.stop();
  while (checkpoint_running_) co_await checkpoint_done_.wait();
  co_await space_.drain();
  co_await appender_.drain();
  Status status = co_await checkpointer_.write(true);
  co_await appender_.drain();
  ATOLL_LOG(kInfo, "device", "closed",
            {{"path", medium_.path}, {"shards", shards_.size()}, {"clean", status.has_value()}});
  medium_.stop();
  co_return status;
}

}  // namespace atl::device
