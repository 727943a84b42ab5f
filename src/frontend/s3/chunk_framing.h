// The framing that HTTP's chunked transfer coding and S3's aws-chunked have in common:
//
//   400;chunk-signature=ad80c7...\r\n   size in hex, optional extension
//   <0x400 bytes>\r\n
//   0;chunk-signature=b6c6ea...\r\n     the last chunk has no data
//   x-amz-checksum-crc32c:sOO8/Q==\r\n  trailing fields, if any
//   \r\n
//
// ChunkFraming reads framing lines and counts data; it never touches the data, which its user moves
// straight to where it belongs. What lines mean (signatures, declared trailers) is the sink's
// business. No I/O and no memory of its own: lines must be whole in the bytes that feed() sees.
//
// Source: RFC 9112 7.1; AWS, "Signature calculations: transferring payload in multiple chunks".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/units.h"
#include "frontend/s3/errors.h"

namespace atl::s3 {

// One framing line with its end. The longest that S3 knows (a size and a chunk signature) has 100
// bytes, the longest trailer (a signature, a SHA-512 in base64) some 150.
inline constexpr size_t kChunkLineBytesMax = 1_KiB;
// All trailing fields of a body, and how many.
inline constexpr size_t kTrailerBytesMax = 8_KiB;
inline constexpr size_t kTrailerFieldsMax = 16;

class ChunkSink {
 public:
  using Verdict = std::optional<S3Error>;  // nullopt: fine

  virtual ~ChunkSink() = default;
  virtual Verdict on_chunk(uint64_t size, std::string_view extension) = 0;  // without its ';'
  virtual Verdict on_chunk_end() = 0;  // its data has been taken; for the last chunk at once
  virtual Verdict on_trailer(std::string_view name, std::string_view value) = 0;
  // An empty line after the last chunk: whether it ends the body.
  virtual bool on_empty_line() = 0;
  virtual Verdict on_end() = 0;
};

class ChunkFraming {
 public:
  enum class Dialect { kHttp, kAws };
  enum class State { kSize, kData, kDataEnd, kTrailer, kDone, kFailed };

  ChunkFraming(Dialect dialect, ChunkSink* sink) : dialect_(dialect), sink_(sink) {}

  // Takes framing from the front of `bytes`, up to data, the end, a fault or a line that is not
  // whole yet, and returns how much it took. When it took nothing in kSize, kDataEnd or kTrailer,
  // it needs more bytes than these (never more than kChunkLineBytesMax).
  size_t feed(std::string_view bytes);
  State state() const { return state_; }
  uint64_t data_left() const { return state_ == State::kData ? data_left_ : 0; }
  void take_data(uint64_t n);
  const S3Error& error() const { return error_; }  // kFailed

 private:
  size_t feed_line(std::string_view bytes);
  bool on_line(std::string_view line);
  bool on_size_line(std::string_view line);
  bool on_trailer_line(std::string_view line);
  bool fail_with(S3Error error);
  bool malformed(std::string_view what);
  bool accept(ChunkSink::Verdict verdict);

  Dialect dialect_;
  ChunkSink* sink_;
  State state_ = State::kSize;
  uint64_t data_left_ = 0;
  size_t trailer_bytes_ = 0;
  size_t trailer_fields_ = 0;
  S3Error error_;
};

}  // namespace atl::s3
