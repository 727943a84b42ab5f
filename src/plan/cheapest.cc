#include "plan/cheapest.h"

#include <algorithm>
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
  out.origin = {"search", 1};
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
  ATOLL_TRY(const Variation list, parse_variation("search.shapes=" + text));
  for (const std::string& shape : list.values) {
    if (std::ranges::find(known, shape) != known.end()) continue;
    const std::string near = nearest(shape, known);
    return wrong(*scenario.find(kKey), kKey,
                 fmt::format("no shape is called \"{}\"{}", shape,
                             near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
  }
  need->shapes = list.values;
  return {};
}

Status take_domains(const Book& scenario, Need* need) {
  constexpr std::string_view kKey = "search.domains";
  std::string text = "3..32";
  if (scenario.find(kKey) != nullptr) {
    ATOLL_TRY(text, scenario.word(kKey));
  }
  const Result<Variation> list = parse_variation("search.domains=" + text);
  if (!list) return wrong(*scenario.find(kKey), kKey, list.error().message);
  for (const std::string& value : list->values) {
    const double number = std::strtod(value.c_str(), nullptr);
    if (number < 1 || number > kSearchDomainsMax || number != std::floor(number))
      return wrong(
          *scenario.find(kKey), kKey,
          fmt::format("\"{}\" is not a number of domains from 1 to {}", value, kSearchDomainsMax));
    need->domains.push_back(static_cast<uint32_t>(number));
  }
  return {};
}

class Search {
 public:
  Search(const Book& scenario, const Book& catalogue, Need need)
      : scenario_(scenario), catalogue_(catalogue), need_(std::move(need)) {}

  Result<Cheapest> run() {
    for (const std::string& shape : need_.shapes)
      for (const char* network : {"default", "tier1"}) {
        if (std::string_view(network) == "tier1" &&
            catalogue_.find(fmt::format("shape.{}.network_tier1", shape)) == nullptr)
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
    return make_plan(scenario_of(scenario_, candidate), catalogue_);
  }

  Status search_shape(const std::string& shape, const std::string& network) {
    std::optional<Cheapest::Choice> best;
    for (const uint32_t domains : need_.domains) {
      if (domains <= need_.domains_lost) continue;
      const uint32_t steps = need_.nodes_most / domains;
      const uint32_t widest = std::min(domains, kStripeWidthMax) - need_.domains_lost;
      out_.space += uint64_t{steps} * widest;
      for (uint32_t k = widest; k > 0; --k) {
        Candidate candidate{shape, network, 0, domains, k, need_.domains_lost};
        ATOLL_TRY(std::optional<Cheapest::Choice> found, least_nodes(candidate, steps, best));
        if (found && (!best || cost(found->plan) < cost(best->plan))) best = std::move(found);
        // Narrower stripes take more room and are no faster: they can only be better where losses
        // are what binds.
        if (need_.annual_loss >= 1) break;
      }
    }
    if (best) out_.by_shape.push_back(std::move(*best));
    return {};
  }

  // By bisection over multiples of the domains. Gives up as soon as it cannot be cheaper than
  // `best`.
  Result<std::optional<Cheapest::Choice>> least_nodes(Candidate candidate, uint32_t steps,
                                                      const std::optional<Cheapest::Choice>& best) {
    uint32_t low = 0, high = steps + 1;  // low does not hold, high does or is past the end
    std::optional<Cheapest::Choice> found;
    while (high - low > 1) {
      // Small clusters first: most answers are near the beginning.
      const uint32_t middle = high > steps && low == 0 ? 1
                              : high > steps           ? std::min(steps, low * 2)
                                                       : low + (high - low) / 2;
      candidate.nodes = middle * candidate.domains;
      ATOLL_TRY(Plan plan, plan_of(candidate));
      if (holds(plan, need_)) {
        high = middle;
        found = Cheapest::Choice{candidate, std::move(plan)};
      } else {
        if (best && cost(plan) >= cost(best->plan)) return std::optional<Cheapest::Choice>();
        low = middle;
        if (middle == steps) break;
      }
    }
    return found;
  }

  Result<Cheapest> nothing_holds() {
    // What the largest cluster of the space falls short of.
    Candidate largest;
    double most = -1;
    for (const std::string& shape : need_.shapes)
      for (const uint32_t domains : need_.domains) {
        if (domains <= need_.domains_lost || domains > need_.nodes_most) continue;
        Candidate c{shape,
                    "default",
                    need_.nodes_most / domains * domains,
                    domains,
                    std::min(domains, kStripeWidthMax) - need_.domains_lost,
                    need_.domains_lost};
        ATOLL_TRY(const Plan plan, plan_of(c));
        if (figure(plan, "capacity.usable") <= most) continue;
        most = figure(plan, "capacity.usable");
        largest = c;
      }
    if (most < 0)
      return fail(Errc::kNotFound,
                  fmt::format("no number of domains to choose from survives the loss of {}; see "
                              "search.domains and search.nodes_most",
                              need_.domains_lost));
    ATOLL_TRY(const Plan plan, plan_of(largest));
    return fail(
        Errc::kNotFound,
        fmt::format(
            "no cluster of up to {} nodes gives what is needed; {} x {} gives {} usable, {} "
            "read, {} write and an annual loss of {:.3g}",
            need_.nodes_most, largest.nodes, largest.shape,
            format_quantity(any(Bytes{figure(plan, "capacity.usable")})),
            format_quantity(any(BytesPerSecond{figure(plan, "speed.read")})),
            format_quantity(any(BytesPerSecond{figure(plan, "speed.write")})),
            figure(plan, "durability.annual_loss")));
  }

  const Book& scenario_;
  const Book& catalogue_;
  const Need need_;
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
  ATOLL_TRY(out.usable, scenario.get<Bytes>("need.usable"));
  ATOLL_TRY_STATUS(take(scenario, "need.read", &out.read));
  ATOLL_TRY_STATUS(take(scenario, "need.write", &out.write));
  ATOLL_TRY_STATUS(take(scenario, "need.annual_loss", &out.annual_loss));
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

bool holds(const Plan& plan, const Need& need) {
  return figure(plan, "capacity.usable") >= need.usable.value &&
         figure(plan, "speed.read") >= need.read.value &&
         figure(plan, "speed.write") >= need.write.value &&
         figure(plan, "durability.annual_loss") <= need.annual_loss;
}

Result<Cheapest> find_cheapest(const Book& scenario, const Book& catalogue) {
  Book data = catalogue;
  data.lay_over(scenario);
  ATOLL_TRY(Need need, read_need(scenario, data));
  return Search(scenario, data, std::move(need)).run();
}

std::string cheapest_text(const Cheapest& found) {
  std::string out = fmt::format("The cheapest of {} clusters ({} of them computed):\n\n",
                                found.space, found.evaluated);
  out += fmt::format("  {:<34}{:>7}{:>9}{:>10}{:>14}{:>14}{:>14}{:>14}\n", "shape", "nodes",
                     "domains", "stripe", "usable", "read", "write", "month");
  for (const Cheapest::Choice& choice : found.by_shape) {
    const Candidate& c = choice.candidate;
    auto say = [&choice](std::string_view key) {
      return format_quantity(choice.plan.sheet.find(key)->value);
    };
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
    for (const std::string& key : headline_figures()) {
      const Figure* f = choice.plan.sheet.find(key);
      figures[key + key_suffix(f->value.dimensions)] = f->value.value;
    }
    choices.push_back(json::object{{"shape", c.shape},
                                   {"network", c.network},
                                   {"nodes", c.nodes},
                                   {"domains", c.domains},
                                   {"data_shards", c.k},
                                   {"parity_shards", c.m},
                                   {"figures", figures}});
  }
  return json::serialize(json::object{
             {"space", found.space}, {"evaluated", found.evaluated}, {"choices", choices}}) +
         "\n";
}

}  // namespace atl::plan
