// The format: these bytes are on disks, and no single damaged bit of them may pass.

#include "coord/snapshot.h"

#include <gtest/gtest.h>

#include "base/crc.h"

namespace atl::coord {
namespace {

// The worked example of docs/formats/coord.md.
SnapshotHeader example_header() {
  SnapshotHeader header;
  for (int i = 0; i < 16; ++i) header.cluster.bytes[i] = static_cast<uint8_t>(0xa0 + i);
  header.copy_index = 1;
  header.copy_count = 3;
  header.promised_term = 2;
  header.accepted_term = 2;
  header.sequence = 9;
  return header;
}

State example_state() {
  State state;
  EXPECT_TRUE(state.put("map", 0, "m1"));
  EXPECT_TRUE(state.set_lease("owner", "n1", 10s));
  return state;
}

const std::vector<std::string> kNames = {"domain-1/coord.dat", "domain-2/coord.dat",
                                         "domain-3/coord.dat"};

TEST(CoordSnapshot, GoldenBytes) {
  SnapshotHeader header = example_header();
  Buf body = encode_body(kNames, example_state(), &header);
  Buf block = encode_header(header);
  EXPECT_EQ(to_hex(body.span().first(header.body_bytes)),
            "03"                                      // three copies
            "12646f6d61696e2d312f636f6f72642e646174"  // "domain-1/coord.dat"
            "12646f6d61696e2d322f636f6f72642e646174"  //
            "12646f6d61696e2d332f636f6f72642e646174"  //
            "02"                                      // revision 2
            "01"
            "036d6170"
            "01"
            "026d31"  // "map" at version 1: "m1"
            "01"
            "056f776e6572"
            "026e31"
            "80c8afa025"
            "02"  // lease, 10^10 ns, grant 2
  );
  EXPECT_EQ(body.size(), 4096u);
  EXPECT_EQ(block.size(), 4096u);
  EXPECT_EQ(to_hex(block.span().first(88)),
            "41544c434f4f5244"  // "ATLCOORD"
            "01000000"
            "00000000"                          // format version 1, no flags
            "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"  // cluster
            "01000000"
            "03000000"          // copy 1 of 3
            "0200000000000000"  // promised term
            "0200000000000000"  // accepted term
            "0900000000000000"  // sequence
            "0200000000000000"  // revision
            "5400000000000000"  // body bytes: 84
            "d05a3b7e"          // CRC-32C of the padded body
            "86525318"          // CRC-32C of the block
  );
}

TEST(CoordSnapshot, ChecksumsAreThoseOfThePlainDefinition) {
  SnapshotHeader header = example_header();
  Buf body = encode_body(kNames, example_state(), &header);
  EXPECT_EQ(header.body_crc, crc32c_reference(body.span()));
  Buf block = encode_header(header);
  Buf zeroed = Buf::copy_of(block.span());
  std::memset(zeroed.mutable_data() + 84, 0, 4);
  uint32_t stored;
  std::memcpy(&stored, block.data() + 84, 4);
  EXPECT_EQ(stored, crc32c_reference(zeroed.span()));
}

TEST(CoordSnapshot, HeaderComesBack) {
  SnapshotHeader header = example_header();
  Buf body = encode_body(kNames, example_state(), &header);
  for (bool forming : {false, true}) {
    header.forming = forming;
    auto back = decode_header(encode_header(header).span());
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, header);
  }
  auto state = decode_body(body.span().first(header.body_bytes));
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->copy_names, kNames);
  EXPECT_EQ(*state->state.entries().at("map").value, "m1");
}

TEST(CoordSnapshot, NoFlippedBitPasses) {
  SnapshotHeader header = example_header();
  Buf body = encode_body(kNames, example_state(), &header);
  Buf block = encode_header(header);
  for (size_t bit = 0; bit < 8 * block.size(); ++bit) {
    block.mutable_data()[bit / 8] ^= 1u << bit % 8;
    ASSERT_FALSE(decode_header(block.span()).has_value()) << "header bit " << bit;
    block.mutable_data()[bit / 8] ^= 1u << bit % 8;
  }
  for (size_t bit = 0; bit < 8 * body.size(); ++bit) {
    body.mutable_data()[bit / 8] ^= 1u << bit % 8;
    ASSERT_FALSE(check_body(header, body.span()).has_value()) << "body bit " << bit;
    body.mutable_data()[bit / 8] ^= 1u << bit % 8;
  }
  EXPECT_TRUE(decode_header(block.span()).has_value());
  EXPECT_TRUE(check_body(header, body.span()).has_value());
}

TEST(CoordSnapshot, BlankForeignAndLaterFormatsAreTold) {
  auto code = [](const Buf& block) { return decode_header(block.span()).error().code; };
  EXPECT_EQ(code(Buf::allocate_zeroed(4096)), Errc::kBlank);
  Buf noise = Buf::allocate(4096);
  std::memset(noise.mutable_data(), 0x5c, 4096);
  EXPECT_EQ(code(noise), Errc::kCorrupt);
  EXPECT_EQ(code(Buf::allocate_zeroed(512)), Errc::kCorrupt);
  for (size_t field : {8, 12}) {  // format version, flags
    Buf later = encode_header(example_header());
    later.mutable_data()[field] = 0x82;
    std::memset(later.mutable_data() + 84, 0, 4);
    uint32_t crc = crc32c(later.span());
    std::memcpy(later.mutable_data() + 84, &crc, 4);
    EXPECT_EQ(code(later), Errc::kUnsupported);
  }
}

TEST(CoordSnapshot, OutOfRangeFieldsAreRefusedEvenWithAGoodChecksum) {
  auto refused = [](size_t at, uint64_t value, size_t size) {
    Buf block = encode_header(example_header());
    std::memcpy(block.mutable_data() + at, &value, size);
    std::memset(block.mutable_data() + 84, 0, 4);
    uint32_t crc = crc32c(block.span());
    std::memcpy(block.mutable_data() + 84, &crc, 4);
    auto header = decode_header(block.span());
    return !header && header.error().code == Errc::kCorrupt;
  };
  EXPECT_TRUE(refused(32, 3, 4));                  // copy 3 of 3
  EXPECT_TRUE(refused(36, kMaxCopies + 1, 4));     // too many copies
  EXPECT_TRUE(refused(40, 1, 8));                  // promised less than accepted
  EXPECT_TRUE(refused(72, kMaxBodyBytes + 1, 8));  // body longer than its slot
  EXPECT_TRUE(refused(72, UINT64_MAX, 8));
  EXPECT_FALSE(refused(56, 10, 8));
}

TEST(CoordSnapshot, BodyWithSomethingLeftOverIsRefused) {
  SnapshotHeader header = example_header();
  Buf body = encode_body(kNames, example_state(), &header);
  EXPECT_FALSE(decode_body(body.span().first(header.body_bytes + 1)).has_value());
  EXPECT_FALSE(decode_body(body.span().first(header.body_bytes - 1)).has_value());
}

}  // namespace
}  // namespace atl::coord
