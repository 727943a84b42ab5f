#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstring>

#include "base/check.h"
#include "base/codec.h"
#include "base/crc.h"

namespace atl {
namespace {

// Fetched once and kept for the life of the process.
const EVP_MD* openssl_md(HashAlgorithm algorithm) {
  static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  switch (algorithm) {
    case HashAlgorithm::kMd5:
      return md5;
    case HashAlgorithm::kSha1:
      return sha1;
    case HashAlgorithm::kSha256:
      return sha256;
    case HashAlgorithm::kCrc32:
    case HashAlgorithm::kCrc32c:
    case HashAlgorithm::kCrc64Nvme:
      return nullptr;
  }
  return nullptr;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// A context that has hashed with the same EVP_MD before restarts without allocating.
void restart(EVP_MD_CTX* context, const EVP_MD* md) {
  ATOLL_CHECK(context != nullptr && md != nullptr, "OpenSSL lacks a hash (FIPS-only provider?)");
  int ok = EVP_DigestInit_ex2(context, md, nullptr);
  ATOLL_CHECK(ok == 1);
}

EVP_MD_CTX* sha256_context() {
  thread_local ContextPtr context(EVP_MD_CTX_new());
  restart(context.get(), openssl_md(HashAlgorithm::kSha256));
  return context.get();
}

void finish_sha256(EVP_MD_CTX* context, Sha256* out) {
  unsigned size = 0;
  int ok = EVP_DigestFinal_ex(context, out->data(), &size);
  ATOLL_CHECK(ok == 1 && size == out->size());
}

}  // namespace

struct Hasher::Context {
  ContextPtr openssl{EVP_MD_CTX_new()};
};

size_t digest_size(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kMd5:
      return 16;
    case HashAlgorithm::kSha1:
      return 20;
    case HashAlgorithm::kSha256:
      return 32;
    case HashAlgorithm::kCrc32:
    case HashAlgorithm::kCrc32c:
      return 4;
    case HashAlgorithm::kCrc64Nvme:
      return 8;
  }
  return 0;
}

std::string_view hash_algorithm_name(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kMd5:
      return "md5";
    case HashAlgorithm::kSha1:
      return "sha1";
    case HashAlgorithm::kSha256:
      return "sha256";
    case HashAlgorithm::kCrc32:
      return "crc32";
    case HashAlgorithm::kCrc32c:
      return "crc32c";
    case HashAlgorithm::kCrc64Nvme:
      return "crc64nvme";
  }
  return "unknown";
}

std::string Digest::base64() const {
  return to_base64(span());
}

Hasher::Hasher(HashAlgorithm algorithm) : algorithm_(algorithm) {
  if (const EVP_MD* md = openssl_md(algorithm)) {
    context_ = std::make_unique<Context>();
    restart(context_->openssl.get(), md);
  }
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(ByteSpan bytes) {
  switch (algorithm_) {
    case HashAlgorithm::kMd5:
    case HashAlgorithm::kSha1:
    case HashAlgorithm::kSha256: {
      int ok = EVP_DigestUpdate(context_->openssl.get(), bytes.data(), bytes.size());
      ATOLL_CHECK(ok == 1);
      break;
    }
    case HashAlgorithm::kCrc32:
      crc_ = crc32_ieee(bytes, static_cast<uint32_t>(crc_));
      break;
    case HashAlgorithm::kCrc32c:
      crc_ = crc32c(bytes, static_cast<uint32_t>(crc_));
      break;
    case HashAlgorithm::kCrc64Nvme:
      crc_ = crc64_nvme(bytes, crc_);
      break;
  }
}

Digest Hasher::finish() {
  if (!context_) {
    Digest digest = crc_digest(algorithm_, crc_);
    crc_ = 0;
    return digest;
  }
  Digest digest;
  unsigned size = 0;
  int ok = EVP_DigestFinal_ex(context_->openssl.get(), digest.bytes.data(), &size);
  ATOLL_CHECK(ok == 1 && size == digest_size(algorithm_));
  digest.size = size;
  restart(context_->openssl.get(), openssl_md(algorithm_));
  return digest;
}

Digest hash_of(HashAlgorithm algorithm, ByteSpan bytes) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.finish();
}

Sha256 sha256(ByteSpan bytes) {
  Sha256 out;
  EVP_MD_CTX* context = sha256_context();
  int ok = EVP_DigestUpdate(context, bytes.data(), bytes.size());
  ATOLL_CHECK(ok == 1);
  finish_sha256(context, &out);
  return out;
}

Sha256 hmac_sha256(ByteSpan key, ByteSpan message) {
  constexpr size_t kBlock = 64;
  std::array<uint8_t, kBlock> inner_pad{};
  if (key.size() > kBlock) {
    Sha256 short_key = sha256(key);
    std::memcpy(inner_pad.data(), short_key.data(), short_key.size());
  } else if (!key.empty()) {
    std::memcpy(inner_pad.data(), key.data(), key.size());
  }
  std::array<uint8_t, kBlock> outer_pad = inner_pad;
  for (uint8_t& byte : inner_pad) byte ^= 0x36;
  for (uint8_t& byte : outer_pad) byte ^= 0x5c;

  Sha256 inner;
  EVP_MD_CTX* context = sha256_context();
  int ok = EVP_DigestUpdate(context, inner_pad.data(), kBlock) &
           EVP_DigestUpdate(context, message.data(), message.size());
  ATOLL_CHECK(ok == 1);
  finish_sha256(context, &inner);

  Sha256 out;
  context = sha256_context();
  ok = EVP_DigestUpdate(context, outer_pad.data(), kBlock) &
       EVP_DigestUpdate(context, inner.data(), inner.size());
  ATOLL_CHECK(ok == 1);
  finish_sha256(context, &out);
  OPENSSL_cleanse(inner_pad.data(), kBlock);
  OPENSSL_cleanse(outer_pad.data(), kBlock);
  return out;
}

uint64_t crc_value(const Digest& digest) {
  ATOLL_CHECK(digest.size == 4 || digest.size == 8);
  return digest.size == 4 ? read_be32(digest.bytes.data()) : read_be64(digest.bytes.data());
}

Digest crc_digest(HashAlgorithm algorithm, uint64_t value) {
  Digest digest;
  digest.size = digest_size(algorithm);
  ATOLL_CHECK(digest.size == 8 || (digest.size == 4 && value <= UINT32_MAX));
  for (size_t i = 0; i < digest.size; ++i)
    digest.bytes[i] = static_cast<uint8_t>(value >> 8 * (digest.size - 1 - i));
  return digest;
}

bool equal_in_constant_time(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace atl
