#include <gtest/gtest.h>

#include "base/codec.h"
#include "base/crc.h"
#include "cluster/cluster_map.h"
#include "cluster/test_map.h"

namespace atl::cluster {
namespace {

ClusterMap rich_map() {
  ClusterMap map = make_map(8, 2, {6, 2});
  map.domains[3].draining = true;
  map.devices[5].state = DeviceState::kFailed;
  map.devices[5].failure = "io: the cable was pulled";
  map.devices[6].needs_rebuild = true;
  map.devices[7].incarnation = 1ull << 40;
  map.devices[8].node = NodeId(7);
  return map;
}

// A map whose bytes are fine but whose meaning is not: decode must say so.
void expect_refused(const ClusterMap& map, std::string_view because) {
  const auto decoded = ClusterMap::decode(map.encode());
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().code, Errc::kCorrupt);
  EXPECT_NE(decoded.error().message.find(because), std::string::npos) << decoded.error().message;
}

TEST(ClusterMap, RoundTripsEveryField) {
  const ClusterMap map = rich_map();
  const auto decoded = ClusterMap::decode(map.encode());
  ASSERT_TRUE(decoded.has_value()) << decoded.error().to_string();
  EXPECT_EQ(decoded->encode(), map.encode());
  EXPECT_EQ(decoded->cluster, map.cluster);
  EXPECT_EQ(decoded->protection, map.protection);
  EXPECT_TRUE(decoded->domains[3].draining);
  EXPECT_EQ(decoded->devices[5].state, DeviceState::kFailed);
  EXPECT_EQ(decoded->devices[5].failure, "io: the cable was pulled");
  EXPECT_TRUE(decoded->devices[6].needs_rebuild);
  EXPECT_EQ(decoded->devices[7].incarnation, 1ull << 40);
  EXPECT_EQ(decoded->devices[8].node, NodeId(7));
  EXPECT_EQ(decoded->next_device, 17u);
  EXPECT_EQ(decoded->groups.size(), map.groups.size());
  EXPECT_EQ(decoded->find_group(GroupId(5))->slots, map.find_group(GroupId(5))->slots);
  EXPECT_EQ(decoded->find_group(GroupId(9999)), nullptr);
  EXPECT_EQ(decoded->find_device(DeviceId(99)), nullptr);
}

TEST(ClusterMap, EveryCutIsNoticed) {
  const std::string bytes = rich_map().encode();
  for (size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(ClusterMap::decode(std::string_view(bytes).substr(0, n)).has_value()) << n;
}

TEST(ClusterMap, EveryFlippedBitIsNoticed) {
  const std::string bytes = make_map(3, 1, {2, 1}).encode();
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string bad = bytes;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(ClusterMap::decode(bad).has_value()) << "bit " << i;
  }
}

// Rubbish that passes the checksum (a bug elsewhere, or malice) must not crash or be taken.
TEST(ClusterMap, RubbishWithAGoodChecksumIsRefusedOrStable) {
  const std::string bytes = make_map(3, 1, {2, 1}).encode();
  const std::string body = bytes.substr(0, bytes.size() - 4);
  for (size_t i = 0; i < body.size() * 8; ++i) {
    std::string bad = body;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    Encoder e;
    e.raw(bad.data(), bad.size()).u32(crc32c(as_bytes(bad)));
    const auto decoded = ClusterMap::decode(e.view());
    if (decoded) {
      const std::string again = decoded->encode();
      ASSERT_TRUE(ClusterMap::decode(again).has_value()) << "bit " << i;
      EXPECT_EQ(ClusterMap::decode(again)->encode(), again) << "bit " << i;
    }
  }
}

TEST(ClusterMap, MeaninglessMapsAreRefused) {
  ClusterMap twice = rich_map();
  twice.devices[1].id = twice.devices[0].id;
  expect_refused(twice, "listed twice");

  ClusterMap homeless = rich_map();
  homeless.devices[0].domain = DomainId(77);
  expect_refused(homeless, "domain 77");

  ClusterMap stranger = rich_map();
  stranger.groups[0].slots[0] = DeviceId(900);
  expect_refused(stranger, "device 900");

  ClusterMap doubled = rich_map();
  doubled.groups[0].slots[0] = doubled.groups[0].slots[1];
  expect_refused(doubled, "twice");

  ClusterMap reused_device = rich_map();
  reused_device.next_device = 3;
  expect_refused(reused_device, "next_device");

  ClusterMap reused_group = rich_map();
  reused_group.next_group = 3;
  expect_refused(reused_group, "next_group");
}

TEST(ClusterMap, ANewerFormatIsNamed) {
  std::string bytes = rich_map().encode();
  bytes.resize(bytes.size() - 4);
  bytes[4] = 9;
  Encoder e;
  e.raw(bytes.data(), bytes.size()).u32(crc32c(as_bytes(bytes)));
  EXPECT_EQ(ClusterMap::decode(e.view()).error().code, Errc::kUnsupported);
}

// Golden bytes: what version 1 looks like on disk, for ever.
TEST(ClusterMap, FormatVersionOneIsStable) {
  ClusterMap map;
  map.protection = {1, 1};
  map.domains = {{DomainId(1), false}, {DomainId(2), true}};
  DeviceEntry device;
  device.id = DeviceId(1);
  device.domain = DomainId(1);
  device.path = "p";
  map.devices.push_back(device);
  map.next_device = 2;
  const std::string bytes = map.encode();
  EXPECT_EQ(to_hex(as_bytes(bytes.substr(0, bytes.size() - 4))),
            "41544d50"
            "0100"
            "00000000000000000000000000000000"
            "0101"
            "02"
            "01"
            "02"
            "0100"
            "0201"
            "01"
            "010100"
            "01"
            "0000"
            "00"
            "0170"
            "00"
            "00");
}

TEST(Protection, ParsesAndPrints) {
  EXPECT_EQ(parse_protection("6+2").value(), (Protection{6, 2}));
  EXPECT_EQ(parse_protection("60+4").value(), (Protection{60, 4}));
  EXPECT_EQ(parse_protection("1+0").value(), (Protection{1, 0}));
  EXPECT_EQ(format_protection({28, 4}), "28+4");
}

TEST(Protection, RefusesWhatItCannotBe) {
  for (const char* text :
       {"", "6", "+", "6+", "+2", "6+2+1", " 6+2", "6 +2", "06+2", "6+2 ", "-6+2", "6+-2", "a+b",
        "0+2", "61+4", "999+999", "9999999999+1", "6,2"}) {
    const auto parsed = parse_protection(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, Errc::kInvalidArgument);
    EXPECT_NE(parsed.error().message.find(text), std::string::npos) << parsed.error().message;
  }
}

}  // namespace
}  // namespace atl::cluster
