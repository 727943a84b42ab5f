// A small cluster with round numbers, for tests of the sections of a plan.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "plan/plan.h"

namespace atl::plan {

inline constexpr std::string_view kRound = R"(
name = "round"
[shape.round]
vcpus = 8
ssd = "1000 GiB"
ssd_count = 2
ssd_read = "2 GiB/s"
ssd_write = "1 GiB/s"
ssd_read_ops = "100000 op/s"
ssd_write_ops = "50000 op/s"
network = "8 Gb/s"
network_tier1 = "16 Gb/s"
price = "1 USD/h"
[cluster]
shape = "round"
nodes = 8
domains = 8
protection = "6+2"
)";

inline Result<Plan> plan_of(std::string_view extra, std::string_view base = kRound) {
  auto book = Book::parse(std::string(base) + std::string(extra), "round.toml");
  if (!book) return fail(book.error());
  return make_plan(*book, built_in_catalogue());
}

inline double figure_of(const Plan& plan, std::string_view key) {
  const Figure* found = plan.sheet.find(key);
  EXPECT_NE(found, nullptr) << key;
  return found == nullptr ? 0 : found->value.value;
}

// The scenario with `extra` is refused, and says so.
inline void expect_refused(std::string_view extra, std::string_view message) {
  auto plan = plan_of(extra);
  ASSERT_FALSE(plan.has_value()) << extra;
  EXPECT_NE(plan.error().message.find(message), std::string::npos)
      << "got:    " << plan.error().message << "\nwanted: " << message;
}

}  // namespace atl::plan
