#include "plan/cheapest.h"

#include <optional>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace atl::plan {
namespace {

Book book(const std::string& text) {
  auto parsed = Book::parse(text, "need.toml");
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
  return *parsed;
}
double month(const Plan& plan) {
  return plan.sheet.find("money.month")->value.value;
}

// What the need is held against, of one cluster.
struct Made {
  Candidate candidate;
  double usable = 0, read = 0, write = 0, loss = 0, month = 0;
};

// Every cluster of a small space, one by one: all numbers of nodes, all parities.
std::vector<Made> all_of(const Need& space, uint32_t parity_most) {
  std::vector<Made> out;
  for (const std::string& shape : space.shapes)
    for (const char* network : {"default", "tier1"})
      for (const uint32_t domains : space.domains)
        for (uint32_t m = 1; m <= parity_most; ++m)
          for (uint32_t k = 1; k + m <= domains; ++k)
            for (uint32_t nodes = domains; nodes <= space.nodes_most; ++nodes) {
              const Candidate candidate{shape, network, nodes, domains, k, m};
              auto plan = make_plan(scenario_of(Book(), candidate), built_in_catalogue());
              if (!plan) continue;  // no tier1 network
              auto of = [&plan](std::string_view key) { return plan->sheet.at(key).value.value; };
              out.push_back({candidate, of("capacity.usable"), of("speed.read"), of("speed.write"),
                             of("durability.annual_loss"), of("money.month")});
            }
  return out;
}

std::optional<Made> by_brute_force(const std::vector<Made>& all, const Need& need) {
  std::optional<Made> best;
  for (const Made& one : all) {
    if (one.candidate.m < need.domains_lost || one.candidate.m > need.domains_lost + kParityMore)
      continue;
    if (one.usable < need.usable.value || one.read < need.read.value ||
        one.write < need.write.value || one.loss > need.annual_loss)
      continue;
    if (!best || one.month < best->month) best = one;
  }
  return best;
}

TEST(Cheapest, IsAsCheapAsTryingEverything) {
  int found = 0, none = 0, uneven = 0, more_parity = 0;
  std::vector<Made> all;
  for (const char* usable : {"10 TiB", "200 TiB", "350 TiB", "1 PiB"})
    for (const char* read : {"1 GB/s", "50 GB/s", "200 GB/s"})
      for (const char* write : {"1 GB/s", "60 GB/s"})
        for (const char* loss : {"1", "1e-7", "1e-9", "3e-11", "1e-13", "1e-18"})
          for (const char* lost : {"1", "2"}) {
            const Book scenario = book(
                fmt::format("[need]\nusable = \"{}\"\nread = \"{}\"\nwrite = \"{}\"\nannual_loss = "
                            "{}\ndomains_lost = {}\n"
                            "[search]\nshapes = \"z3-highmem-22-highlssd,z3-highmem-88-highlssd\"\n"
                            "domains = \"3,5,8\"\nnodes_most = 40\n",
                            usable, read, write, loss, lost));
            auto need = read_need(scenario, built_in_catalogue());
            ASSERT_TRUE(need.has_value()) << need.error().message;
            if (all.empty()) all = all_of(*need, 2 + kParityMore);
            const std::optional<Made> least = by_brute_force(all, *need);
            auto cheapest = find_cheapest(scenario, built_in_catalogue());
            ASSERT_EQ(cheapest.has_value(), least.has_value())
                << usable << read << write << loss << (cheapest ? "" : cheapest.error().message);
            if (!least) {
              ++none;
              EXPECT_EQ(cheapest.error().code, Errc::kNotFound);
              continue;
            }
            ++found;
            if (least->candidate.nodes % least->candidate.domains != 0) ++uneven;
            if (least->candidate.m > need->domains_lost) ++more_parity;
            EXPECT_DOUBLE_EQ(month(cheapest->by_shape.front().plan), least->month)
                << usable << " " << read << " " << write << " " << loss << " " << lost;
            EXPECT_TRUE(holds(cheapest->by_shape.front().plan, *need));
            EXPECT_LT(cheapest->evaluated, cheapest->space / 2);
          }
  EXPECT_GT(all.size(), 3000u);
  EXPECT_GT(found, 100);
  EXPECT_GT(none, 5);
  // What multiples of the domains, or the least parity alone, would not have found.
  EXPECT_GT(uneven, 20);
  EXPECT_GT(more_parity, 20);
}

// A search without failover, with what the bill has of it, and the answer with all of it.
TEST(Cheapest, FailoverIsInTheAnswerAndCostsNoPlans) {
  const std::string need = "[need]\nusable = \"100 TiB\"\n[search]\ndomains = \"4..8\"\n";
  auto without = find_cheapest(book(need), built_in_catalogue());
  auto with = find_cheapest(book(need + "[failover]\nmover = \"gcp-lb\"\n"), built_in_catalogue());
  ASSERT_TRUE(without && with);
  EXPECT_EQ(with->evaluated, without->evaluated);
  EXPECT_EQ(with->by_shape.front().candidate, without->by_shape.front().candidate);
  const Plan& plan = with->by_shape.front().plan;
  EXPECT_TRUE(plan.failover.has_value());
  EXPECT_DOUBLE_EQ(month(plan), month(without->by_shape.front().plan) +
                                    plan.sheet.at("money.forwarding_rules").value.value);
  EXPECT_NE(cheapest_json(*with).find("failover.node_gap_seconds"), std::string::npos);
}

TEST(Cheapest, WhatTheWorkloadAsksForIsNeeded) {
  const std::string need = "[need]\nusable = \"100 TiB\"\n";
  auto asked =
      find_cheapest(book(need + "[workload]\nread = \"150 GB/s\"\n"), built_in_catalogue());
  auto needed = find_cheapest(book(need + "read = \"150 GB/s\"\n"), built_in_catalogue());
  auto small =
      find_cheapest(book(need + "[workload]\nsmall_read = \"2 Mop/s\"\n"), built_in_catalogue());
  ASSERT_TRUE(asked && needed && small);
  EXPECT_EQ(asked->by_shape.front().candidate, needed->by_shape.front().candidate);
  EXPECT_GE(small->by_shape.front().plan.sheet.at("speed.small_read").value.value, 2e6);
}

TEST(Cheapest, ADomainCountThatCannotBeIsNoCandidate) {
  auto found = find_cheapest(book("[need]\nusable = \"100 TiB\"\n[search]\ndomains = "
                                  "\"3..8\"\n[cluster]\nspare_domains = 4\n"),
                             built_in_catalogue());
  ASSERT_TRUE(found.has_value()) << found.error().message;
  for (const auto& choice : found->by_shape) EXPECT_GT(choice.candidate.domains, 4u);
}

TEST(Cheapest, ALargeSpaceTakesFewPlans) {
  auto cheapest =
      find_cheapest(book("[need]\nusable = \"2 PiB\"\nread = \"200 GB/s\"\nwrite = \"40 GB/s\"\n"),
                    built_in_catalogue());
  ASSERT_TRUE(cheapest.has_value()) << cheapest.error().message;
  EXPECT_GT(cheapest->space, 10'000u);
  EXPECT_LT(cheapest->evaluated, 5'000u);
  for (size_t i = 1; i < cheapest->by_shape.size(); ++i)
    EXPECT_LE(month(cheapest->by_shape[i - 1].plan), month(cheapest->by_shape[i].plan));
}

TEST(Cheapest, BadInput) {
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"[need]\nread = \"1 GB/s\"\n", "need.toml:2: need: need.usable is missing"},
           {"[need]\nusable = \"0 TiB\"\n", "need.toml:2: need.usable: is above 0"},
           {"[need]\nusable = \"1 TiB\"\nannual_loss = 0\n",
            "need.toml:3: need.annual_loss: 0 is not above 0 and at most 1"},
           {"[need]\nusable = \"1 TiB\"\nannual_loss = 2\n", "2 is not above 0 and at most 1"},
           {"[need]\nusable = \"1 TiB\"\n[search]\ndomains = \"8x\"\n",
            "need.toml:4: search.domains: \"8x\" is not a number of domains"},
           {"[need]\nusable = \"1 TiB\"\n[search]\ndomains = \"8..3\"\n",
            "need.toml:4: search.domains: search.domains=8..3: a range goes up"},
           {"[need]\nusable = \"1 TiB\"\n[search]\nshapes = \"\"\n",
            "need.toml:4: search.shapes: search.shapes=: values are separated"},
           {"[need]\nusable = \"1 TiB\"\n[cluster]\nspare_domains = 40\n",
            "need.toml:4: cluster.spare_domains: no number of domains in \"3..32\""},
           {"[need]\nusable = \"1 TiB\"\n[foo]\nx = 3\n", "need.toml:4: foo.x: no such key"},
           {"[need]\nusable = \"1 TiB\"\n[price]\nintrnet = 3\n", "did you mean price.internet?"},
           {"[need]\nusable = \"1 TiB\"\n[phase.a]\nnodes = 3\n", "is for `atoll plan growth`"},
           {"[need]\nusable = \"1 TiB\"\n[shape.mine]\nvcpus = 8\n",
            "need.toml:4: shape.mine: the shape \"mine\" lacks ssd, "},
           {"[need]\nusable = \"1 TiB\"\n[cluster]\nnodes = 3\n",
            "need.toml:4: cluster.nodes: the search chooses"},
           {"[need]\nusable = \"1 TiB\"\ndomains_lost = 0\n",
            "need.toml:3: need.domains_lost: 0 is not a whole"},
           {"[need]\nusable = \"1 TiB\"\n[search]\nshapes = \"z3\"\n", "no shape is called \"z3\""},
           {"[need]\nusable = \"1 TiB\"\n[search]\ndomains = \"x\"\n",
            "\"x\" is not a number of domains"},
           {"[need]\nusable = \"1 TiB\"\n[search]\ndomains = \"2\"\n", "survives the loss of 2"},
           {"[need]\nusable = \"900 PiB\"\n",
            "need.toml:2: need: no cluster of up to 1000 nodes gives what is needed"},
           {"[need]\nusable = \"1 TiB\"\nusible = 3\n", "did you mean need.usable?"},
       }) {
    auto found = find_cheapest(book(text), built_in_catalogue());
    ASSERT_FALSE(found.has_value()) << text;
    EXPECT_NE(found.error().message.find(message), std::string::npos) << found.error().message;
  }
}

}  // namespace
}  // namespace atl::plan
