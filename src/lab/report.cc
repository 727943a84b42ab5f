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
#include "lab/results.h"

namespace atl::lab {
namespace {

// What movers are compared by, the first that was measured. A killed process leaves a kernel that
// helps; nothing helps a node without power.
constexpr std::string_view kCrashFaults[] = {"power", "kill", "link", "stop", "domain", "replace"};

std::string safety_words(const ReportInput::Safety& safety) {
  if (safety.split_brain_instants > 0)
    return fmt::format("**{} split-brain instants** in {} runs", safety.split_brain_instants,
                       safety.runs);
  return fmt::format("{} in {} runs{}", safety.sure ? "none" : "none seen, but packets were lost",
                     safety.runs, safety.sure ? "" : " to the oracle");
}

// Documents from before there was a choice say nothing: they measured the responder.
std::string service_words(const ReportInput& in) {
  if (in.service == "s3") return "Atoll's own S3 door (signed requests)";
  return "a small HTTP responder";
}

// How much there is behind the page, before any number.
std::string extent_words(const ReportInput& in) {
  uint64_t runs = 0, gaps = 0;
  for (const ReportRow& row : in.rows) {
    runs += row.runs;
    gaps += row.gaps.size();
  }
  std::string tried;
  for (const std::string& fault : in.faults()) tried += (tried.empty() ? "" : ", ") + code(fault);
  return fmt::format(
      "**It rests on {} runs with {} gaps together: {} movers, of {} faults {}.** What was not "
      "tried with a mover stands beside its advice.",
      runs, gaps, in.movers().size(), all_faults().size(), tried);
}

// Runs beside each other share the machine, and are later for it.
std::string lanes_words(const ReportInput& in) {
  if (in.lanes == 0) return "how many runs went on at a time is not recorded";
  if (in.lanes == 1) return "one run at a time";
  return fmt::format(
      "**up to {} runs at a time on the same processor cores** (on the plain segment one)",
      in.lanes);
}

// The faults of the table beside the planned move: those that were tried.
struct Column {
  std::string_view fault;
  std::string_view head;
};
constexpr Column kColumns[] = {{"kill", "process killed"},
                               {"power", "power off"},
                               {"stop", "hung"},
                               {"domain", "domain off"},
                               {"replace", "instance replaced"}};

std::string unmeasured_note(const ReportInput& in) {
  std::string names;
  for (const MoverFacts& facts : all_mover_facts())
    if (in.rows_of(facts.mover).empty()) names += (names.empty() ? "" : ", ") + code(facts.mover);
  return names.empty() ? "" : fmt::format(" Not in the table, as nothing was measured: {}.", names);
}

}  // namespace

std::string number_words(uint64_t n) {
  return n == 1 ? "once" : fmt::format("{} times", n);
}

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
      "every {:g} ms to {}, delays {}, seed {}; {}; Atoll {}, kernel {}, {}.",
      in.nodes, in.lease_ms, number_words(in.repeat), in.probe_interval_ms, service_words(in),
      code(in.delays), in.seed, lanes_words(in), plain(in.version),
      in.kernel.empty() ? "not recorded" : plain(in.kernel),
      in.date.empty() ? "date not recorded" : plain(in.date)));
  page->text(extent_words(in));
  const std::string cloud =
      in.delays == "zero"
          ? "**The cloud is emulated and takes no time at all**: what is left is Atoll's, and no "
            "cloud is like that."
          : fmt::format(
                "The cloud is emulated: **{} of its {} delays are assumptions**, because nobody "
                "has "
                "published them. Read times as \"with these delays\"; `--delays my.toml` runs it "
                "all again with what you have measured.",
                assumed, names.size());
  page->text(fmt::format(
      "Clients, TCP, nodes, leases and fences are real and run in network namespaces of one "
      "machine. {} A gap is the time from the last good answer to the next one, of one address.",
      cloud));
}

std::string own_words(const ReportRow* row) {
  if (row == nullptr || row->gaps.empty() || !has_own_share(row->mover)) return "-";
  return fmt::format("{} / {}", span_words(row->own_ms(0.5)), span_words(row->own_ms(1)));
}

void write_overview(ReportPage* page, const ReportSources& sources) {
  const ReportInput& in = sources.measured;
  page->heading("Side by side");
  page->quiet(
      "Gaps: median / 99th percentile (how many), by nearest rank: of fewer than 100 the second is "
      "the longest, and of two the first is the shorter. Atoll's own share, median / longest, of "
      "the gap after the fault beside it: until the record names another node, the wait for the "
      "lease, and the client's way back; what is neither removal, addition nor propagation. A "
      "split "
      "brain is "
      "an instant in which a node answered for an address that was not its own.");
  const std::vector<std::string> faults = in.faults();
  std::vector<Column> columns;
  for (const Column& column : kColumns)
    if (std::ranges::find(faults, column.fault) != faults.end()) columns.push_back(column);
  ReportPage::Row head{"mover"};
  for (const Column& column : columns) head.emplace_back(column.head);
  head.emplace_back("Atoll's own share");
  for (const char* last :
       {"planned move", "requests failed then", "split brain", "a month at 10 GB/s"})
    head.emplace_back(last);
  std::vector<ReportPage::Row> rows;
  for (const std::string& mover : in.movers()) {
    const ReportRow* drain = in.find(mover, "drain");
    const ReportRow* crash = crash_row(in, mover);
    ReportPage::Row row{code(mover)};
    for (const Column& column : columns) row.push_back(gap_words(in.find(mover, column.fault)));
    const std::string own = own_words(crash);
    row.push_back(own == "-" ? own : fmt::format("{} ({})", own, code(crash->fault)));
    row.push_back(gap_words(drain));
    row.push_back(
        drain == nullptr ? "-" : fmt::format("{} of {}", drain->failed_requests, drain->requests));
    row.push_back(safety_words(in.safety(mover)));
    row.push_back(pays_by_byte(mover)
                      ? plan::format_quantity(plan::any(sources.prices.balanced(10))) + " *"
                      : "0");
    rows.push_back(std::move(row));
  }
  page->table(head, rows);
  page->quiet("* One direction, if it is billed: see Money." + unmeasured_note(in));
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
