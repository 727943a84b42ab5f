// CRC-64/NVME: bit by bit (the definition), by tables of eight, and by carry-less multiplication.
//
// Folding (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel,
// 2009): four 16-byte lanes hold what was read so far, modulo the polynomial. One step moves each
// lane 64 bytes forward, by multiplying its halves with x^(64 + 512) and x^512, and adds the next
// 64 bytes. At the end the lanes are folded into one, whose 16 bytes go through the tables like any
// others. Reflected words make each product one x too large, so the constants are of one power
// less.

#include <immintrin.h>

#include <array>
#include <cstring>

#include "base/crc_polynomial.h"
#include "base/hash.h"

namespace atl {
namespace {

using crc_polynomial::kNvme;

constexpr uint64_t shift_byte(uint64_t crc) {
  for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kNvme : 0);
  return crc;
}

// tables[t][b]: the register after byte b and t zero bytes.
using Tables = std::array<std::array<uint64_t, 256>, 8>;
constexpr Tables make_tables() {
  Tables tables{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t crc = byte;
    for (auto& table : tables) table[byte] = crc = shift_byte(crc);
  }
  return tables;
}
constexpr Tables kTables = make_tables();

// On the raw register: nothing inverted.
uint64_t by_tables(ByteSpan bytes, uint64_t crc) {
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    word ^= crc;
    crc = 0;
    for (int i = 0; i < 8; ++i) crc ^= kTables[7 - i][word >> 8 * i & 0xff];
    bytes = bytes.subspan(8);
  }
  for (uint8_t byte : bytes) crc = (crc >> 8) ^ kTables[0][(crc ^ byte) & 0xff];
  return crc;
}

constexpr size_t kLaneBytes = 16;
constexpr size_t kStepBytes = 4 * kLaneBytes;
// Shorter input is faster by tables.
constexpr size_t kFoldBytesMin = 2 * kStepBytes;

// Multipliers that move a lane forward by `bytes`: for its first and its second eight bytes.
constexpr uint64_t far_factor(size_t bytes) {
  return crc_polynomial::power_of_x<uint64_t>(8 * bytes + 64 - 1, kNvme);
}
constexpr uint64_t near_factor(size_t bytes) {
  return crc_polynomial::power_of_x<uint64_t>(8 * bytes - 1, kNvme);
}

__attribute__((target("pclmul,sse2"))) inline __m128i fold(__m128i lane, __m128i factors) {
  return _mm_xor_si128(_mm_clmulepi64_si128(lane, factors, 0x00),
                       _mm_clmulepi64_si128(lane, factors, 0x11));
}

inline __m128i load(const uint8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

__attribute__((target("pclmul,sse2"))) uint64_t by_folding(ByteSpan bytes, uint64_t crc) {
  const __m128i step = _mm_set_epi64x(static_cast<int64_t>(near_factor(kStepBytes)),
                                      static_cast<int64_t>(far_factor(kStepBytes)));
  const __m128i lane_step = _mm_set_epi64x(static_cast<int64_t>(near_factor(kLaneBytes)),
                                           static_cast<int64_t>(far_factor(kLaneBytes)));
  __m128i lanes[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) lanes[i] = load(bytes.data() + i * kLaneBytes);
  lanes[0] = _mm_xor_si128(lanes[0], _mm_set_epi64x(0, static_cast<int64_t>(crc)));
  size_t at = kStepBytes;
  for (; bytes.size() - at >= kStepBytes; at += kStepBytes) {
    const uint8_t* from = bytes.data() + at;
#pragma GCC unroll 4  // so that the lanes stay in registers: twice as fast
    for (int i = 0; i < 4; ++i)
      lanes[i] = _mm_xor_si128(fold(lanes[i], step), load(from + i * kLaneBytes));
  }
  __m128i whole = lanes[0];
#pragma GCC unroll 3
  for (int i = 1; i < 4; ++i) whole = _mm_xor_si128(fold(whole, lane_step), lanes[i]);
  std::array<uint8_t, kLaneBytes> rest;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest.data()), whole);
  return by_tables(bytes.subspan(at), by_tables(rest, 0));
}

bool has_carryless_multiply() {
  static const bool has = __builtin_cpu_supports("pclmul");
  return has;
}

}  // namespace

uint64_t crc64_nvme(ByteSpan bytes, uint64_t seed) {
  if (bytes.size() >= kFoldBytesMin && has_carryless_multiply()) return ~by_folding(bytes, ~seed);
  return ~by_tables(bytes, ~seed);
}

uint64_t crc64_nvme_reference(ByteSpan bytes, uint64_t seed) {
  uint64_t crc = ~seed;
  for (uint8_t byte : bytes) crc = shift_byte(crc ^ byte);
  return ~crc;
}

}  // namespace atl
