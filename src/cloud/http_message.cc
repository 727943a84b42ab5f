#include "cloud/http_message.h"

#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/check.h"

namespace atl::cloud {
namespace http = boost::beast::http;

namespace {

constexpr size_t kReadBytes = 16u << 10;  // from the network at once

template <bool IsRequest>
using BeastParser = http::parser<IsRequest, http::string_body>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

template <typename Parser>
HttpMessage message_of(Parser& parser) {
  HttpMessage out;
  auto& message = parser.get();
  for (const auto& field : message)
    out.headers[lower(std::string_view(field.name_string().data(), field.name_string().size()))] =
        std::string(field.value().data(), field.value().size());
  out.body = std::move(message.body());
  out.keep_alive = message.keep_alive();
  return out;
}

Error error_of(const boost::system::error_code& error) {
  if (error == http::error::body_limit || error == http::error::header_limit ||
      error == http::error::buffer_overflow)
    return Error(Errc::kTooLarge, "HTTP message over the limit: " + error.message());
  if (error == http::error::partial_message || error == http::error::end_of_stream)
    return Error(Errc::kUnavailable, "the connection ended in the middle of a message");
  return Error(Errc::kCorrupt, "no valid HTTP message: " + error.message());
}

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return true;
}

Result<std::string> with_headers(std::string head, const HttpMessage& message) {
  for (const auto& [name, value] : message.headers) {
    if (!is_plain(name) || !is_plain(value))
      return fail(Errc::kInvalidArgument, "control characters in the header " + lower(name));
    head.append(name).append(": ").append(value).append("\r\n");
  }
  head += fmt::format("content-length: {}\r\n", message.body.size());
  if (!message.keep_alive) head += "connection: close\r\n";
  head += "\r\n";
  return head + message.body;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

// Exactly one of the two, by the reader's kind.
struct HttpReader::Parser {
  std::unique_ptr<BeastParser<true>> request;
  std::unique_ptr<BeastParser<false>> response;

  explicit Parser(HttpKind kind) {
    if (kind == HttpKind::kRequest) {
      request = std::make_unique<BeastParser<true>>();
      prepare(*request);
    } else {
      response = std::make_unique<BeastParser<false>>();
      prepare(*response);
    }
  }
  template <typename P>
  static void prepare(P& parser) {
    parser.eager(true);
    parser.header_limit(kHttpHeadBytesMax);
    parser.body_limit(kHttpBodyBytesMax);
  }
  // With the parser that there is.
  template <typename F>
  auto with(F f) {
    return request ? f(*request) : f(*response);
  }
};

std::string_view HttpMessage::header(std::string_view lower_name) const {
  const auto it = headers.find(std::string(lower_name));
  return it == headers.end() ? std::string_view{} : std::string_view(it->second);
}

HttpReader::HttpReader(HttpKind kind) : kind_(kind), parser_(std::make_unique<Parser>(kind)) {}
HttpReader::~HttpReader() = default;
HttpReader::HttpReader(HttpReader&&) noexcept = default;
HttpReader& HttpReader::operator=(HttpReader&&) noexcept = default;

bool HttpReader::done() const {
  return parser_->with([](auto& p) { return p.is_done(); });
}

bool HttpReader::started() const {
  return !pending_.empty() || parser_->with([](auto& p) { return p.got_some(); });
}

Status HttpReader::feed(std::string_view bytes) {
  pending_ += bytes;
  return parse();
}

Status HttpReader::parse() {
  while (!done() && !pending_.empty()) {
    boost::system::error_code error;
    const size_t taken = parser_->with([&](auto& p) {
      return p.put(boost::asio::buffer(pending_.data(), pending_.size()), error);
    });
    pending_.erase(0, taken);
    if (error == http::error::need_more) {
      if (taken == 0) return {};
      continue;
    }
    if (error) return fail(error_of(error));
    if (taken == 0) return {};
  }
  return {};
}

Status HttpReader::feed_end() {
  if (done()) return {};
  if (!parser_->with([](auto& p) { return p.got_some(); }))
    return fail(Errc::kUnavailable, "the connection ended before a message");
  boost::system::error_code error;
  parser_->with([&](auto& p) { p.put_eof(error); });
  if (error) return fail(error_of(error));
  if (!done()) return fail(Errc::kUnavailable, "the connection ended in the middle of a message");
  return {};
}

HttpMessage HttpReader::take() {
  ATOLL_CHECK(done());
  HttpMessage out = parser_->with([](auto& p) { return message_of(p); });
  if (parser_->request) {
    const auto& request = parser_->request->get();
    out.method = std::string(request.method_string().data(), request.method_string().size());
    out.target = std::string(request.target().data(), request.target().size());
  } else {
    out.status = static_cast<int>(parser_->response->get().result_int());
  }
  parser_ = std::make_unique<Parser>(kind_);
  return out;
}

Task<Result<HttpMessage>> read_message(env::Stream& stream, HttpReader& reader) {
  std::vector<uint8_t> space(kReadBytes);
  if (reader.has_leftover()) {
    Status parsed = reader.feed({});
    if (!parsed) co_return fail(std::move(parsed).error());
  }
  while (!reader.done()) {
    const MutableByteSpan into(space);
    Result<size_t> got = co_await stream.read_some(into);
    if (!got) co_return fail(std::move(got).error());
    Status fed;
    if (*got == 0) {
      fed = reader.feed_end();
    } else {
      fed = reader.feed(as_string_view(ByteSpan(space).first(*got)));
    }
    if (!fed) co_return fail(std::move(fed).error());
  }
  co_return reader.take();
}

Result<std::string> request_bytes(const HttpMessage& request) {
  if (!is_plain(request.target) || request.target.find(' ') != std::string::npos)
    return fail(Errc::kInvalidArgument, "not a valid request target");
  return with_headers(fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target), request);
}

Result<std::string> response_bytes(const HttpMessage& response) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  const std::string_view reason_text(reason.data(), reason.size());
  return with_headers(fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_text), response);
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      out.push_back(c);
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return fail(Errc::kInvalidArgument, "broken %-escape");
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

}  // namespace atl::cloud
