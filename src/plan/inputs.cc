#include "plan/inputs.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "plan/check_data.h"
#include "plan/keys.h"

namespace atl::plan {
namespace {

// Keys that a message lists; a longer list is in docs/plan.md.
constexpr size_t kKeysListed = 12;

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
               near.empty() ? fmt::format("no such key; a shape has {}", list_of_words(known))
                            : fmt::format("no such key; did you mean {}?", near));
}

// Tables that another command reads.
std::string_view command_of(std::string_view table) {
  if (table == "need" || table == "search") return "atoll plan cheapest";
  if (table == "phase" || table == "growth") return "atoll plan growth";
  return {};
}

// A table without a line: where a value belongs, or of a name that no table has.
Status check_empty_tables(const Book& book, const Book& known) {
  for (const auto& [key, origin] : book.empty_tables()) {
    if (kind_of(key, known)) return wrong_at(origin, key, "is an empty table; a value is wanted");
    const std::string begin = key + ".";
    bool table = known.has_table(key) || key == "shape";
    for (const std::string& name : scenario_keys()) table |= name.starts_with(begin);
    if (table) continue;
    if (key.starts_with("shape.")) return wrong_at(origin, key, "an empty table is no shape");
    return wrong_at(origin, key,
                    "an empty table, and no table of that name is known; leave it out");
  }
  return {};
}

std::unexpected<Error> no_such_key(const Origin& origin, const std::string& key,
                                   const Book& catalogue) {
  const std::string first = key.substr(0, key.find('.'));
  if (const std::string_view command = command_of(first); !command.empty())
    return wrong_at(origin, key,
                    fmt::format("[{}] is for `{}`; leave it out here", first, command));
  std::vector<std::string> all = scenario_keys();
  for (const auto& [name, entry] : catalogue.data()) all.push_back(name);
  if (const std::string near = nearest(key, all); !near.empty())
    return wrong_at(origin, key, fmt::format("no such key; did you mean {}?", near));
  std::vector<std::string> beside;
  for (const std::string& name : all)
    if (name.starts_with(first + ".")) beside.push_back(name.substr(first.size() + 1));
  return wrong_at(
      origin, key,
      beside.empty() || beside.size() > kKeysListed
          ? std::string("no such key; a scenario has name and the tables cluster, workload, money, "
                        "tier, hibernate, failover and locality (docs/plan.md has their keys)")
          : fmt::format("no such key; [{}] has {}", first, list_of_words(beside)));
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
    if (!kind_of(key, catalogue)) return no_such_key(datum.origin, key, catalogue);
  }
  return check_empty_tables(scenario, catalogue);
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
    return wrong(datum, kKey, fmt::format("{} is not data+parity, such as \"6+2\"", quoted(text)));
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
  return wrong(*book.find(key), key,
               fmt::format("{} is none of {}", quoted(word), list_of_words(words)));
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
                  scenario.name(), list_of_words(missing), missing.size() == 1 ? "is" : "are"));
}

// A shape has all that a machine has, and its lines do not contradict each other.
Status check_whole_shape(const Origin& origin, std::string_view key, const Book& catalogue,
                         const std::string& shape) {
  auto line = [&](std::string_view name) {
    return catalogue.find(fmt::format("shape.{}.{}", shape, name));
  };
  std::vector<std::string> missing;
  for (const std::string& name : shape_keys())
    if (!optional_of_shape(name) && line(name) == nullptr) missing.push_back(name);
  for (const std::string each : {"nic", "rdma_nic"}) {
    if (line(each) != nullptr && line(each + "s") == nullptr)
      missing.push_back(fmt::format("{0}s beside {0}", each));
    if (line(each) == nullptr && line(each + "s") != nullptr)
      missing.push_back(fmt::format("{0} beside {0}s", each));
  }
  if (line("network_and_rdma") != nullptr && line("rdma_nics") == nullptr &&
      line("rdma_nic") == nullptr)
    missing.emplace_back("rdma_nics and rdma_nic beside network_and_rdma");
  if (!missing.empty())
    return wrong_at(origin, key,
                    fmt::format("the shape {} lacks {}; give it a line for each", quoted(shape),
                                list_of_words(missing)));
  const Datum* faster = line("network_tier1");
  if (faster == nullptr) return {};
  const auto tier1 = quantity_of(*faster), plain = quantity_of(*line("network"));
  if (tier1 && *tier1 && plain && *plain && (*tier1)->value < (*plain)->value)
    return wrong(*faster, fmt::format("shape.{}.network_tier1", shape),
                 fmt::format("{} is below network, {}: tier1 is the faster of the two",
                             written(*faster), written(*line("network"))));
  return {};
}

