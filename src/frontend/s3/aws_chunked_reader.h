// Reads an aws-chunked body: framing through a small lookahead, data straight to the caller.
//
// Of each 64 KiB chunk at most kLookaheadBytes are copied; the rest goes from the socket to where
// it belongs.
#pragma once

#include <array>

#include "env/env.h"
#include "frontend/s3/aws_chunked.h"
#include "frontend/s3/wire_reader.h"

namespace atl::s3 {

inline constexpr size_t kLookaheadBytes = 2_KiB;
static_assert(kLookaheadBytes >= kChunkLineBytesMax, "a framing line must fit");

class AwsChunkedReader {
 public:
  AwsChunkedReader(env::Env& env, WireReader* wire, AwsChunkedParams params)
      : env_(env), wire_(wire), decoder_(std::move(params)) {}

  // As RequestBody::read.
  Task<Result<size_t>> read(MutableByteSpan into);
  const Headers& trailers() const { return decoder_.trailers(); }
  const S3Error& error() const { return error_; }

 private:
  Task<Result<size_t>> read_data(MutableByteSpan into);
  Task<Result<size_t>> check_end();
  std::unexpected<Error> fail_with(S3Error error);

  env::Env& env_;
  WireReader* wire_;
  AwsChunkedDecoder decoder_;
  std::array<uint8_t, kLookaheadBytes> lookahead_;
  size_t begin_ = 0;
  size_t end_ = 0;
  S3Error error_;
};

}  // namespace atl::s3
