// Checkpoints, and giving back the space of segments that nobody needs any more.
//
// A segment is deleted only after the coordinator's value no longer lists it. Its id is then on no
// list ever again, so a deletion that arrives late, even from an owner that was replaced, harms
// nothing.
#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "device/device_client.h"
#include "journal/core.h"

namespace atl::journal {
namespace {

bool is_covered(const SegmentEntry& segment, Lsn checkpoint) {
  if (planted(PlantedBug::kTrimBeforeCheckpoint)) return segment.closed;
  return segment.closed && segment.end_lsn.value <= checkpoint.value + 1;
}

// What cannot be reached keeps an orphan, which delete_orphans finds later.
Task<void> delete_everywhere(CorePtr core, SegmentEntry segment) {
  for (DeviceId id : segment.replicas) {
    if (!core->view.readable(id)) continue;
    Status deleted = co_await core->view.client(id)->delete_segment(segment.id);
    if (!deleted) {
      ATOLL_PROBE("journal.trim_left_orphan");
      co_await core->view.report_failure(id, deleted.error());
    }
  }
}

Task<Status> check_checkpoint(CorePtr core, Lsn lsn, uint32_t chain, size_t manifest_size) {
  if (manifest_size > kMaxManifestBytes)
    co_return fail(Errc::kInvalidArgument, "the checkpoint's manifest is too large");
  if (lsn > core->committed)
    co_return fail(Errc::kInvalidArgument, "the checkpoint is newer than the journal");
  if (lsn < core->state.checkpoint.lsn)
    co_return fail(Errc::kInvalidArgument, "the checkpoint is older than the last one");
  auto known = co_await find_chain(core, lsn);
  // When no replica can be read just now, the checkpoint is what the journal needs most.
  if (known && *known != chain)
    co_return fail(Errc::kInvalidArgument, "the checkpoint is not of this journal's history");
  co_return Status{};
}

}  // namespace

Task<Status> record_checkpoint(CorePtr core, Checkpoint checkpoint) {
  if (core->broken) co_return fail(*core->broken);
  ATOLL_CO_TRY_STATUS(co_await check_checkpoint(core, checkpoint.lsn, checkpoint.chain,
                                                checkpoint.manifest.size()));
  auto trimmed = std::make_shared<std::vector<SegmentEntry>>();
  auto change = [checkpoint, trimmed](JournalState* state) -> Result<bool> {
    if (checkpoint.lsn < state->checkpoint.lsn)
      return fail(Errc::kInvalidArgument, "a newer checkpoint was recorded meanwhile");
    state->checkpoint = checkpoint;
    trimmed->clear();
    std::vector<SegmentEntry> kept;
    for (SegmentEntry& segment : state->segments)
      (is_covered(segment, checkpoint.lsn) ? *trimmed : kept).push_back(std::move(segment));
    state->segments = std::move(kept);
    return true;
  };
  ATOLL_CO_TRY_STATUS(co_await update_state(core, change));
  forget_growth(*core, checkpoint.lsn);
  for (const SegmentEntry& segment : *trimmed) {
    ATOLL_CHECK(core->find_segment(segment.id) == nullptr);
    ATOLL_PROBE("journal.segment_trimmed");
    SegmentEntry copy = segment;
    co_await delete_everywhere(core, std::move(copy));
  }
  co_return Status{};
}

// An orphan is a segment of this partition with an id that was given out before and is on the list
// no more. Ids not yet given out (to this owner's knowledge) may be a later owner's, and a copy of
// a listed segment on a device that is not listed for it may be about to be: both are left alone.
Task<Status> delete_orphans(CorePtr core) {
  auto one_at_a_time = co_await core->repair_mutex.lock();
  if (core->broken) co_return fail(*core->broken);
  auto map = core->view.snapshot();
  Status worst;
  for (const auto& device : map->devices) {
    if (!core->view.readable(device.id)) continue;
    auto listed = co_await core->view.client(device.id)->list_segments();
    if (!listed) {
      co_await core->view.report_failure(device.id, listed.error());
      if (worst) worst = fail(std::move(listed).error());
      continue;
    }
    for (const auto& held : *listed) {
      if (held.partition != core->partition || held.segment >= core->state.next_segment) continue;
      if (core->find_segment(held.segment) != nullptr) continue;
      ATOLL_PROBE("journal.orphan_deleted");
      Status deleted = co_await core->view.client(device.id)->delete_segment(held.segment);
      if (!deleted && worst) worst = std::move(deleted);
    }
  }
  co_return worst;
}

}  // namespace atl::journal
