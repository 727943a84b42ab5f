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
  EXPECT_NE(growth_text(*growth).find(
                "15 x z3-highmem-22-highlssd (330 vCPUs, 131.8 TiB of local SSD), 2028-01-30"),
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

// A reservation is for a machine type: those of another are all new, however few they are.
TEST(Growth, AnotherShapeIsAskedForWhole) {
  auto growth = growth_of(std::string(kTwoPhases), "nodes = 20",
                          "nodes = 5\nshape = \"z3-highmem-8-highlssd\"");
  ASSERT_TRUE(growth.has_value()) << growth.error().message;
  EXPECT_EQ(growth->phases[1].more_nodes, 5);
  EXPECT_EQ(growth->phases[1].more_vcpus, 5 * 8);
  EXPECT_EQ(growth->phases[1].more_ssd, 5 * 3000 * kGiB);
}

TEST(Growth, ACommitmentRunsItsWholeTermByHand) {
  auto growth =
      growth_of(std::string(kTwoPhases), "nodes = 5\n", "nodes = 5\ncommitment = \"one_year\"\n");
  ASSERT_TRUE(growth.has_value()) << growth.error().message;
  const Phase& first = growth->phases[0];
  ASSERT_TRUE(first.committed_until.has_value());
  // 2028-02-01 to 2029-02-01 are 366 days; 29 of them are used, 337 are owed at 0.63 dollars.
  EXPECT_EQ((*first.committed_until - first.from).count(), 366);
  EXPECT_NEAR(first.owed.value, 5 * 337 * 24 * 0.63, 1e-6);
  EXPECT_NEAR(first.cost.value, 5 * 29 * 24 * 0.63, 1e-6);
  EXPECT_NE(
      growth_text(*growth).find("first: what is committed from 2028-02-01 runs until 2029-02-01"),
      std::string::npos);
  EXPECT_EQ(growth->phases[1].owed.value, 0);
  // Both committed: the second uses the first's five on, and begins fifteen.
  std::string text(kTwoPhases);
  text.insert(text.find("[reservation]"), "[money]\ncommitment = \"one_year\"\n");
  growth = growth_of(text, "2028-04-01", "2029-02-01");
  ASSERT_TRUE(growth.has_value()) << growth.error().message;
  EXPECT_EQ(growth->phases[0].owed.value, 0);
  EXPECT_NEAR(growth->phases[1].owed.value, 15 * 28 * 24 * 0.63, 1e-6);  // until 2029-03-01
}

TEST(Growth, WhatIsAssumedIsMarked) {
  auto sure = growth_of(std::string(kTwoPhases));
  auto assumed =
      growth_of(std::string(kTwoPhases), "\"1 USD/h\"", "{ is = \"1 USD/h\", assumed = true }");
  ASSERT_TRUE(sure && assumed);
  EXPECT_EQ(growth_text(*sure).find("$18,360*"), std::string::npos);
  EXPECT_NE(growth_text(*assumed).find("Together $18,360*"), std::string::npos);
  EXPECT_NE(growth_html("x", *assumed).find("$18,360*"), std::string::npos);
  EXPECT_EQ(growth_json(*sure).find("\"month_dollars\",\"cost"), std::string::npos);
  EXPECT_NE(growth_json(*assumed).find("\"month_dollars\",\"cost_dollars\"]"), std::string::npos);
  EXPECT_NE(growth_html("x", *sure).find(">first</text>"), std::string::npos);
}

TEST(Growth, BadInput) {
  struct Case {
    std::string from, to, message;
  };
  for (const Case& c : {
           Case{"2028-03-01", "2028-02-30",
                "g.toml:11: phase.second.from: \"2028-02-30\" is not a date"},
           Case{"2028-03-01", "March", "\"March\" is not a date such as"},
           Case{"2028-03-01", "2028-02-01",
                "g.toml:14: phase.first.from: begins on the same day as another phase, second"},
           Case{"2028-04-01", "2028-03-01", "g.toml:17: growth.until: is not after the last phase"},
           Case{"nodes = 20", "node = 20",
                "g.toml:12: phase.second.node: no such key; a phase has from"},
           Case{"nodes = 20", "nodes = 3", "5 domains are more than 3 nodes"},
           Case{"from = \"2028-03-01\"\n", "",
                "g.toml:11: phase.second: phase.second.from is missing"},
           Case{"from = \"2028-03-01\"", "from = 2028-03-01",
                "g.toml:11: phase.second.from: put quotes round the date: \"2028-03-01\""},
           Case{"until = ", "untl = ", "g.toml:17: growth.untl: no such key; [growth] has until"},
           Case{"nodes = 20", "nodes = 20\n[phase.third]", "g.toml:13: phase.third: says nothing"},
           Case{"lead = \"31 day\"", "lead = \"9000 year\"", "it is 10 years at most"},
           Case{"nodes = 20", "nodes = 20\nuse = 0.5\ncommitment = \"one_year\"",
                "g.toml:13: money.use: 0.5 contradicts commitment"},
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
