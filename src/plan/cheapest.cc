#include "plan/cheapest.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "plan/inputs.h"
#include "plan/print.h"
#include "plan/what_if.h"

namespace atl::plan {
namespace {

namespace json = boost::json;

double figure(const Plan& plan, std::string_view key) {
  return plan.sheet.at(key).value.value;
}

Datum datum_of(decltype(Datum::value) value) {
  Datum out;
  out.value = std::move(value);
  out.origin = {"search", 0};
  return out;
}

template <typename Q>
Status take(const Book& scenario, std::string_view key, Q* into) {
  if (scenario.find(key) == nullptr) return {};
  ATOLL_TRY(*into, scenario.get<Q>(key));
  return {};
}

Status take_count(const Book& scenario, std::string_view key, uint32_t most, uint32_t* into) {
  if (scenario.find(key) == nullptr) return {};
  ATOLL_TRY(const double value, scenario.get<double>(key));
  if (value < 1 || value > most || value != std::floor(value))
    return wrong(*scenario.find(key), key,
                 fmt::format("{} is not a whole number from 1 to {}", value, most));
  *into = static_cast<uint32_t>(value);
  return {};
}

Status take_shapes(const Book& scenario, const Book& catalogue, Need* need) {
  constexpr std::string_view kKey = "search.shapes";
  const std::vector<std::string> known = catalogue.names_below("shape");
  if (scenario.find(kKey) == nullptr) {
    need->shapes = known;
    return {};
  }
  ATOLL_TRY(const std::string text, scenario.word(kKey));
  const Result<Variation> list = parse_variation("search.shapes=" + text, kNoFlag);
  if (!list) return wrong(*scenario.find(kKey), kKey, list.error().message);
  for (const std::string& shape : list->values) {
    if (std::ranges::find(known, shape) != known.end()) continue;
    const std::string near = nearest(shape, known);
    return wrong(*scenario.find(kKey), kKey,
                 fmt::format("no shape is called {}{}", quoted(shape),
                             near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
  }
  need->shapes = list->values;
  return {};
}

// Domains that are kept free to rebuild into.
Result<double> spare_domains(const Book& scenario) {
  if (scenario.find("cluster.spare_domains") == nullptr) return 1.0;
  return scenario.get<double>("cluster.spare_domains");
}

Status take_domains(const Book& scenario, Need* need) {
  constexpr std::string_view kKey = "search.domains";
  std::string text = "3..32";
  if (scenario.find(kKey) != nullptr) {
    ATOLL_TRY(text, scenario.word(kKey));
  }
  const Result<Variation> list = parse_variation("search.domains=" + text, kNoFlag);
  if (!list) return wrong(*scenario.find(kKey), kKey, list.error().message);
  ATOLL_TRY(const double spare, spare_domains(scenario));
  for (const std::string& value : list->values) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < 1 ||
        number > kSearchDomainsMax)
      return wrong(*scenario.find(kKey), kKey,
                   fmt::format("{} is not a number of domains from 1 to {}", quoted(value),
                               kSearchDomainsMax));
    if (number > need->domains_lost && number > spare && number <= need->nodes_most)
      need->domains.push_back(number);
  }
  if (!need->domains.empty()) return {};
  Origin origin{scenario.name(), 0};
  std::string_view where = "need";
  for (const char* key : {"need.usable", "search.nodes_most", "need.domains_lost",
                          "cluster.spare_domains", "search.domains"})
    if (const Datum* datum = scenario.find(key)) {
      origin = datum->origin;
      where = key;
    }
  return wrong_at(origin, where,
                  fmt::format("no number of domains in {} survives the loss of {} with {} of them "
                              "spare and at most {} nodes",
                              quoted(text), need->domains_lost, spare, need->nodes_most));
}

class Search {
 public:
  // `data`: the catalogue with the scenario over it.
  Search(const Book& scenario, const Book& catalogue, const Book& data, Need need)
      : scenario_(scenario), catalogue_(catalogue), data_(data), need_(std::move(need)) {}

