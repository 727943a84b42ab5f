// The SHA-256 of a payload that is signed as a whole, computed while the payload comes in.
//
// Small pieces are hashed where they are. Of a large read the pieces are hashed on a worker thread
// while the next one is received; the read returns only when all of it is hashed, because then its
// memory belongs to the caller again.
#pragma once

#include <memory>

#include "base/hash.h"
#include "env/env.h"
#include "env/sync.h"

namespace atl::s3 {

// About 50 us with SHA extensions: what a reactor may spend at once; a trip to a worker costs 10
// us.
inline constexpr size_t kInlineHashBytesMax = 64_KiB;
// How much is handed to a worker at a time.
inline constexpr size_t kPayloadPieceBytes = 256_KiB;

class PayloadHash {
 public:
  explicit PayloadHash(env::Env& env) : env_(env) {}
  PayloadHash(const PayloadHash&) = delete;
  PayloadHash& operator=(const PayloadHash&) = delete;

  // True while a piece is being hashed elsewhere: neither start() nor add() may be called.
  bool busy() const { return busy_; }
  // Begins to hash `bytes` elsewhere. They must stay until wait() has returned.
  void start(ByteSpan bytes);
  Task<void> wait();
  // Hashes `bytes`, here or elsewhere, and returns when that is done.
  Task<void> add(ByteSpan bytes);
  Digest finish();

 private:
  static Task<void> run(PayloadHash* self, ByteSpan bytes);

  env::Env& env_;
  Hasher hash_{HashAlgorithm::kSha256};
  bool busy_ = false;
  env::Event idle_;
};

}  // namespace atl::s3
