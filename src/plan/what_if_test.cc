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

TEST(Compare, WordsDataAndSmallDifferencesAreListed) {
  const std::string base(kScenario);
  auto differs = [&base](const std::string& extra, const std::string& other = "") {
    return compare(plan(book(base + extra)), plan(book(base + other))).asked;
  };
  using Lines = std::vector<std::string>;
  EXPECT_EQ(differs("network = \"tier1\"\n"), Lines{"cluster.network: tier1 | default"});
  EXPECT_EQ(differs("[money]\ncommitment = \"one_year\"\n"),
            Lines{"money.commitment: one_year | on_demand"});
  EXPECT_EQ(differs("[failover]\nmover = \"gcp-lb\"\n", "[failover]\nmover = \"gcp-alias\"\n"),
            Lines{"failover.mover: gcp-lb | gcp-alias"});
  EXPECT_EQ(
      differs("[tier]\nstored = \"1 TiB\"\nclass = \"nearline\"\n", "[tier]\nstored = \"1 TiB\"\n"),
      Lines{"tier.class: nearline | standard"});
  EXPECT_EQ(differs("[failure]\nssd_loss = \"0.02 /year\"\n"),
            Lines{"failure.ssd_loss: 0.02 /year | 0.01 /year"});
  EXPECT_EQ(differs("[shape.z3-highmem-88-highlssd]\npcie = \"100 GB/s\"\n"),
            Lines{"shape.z3-highmem-88-highlssd.pcie: 93.13 GiB/s | -"});
  // The same in four digits.
  const Lines small =
      differs("[workload]\nread = \"100.00001 GB/s\"\n", "[workload]\nread = \"100 GB/s\"\n");
  EXPECT_EQ(small, Lines{"workload.read: 100000010000 (bytes_per_second) | 100000000000 "
                         "(bytes_per_second)"});
}

TEST(Compare, FailoverOfBoth) {
  const std::string base(kScenario);
  const Plan a = plan(book(base + "[failover]\nmover = \"gcp-lb\"\nrequests = \"5 kop/s\"\n"));
  const Plan b = plan(book(base + "[failover]\nmover = \"gcp-alias\"\nrequests = \"5 kop/s\"\n"));
  EXPECT_EQ(compare(a, b).rows.size(), headline_figures().size() + 3);
  EXPECT_EQ(figure(a, "failover.node_gap"), figure(a, "failover.gcp-lb.node_gap"));
  EXPECT_EQ(compare(a, plan(book(base))).rows.size(), headline_figures().size());
  // None chosen: that whose addresses are away the least.
  const Plan all = plan(book(base + "[failover]\nmover = \"all\"\n"));
  for (const Failover::Row& row : all.failover->movers)
    if (row.refused.empty()) {
      EXPECT_LE(figure(all, "failover.gap_in_a_year"),
                figure(all, "failover." + row.mover + ".gap_in_a_year"));
    }
}

TEST(Sweep, FailoverMarksAndRoomOutOfReachAreShown) {
  const Book scenario = book(std::string(kScenario) + "[failover]\nmover = \"gcp-alias\"\n");
  auto swept = sweep(scenario, built_in_catalogue(), *parse_variation("cluster.nodes=15,16"));
  ASSERT_TRUE(swept.has_value());
  const std::string text = sweep_text(*swept);
  EXPECT_NE(text.find("node's gap"), std::string::npos) << text;
  EXPECT_NE(text.find(headline_text(*swept->points[0].plan, "money.month")), std::string::npos);
  EXPECT_TRUE(headline_text(*swept->points[0].plan, "money.month").ends_with("*"));
  EXPECT_NE(text.find("Some room is out of reach, some domains being a node larger, at 15.\n"),
            std::string::npos)
      << text;
  EXPECT_NE(sweep_json(*swept).find("failover.node_gap_seconds"), std::string::npos);
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
  for (const Sensitivity& s : all->figures)
    for (const Sensitivity::Bar& bar : s.bars)
      if (s.figure == "rebuild.domain" && bar.datum == "atoll.rebuild_share") {
        seen = true;
        EXPECT_DOUBLE_EQ(bar.at_twice.value, figure(plan(whole), "rebuild.domain"));
      }
  EXPECT_TRUE(seen);
}

TEST(Sensitivity, WhatCannotBeHalvedIsRoundedOrLeftOut) {
  const std::string shape = "[shape.z3-highmem-88-highlssd]\n";
  for (const auto& [extra, note] : std::vector<std::pair<std::string, std::string>>{
           {shape + "vcpus = { is = 15, assumed = true }\n",
            "shape.z3-highmem-88-highlssd.vcpus: 8 for 7.5."},
           {shape + "ssd_count = { is = 3, assumed = true }\n", "ssd_count: 2 for 1.5."},
           {"[atoll]\njournal_replicas = { is = 3, assumed = true }\n", "replicas: 2 for 1.5."},
           {"[atoll]\nreserve = { is = 0.6, assumed = true }\n",
            "atoll.reserve is left out: at twice it cannot be (1.2 does not do: it is a share"},
           {"[atoll]\njournal_most = { is = \"6 TiB\", assumed = true }\n",
            "atoll.journal_most is left out: at twice it cannot be (nothing is left of"},
           {"[failure]\nnode_outage = { is = \"20000 /year\", assumed = true }\n",
            "failure.node_outage is left out: at twice"}}) {
    auto all = sensitivity(book(std::string(kScenario) + extra), built_in_catalogue());
    ASSERT_TRUE(all.has_value()) << extra << all.error().message;
    std::string notes;
    for (const std::string& one : all->notes) notes += one + "\n";
    EXPECT_NE(notes.find(note), std::string::npos) << extra << notes;
  }
}

TEST(Sensitivity, HalvesAndDoublesEachAssumption) {
  const Book scenario = book(std::string(kScenario));
  const Plan base = plan(scenario);
  auto all = sensitivity(scenario, built_in_catalogue());
  ASSERT_TRUE(all.has_value()) << all.error().message;
  size_t bars = 0;
  for (const Sensitivity& s : all->figures) {
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
