// CRC-32 by ISA-L, and the CRC of two parts from those of the parts.

#include <isa-l/crc.h>

#include "base/check.h"
#include "base/crc_polynomial.h"
#include "base/hash.h"

namespace atl {

uint32_t crc32_ieee(ByteSpan bytes, uint32_t seed) {
  // ISA-L inverts before and after itself, here (unlike in crc32_iscsi).
  return crc32_gzip_refl(seed, bytes.data(), bytes.size());
}

uint32_t crc32_ieee_reference(ByteSpan bytes, uint32_t seed) {
  uint32_t crc = ~seed;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? crc_polynomial::kIeee : 0);
  }
  return ~crc;
}

uint64_t crc_combine(HashAlgorithm algorithm, uint64_t crc_a, uint64_t crc_b, uint64_t bytes_b) {
  using namespace crc_polynomial;
  switch (algorithm) {
    case HashAlgorithm::kCrc32:
      return combine(static_cast<uint32_t>(crc_a), static_cast<uint32_t>(crc_b), bytes_b, kIeee);
    case HashAlgorithm::kCrc32c:
      return combine(static_cast<uint32_t>(crc_a), static_cast<uint32_t>(crc_b), bytes_b,
                     kCastagnoli);
    case HashAlgorithm::kCrc64Nvme:
      return combine(crc_a, crc_b, bytes_b, kNvme);
    case HashAlgorithm::kMd5:
    case HashAlgorithm::kSha1:
    case HashAlgorithm::kSha256:
      break;
  }
  ATOLL_CHECK(false, "only CRCs can be combined");
  return 0;
}

}  // namespace atl
