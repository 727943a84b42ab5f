// The bill's newer lines, hibernation, block storage and locality, each by hand.
#include "plan/money.h"

#include <cmath>

#include "plan/print.h"
#include "plan/test_plan.h"

namespace atl::plan {
namespace {

constexpr double kG = 1073741824.0;
constexpr double kMonthSeconds = 2628000;

TEST(Bill, NetworkAndUnitCostsByHand) {
  std::string text(kRound);
  text.insert(text.find("nodes = 8"), "network = \"tier1\"\n");
  auto plan = plan_of("[money]\nuse = 0.5\n[price]\nnetwork_tier1 = \"0.25 USD/h\"\n", text);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_DOUBLE_EQ(figure_of(*plan, "money.instances"), 8 * 730 * 0.5);
  EXPECT_DOUBLE_EQ(figure_of(*plan, "money.network_tier1"), 8 * 0.25 * 730 * 0.5);
  EXPECT_DOUBLE_EQ(figure_of(*plan, "money.month"), 2920 + 730);
  EXPECT_DOUBLE_EQ(figure_of(*plan, "unit_cost.read"), 3650 / figure_of(*plan, "speed.read"));
  EXPECT_DOUBLE_EQ(figure_of(*plan, "unit_cost.write"), 3650 / figure_of(*plan, "speed.write"));
  auto plain = plan_of("");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->sheet.find("money.network_tier1"), nullptr);
}

TEST(Bill, RetrievalByHand) {
  auto plan = plan_of(R"([tier]
stored = "1000 GiB"
class = "coldline"
retrieved = "0.1 GiB/s"
[price.retrieval]
coldline = "0.02 USD/GiB"
)");
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_NEAR(figure_of(*plan, "money.tier_retrieval"), 0.1 * kMonthSeconds * 0.02, 1e-6);
}

TEST(Bill, ForwardingRulesByHand) {
  auto rules = [](std::string_view failover) {
    auto plan = plan_of(std::string("[failover]\n") + std::string(failover));
    EXPECT_TRUE(plan.has_value());
    return plan->sheet.find("money.forwarding_rules") == nullptr
               ? 0
               : figure_of(*plan, "money.forwarding_rules");
  };
  // Five together at 0.025 an hour, each more 0.01: eight nodes have an address each.
  EXPECT_NEAR(rules("mover = \"gcp-lb\"\n"), (0.025 + 3 * 0.01) * 730, 1e-9);
  EXPECT_NEAR(rules("mover = \"gcp-garp\"\naddresses = 2\n"), 0.025 * 730, 1e-9);
  EXPECT_NEAR(rules("mover = \"gcp-lb\"\naddresses = 5\n"), 0.025 * 730, 1e-9);
  EXPECT_EQ(rules("mover = \"gcp-alias\"\n"), 0);
}

TEST(Bill, WhatItDoesNotHaveIsNoted) {
  auto notes = [](std::string_view extra) {
    auto plan = plan_of(extra);
    EXPECT_TRUE(plan.has_value()) << plan.error().message;
    return plan_text(*plan);
  };
  const std::string tier = "[tier]\nstored = \"1 TiB\"\nclass = \"coldline\"\nreads = \"5 op/s\"\n";
  EXPECT_NE(notes(tier).find("Reads from coldline are billed by the byte"), std::string::npos);
  EXPECT_EQ(notes(tier + "retrieved = \"1 MB/s\"\n").find("billed by the byte"), std::string::npos);
  // Eight nodes of 1e9 B/s read 8e9 / 1.875 = 4.27e9 B/s and write 8e9 / (1 + 7/6) = 3.69e9.
  EXPECT_NE(notes("[money]\ninternet = \"4.3 GB/s\"\n").find("money.internet: 4.005 GiB/s"),
            std::string::npos);
  EXPECT_EQ(notes("[money]\ninternet = \"4.2 GB/s\"\n").find("money.internet:"), std::string::npos);
  EXPECT_EQ(notes("[money]\nload_balancer = \"7.9 GB/s\"\n").find("money.load_balancer:"),
            std::string::npos);
  EXPECT_NE(notes("[money]\nload_balancer = \"8 GB/s\"\n").find("reads and writes"),
            std::string::npos);
}

constexpr std::string_view kNights = R"(
[hibernate]
nights = "10 h"
weekends = "58 h"
changed = 0.1
back = 0.5
object = "64 MiB"
[price.tier]
standard = "0.02 USD/GiB/month"
class_a = "0.005 USD/kop"
class_b = "0.0004 USD/kop"
)";

