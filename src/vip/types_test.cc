#include "vip/types.h"

#include <gtest/gtest.h>

#include "vip/record.h"
#include "vip/timing.h"

namespace atl::vip {
namespace {

TEST(Vip, reads_what_it_writes) {
  for (const char* text : {"0.0.0.0", "10.0.0.5", "255.255.255.255"})
    EXPECT_EQ(Vip::parse(text)->to_string(), text);
  EXPECT_LT(*Vip::parse("10.0.0.9"), *Vip::parse("10.0.0.10"));
}

TEST(Vip, refuses_what_is_not_one) {
  for (const char* text :
       {"", "10.0.0", "10.0.0.", "10.0.0.256", "10.0.0.05", "10.0.0.5 ", " 10.0.0.5", "10.0.0.5/32",
        "10.0.0.5.6", "a.b.c.d", "10..0.5", "-1.0.0.0", "0x0a.0.0.1", "1000.0.0.1"})
    EXPECT_EQ(Vip::parse(text).error().code, Errc::kInvalidArgument) << text;
}

TEST(Prefix, contains_and_overlaps) {
  const Prefix subnet = *Prefix::parse("10.0.0.0/16");
  EXPECT_TRUE(subnet.contains(*Vip::parse("10.0.255.255")));
  EXPECT_FALSE(subnet.contains(*Vip::parse("10.1.0.0")));
  EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(*Vip::parse("200.1.2.3")));
  EXPECT_TRUE(subnet.overlaps(*Prefix::parse("10.0.3.0/24")));
  EXPECT_TRUE(Prefix::parse("10.0.3.0/24")->overlaps(subnet));
  EXPECT_FALSE(subnet.overlaps(*Prefix::parse("10.1.0.0/16")));
  EXPECT_EQ(Prefix::parse("10.0.0.7")->length, 32);
  for (const char* text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/a", "/8", "10.0.0.0/8/8"})
    EXPECT_EQ(Prefix::parse(text).error().code, Errc::kInvalidArgument) << text;
}

TEST(Record, reads_what_it_writes) {
  const Record record{"n1", "n2", 7};
  EXPECT_EQ(*Record::decode(record.encode()), record);
  EXPECT_EQ(record.encode(), R"({"holder":"n1","next":"n2","generation":7})");
}

TEST(Record, refuses_what_is_not_one) {
  for (const char* text :
       {"", "{", "[]", "null", "{}", R"({"holder":"n1"})",
        R"({"holder":1,"next":"","generation":1})", R"({"holder":"n","next":"","generation":"x"})",
        R"({"holder":"n","next":"","generation":-1})"})
    EXPECT_EQ(Record::decode(text).error().code, Errc::kCorrupt) << text;
}

TEST(Record, keys) {
  const Vip vip = *Vip::parse("10.0.0.5");
  EXPECT_EQ(record_key("p", vip), "vip/p/address/10.0.0.5");
  EXPECT_EQ(*record_vip("p", "vip/p/address/10.0.0.5"), vip);
  EXPECT_FALSE(record_vip("p", "vip/q/address/10.0.0.5"));
  EXPECT_FALSE(record_vip("p", "vip/p/address/"));
}

TEST(Timing, what_is_derived_from_any_lease_keeps_an_address_up) {
  for (const Nanos lease : {Nanos(200ms), Nanos(1s), Nanos(3s), Nanos(60s)})
    EXPECT_TRUE(Timing::of(lease).check());
  EXPECT_TRUE(Timing().check());
}

// 1 s of lease, less 1/64, is 984 ms; a renewal after 500 ms, two answers that are waited for 125
// ms each, and the kernel's 250 ms are a second.
TEST(Timing, refuses_times_that_close_the_fence_between_renewals) {
  Timing timing = Timing::of(1s);
  timing.renew_interval = 500ms;
  EXPECT_EQ(timing.check().error().code, Errc::kInvalidArgument);
  timing = Timing::of(1s);
  timing.kernel_hold = 400ms;
  EXPECT_EQ(timing.check().error().code, Errc::kInvalidArgument);
  EXPECT_EQ(Timing::of(100ms).check().error().code, Errc::kInvalidArgument);
}

TEST(Pool, is_checked) {
  Pool pool;
  pool.name = "p";
  pool.addresses = {*Vip::parse("10.0.0.5")};
  pool.nodes.push_back({"n1", "d1", {"z", "n1"}, "nic0", ""});
  EXPECT_TRUE(check_pool(pool));
  for (const char* name : {"", "a/b", "a b", "\n"}) {
    Pool bad = pool;
    bad.name = name;
    EXPECT_EQ(check_pool(bad).error().code, Errc::kInvalidArgument) << name;
  }
  Pool twice = pool;
  twice.addresses.push_back(twice.addresses[0]);
  EXPECT_NE(check_pool(twice).error().message.find("10.0.0.5 is there twice"), std::string::npos);
  Pool nobody = pool;
  nobody.nodes.clear();
  EXPECT_FALSE(check_pool(nobody));
  Pool same = pool;
  same.nodes.push_back(same.nodes[0]);
  EXPECT_NE(check_pool(same).error().message.find("node n1 is there twice"), std::string::npos);
  // As many nodes as a coordinator has leases for, and no more.
  Pool large = pool;
  for (int i = 2; i <= 1000; ++i)
    large.nodes.push_back({"n" + std::to_string(i), "d1", {"z", "n" + std::to_string(i)}, "nic0"});
  EXPECT_TRUE(check_pool(large));
  large.nodes.push_back({"m", "d1", {"z", "m"}, "nic0", ""});
  EXPECT_EQ(check_pool(large).error().code, Errc::kInvalidArgument);
}

}  // namespace
}  // namespace atl::vip
