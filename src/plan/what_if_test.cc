#include "plan/what_if.h"

#include <gtest/gtest.h>

namespace atl::plan {
namespace {

constexpr std::string_view kScenario = R"(name = "base"
[cluster]
shape = "z3-highmem-88-highlssd"
nodes = 16
domains = 8
protection = "6+2"
)";

Book book(std::string text, std::string_view from = {}, std::string_view to = {}) {
  if (!from.empty()) text.replace(text.find(from), from.size(), to);
  auto parsed = Book::parse(text, "scenario.toml");
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
  return *parsed;
}
Plan plan(const Book& scenario) {
  auto made = make_plan(scenario, built_in_catalogue());
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message);
  return std::move(*made);
}
double figure(const Plan& p, std::string_view key) {
  return p.sheet.find(key)->value.value;
}

TEST(Compare, SaysWhatDiffersAndByHowMuch) {
  const Plan a = plan(book(std::string(kScenario)));
  const Plan b = plan(book(std::string(kScenario), "nodes = 16", "nodes = 32"));
  const Comparison c = compare(a, b);
  EXPECT_EQ(c.asked,
            (std::vector<std::string>{"cluster.nodes: 16 | 32", "cluster.partitions: 16 | 32",
                                      "cluster.groups: 192 | 256"}));
  ASSERT_EQ(c.rows.size(), headline_figures().size());
  for (const auto& row : c.rows) {
    EXPECT_EQ(row.a.value, figure(a, row.figure));
    EXPECT_EQ(row.b.value, figure(b, row.figure));
  }
  EXPECT_NE(comparison_text(a, b, c).find("money a month: base has 2 times as much"),
            std::string::npos)
      << comparison_text(a, b, c);
  const Comparison same = compare(a, a);
  EXPECT_TRUE(same.asked.empty());
  for (const std::string& word : same.words)
    EXPECT_NE(word.find("the same"), std::string::npos) << word;
}

TEST(Sweep, EveryValueIsAPlanOfItsOwnOrSaysWhyNot) {
  const Book scenario = book(std::string(kScenario));
  auto variation = parse_variation("cluster.domains=4..20:4");
  ASSERT_TRUE(variation.has_value());
  EXPECT_EQ(variation->values, (std::vector<std::string>{"4", "8", "12", "16", "20"}));
  auto points = sweep(scenario, built_in_catalogue(), *variation);
  ASSERT_TRUE(points.has_value()) << points.error().message;
  for (const SweepPoint& point : points->points) {
    if (point.value == "20") {
      EXPECT_FALSE(point.plan.has_value());
      EXPECT_NE(point.refused.find("20 domains are more than 16 nodes"), std::string::npos)
          << point.refused;
      continue;
    }
    const Plan alone =
        plan(book(std::string(kScenario), "domains = 8", "domains = " + point.value));
    for (const std::string& key : headline_figures())
      EXPECT_EQ(figure(*point.plan, key), figure(alone, key)) << key << " at " << point.value;
  }
  auto words = sweep(scenario, built_in_catalogue(), {"cluster.protection", {"6+2", "4+4"}});
  ASSERT_TRUE(words.has_value());
  EXPECT_GT(figure(*words->points[0].plan, "capacity.usable"),
            figure(*words->points[1].plan, "capacity.usable"));
  auto unknown = sweep(scenario, built_in_catalogue(), {"cluster.domain", {"4"}});
  EXPECT_NE(unknown.error().message.find("did you mean cluster.domains?"), std::string::npos);
}

TEST(Sweep, BadVariations) {
  for (const char* bad : {"", "cluster.domains", "cluster.domains=", "=3", "cluster.domains=3..x",
                          "cluster.domains=8..3", "cluster.domains=1..10:0",
                          "cluster.nodes=1..100000", "cluster.protection=6+2,"})
    EXPECT_EQ(parse_variation(bad).error().code, Errc::kInvalidArgument) << bad;
}

// Twice a share of 0.6 is none: 1 is what it can be at most.
TEST(Sensitivity, AShareIsOneAtMost) {
  const Book scenario =
      book(std::string(kScenario) + "[atoll]\nrebuild_share = { is = 0.6, assumed = true }\n");
  auto all = sensitivity(scenario, built_in_catalogue());
  ASSERT_TRUE(all.has_value()) << all.error().message;
  const Book whole = book(std::string(kScenario) + "[atoll]\nrebuild_share = 1\n");
  bool seen = false;
  for (const Sensitivity& s : *all)
    for (const Sensitivity::Bar& bar : s.bars)
      if (s.figure == "rebuild.domain" && bar.datum == "atoll.rebuild_share") {
        seen = true;
        EXPECT_DOUBLE_EQ(bar.at_twice.value, figure(plan(whole), "rebuild.domain"));
      }
  EXPECT_TRUE(seen);
}

TEST(Sensitivity, HalvesAndDoublesEachAssumption) {
  const Book scenario = book(std::string(kScenario));
  const Plan base = plan(scenario);
  auto all = sensitivity(scenario, built_in_catalogue());
  ASSERT_TRUE(all.has_value()) << all.error().message;
  size_t bars = 0;
  for (const Sensitivity& s : *all) {
    EXPECT_EQ(s.base.value, figure(base, s.figure));
    for (size_t i = 0; i < s.bars.size(); ++i) {
      ++bars;
      EXPECT_TRUE(base.sheet.find("data." + s.bars[i].datum)->assumed) << s.bars[i].datum;
      if (i > 0) {
        EXPECT_GE(s.bars[i - 1].swing, s.bars[i].swing);
      }
    }
    if (s.figure == "money.month") {
      ASSERT_EQ(s.bars.size(), 1u) << "only the price of the machine is assumed";
      EXPECT_DOUBLE_EQ(s.bars[0].at_half.value, s.base.value / 2);
      EXPECT_DOUBLE_EQ(s.bars[0].at_twice.value, s.base.value * 2);
    }
    if (s.figure == "capacity.usable") {
      EXPECT_TRUE(s.bars.empty()) << "nothing in it is assumed";
    }
  }
  EXPECT_GT(bars, 5u);
}

}  // namespace
}  // namespace atl::plan
