// What is refused, and that the message says where, what, and what would be right.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "plan/inputs.h"
#include "plan/plan.h"
#include "plan/what_if.h"

namespace atl::plan {
namespace {

constexpr std::string_view kGood = R"(name = "x"
[cluster]
shape = "z3-highmem-88-highlssd"
nodes = 8
domains = 8
protection = "6+2"
)";

Result<Plan> plan_of(std::string_view text) {
  auto book = Book::parse(text, "x.toml");
  if (!book) return fail(book.error());
  return make_plan(*book, built_in_catalogue());
}

struct Case {
  std::string from, to;  // `to` in the place of `from`, or after all where `from` is empty
  std::string message;
};

void expect_refused(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    std::string text(kGood);
    if (c.from.empty()) {
      text += c.to;
    } else {
      ASSERT_NE(text.find(c.from), text.npos) << c.from;
      text.replace(text.find(c.from), c.from.size(), c.to);
    }
    auto plan = plan_of(text);
    ASSERT_FALSE(plan.has_value()) << c.to;
    EXPECT_EQ(plan.error().code, Errc::kInvalidArgument) << c.to;
    EXPECT_NE(plan.error().message.find(c.message), std::string::npos)
        << "got:    " << plan.error().message << "\nwanted: " << c.message;
  }
}

TEST(BadInput, TheGoodOneIsGood) {
  EXPECT_TRUE(plan_of(kGood).has_value());
}

TEST(BadInput, WhatIsNoScenario) {
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"",
            "x.toml: cluster.shape, cluster.nodes, cluster.domains, cluster.protection are "
            "missing; a scenario has at least [cluster]"},
           {"[cluster\n", "x.toml:1: this is not TOML"},
           {"name = \"\xff\"\n", "x.toml:1: this is not TOML"},
           {std::string("name = \"a\0b\"", 12), "x.toml:1: this is not TOML"},
           {"[need]\nusable = \"1 TiB\"\n",
            "x.toml:2: need.usable: [need] is for `atoll plan cheapest`"},
           {"[phase.a]\nnodes = 3\n", "[phase] is for `atoll plan growth`"},
           {"[a.b.c.d.e.f.g.h.i.j.k]\nx = 1\n", "deeper than 8 tables"},
       }) {
    auto plan = plan_of(text);
    ASSERT_FALSE(plan.has_value()) << text;
    EXPECT_NE(plan.error().message.find(message), std::string::npos) << plan.error().message;
  }
}

TEST(BadInput, Numbers) {
  const std::string nodes = "nodes = 8";
  expect_refused({
      {nodes, "nodes = -8", "x.toml:4: cluster.nodes: -8 is negative; it is 0 or more"},
      {nodes, "nodes = nan", "x.toml:4: cluster.nodes: nan is not a number to compute with"},
      {nodes, "nodes = inf", "x.toml:4: cluster.nodes: inf is not a number"},
      {nodes, "nodes = 99999999999999999999", "x.toml:4: this is not TOML"},
      {nodes, "nodes = 1e31", "too large to compute with"},
      {nodes, "nodes = \"8\"", "\"8\" has no unit; a plain number is wanted, without quotes"},
      {nodes, "nodes = \"eight\"", "does not begin with a number; a plain number is wanted"},
      {nodes, "nodes = \"8 GiB\"", "is a size (such as 36000 GiB); a plain number is wanted"},
      {nodes, "nodes = true", "a plain number is wanted"},
      {nodes, "nodes = [8]", "a number, a quantity in quotes, a word or true/false"},
      {nodes, "nodes = 8\nnodes = 8", "x.toml:5: this is not TOML"},
      {"", "partitions = 0\n", "x.toml:7: cluster.partitions: 0 does not do: it is a whole"},
      {"", "fill = \"80%\"\n", "no unit is called \"%\""},
      {"", "nods = 3\n", "cluster.nods: no such key; did you mean cluster.nodes?"},
      {"", "[clutser]\nq = 3\n",
       "clutser.q: no such key; a scenario has name and the tables cluster, "},
  });
}

