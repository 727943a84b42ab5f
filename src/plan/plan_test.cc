// Every formula by hand on one small cluster, what must hold for all, and what bad input is told.
#include "plan/plan.h"

#include <gtest/gtest.h>

#include "plan/durability.h"
#include "plan/print.h"
#include "plan/simulate.h"

namespace atl::plan {
namespace {

// Eight nodes with round numbers. Laid over the built-in catalogue, so that it need not say all.
constexpr std::string_view kSmall = R"(
name = "small"
[shape.round]
vcpus = 8
ssd = "1000 GiB"
ssd_count = 2
ssd_read = "2 GiB/s"
ssd_write = "1 GiB/s"
ssd_read_ops = "100000 op/s"
ssd_write_ops = "50000 op/s"
network = "8 Gb/s"
price = "1 USD/h"
[failure]
ssd_loss = "0.01 /year"
node_blank = "0.02 /year"
domain_loss = "0 /year"
detection = "30 s"
node_outage = "8 /year"
node_outage_length = "15 min"
domain_outage = "0 /year"
[atoll]
reserve = 0.03125
journal_most = "1 GiB"
rewrite = 0.1
rebuild_share = 0.25
read_per_core = "2 GiB/s"
write_per_core = "0.5 GiB/s"
small_read_cpu = "50 us/op"
small_write_cpu = "200 us/op"
[cluster]
shape = "round"
nodes = 8
domains = 8
protection = "6+2"
)";

Result<Plan> plan_of(std::string_view text, std::string_view extra = {}) {
  auto book = Book::parse(std::string(text) + std::string(extra), "small.toml");
  if (!book) return fail(book.error());
  return make_plan(*book, built_in_catalogue());
}

double figure(const Plan& plan, std::string_view key) {
  const Figure* found = plan.sheet.find(key);
  EXPECT_NE(found, nullptr) << key;
  return found == nullptr ? 0 : found->value.value;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return out.replace(at, from.size(), to);
}

constexpr double kG = 1073741824.0;

TEST(Plan, CapacityByHand) {
  auto plan = plan_of(kSmall);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_DOUBLE_EQ(figure(*plan, "capacity.raw"), 8000 * kG);
  // 8000 / 32 = 250, and of each of eight partitions three replicas of 1 GiB of journal
  EXPECT_DOUBLE_EQ(figure(*plan, "capacity.set_aside"), 274 * kG);
  // (8000 - 274) / 8
  EXPECT_DOUBLE_EQ(figure(*plan, "capacity.spare"), 965.75 * kG);
  EXPECT_EQ(figure(*plan, "capacity.uneven"), 0);
  EXPECT_DOUBLE_EQ(figure(*plan, "capacity.overhead"), 8.0 / 6);
  // (8000 - 274 - 965.75) * 6/8
  EXPECT_DOUBLE_EQ(figure(*plan, "capacity.usable"), 5070.1875 * kG);
  EXPECT_DOUBLE_EQ(figure(*plan, "capacity.kept"), 4056.15 * kG);
  EXPECT_EQ(figure(*plan, "cluster.domains_survived"), 2);
}

TEST(Plan, SpeedByHand) {
  auto plan = plan_of(kSmall);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  // 8 x 1e9 B/s; a byte read is sent 1 + 7/8 times.
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.read_by_network"), 8e9 / 1.875);
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.read_by_ssd"), 16 * kG);
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.read_by_cpu"), 64 * kG);  // 8 x 8/2 cores x 2
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.read"), 8e9 / 1.875);
  // A byte written is received 1 + 8/6 x 7/8 times, and written 8/6 x 1.1 times.
  EXPECT_NEAR(figure(*plan, "speed.write_by_network"), 8e9 / (1 + 7.0 / 6), 1);
  EXPECT_NEAR(figure(*plan, "speed.write_by_ssd"), 8 * kG / (8.0 / 6 * 1.1), 1);
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.write_by_cpu"), 16 * kG);
  // Two of eight domains lost: six eighths of the nodes are left.
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.degraded_read"), 0.75 * 8e9 / 1.875);
  // One partition a node: 8 / 50 us.
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.small_read"), 160'000);
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.small_write"), 40'000);
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.small_read_by_ssd"), 800'000);
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.small_write_by_ssd"), 400'000.0 / 3);
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.small_read_by_cpu"), 640'000);  // 32 cores / 50 us
  EXPECT_EQ(plan->speeds[0].limits[0].what, "network");
  EXPECT_EQ(plan->speeds[0].limits[1].what, "local SSD");
}

TEST(Plan, RebuildByHand) {
  auto plan = plan_of(kSmall);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  const double stored = 4056.15 * 8 / 6 * kG;
  EXPECT_NEAR(figure(*plan, "rebuild.stored"), stored, 1);
  // Seven nodes x 1e9 B/s x 0.25 / (6 + 1) = 250 MB/s; the SSDs would take 1.75 GiB/s.
  EXPECT_DOUBLE_EQ(figure(*plan, "rebuild.node_rate"), 2.5e8);
  EXPECT_NEAR(figure(*plan, "rebuild.node"), 30 + stored / 8 / 2.5e8, 1e-6);
  EXPECT_NEAR(figure(*plan, "rebuild.domain"), 30 + stored / 8 / 2.5e8, 1e-6);  // one node each
  // One of sixteen SSDs, by all eight nodes.
  EXPECT_NEAR(figure(*plan, "rebuild.device"), 30 + stored / 16 / (8 * 1e9 * 0.25 / 7), 1e-6);
  EXPECT_NEAR(figure(*plan, "rebuild.maintenance_wave"), 8 * (30 + stored / 8 / 2.5e8), 1e-5);
  // A drain sends each byte once: one node's 1e9 B/s, a quarter of it.
  EXPECT_NEAR(figure(*plan, "rebuild.drain_domain"), stored / 8 / 2.5e8, 1e-6);
  EXPECT_NEAR(figure(*plan, "rebuild.maintenance_in_place"), 8 * 15 * 60, 1e-6);
  // Seven of eight nodes, with three quarters of their network.
  EXPECT_DOUBLE_EQ(figure(*plan, "rebuild.read_meanwhile"), 0.875 * 0.75 * 8e9 / 1.875);
  EXPECT_DOUBLE_EQ(figure(*plan, "rebuild.read_lost"), (1 - 0.875 * 0.75) * 8e9 / 1.875);
}

TEST(Plan, DurabilityByHand) {
  auto plan = plan_of(kSmall);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  // Eight slots at 0.03 a year, rebuilt in T: 168 a^3 T^2 for rare losses (durability_test.cc).
  const double t = figure(*plan, "rebuild.node") / kYear.value;
  const double by_hand = 168 * 0.03 * 0.03 * 0.03 * t * t;
  EXPECT_NEAR(figure(*plan, "durability.annual_loss") / by_hand, 1, 1e-3);
  // Sixteen SSDs: sixteen groups.
  EXPECT_NEAR(figure(*plan, "durability.groups_lost_in_a_year") / by_hand, 16, 0.02);
  EXPECT_NEAR(figure(*plan, "durability.any_loss_at_most") / by_hand, 16, 0.02);
  // Away 8 x 15 min a year: 2/8760. Three of eight: C(8,3) p^3 for small p.
  const double p = 2.0 / 8760;
  EXPECT_DOUBLE_EQ(figure(*plan, "availability.node_away"), p);
  EXPECT_NEAR(figure(*plan, "availability.unavailable") / (56 * p * p * p), 1, 2e-3);
}

TEST(Plan, MoneyByHand) {
  auto plan = plan_of(kSmall, R"([money]
use = 0.5
load_balancer = "1 GiB/s"
internet = "0.5 GiB/s"
[price]
load_balancer = "0.008 USD/GiB"
internet = "0.1 USD/GiB"
[price.tier]
nearline = "0.01 USD/GiB/month"
class_a = "0.005 USD/kop"
class_b = "0.0004 USD/kop"
[tier]
stored = "1000 GiB"
class = "nearline"
reads = "10 op/s"
writes = "1 op/s"
)");
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_DOUBLE_EQ(figure(*plan, "money.instances"), 8 * 730 * 0.5);                  // 2,920
  EXPECT_NEAR(figure(*plan, "money.load_balancer"), 0.008 * 730 * 3600 * 0.5, 1e-6);  // 10,512
  EXPECT_NEAR(figure(*plan, "money.internet"), 0.5 * 0.1 * 730 * 3600 * 0.5, 1e-6);   // 65,700
  EXPECT_NEAR(figure(*plan, "money.tier_storage"), 10, 1e-9);
  // 2,628,000 s: 2,628 thousand writes at 0.005 and ten times as many reads at 0.0004
  EXPECT_NEAR(figure(*plan, "money.tier_operations"), 2628 * 0.005 + 26280 * 0.0004, 1e-6);
  EXPECT_NEAR(figure(*plan, "money.month"), 2920 + 10512 + 65700 + 10 + 13.14 + 10.512, 1e-6);
}

TEST(Plan, ACommitmentByHand) {
  auto plan = plan_of(kSmall, "[money]\ncommitment = \"one_year\"\n[price]\none_year = 0.6\n");
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_DOUBLE_EQ(figure(*plan, "money.instances"), 8 * 730 * 0.6);
}

// The screen, the sheet and the search for a rebuild do not speak as if something were left.
TEST(Plan, WithoutADomainToLoseAllOfOneIsLost) {
  for (const auto& [domains, protection] :
       {std::pair<const char*, const char*>{"domains = 1", "6+2"}, {"domains = 8", "6+0"}}) {
    auto plan = plan_of(replaced(replaced(kSmall, "domains = 8", domains), "6+2", protection));
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    EXPECT_EQ(figure(*plan, "rebuild.read_meanwhile"), 0);
    const std::string text = plan_text(*plan);
    EXPECT_EQ(text.find("less than whole"), std::string::npos) << text;
    EXPECT_EQ(text.find("came back blank"), std::string::npos) << text;
    EXPECT_NE(text.find("all lost; "), std::string::npos) << text;
    EXPECT_NE(text.find("No domain may be lost"), std::string::npos);
  }
}

TEST(Plan, RoomOutOfReachHasALine) {
  auto uneven = plan_of(replaced(kSmall, "nodes = 8", "nodes = 15"));
  ASSERT_TRUE(uneven.has_value());
  EXPECT_NE(plan_text(*uneven).find("uneven, out of reach"), std::string::npos);
  EXPECT_EQ(plan_text(*plan_of(kSmall)).find("uneven"), std::string::npos);
}

TEST(Plan, WhatIsAskedComesFromTheScenariosLine) {
  auto plan = plan_of(kSmall);
  ASSERT_TRUE(plan.has_value());
  for (const char* key : {"asked.cluster.data_shards", "asked.cluster.parity_shards"})
    EXPECT_EQ(plan->sheet.at(key).origin, "small.toml:34") << key;
  EXPECT_EQ(plan->sheet.at("asked.cluster.nodes").origin, "small.toml:32");
}

TEST(Plan, ASimulationIsShownBesideTheChain) {
  auto plan = plan_of(kSmall);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan_text(*plan).find("simulated"), std::string::npos);
  add_simulation(&*plan);
  const double low = figure(*plan, "durability.simulated_low");
  const double high = figure(*plan, "durability.simulated_high");
  EXPECT_LT(low, figure(*plan, "durability.annual_loss"));
  EXPECT_GT(high, figure(*plan, "durability.annual_loss"));
  EXPECT_GT(low, 0);
  EXPECT_LT(high / low, 1.5);
  EXPECT_NE(plan_text(*plan).find(simulated_words(*plan)), std::string::npos);
  EXPECT_NE(plan_explained(*plan, "durability.annual_loss")->find(simulated_words(*plan)),
            std::string::npos);
  EXPECT_NE(plan_json(*plan).find("durability.simulated_high"), std::string::npos);
}

