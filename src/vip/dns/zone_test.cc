// Names, zones that cannot be, the configuration, and the limits of rate.
#include "vip/dns/zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vip/dns/rate_limit.h"
#include "vip/dns/section.h"
#include "vip/dns/test_zone.h"

namespace atl::vip::dns {
namespace {

using ::testing::HasSubstr;

TEST(DnsName, wire_form_in_lower_case) {
  const auto name = make_name("Door.Storage.example");
  ASSERT_TRUE(name);
  EXPECT_EQ(*name, std::string("\4door\7storage\7example\0", 22));
  EXPECT_EQ(make_name("door.storage.example.").value(), *name);
  EXPECT_EQ(to_text(*name), "door.storage.example.");
  EXPECT_EQ(to_text(parent_of(*name)), "storage.example.");
}

TEST(DnsName, what_cannot_be_one) {
  for (const std::string& text :
       {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("a b"),
        std::string("a\\b"), std::string(64, 'a'), std::string("a@b")})
    EXPECT_FALSE(make_name(text)) << text;
  std::string longest(250, 'a');
  for (size_t i = 9; i < longest.size(); i += 10) longest[i] = '.';
  longest.back() = 'a';
  EXPECT_TRUE(make_name(longest));
  EXPECT_FALSE(make_name(longest + ".abcd"));
}

TEST(DnsName, within_counts_labels_not_letters) {
  const Name apex = *make_name("storage.example");
  EXPECT_TRUE(is_within(apex, apex));
  EXPECT_TRUE(is_within(*make_name("a.b.storage.example"), apex));
  EXPECT_FALSE(is_within(*make_name("notstorage.example"), apex));
  EXPECT_FALSE(is_within(*make_name("example"), apex));
  EXPECT_FALSE(is_within(Name(1, '\0'), apex));
  EXPECT_TRUE(is_root(Name(1, '\0')));
}

TEST(DnsZone, zones_that_cannot_be_are_refused) {
  std::map<std::string, ZoneSnapshot> bad;
  auto but = [&bad](const std::string& what) -> ZoneSnapshot& {
    return bad.emplace(what, test_snapshot(2, 2)).first->second;
  };
  but("no server").servers.clear();
  but("14 servers").servers.resize(14, {"ns", Vip{1}});
  but("the root").zone = ".";
  but("an empty label").pools[0].name = "a..b";
  but("a label of 64").pools[0].name = std::string(64, 'a');
  but("pool twice").pools.push_back(test_snapshot(1, 1).pools[0]);
  but("pool and server").servers[0].label = "Door";
  but("node twice").pools[0].nodes[1].name = "NODE1";
  but("no time to live").ttl_s = 0;
  but("an hour and more").ttl_s = kTtlSecondsMax + 1;
  but("no address").addresses_per_answer = 0;
  but("many RDMA addresses").pools[0].nodes[0].rdma.resize(kNodeRdmaMax + 1);
  but("many pools").pools.resize(kZonePoolsMax + 1);
  but("many addresses").pools[0].held.resize(kPoolAddressesMax + 1);
  for (const auto& [what, snapshot] : bad) {
    const auto zone = Zone::make(snapshot);
    ASSERT_FALSE(zone) << what;
    EXPECT_EQ(zone.error().code, Errc::kInvalidArgument) << what;
  }
}

TEST(DnsZone, a_pool_with_dots_in_its_name) {
  ZoneSnapshot snapshot = test_snapshot(1, 1);
  snapshot.pools[0].name = "door.tenant-a";
  const auto zone = Zone::make(snapshot);
  ASSERT_TRUE(zone);
  const Data* pool = (*zone)->find(*make_name("door.tenant-a.storage.example"));
  const Data* between = (*zone)->find(*make_name("tenant-a.storage.example"));
  ASSERT_TRUE(pool && between);
  EXPECT_EQ(pool->addresses.size(), 1u);
  EXPECT_TRUE(between->addresses.empty());
}

TEST(DnsSnapshot, is_made_of_records_and_health) {
  Pool pool;
  pool.name = "door";
  pool.addresses = {Vip{1}, Vip{2}, Vip{3}};
  pool.nodes.resize(3);
  for (int i = 0; i < 3; ++i) pool.nodes[static_cast<size_t>(i)].name = fmt::format("n{}", i);
  const std::map<Vip, Record> records = {{Vip{1}, {"n0", "", 1}}, {Vip{2}, {"n1", "", 1}}};
  const std::map<NodeName, NodeHealth> health = {{"n0", {true, false}}, {"n1", {false, true}}};
  const RdmaService rdma{7471, {{"n0", {Vip{100}}}}};
  const PoolSnapshot out = pool_snapshot(pool, records, health, rdma);
  EXPECT_EQ(out.rdma_port, 7471);
  ASSERT_EQ(out.held.size(), 3u);
  EXPECT_EQ(out.held[0].holder, "n0");
  EXPECT_EQ(out.held[1].holder, "n1");
  EXPECT_EQ(out.held[2].holder, "");
  ASSERT_EQ(out.nodes.size(), 3u);
  EXPECT_TRUE(out.nodes[0].up && !out.nodes[0].draining);
  EXPECT_TRUE(!out.nodes[1].up && out.nodes[1].draining);
  EXPECT_FALSE(out.nodes[2].up);
  EXPECT_EQ(out.nodes[0].rdma, std::vector<Vip>{Vip{100}});
}

constexpr char kSection[] = R"({"zone": "storage.example", "listen": ["10.0.0.2:53"],
  "servers": {"ns1": "10.0.0.2"}, "ttl_s": 7, "addresses_per_answer": 3,
  "rdma": {"port": 7471, "nodes": {"node1": ["10.128.0.2", "10.129.0.2"]}}})";

