// The payload of one request as a handler reads it: framing taken off, everything verified.
//
//   socket -> HttpInput -> WireReader (Content-Length, chunked) -> [AwsChunkedReader] -> caller
//                                                               -> [PayloadHash]
//
// Owned by the connection, for one request.
#pragma once

#include <memory>
#include <optional>

#include "env/env.h"
#include "env/net.h"
#include "frontend/s3/aws_chunked_reader.h"
#include "frontend/s3/http.h"
#include "frontend/s3/payload_hash.h"
#include "frontend/s3/wire_reader.h"

namespace atl::s3 {

struct BodyPlan {
  BodyFraming framing;
  bool expects_continue = false;  // Expect: 100-continue
  std::optional<uint64_t> payload_length = 0;
  std::string_view payload_sha256;  // hex; empty: not signed as a whole
  std::optional<AwsChunkedParams> aws_chunked;
};

class HttpBody final : public RequestBody {
 public:
  // All outlive the body; the meter and stream are the connection's, for "100 Continue".
  HttpBody(env::Env& env, env::Stream* stream, HttpInput* input, IoMeter* meter, BodyPlan plan);

  Task<Result<size_t>> read(MutableByteSpan into) override;
  std::optional<uint64_t> remaining() const override { return remaining_; }
  const Headers& trailers() const override;
  const S3Error& error() const override { return error_; }

  // --- For the connection ---

  // What is left of the body on the wire can be skipped, so that another request may follow.
  bool can_be_drained(uint64_t bytes_max) const;
  Task<bool> drain(uint64_t bytes_max) { return wire_.drain(bytes_max); }

 private:
  Task<Status> send_continue();
  Task<Result<size_t>> read_hashed(MutableByteSpan into);
  Task<Result<size_t>> read_verified(MutableByteSpan into);
  std::unexpected<Error> fail_with(S3Error error, Errc code);

  env::Env& env_;
  env::Stream* stream_;
  HttpInput* input_;
  IoMeter* meter_;
  WireReader wire_;
  bool expects_continue_;
  std::optional<uint64_t> remaining_;
  std::string payload_sha256_;
  std::unique_ptr<PayloadHash> hash_;  // payload signed as a whole
  std::unique_ptr<AwsChunkedReader> aws_chunked_;
  bool finished_ = false;
  bool failed_ = false;
  S3Error error_;
};

}  // namespace atl::s3
