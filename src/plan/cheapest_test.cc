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

// Every cluster of a small space, one by one.
std::optional<double> by_brute_force(const Book& scenario, const Need& need) {
  std::optional<double> best;
  for (const std::string& shape : need.shapes)
    for (const char* network : {"default", "tier1"})
      for (const uint32_t domains : need.domains)
        for (uint32_t k = 1; k + need.domains_lost <= domains; ++k)
          for (uint32_t nodes = domains; nodes <= need.nodes_most; nodes += domains) {
            const Candidate candidate{shape, network, nodes, domains, k, need.domains_lost};
            auto plan = make_plan(scenario_of(scenario, candidate), built_in_catalogue());
            if (!plan) continue;  // no tier1 network
            if (holds(*plan, need) && (!best || month(*plan) < *best)) best = month(*plan);
          }
  return best;
}

TEST(Cheapest, IsAsCheapAsTryingEverything) {
  int found = 0, none = 0;
  for (const char* usable : {"10 TiB", "200 TiB", "1 PiB"})
    for (const char* read : {"1 GB/s", "50 GB/s", "200 GB/s"})
      for (const char* write : {"1 GB/s", "60 GB/s"})
        for (const char* loss : {"1", "1e-9", "1e-13"})
          for (const char* lost : {"1", "2"}) {
            const Book scenario = book(
                fmt::format("[need]\nusable = \"{}\"\nread = \"{}\"\nwrite = \"{}\"\nannual_loss = "
                            "{}\ndomains_lost = {}\n"
                            "[search]\nshapes = \"z3-highmem-22-highlssd,z3-highmem-88-highlssd\"\n"
                            "domains = \"3,5,8\"\nnodes_most = 40\n",
                            usable, read, write, loss, lost));
            auto need = read_need(scenario, built_in_catalogue());
            ASSERT_TRUE(need.has_value()) << need.error().message;
            const std::optional<double> least = by_brute_force(scenario, *need);
            auto cheapest = find_cheapest(scenario, built_in_catalogue());
            ASSERT_EQ(cheapest.has_value(), least.has_value())
                << usable << read << write << loss << (cheapest ? "" : cheapest.error().message);
            if (!least) {
              ++none;
              EXPECT_EQ(cheapest.error().code, Errc::kNotFound);
              continue;
            }
            ++found;
            EXPECT_DOUBLE_EQ(month(cheapest->by_shape.front().plan), *least)
                << usable << " " << read << " " << write << " " << loss << " " << lost;
            EXPECT_TRUE(holds(cheapest->by_shape.front().plan, *need));
            EXPECT_LT(cheapest->evaluated, cheapest->space * 2);
          }
  EXPECT_GT(found, 20);
  EXPECT_GT(none, 5);
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
           {"[need]\nread = \"1 GB/s\"\n", "need.usable is missing"},
           {"[need]\nusable = \"1 TiB\"\n[cluster]\nnodes = 3\n",
            "need.toml:4: cluster.nodes: the search chooses"},
           {"[need]\nusable = \"1 TiB\"\ndomains_lost = 0\n",
            "need.toml:3: need.domains_lost: 0 is not a whole"},
           {"[need]\nusable = \"1 TiB\"\n[search]\nshapes = \"z3\"\n", "no shape is called \"z3\""},
           {"[need]\nusable = \"1 TiB\"\n[search]\ndomains = \"x\"\n",
            "\"x\" is not a number of domains"},
           {"[need]\nusable = \"1 TiB\"\n[search]\ndomains = \"2\"\n", "survives the loss of 2"},
           {"[need]\nusable = \"900 PiB\"\n",
            "no cluster of up to 1000 nodes gives what is needed"},
           {"[need]\nusable = \"1 TiB\"\nusible = 3\n", "did you mean need.usable?"},
       }) {
    auto found = find_cheapest(book(text), built_in_catalogue());
    ASSERT_FALSE(found.has_value()) << text;
    EXPECT_NE(found.error().message.find(message), std::string::npos) << found.error().message;
  }
}

}  // namespace
}  // namespace atl::plan
