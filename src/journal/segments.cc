// The open segment: when it is left, how it is closed, where the next one opens.
//
// Closing and opening are one compare-and-swap, so that there is never a moment in which the
// journal's end is not known from the coordinator's value and the open segment's replicas alone. A
// segment that holds nothing is taken off the list instead of being closed; its id is never used
// again, so what a device may still have of it is an orphan.
#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/probe.h"
#include "journal/core.h"
#include "journal/replica_choice.h"

namespace atl::journal {
namespace {

struct Tail {
  Lsn end_lsn;
  uint32_t end_chain = 0;
  uint64_t bytes = 0;
};

Tail tail_of(const Core& core) {
  return {core.next_lsn(), core.chain, core.open_bytes};
}

// Closes the open segment of `state`, if there is one.
void close_tail(JournalState* state, Tail tail) {
  if (state->segments.empty() || state->segments.back().closed) return;
  SegmentEntry& open = state->segments.back();
  ATOLL_CHECK(open.first_lsn <= tail.end_lsn);
  if (open.first_lsn == tail.end_lsn) {
    ATOLL_CHECK(open.first_chain == tail.end_chain);
    state->segments.pop_back();
    return;
  }
  open.closed = true;
  open.end_lsn = tail.end_lsn;
  open.end_chain = tail.end_chain;
  open.bytes = tail.bytes;
}

void open_next(JournalState* state, Tail at, std::vector<DeviceId> devices) {
  ATOLL_CHECK(state->segments.size() < kMaxSegments && !devices.empty());
  ATOLL_CHECK(state->segments.empty() || state->segments.back().closed);
  SegmentEntry next;
  next.id = state->next_segment;
  next.first_lsn = at.end_lsn;
  next.first_chain = at.end_chain;
  next.replicas = std::move(devices);
  state->next_segment.value += 1;
  state->segments.push_back(std::move(next));
}

bool is_suspect(const Core& core, const SegmentEntry& segment) {
  for (DeviceId id : segment.replicas)
    if (core.suspects.contains({segment.id, id})) return true;
  return false;
}

// Devices for the next segment: the best spread of those that are neither full nor to be avoided,
// or kNoSpace when full devices are what stands between us and the spread that the cluster could
// give. With domains *down* fewer replicas are the best there is; with domains *full* they would be
// a promise broken for want of room, so then the caller hears of it instead.
Result<std::vector<DeviceId>> devices_for_next(Core& core, const std::set<DeviceId>& avoid) {
  const cluster::ClusterMap& map = core.view.map();
  const Spread possible = spread_possible(map, avoid);
  if (possible.devices == 0)
    return fail(Errc::kUnavailable, "no device is up that could take journal segments");
  std::set<DeviceId> not_these = avoid;
  not_these.insert(core.full.begin(), core.full.end());
  auto devices = choose_devices(map, core.state.next_segment.value, not_these);
  if (spread_of(map, devices) < possible) {
    ATOLL_PROBE("journal.no_space");
    core.full.clear();  // the next append looks again: deleting may have made room
    return fail(Errc::kNoSpace, "too few devices have room for the journal");
  }
  return devices;
}

}  // namespace

bool open_segment_unsuited(Core& core) {
  SegmentEntry* open = core.open_segment();
  if (open == nullptr) return false;
  if (is_suspect(core, *open)) return true;
  auto map = core.view.snapshot();
  if (map == core.checked_map) return false;
  const Spread now = spread_of(*map, open->replicas);
  if (now.devices < open->replicas.size() || now < spread_possible(*map, {})) return true;
  core.checked_map = std::move(map);
  return false;
}

Task<Status> close_open_segment(CorePtr core) {
  if (core->open_segment() == nullptr) co_return Status{};
  const Tail tail = tail_of(*core);
  auto change = [tail](JournalState* state) -> Result<bool> {
    close_tail(state, tail);
    return true;
  };
  Status closed = co_await update_state(core, change);
  if (!closed) co_return closed;
  ATOLL_CHECK(core->open_segment() == nullptr && core->next_lsn() == tail.end_lsn);
  core->open_bytes = 0;
  core->tail_uncertain = false;
  co_return Status{};
}

Task<Status> ensure_open(CorePtr core, std::set<DeviceId> avoid) {
  if (core->broken) co_return fail(*core->broken);
  const bool unsuited = open_segment_unsuited(*core);
  const bool long_enough = core->open_bytes >= core->options.segment_bytes;
  if (core->open_segment() != nullptr && !core->tail_uncertain && !unsuited && !long_enough)
    co_return Status{};
  if (unsuited) ATOLL_PROBE("journal.open_segment_left");
  if (long_enough) ATOLL_PROBE("journal.segment_grown");

  auto map = core->view.snapshot();
  auto devices = devices_for_next(*core, avoid);
  const Tail tail = tail_of(*core);
  const bool have_devices = devices.has_value();
  std::vector<DeviceId> chosen = have_devices ? *devices : std::vector<DeviceId>();
  auto full_list = std::make_shared<bool>(false);
  auto change = [tail, have_devices, chosen, full_list](JournalState* state) -> Result<bool> {
    const bool had_open = !state->segments.empty() && !state->segments.back().closed;
    close_tail(state, tail);
    *full_list = state->segments.size() >= kMaxSegments;
    if (!have_devices || *full_list) return had_open;
    open_next(state, tail, chosen);
    return true;
  };
  Status updated = co_await update_state(core, change);
  if (!updated) {
    // The coordinator refused outright (it is full, say). What is in doubt stays so: stop.
    if (!core->broken) break_journal(*core, Error(Errc::kUnavailable, updated.error().to_string()));
    co_return fail(*core->broken);
  }
  core->open_bytes = 0;
  core->tail_uncertain = false;
  if (*full_list) {
    ATOLL_PROBE("journal.too_many_segments");
    co_return fail(Errc::kBusy, fmt::format("the journal of partition {} has {} segments that wait "
                                            "for a checkpoint",
                                            core->partition, kMaxSegments));
  }
  if (!have_devices) {
    if (devices.error().code == Errc::kNoSpace) co_return fail(devices.error());
    break_journal(*core, devices.error());
    co_return fail(*core->broken);
  }
  SegmentEntry* open = core->open_segment();
  ATOLL_CHECK(open != nullptr && open->first_lsn == core->next_lsn());
  ATOLL_CHECK(open->first_chain == core->chain);
  core->checked_map = std::move(map);
  if (spread_of(*core->checked_map, open->replicas) < kFullSpread)
    ATOLL_PROBE("journal.opened_below_full_replication");
  static Counter& opened =
      metric_counter("atoll_journal_segments_opened_total", "Segments opened.");
  opened.add();
  ATOLL_LOG(
      kDebug, "journal", "segment opened",
      {{"partition", core->partition}, {"segment", open->id}, {"first_lsn", open->first_lsn}});
  co_return Status{};
}

}  // namespace atl::journal