TEST(Hibernation, ByHand) {
  auto plan = plan_of(kNights);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  const double kept = figure_of(*plan, "capacity.kept");
  const double offload = 0.1 * kept / figure_of(*plan, "speed.read");
  const double back = 0.5 * kept / figure_of(*plan, "speed.write");
  EXPECT_NEAR(figure_of(*plan, "hibernate.offload"), offload, 1e-6);
  EXPECT_NEAR(figure_of(*plan, "hibernate.rehydrate"), back, 1e-6);
  // 4 x 10 h + 58 h = 98 h a week, less five times going and coming.
  const double off = 98 * 3600 - 5 * (offload + back);
  EXPECT_NEAR(figure_of(*plan, "hibernate.off_a_week"), off, 1e-6);
  const double use = 1 - off / (168 * 3600);
  EXPECT_NEAR(figure_of(*plan, "hibernate.use"), use, 1e-12);
  EXPECT_NEAR(figure_of(*plan, "money.instances"), 8 * 730 * use, 1e-6);
  EXPECT_NEAR(figure_of(*plan, "money.asleep_storage"), kept / kG * 0.02, 1e-6);
  // 730 / 168 weeks of five: a tenth goes out, a half comes back, 64 MiB at a time.
  const double objects = kept / (64 * 1048576);
  const double operations =
      5 * 730 / 168.0 * (0.1 * objects * 0.005 + 0.5 * objects * 0.0004) / 1000;
  EXPECT_NEAR(figure_of(*plan, "money.asleep_operations"), operations, 1e-9);
  EXPECT_NEAR(figure_of(*plan, "hibernate.saved"),
              8 * 730 * (1 - use) - kept / kG * 0.02 - operations, 1e-6);
  double sum = 0;
  for (const char* line : {"money.instances", "money.asleep_storage", "money.asleep_operations"})
    sum += figure_of(*plan, line);
  EXPECT_NEAR(figure_of(*plan, "money.month"), sum, 1e-6);
}

// What tier1 costs in the hours that are off is saved, too.
TEST(Hibernation, TheFasterNetworkIsSavedToo) {
  std::string text(kRound);
  text.insert(text.find("nodes = 8"), "network = \"tier1\"\n");
  auto plan = plan_of(std::string(kNights) + "[price]\nnetwork_tier1 = \"0.25 USD/h\"\n", text);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  const double use = figure_of(*plan, "hibernate.use");
  EXPECT_NEAR(figure_of(*plan, "hibernate.saved"),
              8 * 1.25 * 730 * (1 - use) - figure_of(*plan, "money.asleep_storage") -
                  figure_of(*plan, "money.asleep_operations"),
              1e-6);
}

TEST(Hibernation, AnAbsenceThatIsTooShortSavesNothing) {
  auto plan = plan_of("[hibernate]\nnights = \"10 min\"\n");
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_EQ(figure_of(*plan, "hibernate.use"), 1);
  EXPECT_LT(figure_of(*plan, "hibernate.saved"), 0);
  EXPECT_NE(plan_text(*plan).find("Hibernating for 10 min saves nothing"), std::string::npos);
}

TEST(Hibernation, LongerAbsencesNeverRunLonger) {
  double before = 1;
  for (const char* nights : {"1 h", "4 h", "8 h", "12 h", "24 h"}) {
    auto plan = plan_of(fmt::format("[hibernate]\nnights = \"{}\"\n", nights));
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    EXPECT_LE(figure_of(*plan, "hibernate.use"), before);
    EXPECT_GT(figure_of(*plan, "hibernate.use"), 0);
    before = figure_of(*plan, "hibernate.use");
  }
  EXPECT_LT(before, 0.6);
}

