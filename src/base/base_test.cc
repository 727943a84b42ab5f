#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/crc.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/planted_bug.h"
#include "base/units.h"

namespace atl {
namespace {

TEST(Buf, IsAlignedSharedAndSliced) {
  Buf a = Buf::copy_of(std::string_view("hello world"));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data()) % kBufAlignment, 0u);
  Buf b = a.slice(6, 5);
  EXPECT_EQ(b.view(), "world");
  EXPECT_EQ(b.data(), a.data() + 6);
  a = Buf();
  EXPECT_EQ(b.view(), "world") << "a slice keeps its memory";
  EXPECT_DEATH((void)b.slice(3, 3), "check failed");
}

TEST(Buf, PoolReusesBlocks) {
  const uint8_t* first;
  {
    Buf a = Buf::allocate(100'000);
    first = a.data();
  }
  Buf b = Buf::allocate(110'000);  // the same size class, 128 KiB
  EXPECT_EQ(b.data(), first);
}

TEST(Buf, FlattenJoinsInOrder) {
  std::vector<Buf> parts;
  parts.push_back(Buf::copy_of(std::string_view("ab")));
  parts.push_back(Buf());
  parts.push_back(Buf::copy_of(std::string_view("c")));
  EXPECT_EQ(flatten(parts).view(), "abc");
}

TEST(Hex, RoundTripsAndRefusesRubbish) {
  const std::string bytes("\x00\xff\x10", 3);
  EXPECT_EQ(to_hex(as_bytes(bytes)), "00ff10");
  std::array<uint8_t, 3> out{};
  EXPECT_TRUE(from_hex("00FF10", out));
  EXPECT_EQ(as_string_view(out), bytes);
  EXPECT_FALSE(from_hex("00ff1", out));
  EXPECT_FALSE(from_hex("00ff1g", out));
}

TEST(Codec, RoundTrips) {
  Encoder e;
  e.u8(1).u16(2).u32(3).u64(4).varint(0).varint(127).varint(128).varint(UINT64_MAX).str("text");
  e.id(Lsn(99)).boolean(true);
  Decoder d(e.view());
  EXPECT_EQ(d.u8(), 1);
  EXPECT_EQ(d.u16(), 2);
  EXPECT_EQ(d.u32(), 3u);
  EXPECT_EQ(d.u64(), 4u);
  EXPECT_EQ(d.varint(), 0u);
  EXPECT_EQ(d.varint(), 127u);
  EXPECT_EQ(d.varint(), 128u);
  EXPECT_EQ(d.varint(), UINT64_MAX);
  EXPECT_EQ(d.str(), "text");
  EXPECT_EQ(d.id<Lsn>(), Lsn(99));
  EXPECT_TRUE(d.boolean());
  EXPECT_TRUE(d.finish("x").has_value());
}

TEST(Codec, EveryCutIsNoticed) {
  Encoder e;
  e.u32(7).str("abcdef").varint(300);
  for (size_t n = 0; n < e.size(); ++n) {
    Decoder d(std::string_view(e.view()).substr(0, n));
    d.u32();
    d.str();
    d.varint();
    EXPECT_FALSE(d.ok()) << n;
    EXPECT_EQ(d.finish("x").error().code, Errc::kCorrupt);
  }
}

TEST(Codec, OverlongVarintAndHugeCountFail) {
  const std::string overlong(10, '\xff');
  Decoder d(overlong);
  d.varint();
  EXPECT_FALSE(d.ok());
  Encoder e;
  e.varint(1'000'000).u8(0);
  Decoder c(e.view());
  EXPECT_EQ(c.count(4), 0u);
  EXPECT_FALSE(c.ok());
}

TEST(Codec, IdOutOfRangeFails) {
  Encoder e;
  e.varint(uint64_t{1} << 32);
  Decoder d(e.view());
  d.id<DeviceId>();
  EXPECT_FALSE(d.ok());
}

TEST(Codec, BigEndianKeepsOrder) {
  std::string a, b;
  append_be64(&a, 255);
  append_be64(&b, 256);
  EXPECT_LT(a, b);
  EXPECT_EQ(read_be64(a.data()), 255u);
}

TEST(Crc32c, KnownVectorAndReference) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);  // RFC 3720 appendix B.4's polynomial
  std::string data;
  for (int i = 0; i < 1000; ++i) {
    data.push_back(static_cast<char>(i * 7));
    EXPECT_EQ(crc32c(as_bytes(data)), crc32c_reference(as_bytes(data)));
  }
  EXPECT_EQ(crc32c(as_bytes(data).subspan(300), crc32c(as_bytes(data).first(300))),
            crc32c(as_bytes(data)));
}

TEST(Crc32c, BlocksCoverAShortTail) {
  const std::string data(kChecksumBlockSize + 1, 'x');
  const auto crcs = block_checksums(as_bytes(data));
  ASSERT_EQ(crcs.size(), 2u);
  EXPECT_EQ(crcs[1], crc32c(as_bytes("x")));
  EXPECT_TRUE(block_checksums({}).empty());
}

TEST(Uuid, PrintsAndParses) {
  Uuid u;
  u.bytes[0] = 0xab;
  Uuid v;
  EXPECT_TRUE(Uuid::parse(u.to_string(), &v));
  EXPECT_EQ(u, v);
  EXPECT_FALSE(Uuid::parse("ab", &v));
}

TEST(Units, Format) {
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_duration(125s), "2 min 5 s");
  EXPECT_EQ(round_up(5, 4), 8u);
}

TEST(Log, QuotesWhatNeedsIt) {
  std::string seen;
  set_log_sink([&](LogLevel, std::string_view line) { seen = line; });
  log(LogLevel::kWarn, "test", "message", {{"key", "two words\n"}});
  set_log_sink({});
  EXPECT_NE(seen.find("key=\"two words\\u000a\""), std::string::npos) << seen;
}

TEST(Metrics, PrintsPrometheusText) {
  metric_counter("atoll_base_test_total", "a test", "kind=\"x\"").add(3);
  metric_histogram("atoll_base_test_seconds", "a test").observe_seconds(0.001);
  const std::string text = metrics_text();
  EXPECT_NE(text.find("atoll_base_test_total{kind=\"x\"} 3\n"), std::string::npos);
  EXPECT_NE(text.find("atoll_base_test_seconds_bucket{le=\"+Inf\"} 1\n"), std::string::npos);
}

TEST(PlantedBug, NamesRoundTrip) {
  PlantedBug bug;
  ASSERT_TRUE(parse_planted_bug("forget-fence", &bug));
  EXPECT_STREQ(planted_bug_name(bug), "forget-fence");
  EXPECT_FALSE(parse_planted_bug("no-such-bug", &bug));
}

}  // namespace
}  // namespace atl
