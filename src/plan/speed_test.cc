// A second scenario by hand: two networks, interfaces, PCIe, domains that are not equal.
#include "plan/speed.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

namespace atl::plan {
namespace {

constexpr double kG = 1073741824.0;

// Fifteen nodes in five domains of three, RDMA between nodes.
constexpr std::string_view kTwoNetworks = R"(
[shape.two]
vcpus = 16
ssd = "2000 GiB"
ssd_count = 4
ssd_read = "40 GB/s"
ssd_write = "10 GB/s"
ssd_read_ops = "1000000 op/s"
ssd_write_ops = "500000 op/s"
network = "200 Gb/s"
rdma_nics = 2
rdma_nic = "80 Gb/s"
pcie = "30 GB/s"
price = "2 USD/h"
[atoll]
read_per_core = "100 GiB/s"
write_per_core = "100 GiB/s"
rewrite = 0.5
reserve = 0
journal_most = "0 B"
rebuild_share = 0.5
[failure]
detection = "10 s"
[cluster]
shape = "two"
nodes = 15
domains = 5
protection = "3+2"
clients = "tcp"
fabric = "rdma"
)";

Result<Plan> plan_of(std::string text, std::string_view from = {}, std::string_view to = {}) {
  if (!from.empty()) {
    EXPECT_NE(text.find(from), text.npos) << from;
    text.replace(text.find(from), from.size(), to);
  }
  auto book = Book::parse(text, "two.toml");
  if (!book) return fail(book.error());
  return make_plan(*book, built_in_catalogue());
}
Result<Plan> two(std::string_view from = {}, std::string_view to = {}) {
  return plan_of(std::string(kTwoNetworks), from, to);
}
double figure(const Plan& plan, std::string_view key) {
  const Figure* found = plan.sheet.find(key);
  EXPECT_NE(found, nullptr) << key;
  return found == nullptr ? 0 : found->value.value;
}

TEST(Speed, TwoNetworksByHand) {
  auto plan = two();
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  // Clients alone on TCP: 15 x 25 GB/s. Between nodes 14/15 of each byte, on 15 x 2 x 10 GB/s.
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.read_by_network"), 375e9);
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.read_by_rdma"), 300e9 / (14.0 / 15));
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.read_by_ssd"), 600e9);
  // 30 GB/s of PCIe each way carry a byte's 1 + 14/15.
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.read_by_pcie"), 450e9 / (1 + 14.0 / 15));
  EXPECT_EQ(plan->speeds[0].limits[0].what, "PCIe");
  EXPECT_EQ(plan->speeds[0].limits[1].what, "RDMA network");
  // 5/3 x 14/15 = 14/9 of each byte written go between nodes; 5/3 x 1.5 = 2.5 to SSD.
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.write_by_network"), 375e9);
  EXPECT_NEAR(figure(*plan, "speed.write_by_rdma"), 300e9 * 9 / 14, 1);
  EXPECT_NEAR(figure(*plan, "speed.write_by_ssd"), 150e9 / 2.5, 1);
  // Out of memory: 14/9 to other nodes, 2.5 to SSD; into it 1 + 14/9 + 5/6 of reclaim. The former.
  EXPECT_NEAR(figure(*plan, "speed.write_by_pcie"), 450e9 / (14.0 / 9 + 2.5), 1);
  EXPECT_EQ(plan->speeds[1].limits[0].what, "local SSD");
}

TEST(Speed, OneNetworkForBothCarriesBoth) {
  auto tcp = two("fabric = \"rdma\"", "fabric = \"tcp\"");
  ASSERT_TRUE(tcp.has_value()) << tcp.error().message;
  EXPECT_DOUBLE_EQ(figure(*tcp, "speed.read_by_network"), 375e9 / (1 + 14.0 / 15));
  EXPECT_EQ(tcp->sheet.find("speed.read_by_rdma"), nullptr);
  auto rdma = two("clients = \"tcp\"", "clients = \"rdma\"");
  ASSERT_TRUE(rdma.has_value()) << rdma.error().message;
  EXPECT_DOUBLE_EQ(figure(*rdma, "speed.read_by_rdma"), 300e9 / (1 + 14.0 / 15));
  EXPECT_EQ(rdma->sheet.find("speed.read_by_network"), nullptr);
}

TEST(Speed, TheCapIsTheMachines) {
  // Four interfaces of 100 Gb/s do not lift a cap of 200; one holds it down.
  auto four = two("pcie = ", "nics = 4\nnic = \"100 Gb/s\"\npcie = ");
  ASSERT_TRUE(four.has_value()) << four.error().message;
  EXPECT_DOUBLE_EQ(figure(*four, "speed.read_by_network"), 375e9);
  auto one = two("pcie = ", "nics = 1\nnic = \"100 Gb/s\"\npcie = ");
  ASSERT_TRUE(one.has_value()) << one.error().message;
  EXPECT_DOUBLE_EQ(figure(*one, "speed.read_by_network"), 375e9 / 2);
  // A cap on both networks together: a byte takes 1 + 14/15 of 15 x 12.5 GB/s.
  auto both = two("pcie = ", "network_and_rdma = \"100 Gb/s\"\npcie = ");
  ASSERT_TRUE(both.has_value()) << both.error().message;
  EXPECT_DOUBLE_EQ(figure(*both, "speed.read_by_both_networks"), 187.5e9 / (1 + 14.0 / 15));
  EXPECT_EQ(both->speeds[0].limits[0].what, "both networks");
}

TEST(Speed, SmallOperationsFillTheNetworkToo) {
  auto plan = two("ssd_read_ops", "ssd_read_ops = \"900000000 op/s\"\nnot_used");
  ASSERT_FALSE(plan.has_value());  // an unknown key of a shape is no datum
  plan = two();
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  // 4 KiB each: 375 GB/s of clients; 14/15 of each between nodes.
  EXPECT_NEAR(figure(*plan, "speed.small_read_by_network"), 375e9 / 4096, 1);
  EXPECT_NEAR(figure(*plan, "speed.small_read_by_rdma"), 300e9 / 4096 * 15 / 14, 1);
  // Three journal replicas and 5/3 of a stripe, 14/15 of them elsewhere.
  EXPECT_NEAR(figure(*plan, "speed.small_write_by_rdma"), 300e9 / 4096 / ((3 + 5.0 / 3) * 14 / 15),
              1);
}

TEST(Rebuild, TheBindingPartByHand) {
  auto plan = two();
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  // Spare one of five domains; 80% full of what is left.
  const double stored = 15 * 2000 * kG * 0.8 * 0.8;
  EXPECT_NEAR(figure(*plan, "rebuild.stored"), stored, 1);
  // RDMA 20 GB/s / 4 is less than SSD read 40 / 3 and SSD write 10: 14 nodes x 5 GB/s x 0.5.
  EXPECT_DOUBLE_EQ(figure(*plan, "rebuild.node_rate"), 35e9);
  EXPECT_NEAR(figure(*plan, "rebuild.node"), 10 + stored / 15 / 35e9, 1e-6);
  EXPECT_NEAR(figure(*plan, "rebuild.domain"), 10 + stored / 5 / (12 * 5e9 * 0.5), 1e-6);
  // Twelve nodes take at 10 GB/s each more than three send at 20.
  EXPECT_NEAR(figure(*plan, "rebuild.drain_domain"), stored / 5 / (3 * 20e9 * 0.5), 1e-6);
  auto slow_write = two("ssd_write = \"10 GB/s\"", "ssd_write = \"1 GB/s\"");
  ASSERT_TRUE(slow_write.has_value());
  EXPECT_DOUBLE_EQ(figure(*slow_write, "rebuild.node_rate"), 14e9 * 0.5);
  EXPECT_NEAR(figure(*slow_write, "rebuild.drain_domain"), stored / 5 / (12 * 1e9 * 0.5), 1e-6);
  auto slow_read = two("ssd_read = \"40 GB/s\"", "ssd_read = \"3 GB/s\"");
  ASSERT_TRUE(slow_read.has_value());
  EXPECT_DOUBLE_EQ(figure(*slow_read, "rebuild.node_rate"), 14e9 * 0.5);
}

TEST(Rebuild, OfCpuNothingIsTaken) {
  auto plan = two("read_per_core = \"100 GiB/s\"", "read_per_core = \"0.1 GiB/s\"");
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->speeds[0].limits[0].what, "CPU");
  // 15 x 16/2 cores x 0.1 GiB/s, twelve nodes of fifteen left.
  EXPECT_NEAR(figure(*plan, "rebuild.read_meanwhile"), 12 * kG * 0.8, 1);
}

