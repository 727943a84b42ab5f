#include "plan/keys.h"

#include <algorithm>

namespace atl::plan {
namespace {

constexpr Kind kWord{true, {}};
constexpr Kind kNumber{};
constexpr Kind kBytes{false, Bytes::kDimensions};
constexpr Kind kSeconds{false, Seconds::kDimensions};
constexpr Kind kBandwidth{false, BytesPerSecond::kDimensions};
constexpr Kind kOps{false, OperationsPerSecond::kDimensions};

struct Key {
  std::string_view name;
  Kind kind;
};

constexpr Key kOfScenario[] = {
    {"name", kWord},
    {"cluster.shape", kWord},
    {"cluster.nodes", kNumber},
    {"cluster.domains", kNumber},
    {"cluster.protection", kWord},
    {"cluster.network", kWord},
    {"cluster.clients", kWord},
    {"cluster.fabric", kWord},
    {"cluster.spare_domains", kNumber},
    {"cluster.fill", kNumber},
    {"cluster.partitions", kNumber},
    {"cluster.groups", kNumber},
    {"workload.read", kBandwidth},
    {"workload.write", kBandwidth},
    {"workload.small_read", kOps},
    {"workload.small_write", kOps},
    {"money.commitment", kWord},
    {"money.use", kNumber},
    {"money.load_balancer", kBandwidth},
    {"money.inter_zone", kBandwidth},
    {"money.inter_region", kBandwidth},
    {"money.internet", kBandwidth},
    {"money.private_connection", kBandwidth},
    {"tier.stored", kBytes},
    {"tier.class", kWord},
    {"tier.reads", kOps},
    {"tier.writes", kOps},
    {"tier.retrieved", kBandwidth},
    {"hibernate.nights", kSeconds},
    {"hibernate.weekends", kSeconds},
    {"failover.mover", kWord},
    {"failover.addresses", kNumber},
    {"failover.requests", kOps},
    {"locality.data", kBytes},
    {"locality.working_set", kNumber},
    {"locality.reads", kNumber},
    {"locality.changed", kNumber},
    {"locality.link", kWord},
    {"locality.cache_price", {false, DollarsPerByteSecond::kDimensions}},
};

// What a machine has.
constexpr Key kOfShapes[] = {
    {"vcpus", kNumber},
    {"ssd", kBytes},
    {"ssd_count", kNumber},
    {"ssd_read", kBandwidth},
    {"ssd_write", kBandwidth},
    {"ssd_read_ops", kOps},
    {"ssd_write_ops", kOps},
    {"network", kBandwidth},
    {"network_tier1", kBandwidth},
    {"nics", kNumber},
    {"nic", kBandwidth},
    {"rdma_nics", kNumber},
    {"rdma_nic", kBandwidth},
    {"network_and_rdma", kBandwidth},
    {"pcie", kBandwidth},
    {"price", {false, DollarsPerSecond::kDimensions}},
};
constexpr std::string_view kOptional[] = {
    "network_tier1", "nics", "nic", "rdma_nics", "rdma_nic", "network_and_rdma", "pcie"};

template <size_t N>
std::vector<std::string> names_of(const Key (&keys)[N]) {
  std::vector<std::string> out;
  for (const Key& key : keys) out.emplace_back(key.name);
  return out;
}

template <size_t N>
std::optional<Kind> find_in(const Key (&keys)[N], std::string_view name) {
  const Key* found = std::ranges::find(keys, name, &Key::name);
  if (found == std::end(keys)) return std::nullopt;
  return found->kind;
}

}  // namespace

const std::vector<std::string>& scenario_keys() {
  static const std::vector<std::string> names = names_of(kOfScenario);
  return names;
}

const std::vector<std::string>& shape_keys() {
  static const std::vector<std::string> names = names_of(kOfShapes);
  return names;
}

bool optional_of_shape(std::string_view name) {
  return std::ranges::find(kOptional, name) != std::end(kOptional);
}

std::optional<Kind> kind_of(std::string_view key, const Book& known) {
  if (key.starts_with("shape.")) return find_in(kOfShapes, key.substr(key.rfind('.') + 1));
  if (const auto kind = find_in(kOfScenario, key)) return kind;
  // A delay that is constant in the known file has no spread there, and may have one here.
  if (key.starts_with("delay.") && key.ends_with(".p99_over_median")) return kNumber;
  const Datum* datum = known.find(key);
  if (datum == nullptr) return std::nullopt;
  const auto read = quantity_of(*datum);
  if (read && *read) return Kind{false, (**read).dimensions};
  return kWord;
}

std::string list_of_words(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace atl::plan
