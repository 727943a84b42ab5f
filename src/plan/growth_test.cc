#include "plan/growth.h"

#include <gtest/gtest.h>

namespace atl::plan {
namespace {

constexpr std::string_view kTwoPhases = R"(name = "two"
[cluster]
shape = "z3-highmem-22-highlssd"
domains = 5
protection = "3+2"
[reservation]
lead = "31 day"
[shape.z3-highmem-22-highlssd]
price = "1 USD/h"
[phase.second]
from = "2028-03-01"
nodes = 20
[phase.first]
from = "2028-02-01"
nodes = 5
[growth]
until = "2028-04-01"
)";

Result<Growth> growth_of(std::string text, std::string_view from = {}, std::string_view to = {}) {
  if (!from.empty()) text.replace(text.find(from), from.size(), to);
  auto book = Book::parse(text, "g.toml");
  if (!book) return fail(book.error());
  return project(*book, built_in_catalogue());
}

TEST(Growth, ByHand) {
  auto growth = growth_of(std::string(kTwoPhases));
  ASSERT_TRUE(growth.has_value()) << growth.error().message;
  ASSERT_EQ(growth->phases.size(), 2u);
  const Phase& first = growth->phases[0];
  const Phase& second = growth->phases[1];
  EXPECT_EQ(first.name, "first");
  // February 2028 has 29 days: 5 nodes x 29 x 24 h x 1 dollar.
  EXPECT_NEAR(first.cost.value, 5 * 29 * 24, 1e-6);
  EXPECT_NEAR(second.cost.value, 20 * 31 * 24, 1e-6);
  EXPECT_NEAR(growth->cost.value, 3480 + 14880, 1e-6);
  EXPECT_EQ(first.more_vcpus, 5 * 22);
  EXPECT_EQ(second.more_vcpus, 15 * 22);
  EXPECT_EQ(second.more_ssd, 15 * 9000 * kGiB);
  // 31 days before 1 March is 30 January.
  EXPECT_NE(growth_text(*growth).find("330 vCPUs, 131.8 TiB of local SSD, 2028-01-30"),
            std::string::npos)
      << growth_text(*growth);
  EXPECT_NE(growth_html("two", *growth).find("<svg"), std::string::npos);
}

TEST(Growth, ShrinkingAsksForNothing) {
  auto growth = growth_of(std::string(kTwoPhases), "nodes = 20", "nodes = 5");
  ASSERT_TRUE(growth.has_value());
  EXPECT_EQ(growth->phases[1].more_vcpus, 0);
  EXPECT_NE(growth_text(*growth).find("nothing more"), std::string::npos);
}

TEST(Growth, BadInput) {
  struct Case {
    std::string from, to, message;
  };
  for (const Case& c : {
           Case{"2028-03-01", "2028-02-30",
                "g.toml:11: phase.second.from: \"2028-02-30\" is not a date"},
           Case{"2028-03-01", "March", "\"March\" is not a date such as"},
           Case{"2028-03-01", "2028-02-01", "begins on the same day as another phase"},
           Case{"2028-04-01", "2028-03-01", "g.toml:17: growth.until: is not after the last phase"},
           Case{"nodes = 20", "node = 20",
                "g.toml:12: phase.second.node: no such key; a phase has from"},
           Case{"nodes = 20", "nodes = 3", "5 domains are more than 3 nodes"},
           Case{"from = \"2028-03-01\"\n", "", "phase.second.from is missing"},
       }) {
    auto growth = growth_of(std::string(kTwoPhases), c.from, c.to);
    ASSERT_FALSE(growth.has_value()) << c.to;
    EXPECT_NE(growth.error().message.find(c.message), std::string::npos) << growth.error().message;
  }
  EXPECT_NE(growth_of("name = \"none\"").error().message.find("there is no phase"),
            std::string::npos);
}

}  // namespace
}  // namespace atl::plan
