// The counters of this folder, looked up once.
#pragma once

#include "base/metrics.h"

namespace atl::stripe {

struct StripeMetrics {
  Counter& writes = metric_counter("atoll_stripe_writes_total", "Stripes written.");
  Counter& write_bytes = metric_counter("atoll_stripe_write_bytes_total", "User bytes written.");
  Counter& write_retries =
      metric_counter("atoll_stripe_write_retries_total",
                     "Stripes written anew to another group after a slot failed.");
  Counter& reads = metric_counter("atoll_stripe_reads_total", "Reads of a range of a stripe.");
  Counter& read_bytes = metric_counter("atoll_stripe_read_bytes_total", "User bytes read.");
  Counter& degraded_reads = metric_counter("atoll_stripe_degraded_reads_total",
                                           "Reads that reconstructed at least one shard.");
  Counter& hedged_reads =
      metric_counter("atoll_stripe_hedged_reads_total",
                     "Reads that began to reconstruct because a shard was slow.");
  Counter& failed_reads =
      metric_counter("atoll_stripe_failed_reads_total",
                     "Reads with fewer than k good shards, freed stripes aside.");
  Counter& corrupt_shards =
      metric_counter("atoll_stripe_bad_shards_total", "Shards found bad by a read or a scrub.",
                     "reason=\"corrupt\"");
  Counter& missing_shards =
      metric_counter("atoll_stripe_bad_shards_total", "Shards found bad by a read or a scrub.",
                     "reason=\"missing\"");
  Counter& repaired_shards = metric_counter("atoll_stripe_repaired_shards_total",
                                            "Shards written anew by repair or rebuild.");
  Counter& repaired_bytes = metric_counter("atoll_stripe_repaired_bytes_total",
                                           "Shard bytes written by repair or rebuild.");
  Counter& repairs_failed = metric_counter("atoll_stripe_repairs_failed_total",
                                           "Attempts to restore a shard that failed.");
  Counter& repairs_dropped =
      metric_counter("atoll_stripe_repairs_dropped_total",
                     "Bad shards not queued because the queue was full; scrub will find them.");
  Counter& orphans = metric_counter("atoll_stripe_orphan_shards_total", "Orphan shards deleted.");
  Counter& scrub_bytes =
      metric_counter("atoll_stripe_scrub_bytes_total", "Bytes verified by scrub.");
  Counter& scrub_bad_segments = metric_counter("atoll_stripe_scrub_bad_segments_total",
                                               "Journal segments that scrub found bad.");
  Counter& scrub_bad_metadata = metric_counter("atoll_stripe_scrub_bad_metadata_total",
                                               "Damaged device metadata that scrub found.");

  static StripeMetrics& get() {
    static StripeMetrics metrics;
    return metrics;
  }
};

}  // namespace atl::stripe
