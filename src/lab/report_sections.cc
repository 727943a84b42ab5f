// The report's plots: where the gaps lie, what they are made of, what the assumptions are worth.
#include "lab/report_sections.h"

#include <algorithm>

#include <fmt/format.h>

#include "lab/faults.h"
#include "lab/report_plots.h"
#include "lab/report_shake.h"
#include "plan/svg.h"

namespace atl::lab {
namespace {

// On the page at once; the other faults are folded away.
constexpr std::string_view kFirstFaults[] = {"kill", "power", "stop", "domain", "drain", "replace"};

std::string fault_words(const std::string& fault) {
  const Result<FaultKind> kind = find_fault(fault);
  return kind ? fmt::format("{}: {}", fault, info_of(*kind).what) : fault;
}

std::vector<const ReportRow*> rows_with_gaps(const ReportInput& input, const std::string& fault) {
  std::vector<const ReportRow*> rows;
  for (const ReportRow& row : input.rows)
    if (row.fault == fault && !row.gaps.empty()) rows.push_back(&row);
  return rows;
}

void draw_fault(ReportPage* page, const ReportInput& input, const std::string& fault,
                const GapScale& scale) {
  const std::vector<const ReportRow*> rows = rows_with_gaps(input, fault);
  if (rows.empty()) return;
  page->figure(gap_plot(fault_words(fault), rows, scale), plain(fault_words(fault)), "");
}

bool is_first(const std::string& fault) {
  return std::ranges::find(kFirstFaults, fault) != std::end(kFirstFaults);
}

void write_split(ReportPage* page, const ReportInput& input) {
  std::vector<const ReportRow*> rows;
  std::vector<ReportPage::Row> table;
  for (const std::string& mover : input.movers()) {
    const ReportRow* row = crash_row(input, mover);
    if (row == nullptr) continue;
    rows.push_back(row);
    ReportPage::Row cells{code(mover), code(row->fault), span_words(row->median_gap().total_ms)};
    for (const double part : row->median_gap().parts_ms) cells.push_back(span_words(part));
    table.push_back(std::move(cells));
  }
  if (rows.empty()) return;
  page->subheading("What the gap at the median is made of");
  page->figure(
      split_plot("Parts of the gap at the median", rows),
      "After the fault that the numbers below name: `power`, or what comes nearest of those tried. "
      "detect: until another holder is "
      "named, less the fence; fence: waiting for a lease to run out; remove, add: API calls; "
      "propagate: until the network delivers; reconnect: until the next good answer.",
      "");
  page->fold_begin("The same in numbers");
  ReportPage::Row head{"mover", "fault", "gap"};
  for (size_t i = 0; i < kGapParts; ++i) head.emplace_back(gap_part_name(static_cast<GapPart>(i)));
  page->table(head, table);
  page->fold_end();
}

std::string shaken_words(const Shaken& bar) {
  return fmt::format("½ {} · ×2 {} · ×4 {}", span_words(bar.half_ms), span_words(bar.twice_ms),
                     span_words(bar.four_ms));
}

void write_tornado(ReportPage* page, const ReportRow& row, const std::vector<Shaken>& bars) {
  std::vector<plan::Range> lines;
  std::string instead;
  for (const Shaken& bar : bars) {
    lines.push_back(
        {bar.delay + (bar.assumed ? "*" : ""), bar.half_ms, bar.four_ms, shaken_words(bar)});
    instead += fmt::format("{}`{}`{} {}", instead.empty() ? "" : "; ", bar.delay,
                           bar.assumed ? " (assumed)" : "", shaken_words(bar));
  }
  const double now = row.gap_ms(0.5);
  page->figure(plan::ranges("Sensitivity of " + row.mover, now, lines),
               fmt::format("{} after {}: {} now (dashed), n = {}", code(row.mover), code(row.fault),
                           span_words(now), row.gaps.size()),
               fmt::format("- {} after {}, {} now, n = {}: {}", code(row.mover), code(row.fault),
                           span_words(now), row.gaps.size(), instead));
}

}  // namespace

void write_gaps(ReportPage* page, const ReportSources& sources) {
  const ReportInput& input = sources.measured;
  const GapScale scale = GapScale::of(input);
  page->heading("Where the gaps lie");
  page->quiet(
      "A dot is one address in one run. Where there are more than three, the upright line is the "
      "median and the red one the 99th percentile, which of fewer than 100 is the longest. All "
      "plots have the same logarithmic scale. In the Markdown the numbers are under Every result.");
  page->columns_begin();
  for (const std::string& fault : input.faults())
    if (is_first(fault)) draw_fault(page, input, fault, scale);
  page->columns_end();
  const std::vector<std::string> faults = input.faults();
  if (!std::ranges::all_of(faults, is_first)) {
    page->fold_begin("The other faults");
    page->columns_begin();
    for (const std::string& fault : faults)
      if (!is_first(fault)) draw_fault(page, input, fault, scale);
    page->columns_end();
    page->fold_end();
  }
  write_split(page, input);
}

void write_sensitivity(ReportPage* page, const ReportSources& sources) {
  page->heading("What the assumptions are worth");
  page->text(
      "The median gap of each mover if one delay of the cloud were half, twice or four times what "
      "it was here; * is an assumption. Computed from the parts of the measured gaps, to first "
      "order: nothing is run again, and waits that overlap are not modelled. Each drawing has a "
      "scale "
      "of its own: read the numbers. To be sure, measure the delay, write it into a file and run "
      "`atoll lab vip --delays my.toml`.");
  bool any = false;
  page->columns_begin();
  std::string without;
  for (const std::string& mover : sources.measured.movers()) {
    const ReportRow* row = crash_row(sources.measured, mover);
    if (row == nullptr) continue;
    const std::vector<Shaken> bars = shake(*row, sources.delays);
    if (bars.empty()) {
      without += (without.empty() ? "" : ", ") + code(mover);
      continue;
    }
    write_tornado(page, *row, bars);
    any = true;
  }
  page->columns_end();
  if (!without.empty())
    page->text(fmt::format("No delay of this file plays a part in the gaps of {}.", without));
  if (!any)
    page->text(
        "Measured without delays there is nothing to shake: run it with the built-in delays to see "
        "what they are worth.");
}

}  // namespace atl::lab
