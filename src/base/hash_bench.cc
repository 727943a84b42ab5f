// Hashes beside what bounds them: OpenSSL through its own one-shot call, and memory.

#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include "base/crc.h"
#include "base/hash.h"

namespace atl {
namespace {

void hasher(benchmark::State& state, HashAlgorithm algorithm) {
  Buf bytes = Buf::allocate_zeroed(static_cast<size_t>(state.range(0)));
  Hasher hash(algorithm);
  for (auto _ : state) {
    hash.update(bytes.span());
    benchmark::DoNotOptimize(hash.finish());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(hasher, md5, HashAlgorithm::kMd5)->Arg(64)->Arg(1 << 20);
BENCHMARK_CAPTURE(hasher, sha1, HashAlgorithm::kSha1)->Arg(64)->Arg(1 << 20);
BENCHMARK_CAPTURE(hasher, sha256, HashAlgorithm::kSha256)->Arg(64)->Arg(1 << 20);
BENCHMARK_CAPTURE(hasher, crc32, HashAlgorithm::kCrc32)->Arg(64)->Arg(1 << 20);
BENCHMARK_CAPTURE(hasher, crc32c, HashAlgorithm::kCrc32c)->Arg(64)->Arg(1 << 20);
BENCHMARK_CAPTURE(hasher, crc64nvme, HashAlgorithm::kCrc64Nvme)->Arg(64)->Arg(1 << 20);

void openssl_one_shot(benchmark::State& state, const char* name) {
  Buf bytes = Buf::allocate_zeroed(static_cast<size_t>(state.range(0)));
  unsigned char out[EVP_MAX_MD_SIZE];
  size_t size = 0;
  for (auto _ : state) EVP_Q_digest(nullptr, name, nullptr, bytes.data(), bytes.size(), out, &size);
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(openssl_one_shot, md5, "MD5")->Arg(64)->Arg(1 << 20);
BENCHMARK_CAPTURE(openssl_one_shot, sha256, "SHA256")->Arg(64)->Arg(1 << 20);

void sha256_once(benchmark::State& state) {
  Buf bytes = Buf::allocate_zeroed(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(sha256(bytes.span()));
}
BENCHMARK(sha256_once)->Arg(64)->Arg(1024);

void hmac(benchmark::State& state) {
  Sha256 key{};
  for (auto _ : state) benchmark::DoNotOptimize(key = hmac_sha256(key, "us-east-1"));
}
BENCHMARK(hmac);

void combine_crc64(benchmark::State& state) {
  uint64_t crc = 1;
  for (auto _ : state)
    benchmark::DoNotOptimize(crc = crc_combine(HashAlgorithm::kCrc64Nvme, crc, 7, 8 << 20));
}
BENCHMARK(combine_crc64);

void base64(benchmark::State& state) {
  Sha256 digest{};
  for (auto _ : state) benchmark::DoNotOptimize(from_base64(to_base64(digest)));
}
BENCHMARK(base64);

}  // namespace
}  // namespace atl
