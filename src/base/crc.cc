#include "base/crc.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace atl {

// ISA-L's function works on the raw register: RFC 3720 inverts it before and after.
uint32_t crc32c(ByteSpan bytes, uint32_t seed) {
  // ISA-L takes an int length: feed it at most 1 GiB at a time. It does not write to its input.
  constexpr size_t kPiece = size_t{1} << 30;
  uint32_t crc = ~seed;
  while (!bytes.empty()) {
    const size_t n = std::min(bytes.size(), kPiece);
    crc = crc32_iscsi(const_cast<unsigned char*>(bytes.data()), static_cast<int>(n), crc);
    bytes = bytes.subspan(n);
  }
  return ~crc;
}

uint32_t crc32c_reference(ByteSpan bytes, uint32_t seed) {
  uint32_t crc = ~seed;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1)));
  }
  return ~crc;
}

std::vector<uint32_t> block_checksums(ByteSpan bytes) {
  std::vector<uint32_t> out;
  out.reserve((bytes.size() + kChecksumBlockSize - 1) / kChecksumBlockSize);
  for (size_t at = 0; at < bytes.size(); at += kChecksumBlockSize)
    out.push_back(crc32c(bytes.subspan(at, std::min(kChecksumBlockSize, bytes.size() - at))));
  return out;
}

}  // namespace atl
