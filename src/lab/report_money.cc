#include "lab/report_money.h"

#include <algorithm>

#include <fmt/format.h>

namespace atl::lab {
namespace {

plan::Dollars month_of(plan::DollarsPerByte price, double gigabytes_per_second) {
  const plan::BytesPerSecond rate{gigabytes_per_second * 1e9};
  return price * (rate * plan::kMonth);
}

}  // namespace

Result<ReportPrices> ReportPrices::read(const plan::Book& catalogue) {
  ReportPrices out;
  ATOLL_TRY(out.load_balancer, catalogue.get<plan::DollarsPerByte>("price.load_balancer"));
  ATOLL_TRY(out.inter_zone, catalogue.get<plan::DollarsPerByte>("price.inter_zone"));
  ATOLL_TRY(out.first_rules,
            catalogue.get<plan::DollarsPerSecond>("price.forwarding_rules_first_five"));
  ATOLL_TRY(out.each_rule_more,
            catalogue.get<plan::DollarsPerSecond>("price.forwarding_rule_more"));
  ATOLL_TRY(const std::string title, catalogue.word("title"));
  ATOLL_TRY(const std::string date, catalogue.word("date"));
  out.from = fmt::format("{}, {}", title, date);
  for (const char* key : {"price.load_balancer", "price.inter_zone",
                          "price.forwarding_rules_first_five", "price.forwarding_rule_more"}) {
    const plan::Datum* datum = catalogue.find(key);
    out.sources += fmt::format("{}{} ({})", out.sources.empty() ? "" : "; ", key,
                               datum->assumed ? "assumed" : datum->source);
  }
  return out;
}

plan::Dollars ReportPrices::balanced(double gigabytes_per_second) const {
  return month_of(load_balancer, gigabytes_per_second);
}

plan::Dollars ReportPrices::across_zones(double gigabytes_per_second) const {
  return month_of(inter_zone, gigabytes_per_second);
}

plan::Dollars ReportPrices::rules(uint64_t count) const {
  if (count == 0) return {};
  const auto more = static_cast<double>(count - std::min(count, kFirstRules));
  return (first_rules + more * each_rule_more) * plan::kMonth;
}

bool pays_by_byte(std::string_view mover) {
  return mover == "gcp-lb" || mover == "gcp-garp";
}

}  // namespace atl::lab
