#include "plan/inputs.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace atl::plan {
namespace {

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> keys = {
      "name",
      "cluster.shape",
      "cluster.nodes",
      "cluster.domains",
      "cluster.protection",
      "cluster.network",
      "cluster.spare_domains",
      "cluster.fill",
      "cluster.partitions",
      "workload.read",
      "workload.write",
      "workload.small_read",
      "workload.small_write",
      "money.commitment",
      "money.use",
      "money.load_balancer",
      "money.inter_zone",
      "money.inter_region",
      "money.internet",
      "money.private_connection",
      "tier.stored",
      "tier.class",
      "tier.reads",
      "tier.writes",
  };
  return keys;
}

std::string list(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// Keys of the catalogue may stand in a scenario too: they are laid over it.
Status check_keys(const Book& scenario, const Book& catalogue) {
  for (const auto& [key, datum] : scenario.data()) {
    const std::string first = key.substr(0, key.find('.'));
    if (first == "shape" || first == "title" || first == "date") continue;
    const auto& known = known_keys();
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    if (catalogue.find(key) != nullptr) continue;
    std::vector<std::string> all = known;
    for (const auto& [name, entry] : catalogue.data()) all.push_back(name);
    const std::string near = nearest(key, all);
    return wrong(datum, key,
                 near.empty() ? fmt::format("no such key; a scenario has {}", list(known))
                              : fmt::format("no such key; did you mean {}?", near));
  }
  return {};
}

// Nothing in a scenario or a catalogue is below zero.
Status check_signs(const Book& book) {
  for (const auto& [key, datum] : book.data()) {
    const std::optional<Result<AnyQuantity>> q = quantity_of(datum);
    if (q && *q && (*q)->value < 0)
      return wrong(datum, key, fmt::format("{} is negative", format_quantity(**q)));
  }
  return {};
}

Result<uint32_t> count(const Book& book, std::string_view key, double most) {
  ATOLL_TRY(const double value, book.get<double>(key));
  if (value < 1 || value > most || value != std::floor(value))
    return wrong(*book.find(key), key,
                 fmt::format("{} is not a whole number from 1 to {}", value, most));
  return static_cast<uint32_t>(value);
}

Status fraction(const Book& book, std::string_view key) {
  if (book.find(key) == nullptr) return {};
  ATOLL_TRY(const double value, book.get<double>(key));
  if (value > 0 && value <= 1) return {};
  return wrong(*book.find(key), key, fmt::format("{} is not above 0 and at most 1", value));
}

Status read_protection(const Book& scenario, Inputs* out) {
  constexpr std::string_view kKey = "cluster.protection";
  ATOLL_TRY(const std::string text, scenario.word(kKey));
  const Datum& datum = *scenario.find(kKey);
  const size_t plus = text.find('+');
  auto number = [](std::string_view s, uint32_t* into) {
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), *into);
    return error == std::errc() && end == s.data() + s.size();
  };
  if (plus == std::string::npos || !number(std::string_view(text).substr(0, plus), &out->k) ||
      !number(std::string_view(text).substr(plus + 1), &out->m))
    return wrong(datum, kKey, fmt::format("\"{}\" is not data+parity, such as \"6+2\"", text));
  if (out->k == 0) return wrong(datum, kKey, "needs at least one data shard, such as \"6+2\"");
  if (out->k + out->m > kStripeWidthMax)
    return wrong(
        datum, kKey,
        fmt::format("a stripe of {} shards is wider than {}", out->k + out->m, kStripeWidthMax));
  if (out->k + out->m > out->nodes)
    return wrong(
        datum, kKey,
        fmt::format("a stripe of {} shards is wider than the cluster of {} nodes: each shard "
                    "needs a node of its own; at most {}+{} fits",
                    out->k + out->m, out->nodes, out->nodes > out->m ? out->nodes - out->m : 1,
                    out->m));
  return {};
}

Result<std::string> choice(const Book& book, std::string_view key, std::string otherwise,
                           const std::vector<std::string>& words) {
  if (book.find(key) == nullptr) return otherwise;
  ATOLL_TRY(std::string word, book.word(key));
  if (std::find(words.begin(), words.end(), word) != words.end()) return word;
  return wrong(*book.find(key), key, fmt::format("\"{}\" is none of {}", word, list(words)));
}

}  // namespace

Result<Inputs> read_inputs(const Book& scenario, const Book& catalogue, const Book& known) {
  ATOLL_TRY_STATUS(check_keys(scenario, known));
  ATOLL_TRY_STATUS(check_signs(scenario));
  ATOLL_TRY_STATUS(check_signs(catalogue));
  Inputs out;
  out.name = scenario.name();
  if (scenario.find("name") != nullptr) {
    ATOLL_TRY(out.name, scenario.word("name"));
  }
  ATOLL_TRY(out.shape, scenario.word("cluster.shape"));
  const std::vector<std::string> shapes = catalogue.names_below("shape");
  if (!catalogue.has_table("shape." + out.shape)) {
    const std::string near = nearest(out.shape, shapes);
    return wrong(
        *scenario.find("cluster.shape"), "cluster.shape",
        fmt::format("no shape is called \"{}\"{}; there are {}", out.shape,
                    near.empty() ? "" : fmt::format(" (did you mean {}?)", near), list(shapes)));
  }
  ATOLL_TRY(out.nodes, count(scenario, "cluster.nodes", kNodesMax));
  ATOLL_TRY(out.domains, count(scenario, "cluster.domains", kNodesMax));
  if (out.domains > out.nodes)
    return wrong(*scenario.find("cluster.domains"), "cluster.domains",
                 fmt::format("{} domains are more than {} nodes; a domain has at least one",
                             out.domains, out.nodes));
  ATOLL_TRY_STATUS(read_protection(scenario, &out));
  ATOLL_TRY(const std::string network,
            choice(scenario, "cluster.network", "default", {"default", "tier1"}));
  if (network == "tier1") {
    out.network = "network_tier1";
    if (catalogue.find(fmt::format("shape.{}.network_tier1", out.shape)) == nullptr)
      return wrong(*scenario.find("cluster.network"), "cluster.network",
                   fmt::format("{} has no tier1 network; leave the line out", out.shape));
  }
  if (scenario.find("cluster.spare_domains") != nullptr) {
    ATOLL_TRY(const double spare, scenario.get<double>("cluster.spare_domains"));
    if (spare >= out.domains || spare != std::floor(spare))
      return wrong(
          *scenario.find("cluster.spare_domains"), "cluster.spare_domains",
          fmt::format("{} is not a whole number below the {} domains", spare, out.domains));
  }
  ATOLL_TRY_STATUS(fraction(scenario, "cluster.fill"));
  ATOLL_TRY_STATUS(fraction(scenario, "money.use"));
  ATOLL_TRY(out.commitment, choice(scenario, "money.commitment", "on_demand",
                                   {"on_demand", "one_year", "three_years"}));
  ATOLL_TRY(out.tier_class, choice(scenario, "tier.class", "standard",
                                   {"standard", "nearline", "coldline", "archive"}));
  return out;
}

}  // namespace atl::plan
