#include "load/response.h"

#include <strings.h>

#include <charconv>

namespace atl::load {
namespace {

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::expected<std::optional<ResponseHead>, std::string> parse_head(std::string_view bytes) {
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() > kHeadBytesMax) return std::unexpected("the response's head is too long");
    return std::nullopt;
  }
  if (!bytes.starts_with("HTTP/1.1 ") || end < 12)
    return std::unexpected("the response does not begin with HTTP/1.1");
  ResponseHead out;
  out.head_bytes = end + 4;
  std::from_chars(bytes.data() + 9, bytes.data() + 12, out.status);
  bool has_length = out.status == 204 || out.status == 304;
  size_t at = bytes.find("\r\n") + 2;
  while (at < end) {
    const size_t line_end = bytes.find("\r\n", at);
    const std::string_view line = bytes.substr(at, line_end - at);
    at = line_end + 2;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    const std::string_view name = line.substr(0, colon);
    if (same(name, "content-length")) {
      const auto [stop, error] =
          std::from_chars(value.data(), value.data() + value.size(), out.body_bytes);
      has_length = error == std::errc{} && stop == value.data() + value.size();
    } else if (same(name, "connection")) {
      out.close = same(value, "close");
    }
  }
  if (!has_length) return std::unexpected("the response has no Content-Length");
  return out;
}

}  // namespace atl::load
