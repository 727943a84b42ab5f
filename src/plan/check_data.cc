#include "plan/check_data.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "plan/keys.h"

namespace atl::plan {
namespace {

enum class Rule {
  kAny,
  kAboveZero,
  kShare,
  kPartialShare,
  kProperShare,
  kFactor,
  kWhole,
  kOneOrMore,
  kLead,
  kPartitions
};

// Ten years between asking for machines and having them: nobody plans beyond.
constexpr double kLeadMost = 10 * kYear.value;
// As many parts as placement could hold apart; above, the journals of all are what binds long
// before.
constexpr double kPartitionsMost = 1e6;

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
    {"atoll.read_per_core", Rule::kAboveZero},
    {"atoll.write_per_core", Rule::kAboveZero},
    {"atoll.small_read_cpu", Rule::kAboveZero},
    {"atoll.small_write_cpu", Rule::kAboveZero},
    {"atoll.small_size", Rule::kAboveZero},
    {"atoll.journal_replicas", Rule::kWhole},
    {"atoll.vcpus_per_core", Rule::kAboveZero},
    {"atoll.rebuild_share", Rule::kShare},
    {"atoll.reserve", Rule::kPartialShare},
    {"price.one_year", Rule::kFactor},
    {"price.three_years", Rule::kFactor},
    {"cluster.partitions", Rule::kPartitions},
    {"cluster.groups", Rule::kWhole},
    {"failover.lease", Rule::kAboveZero},
    {"failover.renewal", Rule::kProperShare},
    {"failover.look", Rule::kShare},
    {"failover.retry", Rule::kAboveZero},
    {"failover.alias_ranges", Rule::kWhole},
    {"failover.garp_services", Rule::kWhole},
    {"failover.garp_endpoints", Rule::kWhole},
    {"failover.pool_addresses", Rule::kWhole},
    {"failover.pool_nodes", Rule::kWhole},
    {"delay.lb_probe_interval.median", Rule::kAboveZero},
    {"reservation.lead", Rule::kLead},
};

Rule rule_of(std::string_view key) {
  if (key.starts_with("shape.")) {
    const std::string_view last = key.substr(key.rfind('.') + 1);
    const auto* found = std::ranges::find(kOfShapes, last, &Named::key);
    return found == std::end(kOfShapes) ? Rule::kAny : found->rule;
  }
  if (key.starts_with("delay.") && key.ends_with(".p99_over_median")) return Rule::kOneOrMore;
  if (key.starts_with("delay.") && key.ends_with(".count")) return Rule::kWhole;
  const auto* found = std::ranges::find(kOfData, key, &Named::key);
  return found == std::end(kOfData) ? Rule::kAny : found->rule;
}

// "2027-01-31"; whether the month has so many days is not looked at.
bool is_date(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-dd";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (kForm[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != kForm[i]) return false;
  return text.substr(5, 2) >= "01" && text.substr(5, 2) <= "12" && text.substr(8) >= "01" &&
         text.substr(8) <= "31";
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
    case Rule::kProperShare:
      return v >= kValueLeast && v < 1 ? "" : "it is a share: above 0 and below 1";
    case Rule::kOneOrMore:
      return v >= 1 ? "" : "it is a multiple of the median: 1 or more";
    case Rule::kLead:
      return v <= kLeadMost ? "" : "it is 10 years at most";
    case Rule::kPartitions:
      return v >= 1 && v == std::floor(v) && v <= kPartitionsMost
                 ? ""
                 : "it is a whole number from 1 to 1,000,000";
    case Rule::kFactor:
      return v <= 1 ? "" : "it is a part of the price on demand: from 0 to 1, such as 0.63";
    case Rule::kWhole:
      return v >= 1 && v == std::floor(v) ? "" : "it is a whole number from 1 on";
  }
  return {};
}

}  // namespace

Status check_data(const Book& book, const Book& known) {
  for (const auto& [key, datum] : book.data()) {
    const std::optional<Kind> kind = kind_of(key, known);
    if (!kind) continue;  // whoever knows the keys says so
    if (kind->word) {
      ATOLL_TRY(const std::string word, book.word(key));
      if (key == "date" && !is_date(word))
        return wrong(datum, key,
                     fmt::format("{} is not a date such as \"2027-01-31\"", quoted(word)));
      continue;
    }
    ATOLL_TRY(const AnyQuantity q, book.quantity(key, kind->dimensions));
    if (q.value < 0)
      return wrong(datum, key, fmt::format("{} is negative; it is 0 or more", written(datum)));
    if (q.value > kValueMost)
      return wrong(datum, key,
                   fmt::format("{:g} in base units is larger than {:g}: too large to compute with",
                               q.value, kValueMost));
    if (const std::string_view why = broken(rule_of(key), q.value); !why.empty())
      return wrong(datum, key, fmt::format("{} does not do: {}", written(datum), why));
  }
  return {};
}

}  // namespace atl::plan
