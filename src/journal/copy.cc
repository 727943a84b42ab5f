#include "journal/copy.h"

#include <algorithm>

#include "base/check.h"
#include "base/metrics.h"
#include "base/probe.h"
#include "device/device_client.h"

namespace atl::journal {
namespace {

CopyOutcome target_error(Error why) {
  return {fail(std::move(why)), true};
}
CopyOutcome source_error(Error why) {
  return {fail(std::move(why).with_context("copying a journal segment")), false};
}

}  // namespace

Task<CopyOutcome> copy_segment(cluster::ClusterView& view, CopyOrder order) {
  device::DeviceClient* target = view.client(order.target);
  if (target == nullptr)
    co_return target_error(Error(Errc::kUnavailable, "the device is not in the map"));
  const SegmentEntry& segment = order.segment;
  auto sealed = co_await target->seal_segment(segment.id, order.partition, order.epoch,
                                              segment.first_lsn, segment.first_chain);
  if (!sealed) co_return target_error(std::move(sealed).error());
  if (sealed->first_lsn != segment.first_lsn || sealed->next_lsn < segment.first_lsn)
    co_return target_error(Error(Errc::kConflict, "it has another segment of this id"));
  if (sealed->next_lsn > segment.first_lsn) ATOLL_PROBE("journal.copy_resumed");

  // What a device that is not on the list holds was left there when another replaced it, perhaps
  // because it is damaged. Nobody has read it since.
  const auto& listed = segment.replicas;
  if (std::find(listed.begin(), listed.end(), order.target) == listed.end()) {
    const bool whole = sealed->next_lsn >= order.end.next;
    const Cursor held = whole ? order.end : Cursor{sealed->next_lsn, sealed->chain};
    const Cursor beginning{segment.first_lsn, segment.first_chain};
    auto verified = co_await verify_replica(view, segment.id, order.target, beginning, held);
    if (!verified) {
      Error why = std::move(verified).error();
      if (why.code == Errc::kUnavailable) co_return target_error(std::move(why));
      ATOLL_PROBE("journal.copy_refused_stray");
      co_return target_error(
          Error(Errc::kConflict, "it has a damaged copy of before: " + why.message));
    }
  }
  if (sealed->next_lsn > order.end.next)
    co_return CopyOutcome{};  // with a run that was never committed
  if (sealed->next_lsn == order.end.next && sealed->chain != order.end.chain)
    co_return target_error(Error(Errc::kConflict, "it ends with another chain"));

  const bool same_id = order.source_id.value == 0 || order.source_id == segment.id;
  if (same_id) std::erase(order.sources, order.target);
  const Cursor start{sealed->next_lsn, sealed->chain};
  SegmentReader reader(view, same_id ? segment.id : order.source_id, order.sources, start);
  static Counter& copied =
      metric_counter("atoll_journal_copied_bytes_total", "Bytes of segments re-replicated.");
  while (reader.cursor().next < order.end.next) {
    auto runs = co_await reader.next();
    if (!runs) {
      Error why = std::move(runs).error();
      const bool first = reader.cursor().next == start.next;
      // Runs that do not follow what the target has: it is the target that strayed, unless it is
      // new.
      if (first && why.code == Errc::kCorrupt && start.next > segment.first_lsn)
        co_return target_error(Error(Errc::kConflict, why.message));
      if (why.code == Errc::kNotFound) why.code = Errc::kUnavailable;
      co_return source_error(std::move(why));
    }
    for (device::Run& run : *runs) {
      if (run.first_lsn >= order.end.next) break;
      const uint64_t after = run.first_lsn.value + run.count;
      if (after > order.end.next.value)
        co_return source_error(Error(Errc::kCorrupt, "a run reaches over the recorded end"));
      copied.add(run.payload.size());
      device::Run copy = run;
      auto appended =
          co_await target->append_run(segment.id, order.partition, order.epoch, std::move(copy));
      if (!appended) co_return target_error(std::move(appended).error());
      if (after == order.end.next.value && run.chain_after != order.end.chain)
        co_return source_error(Error(Errc::kCorrupt, "the end has not its recorded chain"));
    }
  }
  co_return CopyOutcome{};
}

}  // namespace atl::journal
