// Polynomials over GF(2) modulo a CRC's, bit-reflected: the top bit is the coefficient of x^0.
//
// What CRCs of parts, and folding a CRC by carry-less multiplication, are made of.
#pragma once

#include <cstdint>

namespace atl::crc_polynomial {

inline constexpr uint32_t kIeee = 0xedb88320u;            // 0x04c11db7 reflected
inline constexpr uint32_t kCastagnoli = 0x82f63b78u;      // 0x1edc6f41
inline constexpr uint64_t kNvme = 0x9a6c9329ac4bc9b5ull;  // 0xad93d23594c93659

// a * b modulo the polynomial, for words of T's width.
template <typename T>
constexpr T multiply(T a, T b, T polynomial) {
  T product = 0;
  for (T bit = T{1} << (8 * sizeof(T) - 1); bit != 0; bit >>= 1) {
    if (b & bit) product ^= a;
    a = (a >> 1) ^ ((a & 1) ? polynomial : 0);  // times x
  }
  return product;
}

// x^n modulo the polynomial, by squaring.
template <typename T>
constexpr T power_of_x(uint64_t n, T polynomial) {
  T result = T{1} << (8 * sizeof(T) - 1);  // x^0
  T square = T{1} << (8 * sizeof(T) - 2);  // x^1
  for (; n != 0; n >>= 1) {
    if (n & 1) result = multiply(result, square, polynomial);
    square = multiply(square, square, polynomial);
  }
  return result;
}

// The CRC of two parts one after the other. With all ones before and after, as all CRCs here have
// it, these cancel: crc(A B) = crc(A) * x^(8 |B|) + crc(B).
template <typename T>
constexpr T combine(T crc_a, T crc_b, uint64_t bytes_b, T polynomial) {
  // 8 * bytes_b may not fit 64 bits: raise x^8 instead.
  T result = crc_a;
  T square = power_of_x<T>(8, polynomial);
  for (uint64_t n = bytes_b; n != 0; n >>= 1) {
    if (n & 1) result = multiply(result, square, polynomial);
    square = multiply(square, square, polynomial);
  }
  return result ^ crc_b;
}

}  // namespace atl::crc_polynomial
