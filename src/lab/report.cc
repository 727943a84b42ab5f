// The report's first page: conditions, advice, overview. The rest: report_sections.cc,
// report_tables.cc.
#include "lab/report.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "lab/faults.h"
#include "lab/report_facts.h"
#include "lab/report_plots.h"
#include "lab/report_sections.h"
#include "lab/report_shake.h"

namespace atl::lab {
namespace {

// What movers are compared by, the first that was measured.
constexpr std::string_view kCrashFaults[] = {"kill", "power", "link", "stop", "domain", "replace"};

struct Safety {
  uint64_t runs = 0;
  uint64_t recovered = 0;
  uint64_t split_brain_instants = 0;
  uint64_t packets = 0;
  bool sure = true;
};

Safety safety_of(const ReportInput& input, std::string_view mover) {
  Safety out;
  for (const ReportRow& row : input.rows) {
    if (row.mover != mover) continue;
    out.runs += row.runs;
    out.recovered += row.recovered;
    out.split_brain_instants += row.split_brain_instants;
    out.packets += row.packets_judged;
    out.sure = out.sure && row.oracle_sure;
  }
  return out;
}

std::string safety_words(const Safety& safety) {
  if (safety.split_brain_instants > 0)
    return fmt::format("**{} split-brain instants** in {} runs", safety.split_brain_instants,
                       safety.runs);
  return fmt::format("{} in {} runs{}", safety.sure ? "none" : "none seen, but packets were lost",
                     safety.runs, safety.sure ? "" : " to the oracle");
}

std::string planned_words(const ReportInput& input, const std::string& mover) {
  const ReportRow* drain = input.find(mover, "drain");
  if (drain == nullptr || drain->gaps.empty()) return "";
  return fmt::format(" A planned move: {} at the median, {} of {} requests failed.",
                     span_words(drain->gap_ms(0.5)), drain->failed_requests, drain->requests);
}

// What was measured of it, in words; begins with a warning when it must not be taken.
std::string verdict_words(const ReportInput& input, const std::string& mover) {
  const ReportRow* crash = crash_row(input, mover);
  if (crash == nullptr) return "Not measured here.";
  const Safety safety = safety_of(input, mover);
  std::string out;
  if (safety.split_brain_instants > 0)
    out += fmt::format("**Do not take it: {} split-brain instants were seen.** ",
                       safety.split_brain_instants);
  else if (!safety.sure)
    out += "**Not judged: packets were lost to the oracle.** ";
  if (safety.recovered < safety.runs)
    out += fmt::format("**In {} of {} runs its addresses did not come back.** ",
                       safety.runs - safety.recovered, safety.runs);
  out += fmt::format("Measured after `{}`: {} at the median, {} at the 99th percentile, {} gaps.",
                     crash->fault, span_words(crash->gap_ms(0.5)), span_words(crash->gap_ms(0.99)),
                     crash->gaps.size());
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

// Which mover is the fastest, and under which single change of an assumption it is not.
std::string fastest_words(const ReportSources& sources) {
  const std::vector<const ReportRow*> rows = floating_rows(sources.measured);
  if (rows.size() < 2) return "";
  const Medians now = medians_with(rows, sources.delays, "", 1);
  std::string out = fmt::format(
      "**The shortest gap after a crash, of the movers for Google Cloud:** {}, {} at the median; "
      "then {}, {}.",
      code(now[0].second), span_words(now[0].first), code(now[1].second), span_words(now[1].first));
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
  if (changes.empty())
    return out +
           " That holds with each assumed delay, one at a time, at half, twice and four times.";
  return out + " That rests on assumptions: " + changes + ".";
}

std::string number_words(uint64_t n) {
  return n == 1 ? "once" : fmt::format("{} times", n);
}

}  // namespace

std::string code(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c == '`' || c == '|' || c == '\n' || c == '\r') c = '?';
  return "`" + out + "`";
}

std::string gap_words(const ReportRow* row) {
  if (row == nullptr || row->gaps.empty()) return "-";
  return fmt::format("{} / {} ({})", span_words(row->gap_ms(0.5)), span_words(row->gap_ms(0.99)),
                     row->gaps.size());
}

const ReportRow* crash_row(const ReportInput& input, std::string_view mover) {
  for (const std::string_view fault : kCrashFaults) {
    const ReportRow* row = input.find(mover, fault);
    if (row != nullptr && !row->gaps.empty()) return row;
  }
  for (const ReportRow& row : input.rows)
    if (row.mover == mover && !row.planned && !row.gaps.empty()) return &row;
  return nullptr;
}

void write_conditions(ReportPage* page, const ReportSources& sources) {
  const ReportInput& in = sources.measured;
  const auto names = cloud::Delays::names();
  const auto assumed = std::ranges::count_if(
      names, [&](const std::string& name) { return sources.delays.find(name)->assumed; });
  page->quiet(fmt::format(
      "Conditions of every gap on this page: {} nodes, a lease of {:g} ms, each fault {}, probes "
      "every {:g} ms, delays {}, seed {}; Atoll {}, kernel {}, {}.",
      in.nodes, in.lease_ms, number_words(in.repeat), in.probe_interval_ms, code(in.delays),
      in.seed, plain(in.version), in.kernel.empty() ? "not recorded" : plain(in.kernel),
      in.date.empty() ? "date not recorded" : plain(in.date)));
  page->text(
      fmt::format("Clients, TCP, nodes, leases and fences are real and run in network namespaces "
                  "of one machine. The cloud is emulated: **{} of its {} delays are assumptions**, "
                  "because nobody has published them. Read times as \"with these delays\"; "
                  "`--delays my.toml` runs it all again with what you have measured. A gap is the "
                  "time from the last good answer to the next one, of one address.",
                  assumed, names.size()));
}

void write_advice(ReportPage* page, const ReportSources& sources) {
  page->heading("Which one to take");
  if (const std::string fastest = fastest_words(sources); !fastest.empty()) page->text(fastest);
  std::vector<std::string> items;
  for (const MoverFacts& facts : all_mover_facts())
    items.push_back(fmt::format("**{}: take `{}`.** {} But: {}", facts.situation, facts.mover,
                                verdict_words(sources.measured, std::string(facts.mover)),
                                cited(facts.cons)));
  page->list(items);
}

void write_overview(ReportPage* page, const ReportSources& sources) {
  const ReportInput& in = sources.measured;
  page->heading("Side by side");
  page->quiet(
      "Gaps: median / 99th percentile (how many). With fewer than 100 of them the 99th percentile "
      "is the longest. A split brain is an instant in which a node answered for an address that "
      "was not its own.");
  std::vector<ReportPage::Row> rows;
  for (const std::string& mover : in.movers()) {
    const ReportRow* drain = in.find(mover, "drain");
    const std::string failed =
        drain == nullptr ? "-" : fmt::format("{} of {}", drain->failed_requests, drain->requests);
    rows.push_back(
        {code(mover), gap_words(crash_row(in, mover)), gap_words(in.find(mover, "power")),
         gap_words(in.find(mover, "stop")), gap_words(in.find(mover, "domain")), gap_words(drain),
         failed, safety_words(safety_of(in, mover)),
         pays_by_byte(mover) ? plan::format_quantity(plan::any(sources.prices.balanced(10))) + " *"
                             : "0"});
  }
  page->table({"mover", "process killed", "power off", "hung", "domain off", "planned move",
               "requests failed then", "split brain", "a month at 10 GB/s"},
              rows);
  page->quiet(
      "`gcp-pool` under \"process killed\": its instance was replaced, the one fault that says "
      "something about it. * One direction, if it is billed: see Money.");
}

Report make_report(const ReportSources& sources) {
  ReportPage page;
  write_conditions(&page, sources);
  write_advice(&page, sources);
  write_overview(&page, sources);
  write_gaps(&page, sources);
  write_sensitivity(&page, sources);
  write_movers(&page, sources);
  write_money(&page, sources);
  write_scale(&page, sources);
  write_all_results(&page, sources);
  write_assumptions(&page, sources);
  constexpr std::string_view kTitle = "Addresses that fail over: which mover to take";
  return {page.html(kTitle), page.markdown(kTitle)};
}

}  // namespace atl::lab
