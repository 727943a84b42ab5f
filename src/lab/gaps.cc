// From what clients wrote to gaps, and the gaps to their parts.
#include <algorithm>
#include <cmath>
#include <set>

#include "lab/results.h"

namespace atl::lab {
namespace {

double ms(int64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

int64_t in_ns(Nanos span) {
  return span.count();
}

}  // namespace

double percentile(std::vector<double> samples, double share) {
  if (samples.empty()) return 0;
  std::ranges::sort(samples);
  const double rank = std::ceil(share * static_cast<double>(samples.size()));
  const auto index = static_cast<size_t>(std::max(1.0, rank)) - 1;
  return samples[std::min(index, samples.size() - 1)];
}

std::vector<Away> find_aways(const std::vector<Probe>& probes, uint32_t target, int64_t fault_ns) {
  std::vector<int64_t> good, bad;  // ends of good ones, starts of bad ones
  for (const Probe& probe : probes) {
    if (probe.target != target) continue;
    if (probe.end == ProbeEnd::kOk)
      good.push_back(probe.end_ns());
    else if (probe.end != ProbeEnd::kNoSocket)
      bad.push_back(probe.start_ns);
  }
  std::ranges::sort(good);
  std::ranges::sort(bad);
  std::vector<Away> all;
  for (size_t i = 1; i < good.size(); ++i) {
    if (good[i] < fault_ns) continue;
    const auto first_bad = std::ranges::lower_bound(bad, good[i - 1]);
    all.push_back({good[i - 1], good[i], first_bad != bad.end() && *first_bad < good[i]});
  }
  const std::optional<Away> most = longest(all);
  std::erase_if(all, [&](const Away& away) {
    return !away.missed && away.last_good_ns != most->last_good_ns;
  });
  return all;
}

std::optional<Away> longest(const std::vector<Away>& aways) {
  if (aways.empty()) return std::nullopt;
  return *std::ranges::max_element(aways, {}, &Away::length_ns);
}

Gap split_gap(vip::Vip vip, const Away& away, const Milestones& milestones) {
  Milestones m = milestones;
  // A route's removal, or a leader made durable, after the packets had gone there: no part of the
  // gap.
  if (m.delivered_ns && m.removed_ns && *m.removed_ns > *m.delivered_ns) m.removed_ns.reset();
  if (m.delivered_ns && m.added_ns && *m.added_ns > *m.delivered_ns) m.added_ns.reset();
  std::optional<int64_t> there = m.delivered_ns;
  if (m.held_ns) there = std::max(there.value_or(*m.held_ns), *m.held_ns);

  int64_t at = away.last_good_ns;
  auto until = [&](std::optional<int64_t> milestone) {
    const int64_t next = std::clamp(milestone.value_or(at), at, away.first_good_ns);
    const int64_t span = next - at;
    at = next;
    return span;
  };
  Gap gap;
  gap.vip = vip;
  gap.total_ms = ms(away.length_ns());
  const int64_t detect = until(m.given_ns);
  const int64_t fence = std::clamp<int64_t>(m.fence_ns, 0, detect);
  gap.detect_ms = ms(detect - fence);
  gap.fence_ms = ms(fence);
  gap.remove_ms = ms(until(m.removed_ns));
  gap.add_ms = ms(until(m.added_ns));
  gap.propagate_ms = ms(until(there));
  gap.reconnect_ms = ms(until(away.first_good_ns));
  return gap;
}

RequestCounts count_requests(const std::vector<Probe>& probes) {
  std::map<uint32_t, std::vector<int64_t>> good;
  for (const Probe& probe : probes)
    if (probe.end == ProbeEnd::kOk) good[probe.target].push_back(probe.end_ns());
  int64_t last_ns = 0;
  for (auto& [target, ends] : good) std::ranges::sort(ends);
  for (const Probe& probe : probes) last_ns = std::max(last_ns, probe.end_ns());

  RequestCounts counts;
  for (const Probe& probe : probes) {
    if (probe.end == ProbeEnd::kNoSocket) continue;
    ++counts.requests;
    if (probe.end == ProbeEnd::kOk) continue;
    ++counts.failed_attempts;
    // The probes that follow are its repetitions.
    const std::vector<int64_t>& ends = good[probe.target];
    const auto answered = std::ranges::lower_bound(ends, probe.start_ns);
    const int64_t give_up = probe.start_ns + in_ns(kRetryFor);
    if (answered == ends.end() ? last_ns >= give_up : *answered > give_up) ++counts.failed_requests;
  }
  return counts;
}

InFlight count_in_flight(const std::vector<Transfer>& transfers, uint32_t target,
                         std::optional<int64_t> fault_ns, const std::vector<int64_t>& moves_ns) {
  std::set<const Transfer*> in_flight;
  std::vector<const Transfer*> last(moves_ns.size(), nullptr);
  for (const Transfer& transfer : transfers) {
    if (transfer.target != target || transfer.end == TransferEnd::kRefused) continue;
    if (fault_ns && transfer.start_ns <= *fault_ns && transfer.end_ns() >= *fault_ns)
      in_flight.insert(&transfer);
    for (size_t i = 0; i < moves_ns.size(); ++i)
      if (transfer.start_ns <= moves_ns[i] &&
          (last[i] == nullptr || transfer.start_ns > last[i]->start_ns))
        last[i] = &transfer;
  }
  for (const Transfer* transfer : last)
    if (transfer != nullptr) in_flight.insert(transfer);
  InFlight counts;
  for (const Transfer* transfer : in_flight) {
    switch (transfer->end) {
      case TransferEnd::kContinued:
        ++counts.continued;
        break;
      case TransferEnd::kReset:
        ++counts.reset;
        break;
      case TransferEnd::kSilent:
        ++counts.silent;
        break;
      case TransferEnd::kRefused:
      case TransferEnd::kUnderWay:
        break;
    }
  }
  return counts;
}

void InFlight::add(const InFlight& more) {
  reset += more.reset;
  silent += more.silent;
  continued += more.continued;
}

}  // namespace atl::lab
