#include "plan/growth.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "plan/report.h"
#include "plan/svg.h"
#include "plan/what_if.h"

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
                 fmt::format("{} is not a date such as \"2027-01-31\"", quoted(text)));
  return *day;
}

double figure(const Plan& plan, std::string_view key) {
  return plan.sheet.at(key).value.value;
}
std::string say(const Plan& plan, std::string_view key) {
  return headline_text(plan, key);
}
// "$1,234*": assumed when the month is.
std::string cost_text(const Phase& phase, Dollars cost) {
  return format_quantity(any(cost)) + (phase.plan.sheet.at("money.month").assumed ? "*" : "");
}
std::string total_text(const Growth& growth) {
  const bool assumed = std::ranges::any_of(
      growth.phases, [](const Phase& phase) { return phase.plan.sheet.at("money.month").assumed; });
  return format_quantity(any(growth.cost)) + (assumed ? "*" : "");
}
std::string_view choice_of(const Plan& plan, std::string_view key) {
  for (const auto& [name, word] : plan.choices)
    if (name == key) return word;
  return {};
}

// What fits beside a bar.
std::string bar_label(const std::string& name) {
  constexpr size_t kFits = 14;
  return name.size() <= kFits ? name : name.substr(0, kFits - 1) + "…";
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

// The phases' names; each is a table with a line in it.
Result<std::vector<std::string>> names_of(const Book& scenario) {
  const std::string kExample =
      "write for example [phase.test] with from = \"2027-01-31\" and nodes = 10";
  if (const Datum* datum = scenario.find("phase"))
    return wrong(*datum, "phase", "is a table of tables; " + kExample);
  if (const Datum* datum = scenario.find("growth"))
    return wrong(*datum, "growth", "is a table: [growth] with until = \"2028-01-31\"");
  for (const auto& [key, origin] : scenario.empty_tables())
    if (key.starts_with("phase."))
      return wrong_at(origin, key, "says nothing; a phase has at least from = \"2027-01-31\"");
  std::vector<std::string> names = scenario.names_below("phase");
  if (names.empty())
    return fail(Errc::kNotFound,
                fmt::format("{}: there is no phase; {}", scenario.name(), kExample));
  if (names.size() > kPhasesMax)
    return fail(Errc::kTooLarge,
                fmt::format("{}: more than {} phases", scenario.name(), kPhasesMax));
  for (const std::string& name : names) {
    const std::string key = "phase." + name;
    if (const Datum* datum = scenario.find(key))
      return wrong(*datum, key, "a phase is a table; " + kExample);
    if (scenario.find(key + ".from") == nullptr)
      return wrong(*scenario.first_below(key), key,
                   fmt::format("{}.from is missing; write from = \"2027-01-31\"", key));
  }
  for (const auto& [key, datum] : scenario.data())
    if (key.starts_with("growth.") && key != "growth.until")
      return wrong(datum, key, "no such key; [growth] has until");
  return names;
}

Result<Day> end_of(const Book& scenario, const Phase& last) {
  if (scenario.find("growth.until") == nullptr) return last.from + std::chrono::days(365);
  ATOLL_TRY(const Day end, date_at(scenario, "growth.until"));
  if (end > last.from) return end;
  return wrong(*scenario.find("growth.until"), "growth.until",
               fmt::format("is not after the last phase, which begins {}", date_text(last.from)));
}

// Each ends where the next begins.
Status set_ends(const Book& scenario, Day end, std::vector<Phase>* phases) {
  for (size_t i = 0; i < phases->size(); ++i) {
    Phase& phase = (*phases)[i];
    phase.until = i + 1 == phases->size() ? end : (*phases)[i + 1].from;
    if (phase.until != phase.from) continue;
    const std::string one = fmt::format("phase.{}.from", phase.name);
    const std::string other = fmt::format("phase.{}.from", (*phases)[i + 1].name);
    const bool later = scenario.find(one)->origin.line > scenario.find(other)->origin.line;
    const std::string& key = later ? one : other;
    return wrong(*scenario.find(key), key,
                 fmt::format("begins on the same day as another phase, {}",
                             later ? (*phases)[i + 1].name : phase.name));
  }
  return {};
}

void set_more(const Phase* before, Phase* phase) {
  const double nodes = figure(phase->plan, "asked.cluster.nodes");
  const bool same = before != nullptr && before->shape == phase->shape;
  phase->more_nodes =
      std::max(0.0, nodes - (same ? figure(before->plan, "asked.cluster.nodes") : 0));
  phase->more_vcpus = phase->more_nodes * figure(phase->plan, "speed.cores") *
                      figure(phase->plan, "data.atoll.vcpus_per_core") / nodes;
  phase->more_ssd = Bytes{phase->more_nodes * figure(phase->plan, "capacity.raw") / nodes};
}

Day years_later(Day day, int years) {
  year_month_day date{day};
  date += std::chrono::years(years);
  if (!date.ok()) date = date.year() / date.month() / std::chrono::last;
  return Day(date);
}

// What the machines whose commitment begins with phase `at` are owed after the last phase that uses
// them all. A term that ends before is followed by another.
void set_owed(size_t at, std::vector<Phase>* phases) {
  Phase& phase = (*phases)[at];
  auto committed = [](const Phase& p) { return choice_of(p.plan, "money.commitment"); };
  auto nodes = [](const Phase& p) { return figure(p.plan, "asked.cluster.nodes"); };
  const std::string_view commitment = committed(phase);
  if (commitment == "on_demand") return;
  auto alike = [&](const Phase& p) { return p.shape == phase.shape && committed(p) == commitment; };
  const double had = at > 0 && alike((*phases)[at - 1]) ? nodes((*phases)[at - 1]) : 0;
  const double begun = nodes(phase) - had;
  if (begun <= 0) return;
  Day used = phase.until;
  for (size_t i = at + 1;
       i < phases->size() && alike((*phases)[i]) && nodes((*phases)[i]) >= nodes(phase); ++i)
    used = (*phases)[i].until;
  const int term = commitment == "one_year" ? 1 : 3;
  Day end = phase.from;
  for (int years = term; end < used; years += term) end = years_later(phase.from, years);
  phase.used_until = used;
  phase.committed_until = end;
  const Seconds rest = static_cast<double>((end - used).count()) * 24 * kHour;
  phase.owed =
      Dollars{figure(phase.plan, "money.instances") * begun / nodes(phase)} * (rest / kMonth);
}

// "64 x z3-highmem-88-highlssd (5,632 vCPUs, 2.197 PiB of local SSD)"; empty: nothing more.
std::string more_text(const Phase& phase) {
  if (phase.more_nodes <= 0) return {};
  return fmt::format("{:.0f} x {} ({:.0f} vCPUs, {} of local SSD)", phase.more_nodes, phase.shape,
                     phase.more_vcpus, format_quantity(any(phase.more_ssd)));
}

// Commitments that outlive their use, a sentence each.
std::vector<std::string> owed_notes(const Growth& growth) {
  std::vector<std::string> out;
  for (const Phase& phase : growth.phases)
    if (phase.committed_until && *phase.committed_until > *phase.used_until)
      out.push_back(fmt::format(
          "{}: what is committed from {} runs until {}, {} than {}; up to {} of it is owed beyond "
          "and is not in the sum.",
          phase.name, date_text(phase.from), date_text(*phase.committed_until),
          *phase.used_until == growth.phases.back().until ? "longer" : "and is used no longer",
          date_text(*phase.used_until), cost_text(phase, phase.owed)));
  return out;
}

}  // namespace

