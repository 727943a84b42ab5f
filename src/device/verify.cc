// Scrub of one zone: everything live in it is read from the medium and compared with its checksums.
// Metadata that is damaged (zone headers; with zone 0 the superblock and the checkpoints) is
// rewritten from memory.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/log.h"
#include "base/probe.h"
#include "device/core.h"

namespace atl::device {

Task<Result<VerifyResult>> DeviceCore::verify_zone(uint32_t number) {
  const auto self = shared_from_this();
  ATOLL_CO_TRY_STATUS(medium_.usable());
  if (number >= zones_.size())
    co_return fail(Errc::kInvalidArgument, fmt::format("zone {} of {}", number, zones_.size()));
  VerifyResult out;
  if (number == 0) {
    ATOLL_CO_TRY_STATUS(co_await verify_superblocks(out));
    ATOLL_CO_TRY_STATUS(co_await verify_checkpoints(out));
  }
  const ZoneReader reading(zones_, number);
  ATOLL_CO_TRY_STATUS(co_await verify_zone_header(number, out));

  // What is live now must be found good, or be no longer live when we look again.
  const Zone& zone = zones_[number];
  const uint64_t generation = zone.generation;
  std::set<ShardKey> shards;
  std::map<std::pair<SegmentId, uint32_t>, SegmentId> runs;  // by segment and block
  std::set<SegmentId> damaged;
  if (zone.live_records != 0) {
    shards_.for_each([&](const ShardEntry& e) {
      if (e.zone == number) shards.insert(e.key());
    });
    for (const auto& [id, segment] : segments_) {
      if (segment.promise && segment.promise->zone == number)
        runs[{id, segment.promise->block}] = id;
      for (const RunEntry& run : segment.runs)
        if (run.zone == number) runs[{id, run.block}] = id;
    }
  }
  // A segment that lost runs is reported with the zone of the run behind the gap.
  for (const auto& [id, segment] : segments_)
    if (segment.damaged && segment.prefix < segment.runs.size() &&
        segment.runs[segment.prefix].zone == number)
      damaged.insert(id);

  if (!shards.empty() || !runs.empty()) {
    ZoneWalker walker(medium_, number, generation, medium_.layout().first_block(),
                      zone.durable_fill, WalkMode::kWhole);
    while (true) {
      ATOLL_CO_TRY(std::optional<WalkedRecord> record, co_await walker.next());
      if (!record) break;
      const RecordHeader& h = record->header;
      if (!is_live(h, shards_, segments_)) continue;
      ++out.records;
      out.bytes += uint64_t{h.blocks} * kBlockBytes;
      if (!payload_matches(h, record->bytes.span())) continue;
      if (h.type == RecordType::kShard) {
        shards.erase(h.shard);
      } else {
        runs.erase({h.segment, h.place.block});
      }
    }
  }
  for (ShardKey key : shards) {
    const ShardEntry* entry = shards_.find(key);
    if (!entry || entry->zone != number) continue;  // deleted or moved meanwhile
    ATOLL_PROBE("device: scrub found a bad shard");
    out.bad_shards.push_back(key);
    ATOLL_LOG(kWarn, "device", "a shard does not match its checksums",
              {{"path", medium_.path}, {"stripe", key.stripe}, {"index", int{key.index}}});
  }
  for (const auto& [at, id] : runs) {
    const auto it = segments_.find(id);
    if (it == segments_.end()) continue;
    const Location here{number, at.second};
    const Segment& s = it->second;
    if (s.promise == here && !s.deleting) {  // known here: written anew, like other metadata
      ATOLL_PROBE("device: scrub rewrote a promise");
      const Epoch promised = s.promised;
      const PartitionId partition = s.partition;
      const bool sealed = s.sealed;
      const Lsn first_lsn = s.first_lsn;
      const uint32_t first_chain = s.first_chain;
      const auto rewritten =
          co_await write_promise(id, partition, promised, sealed, first_lsn, first_chain, true);
      if (rewritten) {
        ++out.bad_metadata;
        continue;
      }
      ATOLL_CO_TRY_STATUS(medium_.usable());
      damaged.insert(id);
      continue;
    }
    const bool still =
        s.promise == here || std::any_of(s.runs.begin(), s.runs.end(),
                                         [&](const RunEntry& r) { return r.location() == here; });
    if (still) damaged.insert(id);
  }
  for (SegmentId id : damaged) {
    ATOLL_PROBE("device: scrub found a bad segment");
    out.bad_segments.push_back(id);
    ATOLL_LOG(kWarn, "device", "a journal segment is damaged",
              {{"path", medium_.path}, {"segment", id}});
  }
  medium_.metrics.corrupt_records.add(out.bad_shards.size() + out.bad_segments.size());
  co_return std::move(out);
}

Task<Status> DeviceCore::verify_zone_header(uint32_t number, VerifyResult& out) {
  const Zone& zone = zones_[number];
  // Only a zone that holds something: a free one gets new headers when it is opened, and one that
  // is just being opened has none yet.
  if (zone.state != ZoneState::kClosed && zone.durable_fill <= medium_.layout().first_block())
    co_return Status();
  if (zone.state == ZoneState::kFree || zone.state == ZoneState::kFreed) co_return Status();
  ZoneHeader header;
  header.device_tag = medium_.superblock.device_tag;
  header.generation = zone.generation;
  header.sequence = appender_.last_sequence();
  header.zone = number;
  header.stream = zone.stream;
  bool rewritten = false;
  const uint32_t blocks[2] = {0, medium_.layout().end_block()};
  for (uint32_t block : blocks) {
    const uint64_t offset = medium_.layout().offset(number, block);
    Result<Buf> bytes = co_await medium_.read(offset, kBlockBytes, env::ReadMode::kDirect);
    ATOLL_CO_TRY_STATUS(medium_.usable());
    std::optional<ZoneHeader> found;
    if (bytes) found = decode_zone_header(bytes->span(), header.device_tag, number);
    if (found && found->generation == header.generation) continue;
    ATOLL_PROBE("device: scrub rewrote a zone header");
    ++out.bad_metadata;
    std::vector<Buf> bufs;
    bufs.push_back(encode_zone_header(header));
    ATOLL_CO_TRY_STATUS(co_await medium_.write(offset, std::move(bufs)));
    rewritten = true;
  }
  if (!rewritten) co_return Status();
  ATOLL_LOG(kWarn, "device", "a zone header was damaged and is rewritten",
            {{"path", medium_.path}, {"zone", number}});
  co_return co_await appender_.flush();
}

Task<Status> DeviceCore::verify_superblocks(VerifyResult& out) {
  for (int copy = 0; copy < 2; ++copy) {
    const uint64_t offset = medium_.layout().superblock_offset(copy);
    Result<Buf> block = co_await medium_.read(offset, kBlockBytes, env::ReadMode::kDirect);
    ATOLL_CO_TRY_STATUS(medium_.usable());
    if (block) {
      Result<Superblock> sb = decode_superblock(block->span());
      if (sb && sb->device_tag == medium_.superblock.device_tag &&
          sb->sequence == medium_.superblock.sequence)
        continue;
    }
    ATOLL_PROBE("device: scrub rewrote a superblock");
    ++out.bad_metadata;
    ATOLL_LOG(kWarn, "device", "a superblock copy was damaged and is rewritten",
              {{"path", medium_.path}, {"copy", copy}});
    std::vector<Buf> bufs;
    bufs.push_back(encode_superblock(medium_.superblock));
    ATOLL_CO_TRY_STATUS(co_await medium_.write(offset, std::move(bufs)));
    ATOLL_CO_TRY_STATUS(co_await appender_.flush());
  }
  co_return Status();
}

Task<Status> DeviceCore::verify_checkpoints(VerifyResult& out) {
  int damaged = 0;
  const env::Permit alone = co_await checkpointer_.lock();
  for (int slot = 0; slot < 2; ++slot) {
    Result<CheckpointBytes> bytes = co_await read_checkpoint(medium_, slot, env::ReadMode::kDirect);
    ATOLL_CO_TRY_STATUS(medium_.usable());
    // A slot that is known to be damaged has sequence 0, which no checkpoint has.
    if (bytes && bytes->info.sequence == checkpointer_.slot_sequence(slot)) continue;
    ++out.bad_metadata;
    checkpointer_.mark_damaged(slot);
    ++damaged;
  }
  for (; damaged > 0; --damaged) {
    ATOLL_PROBE("device: scrub rewrote an index checkpoint");
    ATOLL_LOG(kWarn, "device", "an index checkpoint was damaged; a new one is written",
              {{"path", medium_.path}});
    ATOLL_CO_TRY_STATUS(co_await checkpointer_.write_locked(false));
  }
  co_return Status();
}

}  // namespace atl::device
