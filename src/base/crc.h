// CRC-32C (Castagnoli, RFC 3720 appendix B.4), by ISA-L's crc32_iscsi. 15 GB/s here.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace atl {

// The checksum of every stored or sent block. `seed` continues an earlier checksum.
uint32_t crc32c(ByteSpan bytes, uint32_t seed = 0);
// The bitwise definition: the reference that the fast one is tested against.
uint32_t crc32c_reference(ByteSpan bytes, uint32_t seed = 0);

// Shard payloads are checksummed in blocks of this size: the smallest verified read.
inline constexpr size_t kChecksumBlockSize = 16 * 1024;

// One CRC-32C for each (possibly short last) 16 KiB block.
std::vector<uint32_t> block_checksums(ByteSpan bytes);

}  // namespace atl
