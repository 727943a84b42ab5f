// What came of the runs at scale: a table for people, JSON for scripts.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "lab/scale.h"

namespace atl::lab {
namespace {

double ms_of(Nanos span) {
  return std::round(std::chrono::duration<double, std::milli>(span).count() * 1000) / 1000;
}

// "12.3 s", "4.5 min".
std::string span_text(Nanos span) {
  const double seconds = std::chrono::duration<double>(span).count();
  if (seconds < 120) return fmt::format("{:.1f} s", seconds);
  return fmt::format("{:.1f} min", seconds / 60);
}

std::string last_text(const Moments& moments) {
  return moments.sorted.empty() ? "-" : span_text(moments.last());
}

std::string back_text(const Moments& back) {
  if (back.sorted.empty()) return "-";
  return fmt::format("{} / {} / {}", span_text(back.first()), span_text(back.median()),
                     span_text(back.last()));
}

std::string limits_text(const ScaleRow& row) {
  if (row.state == ScaleState::kRefused) return row.limit;
  if (row.limits.empty()) return "none";
  const LimitHit& hit = row.limits.front();
  return fmt::format("{} after {}, {} waiting", hit.name, span_text(hit.first), hit.waiting);
}

std::string row_text(const ScaleRow& row) {
  std::string out =
      fmt::format("{:<10} {:>5} {:>5}  ", row.spec.mover, row.spec.nodes, row.spec.addresses);
  switch (row.state) {
    case ScaleState::kRefused:
    case ScaleState::kNotRun:
    case ScaleState::kUnsettled:
      return out + fmt::format("{}: {}\n", state_name(row.state), row.reason);
    case ScaleState::kBack:
    case ScaleState::kMissing:
      break;
  }
  out +=
      fmt::format("{:>4} {:>4} {:>5} {:>9}  {:<28} {:>5}/{}/{}  {}", row.nodes_lost, row.concerned,
                  row.moves, last_text(row.taken), back_text(row.back), row.calls.writes,
                  row.calls.reads, row.calls.operation_reads, limits_text(row));
  if (row.missing > 0) out += fmt::format("; {} NOT BACK: {}", row.missing, row.reason);
  if (row.split_brain_instants > 0)
    out += fmt::format("; SPLIT BRAIN {}", row.split_brain_instants);
  return out + "\n";
}

boost::json::value moments_json(const Moments& moments) {
  if (moments.sorted.empty()) return nullptr;
  boost::json::object out;
  out["first"] = ms_of(moments.first());
  out["median"] = ms_of(moments.median());
  out["last"] = ms_of(moments.last());
  return out;
}

boost::json::object calls_json(const cloud::Counters& calls) {
  boost::json::object by_call;
  for (size_t i = 0; i < cloud::kCallCount; ++i)
    if (calls.by_call[i] > 0)
      by_call[cloud::call_name(static_cast<cloud::Call>(i))] = calls.by_call[i];
  boost::json::object out;
  out["reads"] = calls.reads;
  out["writes"] = calls.writes;
  out["operation_reads"] = calls.operation_reads;
  out["by_call"] = std::move(by_call);
  return out;
}

boost::json::object row_json(const ScaleRow& row) {
  boost::json::object out;
  out["mover"] = row.spec.mover;
  out["nodes"] = row.spec.nodes;
  out["addresses"] = row.spec.addresses;
  out["domains"] = row.spec.domains;
  out["lease_ms"] = row.spec.lease / 1ms;
  out["state"] = state_name(row.state);
  if (!row.reason.empty()) out["reason"] = row.reason;
  if (!row.limit.empty()) out["refused_by"] = row.limit;
  if (row.state != ScaleState::kBack && row.state != ScaleState::kMissing) return out;
  boost::json::array limits;
  for (const LimitHit& hit : row.limits) {
    boost::json::object one;
    one["name"] = hit.name;
    one["first_ms"] = ms_of(hit.first);
    one["addresses_waiting"] = hit.waiting;
    one["refusals"] = hit.refusals;
    limits.push_back(std::move(one));
  }
  out["nodes_lost"] = row.nodes_lost;
  out["addresses_concerned"] = row.concerned;
  out["addresses_missing"] = row.missing;
  out["moves"] = row.moves;
  out["given_ms"] = moments_json(row.given);
  out["taken_ms"] = moments_json(row.taken);
  out["back_ms"] = moments_json(row.back);
  out["calls_until_back"] = calls_json(row.calls_until_back);
  out["calls"] = calls_json(row.calls);
  out["limits"] = std::move(limits);
  out["split_brain_instants"] = row.split_brain_instants;
  return out;
}

}  // namespace

std::string_view state_name(ScaleState state) {
  switch (state) {
    case ScaleState::kBack:
      return "back";
    case ScaleState::kMissing:
      return "missing";
    case ScaleState::kRefused:
      return "refused";
    case ScaleState::kNotRun:
      return "not run";
    case ScaleState::kUnsettled:
      return "unsettled";
  }
  return "?";
}

bool ScaleResults::good() const {
  return std::ranges::none_of(rows, [](const ScaleRow& row) {
    return row.split_brain_instants > 0 || row.state == ScaleState::kUnsettled;
  });
}

std::string scale_line(const ScaleRow& row) {
  std::string out = row_text(row);
  out.pop_back();
  return out;
}

std::string scale_text(const ScaleResults& results) {
  std::string out = fmt::format(
      "{} domains, the first is cut off; delays {}, seed {}; virtual time\n"
      "held: the last address has a holder that answers; back: first / median / last is delivered "
      "to it, too\n"
      "moves: times that one of those away was given to a node; more than away when that was lost, "
      "too\n"
      "w/r/o: writes, reads and operation reads until nothing was left to do\n\n",
      results.options.domains, results.options.delays, results.options.seed);
  out += fmt::format("{:<10} {:>5} {:>5}  {:>4} {:>4} {:>5} {:>9}  {:<28} {:>9}  {}\n", "mover",
                     "nodes", "addrs", "lost", "away", "moves", "held", "back", "w/r/o",
                     "first limit");
  for (const ScaleRow& row : results.rows) out += row_text(row);
  out += "\nhow many addresses fit, and what refuses one more:\n";
  for (const ScaleFit& fit : results.fits)
    out += fmt::format("{:<10} {:>5} nodes {:>5} addresses  {}\n", fit.mover, fit.nodes,
                       fit.addresses, fit.limit);
  return out;
}

std::string scale_json(const ScaleResults& results) {
  boost::json::array rows, fits;
  for (const ScaleRow& row : results.rows) rows.push_back(row_json(row));
  for (const ScaleFit& fit : results.fits) {
    boost::json::object out;
    out["mover"] = fit.mover;
    out["nodes"] = fit.nodes;
    out["addresses"] = fit.addresses;
    out["refused_by"] = fit.limit;
    out["reason"] = fit.reason;
    fits.push_back(std::move(out));
  }
  boost::json::object out;
  out["version"] = results.options.version;
  out["delays"] = results.options.delays;
  out["domains"] = results.options.domains;
  out["seed"] = results.options.seed;
  out["results"] = std::move(rows);
  out["fits"] = std::move(fits);
  out["good"] = results.good();
  return boost::json::serialize(out) + "\n";
}

}  // namespace atl::lab
