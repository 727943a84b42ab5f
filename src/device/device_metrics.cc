#include "device/device_metrics.h"

#include <fmt/format.h>

namespace atl::device {
namespace {

std::string labels(const Identity& id) {
  return fmt::format("domain=\"{}\",device=\"{}\"", id.domain, id.device);
}

}  // namespace

DeviceMetrics::DeviceMetrics(const Identity& id)
    : written_bytes(metric_counter("atoll_device_written_bytes_total",
                                   "Bytes written to the medium", labels(id))),
      read_bytes(metric_counter("atoll_device_read_bytes_total", "Bytes read from the medium",
                                labels(id))),
      flushes(metric_counter("atoll_device_flushes_total", "Flushes of the medium", labels(id))),
      flushed_records(metric_counter("atoll_device_flushed_records_total",
                                     "Records made durable by flushes", labels(id))),
      reclaim_moved_bytes(metric_counter("atoll_device_reclaim_moved_bytes_total",
                                         "Live bytes moved to free zones", labels(id))),
      zones_reclaimed(metric_counter("atoll_device_zones_reclaimed_total",
                                     "Zones freed by moving what was live in them", labels(id))),
      checkpoints(metric_counter("atoll_device_checkpoints_total", "Index checkpoints written",
                                 labels(id))),
      corrupt_records(metric_counter("atoll_device_corrupt_records_total",
                                     "Records found not to match their checksums", labels(id))),
      zones_free(metric_gauge("atoll_device_zones_free", "Zones ready to be written", labels(id))),
      live_bytes(metric_gauge("atoll_device_live_bytes", "Bytes of records that are not deleted",
                              labels(id))),
      failed(metric_gauge("atoll_device_failed", "1 once the medium has failed", labels(id))),
      flush_seconds(
          metric_histogram("atoll_device_flush_seconds", "Time a flush takes", labels(id))) {}

}  // namespace atl::device
