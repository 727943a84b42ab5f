#include "plan/inputs.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "plan/check_data.h"

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
      "cluster.clients",
      "cluster.fabric",
      "cluster.spare_domains",
      "cluster.fill",
      "cluster.partitions",
      "cluster.groups",
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
      "tier.retrieved",
      "hibernate.nights",
      "hibernate.weekends",
      "failover.mover",
      "failover.addresses",
      "failover.requests",
      "locality.data",
      "locality.working_set",
      "locality.reads",
      "locality.changed",
      "locality.link",
      "locality.cache_price",
  };
  return keys;
}

// What a machine has; read_inputs says which of them it needs.
const std::vector<std::string>& shape_keys() {
  static const std::vector<std::string> keys = {
      "vcpus",        "ssd",           "ssd_count", "ssd_read",         "ssd_write",
      "ssd_read_ops", "ssd_write_ops", "network",   "network_tier1",    "nics",
      "nic",          "rdma_nics",     "rdma_nic",  "network_and_rdma", "pcie",
      "price",
  };
  return keys;
}

std::string list(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// "shape.NAME.KEY": any name, a known key.
Status check_shape_key(const Datum& datum, const std::string& key) {
  const size_t last = key.rfind('.');
  const std::string name = key.substr(last + 1);
  const auto& known = shape_keys();
  if (key.find('.') == last)
    return wrong(datum, key, "a shape is a table, such as [shape.my-machine] with vcpus = 8");
  if (std::find(known.begin(), known.end(), name) != known.end()) return {};
  const std::string near = nearest(name, known);
  return wrong(datum, key,
               near.empty() ? fmt::format("no such key; a shape has {}", list(known))
                            : fmt::format("no such key; did you mean {}?", near));
}

// Tables that another command reads.
std::string_view command_of(std::string_view table) {
  if (table == "need" || table == "search") return "atoll plan cheapest";
  if (table == "phase" || table == "growth") return "atoll plan growth";
  return {};
}

// Keys of the catalogue may stand in a scenario too: they are laid over it.
Status check_keys(const Book& scenario, const Book& catalogue) {
  for (const auto& [key, datum] : scenario.data()) {
    const std::string first = key.substr(0, key.find('.'));
    if (first == "title" || first == "date") continue;
    if (first == "shape") {
      ATOLL_TRY_STATUS(check_shape_key(datum, key));
      continue;
    }
    const auto& known = known_keys();
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    if (catalogue.find(key) != nullptr) continue;
    if (const std::string_view command = command_of(first); !command.empty())
      return wrong(datum, key, fmt::format("[{}] is for `{}`; leave it out here", first, command));
    std::vector<std::string> all = known;
    for (const auto& [name, entry] : catalogue.data()) all.push_back(name);
    const std::string near = nearest(key, all);
    return wrong(datum, key,
                 near.empty() ? fmt::format("no such key; a scenario has {}", list(known))
                              : fmt::format("no such key; did you mean {}?", near));
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
  const uint64_t width = uint64_t{out->k} + out->m;
  if (width > kStripeWidthMax)
    return wrong(datum, kKey,
                 fmt::format("a stripe of {} shards is wider than {}, the most there can be", width,
                             kStripeWidthMax));
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

// Which of a machine's networks clients, or shards between nodes, take.
Result<bool> by_rdma(const Book& scenario, const Book& catalogue, const std::string& shape,
                     std::string_view key) {
  ATOLL_TRY(const std::string word, choice(scenario, key, "tcp", {"tcp", "rdma"}));
  if (word == "tcp") return false;
  for (const char* needed : {"rdma_nics", "rdma_nic"})
    if (catalogue.find(fmt::format("shape.{}.{}", shape, needed)) == nullptr)
      return wrong(*scenario.find(key), key,
                   fmt::format("{} has no RDMA network in the catalogue; say \"tcp\", or give the "
                               "shape rdma_nics = 2 and rdma_nic = \"200 Gb/s\"",
                               shape));
  return true;
}

// The lines that no scenario can do without, all that are missing at once.
Status check_required(const Book& scenario) {
  std::vector<std::string> missing;
  for (const char* key :
       {"cluster.shape", "cluster.nodes", "cluster.domains", "cluster.protection"})
    if (scenario.find(key) == nullptr) missing.emplace_back(key);
  if (missing.empty()) return {};
  return fail(
      Errc::kInvalidArgument,
      fmt::format("{}: {} {} missing; a scenario has at least [cluster] with shape = \"...\", "
                  "nodes = 8, domains = 8 and protection = \"6+2\"",
                  scenario.name(), list(missing), missing.size() == 1 ? "is" : "are"));
}

Status check_shape(const Book& scenario, const Book& catalogue, const std::string& shape) {
  const std::vector<std::string> shapes = catalogue.names_below("shape");
  const Datum& datum = *scenario.find("cluster.shape");
  if (!catalogue.has_table("shape." + shape)) {
    const std::string near = nearest(shape, shapes);
    return wrong(
        datum, "cluster.shape",
        fmt::format("no shape is called \"{}\"{}; there are {}", shape,
                    near.empty() ? "" : fmt::format(" (did you mean {}?)", near), list(shapes)));
  }
  std::vector<std::string> missing;
  for (const std::string& key : shape_keys()) {
    static const std::vector<std::string> optional = {
        "network_tier1", "nics", "nic", "rdma_nics", "rdma_nic", "network_and_rdma", "pcie"};
    const bool needed = std::find(optional.begin(), optional.end(), key) == optional.end();
    if (needed && catalogue.find(fmt::format("shape.{}.{}", shape, key)) == nullptr)
      missing.push_back(key);
  }
  for (const char* each : {"nic", "rdma_nic"}) {
    const std::string one = fmt::format("shape.{}.{}", shape, each);
    if (catalogue.find(one) != nullptr && catalogue.find(one + "s") == nullptr)
      missing.push_back(fmt::format("{0}s beside {0}", each));
  }
  if (missing.empty()) return {};
  return wrong(
      datum, "cluster.shape",
      fmt::format("the shape \"{}\" lacks {}; give it a line for each", shape, list(missing)));
}

// Data that are no numbers to compute with together, or lines that say nothing without another.
Status check_together(const Book& scenario, const Book& data) {
  bool lost = false;
  for (const char* key : {"failure.ssd_loss", "failure.node_blank"}) {
    if (data.find(key) == nullptr) continue;
    ATOLL_TRY(const PerSecond rate, data.get<PerSecond>(key));
    lost |= rate.value > 0;
  }
  if (!lost && data.find("failure.ssd_loss") != nullptr)
    return wrong(*data.find("failure.ssd_loss"), "failure.ssd_loss",
                 "neither it nor failure.node_blank is above 0: something is lost now and then; "
                 "write for example \"0.01 /year\"");
  for (const char* key : {"tier.class", "tier.reads", "tier.writes", "tier.retrieved"})
    if (scenario.find(key) != nullptr && scenario.find("tier.stored") == nullptr)
      return wrong(*scenario.find(key), key,
                   "says nothing without tier.stored; add for example stored = \"100 TiB\"");
  return {};
}

}  // namespace

Status check_catalogue(const Book& own, const Book& known) {
  ATOLL_TRY_STATUS(check_data(own));
  for (const auto& [key, datum] : own.data()) {
    if (key.starts_with("shape.")) {
      ATOLL_TRY_STATUS(check_shape_key(datum, key));
      continue;
    }
    if (known.find(key) != nullptr) continue;
    std::vector<std::string> all;
    for (const auto& [name, entry] : known.data()) all.push_back(name);
    const std::string near = nearest(key, all);
    return wrong(datum, key,
                 fmt::format("no such datum in a catalogue{}",
                             near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  }
  return {};
}

Result<Inputs> read_inputs(const Book& scenario, const Book& catalogue, const Book& known) {
  ATOLL_TRY_STATUS(check_keys(scenario, known));
  ATOLL_TRY_STATUS(check_data(catalogue));  // the scenario's lines are in it
  Inputs out;
  out.name = scenario.name();
  if (scenario.find("name") != nullptr) {
    ATOLL_TRY(out.name, scenario.word("name"));
  }
  ATOLL_TRY_STATUS(check_required(scenario));
  ATOLL_TRY(out.shape, scenario.word("cluster.shape"));
  ATOLL_TRY_STATUS(check_shape(scenario, catalogue, out.shape));
  ATOLL_TRY_STATUS(check_together(scenario, catalogue));
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
  ATOLL_TRY(out.clients_by_rdma, by_rdma(scenario, catalogue, out.shape, "cluster.clients"));
  ATOLL_TRY(out.fabric_by_rdma, by_rdma(scenario, catalogue, out.shape, "cluster.fabric"));
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