TEST(DnsSection, is_read) {
  const auto section = decode_section(kSection);
  ASSERT_TRUE(section) << section.error().to_string();
  EXPECT_EQ(section->zone, "storage.example");
  ASSERT_EQ(section->listen.size(), 1u);
  EXPECT_EQ(section->listen[0].to_string(), "10.0.0.2:53");
  EXPECT_EQ(section->ttl_s, 7u);
  EXPECT_EQ(section->addresses_per_answer, 3u);
  EXPECT_EQ(section->rdma.port, 7471);
  EXPECT_EQ(section->rdma.nodes.at("node1").size(), 2u);
  const auto zone = Zone::make(zone_snapshot(*section, test_snapshot(1, 1).pools[0], 9));
  ASSERT_TRUE(zone);
  EXPECT_EQ((*zone)->serial(), 9u);
}

TEST(DnsSection, the_wrong_field_is_named) {
  const std::vector<std::tuple<std::string, std::string, std::string>> changes = {
      {"\"zone\"", "\"zones\"", "zone"},
      {"\"ttl_s\": 7", "\"ttl\": 7", "ttl"},
      {"\"ttl_s\": 7", "\"ttl_s\": 0", "ttl_s"},
      {"\"ttl_s\": 7", "\"ttl_s\": \"7\"", "ttl_s"},
      {"10.0.0.2:53", "10.0.0.2", "listen"},
      {"10.0.0.2:53", "10.0.0.2:65536", "listen"},
      {"10.0.0.2:53", "0.0.0.0:53", "listen"},
      {"[\"10.0.0.2:53\"]", "[]", "listen"},
      {"{\"ns1\": \"10.0.0.2\"}", "{}", "name servers"},
      {"{\"ns1\": \"10.0.0.2\"}", "[]", "servers"},
      {"\"ns1\": \"10.0.0.2\"", "\"ns1\": \"10.0.0\"", "ns1"},
      {"\"port\": 7471", "\"port\": 70000", "port"},
      {"\"port\": 7471, ", "", "rdma"},
      {"\"10.128.0.2\"", "128", "node1"},
      {"storage.example", "storage..example", "storage..example"}};
  for (const auto& [from, to, named] : changes) {
    std::string text = kSection;
    text.replace(text.find(from), from.size(), to);
    const auto section = decode_section(text);
    ASSERT_FALSE(section) << to;
    EXPECT_EQ(section.error().code, Errc::kInvalidArgument);
    EXPECT_THAT(section.error().message, HasSubstr(named)) << to;
  }
  EXPECT_FALSE(decode_section("[]"));
  EXPECT_FALSE(decode_section("{"));
}

TEST(DnsRateLimit, a_source_gets_its_burst_and_then_its_rate_and_others_theirs) {
  using Verdict = RateLimit::Verdict;
  RateLimit limit(1);
  std::map<Verdict, int64_t> seen;
  for (int i = 0; i < 1000; ++i) ++seen[limit.take(1, 1s)];
  EXPECT_EQ(seen[Verdict::kAnswer], kSourceBurst);
  EXPECT_EQ(seen[Verdict::kTerse], (1000 - kSourceBurst) / kTerseEvery);
  EXPECT_EQ(limit.take(2, 1s), Verdict::kAnswer);
  seen.clear();
  for (int i = 0; i < 1000; ++i) ++seen[limit.take(1, 1s + Nanos(i * 1ms))];
  EXPECT_NEAR(static_cast<double>(seen[Verdict::kAnswer]), kSourcePerSecond, 1);
  EXPECT_EQ(limit.take(1, 100s), Verdict::kAnswer);
}

TEST(DnsRateLimit, all_sources_together_get_so_much) {
  RateLimit limit(1);
  int64_t answered = 0;
  for (uint64_t source = 0; source < 20000; ++source)
    answered += limit.take(source, 1s) == RateLimit::Verdict::kAnswer;
  EXPECT_EQ(answered, kAllBurst);
}

}  // namespace
}  // namespace atl::vip::dns
