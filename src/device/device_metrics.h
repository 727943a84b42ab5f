// A device's metrics, looked up once when it opens.
#pragma once

#include "base/metrics.h"
#include "device/device.h"

namespace atl::device {

struct DeviceMetrics {
  explicit DeviceMetrics(const Identity& identity);

  Counter& written_bytes;
  Counter& read_bytes;
  Counter& flushes;
  Counter& flushed_records;  // over flushes: the size of a group commit
  Counter& reclaim_moved_bytes;
  Counter& zones_reclaimed;
  Counter& checkpoints;
  Counter& corrupt_records;
  Gauge& zones_free;
  Gauge& live_bytes;
  Gauge& failed;
  Histogram& flush_seconds;
};

}  // namespace atl::device
