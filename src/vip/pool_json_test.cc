#include "vip/pool_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atl::vip {
namespace {

Pool full_pool() {
  Pool pool;
  pool.name = "door";
  pool.serves = "tenant-a";
  pool.mover = "gcp-lb";
  pool.addresses = {Vip::parse("10.0.9.2").value(), Vip::parse("10.0.9.1").value()};
  pool.nodes = {{"node1", "a", {"zone-a", "vm-1"}, "nic1", "group-a", "10.0.1.1"},
                {"node2", "b", {"", "node2"}}};
  pool.network = "net";
  pool.subnetwork = "sub";
  pool.region = "r1";
  pool.alias_range = "range";
  pool.services[pool.addresses[0]] = "backend";
  return pool;
}

std::string failure(std::string_view text) {
  const Result<Pool> pool = decode_pool(text);
  if (pool) return "no error";
  EXPECT_EQ(pool.error().code, Errc::kInvalidArgument);
  return pool.error().message;
}

TEST(PoolJson, ComesBackAsItWas) {
  const Pool pool = full_pool();
  const Result<Pool> again = decode_pool(encode_pool(pool));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(encode_pool(*again), encode_pool(pool));
  EXPECT_EQ(again->addresses, pool.addresses);
  EXPECT_EQ(again->services, pool.services);
  EXPECT_EQ(again->nodes[0].instance, pool.nodes[0].instance);
  EXPECT_EQ(again->nodes[0].nic, "nic1");
  EXPECT_EQ(again->nodes[0].endpoint_group, "group-a");
  EXPECT_EQ(again->nodes[0].address, "10.0.1.1");
  EXPECT_EQ(again->nodes[1].address, "");
  EXPECT_EQ(again->nodes[1].domain, "b");
  EXPECT_EQ(again->alias_range, "range");
  EXPECT_EQ(again->serves, "tenant-a");
  EXPECT_EQ(again->mover, "gcp-lb");
}

TEST(PoolJson, HasDefaults) {
  const Result<Pool> pool = decode_pool(
      R"({"name":"p","mover":"linux-arp","addresses":["10.0.9.1"],"nodes":[{"name":"n1"}]})");
  ASSERT_TRUE(pool) << pool.error().to_string();
  EXPECT_EQ(pool->nodes[0].nic, "nic0");
  EXPECT_EQ(pool->nodes[0].instance.name, "n1");
}

TEST(PoolJson, SaysWhatIsWrong) {
  EXPECT_THAT(failure("{"), testing::HasSubstr("not JSON"));
  EXPECT_THAT(failure("[]"), testing::HasSubstr("not an object"));
  EXPECT_THAT(failure("{}"), testing::HasSubstr("\"name\" is missing"));
  EXPECT_THAT(failure(R"({"name":7})"), testing::HasSubstr("\"name\" is not a string"));
  const std::string nodes = R"("nodes":[{"name":"n1"}],"name":"p","mover":"m")";
  EXPECT_THAT(failure("{" + nodes + "}"), testing::HasSubstr("\"addresses\" is missing"));
  EXPECT_THAT(failure("{" + nodes + R"(,"addresses":["10.0.9"]})"), testing::HasSubstr("10.0.9"));
  EXPECT_THAT(failure("{" + nodes + R"(,"addresses":[],"colour":"red"})"),
              testing::HasSubstr("\"colour\" is not known"));
  EXPECT_THAT(failure("{" + nodes + R"(,"addresses":["10.0.9.1","10.0.9.1"]})"),
              testing::HasSubstr("twice"));
  EXPECT_THAT(failure(std::string(kPoolJsonMax + 1, ' ')), testing::HasSubstr("more than"));
}

}  // namespace
}  // namespace atl::vip
