// Takes a request's body into the cluster: socket -> stripe memory -> hashes -> stripes.
//
// The bytes are read straight into the memory that becomes a stripe, in pieces of kHashPieceBytes.
// While the next pieces are read, a worker hashes those before them in order (MD5 for the ETag, and
// the checksum that was asked for):
//
//   read 1 | read 2 | encode | read 3 |          the reactor
//          |  hash 1  |  hash 2  |  hash 3       one worker at a time
//
// Up to kHashPiecesMax pieces wait for it or are with it, and it takes all that wait at once: so it
// does not stand still while the reactor is busy with a stripe.
//
// Bodies of up to kInlineHashBytes are hashed where they are: handing them over would cost more.
// What the body claimed of itself is compared before anything is stored under a name; where it does
// not hold, or the client goes away, everything that was written is discarded.
#pragma once

#include <string>

#include "client/body.h"
#include "frontend/s3/checksum.h"
#include "frontend/s3/operation.h"
#include "namespace/types.h"

namespace atl::s3 {

inline constexpr size_t kHashPieceBytes = 256u << 10;  // fits L2; half a millisecond of MD5
inline constexpr size_t kHashPiecesMax = 16;           // 4 MiB of a stripe, some 6 ms of MD5
inline constexpr size_t kInlineHashBytes = 64u << 10;  // 0.1 ms of MD5

struct StoredBody {
  ns::FileData data;  // to put_object, put_part or discard
  std::string etag;   // MD5 in hex
  ns::Checksum checksum;
};

// The request's whole body. `algorithm`: computed beside MD5, unless the claims name another one.
Task<S3Result<StoredBody>> store_body(Op& op, BodyClaims claims, ChecksumAlgorithm algorithm);

// MissingContentLength, EntityTooLarge: before the first byte is read. Returns the length.
S3Result<uint64_t> check_body_length(const Request& request);

// What is to be hashed in order, beside other work.
class HashLane {
 public:
  HashLane(env::Env& env, ChecksumAlgorithm algorithm);
  // Hashes `bytes` beside the caller, who waits while too many pieces wait already. `keep_alive`
  // holds their memory.
  Task<void> add(Buf keep_alive, ByteSpan bytes);
  // Hashes here and now.
  Task<void> add_inline(ByteSpan bytes);
  // Waits for all.
  Task<void> finish();
  const BodyDigest& digest() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace atl::s3