TEST(Hibernation, BadInputSaysWhatWouldBeRight) {
  expect_refused("[hibernate]\nnights = \"25 h\"\n",
                 "round.toml:20: hibernate.nights: 25 h is more than 24 h");
  expect_refused("[hibernate]\nweekends = \"100 h\"\n", "hibernate.weekends: 4.17 days is more");
  expect_refused(
      "[hibernate]\nnights = \"20 h\"\nweekends = \"90 h\"\n",
      "round.toml:21: hibernate.weekends: 4 nights of 20 h and a weekend of 3.75 days are "
      "170 h, more than the 168 h of a week");
  EXPECT_TRUE(plan_of("[hibernate]\nnights = \"20 h\"\nweekends = \"88 h\"\n").has_value());
  expect_refused("[hibernate]\nnights = \"0 h\"\n", "wants nights = \"12 h\"");
  expect_refused("[hibernate]\nchanged = 0.5\n", "round.toml:20: hibernate: wants nights");
  expect_refused("[hibernate]\nnights = 12\n", "hibernate.nights: 12 has no unit");
  expect_refused("[hibernate]\nnights = \"12 h\"\nchanged = 2\n",
                 "hibernate.changed: 2 is a share");
  expect_refused("[hibernate]\nnights = \"12 h\"\nobject = \"0 B\"\n",
                 "hibernate.object: is above 0");
  expect_refused("[hibernate]\nnights = \"12 h\"\n[money]\nuse = 0.5\n",
                 "round.toml:22: money.use: contradicts [hibernate]");
  expect_refused("[hibernate]\nnights = \"12 h\"\n[money]\ncommitment = \"one_year\"\n",
                 "round.toml:22: money.commitment: contradicts [hibernate]");
}

constexpr std::string_view kBlocks = R"(
[workload]
read = "4000 MiB/s"
write = "1000 MiB/s"
small_read = "20000 op/s"
[block.pd-balanced]
storage = "0.10 USD/GiB/month"
throughput_of_tib = "1000 MiB/s"
replicated = 2
[block.hyperdisk-balanced]
storage = "0.08 USD/GiB/month"
throughput = "0.04 USD/month"
operations = "0.005 USD/month"
free_throughput = "140 MiB/s"
free_operations = "3000 op/s"
volume_throughput = "2400 MiB/s"
volume_size = "64 TiB"
replicated = 2
)";

TEST(BlockStorage, ByHand) {
  auto plan = plan_of(kBlocks);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  const double usable = figure_of(*plan, "capacity.usable") / kG;  // GiB
  // 5,000 MiB/s want 5 TiB; there is less than that to keep.
  ASSERT_LT(usable, 5120);
  EXPECT_NEAR(figure_of(*plan, "block.pd-balanced.size"), 5120 * kG, 1);
  EXPECT_NEAR(figure_of(*plan, "block.pd-balanced.month"), 512, 1e-6);
  EXPECT_NEAR(figure_of(*plan, "block.pd-balanced.month_replicated"), 1024, 1e-6);
  // Three volumes for 5,000 MiB/s: 420 MiB/s and 9,000 op/s are free.
  EXPECT_EQ(figure_of(*plan, "block.hyperdisk-balanced.volumes"), 3);
  EXPECT_NEAR(figure_of(*plan, "block.hyperdisk-balanced.month"),
              usable * 0.08 + (5000 - 420) * 0.04 + (20000 - 9000) * 0.005, 1e-6);
  EXPECT_TRUE(plan->sheet.find("block.pd-ssd.month")->assumed);
  // What is asked of bandwidth is paid in proportion once none is free and no volume is added.
  EXPECT_NE(plan_text(*plan).find("as block storage, disks alone"), std::string::npos);
}

TEST(BlockStorage, WithoutAWorkloadWhatTheClusterReads) {
  auto plan = plan_of("");
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_EQ(plan->sheet.find("block.throughput"), nullptr);
  const double tib = figure_of(*plan, "speed.read") / (286.72 * 1048576);
  EXPECT_NEAR(figure_of(*plan, "block.pd-balanced.size") / kTiB.value, tib, 1e-9);
}

TEST(BlockStorage, BadPricesAreNamed) {
  expect_refused("[block.pd-ssd]\nthroughput_of_tib = \"0 MiB/s\"\n",
                 "round.toml:20: block.pd-ssd.throughput_of_tib: is above 0");
  expect_refused("[block.pd-ssd]\nstorage = \"0.1 USD/GiB\"\n",
                 "block.pd-ssd.storage: \"0.1 USD/GiB\" is a price for bytes");
}

constexpr std::string_view kAcross = R"(
[locality]
data = "100 TiB"
working_set = 0.25
reads = 10
changed = 0.5
cache_price = "0.10 USD/GiB/month"
[price]
inter_region = "0.02 USD/GiB"
[price.tier]
standard = "0.02 USD/GiB/month"
)";

