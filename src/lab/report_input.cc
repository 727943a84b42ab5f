#include "lab/report_input.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/check.h"
#include "lab/report_fields.h"
#include "lab/results.h"

namespace atl::lab {
namespace {

namespace json = boost::json;

// Six parts and their sum, each rounded to a microsecond.
constexpr double kSumSlackMs = 0.01;

GapSample read_gap(const json::value& value, std::string path, std::string* trouble) {
  Fields in(value, std::move(path), trouble);
  GapSample gap;
  gap.total_ms = in.number("total");
  for (size_t i = 0; i < kGapParts; ++i)
    gap.parts_ms[i] = in.number(gap_part_name(static_cast<GapPart>(i)));
  const double sum = std::accumulate(gap.parts_ms.begin(), gap.parts_ms.end(), 0.0);
  if (std::abs(sum - gap.total_ms) > kSumSlackMs)
    in.wrong("total", fmt::format("is {} but the parts sum up to {}", gap.total_ms, sum));
  return gap;
}

ReportRow read_row(const json::value& value, std::string path, std::string* trouble) {
  Fields in(value, std::move(path), trouble);
  ReportRow row;
  row.mover = in.text("mover");
  row.fault = in.text("fault");
  row.planned = in.flag("planned");
  row.runs = in.count("runs");
  row.recovered = in.count("recovered");
  const json::array& gaps = in.list("gaps_ms");
  for (size_t i = 0; i < gaps.size(); ++i)
    row.gaps.push_back(read_gap(gaps[i], in.below("gaps_ms", i), trouble));
  Fields connections(in.object("connections"), in.below("connections"), trouble);
  row.reset = connections.count("reset");
  row.silent = connections.count("silent");
  row.continued = connections.count("continued");
  row.requests = in.count("requests");
  row.failed_requests = in.count("failed_requests");
  row.api_calls = in.count("api_calls");
  row.split_brain_instants = in.count("split_brain_instants");
  row.oracle_sure = in.flag("oracle_sure");
  row.packets_judged = in.count("packets_judged");
  const json::array& troubles = in.list("troubles");
  for (size_t i = 0; i < troubles.size(); ++i) {
    Fields one(troubles[i], in.below("troubles", i), trouble);
    row.troubles.push_back(fmt::format("run {}: {}", one.count("run"), one.text("what")));
  }
  if (row.recovered > row.runs) in.wrong("recovered", "is more than runs");
  return row;
}

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::ranges::find(names, name) == names.end()) names.push_back(name);
}

}  // namespace

std::string_view gap_part_name(GapPart part) {
  switch (part) {
    case GapPart::kDetect:
      return "detect";
    case GapPart::kFence:
      return "fence";
    case GapPart::kRemove:
      return "remove";
    case GapPart::kAdd:
      return "add";
    case GapPart::kPropagate:
      return "propagate";
    case GapPart::kReconnect:
      return "reconnect";
  }
  return "";
}

double ReportRow::gap_ms(double share) const {
  std::vector<double> totals;
  for (const GapSample& gap : gaps) totals.push_back(gap.total_ms);
  return percentile(std::move(totals), share);
}

double GapSample::own_ms() const {
  return part(GapPart::kDetect) + part(GapPart::kFence) + part(GapPart::kReconnect);
}

double ReportRow::own_ms(double share) const {
  std::vector<double> own;
  for (const GapSample& gap : gaps) own.push_back(gap.own_ms());
  return percentile(std::move(own), share);
}

const GapSample& ReportRow::median_gap() const {
  ATOLL_CHECK(!gaps.empty());
  const double median = gap_ms(0.5);
  const auto at = std::ranges::find(gaps, median, &GapSample::total_ms);
  ATOLL_CHECK(at != gaps.end());
  return *at;
}

const ReportRow* ReportInput::find(std::string_view mover, std::string_view fault) const {
  for (const ReportRow& row : rows)
    if (row.mover == mover && row.fault == fault) return &row;
  return nullptr;
}

std::vector<std::string> ReportInput::movers() const {
  std::vector<std::string> names;
  for (const ReportRow& row : rows) add_once(names, row.mover);
  return names;
}

std::vector<std::string> ReportInput::faults() const {
  std::vector<std::string> names;
  for (const ReportRow& row : rows) add_once(names, row.fault);
  return names;
}

std::vector<const ReportRow*> ReportInput::rows_of(std::string_view mover) const {
  std::vector<const ReportRow*> found;
  for (const ReportRow& row : rows)
    if (row.mover == mover) found.push_back(&row);
  return found;
}

ReportInput::Safety ReportInput::safety(std::string_view mover) const {
  Safety out;
  for (const ReportRow* row : rows_of(mover)) {
    out.runs += row->runs;
    out.recovered += row->recovered;
    out.split_brain_instants += row->split_brain_instants;
    out.packets += row->packets_judged;
    out.sure = out.sure && row->oracle_sure;
  }
  return out;
}

Result<ReportInput> parse_report_input(std::string_view text, const std::string& file) {
  ATOLL_TRY(const json::value root, parse_report_json(text, file));
  std::string trouble;
  Fields in(root, "", &trouble);
  ReportInput out;
  out.version = in.text("version");
  out.date = in.optional_text("date");
  out.kernel = in.optional_text("kernel");
  out.nodes = in.count("nodes");
  out.repeat = in.count("repeat");
  if (in.has("lanes")) out.lanes = in.count("lanes");
  out.service = in.optional_text("service");
  out.delays = in.text("delays");
  out.lease_ms = in.number("lease_ms");
  out.seed = in.count("seed");
  out.probe_interval_ms = in.number("probe_interval_ms");
  const json::array& rows = in.list("results");
  for (size_t i = 0; i < rows.size(); ++i) {
    out.rows.push_back(read_row(rows[i], in.below("results", i), &trouble));
    const json::object* row = rows[i].if_object();
    if (row != nullptr && row->contains("own_median_ms")) out.connections_at_fault = true;
  }
  const json::array& skipped = in.list("not_tried");
  for (size_t i = 0; i < skipped.size(); ++i) {
    Fields one(skipped[i], in.below("not_tried", i), &trouble);
    out.not_tried.push_back({one.text("mover"), one.text("fault"), one.text("reason")});
  }
  if (out.rows.empty()) in.wrong("results", "is empty: nothing was measured");
  if (!trouble.empty()) return fail(Errc::kInvalidArgument, fmt::format("{}: {}", file, trouble));
  return out;
}

}  // namespace atl::lab
