#include "lab/report.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "lab/report_facts.h"
#include "lab/report_page.h"
#include "lab/report_plots.h"
#include "lab/report_shake.h"
#include "plan/plan.h"

namespace atl::lab {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string gap(int run, double detect, double fence, double remove, double add, double propagate,
                double reconnect) {
  return fmt::format(
      R"({{"run":{},"vip":"10.0.9.1","total":{},"detect":{},"fence":{},"remove":{},"add":{},)"
      R"("propagate":{},"reconnect":{}}})",
      run, detect + fence + remove + add + propagate + reconnect, detect, fence, remove, add,
      propagate, reconnect);
}

struct RowText {
  std::string mover;
  std::string fault;
  std::string gaps;
  std::string more = R"("runs":3,"recovered":3,"split_brain_instants":0,"oracle_sure":true)";
  bool planned = false;
};

std::string row(const RowText& text) {
  return fmt::format(
      R"({{"mover":"{}","fault":"{}","planned":{},{},"gaps_ms":[{}],)"
      R"("connections":{{"reset":4,"silent":5,"continued":6}},"requests":900,"failed_requests":7,)"
      R"("api_calls":37,"packets_judged":123,"troubles":[]}})",
      text.mover, text.fault, text.planned, text.more, text.gaps);
}

std::string document(const std::string& rows, const std::string& more = "") {
  return fmt::format(
      R"({{"version":"0.1.0","nodes":10,"repeat":3,"delays":"built-in","lease_ms":1000,"seed":42,)"
      R"("probe_interval_ms":20,{}"results":[{}],"not_tried":[{{"mover":"gcp-lb","fault":"clock",)"
      R"("reason":"the <clock> is the machine's"}}],"split_brain_instants":0,"good":true}})",
      more, rows);
}

// gcp-alias: 7.1 s at the median; gcp-garp: 1.5 s, and a planned move.
std::string two_movers() {
  const std::string alias = gap(1, 100, 900, 2500, 3000, 500, 20) + "," +
                            gap(2, 150, 850, 2600, 3000, 500, 20) + "," +
                            gap(3, 100, 900, 5000, 6000, 900, 20);
  const std::string garp = gap(1, 100, 900, 0, 0, 480, 20) + "," + gap(2, 100, 900, 0, 0, 200, 20);
  return row({.mover = "gcp-alias", .fault = "kill", .gaps = alias}) + "," +
         row({.mover = "gcp-garp", .fault = "kill", .gaps = garp}) + "," +
         row({.mover = "gcp-garp",
              .fault = "drain",
              .gaps = gap(1, 5, 0, 0, 0, 30, 8),
              .planned = true});
}

ReportSources sources_of(const std::string& json) {
  Result<ReportInput> input = parse_report_input(json, "r.json");
  EXPECT_TRUE(input.has_value()) << (input ? "" : input.error().message);
  Result<ReportPrices> prices = ReportPrices::read(plan::built_in_catalogue());
  EXPECT_TRUE(prices.has_value()) << (prices ? "" : prices.error().message);
  return {*input, cloud::Delays::built_in(), *prices, std::nullopt, "atoll lab report r.json"};
}

std::string complaint(const std::string& json) {
  const Result<ReportInput> input = parse_report_input(json, "r.json");
  return input ? "" : input.error().message;
}

size_t count(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

TEST(ReportPage, the_numbers_are_those_of_the_input) {
  const Report report = make_report(sources_of(document(two_movers())));
  for (const std::string& page : {report.html, report.markdown}) {
    EXPECT_THAT(page, HasSubstr("7.12\u00a0s / 12.92\u00a0s (3)"));
    EXPECT_THAT(page, HasSubstr("1.22\u00a0s / 1.50\u00a0s (2)"));
    EXPECT_THAT(page, HasSubstr("43\u00a0ms / 43\u00a0ms (1)"));
    EXPECT_THAT(page, HasSubstr("7 of 900"));
    EXPECT_THAT(page, HasSubstr("4 / 5 / 6"));
    EXPECT_THAT(page, HasSubstr("37"));
    EXPECT_THAT(page, HasSubstr("none in 6 runs"));
  }
}

TEST(ReportPage, conditions_stand_beside_the_numbers) {
  const Report bare = make_report(sources_of(document(two_movers())));
  EXPECT_THAT(bare.markdown, HasSubstr("10 nodes, a lease of 1000 ms, each fault 3 times, probes "
                                       "every 20 ms to a small HTTP responder, delays "
                                       "`built-in`, seed 42; how many runs went on at a time is "
                                       "not recorded; Atoll 0.1.0"));
  EXPECT_THAT(bare.markdown, HasSubstr("kernel not recorded, date not recorded"));
  const Report told =
      make_report(sources_of(document(two_movers(), R"("date":"2026-11-21","kernel":"6.18.1",)")));
  EXPECT_THAT(told.markdown, HasSubstr("kernel 6.18.1, 2026-11-21"));
  const Report lanes = make_report(sources_of(document(two_movers(), R"("lanes":3,)")));
  EXPECT_THAT(lanes.markdown, HasSubstr("**up to 3 runs at a time on the same processor cores**"));
  const Report alone = make_report(sources_of(document(two_movers(), R"("lanes":1,)")));
  EXPECT_THAT(alone.markdown, HasSubstr("; one run at a time; "));
  const Report s3 = make_report(sources_of(document(two_movers(), R"("service":"s3",)")));
  EXPECT_THAT(s3.markdown, HasSubstr("every 20 ms to Atoll's own S3 door (signed requests)"));
}

TEST(ReportPage, every_assumed_delay_is_named_as_one) {
  const ReportSources sources = sources_of(document(two_movers()));
  const Report report = make_report(sources);
  size_t assumed = 0;
  for (const std::string& name : cloud::Delays::names()) {
    EXPECT_THAT(report.markdown, HasSubstr("| `" + name + "` |"));
    assumed += sources.delays.find(name)->assumed ? 1 : 0;
  }
  for (const std::string& name : cloud::Delays::count_names())
    assumed += sources.delays.find_count(name)->assumed ? 1 : 0;
  EXPECT_EQ(count(report.markdown, "**assumed.**"), assumed);
  EXPECT_THAT(report.markdown, HasSubstr("--delays my.toml"));
}

TEST(ReportPage, each_advice_says_on_what_it_rests) {
  const std::string page = make_report(sources_of(document(two_movers()))).markdown;
  EXPECT_THAT(page,
              HasSubstr("Measured after `kill`: 1.22\u00a0s and 1.50\u00a0s (2 gaps, 3 runs). "
                        "A killed process is not a dead machine: its kernel goes on, and what a "
                        "loss of power costs was not tried. "
                        "After `drain`, a planned move: 43\u00a0ms (1 gap, 3 runs); **7 of 900"));
  EXPECT_THAT(page,
              HasSubstr("**Rests on** 2 faults, 3 times each: `kill`, `drain`. Not tried with "
                        "it: `power`, `stop`, `link`"));
  EXPECT_THAT(page, HasSubstr("**Rests on** 1 fault, 3 times: `kill`. Not tried with it: `power`"));
  // What says nothing about a mover is no omission.
  EXPECT_THAT(page, Not(HasSubstr("`clock`,")));
  EXPECT_THAT(page,
              HasSubstr("Not in the table, as nothing was measured: `linux-arp`, `gcp-route`, "
                        "`gcp-lb`, `gcp-pool`."));
  EXPECT_THAT(page, HasSubstr("**Nothing of it was measured here** (it was not run)"));
}

TEST(ReportPage, of_few_gaps_each_is_named_and_of_many_the_median) {
  std::string four, hundred;
  for (int i = 1; i <= 100; ++i) {
    const std::string one = (i == 1 ? "" : ",") + gap(i, 100.0 * i, 0, 0, 0, 0, 0);
    if (i <= 4) four += one;
    hundred += one;
  }
  const auto page_of = [](const std::string& gaps) {
    return make_report(
               sources_of(document(row({.mover = "gcp-lb", .fault = "kill", .gaps = gaps}))))
        .markdown;
  };
  EXPECT_THAT(page_of(four), HasSubstr("`kill`: 200\u00a0ms at the median, 400\u00a0ms the longest "
                                       "(4 gaps, 3 runs)"));
  EXPECT_THAT(page_of(hundred), HasSubstr("`kill`: 5.00\u00a0s at the median, 9.90\u00a0s at the "
                                          "99th percentile (100 gaps, 3 runs)"));
}

// 100 + 900 + 20, 150 + 850 + 20, 100 + 900 + 20 of 7.12 s and more: the cloud's part is left out.
TEST(ReportPage, own_share_is_shown_beside_the_gap) {
  const std::string other =
      row({.mover = "gcp-route", .fault = "kill", .gaps = gap(1, 200, 800, 0, 0, 3000, 500)});
  const std::string reference =
      row({.mover = "ref-haproxy", .fault = "kill", .gaps = gap(1, 0, 0, 0, 0, 0, 70)});
  const std::string page =
      make_report(sources_of(document(two_movers() + "," + other + "," + reference))).markdown;
  EXPECT_THAT(page, HasSubstr("| `gcp-alias` | 7.12\u00a0s / 12.92\u00a0s (3) | 1.02\u00a0s / "
                              "1.02\u00a0s (`kill`) |"));
  EXPECT_THAT(page, HasSubstr("| `gcp-route` | 4.50\u00a0s / 4.50\u00a0s (1) | 1.50\u00a0s / "
                              "1.50\u00a0s (`kill`) |"));
  EXPECT_THAT(page, HasSubstr("| `ref-haproxy` | 70\u00a0ms / 70\u00a0ms (1) | - |"));
  EXPECT_THAT(page, HasSubstr("| `gcp-garp` | `drain` | 1 | 43\u00a0ms | 43\u00a0ms | 43\u00a0ms | "
                              "13\u00a0ms / 13\u00a0ms |"));
}

TEST(ReportPage, faults_that_nobody_tried_have_no_column) {
  const std::string none = make_report(sources_of(document(two_movers()))).markdown;
  EXPECT_THAT(none, Not(HasSubstr("| hung |")));
  const std::string stopped =
      row({.mover = "gcp-garp", .fault = "stop", .gaps = gap(1, 100, 900, 0, 0, 0, 20)});
  const std::string one = make_report(sources_of(document(two_movers() + "," + stopped))).markdown;
  EXPECT_THAT(one,
              HasSubstr("| mover | process killed | hung | Atoll's own share | planned move |"));
  EXPECT_THAT(one, HasSubstr("| 1.22\u00a0s / 1.50\u00a0s (2) | 1.02\u00a0s / 1.02\u00a0s (1) |"));
}

TEST(ReportPage, a_loss_of_power_counts_for_more_than_a_killed_process) {
  const std::string power =
      row({.mover = "gcp-garp", .fault = "power", .gaps = gap(1, 100, 900, 0, 0, 2000, 20)});
  const std::string page = make_report(sources_of(document(two_movers() + "," + power))).markdown;
  EXPECT_THAT(page, HasSubstr("take `gcp-garp`\n\n- Measured after `power`: 3.02\u00a0s (1 gap, 3 "
                              "runs). After `drain`"));
  EXPECT_THAT(page, HasSubstr("`gcp-garp` after `power`, 3.02\u00a0s"));
  EXPECT_THAT(page, HasSubstr("1.02\u00a0s / 1.02\u00a0s (`power`) |"));
}

TEST(ReportPage, without_delays_nothing_is_called_an_assumption) {
  const std::string json = document(two_movers());
  ReportSources zero = sources_of(json);
  zero.measured.delays = "zero";
  EXPECT_THAT(make_report(zero).markdown, HasSubstr("**The cloud is emulated and takes no time"));
  EXPECT_THAT(make_report(zero).markdown, Not(HasSubstr("delays are assumptions**")));
  EXPECT_THAT(make_report(sources_of(json)).markdown, HasSubstr("delays are assumptions**"));
}

TEST(ReportPage, an_older_result_says_what_its_connections_are) {
  const std::string rule = "it also counts transfers that began after the fault";
  EXPECT_THAT(make_report(sources_of(document(two_movers()))).markdown, HasSubstr(rule));
  const std::string now =
      row({.mover = "gcp-garp",
           .fault = "kill",
           .gaps = gap(1, 100, 900, 0, 0, 0, 20),
           .more = R"("own_median_ms":1020,"own_worst_ms":1020,"runs":1,"recovered":1,)"
                   R"("split_brain_instants":0,"oracle_sure":true)"});
  EXPECT_THAT(make_report(sources_of(document(now))).markdown, Not(HasSubstr(rule)));
}

TEST(ReportPage, html_needs_nothing_else_and_closes_what_it_opens) {
  const std::string page = make_report(sources_of(document(two_movers()))).html;
  for (const char* none :
       {"<script", "@import", "url(", "<img", "<link", "\"nan", "\"inf", "{alias}"})
    EXPECT_THAT(page, Not(HasSubstr(none))) << none;
  for (const char* tag : {"svg", "figure", "table", "main", "details", "div", "ul", "text", "p",
                          "b", "code", "a", "td", "tr", "h2", "h3"})
    EXPECT_EQ(count(page, fmt::format("<{}>", tag)) + count(page, fmt::format("<{} ", tag)),
              count(page, fmt::format("</{}>", tag)))
        << tag;
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(page, HasSubstr("the &lt;clock&gt; is the machine's"));
  // A dot for each gap of each plot.
  EXPECT_EQ(count(page, "<circle"), 6u);
}

TEST(ReportPage, a_split_brain_is_the_first_thing_that_is_said) {
  const RowText bad{
      .mover = "gcp-alias",
      .fault = "stop",
      .gaps = gap(1, 100, 900, 0, 0, 0, 20),
      .more = R"("runs":1,"recovered":0,"split_brain_instants":2,"oracle_sure":true)"};
  const Report report = make_report(sources_of(document(two_movers() + "," + row(bad))));
  EXPECT_THAT(report.markdown,
              HasSubstr("take `gcp-alias`\n\n- **Do not take it: 2 split-brain instants were "
                        "seen.** **In 1 of 4 runs its addresses did not come back.**"));
  EXPECT_THAT(report.markdown, HasSubstr("take `gcp-garp`\n\n- Measured after `kill`"));
}

TEST(ReportPage, packets_lost_to_the_oracle_are_no_proof_of_safety) {
  const RowText unsure{
      .mover = "gcp-route",
      .fault = "kill",
      .gaps = gap(1, 100, 900, 0, 900, 0, 20),
      .more = R"("runs":1,"recovered":1,"split_brain_instants":0,"oracle_sure":false)"};
  const Report report = make_report(sources_of(document(row(unsure))));
  EXPECT_THAT(report.markdown, HasSubstr("**Not judged: packets were lost to the oracle.**"));
  EXPECT_THAT(report.markdown, Not(HasSubstr("| none in")));
  EXPECT_THAT(report.markdown,
              HasSubstr("take `gcp-lb`\n\n- **Nothing of it was measured here** (the \\<clock\\> "
                        "is the machine's)"));
}

TEST(ReportMoney, prices_are_the_catalogues) {
  auto book = plan::Book::parse(R"(
[price]
load_balancer = { is = "0.016 USD/GiB", source = "a contract" }
)",
                                "own.toml");
  ASSERT_TRUE(book.has_value());
  plan::Book catalogue = plan::built_in_catalogue();
  const Result<ReportPrices> list = ReportPrices::read(catalogue);
  catalogue.lay_over(*book);
  const Result<ReportPrices> own = ReportPrices::read(catalogue);
  ASSERT_TRUE(list && own);
  // 10^9 B/s x 2,628,000 s / 2^30 B x 0.008 USD.
  EXPECT_NEAR(list->balanced(1).value, 19580.1, 0.1);
  EXPECT_NEAR(list->balanced(100).value, 1958010, 10);
  EXPECT_NEAR(own->balanced(1).value, 2 * list->balanced(1).value, 0.01);
  EXPECT_NEAR(list->rules(5).value, 0.025 * 730, 1e-6);
  EXPECT_NEAR(list->rules(20).value, (0.025 + 15 * 0.01) * 730, 1e-6);
  EXPECT_EQ(list->rules(0).value, 0);
  EXPECT_THAT(own->sources, HasSubstr("a contract"));
}

TEST(ReportShake, a_longer_delay_lengthens_the_part_that_waits_for_it) {
  const ReportSources sources = sources_of(document(two_movers()));
  const ReportRow& alias = *sources.measured.find("gcp-alias", "kill");
  const std::vector<Shaken> bars = shake(alias, sources.delays);
  ASSERT_FALSE(bars.empty());
  EXPECT_EQ(bars[0].delay, "alias_operation");
  EXPECT_TRUE(bars[0].assumed);
  for (const Shaken& bar : bars) {
    EXPECT_LT(bar.half_ms, alias.gap_ms(0.5)) << bar.delay;
    EXPECT_GT(bar.twice_ms, alias.gap_ms(0.5)) << bar.delay;
    EXPECT_GT(bar.four_ms, bar.twice_ms) << bar.delay;
  }
  // All of the network's waits at once cannot take away more than the network's parts.
  double saved = 0;
  for (const Shaken& bar : bars) saved += 2 * (alias.gap_ms(0.5) - bar.half_ms);
  EXPECT_LE(saved, 2600 + 3000 + 500 + 1);
}

TEST(ReportShake, a_share_is_the_delay_over_the_part) {
  // garp_propagation's median is 200 ms: half of the part of 400.
  const std::string one = gap(1, 100, 900, 0, 0, 400, 20);
  const ReportSources sources =
      sources_of(document(row({.mover = "gcp-garp", .fault = "kill", .gaps = one})));
  const ReportRow& garp = sources.measured.rows[0];
  EXPECT_NEAR(shaken_median_ms(garp, sources.delays, "garp_propagation", 2), 1420 + 200, 1e-6);
  EXPECT_NEAR(shaken_median_ms(garp, sources.delays, "garp_propagation", 0.5), 1420 - 100, 1e-6);
  EXPECT_NEAR(shaken_median_ms(garp, sources.delays, "alias_operation", 4), 1420, 1e-6);
  EXPECT_TRUE(shake(garp, cloud::Delays::zero()).empty());
}

TEST(ReportShake, the_answer_says_on_which_assumption_it_rests) {
  const Report firm = make_report(sources_of(document(two_movers())));
  EXPECT_THAT(firm.markdown,
              HasSubstr("of the 2 movers for Google Cloud that were measured:** `gcp-garp` after "
                        "`kill`, 1.22\u00a0s at the median (n = 2); then `gcp-alias` after `kill`, "
                        "7.12\u00a0s (n = 3)."));
  EXPECT_THAT(firm.markdown, HasSubstr("**So few gaps are examples, not statistics.** The longest "
                                       "gap of `gcp-garp` was shorter than the shortest of"));
  EXPECT_THAT(firm.markdown, HasSubstr("Reckoned from these 5 gaps, not run again, with any one"));
  EXPECT_THAT(firm.markdown, HasSubstr("`gcp-garp` stays the first."));
  const std::string close =
      row({.mover = "gcp-garp", .fault = "kill", .gaps = gap(1, 100, 900, 0, 0, 200, 20)}) + "," +
      row({.mover = "gcp-lb", .fault = "kill", .gaps = gap(1, 100, 900, 0, 0, 300, 20)});
  const Report loose = make_report(sources_of(document(close)));
  EXPECT_THAT(loose.markdown, HasSubstr("with `garp_propagation` times 2 it would be `gcp-lb`"));
  const std::string mixed =
      row({.mover = "gcp-garp",
           .fault = "kill",
           .gaps = gap(1, 100, 900, 0, 0, 100, 20) + "," + gap(2, 100, 900, 0, 0, 900, 20)}) +
      "," + row({.mover = "gcp-lb", .fault = "kill", .gaps = gap(1, 100, 900, 0, 0, 300, 20)});
  EXPECT_THAT(make_report(sources_of(document(mixed))).markdown,
              HasSubstr("The gaps of `gcp-garp` and `gcp-lb` overlap"));
}

TEST(ReportInput, what_is_wrong_is_said_with_its_place) {
  EXPECT_THAT(complaint("{"), HasSubstr("r.json: this is not JSON"));
  EXPECT_THAT(complaint("[]"), HasSubstr("the document is an object"));
  EXPECT_THAT(complaint("{}"), HasSubstr("version is missing"));
  EXPECT_THAT(complaint(document("")), HasSubstr("results is empty"));
  EXPECT_THAT(complaint(document("7")), HasSubstr("results[0] is an object"));
  std::string wrong = document(two_movers());
  wrong.replace(wrong.find(R"("detect":100)"), 12, R"("detect":101)");
  EXPECT_THAT(complaint(wrong),
              HasSubstr("results[0].gaps_ms[0].total is 7020 but the parts sum up to 7021"));
  wrong = document(two_movers());
  wrong.replace(wrong.find(R"("api_calls":37)"), 14, R"("api_calls":-1)");
  EXPECT_THAT(complaint(wrong), HasSubstr("results[0].api_calls is a whole number"));
  EXPECT_THAT(
      complaint(document(
          row({.mover = "gcp-lb",
               .fault = "kill",
               .gaps = "",
               .more = R"("runs":1,"recovered":2,"split_brain_instants":0,"oracle_sure":true)"}))),
      HasSubstr("results[0].recovered is more than runs"));
}

TEST(ReportInput, a_row_without_a_gap_is_shown_without_one) {
  const Report report =
      make_report(sources_of(document(row({.mover = "gcp-lb", .fault = "kill", .gaps = ""}))));
  EXPECT_THAT(report.markdown, HasSubstr("| `gcp-lb` | - | - |"));
  EXPECT_THAT(report.html, Not(HasSubstr("<circle")));
}

TEST(ReportMarks, foreign_text_cannot_make_marks) {
  EXPECT_EQ(inline_html("**a** `b<c` [d](e&f) g"),
            "<b>a</b> <code>b&lt;c</code> <a href=\"e&amp;f\">d</a> g");
  EXPECT_EQ(inline_html(plain("**a** | `b` [c](d) <e>\n\\")), "**a** | `b` [c](d) &lt;e&gt; \\");
  EXPECT_EQ(inline_html("** ` ["), "** ` [");
}

TEST(ReportFacts, every_mover_has_them_and_every_cited_page_is_known) {
  for (const MoverFacts& facts : all_mover_facts()) {
    for (const std::string_view text : {facts.what, facts.rdma, facts.zones, facts.projects,
                                        facts.pros, facts.cons, facts.situation}) {
      EXPECT_FALSE(text.empty()) << facts.mover;
      EXPECT_THAT(cited(text), Not(HasSubstr("{"))) << facts.mover;
    }
    EXPECT_FALSE(facts.needs.empty() || facts.limits.empty()) << facts.mover;
  }
  EXPECT_EQ(all_mover_facts().size(), 6u);
}

TEST(ReportScale, rows_and_what_fits_are_shown_and_refusals_with_their_reason) {
  ReportSources sources = sources_of(document(two_movers()));
  EXPECT_THAT(make_report(sources).markdown, Not(HasSubstr("On many nodes")));
  const Result<ScaleInput> scale = parse_scale_input(
      R"({"version":"0.1.0","delays":"built-in","domains":8,"seed":5,"results":[
{"mover":"gcp-alias","nodes":100,"addresses":400,"domains":8,"lease_ms":10000,"state":"missing",
"nodes_lost":13,"addresses_concerned":52,"addresses_missing":2,"moves":52,"given_ms":null,
"taken_ms":null,"back_ms":{"first":9000,"median":21000,"last":64000},"calls_until_back":{},
"calls":{"reads":1,"writes":26,"operation_reads":3},"limits":[{"name":"writes a minute",
"first_ms":9,"addresses_waiting":17,"refusals":3}],"split_brain_instants":0},
{"mover":"gcp-garp","nodes":100,"addresses":100,"domains":8,"lease_ms":10000,"state":"refused",
"reason":"100 services | at most 64"}],
"fits":[{"mover":"gcp-garp","nodes":30,"addresses":64,"refused_by":"64 services","reason":"x"}]})",
      "s.json");
  ASSERT_TRUE(scale.has_value()) << scale.error().message;
  sources.scale = *scale;
  const std::string page = make_report(sources).markdown;
  EXPECT_THAT(page,
              HasSubstr("| `gcp-alias` | 100 | 400 | 10.00\u00a0s | 21.00\u00a0s / 64.00\u00a0s, "
                        "**2 not back** | 52 | 26 | writes a minute (17 addresses waiting) |"));
  EXPECT_THAT(page, HasSubstr("refused: 100 services \\| at most 64"));
  EXPECT_THAT(page, HasSubstr("`gcp-garp`: 64 addresses on 30 nodes; one more is refused by: 64"));
  EXPECT_THAT(parse_scale_input("{}", "s.json").error().message,
              HasSubstr("s.json: version is missing"));
}