// Sixteen slots of which eight may be lost: what few journeys end in loss have no weight to go by.
TEST(Plan, WhatIsTooRareToSimulateIsSaid) {
  auto plan = plan_of(replaced(replaced(kSmall, "nodes = 8", "nodes = 16"), "6+2", "8+8"));
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  add_simulation(&*plan);
  EXPECT_EQ(plan->sheet.find("durability.simulated_low"), nullptr);
  EXPECT_EQ(simulated_words(*plan), "");
  EXPECT_NE(plan_text(*plan).find("too rare to be simulated"), std::string::npos);
}

TEST(Plan, WhatMustHoldForAll) {
  for (const char* protection : {"1+0", "2+1", "4+2", "6+2", "5+3"})
    for (const uint32_t domains : {1u, 2u, 4u, 8u})
      for (const uint32_t nodes : {8u, 16u, 64u}) {
        auto of = [&](uint32_t n) {
          std::string text = replaced(kSmall, "nodes = 8", fmt::format("nodes = {}", n));
          text = replaced(text, "domains = 8", fmt::format("domains = {}", domains));
          return plan_of(replaced(text, "6+2", protection));
        };
        auto plan = of(nodes);
        auto twice = of(2 * nodes);
        ASSERT_TRUE(plan && twice) << plan.error().message;
        EXPECT_LT(figure(*plan, "capacity.usable"), figure(*plan, "capacity.raw"));
        EXPECT_GE(figure(*plan, "capacity.usable"), 0);
        for (const char* speed :
             {"speed.read", "speed.write", "speed.small_read", "speed.small_write"})
          EXPECT_GE(figure(*twice, speed), figure(*plan, speed)) << speed;
        EXPECT_LE(figure(*plan, "speed.degraded_read"), figure(*plan, "speed.read"));
        EXPECT_DOUBLE_EQ(figure(*twice, "money.instances"), 2 * figure(*plan, "money.instances"));
        EXPECT_LE(figure(*plan, "rebuild.device"), figure(*plan, "rebuild.node") + 1e-6);
      }
}

