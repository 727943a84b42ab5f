#include "plan/growth.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "plan/report.h"
#include "plan/svg.h"

namespace atl::plan {
namespace {

namespace json = boost::json;
using std::chrono::year_month_day;

struct PhaseKey {
  std::string_view name;  // in a phase
  std::string_view key;   // of the scenario
};
constexpr PhaseKey kPhaseKeys[] = {
    {"nodes", "cluster.nodes"},         {"domains", "cluster.domains"},
    {"shape", "cluster.shape"},         {"protection", "cluster.protection"},
    {"network", "cluster.network"},     {"use", "money.use"},
    {"commitment", "money.commitment"},
};

std::string date_text(Day day) {
  const year_month_day date{day};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::optional<Day> parse_date(std::string_view text) {
  int parts[3] = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int i = 0; i < 3; ++i) {
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    if (error != std::errc() || next == at || parts[i] < 1) return std::nullopt;
    at = next;
    if (i < 2 && (at == end || *at++ != '-')) return std::nullopt;
  }
  const year_month_day date{std::chrono::year(parts[0]),
                            std::chrono::month(static_cast<unsigned>(parts[1])),
                            std::chrono::day(static_cast<unsigned>(parts[2]))};
  if (at != end || !date.ok() || parts[0] > 9999) return std::nullopt;
  return Day(date);
}

Result<Day> date_at(const Book& book, const std::string& key) {
  ATOLL_TRY(const std::string text, book.word(key));
  const std::optional<Day> day = parse_date(text);
  if (!day)
    return wrong(*book.find(key), key,
                 fmt::format("\"{}\" is not a date such as \"2027-01-31\"", text));
  return *day;
}

double figure(const Plan& plan, std::string_view key) {
  return plan.sheet.at(key).value.value;
}
std::string say(const Plan& plan, std::string_view key) {
  return format_quantity(plan.sheet.find(key)->value);
}

// The scenario as it is in one phase.
Result<Book> book_of(const Book& scenario, const std::string& name) {
  Book out = scenario;
  out.drop("phase");
  out.drop("growth");
  const std::string prefix = fmt::format("phase.{}.", name);
  for (const auto& [key, datum] : scenario.data()) {
    if (!key.starts_with(prefix) || key == prefix + "from") continue;
    const auto known =
        std::ranges::find(kPhaseKeys, std::string_view(key).substr(prefix.size()), &PhaseKey::name);
    if (known == std::end(kPhaseKeys))
      return wrong(datum, key,
                   "no such key; a phase has from, nodes, domains, shape, protection, network, use "
                   "and commitment");
    out.set(std::string(known->key), datum);
  }
  return out;
}

double vcpus_of(const Plan& plan) {
  return figure(plan, "speed.cores") * figure(plan, "data.atoll.vcpus_per_core");
}

}  // namespace

Result<Growth> project(const Book& scenario, const Book& catalogue) {
  const std::vector<std::string> names = scenario.names_below("phase");
  if (names.empty())
    return fail(Errc::kNotFound,
                fmt::format("{}: there is no phase; write for example [phase.test] with from = "
                            "\"2027-01-31\" and nodes = 10",
                            scenario.name()));
  if (names.size() > kPhasesMax)
    return fail(Errc::kTooLarge,
                fmt::format("{}: more than {} phases", scenario.name(), kPhasesMax));
  Growth out;
  for (const std::string& name : names) {
    Phase phase;
    phase.name = name;
    ATOLL_TRY(phase.from, date_at(scenario, fmt::format("phase.{}.from", name)));
    ATOLL_TRY(const Book book, book_of(scenario, name));
    ATOLL_TRY(phase.plan, make_plan(book, catalogue));
    out.phases.push_back(std::move(phase));
  }
  std::ranges::stable_sort(out.phases, {}, &Phase::from);
  Book data = catalogue;
  data.lay_over(scenario);
  ATOLL_TRY(const Seconds lead, data.get<Seconds>("reservation.lead"));
  const auto lead_days = std::chrono::days(static_cast<int>(lead / (24 * kHour)));
  Day end = out.phases.back().from + std::chrono::days(365);
  if (scenario.find("growth.until") != nullptr) {
    ATOLL_TRY(end, date_at(scenario, "growth.until"));
    if (end <= out.phases.back().from)
      return wrong(*scenario.find("growth.until"), "growth.until",
                   fmt::format("is not after the last phase, which begins {}",
                               date_text(out.phases.back().from)));
  }
  for (size_t i = 0; i < out.phases.size(); ++i) {
    Phase& phase = out.phases[i];
    const bool last = i + 1 == out.phases.size();
    phase.until = last ? end : out.phases[i + 1].from;
    if (phase.until == phase.from)
      return wrong(*scenario.find(fmt::format("phase.{}.from", phase.name)), phase.name,
                   "begins on the same day as another phase");
    phase.ask_by = phase.from - lead_days;
    const Plan* before = i == 0 ? nullptr : &out.phases[i - 1].plan;
    auto more = [before](double now, double then) {
      return std::max(0.0, now - (before ? then : 0));
    };
    phase.more_vcpus = more(vcpus_of(phase.plan), before ? vcpus_of(*before) : 0);
    phase.more_ssd = Bytes{
        more(figure(phase.plan, "capacity.raw"), before ? figure(*before, "capacity.raw") : 0)};
    const Seconds length = static_cast<double>((phase.until - phase.from).count()) * 24 * kHour;
    phase.cost = Dollars{figure(phase.plan, "money.month")} * (length / kMonth);
    out.cost += phase.cost;
  }
  return out;
}

std::string growth_text(const Growth& growth) {
  std::string out = fmt::format("{:<22}{:<12}{:>7}{:>14}{:>14}{:>16}{:>16}   {}\n", "phase", "from",
                                "nodes", "usable", "read", "a month", "its cost", "ask for, by");
  for (const Phase& phase : growth.phases) {
    std::string ask = "nothing more";
    if (phase.more_vcpus > 0 || phase.more_ssd.value > 0)
      ask = fmt::format("{:.0f} vCPUs, {} of local SSD, {}", phase.more_vcpus,
                        format_quantity(any(phase.more_ssd)), date_text(phase.ask_by));
    out += fmt::format("{:<22}{:<12}{:>7.0f}{:>14}{:>14}{:>16}{:>16}   {}\n", phase.name,
                       date_text(phase.from), figure(phase.plan, "asked.cluster.nodes"),
                       say(phase.plan, "capacity.usable"), say(phase.plan, "speed.read"),
                       say(phase.plan, "money.month"), format_quantity(any(phase.cost)), ask);
  }
  return out + fmt::format("\nTogether {} until {}.\n", format_quantity(any(growth.cost)),
                           date_text(growth.phases.back().until));
}

std::string growth_json(const Growth& growth) {
  json::array phases;
  for (const Phase& phase : growth.phases)
    phases.push_back(json::object{{"name", phase.name},
                                  {"from", date_text(phase.from)},
                                  {"until", date_text(phase.until)},
                                  {"nodes", figure(phase.plan, "asked.cluster.nodes")},
                                  {"usable_bytes", figure(phase.plan, "capacity.usable")},
                                  {"read_bytes_per_second", figure(phase.plan, "speed.read")},
                                  {"write_bytes_per_second", figure(phase.plan, "speed.write")},
                                  {"month_dollars", figure(phase.plan, "money.month")},
                                  {"cost_dollars", phase.cost.value},
                                  {"ask_by", date_text(phase.ask_by)},
                                  {"more_vcpus", phase.more_vcpus},
                                  {"more_ssd_bytes", phase.more_ssd.value}});
  return json::serialize(json::object{{"phases", phases}, {"cost_dollars", growth.cost.value}}) +
         "\n";
}

std::string growth_html(const std::string& name, const Growth& growth) {
  struct Row {
    std::string_view title, key;
  };
  std::string body = fmt::format("<p class=\"quiet\">Together {} until {}.</p>\n",
                                 html_escaped(format_quantity(any(growth.cost))),
                                 date_text(growth.phases.back().until));
  for (const Row& row : {Row{"Nodes", "asked.cluster.nodes"}, Row{"Usable room", "capacity.usable"},
                         Row{"Read", "speed.read"}, Row{"Money a month", "money.month"}}) {
    std::vector<Bar> lines;
    for (const Phase& phase : growth.phases)
      lines.push_back(
          {date_text(phase.from), figure(phase.plan, row.key), say(phase.plan, row.key), true});
    body += fmt::format("<h2>{}</h2><figure>{}</figure>\n", row.title, bars(row.title, lines));
  }
  body +=
      "<h2>What to ask for, and when</h2><div "
      "class=\"wide\"><table><tr><th>phase</th><th>by</th><th>what</th>"
      "</tr>\n";
  for (const Phase& phase : growth.phases)
    body += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{:.0f} vCPUs and {} of local SSD more</td></tr>\n",
        html_escaped(phase.name), date_text(phase.ask_by), phase.more_vcpus,
        html_escaped(format_quantity(any(phase.more_ssd))));
  return page_of(name, body + "</table></div>\n");
}

}  // namespace atl::plan