TEST(BadInput, Protection) {
  for (const char* bad : {"6", "6+", "+2", "6+2+1", "-6+2", "6.5+2", "6 + 2", "99999999999+2"})
    expect_refused({{"6+2", bad, "is not data+parity, such as \"6+2\""}});
  // The sum does not wrap around.
  expect_refused({{"6+2", "4294967295+2", "a stripe of 4294967297 shards is wider than 64"},
                  {"6+2", "60+5", "wider than 64, the most there can be"}});
}

TEST(BadInput, Data) {
  const std::string shape = "[shape.z3-highmem-88-highlssd]\n";
  expect_refused({
      {"", shape + "price = \"14\"\n",
       "x.toml:8: shape.z3-highmem-88-highlssd.price: \"14\" has no "
       "unit; a price for time (such as 11.20 USD/h) is wanted"},
      {"", shape + "ssd = \"0 GiB\"\n", "\"0 GiB\" does not do: it must be above 0"},
      {"", shape + "ssd = \"1e300 PiB\"\n", "too large to compute with"},
      {"", shape + "vcpus = 8.5\n", "8.5 does not do: it is a whole number from 1 on"},
      {"", shape + "vcpus = 0.5\n", "0.5 does not do: it is a whole number from 1 on"},
      {"", shape + "ntwork = \"1 Gb/s\"\n", "ntwork: no such key; did you mean network?"},
      {"", "[shape]\nmine = 3\n", "a shape is a table, such as [shape.my-machine]"},
      {"z3-highmem-88-highlssd\"", "mine\"", "there are z3-highmem-176-standardlssd"},
      {"", "[atoll]\nrebuild_share = 0\n", "a share: above 0 and at most 1"},
      {"", "[atoll]\nrebuild_share = 2\n", "a share: above 0 and at most 1"},
      {"", "[atoll]\nreserve = 1\n", "at least 0 and below 1"},
      {"", "[atoll]\njournal_most = \"20 TiB\"\n",
       "x.toml:8: atoll.journal_most: nothing is left of 281.2 TiB raw"},
      {"", "[price]\none_year = 2\n", "a part of the price on demand"},
      {"", "[price]\none_year = { is = 0.6 }\n", "has neither a source nor assumed = true"},
      {"", "[price]\none_year = { is = 0.6, sauce = \"x\" }\n", "\"sauce\" is not known beside"},
      {"", "[failure]\nssd_loss = \"0 /year\"\nnode_blank = \"0 /year\"\n",
       "x.toml:8: failure.ssd_loss: neither it nor failure.node_blank is above 0"},
      {"", "[tier]\nclass = \"nearline\"\n",
       "x.toml:8: tier.class: says nothing without tier.stored"},
      {"", "fabric = \"rdma\"\n", "z3-highmem-88-highlssd has no RDMA network in the catalogue"},
  });
}

TEST(BadInput, OfWhatIsGivenAndNotUsed) {
  expect_refused({
      {"", "[price]\ninternet = \"0.12 USD\"\n",
       "x.toml:8: price.internet: \"0.12 USD\" is money (such as 12.50 USD); a price for bytes"},
      {"", "[price]\ninternet = 0.12\n", "x.toml:8: price.internet: 0.12 has no unit"},
      {"", "[price]\ninternet = \"cheap\"\n", "\"cheap\" does not begin with a number"},
      {"", "[price]\ninternet = true\n", "a price for bytes (such as 0.008 USD/GiB) is wanted"},
      {"", "[price]\none_year = \"63 %\"\n", "a share is a plain number: 0.8 for 80 %"},
      {"", "[delay.token]\nmedian = 4\n", "x.toml:8: delay.token.median: 4 has no unit; a time"},
      {"", "[locality]\ndata = \"1 TiB\"\nlink = 3\n", "locality.link: 3 is no word"},
  });
}

TEST(BadInput, Failover) {
  for (const char* bad :
       {"renewal = 1", "renewal = 2", "renewal = 0", "look = 3", "look = 0", "retry = \"0 s\"",
        "alias_ranges = 2.5", "alias_ranges = 0", "garp_services = 0", "pool_nodes = 0"})
    expect_refused({{"", fmt::format("[failover]\n{}\n", bad), "x.toml:8: failover."},
                    {"", fmt::format("[failover]\n{}\n", bad), "does not do: it "}});
  expect_refused({{"", "[delay.alias_operation]\np99_over_median = 0.5\n",
                   "x.toml:8: delay.alias_operation.p99_over_median: 0.5 does not do: it is a "
                   "multiple of the median"},
                  {"", "[delay.writes_per_minute]\ncount = 0\n", "0 does not do: it is a whole"}});
}