// Fifteen nodes in eight domains: seven have two and one has one. A stripe of eight has a slot in
// the small one, so eight nodes' worth is all that stripes can fill.
TEST(Capacity, UnequalDomainsByHand) {
  auto plan = two("domains = 5\nprotection = \"3+2\"", "domains = 8\nprotection = \"6+2\"");
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  const double node = 2000 * kG;
  EXPECT_DOUBLE_EQ(figure(*plan, "capacity.spare"), 2 * node);  // the largest domain
  EXPECT_NEAR(figure(*plan, "capacity.uneven"), 5 * node, 1);   // seven, less the spare
  EXPECT_NEAR(figure(*plan, "capacity.usable"), 8 * node * 6 / 8, 1);
  // A stripe of seven may leave the small domain out now and then: with T stripes' worth a node,
  // 1 + 7 x min(2, T) >= 7 T holds for every T up to 15/7: everything can be filled.
  auto seven = two("domains = 5\nprotection = \"3+2\"", "domains = 8\nprotection = \"5+2\"");
  ASSERT_TRUE(seven.has_value());
  EXPECT_EQ(figure(*seven, "capacity.uneven"), 0);
  EXPECT_NEAR(figure(*seven, "capacity.usable"), 13 * node * 5 / 7, 1);
  // Two domains lost are four nodes, not 15 x 2/8.
  EXPECT_DOUBLE_EQ(figure(*plan, "speed.nodes_left"), 11);
  EXPECT_DOUBLE_EQ(figure(*plan, "rebuild.on_a_domain"), figure(*plan, "rebuild.stored") * 2 / 15);
}

