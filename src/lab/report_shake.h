// What the assumed delays are worth: how the median gap of a mover changes when one of them is
// another.
//
// Computed from the split of the measured gaps, without running anything again. Each mover waits
// for certain delays in certain parts of a gap. A delay's share of a part is its median, as often
// as it is waited for, over the median of the part (or over the sum of all shares, if that is
// more); with the delay f times as long, every sample's part grows by (f - 1) x share. First order:
// polling, and waits that overlap, are not modelled. A wait whose part the document does not tell
// apart is counted to propagate.
//
// Values, no ownership, any thread. No errors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cloud/delays.h"
#include "lab/report_input.h"

namespace atl::lab {

// How long a mover waits for one delay within a gap.
struct DelayUse {
  std::string delay;  // its name in the delays file
  GapPart part = GapPart::kAdd;
  double times = 1;
};
// Empty for a mover that waits for nothing of the cloud.
std::vector<DelayUse> delays_of_mover(std::string_view mover, const cloud::Delays& delays);

// The median gap if that delay were `factor` times what it is.
double shaken_median_ms(const ReportRow& row, const cloud::Delays& delays, std::string_view delay,
                        double factor);

// One delay's bar of the tornado.
struct Shaken {
  std::string delay;
  bool assumed = false;
  double delay_ms = 0;  // its median now
  double half_ms = 0;   // the gap's median with half of it
  double twice_ms = 0;
  double four_ms = 0;
};
// Those that matter, the widest first.
std::vector<Shaken> shake(const ReportRow& row, const cloud::Delays& delays);

}  // namespace atl::lab
