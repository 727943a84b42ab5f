// The head of an HTTP/1.1 response, as far as a load generator must understand it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace atl::load {

// A server that needs more for its head than this is not measured but broken.
inline constexpr size_t kHeadBytesMax = 16 << 10;

struct ResponseHead {
  int status = 0;
  uint64_t body_bytes = 0;
  bool close = false;     // the server ends the connection after this response
  size_t head_bytes = 0;  // with the empty line
};

// Nothing: the head is not whole yet. The error is a sentence. Interim (1xx) answers are not
// expected, as no request asks for them.
std::expected<std::optional<ResponseHead>, std::string> parse_head(std::string_view bytes);

}  // namespace atl::load