// Against filling it step by step: a greedy that puts each stripe's slots into the emptiest nodes
// of the domains with most room left.
TEST(Capacity, UnequalDomainsAsAGreedyFillsThem) {
  constexpr int kRoom = 240;  // slots in a node
  int unequal = 0;
  for (int domains = 2; domains <= 8; ++domains)
    for (int nodes = domains; nodes <= 3 * domains; ++nodes)
      for (int width = 2; width <= std::min(domains, nodes); ++width) {
        std::vector<int> room;
        for (int d = 0; d < domains; ++d)
          room.push_back((nodes / domains + (d < nodes % domains ? 1 : 0)) * kRoom);
        long filled = 0;
        while (true) {
          std::ranges::sort(room, std::greater<>());
          if (room[width - 1] == 0) break;
          for (int i = 0; i < width; ++i) --room[i];
          filled += width;
        }
        const std::string text =
            fmt::format("nodes = {}\ndomains = {}\nprotection = \"{}+1\"\nspare_domains = 0", nodes,
                        domains, width - 1);
        auto plan = two("nodes = 15\ndomains = 5\nprotection = \"3+2\"", text);
        ASSERT_TRUE(plan.has_value()) << plan.error().message;
        const double share = 1 - figure(*plan, "capacity.uneven") / figure(*plan, "capacity.raw");
        EXPECT_NEAR(share, double(filled) / (double(nodes) * kRoom), 0.005) << text;
        if (share < 0.99) ++unequal;
      }
  EXPECT_GT(unequal, 10);
}

TEST(Speed, AShapeWithoutRdmaIsTold) {
  auto plan = two("rdma_nics = 2\nrdma_nic = \"80 Gb/s\"\n", "");
  ASSERT_FALSE(plan.has_value());
  EXPECT_NE(plan.error().message.find("cluster.fabric: two has no RDMA network in the catalogue"),
            std::string::npos)
      << plan.error().message;
}

}  // namespace
}  // namespace atl::plan
