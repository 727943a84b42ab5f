// The body of one HTTP request without its framing: Content-Length or chunked transfer coding.
//
// What comes out is the payload, or aws-chunked data that aws_chunked_reader.h takes apart. Knows
// where the body ends, so that the connection knows whether another request can follow.
#pragma once

#include <optional>

#include "frontend/s3/chunk_framing.h"
#include "frontend/s3/http_input.h"
#include "frontend/s3/http_parser.h"

namespace atl::s3 {

class WireReader final : private ChunkSink {
 public:
  WireReader(HttpInput* input, BodyFraming framing) : input_(input), framing_(framing) {
    left_ = framing.kind == BodyFraming::Kind::kLength ? framing.length : 0;
  }
  WireReader(const WireReader&) = delete;
  WireReader& operator=(const WireReader&) = delete;

  // The next bytes, straight into `into`; 0 at the end of the body.
  Task<Result<size_t>> read(MutableByteSpan into);

  bool at_end() const;
  std::optional<uint64_t> remaining() const;       // nullopt: chunked, and not at the end
  const S3Error& error() const { return error_; }  // of the last read, when it failed

  // Reads on to the end of the body and forgets it; false when it is longer than `bytes_max` or
  // fails.
  Task<bool> drain(uint64_t bytes_max);

 private:
  Task<Result<size_t>> read_chunked(MutableByteSpan into);
  std::unexpected<Error> fail_read(const Error& error);
  std::unexpected<Error> fail_early_end();
  std::unexpected<Error> fail_framing();

  // Chunk extensions and trailers of the transfer coding mean nothing to S3.
  Verdict on_chunk(uint64_t, std::string_view) override { return std::nullopt; }
  Verdict on_chunk_end() override { return std::nullopt; }
  Verdict on_trailer(std::string_view, std::string_view) override { return std::nullopt; }
  bool on_empty_line() override { return true; }
  Verdict on_end() override { return std::nullopt; }

  HttpInput* input_;
  BodyFraming framing_;
  uint64_t left_ = 0;
  ChunkFraming chunks_{ChunkFraming::Dialect::kHttp, this};
  S3Error error_;
};

}  // namespace atl::s3
