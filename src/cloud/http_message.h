// HTTP/1.1 messages as values, and the strict reading of them from bytes.
//
// For the API's client and for the laboratory's emulator of the API. Reading is incremental: bytes
// are fed as they come. Trailers, upgrades and "100 Continue" are not spoken.
//
// Threads: the reactor's. Errors of reading: kTooLarge (over a limit below), kCorrupt (no HTTP).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/net.h"

namespace atl::cloud {

// Answers of the API carry a dozen fields; 16 KiB leaves room for long tokens.
inline constexpr uint32_t kHttpHeadBytesMax = 16u << 10;
// A page of 500 routes is some 400 KiB; an instance with 150 aliases some 20 KiB.
inline constexpr uint64_t kHttpBodyBytesMax = 4ull << 20;

enum class HttpKind : uint8_t { kRequest, kResponse };

struct HttpMessage {
  std::string method;                          // of a request: "GET"
  std::string target;                          // of a request: "/path?query"
  int status = 0;                              // of a response
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool keep_alive = true;

  std::string_view header(std::string_view lower_name) const;  // "" when absent
};

// One message at a time, from a connection that may go on with the next.
class HttpReader {
 public:
  explicit HttpReader(HttpKind kind);
  ~HttpReader();
  HttpReader(HttpReader&&) noexcept;
  HttpReader& operator=(HttpReader&&) noexcept;

  // Takes more bytes; those after the end of the message are kept for the next one.
  Status feed(std::string_view bytes);
  // The peer will send no more: ends a body that has no length. kUnavailable in mid-message.
  Status feed_end();
  bool done() const;
  bool started() const;  // any byte of the current message has come
  bool has_leftover() const { return !pending_.empty(); }
  HttpMessage take();  // the message that is done; begins the next

 private:
  struct Parser;
  Status parse();
  HttpKind kind_;
  std::unique_ptr<Parser> parser_;
  std::string pending_;
};

// kUnavailable when the peer leaves before the end.
Task<Result<HttpMessage>> read_message(env::Stream& stream, HttpReader& reader);

// The bytes on the wire. Header values must have no control characters (kInvalidArgument).
Result<std::string> request_bytes(const HttpMessage& request);
Result<std::string> response_bytes(const HttpMessage& response);

// "a b/c" -> "a%20b%2Fc", and back (kInvalidArgument on a broken escape).
std::string percent_encode(std::string_view text);
Result<std::string> percent_decode(std::string_view text);

}  // namespace atl::cloud
