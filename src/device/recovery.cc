#include "device/recovery.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"

namespace atl::device {
namespace {

// Zones read side by side while recovering: enough to keep an SSD busy.
constexpr size_t kParallel = 16;

}  // namespace

Task<Result<RecoveryReport>> Recovery::run() {
  ATOLL_CO_TRY_STATUS(co_await load_checkpoint());
  if (!report_.clean) {
    ATOLL_CO_TRY_STATUS(co_await find_scans());
    ATOLL_CO_TRY_STATUS(co_await for_each_scan(&Recovery::scan_zone));
    for (const Scan& scan : scans_) {
      for (const RecordHeader& h : scan.found) {
        durable_before_ = std::max(durable_before_, h.durable_before);
        report_.last_sequence = std::max(report_.last_sequence, h.sequence);
      }
    }
    ATOLL_CO_TRY_STATUS(co_await for_each_scan(&Recovery::drop_torn));
    drop_entries_of_past_lives();
    std::vector<RecordHeader> found;
    std::vector<RecordHeader> damaged;
    for (Scan& scan : scans_) {
      found.insert(found.end(), scan.found.begin(), scan.found.end());
      damaged.insert(damaged.end(), scan.damaged.begin(), scan.damaged.end());
    }
    report_.records_found = found.size();
    report_.records_damaged = damaged.size();
    std::sort(found.begin(), found.end(),
              [](const RecordHeader& a, const RecordHeader& b) { return a.sequence < b.sequence; });
    for (const RecordHeader& header : found) {
      sequence_at_[{header.place.zone, header.place.block}] = header.sequence;
      apply(header);
    }
    // Damaged ones stay known, so that they are found bad and repaired, unless there is another
    // copy.
    for (const RecordHeader& header : damaged)
      if (!indexed(header)) apply(header);
    report_.zones_scanned = static_cast<uint32_t>(scans_.size());
  }
  settle_segments();
  settle_zones();
  report_.last_sequence = std::max(report_.last_sequence, durable_before_);
  co_return report_;
}

Task<Status> Recovery::for_each_scan(Task<Status> (Recovery::*step)(Scan&)) {
  for (size_t first = 0; first < scans_.size(); first += kParallel) {
    std::vector<Task<Status>> steps;
    for (size_t i = first; i < std::min(scans_.size(), first + kParallel); ++i)
      steps.push_back((this->*step)(scans_[i]));
    const std::vector<Status> results = co_await env::when_all(medium_.env, std::move(steps));
    for (const Status& status : results) ATOLL_CO_TRY_STATUS(status);
  }
  co_return Status();
}

Task<Status> Recovery::load_checkpoint() {
  std::optional<CheckpointBytes> slots[2];
  for (int slot = 0; slot < 2; ++slot) {
    // A second look before a slot is given up: a bad transfer is not a bad medium.
    for (int attempt = 0; attempt < 2 && !slots[slot]; ++attempt) {
      Result<CheckpointBytes> bytes =
          co_await read_checkpoint(medium_, slot, env::ReadMode::kDirect);
      ATOLL_CO_TRY_STATUS(medium_.usable());
      if (bytes) slots[slot] = std::move(*bytes);
    }
    report_.slot_sequence[slot] = slots[slot] ? slots[slot]->info.sequence : 0;
  }
  for (int turn = 0; turn < 2 && !checkpoint_; ++turn) {
    const int slot = report_.slot_sequence[0] >= report_.slot_sequence[1] ? turn : 1 - turn;
    if (!slots[slot]) continue;
    CheckpointContent content;
    content.info = slots[slot]->info;
    Status status = decode_checkpoint(slots[slot]->payload, medium_.layout(), &content);
    if (status) {
      checkpoint_ = std::move(content);
      break;
    }
    ATOLL_PROBE("device: a checkpoint with a good checksum cannot be decoded");
    report_.slot_sequence[slot] = 0;
  }
  // Format fills both slots, so one without a checkpoint is a damaged (or torn) one.
  for (uint64_t sequence : report_.slot_sequence)
    if (sequence == 0) ++report_.damaged_checkpoints;
  if (!checkpoint_) {
    ATOLL_PROBE("device: no good index checkpoint, all zones are scanned");
    report_.full_scan = true;
    co_return Status();
  }
  const CheckpointInfo& info = checkpoint_->info;
  durable_before_ = info.durable_before;
  report_.last_sequence = info.last_sequence;
  // Only the newest says that nothing came after it: a damaged slot may have been newer.
  report_.clean = info.clean && info.incarnation == medium_.superblock.identity.incarnation &&
                  report_.damaged_checkpoints == 0;
  shards_ = std::move(checkpoint_->shards);
  segments_ = std::move(checkpoint_->segments);
  for (uint32_t z = 0; z < zones_.size(); ++z) {
    const CheckpointZone& from = checkpoint_->zones[z];
    Zone& zone = zones_[z];
    zone.generation = from.generation;
    zone.state = from.state;
    zone.stream = from.stream;
    zone.closed_early = from.closed_early;
    zone.fill = from.fill;
    zone.durable_fill = from.state == ZoneState::kOpen ? from.scan_from : from.fill;
  }
  co_return Status();
}

Task<Result<std::optional<ZoneHeader>>> Recovery::read_zone_header(uint32_t zone, bool* damaged) {
  const Layout& layout = medium_.layout();
  std::optional<ZoneHeader> best;
  *damaged = false;
  const uint32_t blocks[2] = {0, layout.end_block()};
  for (uint32_t block : blocks) {
    Result<Buf> bytes =
        co_await medium_.read(layout.offset(zone, block), kBlockBytes, env::ReadMode::kDirect);
    ATOLL_CO_TRY_STATUS(medium_.usable());
    if (!bytes || zone_header_damaged(bytes->span())) *damaged = true;
    if (!bytes) continue;
    const std::optional<ZoneHeader> header =
        decode_zone_header(bytes->span(), medium_.superblock.device_tag, zone);
    if (header && (!best || header->generation > best->generation)) best = header;
  }
  co_return best;
}

Task<Status> Recovery::find_scans() {
  reborn_.assign(zones_.size(), false);
  for (uint32_t first = 0; first < zones_.size(); first += kParallel) {
    const uint32_t end = std::min<uint32_t>(zones_.size(), first + kParallel);
    bool damaged[kParallel];
    std::vector<Task<Result<std::optional<ZoneHeader>>>> reads;
    for (uint32_t z = first; z < end; ++z)
      reads.push_back(read_zone_header(z, &damaged[z - first]));
    auto headers = co_await env::when_all(medium_.env, std::move(reads));
    for (uint32_t z = first; z < end; ++z) {
      ATOLL_CO_TRY(std::optional<ZoneHeader> header, std::move(headers[z - first]));
      Zone& zone = zones_[z];
      Scan scan;
      scan.zone = z;
      scan.from = medium_.layout().first_block();
      scan.generation = zone.generation;
      scan.stream = zone.stream;
      if (header && header->generation > zone.generation) {
        reborn_[z] = zone.generation != 0;
        scan.generation = header->generation;
        scan.stream = header->stream;
      } else if (!header && damaged[z - first] && zone.state == ZoneState::kFree) {
        // Both copies are damaged: its records say which life it is in.
        ATOLL_PROBE("device: a zone without a good header is scanned");
        scan.generation = kAnyGeneration;
      } else if (zone.state == ZoneState::kOpen) {
        scan.from = zone.durable_fill;
        // Opened, but the crash came before its header was durable: nothing is in it, and nothing
        // may be.
        scan.dropped = !header || header->generation != zone.generation;
      } else {
        continue;  // closed or free, and the checkpoint knows all about it
      }
      scans_.push_back(std::move(scan));
    }
  }
  co_return Status();
}

Task<Status> Recovery::scan_zone(Scan& scan) {
  ZoneWalker walker(medium_, scan.zone, scan.generation, scan.from, medium_.layout().end_block(),
                    WalkMode::kHeaders);
  while (true) {
    ATOLL_CO_TRY(std::optional<WalkedRecord> record, co_await walker.next());
    if (!record) break;
    scan.found.push_back(record->header);
  }
  if (scan.generation == kAnyGeneration) {
    uint64_t newest = zones_[scan.zone].generation;
    for (const RecordHeader& h : scan.found) newest = std::max(newest, h.place.generation);
    // What the checkpoint knew as free stays free unless a later life shows.
    const bool known = newest == zones_[scan.zone].generation && checkpoint_.has_value();
    std::erase_if(scan.found,
                  [&](const RecordHeader& h) { return known || h.place.generation != newest; });
    reborn_[scan.zone] = newest > zones_[scan.zone].generation;
    scan.generation = newest;
    if (!scan.found.empty() && scan.found[0].type != RecordType::kShard)
      scan.stream = Stream::kJournal;
  }
  co_return Status();
}

Task<Status> Recovery::drop_torn(Scan& scan) {
  const bool fallback = report_.full_scan || report_.damaged_checkpoints != 0;
  std::vector<RecordHeader> kept;
  for (const RecordHeader& header : scan.found) {
    const bool durable = header.sequence <= durable_before_;
    if (!durable || fallback) {
      const uint64_t offset = medium_.layout().offset(scan.zone, header.place.block);
      Result<Buf> bytes = co_await medium_.read(offset, size_t{header.blocks} * kBlockBytes,
                                                env::ReadMode::kDirect);
      ATOLL_CO_TRY_STATUS(medium_.usable());
      bool good = bytes && payload_matches(header, bytes->span());
      if (!good) {  // a second look: a bad transfer is not a bad medium
        bytes = co_await medium_.read(offset, size_t{header.blocks} * kBlockBytes,
                                      env::ReadMode::kDirect);
        ATOLL_CO_TRY_STATUS(medium_.usable());
        good = bytes && payload_matches(header, bytes->span());
      }
      if (!good && durable) {
        ATOLL_PROBE("device: a scanned record is damaged");
        scan.damaged.push_back(header);
        continue;
      }
      if (!good) {
        ATOLL_PROBE("device: a torn record is dropped");
        ++report_.records_dropped;
        scan.dropped = true;
        continue;
      }
    }
    kept.push_back(header);
  }
  scan.found = std::move(kept);
  co_return Status();
}

void Recovery::drop_entries_of_past_lives() {
  if (planted(PlantedBug::kIgnoreZoneGeneration)) return;
  std::vector<ShardKey> lost;
  shards_.for_each([&](const ShardEntry& entry) {
    if (reborn_[entry.zone]) lost.push_back(entry.key());
  });
  for (ShardKey key : lost) shards_.erase(key);
  for (auto& [id, segment] : segments_) {
    if (segment.promise && reborn_[segment.promise->zone]) segment.promise.reset();
    const uint64_t gone =
        std::erase_if(segment.runs, [&](const RunEntry& run) { return reborn_[run.zone]; });
    if (gone != 0) runs_lost_[id] = gone;
  }
  if (!lost.empty() || !runs_lost_.empty()) ATOLL_PROBE("device: entries of a zone's earlier life");
}

bool Recovery::indexed(const RecordHeader& h) const {
  if (h.type == RecordType::kShard) return shards_.find(h.shard) != nullptr;
  const auto it = segments_.find(h.segment);
  if (it == segments_.end() || h.type == RecordType::kPromise) return false;
  const size_t i = it->second.run_at(h.first_lsn);
  return i < it->second.runs.size() && it->second.runs[i].first_lsn < h.first_lsn.value + h.count;
}

void Recovery::apply(const RecordHeader& h) {
  const auto block = static_cast<uint16_t>(h.place.block);
  if (h.type == RecordType::kShard) {
    ShardEntry entry;
    entry.stripe = h.shard.stripe.value;
    entry.index = h.shard.index;
    entry.length = h.payload_bytes;
    entry.zone = h.place.zone;
    entry.block = block;
    if (ShardEntry* old = shards_.find(h.shard)) {
      *old = entry;
    } else {
      shards_.insert(entry);
    }
    return;
  }
  auto [it, created] = segments_.try_emplace(h.segment);
  Segment& segment = it->second;
  if (created) {
    segment.id = h.segment;
    segment.partition = h.partition;
    segment.first_lsn = h.segment_first_lsn;
    segment.first_chain = h.segment_first_chain;
  }
  segment.promised = std::max(segment.promised, h.promised);
  if (segments_.has_room_for(h.partition)) segments_.raise_fence(h.partition, h.promised);
  if (h.type == RecordType::kPromise) {
    segment.sealed = segment.sealed || h.sealed;
    segment.promise = Location{h.place.zone, h.place.block};
    return;
  }
  apply_run(h, segment);
}

// The later copy wins; what it overlaps otherwise (runs behind a gap) it replaces.
void Recovery::apply_run(const RecordHeader& h, Segment& segment) {
  RunEntry run;
  run.first_lsn = h.first_lsn.value;
  run.count = h.count;
  run.payload_bytes = h.payload_bytes;
  run.chain_before = h.chain_before;
  run.chain_after = h.chain_after;
  run.zone = h.place.zone;
  run.block = h.place.block;
  auto& runs = segment.runs;
  const size_t first = segment.run_at(h.first_lsn);
  size_t last = first;
  while (last < runs.size() && runs[last].first_lsn < run.end_lsn()) ++last;
  const auto at = runs.erase(runs.begin() + static_cast<ptrdiff_t>(first),
                             runs.begin() + static_cast<ptrdiff_t>(last));
  runs.insert(at, run);
}

void Recovery::settle_segments() {
  for (auto it = segments_.begin(); it != segments_.end();) {
    Segment& segment = it->second;
    // Reclaim reuses a zone only when its records are dead or elsewhere: a run that is nowhere now
    // was deleted with its segment, after the checkpoint that still listed it.
    const auto lost = runs_lost_.find(it->first);
    segment.prefix = 0;
    segment.extend_prefix();
    const bool gap = segment.prefix != segment.runs.size();
    if (lost != runs_lost_.end() && (gap || segment.runs.empty())) {
      ATOLL_PROBE("device: a segment deleted after the checkpoint");
      it = segments_.erase(it);
      continue;
    }
    if (gap) {
      // A run behind a gap that was durable proves that what is missing was durable as well.
      const auto durable = [&](const RunEntry& run) {
        const auto found = sequence_at_.find({run.zone, run.block});
        return found == sequence_at_.end() || found->second <= durable_before_;
      };
      std::vector<RunEntry> kept(segment.runs.begin(),
                                 segment.runs.begin() + static_cast<ptrdiff_t>(segment.prefix));
      for (size_t i = segment.prefix; i < segment.runs.size(); ++i) {
        const RunEntry& run = segment.runs[i];
        if (durable(run)) {
          kept.push_back(run);
          continue;
        }
        ATOLL_PROBE("device: a run behind a torn one is dropped");
        ++report_.records_dropped;
        for (Scan& scan : scans_)
          if (scan.zone == run.zone) scan.dropped = true;
      }
      segment.runs = std::move(kept);
      if (segment.prefix != segment.runs.size()) {
        ATOLL_PROBE("device: a journal run was lost to damage");
        segment.damaged = true;
      }
    }
    if (segment.damaged) ++report_.segments_damaged;
    it = segment.on_medium() ? std::next(it) : segments_.erase(it);
  }
}

void Recovery::settle_zones() {
  const Layout& layout = medium_.layout();
  for (const Scan& scan : scans_) {
    Zone& zone = zones_[scan.zone];
    if (scan.generation == 0 ||
        (scan.generation == zone.generation && zone.state == ZoneState::kFree))
      continue;  // scanned for a later life, and there was none
    if (reborn_[scan.zone] || zone.generation != scan.generation) {
      zone = Zone{};
      zone.generation = scan.generation;
      zone.stream = scan.stream;
      zone.fill = layout.first_block();
    }
    zone.state = ZoneState::kOpen;
    zone.fill = std::max(zone.durable_fill, layout.first_block());
    for (const RecordHeader& h : scan.found)
      zone.fill = std::max(zone.fill, h.place.block + h.blocks);
    for (const RecordHeader& h : scan.damaged)
      zone.fill = std::max(zone.fill, h.place.block + h.blocks);
  }
  for (uint32_t z = 0; z < zones_.size(); ++z) {
    if (zones_[z].state == ZoneState::kOpen) zones_[z].durable_fill = zones_[z].fill;
    zones_[z].live_blocks = zones_[z].live_records = 0;
  }
  const auto count = [&](uint32_t z, uint32_t blocks) {
    const bool lies = planted(PlantedBug::kIgnoreZoneGeneration) ||
                      planted(PlantedBug::kFreeLiveZone);  // let it be found from outside
    if (lies && zones_[z].state == ZoneState::kFree) return;
    ATOLL_CHECK(zones_[z].state != ZoneState::kFree);
    zones_[z].live_blocks += blocks;
    ++zones_[z].live_records;
  };
  shards_.for_each([&](const ShardEntry& e) { count(e.zone, e.blocks()); });
  for (const auto& [id, segment] : segments_) {
    if (segment.promise) count(segment.promise->zone, kPromiseBlocks);
    for (const RunEntry& run : segment.runs) count(run.zone, run.blocks());
  }
  // Zones to fill on: the fullest first, so that one with nothing in it may become the next.
  std::vector<uint32_t> open;
  std::vector<bool> dropped(zones_.size(), false);
  for (const Scan& scan : scans_) dropped[scan.zone] = scan.dropped;
  for (uint32_t z = 0; z < zones_.size(); ++z)
    if (zones_[z].state == ZoneState::kOpen) open.push_back(z);
  std::stable_sort(open.begin(), open.end(),
                   [&](uint32_t a, uint32_t b) { return zones_[a].fill > zones_[b].fill; });
  for (uint32_t z : open) {
    Zone& zone = zones_[z];
    const bool full = layout.end_block() - zone.fill < layout.data_blocks() / kMinGarbageShare;
    if (!dropped[z] && !full && space_.can_adopt(zone.stream, zone)) {
      space_.adopt(zone.stream, z);
      continue;
    }
    if (dropped[z]) ATOLL_PROBE("device: a zone with a torn tail is closed");
    zone.state = ZoneState::kClosed;
    zone.closed_early = true;
  }
  zones_.rebuild_lists();
}

}  // namespace atl::device
