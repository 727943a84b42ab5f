#include "frontend/s3/chunk_framing.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/probe.h"
#include "frontend/s3/http_parser.h"

namespace atl::s3 {
namespace {

// Up to 2^63 - 1, so that sums of sizes and offsets stay clear of overflow.
std::optional<uint64_t> parse_hex(std::string_view text) {
  if (text.empty() || text.size() > 16) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = static_cast<unsigned>((c | 0x20) - 'a') + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value <= INT64_MAX ? std::optional(value) : std::nullopt;
}

}  // namespace

bool ChunkFraming::fail_with(S3Error error) {
  state_ = State::kFailed;
  error_ = std::move(error);
  return false;
}

bool ChunkFraming::malformed(std::string_view what) {
  if (dialect_ == Dialect::kHttp)
    return fail_with({err::kBadRequest, fmt::format("The chunked body is malformed: {}.", what)});
  if (state_ == State::kTrailer)
    return fail_with({err::kMalformedTrailer, fmt::format("The trailer is malformed: {}.", what)});
  return fail_with(
      {err::kInvalidRequest, fmt::format("The aws-chunked body is malformed: {}.", what)});
}

bool ChunkFraming::accept(ChunkSink::Verdict verdict) {
  if (!verdict) return true;
  return fail_with(std::move(*verdict));
}

size_t ChunkFraming::feed(std::string_view bytes) {
  size_t taken = 0;
  while (state_ == State::kSize || state_ == State::kDataEnd || state_ == State::kTrailer) {
    const size_t n = feed_line(bytes.substr(taken));
    if (n == 0) break;
    taken += n;
  }
  return taken;
}

size_t ChunkFraming::feed_line(std::string_view bytes) {
  const std::string_view window = bytes.substr(0, kChunkLineBytesMax);
  const size_t newline = window.find('\n');
  if (newline == std::string_view::npos) {
    // After data only CRLF can come; anything else is a wrong length, and is told early.
    if (state_ == State::kDataEnd && !window.empty() && window != "\r")
      malformed("the data of a chunk does not end with CRLF");
    if (window.size() == kChunkLineBytesMax) malformed("a line is too long");
    return 0;
  }
  std::string_view line = window.substr(0, newline);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  } else if (dialect_ != Dialect::kAws || state_ != State::kTrailer) {
    malformed("a line does not end with CRLF");
    return 0;
  }
  return on_line(line) ? newline + 1 : 0;
}

bool ChunkFraming::on_line(std::string_view line) {
  if (state_ == State::kSize) return on_size_line(line);
  if (state_ == State::kTrailer) return on_trailer_line(line);
  ATOLL_CHECK(state_ == State::kDataEnd);
  if (!line.empty()) return malformed("the data of a chunk does not end with CRLF");
  if (!accept(sink_->on_chunk_end())) return false;
  state_ = State::kSize;
  return true;
}

bool ChunkFraming::on_size_line(std::string_view line) {
  const size_t semicolon = std::min(line.find(';'), line.size());
  const auto size = parse_hex(line.substr(0, semicolon));
  if (!size) return malformed("a chunk size is not a hexadecimal number");
  const std::string_view extension = line.substr(std::min(semicolon + 1, line.size()));
  if (!accept(sink_->on_chunk(*size, extension))) return false;
  if (*size != 0) {
    state_ = State::kData;
    data_left_ = *size;
    return true;
  }
  if (!accept(sink_->on_chunk_end())) return false;
  state_ = State::kTrailer;
  return true;
}

bool ChunkFraming::on_trailer_line(std::string_view line) {
  trailer_bytes_ += line.size() + 2;
  if (trailer_bytes_ > kTrailerBytesMax) return malformed("it is too long");
  if (line.empty()) {
    if (!sink_->on_empty_line()) return true;
    if (!accept(sink_->on_end())) return false;
    state_ = State::kDone;
    return true;
  }
  if (++trailer_fields_ > kTrailerFieldsMax) return malformed("it has too many fields");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return malformed("a line has no name followed by a colon");
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  for (const char c : value)
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F)
      return malformed("a value holds a control character");
  return accept(sink_->on_trailer(line.substr(0, colon), value));
}

void ChunkFraming::take_data(uint64_t n) {
  ATOLL_CHECK(state_ == State::kData);
  ATOLL_CHECK(n <= data_left_);
  data_left_ -= n;
  if (data_left_ == 0) state_ = State::kDataEnd;
}

}  // namespace atl::s3
