// Reading every replica of every segment against the chain; what is bad is then repaired.
#include <algorithm>

#include "base/check.h"
#include "base/probe.h"
#include "journal/core.h"
#include "journal/reader.h"

namespace atl::journal {
namespace {

// True when the replica holds all of the segment up to `end`. Counts the bytes it read.
Task<bool> replica_is_sound(CorePtr core, SegmentEntry segment, Cursor end, DeviceId device,
                            std::shared_ptr<ScrubReport> report) {
  const Cursor start{segment.first_lsn, segment.first_chain};
  std::vector<DeviceId> only(1, device);
  SegmentReader reader(core->view, segment.id, std::move(only), start);
  while (reader.cursor().next < end.next) {
    auto runs = co_await reader.next();
    if (!runs) co_return false;
    for (const device::Run& run : *runs) {
      report->bytes += run.payload.size();
      const uint64_t after = run.first_lsn.value + run.count;
      if (after == end.next.value && run.chain_after != end.chain) co_return false;
    }
  }
  co_return true;
}

bool still_listed(const Core& core, SegmentId segment, DeviceId device) {
  const SegmentEntry* entry = core.find_segment(segment);
  return entry != nullptr &&
         std::find(entry->replicas.begin(), entry->replicas.end(), device) != entry->replicas.end();
}

}  // namespace

Task<Result<ScrubReport>> scrub_segments(CorePtr core) {
  auto report = std::make_shared<ScrubReport>();
  const std::vector<SegmentEntry> segments = core->state.segments;
  const Cursor committed{core->next_lsn(), core->chain};
  for (const SegmentEntry& segment : segments) {
    const Cursor end = segment.closed ? Cursor{segment.end_lsn, segment.end_chain} : committed;
    for (DeviceId device : segment.replicas) {
      if (core->closing) co_return fail(Errc::kCancelled, "the journal is closing");
      if (!core->view.readable(device) || !still_listed(*core, segment.id, device)) continue;
      ++report->replicas;
      SegmentEntry copy = segment;
      const bool sound = co_await replica_is_sound(core, std::move(copy), end, device, report);
      if (sound || !still_listed(*core, segment.id, device)) continue;
      ATOLL_PROBE("journal.scrub_found_bad_replica");
      ++report->bad_replicas;
      core->suspects.insert({segment.id, device});
    }
  }
  ATOLL_CO_TRY_STATUS(co_await repair_segments(core));
  report->fully_replicated = segments_fully_replicated(*core);
  co_return *report;
}

}  // namespace atl::journal