TEST(BadInput, TablesThatSayNothing) {
  expect_refused({
      {"nodes = 8", "nodes = {}", "x.toml:4: cluster.nodes: is an empty table; a value is wanted"},
      {"", "[netwrok]\n", "x.toml:7: netwrok: an empty table, and no table of that name is known"},
      {"", "[shape.foo]\n", "x.toml:7: shape.foo: an empty table is no shape"},
      {"name", "\"cluster.nodes\" = 16\nname", "x.toml:1: top: \"cluster.nodes\" is one word"},
      {"", "[\"cluster.fill\"]\nis = 1\nassumed = true\n", "\"cluster.fill\" is one word"},
  });
}

TEST(BadInput, LinesThatContradictEachOther) {
  const std::string shape = "[shape.z3-highmem-88-highlssd]\n";
  expect_refused({
      {"", "[money]\ncommitment = \"one_year\"\nuse = 0.5\n",
       "x.toml:9: money.use: 0.5 contradicts commitment = \"one_year\""},
      {"", shape + "network_tier1 = \"50 Gb/s\"\n",
       "x.toml:8: shape.z3-highmem-88-highlssd.network_tier1: \"50 Gb/s\" is below network, \"62 "
       "Gb/s\""},
      {"", shape + "rdma_nics = 2\n", "lacks rdma_nic beside rdma_nics"},
      {"", shape + "network_and_rdma = \"5 Gb/s\"\n", "lacks rdma_nics and rdma_nic beside"},
      {"", "[failure]\nnode_outage = \"100000 /year\"\n",
       "x.toml:8: failure.node_outage: \"100000 /year\" of \"15 min\" each are more than all the "
       "time there is"},
      {"", "[failure]\ndomain_outage_length = \"20 year\"\n", "failure.domain_outage: "},
      {"", "partitions = 1e20\n", "x.toml:7: cluster.partitions: 1e+20 does not do"},
  });
  auto whole = plan_of(std::string(kGood) + "[money]\ncommitment = \"one_year\"\nuse = 1\n");
  EXPECT_TRUE(whole.has_value());
}

TEST(BadInput, WhatWasMeant) {
  const std::string read = "[workload]\nread = ";
  expect_refused({
      {"", read + "\"100 Gbps\"\n", "no unit is called \"Gbps\"; did you mean Gb/s?"},
      {"", read + "\"100 GBps\"\n", "did you mean GB/s?"},
      {"", read + "\"100 GB/S\"\n", "no unit is called \"S\"; did you mean s?"},
      {"", read + "\"100 gb/s\"\n", "did you mean GB or Gb? b is bits, B is bytes"},
      {"", read + "\"-5 GB/s\"\n", "x.toml:8: workload.read: \"-5 GB/s\" is negative"},
      {"\"6+2\"", "6", "6 is no word; a word in quotes is wanted, such as \"6+2\""},
      {"", "[money]\ndiscount = 0.5\n", "no such key; [money] has commitment, use, "},
  });
}

TEST(BadInput, WordsOfOthersAreShownSafely) {
  auto plan = plan_of(
      "[cluster]\nshape = \"\\u001b[31mred\\nline\"\nnodes = 8\ndomains = "
      "8\nprotection = \"6+2\"\n");
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().message.find('\x1b'), std::string::npos);
  EXPECT_EQ(plan.error().message.find('\n'), std::string::npos);
  plan = plan_of("[cluster]\nshape = \"" + std::string(5000, 'x') +
                 "\"\nnodes = 8\ndomains = 8\nprotection = \"6+2\"\n");
  ASSERT_FALSE(plan.has_value());
  EXPECT_NE(plan.error().message.find("\"" + std::string(kEchoMax, 'x') + "...\""),
            std::string::npos);
  EXPECT_LT(plan.error().message.size(), 500u);
}