  Result<Cheapest> run() {
    ATOLL_TRY(spare_, spare_domains(scenario_));
    for (const std::string& shape : need_.shapes)
      for (const char* network : {"default", "tier1"}) {
        if (std::string_view(network) == "tier1" &&
            data_.find(fmt::format("shape.{}.network_tier1", shape)) == nullptr)
          continue;
        ATOLL_TRY_STATUS(search_shape(shape, network));
      }
    if (out_.by_shape.empty()) return nothing_holds();
    std::ranges::stable_sort(
        out_.by_shape, [](const auto& a, const auto& b) { return cost(a.plan) < cost(b.plan); });
    return std::move(out_);
  }

 private:
  static double cost(const Plan& plan) { return figure(plan, "money.month"); }

  Result<Plan> plan_of(const Candidate& candidate) {
    ++out_.evaluated;
    return make_plan_over(scenario_of(scenario_, candidate), data_, catalogue_, Parts::kForSearch);
  }

  Status search_shape(const std::string& shape, const std::string& network) {
    std::optional<Cheapest::Choice> best;
    // More parity takes more room and is no faster: it is only better where losses are what binds.
    // A narrower stripe may be better without that: unequal domains leave less of it out of reach.
    const uint32_t more = need_.annual_loss < 1 ? kParityMore : 0;
    for (uint32_t m = need_.domains_lost; m <= need_.domains_lost + more; ++m) {
      for (const uint32_t domains : need_.domains) {
        if (domains <= m) continue;
        const uint32_t widest = std::min(domains, kStripeWidthMax) - m;
        out_.space += uint64_t{need_.nodes_most - domains + 1} * widest;
        for (uint32_t k = widest; k > 0; --k) {
          const Candidate candidate{shape, network, 0, domains, k, m};
          ATOLL_TRY_STATUS(least_nodes(candidate, &best));
        }
      }
    }
    if (!best) return {};
    // The search did without failover and comparisons; who reads the answer does not.
    ATOLL_TRY(best->plan, make_plan(scenario_of(scenario_, best->candidate), catalogue_));
    out_.by_shape.push_back(std::move(*best));
    return {};
  }

  // The least number of nodes with which `candidate` holds, where that is cheaper than `best`.
  Status least_nodes(Candidate candidate, std::optional<Cheapest::Choice>* best) {
    const bool by_nodes = !scenario_.has_table("hibernate");
    const uint32_t most = *best ? (*best)->candidate.nodes - (by_nodes ? 1 : 0) : need_.nodes_most;
    ATOLL_TRY(uint32_t low, fewest(candidate));
    if (low > most) return {};
    candidate.nodes = most;
    ATOLL_TRY(Plan plan, plan_of(candidate));
    if (!gives(plan, need_) || always_lost(candidate, low, figure(plan, "durability.annual_loss")))
      return {};
    for (uint32_t high = most; low < high;) {
      candidate.nodes = low + (high - low) / 2;
      ATOLL_TRY(plan, plan_of(candidate));
      if (gives(plan, need_)) {
        high = candidate.nodes;
      } else {
        low = candidate.nodes + 1;
      }
    }
    for (candidate.nodes = low; candidate.nodes <= most;) {
      ATOLL_TRY(plan, plan_of(candidate));
      if (holds(plan, need_)) {
        if (!*best || cost(plan) < cost((*best)->plan))
          *best = Cheapest::Choice{candidate, std::move(plan)};
        return {};
      }
      candidate.nodes = next_for_losses(candidate, figure(plan, "durability.annual_loss"));
    }
    return {};
  }

  // No fewer nodes have the room: usable is never more than raw / overhead.
  Result<uint32_t> fewest(const Candidate& c) {
    ATOLL_TRY(const Bytes ssd, data_.get<Bytes>(fmt::format("shape.{}.ssd", c.shape)));
    const double nodes = std::ceil(need_.usable / ssd * (c.k + c.m) / c.k * (1 - 1e-9));
    return std::max(c.domains, static_cast<uint32_t>(std::min(nodes, 1e9)));
  }

  // A loss needs m rebuilds that overlap, so it falls no faster than the m-th power of the longest
  // rebuild; and that no faster than 1/(nodes - 1), but for what a node holds, which changes with
  // the spare domain's size and with what unequal domains leave out of reach: with `nodes` or more,
  // at least this share of what it holds with any other number.
  double held_at_least(const Candidate& c, uint32_t nodes) const {
    const double d = c.domains, in_one = std::floor(nodes / d);
    const double fewer = in_one / (in_one + 1);  // the smaller domains against the larger ones
    const double least = std::min(1 - spare_ / d / fewer, fewer);
    return std::clamp(least / (1 - spare_ / d), 0.0, 1.0) * fewer;
  }

