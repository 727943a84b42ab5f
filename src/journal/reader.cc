#include "journal/reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/probe.h"
#include "device/device_client.h"
#include "journal/entry.h"

namespace atl::journal {
namespace {

// Drops runs from the first that does not continue the chain; says so when that is the very first.
Status verify_batch(std::vector<device::Run>* runs, Cursor cursor) {
  for (size_t i = 0; i < runs->size(); ++i) {
    const device::Run& run = (*runs)[i];
    Status ok = check_run(run);
    if (ok && (run.first_lsn != cursor.next || run.chain_before != cursor.chain))
      ok = fail(Errc::kCorrupt, fmt::format("journal run at lsn {} does not follow lsn {}",
                                            run.first_lsn, cursor.next.value - 1));
    if (!ok) {
      if (i == 0) return ok;
      runs->resize(i);
      return {};
    }
    cursor = {Lsn(run.first_lsn.value + run.count), run.chain_after};
  }
  return {};
}

}  // namespace

Task<Result<std::vector<device::Run>>> SegmentReader::read_from(DeviceId source, Lsn lsn,
                                                                size_t max_bytes) {
  device::DeviceClient* client = view_.client(source);
  if (client == nullptr) co_return fail(Errc::kUnavailable, "the device is not in the map");
  auto runs = co_await client->read_runs(segment_, lsn, max_bytes);
  if (runs && runs->empty()) co_return fail(Errc::kNotFound, "the replica ends before");
  co_return runs;
}

Task<Result<std::vector<device::Run>>> SegmentReader::next() {
  Error combined(Errc::kNotFound, fmt::format("segment {} ends at lsn {}", segment_, cursor_.next));
  for (size_t attempt = 0; attempt < sources_.size(); ++attempt) {
    const size_t index = (preferred_ + attempt) % sources_.size();
    const DeviceId source = sources_[index];
    auto runs = co_await read_from(source, cursor_.next, kReadBatchBytes);
    Status ok = runs ? verify_batch(&*runs, cursor_) : fail(runs.error());
    if (ok) {
      if (attempt > 0) ATOLL_PROBE("journal.read_fell_over");
      preferred_ = index;
      const device::Run& last = runs->back();
      ATOLL_CHECK(last.first_lsn >= cursor_.next && last.count > 0);
      cursor_ = {Lsn(last.first_lsn.value + last.count), last.chain_after};
      co_return runs;
    }
    const Error why = std::move(ok).error();
    if (why.code == Errc::kNotFound) continue;  // this one is shorter
    if (why.code == Errc::kCorrupt) {
      ATOLL_PROBE("journal.read_damaged_replica");
      if (damaged_.insert(source).second) {
        static Counter& damaged = metric_counter("atoll_journal_damaged_replicas_total",
                                                 "Replicas found damaged by reading.");
        damaged.add();
        ATOLL_LOG(kError, "journal", "a replica is damaged",
                  {{"segment", segment_}, {"device", source}, {"reason", why.to_string()}});
      }
      combined = why;
    } else if (combined.code != Errc::kCorrupt) {
      combined = Error(Errc::kUnavailable, why.to_string());
    }
  }
  co_return fail(std::move(combined));
}

Task<Result<device::Run>> SegmentReader::seek(Lsn lsn) {
  Error combined(Errc::kNotFound, fmt::format("segment {} ends before lsn {}", segment_, lsn));
  for (size_t index = 0; index < sources_.size(); ++index) {
    auto runs = co_await read_from(sources_[index], lsn, 1);
    if (runs) {
      device::Run& run = runs->front();
      const uint64_t end = run.first_lsn.value + run.count;
      Status ok = check_run(run);
      if (ok && run.first_lsn <= lsn && lsn.value < end) {
        preferred_ = index;
        cursor_ = {Lsn(end), run.chain_after};
        co_return std::move(run);
      }
      damaged_.insert(sources_[index]);
      combined = Error(Errc::kCorrupt, fmt::format("no replica has a sound run at lsn {}", lsn));
    } else if (runs.error().code == Errc::kCorrupt) {
      damaged_.insert(sources_[index]);
      combined = runs.error();
    } else if (runs.error().code != Errc::kNotFound && combined.code != Errc::kCorrupt) {
      combined = Error(Errc::kUnavailable, runs.error().to_string());
    }
  }
  co_return fail(std::move(combined));
}

Task<Result<uint64_t>> verify_replica(cluster::ClusterView& view, SegmentId segment,
                                      DeviceId device, Cursor start, Cursor end) {
  std::vector<DeviceId> only(1, device);
  SegmentReader reader(view, segment, std::move(only), start);
  uint64_t bytes = 0;
  while (reader.cursor().next < end.next) {
    auto runs = co_await reader.next();
    if (!runs) co_return fail(std::move(runs).error());
    for (const device::Run& run : *runs) {
      const uint64_t after = run.first_lsn.value + run.count;
      const bool crosses_end = run.first_lsn < end.next && after > end.next.value;
      const bool other_end = after == end.next.value && run.chain_after != end.chain;
      if (crosses_end || other_end)
        co_return fail(Errc::kCorrupt,
                       fmt::format("segment {} has another history at lsn {}", segment, end.next));
      bytes += run.payload.size();
    }
  }
  co_return bytes;
}

std::vector<DeviceId> read_order(const cluster::ClusterView& view, const SegmentEntry& segment) {
  std::vector<DeviceId> order = segment.replicas;
  std::stable_partition(order.begin(), order.end(),
                        [&view](DeviceId id) { return view.readable(id); });
  return order;
}

}  // namespace atl::journal