TEST(Plan, AssumedDataMarkWhatIsMadeOfThem) {
  auto plan = plan_of(
      replaced(kSmall, "rebuild_share = 0.25", "rebuild_share = { is = 0.25, assumed = true }"));
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_TRUE(plan->sheet.find("rebuild.node")->assumed);
  EXPECT_TRUE(plan->sheet.find("durability.annual_loss")->assumed);
  EXPECT_FALSE(plan->sheet.find("capacity.usable")->assumed);
}

TEST(Plan, AWorkloadThatDoesNotHoldIsNamed) {
  auto plan = plan_of(kSmall, "[workload]\nread = \"5 GB/s\"\nwrite = \"1 GB/s\"\n");
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_FALSE(plan->speeds[0].holds);
  EXPECT_TRUE(plan->speeds[1].holds);
  EXPECT_NE(plan_text(*plan).find(
                "read does not hold: 4.657 GiB/s is asked, 3.974 GiB/s is what network"),
            std::string::npos)
      << plan_text(*plan);
}

TEST(Plan, ExplainsDownToTheLine) {
  auto plan = plan_of(kSmall);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  const std::string text = *plan_explained(*plan, "capacity.usable");
  EXPECT_NE(
      text.find("capacity.usable = 4.951 TiB   = (raw - set aside - spare - uneven) / overhead"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("[small.toml:5]"), std::string::npos) << text;  // ssd
  EXPECT_EQ(plan_explained(*plan, "capacity.usabel").error().message,
            "no figure is called capacity.usabel; did you mean capacity.usable?");
}

TEST(Plan, BadInputIsToldWhereWhatAndWhatWouldBeRight) {
  struct Case {
    std::string from, to, message;
  };
  for (const Case& c : {
           Case{"shape = \"round\"", "shape = \"rund\"",
                "small.toml:31: cluster.shape: no shape is called \"rund\" (did you mean round?)"},
           Case{"domains = 8", "domains = 0",
                "small.toml:33: cluster.domains: 0 is not a whole number from 1 to 100000"},
           Case{"domains = 8", "domains = 9",
                "small.toml:33: cluster.domains: 9 domains are more than 8 nodes"},
           Case{"nodes = 8", "nodes = 2.5",
                "small.toml:32: cluster.nodes: 2.5 is not a whole number from 1 to 100000"},
           Case{"6+2", "7+2",
                "small.toml:34: cluster.protection: a stripe of 9 shards is wider than the cluster "
                "of 8 "
                "nodes: each shard needs a node of its own; at most 6+2 fits"},
           Case{"6+2", "6-2", "small.toml:34: cluster.protection: \"6-2\" is not data+parity"},
           Case{"6+2", "0+2", "small.toml:34: cluster.protection: needs at least one data shard"},
           Case{"\"1 USD/h\"", "\"-1 USD/h\"",
                "small.toml:12: shape.round.price: \"-1 USD/h\" is negative"},
           Case{"\"1 USD/h\"", "\"1\"", "small.toml:12: shape.round.price: \"1\" has no unit"},
           Case{"\"1 USD/h\"", "1",
                "small.toml:12: shape.round.price: 1 has no unit; a price for time (such as 11.20 "
                "USD/h) is "
                "wanted"},
           Case{"\"1 USD/h\"", "\"1 USD\"",
                "small.toml:12: shape.round.price: \"1 USD\" is money (such as 12.50 USD); a price "
                "for time"},
           Case{"\"1000 GiB\"", "\"1000 Gi\"",
                "small.toml:5: shape.round.ssd: \"1000 Gi\": no unit is called \"Gi\"; there are B "
                "KiB"},
           Case{"protection = \"6+2\"", "protecton = \"6+2\"",
                "small.toml:34: cluster.protecton: no such key; did you mean cluster.protection?"},
           Case{"nodes = 8", "nodes = 8\nnetwork = \"tier1\"",
                "small.toml:33: cluster.network: round has no tier1 network; leave the line out"},
           Case{"nodes = 8", "nodes = 8\nfill = 1.5",
                "small.toml:33: cluster.fill: 1.5 is not above 0"},
           Case{
               "nodes = 8", "nodes = 8\nspare_domains = 8",
               "small.toml:33: cluster.spare_domains: 8 is not a whole number below the 8 domains"},
           Case{"nodes = 8", "nodes = 8\nnodes = 9", "small.toml:33: this is not TOML:"},
           Case{"shape = \"round\"\n", "", "cluster.shape is missing"},
           Case{"nodes = 8", "nodes = {}", "small.toml:32: cluster.nodes: is an empty table"},
       }) {
    auto plan = plan_of(replaced(kSmall, c.from, c.to));
    ASSERT_FALSE(plan.has_value()) << c.to;
    EXPECT_NE(plan.error().message.find(c.message), std::string::npos)
        << "got:    " << plan.error().message << "\nwanted: " << c.message;
  }
}

TEST(UnitText, ReadsWhatPeopleWrite) {
  EXPECT_EQ(*parse_quantity("36000 GiB"), any(Bytes{36000 * kG}));
  EXPECT_EQ(*parse_quantity("100 Gb/s"), any(BytesPerSecond{12.5e9}));
  EXPECT_EQ(*parse_quantity("0.01 /year"), any(PerSecond{0.01 / 31536000}));
  EXPECT_EQ(*parse_quantity(" 2 h "), any(Seconds{7200}));
  EXPECT_EQ(parse_quantity("0.02 USD/GiB/month")->dimensions, (Dimensions{-1, -1, 1, 0}));
  EXPECT_DOUBLE_EQ(parse_quantity("0.02 USD/GiB/month")->value, 0.02 / kG / 2628000);
  for (const char* bad :
       {"", "GiB", "5", "5 Gib", "5 GiB/", "5 GiB//s", "nan GiB", "inf s", "1e999 s"})
    EXPECT_FALSE(parse_quantity(bad).has_value()) << bad;
}

TEST(UnitText, WritesWhatPeopleRead) {
  EXPECT_EQ(format_quantity(any(Bytes{1536 * kG})), "1.5 TiB");
  EXPECT_EQ(format_quantity(any(BytesPerSecond{12.5 * kG})), "12.5 GiB/s");
  EXPECT_EQ(format_quantity(any(Dollars{1234567})), "$1,234,567");
  EXPECT_EQ(format_quantity(any(Dollars{12.5})), "$12.50");
  EXPECT_EQ(format_quantity(any(Seconds{5400})), "90 min");
  EXPECT_EQ(format_quantity(any(1e-12)), "1e-12");
  EXPECT_EQ(format_quantity(any(OperationsPerSecond{181818.18})), "181,818 op/s");
}

// A size is not a time: these do not compile, which only the compiler can show.
template <typename A, typename B>
concept Addable = requires(A a, B b) { a + b; };
static_assert(Addable<Bytes, Bytes> && !Addable<Bytes, Seconds> && !Addable<Dollars, double>);
static_assert(std::is_same_v<decltype(Bytes{} / Seconds{}), BytesPerSecond>);
static_assert(std::is_same_v<decltype(Bytes{} / Bytes{}), double>);

}  // namespace
}  // namespace atl::plan