Status check_shape(const Book& scenario, const Book& catalogue, const std::string& shape) {
  const std::vector<std::string> shapes = catalogue.names_below("shape");
  const Datum& datum = *scenario.find("cluster.shape");
  if (!catalogue.has_table("shape." + shape)) {
    const std::string near = nearest(shape, shapes);
    return wrong(datum, "cluster.shape",
                 fmt::format("no shape is called {}{}; there are {}", quoted(shape),
                             near.empty() ? "" : fmt::format(" (did you mean {}?)", near),
                             list_of_words(shapes)));
  }
  return check_whole_shape(datum.origin, "cluster.shape", catalogue, shape);
}

// An outage that lasts longer than the time until the next: always away, and more than always.
Status check_outage(const Book& data, const std::string& what) {
  const std::string rate_key = "failure." + what, length_key = rate_key + "_length";
  if (data.find(rate_key) == nullptr || data.find(length_key) == nullptr) return {};
  ATOLL_TRY(const PerSecond rate, data.get<PerSecond>(rate_key));
  ATOLL_TRY(const Seconds length, data.get<Seconds>(length_key));
  if (rate * length <= 1) return {};
  return wrong(*data.find(rate_key), rate_key,
               fmt::format("{} of {} each are more than all the time there is",
                           written(*data.find(rate_key)), written(*data.find(length_key))));
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
  ATOLL_TRY_STATUS(check_outage(data, "node_outage"));
  ATOLL_TRY_STATUS(check_outage(data, "domain_outage"));
  for (const char* key : {"tier.class", "tier.reads", "tier.writes", "tier.retrieved"})
    if (scenario.find(key) != nullptr && scenario.find("tier.stored") == nullptr)
      return wrong(*scenario.find(key), key,
                   "says nothing without tier.stored; add for example stored = \"100 TiB\"");
  return {};
}

// A commitment is paid for the hours that machines are off, too.
Status check_use(const Book& scenario, const std::string& commitment) {
  const Datum* use = scenario.find("money.use");
  if (use == nullptr || commitment == "on_demand") return {};
  ATOLL_TRY(const double share, scenario.get<double>("money.use"));
  if (share >= 1) return {};
  return wrong(*use, "money.use",
               fmt::format("{} contradicts commitment = \"{}\": a commitment is paid for the hours "
                           "that the machines are off, too; write commitment = \"on_demand\" or "
                           "leave the line out",
                           written(*use), commitment));
}

}  // namespace

Status check_catalogue(const Book& own, const Book& known) {
  ATOLL_TRY_STATUS(check_data(own, known));
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
  ATOLL_TRY_STATUS(check_empty_tables(own, known));
  Book together = known;
  together.lay_over(own);
  return check_shapes(own, together);
}

Status check_shapes(const Book& own, const Book& together) {
  for (const std::string& shape : own.names_below("shape")) {
    const std::string key = "shape." + shape;
    ATOLL_TRY_STATUS(check_whole_shape(own.first_below(key)->origin, key, together, shape));
  }
  return {};
}

Result<Inputs> read_inputs(const Book& scenario, const Book& catalogue, const Book& known) {
  ATOLL_TRY_STATUS(check_keys(scenario, known));
  ATOLL_TRY_STATUS(check_data(scenario, known));  // the catalogue's own were, when it was read
  Inputs out;
  out.name = scenario.name();
  if (scenario.find("name") != nullptr) {
    ATOLL_TRY(out.name, scenario.word("name"));
    for (char& c : out.name)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
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
  ATOLL_TRY_STATUS(check_use(scenario, out.commitment));
  ATOLL_TRY(out.tier_class, choice(scenario, "tier.class", "standard",
                                   {"standard", "nearline", "coldline", "archive"}));
  return out;
}

}  // namespace atl::plan
