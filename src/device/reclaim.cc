#include "device/reclaim.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"

namespace atl::device {

bool is_live(const RecordHeader& h, const ShardIndex& shards, const SegmentIndex& segments) {
  const Location here{h.place.zone, h.place.block};
  if (h.type == RecordType::kShard) {
    const ShardEntry* entry = shards.find(h.shard);
    return entry && entry->location() == here;
  }
  const auto it = segments.find(h.segment);
  if (it == segments.end()) return false;
  const Segment& segment = it->second;
  if (h.type == RecordType::kPromise) return segment.promise == here;
  const size_t i = segment.run_at(h.first_lsn);
  return i < segment.runs.size() && segment.runs[i].location() == here;
}

Reclaim::Reclaim(Medium& medium, ZoneTable& zones, Space& space, Appender& appender,
                 Checkpointer& checkpointer, ShardIndex& shards, SegmentIndex& segments)
    : medium_(medium),
      zones_(zones),
      space_(space),
      appender_(appender),
      checkpointer_(checkpointer),
      shards_(shards),
      segments_(segments) {}

uint32_t Reclaim::garbage_blocks(const Zone& zone) const {
  if (zone.state != ZoneState::kClosed) return 0;
  const Layout& layout = medium_.layout();
  const uint32_t used = zone.closed_early ? layout.data_blocks() : zone.fill - layout.first_block();
  if (planted(PlantedBug::kIgnoreZoneGeneration) && used < zone.live_blocks) return 0;
  ATOLL_CHECK(used >= zone.live_blocks);
  return used - zone.live_blocks;
}

bool Reclaim::worth_moving(const Zone& zone) const {
  return zone.state == ZoneState::kClosed && zone.pending == 0 && !zone.pinned &&
         garbage_blocks(zone) >= medium_.layout().data_blocks() / kMinGarbageShare;
}

std::optional<uint32_t> Reclaim::pick_victim() const {
  std::optional<uint32_t> best;
  for (uint32_t z = 0; z < zones_.size(); ++z) {
    if (!worth_moving(zones_[z])) continue;
    if (!best || zones_[z].live_blocks < zones_[*best].live_blocks) best = z;
  }
  return best;
}

bool Reclaim::can_help() const {
  return running_ || zones_.soon_free_count() != 0 || zones_.read_free_count() != 0 ||
         (!stuck_ && pick_victim().has_value());
}

bool Reclaim::needed() const {
  return !stopping_ && medium_.usable() && zones_.free_count() < space_.low_water();
}

void Reclaim::kick() {
  if (running_ || !needed()) return;
  if (zones_.soon_free_count() != 0) stuck_ = false;
  if (zones_.soon_free_count() == 0 && (stuck_ || !pick_victim())) return;
  running_ = true;
  medium_.env.spawn("device reclaim", run(medium_.keep_alive()));
}

Task<void> Reclaim::run([[maybe_unused]] std::shared_ptr<void> keep) {
  while (needed()) {
    // What is dead already is free for the price of a checkpoint.
    if (zones_.soon_free_count() != 0) {
      Status status = co_await checkpointer_.write(false);
      if (!status) break;
      continue;
    }
    const std::optional<uint32_t> victim = pick_victim();
    if (!victim) break;
    Status status = co_await move_zone(*victim);
    if (!status && zones_.soon_free_count() == 0) {
      ATOLL_PROBE("device: reclaim is stuck");
      stuck_ = true;
      ATOLL_LOG(kWarn, "device", "reclaim stopped",
                {{"path", medium_.path}, {"error", status.error().to_string()}});
      break;
    }
  }
  running_ = false;
  ended_.wake_all();
  zones_.changed().wake_all();  // those that wait look again whether there is hope
}

Task<void> Reclaim::stop() {
  stopping_ = true;
  while (running_) co_await ended_.wait();
}

Task<Status> Reclaim::move_zone(uint32_t number) {
  const Zone& zone = zones_[number];
  ATOLL_CHECK(zone.state == ZoneState::kClosed && zone.pending == 0);
  if (planted(PlantedBug::kFreeLiveZone)) {
    zones_.free_with_live_records(number);
    co_return Status();
  }
  const ZoneReader reading(zones_, number);
  ZoneWalker walker(medium_, number, zone.generation, medium_.layout().first_block(), zone.fill,
                    WalkMode::kWhole);
  std::vector<WalkedRecord> batch;
  uint32_t batch_blocks = 0;
  while (zone.live_records != 0 && !stopping_) {
    ATOLL_CO_TRY(std::optional<WalkedRecord> record, co_await walker.next());
    if (record) {
      if (!is_live(record->header, shards_, segments_)) continue;
      batch_blocks += record->header.blocks;
      batch.push_back(std::move(*record));
      if (batch_blocks < kMoveBatchBlocks) continue;
    }
    const bool last = !record;
    ATOLL_CO_TRY_STATUS(co_await move_batch(std::move(batch)));
    batch.clear();
    batch_blocks = 0;
    if (last) break;
  }
  if (stopping_) co_return Status();
  if (zone.live_records != 0) {
    ATOLL_PROBE("device: reclaim met a damaged record");
    zones_[number].pinned = true;
    medium_.metrics.corrupt_records.add(zone.live_records);
    ATOLL_LOG(kWarn, "device", "a zone holds damaged records and cannot be reclaimed yet",
              {{"path", medium_.path}, {"zone", number}, {"records", zone.live_records}});
  } else {
    medium_.metrics.zones_reclaimed.add();
  }
  co_return Status();
}

// Copies the records to the moved stream; the index changes when a copy is durable.
Task<Status> Reclaim::move_batch(std::vector<WalkedRecord> records) {
  env::Permit gate = co_await checkpointer_.move_gate().lock();
  std::vector<AppendRef> appends;
  Status status;
  for (WalkedRecord& record : records) {
    const RecordHeader from = record.header;
    if (record.bytes.empty()) continue;  // unreadable: stays, and pins its zone
    if (from.type == RecordType::kRun && !payload_matches(from, record.bytes.span())) continue;
    Result<Place> place = co_await space_.reserve(Stream::kMoved, from.blocks, Claim::kReclaim);
    if (!place) {
      status = fail(place.error());
      break;
    }
    if (!is_live(from, shards_, segments_)) {  // deleted while this waited
      ATOLL_PROBE("device: a record was deleted while it was to be moved");
      continue;
    }
    RecordHeader to = from;
    to.place = medium_.place(place->zone, place->block, zones_[place->zone].generation);
    to.durable_before = appender_.durable_before();
    to.sequence = appender_.take_sequence();
    // A shard with a damaged payload moves as it is: its checksums go along and keep telling.
    std::vector<uint32_t> crcs;
    if (from.type == RecordType::kShard) crcs = shard_checksums(record.bytes.span(), from);
    auto append = std::make_shared<Append>();
    if (from.type == RecordType::kRun && from.payload_offset < kBlockBytes) {
      const Buf payload = record.bytes.slice(from.payload_offset, from.payload_bytes);
      append->bufs = run_record_bufs(to, payload);
    } else {
      Buf head = Buf::allocate(kBlockBytes);
      encode_record_header(to, crcs, head.mutable_span());
      append->bufs.push_back(std::move(head));
      if (from.blocks > 1)
        append->bufs.push_back(
            record.bytes.slice(kBlockBytes, size_t{from.blocks - 1} * kBlockBytes));
    }
    append->sequence = to.sequence;
    append->stream = Stream::kMoved;
    append->zone = place->zone;
    append->block = place->block;
    append->blocks = from.blocks;
    append->on_durable = [this, from, at = Location{place->zone, place->block}] {
      relocate(from, at);
    };
    space_.take(*place, from.blocks);
    medium_.metrics.reclaim_moved_bytes.add(uint64_t{from.blocks} * kBlockBytes);
    appender_.submit(append);
    appends.push_back(std::move(append));
  }
  // Whatever happened, nothing may be between two zones when the gate opens.
  for (AppendRef& append : appends) {
    Status one = co_await Appender::wait(append);
    if (status && !one) status = one;
  }
  co_return status;
}

void Reclaim::relocate(const RecordHeader& from, Location to) {
  if (!is_live(from, shards_, segments_)) {
    ATOLL_PROBE("device: a record was deleted while it was moved");
    return;  // the copy is dead where it lies
  }
  if (from.type == RecordType::kShard) {
    ShardEntry* entry = shards_.find(from.shard);
    entry->zone = to.zone;
    entry->block = static_cast<uint16_t>(to.block);
  } else {
    Segment& segment = segments_.find(from.segment)->second;
    if (from.type == RecordType::kPromise) {
      segment.promise = to;
    } else {
      RunEntry& run = segment.runs[segment.run_at(from.first_lsn)];
      run.zone = to.zone;
      run.block = to.block;
    }
  }
  zones_.add_live(to.zone, from.blocks);
  zones_.remove_live(from.place.zone, from.blocks);
}

}  // namespace atl::device
