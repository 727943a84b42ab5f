// The report's tables: each mover's facts, money, every result, every assumption.
#include <algorithm>

#include <fmt/format.h>

#include "lab/faults.h"
#include "lab/report_facts.h"
#include "lab/report_plots.h"
#include "lab/report_sections.h"

namespace atl::lab {
namespace {

// What the issue of bandwidth is decided by.
constexpr double kRates[] = {1, 10, 100};

std::string joined(const std::vector<std::string_view>& items) {
  std::string out;
  for (const std::string_view item : items) out += (out.empty() ? "" : "; ") + cited(item);
  return out.ends_with('.') ? out : out + ".";
}

std::string dollars(plan::Dollars amount) {
  return plan::format_quantity(plan::any(amount));
}

std::string delay_words(const cloud::Delay& delay) {
  const auto ms = [](Nanos span) {
    return span_words(std::chrono::duration<double, std::milli>(span).count());
  };
  if (delay.constant()) return ms(delay.median);
  return fmt::format("{}, 99 % {}", ms(delay.median), ms(delay.p99));
}

std::string origin_words(bool assumed, const std::string& source, const std::string& note) {
  std::string out = assumed ? "**assumed.** " : fmt::format("{}. ", plain(source));
  return out + plain(note);
}

}  // namespace

void write_movers(ReportPage* page, const ReportSources&) {
  page->heading("Each mover: what it needs, its limits, where it works");
  for (const MoverFacts& facts : all_mover_facts()) {
    page->subheading(fmt::format("{}", facts.mover));
    page->text(cited(facts.what));
    page->list({"**For it:** " + cited(facts.pros), "**Against it:** " + cited(facts.cons),
                "**Needs:** " + joined(facts.needs), "**Limits:** " + joined(facts.limits),
                "**RDMA networks:** " + cited(facts.rdma),
                "**Across zones:** " + cited(facts.zones),
                "**Across projects:** " + cited(facts.projects)});
  }
}

void write_money(ReportPage* page, const ReportSources& sources) {
  const ReportPrices& prices = sources.prices;
  // The laboratory gives a forwarding rule to each address, and has two a node.
  const uint64_t rules = sources.measured.nodes * 2;
  page->heading("Money");
  std::vector<ReportPage::Row> rows;
  for (const std::string& mover : sources.measured.movers()) {
    ReportPage::Row row{code(mover)};
    for (const double rate : kRates)
      row.push_back(pays_by_byte(mover) ? dollars(prices.balanced(rate)) : "0");
    row.push_back(pays_by_byte(mover) ? dollars(prices.rules(rules)) : "0");
    rows.push_back(std::move(row));
  }
  page->table({"mover", "1 GB/s", "10 GB/s", "100 GB/s",
               fmt::format("forwarding rules, {} addresses", rules)},
              rows);
  page->quiet(fmt::format(
      "A month of 730 hours of a steady stream in one direction, list prices of {}: {}. Twice as "
      "much, if answers are billed too: they do not pass through the load balancer, and whether "
      "they are billed is not published. The same is open for `haPolicy` traffic. Look at a bill "
      "before you decide by this table. 0: no charge of the mover's own that we know of.",
      plain(prices.from), plain(prices.sources)));
  page->quiet(
      fmt::format("Clients in another zone than the node pay besides, whatever the mover: {}, {} "
                  "and {} a month at 1, 10 and 100 GB/s in one direction.",
                  dollars(prices.across_zones(1)), dollars(prices.across_zones(10)),
                  dollars(prices.across_zones(100))));
}

void write_all_results(ReportPage* page, const ReportSources& sources) {
  const ReportInput& in = sources.measured;
  page->heading("Every result");
  page->fold_begin("Each mover and fault");
  std::vector<ReportPage::Row> rows;
  std::vector<std::string> troubles;
  for (const ReportRow& row : in.rows) {
    rows.push_back(
        {code(row.mover), code(row.fault), fmt::format("{}", row.gaps.size()),
         row.gaps.empty() ? "-" : span_words(row.gap_ms(0.5)),
         row.gaps.empty() ? "-" : span_words(row.gap_ms(0.99)),
         row.gaps.empty() ? "-" : span_words(row.gap_ms(1)), own_words(&row),
         fmt::format("{} of {}", row.failed_requests, row.requests),
         fmt::format("{} / {} / {}", row.reset, row.silent, row.continued),
         fmt::format("{}", row.api_calls),
         fmt::format("{}{}", row.split_brain_instants, row.oracle_sure ? "" : " (not sure)"),
         fmt::format("{} of {}", row.recovered, row.runs)});
    for (const std::string& trouble : row.troubles)
      troubles.push_back(
          fmt::format("{} {}: {}", code(row.mover), code(row.fault), plain(trouble)));
  }
  page->table(
      {"mover", "fault", "gaps", "median", "99 %", "longest", "Atoll's own, median / longest",
       "requests failed", "transfers reset / silent / continued", "API calls",
       "split-brain instants", "runs that recovered"},
      rows);
  page->quiet(fmt::format(
      "Transfers: those that were under way when the fault came, and of each move the last one "
      "begun before it.{}",
      in.connections_at_fault ? ""
                              : " **This result is older than that rule: it also counts transfers "
                                "that began after the fault, nearly all of them as continued.**"));
  if (!troubles.empty()) page->list(troubles);
  page->fold_end();
  page->fold_begin("What each fault is");
  std::vector<std::string> meanings;
  for (const FaultInfo& fault : all_faults())
    meanings.push_back(fmt::format("{}: {}", code(fault.name), plain(fault.what)));
  page->list(meanings);
  page->fold_end();
  if (in.not_tried.empty()) return;
  page->fold_begin("Not tried, and why");
  std::vector<ReportPage::Row> skipped;
  for (const NotTried& one : in.not_tried)
    skipped.push_back({code(one.mover), code(one.fault), plain(one.reason)});
  page->table({"mover", "fault", "why"}, skipped);
  page->fold_end();
}

void write_assumptions(ReportPage* page, const ReportSources& sources) {
  const cloud::Delays& delays = sources.delays;
  page->heading("Every delay, and where it is from");
  page->fold_begin(fmt::format("The values of {}", code(sources.measured.delays)));
  std::vector<ReportPage::Row> rows;
  for (const std::string& name : cloud::Delays::names()) {
    const cloud::Delay& delay = *delays.find(name);
    rows.push_back(
        {code(name), delay_words(delay), origin_words(delay.assumed, delay.source, delay.note)});
  }
  for (const std::string& name : cloud::Delays::count_names()) {
    const cloud::Count& count = *delays.find_count(name);
    rows.push_back({code(name), fmt::format("{}", count.value),
                    origin_words(count.assumed, count.source, count.note)});
  }
  page->table({"what", "value (median)", "from"}, rows);
  page->fold_end();
  page->text(
      "To have this page for your own network: copy what you have measured into `my.toml` in the "
      "form of `catalogues/vip-delays.toml` (only what differs), then `atoll lab vip --mover all "
      "--fault all --delays my.toml --report DIR`.");
  if (!sources.command.empty()) page->quiet(fmt::format("Made by {}.", code(sources.command)));
}

}  // namespace atl::lab