  // Even the most nodes have losses that no number from `low` on can be far enough below.
  bool always_lost(const Candidate& c, uint32_t low, double loss_at_most) const {
    return loss_at_most * std::pow(held_at_least(c, low), c.m) * (1 - 1e-9) > need_.annual_loss;
  }

  // The next number of nodes with which losses may be few enough, when they are `loss` with
  // c.nodes.
  uint32_t next_for_losses(const Candidate& c, double loss) const {
    const double times = std::pow(loss / need_.annual_loss, 1.0 / c.m);
    const double next = 1 + held_at_least(c, c.nodes) * (c.nodes - 1) * times * (1 - 1e-9);
    return std::max(c.nodes + 1, static_cast<uint32_t>(std::min(next, 1e9)));
  }

  Result<Cheapest> nothing_holds() {
    // What the largest cluster of the space falls short of.
    std::optional<Cheapest::Choice> largest;
    for (const std::string& shape : need_.shapes)
      for (const uint32_t domains : need_.domains) {
        Candidate c{shape,
                    "default",
                    need_.nodes_most / domains * domains,
                    domains,
                    std::min(domains, kStripeWidthMax) - need_.domains_lost,
                    need_.domains_lost};
        ATOLL_TRY(Plan plan, plan_of(c));
        if (largest && figure(plan, "capacity.usable") <= figure(largest->plan, "capacity.usable"))
          continue;
        largest = Cheapest::Choice{c, std::move(plan)};
      }
    const Candidate& c = largest->candidate;
    auto say = [&](std::string_view key) {
      return format_quantity(largest->plan.sheet.at(key).value);
    };
    return fail(
        Errc::kNotFound,
        fmt::format("{}: need: no cluster of up to {} nodes gives what is needed; {} x {}, {}+{}, "
                    "gives {} usable, {} read, {} write and an annual loss of {}",
                    scenario_.find("need.usable")->origin.to_string(), need_.nodes_most, c.nodes,
                    c.shape, c.k, c.m, say("capacity.usable"), say("speed.read"),
                    say("speed.write"), say("durability.annual_loss")));
  }