TEST(ReportShake, a_wait_is_counted_to_a_part_that_can_hold_it) {
  // The replacement of an instance shows as detection: nobody else is named until it is back.
  const ReportSources sources = sources_of(document(
      row({.mover = "gcp-pool", .fault = "replace", .gaps = gap(1, 50000, 0, 0, 0, 5, 20)})));
  const std::vector<Shaken> bars = shake(sources.measured.rows[0], sources.delays);
  ASSERT_EQ(bars.size(), 1u);
  EXPECT_NEAR(bars[0].half_ms, 50025 - 50000 * 0.5, 1);
}

TEST(ReportFiles, are_read_and_written_and_a_missing_one_is_named) {
  const std::string folder = testing::TempDir() + "atoll-report-test";
  std::filesystem::create_directories(folder);
  const std::string result = folder + "/r.json";
  std::ofstream(result) << document(two_movers());
  ReportFiles files{.result = result, .html = folder + "/r.html", .markdown = folder + "/r.md"};
  const Status written = write_report(files);
  ASSERT_TRUE(written.has_value()) << written.error().message;
  std::ifstream page(folder + "/r.md");
  const std::string text((std::istreambuf_iterator<char>(page)), std::istreambuf_iterator<char>());
  EXPECT_EQ(text, make_report(sources_of(document(two_movers()))).markdown.substr(0, text.size()));
  files.delays = folder + "/none.toml";
  EXPECT_THAT(write_report(files).error().message, HasSubstr("none.toml: cannot be read"));
  EXPECT_EQ(run_report({.result = folder + "/none.json"}), 1);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace atl::lab
