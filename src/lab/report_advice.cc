// What to take, and what each advice rests on.
#include <algorithm>

#include <fmt/format.h>

#include "lab/faults.h"
#include "lab/report_facts.h"
#include "lab/report_plots.h"
#include "lab/report_sections.h"
#include "lab/report_shake.h"

namespace atl::lab {
namespace {

// Below that a median is one of a handful, and is not called a statistic.
constexpr size_t kFewGaps = 10;

std::string count_words(uint64_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

// "1.36 s and 2.58 s (all 2 gaps, 1 run)", "1.36 s at the median, 2.58 s the longest (24 gaps, 6
// runs)".
std::string gaps_sentence(const ReportRow& row) {
  const std::string from =
      fmt::format("{}, {}", count_words(row.gaps.size(), "gap"), count_words(row.runs, "run"));
  if (row.gaps.size() > kNamedGaps) {
    const bool many = row.gaps.size() >= kNinetyNine;
    return fmt::format("{} at the median, {} {} ({})", span_words(row.gap_ms(0.5)),
                       span_words(row.gap_ms(many ? 0.99 : 1)),
                       many ? "at the 99th percentile" : "the longest", from);
  }
  return fmt::format("{} ({})", each_gap_words(row), from);
}

std::string names_of(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + code(name);
  return out;
}

// What an advice rests on: the faults that were tried, how often, and those that were not.
std::string basis_words(const ReportInput& input, const std::string& mover) {
  std::vector<std::string> tried, untried;
  uint64_t fewest = 0, most = 0;
  for (const ReportRow* row : input.rows_of(mover)) {
    tried.push_back(row->fault);
    fewest = tried.size() == 1 ? row->runs : std::min(fewest, row->runs);
    most = std::max(most, row->runs);
  }
  const Result<MoverInfo> known = find_mover(mover);
  for (const FaultInfo& fault : all_faults())
    if (known && !why_not(*known, fault.kind) && input.find(mover, fault.name) == nullptr)
      untried.emplace_back(fault.name);
  const std::string times =
      fewest == most ? number_words(most) : fmt::format("{} to {} times", fewest, most);
  std::string out = fmt::format("**Rests on** {}, {}{}: {}.", count_words(tried.size(), "fault"),
                                times, tried.size() > 1 ? " each" : "", names_of(tried));
  if (!untried.empty()) out += fmt::format(" Not tried with it: {}.", names_of(untried));
  return out;
}

std::string planned_words(const ReportInput& input, const std::string& mover) {
  const ReportRow* drain = input.find(mover, "drain");
  if (drain == nullptr || drain->gaps.empty()) return "";
  const std::string_view strong = drain->failed_requests > 0 ? "**" : "";
  return fmt::format(" After `drain`, a planned move: {}; {}{} of {} requests failed{}.",
                     gaps_sentence(*drain), strong, drain->failed_requests, drain->requests,
                     strong);
}

// Why there is nothing of it.
std::string unmeasured_words(const ReportInput& input, std::string_view mover) {
  std::string why = "it was not run";
  for (const NotTried& one : input.not_tried)
    if (one.mover == mover) why = plain(one.reason);
  return fmt::format(
      "**Nothing of it was measured here** ({}): it is on this page for what it needs and where "
      "it works, and nothing here says how long its gap is.",
      why);
}

// What was measured of it, in words; begins with a warning when it must not be taken.
std::string verdict_words(const ReportInput& input, const std::string& mover) {
  const ReportRow* crash = crash_row(input, mover);
  if (crash == nullptr) return unmeasured_words(input, mover);
  const ReportInput::Safety safety = input.safety(mover);
  std::string out;
  if (safety.split_brain_instants > 0)
    out += fmt::format("**Do not take it: {} split-brain instants were seen.** ",
                       safety.split_brain_instants);
  else if (!safety.sure)
    out += "**Not judged: packets were lost to the oracle.** ";
  if (safety.recovered < safety.runs)
    out += fmt::format("**In {} of {} runs its addresses did not come back.** ",
                       safety.runs - safety.recovered, safety.runs);
  out += fmt::format("Measured after `{}`: {}.", crash->fault, gaps_sentence(*crash));
  if (crash->fault == "kill")
    out +=
        " A killed process is not a dead machine: its kernel goes on, and what a loss of power "
        "costs was not tried.";
  return out + planned_words(input, mover);
}

// The movers of the cloud whose addresses float: those that a delay can put in another order.
std::vector<const ReportRow*> floating_rows(const ReportInput& input) {
  std::vector<const ReportRow*> rows;
  for (const std::string& mover : input.movers())
    if (mover.starts_with("gcp-") && mover != "gcp-pool")
      if (const ReportRow* row = crash_row(input, mover)) rows.push_back(row);
  return rows;
}

using Medians = std::vector<std::pair<double, std::string>>;

Medians medians_with(const std::vector<const ReportRow*>& rows, const cloud::Delays& delays,
                     const std::string& delay, double factor) {
  Medians out;
  for (const ReportRow* row : rows)
    out.emplace_back(shaken_median_ms(*row, delays, delay, factor), row->mover);
  std::ranges::sort(out);
  return out;
}

// Whether the few gaps of two movers even overlap.
std::string overlap_words(const ReportRow& first, const ReportRow& second) {
  const bool apart = first.gap_ms(1) < second.gap_ms(0);
  return apart ? fmt::format(" The longest gap of {} was shorter than the shortest of {}.",
                             code(first.mover), code(second.mover))
               : fmt::format(" The gaps of {} and {} overlap: take neither for faster by this.",
                             code(first.mover), code(second.mover));
}

// Which mover is the fastest, and under which single change of an assumption it is not.
std::string fastest_words(const ReportSources& sources) {
  const std::vector<const ReportRow*> rows = floating_rows(sources.measured);
  if (rows.size() < 2) return "";
  const Medians now = medians_with(rows, sources.delays, "", 1);
  const auto row_of = [&](const std::string& mover) { return *crash_row(sources.measured, mover); };
  const ReportRow first = row_of(now[0].second), second = row_of(now[1].second);
  std::string out = fmt::format(
      "**The shortest gap of the {} movers for Google Cloud that were measured:** {} after `{}`, "
      "{} at the median (n = {}); then {} after `{}`, {} (n = {}).",
      rows.size(), code(first.mover), first.fault, span_words(now[0].first), first.gaps.size(),
      code(second.mover), second.fault, span_words(now[1].first), second.gaps.size());
  size_t fewest = first.gaps.size(), samples = 0;
  for (const ReportRow* row : rows) {
    fewest = std::min(fewest, row->gaps.size());
    samples += row->gaps.size();
  }
  if (fewest < kFewGaps)
    out += " **So few gaps are examples, not statistics.**" + overlap_words(first, second);
  std::string changes;
  for (const std::string& delay : cloud::Delays::names()) {
    if (!sources.delays.find(delay)->assumed) continue;
    for (const double factor : {0.5, 2.0, 4.0}) {
      const Medians then = medians_with(rows, sources.delays, delay, factor);
      if (then[0].second == now[0].second) continue;
      changes +=
          fmt::format("{}with `{}` times {:g} it would be {} ({})", changes.empty() ? "" : "; ",
                      delay, factor, code(then[0].second), span_words(then[0].first));
    }
  }
  out += fmt::format(
      " Reckoned from these {}, not run again, with any one assumed delay at half, twice or four "
      "times: ",
      count_words(samples, "gap"));
  if (changes.empty()) return out + code(first.mover) + " stays the first.";
  return out + "the answer rests on assumptions: " + changes + ".";
}

}  // namespace

void write_advice(ReportPage* page, const ReportSources& sources) {
  const ReportInput& in = sources.measured;
  page->heading("Which one to take");
  if (const std::string fastest = fastest_words(sources); !fastest.empty()) page->text(fastest);
  for (const MoverFacts& facts : all_mover_facts()) {
    const std::string mover(facts.mover);
    page->subheading(fmt::format("{}: take `{}`", facts.situation, facts.mover));
    std::vector<std::string> items = {verdict_words(in, mover)};
    if (crash_row(in, mover) != nullptr) items.push_back(basis_words(in, mover));
    items.push_back(fmt::format("**But:** {}", cited(facts.cons)));
    page->list(items);
  }
}

}  // namespace atl::lab
