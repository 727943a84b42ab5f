#include "plan/check_data.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace atl::plan {
namespace {

enum class Rule { kAny, kAboveZero, kShare, kPartialShare, kFactor, kWhole };

struct Named {
  std::string_view key;
  Rule rule;
};

// Keys of every shape, by their last word.
constexpr Named kOfShapes[] = {
    {"vcpus", Rule::kWhole},
    {"ssd", Rule::kAboveZero},
    {"ssd_count", Rule::kWhole},
    {"ssd_read", Rule::kAboveZero},
    {"ssd_write", Rule::kAboveZero},
    {"ssd_read_ops", Rule::kAboveZero},
    {"ssd_write_ops", Rule::kAboveZero},
    {"network", Rule::kAboveZero},
    {"network_tier1", Rule::kAboveZero},
    {"nics", Rule::kWhole},
    {"nic", Rule::kAboveZero},
    {"rdma_nics", Rule::kWhole},
    {"rdma_nic", Rule::kAboveZero},
    {"network_and_rdma", Rule::kAboveZero},
    {"pcie", Rule::kAboveZero},
};
constexpr Named kOfData[] = {
    {"atoll.read_per_core", Rule::kAboveZero},  {"atoll.write_per_core", Rule::kAboveZero},
    {"atoll.small_read_cpu", Rule::kAboveZero}, {"atoll.small_write_cpu", Rule::kAboveZero},
    {"atoll.small_size", Rule::kAboveZero},     {"atoll.journal_replicas", Rule::kWhole},
    {"atoll.vcpus_per_core", Rule::kAboveZero}, {"atoll.rebuild_share", Rule::kShare},
    {"atoll.reserve", Rule::kPartialShare},     {"price.one_year", Rule::kFactor},
    {"price.three_years", Rule::kFactor},       {"cluster.partitions", Rule::kWhole},
    {"cluster.groups", Rule::kWhole},
};

Rule rule_of(std::string_view key) {
  if (key.starts_with("shape.")) {
    const std::string_view last = key.substr(key.rfind('.') + 1);
    const auto* found = std::ranges::find(kOfShapes, last, &Named::key);
    return found == std::end(kOfShapes) ? Rule::kAny : found->rule;
  }
  const auto* found = std::ranges::find(kOfData, key, &Named::key);
  return found == std::end(kOfData) ? Rule::kAny : found->rule;
}

// What is wrong with `v`; empty when nothing is.
std::string_view broken(Rule rule, double v) {
  switch (rule) {
    case Rule::kAny:
      return {};
    case Rule::kAboveZero:
      return v >= kValueLeast ? "" : "it must be above 0";
    case Rule::kShare:
      return v >= kValueLeast && v <= 1 ? "" : "it is a share: above 0 and at most 1";
    case Rule::kPartialShare:
      return v < 1 ? "" : "it is a share: at least 0 and below 1";
    case Rule::kFactor:
      return v <= 1 ? "" : "it is a part of the price on demand: from 0 to 1, such as 0.63";
    case Rule::kWhole:
      return v >= 1 && v == std::floor(v) ? "" : "it is a whole number from 1 on";
  }
  return {};
}

}  // namespace

Status check_data(const Book& book) {
  for (const auto& [key, datum] : book.data()) {
    const std::optional<Result<AnyQuantity>> read = quantity_of(datum);
    if (!read || !*read) continue;  // a word; whoever wants a quantity there says so
    const AnyQuantity q = **read;
    if (q.value < 0)
      return wrong(datum, key, fmt::format("{} is negative; it is 0 or more", format_quantity(q)));
    if (q.value > kValueMost)
      return wrong(datum, key,
                   fmt::format("{:g} in base units is larger than {:g}: too large to compute with",
                               q.value, kValueMost));
    if (const std::string_view why = broken(rule_of(key), q.value); !why.empty())
      return wrong(datum, key, fmt::format("{} does not do: {}", format_quantity(q), why));
  }
  return {};
}

}  // namespace atl::plan
