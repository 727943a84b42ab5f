// What a month of each mover costs, from the prices of the plan's catalogue.
//
// Values, no ownership, any thread. Errors: kNotFound and kInvalidArgument name the datum.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "plan/book.h"

namespace atl::lab {

struct ReportPrices {
  plan::DollarsPerByte load_balancer;  // for each direction that is billed
  plan::DollarsPerByte inter_zone;     // each direction, paid by its sender
  plan::DollarsPerSecond first_rules;  // up to kFirstRules forwarding rules, together
  plan::DollarsPerSecond each_rule_more;
  std::string from;     // the catalogue's title and date
  std::string sources;  // of the three prices

  static Result<ReportPrices> read(const plan::Book& catalogue);
  // One direction of a steady stream, a month of 730 hours.
  plan::Dollars balanced(double gigabytes_per_second) const;
  plan::Dollars across_zones(double gigabytes_per_second) const;
  plan::Dollars rules(uint64_t count) const;
};

inline constexpr uint64_t kFirstRules = 5;  // load-balancing/pricing: one price for the first five

// Whether its traffic goes through a load balancer, which bills it.
bool pays_by_byte(std::string_view mover);

}  // namespace atl::lab