TEST(BadInput, AShapeOfOnesOwnLacksLines) {
  auto plan = plan_of(
      "[shape.mine]\nvcpus = 8\nnic = \"1 Gb/s\"\n[cluster]\nshape = \"mine\"\nnodes = 8\ndomains "
      "= "
      "8\nprotection = \"6+2\"\n");
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(
      plan.error().message,
      "x.toml:5: cluster.shape: the shape \"mine\" lacks ssd, ssd_count, ssd_read, ssd_write, "
      "ssd_read_ops, ssd_write_ops, network, price, nics beside nic; give it a line for each");
}

TEST(BadInput, TooWideForTheDurabilityModelNamesTheLine) {
  auto plan = plan_of(
      "[cluster]\nshape = \"z3-highmem-88-highlssd\"\nnodes = 64\ndomains = 7\nprotection = "
      "\"32+32\"\n");
  ASSERT_FALSE(plan.has_value());
  EXPECT_NE(
      plan.error().message.find("x.toml:5: cluster.protection: the durability model has more"),
      std::string::npos)
      << plan.error().message;
}

TEST(BadInput, ACatalogueOfOnesOwn) {
  auto refused = [](std::string_view text) {
    auto own = Book::parse(text, "own.toml");
    EXPECT_TRUE(own.has_value());
    const Status checked = check_catalogue(*own, built_in_catalogue());
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(refused("[price]\ninternet = \"0.1 USD/GiB\"\n"), "");
  EXPECT_EQ(
      refused("[price]\nintrnet = \"0.1 USD/GiB\"\n"),
      "own.toml:2: price.intrnet: no such datum in a catalogue; did you mean price.internet?");
  for (const auto& [text, message] : std::vector<std::pair<const char*, const char*>>{
           {"[price]\ninternet = \"-0.1 USD/GiB\"\n", "own.toml:2"},
           {"[price]\ninternet = \"0.1 USD/GB/s\"\n", "own.toml:2: price.internet: "},
           {"date = \"yesterday\"\n", "own.toml:1: date: \"yesterday\" is not a date"},
           {"title = 5\n", "own.toml:1: title: 5 is no word"},
           {"[prices]\n", "own.toml:1: prices: an empty table, and no table of that name"},
           {"[shape.q]\nvcpus = 8\n", "own.toml:2: shape.q: the shape \"q\" lacks ssd, "},
           {"[shape.z3-highmem-88-highlssd]\nnetwork_tier1 = \"1 Gb/s\"\n", "is below network"}})
    EXPECT_NE(refused(text).find(message), std::string::npos) << refused(text);
}

TEST(BadInput, Variations) {
  auto book = Book::parse(kGood, "x.toml");
  ASSERT_TRUE(book.has_value());
  auto refused = [&](const char* first, const char* second = nullptr) -> std::string {
    auto variation = parse_variation(first);
    if (!variation) return variation.error().message;
    std::optional<Variation> also;
    if (second != nullptr) also = *parse_variation(second);
    auto swept = sweep(*book, built_in_catalogue(), *variation, also);
    return swept ? std::string() : swept.error().message;
  };
  EXPECT_EQ(refused("cluster.nodes=8..64:8"), "");
  EXPECT_EQ(refused("cluster.nodes=8..64:8", "cluster.protection=6+2,4+2"), "");
  for (const auto& [text, message] : std::vector<std::pair<const char*, const char*>>{
           {"cluster.domains", "is not KEY=VALUES; write for example"},
           {"cluster.domains=3..", "--vary cluster.domains=3..: \"\" is not a whole number"},
           {"cluster.fill=0.1..0.9", "or list the values: cluster.fill=0.5,0.7,0.9"},
           {"cluster.domains=8..3", "a range goes up, by a step of at least 1"},
           {"cluster.nodes=1..100000", "over at most 1000 values"},
           {"cluster.nodes=0", "--vary cluster.nodes=0: cluster.nodes: 0 is not a whole number"},
           {"cluster.nodes=nan", "is not a whole number"},
           {"cluster.domain=3", "no such key; did you mean cluster.domains?"},
       })
    EXPECT_NE(refused(text).find(message), std::string::npos) << refused(text);
  EXPECT_NE(refused("cluster.nodes=8", "cluster.nodes=9").find("given twice"), std::string::npos);
  EXPECT_NE(refused("cluster.nodes=8", "cluster.domains=1..8").find("at most 5 values"),
            std::string::npos);
}

}  // namespace
}  // namespace atl::plan
