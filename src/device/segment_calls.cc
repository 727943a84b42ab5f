// Journal segments: append, seal, read, delete.
//
// Order: a run is judged and given its place in one step, under the journal stream's lock, so runs
// of a segment lie and become durable in LSN order; several may be in flight. A promise is a record
// of the same stream: when it is durable, so is every run that was accepted before it.
#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "device/core.h"

namespace atl::device {
namespace {

bool same_run(const RunEntry& entry, const Run& run) {
  return entry.first_lsn == run.first_lsn.value && entry.count == run.count &&
         entry.chain_before == run.chain_before && entry.chain_after == run.chain_after &&
         entry.payload_bytes == run.payload.size();
}

}  // namespace

struct DeviceCore::Verdict {
  enum class Kind { kAppend, kDuplicate, kRefused } kind = Kind::kAppend;
  Error error;          // kRefused
  AppendRef in_flight;  // kDuplicate: of a run that is not durable yet
  bool raises = false;  // kDuplicate: of a higher epoch, which must be promised
  static Verdict refuse(Errc code, std::string message) {
    Verdict v;
    v.kind = Kind::kRefused;
    v.error = Error(code, std::move(message));
    return v;
  }
};

// A partition's epochs only grow here, whatever segment they come for.
Status DeviceCore::check_fence(SegmentId id, PartitionId partition, Epoch epoch) const {
  if (planted(PlantedBug::kForgetFence)) return {};
  const Epoch fence = segments_.fence(partition);
  if (epoch < fence) {
    ATOLL_PROBE("device: a lower epoch was fenced");
    return fail(Errc::kFenced,
                fmt::format("segment {}: partition {} has promised epoch {}; this is {}", id,
                            partition, fence, epoch));
  }
  if (!segments_.has_room_for(partition))
    return fail(Errc::kNoSpace, "too many partitions have segments on this device");
  return {};
}

DeviceCore::Verdict DeviceCore::judge_run(SegmentId id, PartitionId partition, Epoch epoch,
                                          const Run& run) {
  if (Status fence = check_fence(id, partition, epoch); !fence)
    return Verdict::refuse(fence.error().code, fence.error().message);
  const auto it = segments_.find(id);
  if (it == segments_.end()) {
    if (segments_.size() >= medium_.layout().segments_max())
      return Verdict::refuse(Errc::kNoSpace, "too many segments on this device");
    return {};
  }
  const Segment& s = it->second;
  if (s.deleting)
    return Verdict::refuse(Errc::kConflict, fmt::format("segment {} is being deleted", id));
  if (s.partition != partition)
    return Verdict::refuse(Errc::kInvalidArgument,
                           fmt::format("segment {} is of partition {}", id, s.partition));
  if (s.sealed && epoch > s.promised)
    return Verdict::refuse(Errc::kConflict,
                           fmt::format("segment {} is sealed at epoch {}", id, s.promised));
  if (run.first_lsn == s.accepted_next() && run.chain_before == s.accepted_chain()) return {};
  Verdict v;
  v.kind = Verdict::Kind::kDuplicate;
  v.raises = epoch > s.promised;
  const size_t i = s.run_at(run.first_lsn);
  if (i < s.prefix && same_run(s.runs[i], run)) return v;
  for (const Segment::InFlight& f : s.in_flight) {
    if (!same_run(f.entry, run)) continue;
    ATOLL_PROBE("device: a run in flight was sent again");
    v.in_flight = f.append;
    return v;
  }
  return Verdict::refuse(
      Errc::kConflict,
      fmt::format("segment {}: a run at {} (chain {:08x}) does not follow {} (chain {:08x})", id,
                  run.first_lsn, run.chain_before, s.accepted_next(), s.accepted_chain()));
}

Task<Result<SegmentState>> DeviceCore::append_run(SegmentId id, PartitionId partition, Epoch epoch,
                                                  Run run) {
  const auto self = shared_from_this();
  ATOLL_CO_TRY_STATUS(medium_.usable());
  const uint64_t most =
      std::min<uint64_t>(kMaxRunBytes, uint64_t{medium_.layout().data_blocks() - 1} * kBlockBytes);
  if (run.payload.size() > most)
    co_return fail(Errc::kTooLarge,
                   fmt::format("a run of {} bytes; here it may have {}", run.payload.size(), most));
  if (run.count == 0 || run.payload.empty() || run.epoch > epoch ||
      run.first_lsn.value + run.count < run.first_lsn.value)
    co_return fail(Errc::kInvalidArgument,
                   "a run needs entries, bytes and an epoch not above its "
                   "sender's");
  if (crc32c(run.payload.span(), run.chain_before) != run.chain_after)
    co_return fail(Errc::kCorrupt, "the run's bytes do not match its chain");

  // What needs no room is answered first; the rest is judged again when its turn has come, because
  // what it follows may be waiting before it.
  Verdict verdict = judge_run(id, partition, epoch, run);
  Place place;
  env::Permit queued;
  if (verdict.kind != Verdict::Kind::kDuplicate &&
      !(verdict.kind == Verdict::Kind::kRefused && verdict.error.code == Errc::kFenced)) {
    const uint32_t blocks = run_record_blocks(static_cast<uint32_t>(run.payload.size()));
    // If it comes behind another that waits to create the segment, it must not create it instead.
    const bool follower = waiting_appends_[id]++ != 0;
    Result<Place> reserved = co_await space_.reserve(Stream::kJournal, blocks, Claim::kJournal);
    if (reserved) queued = co_await env::Permit::take(journal_queue_, blocks);
    if (--waiting_appends_[id] == 0) waiting_appends_.erase(id);
    ATOLL_CO_TRY(place, std::move(reserved));
    verdict = judge_run(id, partition, epoch, run);
    if (follower && !segments_.contains(id)) {
      ATOLL_PROBE("device: the run that was to create a segment failed");
      verdict =
          Verdict::refuse(Errc::kConflict,
                          fmt::format("segment {}: what run {} follows failed", id, run.first_lsn));
    }
  }
  if (verdict.kind == Verdict::Kind::kRefused) co_return fail(std::move(verdict.error));
  if (verdict.kind == Verdict::Kind::kDuplicate) {
    place.lock = env::Permit();
    if (verdict.raises)
      co_return co_await write_promise(id, partition, epoch, false, run.first_lsn,
                                       run.chain_before);
    if (verdict.in_flight) {
      ATOLL_CO_TRY_STATUS(co_await Appender::wait(verdict.in_flight));
    }
    co_return state_of(id);
  }

  Segment& segment = segment_for_append(id, partition, run.first_lsn, run.chain_before);
  ATOLL_CHECK(segment.accepted_next() == run.first_lsn && !segment.deleting);
  segment.promised = std::max(segment.promised, epoch);
  segments_.raise_fence(partition, epoch);
  RecordHeader header;
  header.type = RecordType::kRun;
  header.segment = id;
  header.partition = partition;
  header.count = run.count;
  header.first_lsn = run.first_lsn;
  header.epoch = run.epoch;
  header.promised = segment.promised;
  header.segment_first_lsn = segment.first_lsn;
  header.segment_first_chain = segment.first_chain;
  header.chain_before = run.chain_before;
  header.chain_after = run.chain_after;
  header.payload_bytes = static_cast<uint32_t>(run.payload.size());
  set_extent(header);
  header.place = medium_.place(place.zone, place.block, zones_[place.zone].generation);
  header.durable_before = appender_.durable_before();
  header.sequence = appender_.take_sequence();
  RunEntry entry;
  entry.first_lsn = run.first_lsn.value;
  entry.count = run.count;
  entry.payload_bytes = header.payload_bytes;
  entry.chain_before = run.chain_before;
  entry.chain_after = run.chain_after;
  entry.zone = place.zone;
  entry.block = place.block;
  auto append = std::make_shared<Append>();
  const auto state = std::make_shared<SegmentState>();
  append->sequence = header.sequence;
  append->blocks = header.blocks;
  append->bufs = run_record_bufs(header, run.payload);
  append->on_durable = [this, id, entry, state] { *state = run_durable(id, entry); };
  run.payload = Buf();
  segment.in_flight.push_back({entry, append});
  submit(append, place);
  ATOLL_CO_TRY_STATUS(co_await Appender::wait(append));
  after_append();
  co_return *state;
}

Segment& DeviceCore::segment_for_append(SegmentId id, PartitionId partition, Lsn first_lsn,
                                        uint32_t first_chain) {
  auto [it, created] = segments_.try_emplace(id);
  if (created) {
    it->second.id = id;
    it->second.partition = partition;
    it->second.first_lsn = first_lsn;
    it->second.first_chain = first_chain;
  }
  return it->second;
}

void DeviceCore::drop_run(Segment& segment, size_t i) {
  const RunEntry run = segment.runs[i];
  segment.runs.erase(segment.runs.begin() + static_cast<ptrdiff_t>(i));
  zones_.remove_live(run.zone, run.blocks());
}

SegmentState DeviceCore::run_durable(SegmentId id, const RunEntry& entry) {
  Segment& segment = segments_.at(id);
  ATOLL_CHECK(!segment.in_flight.empty());
  ATOLL_CHECK(segment.in_flight.front().entry.first_lsn == entry.first_lsn);
  segment.in_flight.pop_front();
  // Runs kept behind a gap give way to what is appended there now.
  while (segment.prefix < segment.runs.size() &&
         segment.runs[segment.prefix].first_lsn < entry.end_lsn()) {
    ATOLL_PROBE("device: a run behind a gap is replaced");
    drop_run(segment, segment.prefix);
  }
  segment.runs.insert(segment.runs.begin() + static_cast<ptrdiff_t>(segment.prefix), entry);
  ++segment.prefix;
  if (segment.prefix == segment.runs.size()) segment.damaged = false;
  zones_.add_live(entry.zone, entry.blocks());
  if (!segment.busy()) segment_idle_.wake_all();
  return segment.state();
}

Result<SegmentState> DeviceCore::state_of(SegmentId id) const {
  const auto it = segments_.find(id);
  if (it == segments_.end())
    return fail(Errc::kNotFound, fmt::format("segment {} is not here", id));
  return it->second.state();
}

Task<Result<SegmentState>> DeviceCore::seal_segment(SegmentId id, PartitionId partition,
                                                    Epoch epoch, Lsn first_lsn,
                                                    uint32_t first_chain) {
  const auto self = shared_from_this();
  ATOLL_CO_TRY_STATUS(medium_.usable());
  co_return co_await write_promise(id, partition, epoch, true, first_lsn, first_chain);
}

Task<Result<SegmentState>> DeviceCore::write_promise(SegmentId id, PartitionId partition,
                                                     Epoch epoch, bool seal, Lsn first_lsn,
                                                     uint32_t first_chain, bool again) {
  ATOLL_CO_TRY(Place place,
               co_await space_.reserve(Stream::kJournal, kPromiseBlocks, Claim::kJournal));
  ATOLL_CO_TRY_STATUS(check_fence(id, partition, epoch));
  if (const auto it = segments_.find(id); it != segments_.end()) {
    const Segment& s = it->second;
    if (s.deleting) co_return fail(Errc::kConflict, fmt::format("segment {} is being deleted", id));
    if (s.partition != partition)
      co_return fail(Errc::kInvalidArgument,
                     fmt::format("segment {} is of partition {}", id, s.partition));
    if (seal && (s.first_lsn != first_lsn || s.first_chain != first_chain))
      co_return fail(Errc::kConflict, fmt::format("segment {} begins at {}", id, s.first_lsn));
    if (epoch == s.promised && (s.sealed || !seal) && !again) {
      // Promised already, or about to be: wait until it and all before it is durable.
      place.lock = env::Permit();
      while (true) {
        ATOLL_CO_TRY_STATUS(medium_.usable());
        const auto again = segments_.find(id);
        if (again == segments_.end() || !again->second.busy()) break;
        co_await segment_idle_.wait();
      }
      co_return state_of(id);
    }
  } else if (segments_.size() >= medium_.layout().segments_max()) {
    co_return fail(Errc::kNoSpace, "too many segments on this device");
  }
  Segment& segment = segment_for_append(id, partition, first_lsn, first_chain);
  segment.promised = epoch;
  segments_.raise_fence(partition, epoch);
  segment.sealed = segment.sealed || seal;
  ++segment.promises_in_flight;
  RecordHeader header;
  header.type = RecordType::kPromise;
  header.segment = id;
  header.partition = partition;
  header.promised = epoch;
  header.sealed = segment.sealed;
  header.segment_first_lsn = segment.first_lsn;
  header.segment_first_chain = segment.first_chain;
  set_extent(header);
  header.place = medium_.place(place.zone, place.block, zones_[place.zone].generation);
  header.durable_before = appender_.durable_before();
  header.sequence = appender_.take_sequence();
  auto append = std::make_shared<Append>();
  const auto state = std::make_shared<SegmentState>();
  append->sequence = header.sequence;
  append->blocks = header.blocks;
  append->bufs = promise_record_bufs(header);
  append->on_durable = [this, id, state, at = Location{place.zone, place.block}] {
    *state = promise_durable(id, at);
  };
  submit(append, place);
  ATOLL_CO_TRY_STATUS(co_await Appender::wait(append));
  after_append();
  co_return *state;
}

SegmentState DeviceCore::promise_durable(SegmentId id, Location at) {
  Segment& segment = segments_.at(id);
  ATOLL_CHECK(segment.promises_in_flight > 0);
  --segment.promises_in_flight;
  const std::optional<Location> old = segment.promise;
  segment.promise = at;
  zones_.add_live(at.zone, kPromiseBlocks);
  if (old) zones_.remove_live(old->zone, kPromiseBlocks);
  if (!segment.busy()) segment_idle_.wake_all();
  return segment.state();
}

Task<Result<std::vector<Run>>> DeviceCore::read_runs(SegmentId id, Lsn from, size_t max_bytes) {
  const auto self = shared_from_this();
  ATOLL_CO_TRY_STATUS(medium_.usable());
  const auto found = segments_.find(id);
  if (found == segments_.end() || !found->second.on_medium())
    co_return fail(Errc::kNotFound, fmt::format("segment {} is not here", id));
  const Segment& segment = found->second;
  std::vector<Run> out;
  size_t i = from <= segment.first_lsn ? 0 : segment.run_at(from);
  if (i == segment.runs.size()) co_return std::move(out);
  if (segment.runs[i].first_lsn > std::max(from, segment.first_lsn).value)
    co_return fail(Errc::kCorrupt,
                   fmt::format("segment {}: entries from {} on are lost", id, from));
  // The entries and their zones are held from here on; the segment may change while we read.
  std::vector<RunEntry> wanted;
  std::vector<ZoneReader> reading;
  size_t bytes = 0;
  for (; i < segment.runs.size(); ++i) {
    const RunEntry& run = segment.runs[i];
    if (!wanted.empty() &&
        (run.first_lsn != wanted.back().end_lsn() ||
         run.chain_before != wanted.back().chain_after || bytes + run.payload_bytes > max_bytes))
      break;
    if (wanted.empty() || wanted.back().zone != run.zone) reading.emplace_back(zones_, run.zone);
    bytes += run.payload_bytes;
    wanted.push_back(run);
  }
  out.reserve(wanted.size());
  for (size_t first = 0; first < wanted.size();) {
    uint32_t blocks = 0;
    size_t end = first;
    for (; end < wanted.size(); ++end) {
      const RunEntry& run = wanted[end];
      if (run.zone != wanted[first].zone || run.block != wanted[first].block + blocks) break;
      if (end != first && blocks + run.blocks() > kRunReadBlocksMax) break;
      blocks += run.blocks();
    }
    const uint64_t at = medium_.layout().offset(wanted[first].zone, wanted[first].block);
    Result<Buf> stretch =
        co_await medium_.read(at, size_t{blocks} * kBlockBytes, env::ReadMode::kCached);
    if (!stretch) {
      if (!out.empty() && medium_.usable())
        break;  // what is good so far; the next call meets the rest
      co_return fail(stretch.error());
    }
    size_t offset = 0;
    for (; first < end; ++first) {
      const RunEntry& run = wanted[first];
      const Buf record = stretch->slice(offset, size_t{run.blocks()} * kBlockBytes);
      offset += record.size();
      const RecordPlace place = medium_.place(run.zone, run.block, zones_[run.zone].generation);
      const auto h = decode_record_header(record.span(), place, medium_.layout().zone_blocks());
      if (!h || h->type != RecordType::kRun || h->segment != id ||
          h->first_lsn.value != run.first_lsn || h->chain_after != run.chain_after ||
          h->payload_bytes != run.payload_bytes || !payload_matches(*h, record.span())) {
        if (!out.empty()) co_return std::move(out);
        ATOLL_PROBE("device: a journal run is damaged");
        medium_.metrics.corrupt_records.add();
        ATOLL_LOG(kWarn, "device", "a journal run is damaged",
                  {{"path", medium_.path}, {"segment", id}, {"lsn", run.first_lsn}});
        co_return fail(Errc::kCorrupt,
                       fmt::format("segment {}: the run at {} is damaged", id, run.first_lsn));
      }
      Run r;
      r.first_lsn = h->first_lsn;
      r.count = h->count;
      r.epoch = h->epoch;
      r.chain_before = h->chain_before;
      r.chain_after = h->chain_after;
      r.payload = record.slice(h->payload_offset, h->payload_bytes);
      out.push_back(std::move(r));
    }
  }
  co_return std::move(out);
}

Task<Status> DeviceCore::delete_segment(SegmentId id) {
  const auto self = shared_from_this();
  while (true) {
    ATOLL_CO_TRY_STATUS(medium_.usable());
    const auto it = segments_.find(id);
    if (it == segments_.end()) co_return Status();
    Segment& segment = it->second;
    segment.deleting = true;
    if (segment.busy()) {
      ATOLL_PROBE("device: a segment is deleted while runs are in flight");
      co_await segment_idle_.wait();
      continue;
    }
    while (!segment.runs.empty()) drop_run(segment, segment.runs.size() - 1);
    if (segment.promise) zones_.remove_live(segment.promise->zone, kPromiseBlocks);
    segments_.erase(it);
    co_return Status();
  }
}

std::vector<SegmentState> DeviceCore::list_segments() const {
  std::vector<SegmentState> out;
  for (const auto& [id, segment] : segments_)
    if (segment.on_medium() && !segment.deleting) out.push_back(segment.state());
  return out;
}

}  // namespace atl::device
