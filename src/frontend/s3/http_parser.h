// The head of an HTTP/1.1 request: bytes to Request, strictly.
//
// Zero-copy: after parse_head, every view of the Request points into the bytes that were given.
// What RFC 9112 lets a server refuse is refused: bare LF, obs-fold, blanks before the colon,
// control characters, two Host fields, differing Content-Lengths, Content-Length beside
// Transfer-Encoding. Each of them has let two parsers in a row disagree about where a request ends
// (request smuggling).
//
// Pure functions; fuzzed by http_parser_fuzz.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/units.h"
#include "frontend/s3/http.h"

namespace atl::s3 {

// Request line and fields together. S3 allows 8 KB of fields (2 KB of user metadata in it); a
// target with a 1,024-byte key as %XX takes 3 KiB more.
inline constexpr size_t kHeadBytesMax = 16_KiB;
inline constexpr size_t kTargetBytesMax = 8_KiB;
inline constexpr size_t kHeaderFieldsMax = 256;
inline constexpr size_t kMethodBytesMax = 16;
// CRLFs before a request line, which RFC 9112 2.2 asks to ignore (old clients end a body with one).
inline constexpr size_t kLeadingEmptyLinesMax = 2;

// Looks for the end of a head in bytes that come piecemeal, each byte once.
class HeadScanner {
 public:
  enum class Outcome { kNeedMore, kComplete, kBad };
  // `bytes` begins where the head begins and holds everything that has come so far.
  Outcome scan(std::string_view bytes);
  size_t head_size() const { return head_size_; }  // kComplete: with the final empty line
  const S3Error& error() const { return error_; }  // kBad
  void reset() { *this = HeadScanner(); }

 private:
  Outcome bad(S3Error error);

  size_t scanned_ = 0;
  size_t line_start_ = 0;
  size_t head_size_ = 0;
  S3Error error_;
};

// Sets method, target, raw_path, path, query, headers, version_minor. What has been parsed before
// an error stays set, so that the error can be reported with method and path. `head` is what
// HeadScanner found: it ends with an empty line.
std::optional<S3Error> parse_head(std::string_view head, Request* request);

// How the bytes after the head are delimited (RFC 9112 6).
struct BodyFraming {
  enum class Kind { kNone, kLength, kChunked };
  Kind kind = Kind::kNone;
  uint64_t length = 0;  // kLength; never 0
};
std::expected<BodyFraming, S3Error> body_framing(const Request& request);

// Decimal digits only, up to 2^63 - 1.
std::optional<uint64_t> parse_decimal(std::string_view text);
// The elements of a comma-separated header value, trimmed; empty ones are left out.
std::vector<std::string_view> split_list(std::string_view value);
std::string_view trim_blanks(std::string_view text);
bool is_token(std::string_view text);  // RFC 9110 5.6.2

// Whether the connection may go on after this request, as far as the client is concerned.
bool wants_keep_alive(const Request& request);

}  // namespace atl::s3
