// Bodies on their way in and out. See client.h.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "env/env.h"
#include "namespace/types.h"

namespace atl::client {

inline constexpr uint64_t kBodyMemoryMax = 384u << 20;

class BodyWriter {
 public:
  // Destroyed without finish(): everything written is discarded in the background.
  virtual ~BodyWriter() = default;

  // Memory to put the next bytes into: between 1 byte and `want`, never empty; waits under
  // back-pressure. Fill it from the front, then call commit(n). Avoids a copy: the socket reads
  // right into the stripe.
  virtual Task<Result<MutableByteSpan>> space(size_t want) = 0;
  // The first n bytes of the last space() are part of the body. Starts a stripe write when one is
  // full.
  virtual Task<Status> commit(size_t n) = 0;
  // Between space() and commit(): shares that memory and keeps it alive, for hashing beside the
  // I/O.
  virtual Buf hold() const = 0;
  // space + copy + commit.
  virtual Task<Status> append(ByteSpan bytes) = 0;

  virtual uint64_t size() const = 0;
  // Waits for all stripes. The result goes to put_object or put_part (which then owns it), or to
  // discard.
  virtual Task<Result<ns::FileData>> finish() = 0;
};

class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // The next verified bytes in order; empty at the end. Reads ahead while the caller sends.
  virtual Task<Result<Buf>> next() = 0;
};

}  // namespace atl::client
