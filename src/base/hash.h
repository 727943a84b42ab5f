// The hashes and encodings that clients see: S3's ETags, checksums and signatures.
//
//   Hasher hasher(HashAlgorithm::kMd5);
//   hasher.update(bytes);
//   Digest digest = hasher.finish();     // digest.hex(), digest.base64()
//
// MD5, SHA-1 and SHA-256 by OpenSSL, whose algorithms are fetched once a process: fetching for each
// message costs more than hashing 1 KiB. CRC-32 and CRC-32C by ISA-L, CRC-64/NVME by carry-less
// multiplication (base/crc64_nvme.cc). One core here: MD5 0.57, SHA-256 0.19, CRCs over 5 GB/s.
//
// Threads: a Hasher belongs to one thread at a time; the functions may be called from any.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace atl {

enum class HashAlgorithm { kMd5, kSha1, kSha256, kCrc32, kCrc32c, kCrc64Nvme };

inline constexpr size_t kMaxDigestBytes = 32;
size_t digest_size(HashAlgorithm algorithm);
// "md5", "sha1", "sha256", "crc32", "crc32c", "crc64nvme"
std::string_view hash_algorithm_name(HashAlgorithm algorithm);

// The result of a hash. A CRC is stored big-endian, as S3 sends it.
struct Digest {
  std::array<uint8_t, kMaxDigestBytes> bytes{};
  size_t size = 0;

  ByteSpan span() const { return {bytes.data(), size}; }
  std::string hex() const { return to_hex(span()); }
  std::string base64() const;
  bool operator==(const Digest& other) const {  // not in constant time
    return as_string_view(span()) == as_string_view(other.span());
  }
};

class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  HashAlgorithm algorithm() const { return algorithm_; }
  void update(ByteSpan bytes);
  void update(std::string_view bytes) { update(as_bytes(bytes)); }
  // The digest of all since construction, or since the last finish(): it starts anew.
  Digest finish();

 private:
  struct Context;  // of OpenSSL
  HashAlgorithm algorithm_;
  std::unique_ptr<Context> context_;
  uint64_t crc_ = 0;
};

Digest hash_of(HashAlgorithm algorithm, ByteSpan bytes);

using Sha256 = std::array<uint8_t, 32>;
// One message at once, without allocating: for the many small hashes of a signature.
Sha256 sha256(ByteSpan bytes);
inline Sha256 sha256(std::string_view bytes) {
  return sha256(as_bytes(bytes));
}
// RFC 2104.
Sha256 hmac_sha256(ByteSpan key, ByteSpan message);
inline Sha256 hmac_sha256(ByteSpan key, std::string_view message) {
  return hmac_sha256(key, as_bytes(message));
}
inline std::string to_hex(const Sha256& digest) {
  return to_hex(ByteSpan(digest));
}

// The value of a CRC, as a number, and one over two parts from those of the parts: for checksums of
// whole multipart objects. `algorithm` is one of the CRCs; bytes_b is the length of the second
// part.
uint64_t crc_value(const Digest& digest);
Digest crc_digest(HashAlgorithm algorithm, uint64_t value);
uint64_t crc_combine(HashAlgorithm algorithm, uint64_t crc_a, uint64_t crc_b, uint64_t bytes_b);

// CRC-64/NVME (NVM Express command set 1.0d, 5.2.1.3.4): polynomial 0xad93d23594c93659, reflected,
// all ones before and after. `seed` continues an earlier checksum.
uint64_t crc64_nvme(ByteSpan bytes, uint64_t seed = 0);
uint64_t crc64_nvme_reference(ByteSpan bytes, uint64_t seed = 0);  // bit by bit
// CRC-32 (IEEE 802.3, gzip, zip).
uint32_t crc32_ieee(ByteSpan bytes, uint32_t seed = 0);
uint32_t crc32_ieee_reference(ByteSpan bytes, uint32_t seed = 0);

// RFC 4648 section 4, with padding. from_base64 takes only what to_base64 makes: no white space,
// full padding, zero bits at the end; nullopt otherwise.
std::string to_base64(ByteSpan bytes);
std::optional<std::string> from_base64(std::string_view text);

// Whether they are equal, in a time that depends on the lengths alone: for signatures.
bool equal_in_constant_time(ByteSpan a, ByteSpan b);
inline bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return equal_in_constant_time(as_bytes(a), as_bytes(b));
}

}  // namespace atl
