// S3's aws-chunked bodies: payload in chunks, each with its own signature, and signed or unsigned
// trailers with checksums.
//
// The decoder says how many data bytes come next; its user puts them where they belong and shows
// them to data(). Everything is checked by the time done() is true: each chunk's signature, the
// decoded length, that the trailers are those declared, the trailer's signature. Not before: a
// chunk's data is seen before its signature can be known, so nothing may become visible earlier.
//
// Source: AWS, "Signature Calculations for the Authorization Header: Transferring Payload in
// Multiple Chunks", and the same "... with trailing headers". minio-go's trailers, which put a bare
// LF and an empty line before the trailer's signature, are understood too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/s3/chunk_framing.h"
#include "frontend/s3/http.h"
#include "frontend/s3/sigv4.h"

namespace atl::s3 {

// S3's rule for signed bodies: only the last chunk with data may be smaller. It bounds what a
// client can cost us in signatures.
inline constexpr uint64_t kSignedChunkBytesMin = 8_KiB;

struct AwsChunkedParams {
  PayloadKind kind = PayloadKind::kStreamingUnsignedTrailer;
  uint64_t decoded_length = 0;             // x-amz-decoded-content-length
  std::vector<std::string> trailer_names;  // x-amz-trailer, lower-case
  ChunkSignatures signatures;              // for the signed kinds
};

class AwsChunkedDecoder final : private ChunkSink {
 public:
  explicit AwsChunkedDecoder(AwsChunkedParams params);
  AwsChunkedDecoder(const AwsChunkedDecoder&) = delete;
  AwsChunkedDecoder& operator=(const AwsChunkedDecoder&) = delete;

  // As ChunkFraming::feed.
  size_t feed(std::string_view bytes) { return framing_.feed(bytes); }
  uint64_t data_left() const { return framing_.data_left(); }
  // The next data bytes; at most data_left().
  void data(ByteSpan bytes);

  bool done() const { return framing_.state() == ChunkFraming::State::kDone; }
  bool failed() const { return framing_.state() == ChunkFraming::State::kFailed; }
  const S3Error& error() const { return framing_.error(); }
  const Headers& trailers() const { return trailers_; }
  // Data is hashed as it comes only where chunks are signed.
  bool hashes_data() const { return is_signed_; }

 private:
  Verdict on_chunk(uint64_t size, std::string_view extension) override;
  Verdict on_chunk_end() override;
  Verdict on_trailer(std::string_view name, std::string_view value) override;
  bool on_empty_line() override;
  Verdict on_end() override;
  Verdict check_trailer_signature();

  AwsChunkedParams params_;
  const bool is_signed_;
  const bool has_trailer_signature_;
  ChunkFraming framing_{ChunkFraming::Dialect::kAws, this};
  uint64_t decoded_ = 0;  // data announced so far
  bool short_chunk_seen_ = false;
  std::string claimed_signature_;  // of the chunk that is coming in
  std::optional<Hasher> hash_;     // its data
  Headers trailers_;
  std::string trailer_signature_;  // as claimed; empty until it has come
  bool empty_line_seen_ = false;
};

}  // namespace atl::s3