std::string with_reads(double reads) {
  std::string text(kAcross);
  return text.replace(text.find("reads = 10"), 10, fmt::format("reads = {:.12f}", reads));
}

TEST(Locality, ByHand) {
  auto plan = plan_of(kAcross);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  // 25 TiB = 25,600 GiB, ten times, at 0.02
  EXPECT_NEAR(figure_of(*plan, "locality.across"), 25600 * 10 * 0.02, 1e-6);  // 5,120
  // Sent 1.5 times, and a month at 0.10
  EXPECT_NEAR(figure_of(*plan, "locality.cache"), 25600 * (1.5 * 0.02 + 0.10), 1e-6);  // 3,328
  EXPECT_NEAR(figure_of(*plan, "locality.copy"), 102400 * (1.5 * 0.02 + 0.02), 1e-6);  // 5,120
  EXPECT_NEAR(figure_of(*plan, "locality.cache_pays_from_reads"), 1.5 + 5, 1e-9);
  EXPECT_NEAR(figure_of(*plan, "locality.copy_pays_from_reads"), (1.5 + 1) / 0.25, 1e-9);  // 10
  EXPECT_NEAR(figure_of(*plan, "locality.copy_pays_from_working_set"), 0.05 / 0.13, 1e-9);
  EXPECT_NE(plan_text(*plan).find("a cache beside the accelerators is the cheapest: $3,328"),
            std::string::npos);
  // Money that is not spent is not in the bill.
  EXPECT_DOUBLE_EQ(figure_of(*plan, "money.month"), 8 * 730);
}

TEST(Locality, BreakEvensAreWhereTheLinesCross) {
  for (const double times : {0.5, 0.99, 1.01, 3.0}) {
    auto cache = plan_of(with_reads(6.5 * times));
    auto copy = plan_of(with_reads(10 * times));
    ASSERT_TRUE(cache && copy);
    EXPECT_EQ(figure_of(*cache, "locality.cache") < figure_of(*cache, "locality.across"),
              times > 1);
    EXPECT_EQ(figure_of(*copy, "locality.copy") < figure_of(*copy, "locality.across"), times > 1);
    std::string text(kAcross);
    text.replace(text.find("working_set = 0.25"), 18,
                 fmt::format("working_set = {:.12f}", std::min(1.0, 5.0 / 13 * times)));
    auto set = plan_of(text);
    ASSERT_TRUE(set.has_value());
    EXPECT_EQ(figure_of(*set, "locality.copy") < figure_of(*set, "locality.cache"), times > 1);
  }
}

TEST(Locality, MoneyIsLinearInTheData) {
  std::string twice(kAcross);
  twice.replace(twice.find("100 TiB"), 7, "200 TiB");
  auto a = plan_of(kAcross), b = plan_of(twice);
  ASSERT_TRUE(a && b);
  for (const char* key : {"locality.across", "locality.cache", "locality.copy"})
    EXPECT_NEAR(figure_of(*b, key), 2 * figure_of(*a, key), 1e-6);
}

TEST(Locality, TheCacheCostsWhatThisPlansMachinesCost) {
  auto plan = plan_of("[locality]\ndata = \"10 TiB\"\n");
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_NEAR(figure_of(*plan, "locality.cache_price") * kMonthSeconds,
              8 * 730 / figure_of(*plan, "capacity.usable"), 1e-18);
}

TEST(Locality, BadInputSaysWhatWouldBeRight) {
  expect_refused("[locality]\nreads = 3\n", "round.toml:20: locality: wants data = \"200 TiB\"");
  expect_refused("[locality]\ndata = \"0 B\"\n", "locality.data: is above 0");
  expect_refused("[locality]\ndata = \"1 TiB\"\nreads = 0\n", "locality.reads: is above 0");
  expect_refused("[locality]\ndata = \"1 TiB\"\nworking_set = 1.5\n",
                 "round.toml:21: locality.working_set: 1.5 is not above 0 and at most 1");
  expect_refused("[locality]\ndata = \"1 TiB\"\nlink = \"moon\"\n",
                 "locality.link: \"moon\" is none of inter_region, internet, private_connection");
  expect_refused("[locality]\ndata = \"1 TiB\"\ncache_price = \"5 USD\"\n",
                 "locality.cache_price: \"5 USD\" is money");
  expect_refused("[locality]\ndata = \"1 TiB\"\nchanged = -1\n",
                 "locality.changed: -1 is negative");
}

}  // namespace
}  // namespace atl::plan
