// Reading every replica of every segment against the chain; what is bad is then repaired.
#include <algorithm>

#include "base/check.h"
#include "base/probe.h"
#include "journal/core.h"
#include "journal/reader.h"

namespace atl::journal {
namespace {

bool still_listed(const Core& core, SegmentId segment, DeviceId device) {
  const SegmentEntry* entry = core.find_segment(segment);
  return entry != nullptr &&
         std::find(entry->replicas.begin(), entry->replicas.end(), device) != entry->replicas.end();
}

}  // namespace

bool suspect_replica(Core& core, SegmentId segment, DeviceId device) {
  return still_listed(core, segment, device) && core.suspects.insert({segment, device}).second;
}

Task<Result<ScrubReport>> scrub_segments(CorePtr core) {
  ScrubReport report;
  const std::vector<SegmentEntry> segments = core->state.segments;
  const Cursor committed{core->next_lsn(), core->chain};
  for (const SegmentEntry& segment : segments) {
    const Cursor end = segment.closed ? Cursor{segment.end_lsn, segment.end_chain} : committed;
    for (DeviceId device : segment.replicas) {
      if (core->closing) co_return fail(Errc::kCancelled, "the journal is closing");
      if (!core->view.readable(device) || !still_listed(*core, segment.id, device)) continue;
      ++report.replicas;
      // One that is known to be bad already is not read: repair could not replace it yet, or its
      // device said so.
      if (!core->suspects.contains({segment.id, device})) {
        const Cursor start{segment.first_lsn, segment.first_chain};
        auto verified = co_await verify_replica(core->view, segment.id, device, start, end);
        report.bytes += verified.value_or(0);
        if (verified || !still_listed(*core, segment.id, device)) continue;
      }
      ATOLL_PROBE("journal.scrub_found_bad_replica");
      ++report.bad_replicas;
      core->suspects.insert({segment.id, device});
    }
  }
  ATOLL_CO_TRY_STATUS(co_await repair_segments(core));
  report.fully_replicated = segments_fully_replicated(*core);
  co_return report;
}

}  // namespace atl::journal
