#include "frontend/s3/http_parser.h"

#include <array>
#include <cstring>

#include "base/check.h"
#include "frontend/s3/url.h"

namespace atl::s3 {
namespace {

constexpr std::array<bool, 256> make_token_chars() {
  std::array<bool, 256> set{};
  for (int c = '0'; c <= '9'; ++c) set[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) set[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) set[c] = true;
  for (char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    set[static_cast<uint8_t>(c)] = true;
  return set;
}
constexpr auto kTokenChars = make_token_chars();

// Field values: visible ASCII, blanks, and bytes from 0x80 (S3 metadata may be UTF-8).
bool is_field_value(std::string_view value) {
  for (const char c : value) {
    const auto u = static_cast<uint8_t>(c);
    if ((u < 0x20 && c != '\t') || u == 0x7F) return false;
  }
  return true;
}

bool is_target(std::string_view target) {
  for (const char c : target) {
    const auto u = static_cast<uint8_t>(c);
    if (u <= 0x20 || u == 0x7F) return false;
  }
  return !target.empty();
}

S3Error bad_request(std::string message) {
  return {err::kBadRequest, std::move(message)};
}

// The next line without its CRLF; `rest` moves behind it. HeadScanner has seen that there is one.
std::string_view take_line(std::string_view* rest) {
  const size_t end = rest->find("\r\n");
  ATOLL_CHECK(end != std::string_view::npos);
  const std::string_view line = rest->substr(0, end);
  rest->remove_prefix(end + 2);
  return line;
}

// "http://host/path" (RFC 9112 3.2.2): the authority must say what Host says.
std::optional<S3Error> strip_absolute_form(Request* request) {
  std::string_view target = request->target;
  for (std::string_view scheme : {"http://", "https://"}) {
    if (target.size() <= scheme.size() ||
        !equals_ignore_case(target.substr(0, scheme.size()), scheme))
      continue;
    target.remove_prefix(scheme.size());
    const size_t slash = target.find('/');
    if (slash == std::string_view::npos)
      return S3Error(err::kInvalidURI, "The request target has no path.");
    if (!equals_ignore_case(target.substr(0, slash), request->headers.get("host")))
      return bad_request("The host of the request target is not that of the Host header.");
    request->target = target.substr(slash);
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<S3Error> parse_request_line(std::string_view line, Request* request) {
  const size_t method_end = line.find(' ');
  if (method_end == std::string_view::npos || method_end > kMethodBytesMax ||
      !is_token(line.substr(0, method_end)))
    return bad_request("The request line does not start with a method.");
  request->method = line.substr(0, method_end);
  line.remove_prefix(method_end + 1);

  const size_t target_end = line.rfind(' ');
  if (target_end == std::string_view::npos)
    return bad_request("The request line has no HTTP version.");
  const std::string_view version = line.substr(target_end + 1);
  if (version == "HTTP/1.1") {
    request->version_minor = 1;
  } else if (version == "HTTP/1.0") {
    request->version_minor = 0;
  } else {
    return S3Error(err::kHttpVersionNotSupported);
  }
  const std::string_view target = line.substr(0, target_end);
  if (target.size() > kTargetBytesMax) return S3Error(err::kURITooLong);
  if (!is_target(target)) return bad_request("The request target is empty or holds a blank.");
  request->target = target;
  return std::nullopt;
}

std::optional<S3Error> parse_field(std::string_view line, Request* request) {
  if (line.front() == ' ' || line.front() == '\t')
    return bad_request("A header line starts with a blank (obsolete line folding).");
  if (request->headers.size() == kHeaderFieldsMax)
    return S3Error(err::kRequestHeaderSectionTooLarge,
                   fmt::format("The request has more than {} headers.", kHeaderFieldsMax));
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return bad_request("A header line has no valid name followed by a colon.");
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  if (!is_field_value(value)) return bad_request("A header value holds a control character.");
  request->headers.add_view(line.substr(0, colon), value);
  return std::nullopt;
}

std::optional<S3Error> check_host(const Request& request) {
  const size_t hosts = request.headers.count("host");
  if (hosts > 1) return bad_request("The request has more than one Host header.");
  if (hosts == 0 && request.version_minor == 1)
    return bad_request("The request has no Host header.");
  return std::nullopt;
}

}  // namespace

bool is_token(std::string_view text) {
  for (const char c : text)
    if (!kTokenChars[static_cast<uint8_t>(c)]) return false;
  return !text.empty();
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split_list(std::string_view value) {
  std::vector<std::string_view> out;
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    if (auto element = trim_blanks(value.substr(0, comma)); !element.empty())
      out.push_back(element);
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return out;
}

std::optional<uint64_t> parse_decimal(std::string_view text) {
  if (text.empty() || text.size() > 19) return std::nullopt;  // 19 digits cannot overflow 2^64
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value <= INT64_MAX ? std::optional(value) : std::nullopt;
}

HeadScanner::Outcome HeadScanner::bad(S3Error error) {
  error_ = std::move(error);
  return Outcome::kBad;
}

HeadScanner::Outcome HeadScanner::scan(std::string_view bytes) {
  // What cannot become a method is refused at the first byte: a TLS hello, another protocol.
  if (line_start_ == 0 && !bytes.empty()) {
    const size_t head = std::min(bytes.size(), kMethodBytesMax + 1);
    for (size_t i = 0; i < head && bytes[i] != ' '; ++i)
      if (i == kMethodBytesMax || !kTokenChars[static_cast<uint8_t>(bytes[i])])
        return bad(bad_request("The request does not start with an HTTP method."));
  }
  while (scanned_ < bytes.size()) {
    const char* from = bytes.data() + scanned_;
    const auto* newline =
        static_cast<const char*>(std::memchr(from, '\n', bytes.size() - scanned_));
    if (newline == nullptr) {
      scanned_ = bytes.size();
      break;
    }
    const size_t at = static_cast<size_t>(newline - bytes.data());
    if (at == 0 || bytes[at - 1] != '\r')
      return bad(bad_request("A line of the request head does not end with CRLF."));
    scanned_ = at + 1;
    const bool empty_line = at - line_start_ == 1;
    line_start_ = scanned_;
    if (scanned_ > kHeadBytesMax) break;
    if (empty_line) {
      head_size_ = scanned_;
      return Outcome::kComplete;
    }
  }
  constexpr size_t kRequestLineMax = kTargetBytesMax + kMethodBytesMax + sizeof "  HTTP/1.1\r\n";
  if (line_start_ == 0 && bytes.size() > kRequestLineMax) return bad(S3Error(err::kURITooLong));
  if (bytes.size() >= kHeadBytesMax) return bad(S3Error(err::kRequestHeaderSectionTooLarge));
  return Outcome::kNeedMore;
}

std::optional<S3Error> parse_head(std::string_view head, Request* request) {
  if (!head.ends_with("\r\n\r\n")) return bad_request("The request head is incomplete.");
  std::string_view rest = head;
  if (auto error = parse_request_line(take_line(&rest), request)) return error;
  while (true) {
    const std::string_view line = take_line(&rest);
    if (line.empty()) break;
    if (auto error = parse_field(line, request)) return error;
  }
  if (!rest.empty()) return bad_request("The request head goes on after its empty line.");
  if (auto error = check_host(*request)) return error;
  if (auto error = strip_absolute_form(request)) return error;
  return parse_target(request);
}

std::expected<BodyFraming, S3Error> body_framing(const Request& request) {
  BodyFraming framing;
  std::optional<uint64_t> length;
  bool chunked = false;
  for (const Headers::Field& field : request.headers) {
    if (equals_ignore_case(field.name, "content-length")) {
      const auto value = parse_decimal(field.value);
      if (!value)
        return std::unexpected(bad_request("The Content-Length header is not a whole number."));
      if (length)
        return std::unexpected(bad_request("The request has two Content-Length headers."));
      length = value;
    } else if (equals_ignore_case(field.name, "transfer-encoding")) {
      if (chunked || !equals_ignore_case(field.value, "chunked"))
        return std::unexpected(S3Error(
            err::kNotImplemented, "The only Transfer-Encoding that is accepted is chunked, once."));
      chunked = true;
    }
  }
  if (chunked && length)
    return std::unexpected(
        bad_request("The request has both a Content-Length and a Transfer-Encoding header."));
  if (chunked && request.version_minor == 0)
    return std::unexpected(bad_request("HTTP/1.0 has no Transfer-Encoding."));
  if (chunked) framing.kind = BodyFraming::Kind::kChunked;
  if (length && *length != 0) framing = {BodyFraming::Kind::kLength, *length};
  return framing;
}

bool wants_keep_alive(const Request& request) {
  bool close = false, keep_alive = false;
  for (const Headers::Field& field : request.headers) {
    if (!equals_ignore_case(field.name, "connection")) continue;
    for (std::string_view option : split_list(field.value)) {
      close |= equals_ignore_case(option, "close");
      keep_alive |= equals_ignore_case(option, "keep-alive");
    }
  }
  return !close && (request.version_minor == 1 || keep_alive);
}

}  // namespace atl::s3