Result<Growth> project(const Book& scenario, const Book& catalogue) {
  ATOLL_TRY(const std::vector<std::string> names, names_of(scenario));
  Growth out;
  for (const std::string& name : names) {
    Phase phase;
    phase.name = name;
    ATOLL_TRY(phase.from, date_at(scenario, fmt::format("phase.{}.from", name)));
    ATOLL_TRY(const Book book, book_of(scenario, name));
    ATOLL_TRY(phase.plan, make_plan(book, catalogue));
    phase.shape = choice_of(phase.plan, "cluster.shape");
    out.phases.push_back(std::move(phase));
  }
  std::ranges::stable_sort(out.phases, {}, &Phase::from);
  Book data = catalogue;
  data.lay_over(scenario);
  ATOLL_TRY(const Seconds lead, data.get<Seconds>("reservation.lead"));
  const auto lead_days = std::chrono::days(static_cast<int>(lead / (24 * kHour)));
  ATOLL_TRY(const Day end, end_of(scenario, out.phases.back()));
  ATOLL_TRY_STATUS(set_ends(scenario, end, &out.phases));
  for (size_t i = 0; i < out.phases.size(); ++i) {
    Phase& phase = out.phases[i];
    phase.ask_by = phase.from - lead_days;
    set_more(i == 0 ? nullptr : &out.phases[i - 1], &phase);
    set_owed(i, &out.phases);
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
    std::string ask = more_text(phase);
    ask = ask.empty() ? "nothing more" : ask + ", " + date_text(phase.ask_by);
    out += fmt::format("{:<22}{:<12}{:>7.0f}{:>14}{:>14}{:>16}{:>16}   {}\n", phase.name,
                       date_text(phase.from), figure(phase.plan, "asked.cluster.nodes"),
                       say(phase.plan, "capacity.usable"), say(phase.plan, "speed.read"),
                       say(phase.plan, "money.month"), cost_text(phase, phase.cost), ask);
  }
  out += fmt::format("\nTogether {} until {}. A figure with a * rests on something assumed.\n",
                     total_text(growth), date_text(growth.phases.back().until));
  for (const std::string& note : owed_notes(growth)) out += fmt::format("  - {}\n", note);
  return out;
}

