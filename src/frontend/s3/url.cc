#include "frontend/s3/url.h"

#include <array>

#include "base/check.h"

namespace atl::s3 {
namespace {

constexpr std::array<int8_t, 256> make_hex_values() {
  std::array<int8_t, 256> values{};
  for (auto& v : values) v = -1;
  for (int i = 0; i < 10; ++i) values['0' + i] = static_cast<int8_t>(i);
  for (int i = 0; i < 6; ++i) {
    values['a' + i] = static_cast<int8_t>(10 + i);
    values['A' + i] = static_cast<int8_t>(10 + i);
  }
  return values;
}
constexpr auto kHexValues = make_hex_values();

constexpr std::array<bool, 256> make_unreserved() {
  std::array<bool, 256> set{};
  for (int c = '0'; c <= '9'; ++c) set[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) set[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) set[c] = true;
  for (char c : {'-', '.', '_', '~'}) set[static_cast<uint8_t>(c)] = true;
  return set;
}
constexpr auto kUnreserved = make_unreserved();

bool valid_port(std::string_view port) {
  if (port.empty() || port.size() > 5) return false;
  unsigned value = 0;
  for (char c : port) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= 65535;
}

// The length of `domain` when `host` is a sub-domain of it, else 0.
size_t match_subdomain(std::string_view host, std::string_view domain) {
  if (domain.empty() || host.size() < domain.size() + 2 || !host.ends_with(domain)) return 0;
  return host[host.size() - domain.size() - 1] == '.' ? domain.size() : 0;
}

// The domain's length that makes `host` a virtual host, 0 when it is none.
size_t longest_domain(std::string_view host, const std::vector<std::string>& domains) {
  size_t longest = 0;
  auto consider = [&](std::string_view domain) {
    if (host == domain) longest = host.size();  // the service itself: nothing is longer
    longest = std::max(longest, match_subdomain(host, domain));
  };
  for (const std::string& domain : domains) consider(domain);
  consider("localhost");
  consider("s3.localhost");
  return longest;
}

}  // namespace

bool append_percent_decoded(std::string_view encoded, bool plus_is_blank, std::string* out) {
  out->reserve(out->size() + encoded.size());
  for (size_t i = 0; i < encoded.size(); ++i) {
    const char c = encoded[i];
    if (c == '%') {
      if (encoded.size() - i < 3) return false;
      const int high = kHexValues[static_cast<uint8_t>(encoded[i + 1])];
      const int low = kHexValues[static_cast<uint8_t>(encoded[i + 2])];
      if (high < 0 || low < 0) return false;
      out->push_back(static_cast<char>(high << 4 | low));
      i += 2;
    } else {
      out->push_back(c == '+' && plus_is_blank ? ' ' : c);
    }
  }
  return true;
}

void append_percent_encoded(std::string_view bytes, bool keep_slash, std::string* out) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  out->reserve(out->size() + bytes.size());
  for (const char c : bytes) {
    const auto u = static_cast<uint8_t>(c);
    if (kUnreserved[u] || (c == '/' && keep_slash)) {
      out->push_back(c);
    } else {
      out->push_back('%');
      out->push_back(kDigits[u >> 4]);
      out->push_back(kDigits[u & 15]);
    }
  }
}

std::optional<S3Error> parse_query(std::string_view raw, Query* out) {
  while (!raw.empty()) {
    const size_t end = std::min(raw.find('&'), raw.size());
    const std::string_view part = raw.substr(0, end);
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (part.empty()) continue;  // "a&&b": S3 and every form decoder skip these
    if (out->size() == kQueryParamsMax)
      return S3Error(err::kInvalidURI, "The query has too many parameters.");
    const size_t equals = std::min(part.find('='), part.size());
    Query::Param param;
    param.raw_key = part.substr(0, equals);
    param.raw_value = part.substr(std::min(equals + 1, part.size()));
    if (!append_percent_decoded(param.raw_key, true, &param.key) ||
        !append_percent_decoded(param.raw_value, true, &param.value))
      return S3Error(err::kInvalidURI, "The query holds an incomplete percent-encoding.");
    out->add_parsed(std::move(param));
  }
  return std::nullopt;
}

std::optional<S3Error> parse_target(Request* request) {
  std::string_view target = request->target;
  if (target.empty() || target.front() != '/') return S3Error(err::kInvalidURI);
  if (target.find('#') != std::string_view::npos)
    return S3Error(err::kInvalidURI, "A request target cannot have a fragment.");
  const size_t question = std::min(target.find('?'), target.size());
  request->raw_path = target.substr(0, question);
  if (!append_percent_decoded(request->raw_path, false, &request->path))
    return S3Error(err::kInvalidURI, "The path holds an incomplete percent-encoding.");
  if (request->path.find('\0') != std::string::npos)
    return S3Error(err::kInvalidURI, "The path holds a NUL character.");
  return parse_query(target.substr(std::min(question + 1, target.size())), &request->query);
}

std::optional<std::string> parse_host(std::string_view value) {
  std::string_view host = value;
  if (host.starts_with('[')) {
    const size_t close = host.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    for (char c : host.substr(1, close - 1))
      if (kHexValues[static_cast<uint8_t>(c)] < 0 && c != ':' && c != '.') return std::nullopt;
    const std::string_view rest = host.substr(close + 1);
    if (!rest.empty() && !(rest.front() == ':' && valid_port(rest.substr(1)))) return std::nullopt;
    return to_lower_ascii(host.substr(0, close + 1));
  }
  if (const size_t colon = host.find(':'); colon != std::string_view::npos) {
    if (!valid_port(host.substr(colon + 1))) return std::nullopt;
    host = host.substr(0, colon);
  }
  if (host.empty() || host.size() > 253) return std::nullopt;
  for (char c : host)  // RFC 3986's reg-name as far as DNS uses it, and '_' as people do
    if (!kUnreserved[static_cast<uint8_t>(c)] || c == '~') return std::nullopt;
  return to_lower_ascii(host);
}

std::optional<S3Error> resolve_bucket_and_key(const std::vector<std::string>& domains,
                                              Request* request) {
  std::string_view path = request->path;
  ATOLL_CHECK(path.starts_with('/'));
  path.remove_prefix(1);

  if (auto header = request->headers.find("host")) {
    const auto host = parse_host(*header);
    if (!host) return S3Error(err::kInvalidRequest, "The Host header is not valid.");
    const size_t domain = longest_domain(*host, domains);
    if (domain != 0 && domain < host->size()) {
      request->virtual_host = true;
      request->bucket = host->substr(0, host->size() - domain - 1);
      request->key = path;
      return std::nullopt;
    }
  }
  const size_t slash = std::min(path.find('/'), path.size());
  request->bucket = path.substr(0, slash);
  request->key = path.substr(std::min(slash + 1, path.size()));
  if (request->bucket.empty() && slash < path.size())
    return S3Error(err::kInvalidURI, "The path has an empty bucket name.");
  return std::nullopt;
}

}  // namespace atl::s3