  const Book& scenario_;
  const Book& catalogue_;
  const Book& data_;
  const Need need_;
  double spare_ = 1;
  Cheapest out_;
};

}  // namespace

Result<Need> read_need(const Book& scenario, const Book& catalogue) {
  Need out;
  static const std::vector<std::string> known = {
      "need.usable",       "need.read",     "need.write",     "need.annual_loss",
      "need.domains_lost", "search.shapes", "search.domains", "search.nodes_most"};
  for (const auto& [key, datum] : scenario.data()) {
    const bool ours = key.starts_with("need.") || key.starts_with("search.");
    if (ours && std::ranges::find(known, key) == known.end()) {
      const std::string near = nearest(key, known);
      return wrong(datum, key,
                   near.empty() ? std::string("no such key")
                                : fmt::format("no such key; did you mean {}?", near));
    }
    if (key.starts_with("cluster.") && key != "cluster.spare_domains" && key != "cluster.fill")
      return wrong(datum, key, "the search chooses the cluster; say what is needed in [need]");
  }
  for (const auto& [key, origin] : scenario.empty_tables())
    if (key.starts_with("need.") || key.starts_with("search."))
      return wrong_at(origin, key, "is an empty table; a value is wanted");
  if (scenario.find("need.usable") == nullptr && scenario.has_table("need"))
    return wrong(*scenario.first_below("need"), "need",
                 "need.usable is missing; write for example usable = \"100 TiB\"");
  ATOLL_TRY(out.usable, scenario.get<Bytes>("need.usable"));
  if (out.usable <= Bytes{})
    return wrong(*scenario.find("need.usable"), "need.usable", "is above 0");
  ATOLL_TRY_STATUS(take(scenario, "need.read", &out.read));
  ATOLL_TRY_STATUS(take(scenario, "need.write", &out.write));
  ATOLL_TRY_STATUS(take(scenario, "need.annual_loss", &out.annual_loss));
  if (out.annual_loss <= 0 || out.annual_loss > 1)
    return wrong(*scenario.find("need.annual_loss"), "need.annual_loss",
                 fmt::format("{} is not above 0 and at most 1; write for example 1e-9",
                             written(*scenario.find("need.annual_loss"))));
  ATOLL_TRY_STATUS(take_count(scenario, "need.domains_lost", 16, &out.domains_lost));
  ATOLL_TRY_STATUS(take_count(scenario, "search.nodes_most", kSearchNodesMax, &out.nodes_most));
  ATOLL_TRY_STATUS(take_shapes(scenario, catalogue, &out));
  ATOLL_TRY_STATUS(take_domains(scenario, &out));
  return out;
}

Book scenario_of(const Book& scenario, const Candidate& c) {
  Book out = scenario;
  out.drop("need");
  out.drop("search");
  out.set("cluster.shape", datum_of(c.shape));
  out.set("cluster.network", datum_of(c.network));
  out.set("cluster.nodes", datum_of(any(static_cast<double>(c.nodes))));
  out.set("cluster.domains", datum_of(any(static_cast<double>(c.domains))));
  out.set("cluster.protection", datum_of(fmt::format("{}+{}", c.k, c.m)));
  return out;
}

bool gives(const Plan& plan, const Need& need) {
  return figure(plan, "capacity.usable") >= need.usable.value &&
         figure(plan, "speed.read") >= need.read.value &&
         figure(plan, "speed.write") >= need.write.value &&
         std::ranges::all_of(plan.speeds, &Speed::holds);
}

bool holds(const Plan& plan, const Need& need) {
  return gives(plan, need) && figure(plan, "durability.annual_loss") <= need.annual_loss;
}

Result<Cheapest> find_cheapest(const Book& scenario, const Book& catalogue) {
  Book data = catalogue;
  data.lay_over(scenario);
  ATOLL_TRY_STATUS(check_shapes(scenario, data));
  ATOLL_TRY(Need need, read_need(scenario, data));
  return Search(scenario, catalogue, data, std::move(need)).run();
}

std::string cheapest_text(const Cheapest& found) {
  std::string out = fmt::format("The cheapest of {} clusters ({} of them computed):\n\n",
                                format_quantity(any(static_cast<double>(found.space))),
                                format_quantity(any(static_cast<double>(found.evaluated))));
  out += fmt::format("  {:<34}{:>7}{:>9}{:>10}{:>14}{:>14}{:>14}{:>14}\n", "shape", "nodes",
                     "domains", "stripe", "usable", "read", "write", "month");
  for (const Cheapest::Choice& choice : found.by_shape) {
    const Candidate& c = choice.candidate;
    auto say = [&choice](std::string_view key) { return headline_text(choice.plan, key); };
    out += fmt::format("  {:<34}{:>7}{:>9}{:>10}{:>14}{:>14}{:>14}{:>14}\n",
                       c.shape + (c.network == "tier1" ? " tier1" : ""), c.nodes, c.domains,
                       fmt::format("{}+{}", c.k, c.m), say("capacity.usable"), say("speed.read"),
                       say("speed.write"), say("money.month"));
  }
  return out + "\n" + plan_text(found.by_shape.front().plan);
}

std::string cheapest_json(const Cheapest& found) {
  json::array choices;
  for (const Cheapest::Choice& choice : found.by_shape) {
    const Candidate& c = choice.candidate;
    json::object figures;
    json::array assumed;
    for (const std::string& key : headline_figures(choice.plan)) {
      const Figure& f = choice.plan.sheet.at(key);
      const std::string full = key + key_suffix(f.value.dimensions);
      figures[full] = f.value.value;
      if (f.assumed) assumed.push_back(json::string(full));
    }
    choices.push_back(json::object{{"shape", c.shape},
                                   {"network", c.network},
                                   {"nodes", c.nodes},
                                   {"domains", c.domains},
                                   {"data_shards", c.k},
                                   {"parity_shards", c.m},
                                   {"figures", figures},
                                   {"assumed", assumed}});
  }
  return json::serialize(json::object{
             {"space", found.space}, {"evaluated", found.evaluated}, {"choices", choices}}) +
         "\n";
}

}  // namespace atl::plan
