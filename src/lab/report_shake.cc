#include "lab/report_shake.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "lab/results.h"

namespace atl::lab {
namespace {

// What changes a gap by less does not show on any scale.
constexpr double kMattersMs = 1;

// A part holds a wait if its median is at least this much of the delay's: draws differ.
constexpr double kHolds = 0.25;

double median_ms(const cloud::Delays& delays, const std::string& name) {
  const cloud::Delay* delay = delays.find(name);
  ATOLL_CHECK(delay != nullptr, name);
  return std::chrono::duration<double, std::milli>(delay->median).count();
}

double median_part_ms(const ReportRow& row, GapPart part) {
  std::vector<double> values;
  for (const GapSample& gap : row.gaps) values.push_back(gap.part(part));
  return percentile(std::move(values), 0.5);
}

// The part that a wait is counted to: its own; where that is too short to hold it (the document
// does not tell the two apart), propagate; failing that, the longest.
GapPart part_of(const ReportRow& row, GapPart wanted, double delay_ms) {
  for (const GapPart part : {wanted, GapPart::kPropagate})
    if (median_part_ms(row, part) > delay_ms * kHolds) return part;
  GapPart longest = wanted;
  for (size_t i = 0; i < kGapParts; ++i) {
    const auto part = static_cast<GapPart>(i);
    if (median_part_ms(row, part) > median_part_ms(row, longest)) longest = part;
  }
  return longest;
}

// Of each part, which share of it is that delay.
std::map<GapPart, double> shares_of(const ReportRow& row, const cloud::Delays& delays,
                                    std::string_view delay) {
  std::map<GapPart, double> mine, all, shares;
  for (const DelayUse& use : delays_of_mover(row.mover, delays)) {
    const double spent = use.times * median_ms(delays, use.delay);
    const GapPart part = part_of(row, use.part, median_ms(delays, use.delay));
    all[part] += spent;
    if (use.delay == delay) mine[part] += spent;
  }
  for (const auto& [part, spent] : mine) {
    const double whole = std::max(all[part], median_part_ms(row, part));
    shares[part] = whole > 0 ? spent / whole : 0;
  }
  return shares;
}

}  // namespace

std::vector<DelayUse> delays_of_mover(std::string_view mover, const cloud::Delays& delays) {
  if (mover == "gcp-alias")
    return {{"api_read", GapPart::kRemove, 1},
            {"api_write", GapPart::kRemove, 1},
            {"alias_operation", GapPart::kRemove, 1},
            {"api_read", GapPart::kAdd, 2},
            {"api_write", GapPart::kAdd, 1},
            {"alias_operation", GapPart::kAdd, 1},
            {"alias_propagation", GapPart::kPropagate, 1}};
  if (mover == "gcp-route")
    return {{"api_read", GapPart::kAdd, 1},
            {"api_write", GapPart::kAdd, 1},
            {"route_insert_operation", GapPart::kAdd, 1},
            {"route_propagation", GapPart::kPropagate, 1}};
  if (mover == "gcp-lb") {
    const double good = delays.lb_healthy_threshold.value;
    return {{"lb_probe_interval", GapPart::kPropagate, good},
            {"lb_propagation", GapPart::kPropagate, 1}};
  }
  if (mover == "gcp-garp") return {{"garp_propagation", GapPart::kPropagate, 1}};
  if (mover == "gcp-pool") return {{"instance_recreate", GapPart::kPropagate, 1}};
  return {};
}

double shaken_median_ms(const ReportRow& row, const cloud::Delays& delays, std::string_view delay,
                        double factor) {
  const std::map<GapPart, double> shares = shares_of(row, delays, delay);
  std::vector<double> totals;
  for (const GapSample& gap : row.gaps) {
    double total = gap.total_ms;
    for (const auto& [part, share] : shares) total += gap.part(part) * share * (factor - 1);
    totals.push_back(total);
  }
  return percentile(std::move(totals), 0.5);
}

std::vector<Shaken> shake(const ReportRow& row, const cloud::Delays& delays) {
  std::vector<Shaken> out;
  for (const DelayUse& use : delays_of_mover(row.mover, delays)) {
    if (std::ranges::find(out, use.delay, &Shaken::delay) != out.end()) continue;
    Shaken one;
    one.delay = use.delay;
    one.assumed = delays.find(use.delay)->assumed;
    one.delay_ms = median_ms(delays, use.delay);
    one.half_ms = shaken_median_ms(row, delays, use.delay, 0.5);
    one.twice_ms = shaken_median_ms(row, delays, use.delay, 2);
    one.four_ms = shaken_median_ms(row, delays, use.delay, 4);
    if (one.four_ms - one.half_ms >= kMattersMs) out.push_back(std::move(one));
  }
  std::ranges::stable_sort(out, std::greater{},
                           [](const Shaken& s) { return s.four_ms - s.half_ms; });
  return out;
}

}  // namespace atl::lab
