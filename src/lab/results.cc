#include "lab/results.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "lab/faults.h"

namespace atl::lab {
namespace {

// All runs of one mover and one fault.
struct Row {
  std::string mover;
  std::string fault;
  std::vector<const RunResult*> runs;

  std::vector<double> totals() const {
    std::vector<double> out;
    for (const RunResult* run : runs)
      for (const Gap& gap : run->gaps) out.push_back(gap.total_ms);
    return out;
  }
  std::vector<double> own_shares() const {  // empty: nothing is known of them
    std::vector<double> out;
    if (!has_own_share(mover)) return out;
    for (const RunResult* run : runs)
      for (const Gap& gap : run->gaps) out.push_back(gap.own_ms());
    return out;
  }
  template <typename Of>
  uint64_t sum(Of of) const {
    uint64_t total = 0;
    for (const RunResult* run : runs) total += of(*run);
    return total;
  }
  uint64_t split_brain() const {
    return sum([](const RunResult& run) { return run.split_brain_instants; });
  }
};

// In the order in which they were run.
std::vector<Row> rows_of(const Results& results) {
  std::vector<Row> rows;
  for (const RunResult& run : results.runs) {
    auto row = std::ranges::find_if(
        rows, [&](const Row& r) { return r.mover == run.mover && r.fault == run.fault; });
    if (row == rows.end()) {
      rows.push_back({run.mover, run.fault, {}});
      row = std::prev(rows.end());
    }
    row->runs.push_back(&run);
  }
  return rows;
}

// "12 ms", "3.41 s".
std::string span_text(double ms) {
  if (ms < 1000) return fmt::format("{:.0f} ms", ms);
  return fmt::format("{:.2f} s", ms / 1000);
}

std::string state_text(const Row& row) {
  const uint64_t lost = row.sum([](const RunResult& run) { return run.recovered ? 0u : 1u; });
  const uint64_t unsure =
      row.sum([](const RunResult& run) { return run.oracle_doubt.empty() ? 0u : 1u; });
  const uint64_t broken =
      row.sum([](const RunResult& run) { return run.trouble.empty() || !run.recovered ? 0u : 1u; });
  if (row.split_brain() > 0) return "SPLIT BRAIN";
  if (lost > 0) return fmt::format("NOT BACK ({} of {})", lost, row.runs.size());
  if (broken > 0) return fmt::format("FAILED ({} of {})", broken, row.runs.size());
  if (unsure > 0) return "NOT SURE";
  return "ok";
}

std::string row_text(const Row& row) {
  const std::vector<double> totals = row.totals();
  const auto flight = [&](auto member) {
    return row.sum([&](const RunResult& run) { return run.in_flight.*member; });
  };
  const std::string median = totals.empty() ? "-" : span_text(percentile(totals, 0.5));
  const std::string p99 = totals.empty() ? "-" : span_text(percentile(totals, 0.99));
  const std::string worst = totals.empty() ? "-" : span_text(percentile(totals, 1));
  return fmt::format(
      "{:<15} {:<16} {:>4} {:>9} {:>9} {:>9} {:>7} {:>8} {:>5}/{}/{:<6} {:>5} {:>6}  {}\n",
      row.mover, row.fault, totals.size(), median, p99, worst,
      row.sum([](const RunResult& r) { return r.failed_requests; }),
      row.sum([](const RunResult& r) { return r.failed_attempts; }), flight(&InFlight::reset),
      flight(&InFlight::silent), flight(&InFlight::continued),
      row.sum([](const RunResult& r) { return r.api_calls; }), row.split_brain(), state_text(row));
}

std::string troubles_text(const Results& results) {
  std::string out;
  for (const RunResult& run : results.runs) {
    if (!run.trouble.empty())
      out += fmt::format("{} {} run {} ({}): {}\n", run.mover, run.fault, run.number, run.victim,
                         run.trouble);
    if (!run.oracle_doubt.empty())
      out += fmt::format("{} {} run {}: the oracle is not sure: {}\n", run.mover, run.fault,
                         run.number, run.oracle_doubt);
    for (const SplitInstant& split : run.split_brain)
      out += fmt::format("{} {} run {}: at {} ns {} answered for {} while {} held it: {}\n",
                         run.mover, run.fault, run.number, split.at_ns, split.node, split.vip,
                         split.holder.empty() ? "nobody" : split.holder, split.packet);
  }
  return out;
}

double rounded(double ms) {
  return std::round(ms * 1000) / 1000;
}

boost::json::object gap_json(const Gap& gap, uint32_t run) {
  boost::json::object out;
  out["run"] = run;
  out["vip"] = gap.vip.to_string();
  out["total"] = rounded(gap.total_ms);
  out["detect"] = rounded(gap.detect_ms);
  out["fence"] = rounded(gap.fence_ms);
  out["remove"] = rounded(gap.remove_ms);
  out["add"] = rounded(gap.add_ms);
  out["propagate"] = rounded(gap.propagate_ms);
  out["reconnect"] = rounded(gap.reconnect_ms);
  return out;
}

boost::json::object split_json(const SplitInstant& split, uint32_t run) {
  boost::json::object out;
  out["run"] = run;
  out["at_ns"] = split.at_ns;
  out["vip"] = split.vip;
  out["node"] = split.node;
  out["holder"] = split.holder;
  out["packet"] = split.packet;
  return out;
}

boost::json::object row_json(const Row& row) {
  boost::json::array gaps, elsewhere, splits, troubles;
  for (const RunResult* run : row.runs) {
    for (const Gap& gap : run->gaps) gaps.push_back(gap_json(gap, run->number));
    for (const Gap& gap : run->elsewhere) elsewhere.push_back(gap_json(gap, run->number));
    for (const SplitInstant& split : run->split_brain)
      splits.push_back(split_json(split, run->number));
    if (run->trouble.empty()) continue;
    boost::json::object trouble;
    trouble["run"] = run->number;
    trouble["what"] = run->trouble;
    troubles.push_back(std::move(trouble));
  }
  const Result<FaultKind> fault = find_fault(row.fault);
  const std::vector<double> totals = row.totals();
  boost::json::object connections;
  connections["reset"] = row.sum([](const RunResult& r) { return r.in_flight.reset; });
  connections["silent"] = row.sum([](const RunResult& r) { return r.in_flight.silent; });
  connections["continued"] = row.sum([](const RunResult& r) { return r.in_flight.continued; });
  boost::json::object out;
  out["mover"] = row.mover;
  out["fault"] = row.fault;
  out["planned"] = fault && info_of(*fault).planned;
  out["runs"] = row.runs.size();
  out["recovered"] = row.sum([](const RunResult& r) { return r.recovered ? 1u : 0u; });
  out["gaps_ms"] = std::move(gaps);
  out["gap_median_ms"] = rounded(percentile(totals, 0.5));
  out["gap_p99_ms"] = rounded(percentile(totals, 0.99));
  out["gap_worst_ms"] = rounded(percentile(totals, 1));
  if (const std::vector<double> own = row.own_shares(); !own.empty()) {
    out["own_median_ms"] = rounded(percentile(own, 0.5));
    out["own_worst_ms"] = rounded(percentile(own, 1));
  }
  out["elsewhere_ms"] = std::move(elsewhere);
  out["connections"] = std::move(connections);
  out["requests"] = row.sum([](const RunResult& r) { return r.requests; });
  out["failed_requests"] = row.sum([](const RunResult& r) { return r.failed_requests; });
  out["failed_attempts"] = row.sum([](const RunResult& r) { return r.failed_attempts; });
  out["api_calls"] = row.sum([](const RunResult& r) { return r.api_calls; });
  out["split_brain_instants"] = row.split_brain();
  out["split_brain"] = std::move(splits);
  out["oracle_sure"] =
      std::ranges::all_of(row.runs, [](auto* r) { return r->oracle_doubt.empty(); });
  out["packets_judged"] = row.sum([](const RunResult& r) { return r.packets_judged; });
  out["troubles"] = std::move(troubles);
  return out;
}

}  // namespace

bool has_own_share(std::string_view mover) {
  const Result<MoverInfo> known = find_mover(mover);
  return mover != "gcp-pool" && !(known && known->reference);
}

bool Results::good() const {
  return std::ranges::all_of(runs, [](const RunResult& run) { return run.good(); });
}

std::string run_line(const RunResult& run) {
  std::vector<double> totals;
  for (const Gap& gap : run.gaps) totals.push_back(gap.total_ms);
  std::string out = fmt::format("{} {} {}: ", run.mover, run.fault, run.number);
  if (totals.empty())
    out += "no gap measured";
  else
    out += fmt::format("{} addresses, gap {} median, {} worst", totals.size(),
                       span_text(percentile(totals, 0.5)), span_text(percentile(totals, 1)));
  out += fmt::format(", {} failed requests", run.failed_requests);
  if (run.split_brain_instants > 0)
    out += fmt::format(", SPLIT BRAIN: {}", run.split_brain_instants);
  if (!run.oracle_doubt.empty()) out += ", NOT SURE";
  if (!run.recovered) out += ", NOT BACK";
  if (!run.trouble.empty()) out += fmt::format(" ({})", run.trouble);
  return out + fmt::format(" [{:.1f} s]", run.seconds);
}

std::string results_text(const Results& results) {
  std::string out = fmt::format(
      "{} nodes, lease {:.0f} ms, service {}, delays {}, {} times each, seed {}\n"
      "gap: from the last good answer to the next, of each address that the fault concerned; "
      "probes "
      "every {} ms\n\n",
      results.nodes, results.lease_ms, results.service, results.delays, results.repeat,
      results.seed, kProbeInterval / 1ms);
  out += fmt::format("{:<15} {:<16} {:>4} {:>9} {:>9} {:>9} {:>7} {:>8} {:>14} {:>5} {:>6}  {}\n",
                     "mover", "fault", "n", "median", "99%", "worst", "failed", "attempts",
                     "rst/silent/ok", "calls", "split", "");
  for (const Row& row : rows_of(results)) out += row_text(row);
  if (!results.skipped.empty()) out += "\nnot tried:\n";
  for (const Skipped& skipped : results.skipped)
    out += fmt::format("{:<15} {:<16} {}\n", skipped.mover, skipped.fault, skipped.reason);
  const std::string troubles = troubles_text(results);
  if (!troubles.empty()) out += "\n" + troubles;
  uint64_t splits = 0, packets = 0;
  for (const RunResult& run : results.runs) {
    splits += run.split_brain_instants;
    packets += run.packets_judged;
  }
  out += fmt::format("\n{} split-brain instants in {} packets judged; {}\n", splits, packets,
                     results.good() ? "all is well" : "NOT ALL IS WELL");
  return out;
}

std::string results_json(const Results& results) {
  boost::json::array rows, skipped;
  uint64_t splits = 0;
  for (const Row& row : rows_of(results)) {
    splits += row.split_brain();
    rows.push_back(row_json(row));
  }
  for (const Skipped& one : results.skipped) {
    boost::json::object out;
    out["mover"] = one.mover;
    out["fault"] = one.fault;
    out["reason"] = one.reason;
    skipped.push_back(std::move(out));
  }
  boost::json::object out;
  out["version"] = results.version;
  out["date"] = results.date;
  out["kernel"] = results.kernel;
  out["nodes"] = results.nodes;
  out["repeat"] = results.repeat;
  out["lanes"] = results.lanes;
  out["service"] = results.service;
  out["delays"] = results.delays;
  out["lease_ms"] = results.lease_ms;
  out["seed"] = results.seed;
  out["probe_interval_ms"] = kProbeInterval / 1ms;
  out["results"] = std::move(rows);
  out["not_tried"] = std::move(skipped);
  out["split_brain_instants"] = splits;
  out["good"] = results.good();
  return boost::json::serialize(out) + "\n";
}

}  // namespace atl::lab
