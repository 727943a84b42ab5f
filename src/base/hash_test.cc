// Published vectors, the plain definitions beside the fast ones, and input cut at every place.

#include "base/hash.h"

#include <gtest/gtest.h>

#include <random>

#include "base/crc.h"
#include "base/crc_polynomial.h"

namespace atl {
namespace {

constexpr HashAlgorithm kAll[] = {HashAlgorithm::kMd5,    HashAlgorithm::kSha1,
                                  HashAlgorithm::kSha256, HashAlgorithm::kCrc32,
                                  HashAlgorithm::kCrc32c, HashAlgorithm::kCrc64Nvme};
constexpr HashAlgorithm kCrcs[] = {HashAlgorithm::kCrc32, HashAlgorithm::kCrc32c,
                                   HashAlgorithm::kCrc64Nvme};

std::vector<uint8_t> random_bytes(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

std::string hex_of(HashAlgorithm algorithm, std::string_view text) {
  return hash_of(algorithm, as_bytes(text)).hex();
}

TEST(Hash, PublishedVectors) {
  // RFC 1321 A.5, FIPS 180-4 examples, and the check values of the CRC catalogue.
  EXPECT_EQ(hex_of(HashAlgorithm::kMd5, ""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(hex_of(HashAlgorithm::kMd5, "message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(hex_of(HashAlgorithm::kSha1, "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex_of(HashAlgorithm::kSha256, ""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of(HashAlgorithm::kSha256, "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      hex_of(HashAlgorithm::kSha256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex_of(HashAlgorithm::kCrc32, "123456789"), "cbf43926");
  EXPECT_EQ(hex_of(HashAlgorithm::kCrc32c, "123456789"), "e3069283");
  EXPECT_EQ(hex_of(HashAlgorithm::kCrc64Nvme, "123456789"), "ae8b14860a799888");
  for (HashAlgorithm crc : kCrcs)
    EXPECT_EQ(hex_of(crc, ""), std::string(2 * digest_size(crc), '0'));
}

TEST(Hash, Crc64NvmeOfTheNvmeSpecification) {
  // NVM Express command set specification, figure of CRC-64 test cases: 4 KiB of zeros, of ones, of
  // 00, 01, 02, ... and of ff, fe, fd, ...
  std::vector<uint8_t> buffer(4096, 0);
  EXPECT_EQ(crc64_nvme(buffer), 0x6482d367eb22b64eull);
  buffer.assign(4096, 0xff);
  EXPECT_EQ(crc64_nvme(buffer), 0xc0ddba7302eca3acull);
  for (size_t i = 0; i < 4096; ++i) buffer[i] = static_cast<uint8_t>(i);
  EXPECT_EQ(crc64_nvme(buffer), 0x3e729f5f6750449cull);
  for (size_t i = 0; i < 4096; ++i) buffer[i] = static_cast<uint8_t>(0xff - i);
  EXPECT_EQ(crc64_nvme(buffer), 0x9a2df64b8e9e517eull);
}

TEST(Hash, MoreVectorsOfCrc32c) {
  // RFC 3720 B.4, as numbers.
  std::vector<uint8_t> buffer(32, 0);
  EXPECT_EQ(crc_value(hash_of(HashAlgorithm::kCrc32c, buffer)), 0x8a9136aau);
  buffer.assign(32, 0xff);
  EXPECT_EQ(crc_value(hash_of(HashAlgorithm::kCrc32c, buffer)), 0x62a8ab43u);
}

TEST(Hash, FastCrcsAreThePlainDefinitions) {
  std::vector<uint8_t> bytes = random_bytes(5000, 1);
  for (size_t length = 0; length < 700; ++length) {
    for (size_t start : {0, 1, 7, 13}) {
      ByteSpan part = ByteSpan(bytes).subspan(start, length);
      uint64_t seed = length * 0x9e3779b97f4a7c15ull;
      ASSERT_EQ(crc64_nvme(part, seed), crc64_nvme_reference(part, seed)) << length;
      uint32_t seed32 = static_cast<uint32_t>(seed);
      ASSERT_EQ(crc32_ieee(part, seed32), crc32_ieee_reference(part, seed32)) << length;
      ASSERT_EQ(crc32c(part, seed32), crc32c_reference(part, seed32)) << length;
    }
  }
  for (size_t length : {1023, 1024, 4095, 4096, 4999}) {
    ByteSpan part = ByteSpan(bytes).first(length);
    EXPECT_EQ(crc64_nvme(part), crc64_nvme_reference(part));
  }
}

TEST(Hash, TheSameInWholeAndInPieces) {
  std::vector<uint8_t> bytes = random_bytes(3000, 2);
  std::mt19937_64 random(3);
  for (HashAlgorithm algorithm : kAll) {
    const Digest whole = hash_of(algorithm, bytes);
    EXPECT_EQ(whole.size, digest_size(algorithm));
    Hasher hasher(algorithm);
    for (int round = 0; round < 50; ++round) {
      for (size_t at = 0; at < bytes.size();) {
        size_t n = std::min<size_t>(random() % 400, bytes.size() - at);
        hasher.update(ByteSpan(bytes).subspan(at, n));
        at += n;
      }
      ASSERT_EQ(hasher.finish(), whole) << hash_algorithm_name(algorithm);  // and starts anew
    }
  }
}

TEST(Hash, AHasherMayBeMoved) {
  for (HashAlgorithm algorithm : kAll) {
    Hasher first(algorithm);
    first.update("mess");
    Hasher second(std::move(first));
    Hasher third(HashAlgorithm::kCrc32);
    third = std::move(second);
    third.update("age");
    EXPECT_EQ(third.finish(), hash_of(algorithm, as_bytes("message")));
  }
}

TEST(Hash, OneShotSha256IsTheSame) {
  for (size_t length : {0, 1, 55, 56, 63, 64, 65, 1000}) {
    std::vector<uint8_t> bytes = random_bytes(length, length);
    EXPECT_EQ(to_hex(sha256(bytes)), hash_of(HashAlgorithm::kSha256, bytes).hex());
  }
}

TEST(Hash, HmacSha256VectorsOfRfc4231) {
  std::string key(20, '\x0b');
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes(key), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  key.assign(20, '\xaa');
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes(key), std::string(50, '\xdd'))),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  key.assign(131, '\xaa');  // longer than a block
  EXPECT_EQ(
      to_hex(hmac_sha256(as_bytes(key), "Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(to_hex(hmac_sha256({}, "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hash, CrcsOfPartsCombine) {
  std::mt19937_64 random(5);
  for (HashAlgorithm algorithm : kCrcs) {
    for (int round = 0; round < 200; ++round) {
      std::vector<uint8_t> bytes = random_bytes(random() % 3000, round);
      size_t cut = bytes.empty() ? 0 : random() % (bytes.size() + 1);
      ByteSpan a = ByteSpan(bytes).first(cut);
      ByteSpan b = ByteSpan(bytes).subspan(cut);
      uint64_t combined = crc_combine(algorithm, crc_value(hash_of(algorithm, a)),
                                      crc_value(hash_of(algorithm, b)), b.size());
      ASSERT_EQ(combined, crc_value(hash_of(algorithm, bytes)));
    }
  }
}

TEST(Hash, ALargePartCombinesAsItsBytesWould) {
  // 5 GiB of zeros after "abc": the first CRC is moved by that many zero bytes. Checked by
  // doubling.
  for (HashAlgorithm algorithm : kCrcs) {
    const uint64_t megabyte_crc = crc_value(hash_of(algorithm, std::vector<uint8_t>(1 << 20, 0)));
    uint64_t zeros = megabyte_crc;  // of 2^20 << i bytes
    uint64_t length = 1 << 20;
    for (int i = 0; i < 12; ++i, length *= 2) zeros = crc_combine(algorithm, zeros, zeros, length);
    uint64_t step = megabyte_crc;
    for (int i = 1; i < 4096; ++i) step = crc_combine(algorithm, step, megabyte_crc, 1 << 20);
    EXPECT_EQ(zeros, step);
    EXPECT_EQ(length, uint64_t{1} << 32);
  }
}

TEST(Hash, CrcDigestsAreBigEndian) {
  EXPECT_EQ(crc_digest(HashAlgorithm::kCrc32, 0x01020304).hex(), "01020304");
  EXPECT_EQ(crc_digest(HashAlgorithm::kCrc64Nvme, 0x0102030405060708).hex(), "0102030405060708");
  EXPECT_EQ(crc_value(crc_digest(HashAlgorithm::kCrc64Nvme, 77)), 77u);
  // As S3 sends it: the base64 of the four bytes.
  EXPECT_EQ(hash_of(HashAlgorithm::kCrc32c, as_bytes("123456789")).base64(), "4waSgw==");
}

TEST(Base64, VectorsOfRfc4648) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), text);
    EXPECT_EQ(from_base64(text), plain);
  }
}

TEST(Base64, ComesBackForEveryLength) {
  for (size_t length = 0; length < 300; ++length) {
    std::vector<uint8_t> bytes = random_bytes(length, length);
    auto back = from_base64(to_base64(bytes));
    ASSERT_TRUE(back);
    EXPECT_EQ(as_string_view(bytes), *back);
  }
}

TEST(Base64, OnlyTheOneTextOfAByteStringIsRead) {
  for (std::string_view bad : {"Z",    "Zg",   "Zg=",     "Zg===",    "Zh==",    "Zm9=",  "Z===",
                               "====", "=",    "==",      "Zg==Zg==", "Zm9v\n",  " Zm9v", "Zm 9v",
                               "Zm-v", "Zm_v", "Zm9vYg=", "Z=g=",     "Zm9\x80", "Zm=v"})
    EXPECT_FALSE(from_base64(bad)) << bad;
  EXPECT_FALSE(from_base64(std::string_view("Zm\0v", 4)));
  // Of all texts of four characters that are read, each is what its bytes are written as.
  std::mt19937_64 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(4, ' ');
    for (char& c : text) c = "AZaz09+/=Qg"[random() % 11];
    if (auto bytes = from_base64(text)) {
      ASSERT_EQ(to_base64(as_bytes(*bytes)), text);
    }
  }
}

TEST(ConstantTime, ComparesAllOfIt) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("bbc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
  EXPECT_FALSE(equal_in_constant_time("", "a"));
}

}  // namespace
}  // namespace atl
