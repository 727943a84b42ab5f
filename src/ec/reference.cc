// The plain definition of the code: no tables, no vectors, nothing shared with the fast path.

#include "base/check.h"
#include "ec/code.h"

namespace atl::ec {
namespace {

// Product in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1, by shift and add.
uint8_t multiply(uint8_t a, uint8_t b) {
  unsigned product = 0;
  unsigned shifted = a;
  for (int bit = 0; bit < 8; ++bit) {
    if (b >> bit & 1) product ^= shifted;
    shifted <<= 1;
    if (shifted & 0x100) shifted ^= 0x11d;
  }
  return static_cast<uint8_t>(product);
}

// a^254 is the inverse of a, as every a but 0 satisfies a^255 = 1.
uint8_t inverse(uint8_t a) {
  uint8_t power = 1;
  for (int i = 0; i < 254; ++i) power = multiply(power, a);
  return power;
}

}  // namespace

void reference_encode(int k, int m, std::span<const uint8_t* const> data,
                      std::span<uint8_t* const> parity, size_t length) {
  ATOLL_CHECK(data.size() == static_cast<size_t>(k) && parity.size() == static_cast<size_t>(m));
  for (int row = 0; row < m; ++row) {
    for (size_t byte = 0; byte < length; ++byte) parity[row][byte] = 0;
    for (int column = 0; column < k; ++column) {
      // Cauchy: 1 / (x_row + y_column), with x = k..k+m-1 and y = 0..k-1.
      uint8_t coefficient = inverse(static_cast<uint8_t>((k + row) ^ column));
      for (size_t byte = 0; byte < length; ++byte)
        parity[row][byte] ^= multiply(coefficient, data[column][byte]);
    }
  }
}

}  // namespace atl::ec