std::string growth_json(const Growth& growth) {
  json::array phases;
  for (const Phase& phase : growth.phases) {
    json::array assumed;
    for (const auto& [name, key] : {std::pair("usable_bytes", "capacity.usable"),
                                    {"read_bytes_per_second", "speed.read"},
                                    {"write_bytes_per_second", "speed.write"},
                                    {"month_dollars", "money.month"},
                                    {"cost_dollars", "money.month"}})
      if (phase.plan.sheet.at(key).assumed) assumed.push_back(json::string(name));
    json::object one{{"name", phase.name},
                     {"from", date_text(phase.from)},
                     {"until", date_text(phase.until)},
                     {"shape", phase.shape},
                     {"nodes", figure(phase.plan, "asked.cluster.nodes")},
                     {"usable_bytes", figure(phase.plan, "capacity.usable")},
                     {"read_bytes_per_second", figure(phase.plan, "speed.read")},
                     {"write_bytes_per_second", figure(phase.plan, "speed.write")},
                     {"month_dollars", figure(phase.plan, "money.month")},
                     {"cost_dollars", phase.cost.value},
                     {"ask_by", date_text(phase.ask_by)},
                     {"more_nodes", phase.more_nodes},
                     {"more_vcpus", phase.more_vcpus},
                     {"more_ssd_bytes", phase.more_ssd.value},
                     {"owed_dollars", phase.owed.value},
                     {"assumed", assumed}};
    if (phase.committed_until) one["committed_until"] = date_text(*phase.committed_until);
    phases.push_back(std::move(one));
  }
  return json::serialize(json::object{{"phases", phases}, {"cost_dollars", growth.cost.value}}) +
         "\n";
}

std::string growth_html(const std::string& name, const Growth& growth) {
  struct Row {
    std::string_view title, key;
  };
  std::string body = fmt::format(
      "<p class=\"quiet\">Together {} until {}. A figure with a * rests on something "
      "assumed.</p>\n",
      html_escaped(total_text(growth)), date_text(growth.phases.back().until));
  for (const std::string& note : owed_notes(growth))
    body += fmt::format("<p>{}</p>\n", html_escaped(note));
  for (const Row& row : {Row{"Nodes", "asked.cluster.nodes"}, Row{"Usable room", "capacity.usable"},
                         Row{"Read", "speed.read"}, Row{"Money a month", "money.month"}}) {
    std::vector<Bar> lines;
    for (const Phase& phase : growth.phases)
      lines.push_back(
          {bar_label(phase.name), figure(phase.plan, row.key), say(phase.plan, row.key), true});
    body += fmt::format("<h2>{}</h2><figure>{}</figure>\n", row.title, bars(row.title, lines));
  }
  body +=
      "<h2>What to ask for, and when</h2><div "
      "class=\"wide\"><table><tr><th>phase</th><th>from</th><th>its cost</th><th>ask by</th>"
      "<th>for</th></tr>\n";
  for (const Phase& phase : growth.phases) {
    const std::string more = more_text(phase);
    body += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        html_escaped(phase.name), date_text(phase.from),
                        html_escaped(cost_text(phase, phase.cost)),
                        more.empty() ? "" : date_text(phase.ask_by),
                        html_escaped(more.empty() ? "nothing more" : more));
  }
  return page_of(name, body + "</table></div>\n");
}

}  // namespace atl::plan
