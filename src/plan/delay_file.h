// The file of a cloud's delays and quotas (catalogues/vip-delays.toml, or one's own given with
// --delays) as data of the catalogue:
//
//   [alias_operation]                    delay.alias_operation.median          = 4 s
//   median_ms = 4000                     delay.alias_operation.p99_over_median = 2.5
//   p99_ms = 10000                       (a constant delay has the median alone)
//   [writes_per_minute]
//   count = 1500                         delay.writes_per_minute.count         = 1500
//
// The same file is the laboratory's (src/cloud/delays.h). A 99th percentile is kept as a multiple,
// so that a median that is varied takes it along.
//
// Threads: pure functions. Errors: kInvalidArgument with file, line and what would be right.
#pragma once

#include "plan/book.h"

namespace atl::plan {

// No delay of a cloud that is worth waiting for is longer; catches a wrong unit.
inline constexpr double kDelayMsMax = 3.6e6;
inline constexpr double kDelayCountMax = 1e6;

// Over what the catalogue has of the delays that the file names; the others stay.
Status lay_delays_over(Book* catalogue, const Book& file);

// catalogues/vip-delays.toml, as Atoll was built with it.
const Book& built_in_delays();

}  // namespace atl::plan
