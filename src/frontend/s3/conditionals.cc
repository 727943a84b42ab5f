#include "frontend/s3/conditionals.h"

#include "frontend/s3/http_date.h"

namespace atl::s3 {
namespace {

constexpr std::string_view kIfMatch = "If-Match";
constexpr std::string_view kIfNoneMatch = "If-None-Match";
constexpr std::string_view kIfModifiedSince = "If-Modified-Since";
constexpr std::string_view kIfUnmodifiedSince = "If-Unmodified-Since";

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

Nanos whole_seconds(Nanos t) {
  return std::chrono::floor<std::chrono::seconds>(t);
}

}  // namespace

std::string unquote_etag(std::string_view text) {
  text = trim(text);
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  return std::string(text);
}

std::string quote_etag(std::string_view etag) {
  std::string out;
  out.reserve(etag.size() + 2);
  out.push_back('"');
  out.append(etag);
  out.push_back('"');
  return out;
}

bool etag_list_matches(std::string_view list, std::string_view etag) {
  if (trim(list) == "*") return true;
  while (!list.empty()) {
    // Entity tags hold no quotes, but may hold commas between them.
    list = trim(list);
    const size_t quote = list.find('"');
    const size_t comma = list.find(',');
    size_t end = comma;
    if (quote != std::string_view::npos && quote < comma) {
      const size_t closing = list.find('"', quote + 1);
      end = closing == std::string_view::npos ? closing : list.find(',', closing);
    }
    if (unquote_etag(list.substr(0, end)) == etag) return true;
    if (end == std::string_view::npos) break;
    list.remove_prefix(end + 1);
  }
  return false;
}

ReadConditions parse_read_conditions(const Headers& headers, std::string_view prefix) {
  ReadConditions out;
  const auto text = [&](std::string_view name) -> std::optional<std::string_view> {
    if (prefix.empty()) return headers.find(name);
    return headers.find(std::string(prefix).append(name));
  };
  if (const auto v = text("if-match")) out.if_match = std::string(*v);
  if (const auto v = text("if-none-match")) out.if_none_match = std::string(*v);
  if (const auto v = text("if-modified-since")) out.if_modified_since = parse_http_date(*v);
  if (const auto v = text("if-unmodified-since")) out.if_unmodified_since = parse_http_date(*v);
  return out;
}

std::string_view failing_condition(const ReadConditions& c, std::string_view etag, Nanos mtime) {
  const Nanos modified = whole_seconds(mtime);
  if (c.if_match) {
    if (!etag_list_matches(*c.if_match, etag)) return kIfMatch;
  } else if (c.if_unmodified_since && modified > *c.if_unmodified_since) {
    return kIfUnmodifiedSince;
  }
  if (c.if_none_match) {
    if (etag_list_matches(*c.if_none_match, etag)) return kIfNoneMatch;
  } else if (c.if_modified_since && modified <= *c.if_modified_since) {
    return kIfModifiedSince;
  }
  return {};
}

Precondition evaluate(const ReadConditions& c, std::string_view etag, Nanos mtime) {
  const std::string_view failing = failing_condition(c, etag, mtime);
  if (failing.empty()) return Precondition::kHolds;
  const bool not_modified = failing == kIfNoneMatch || failing == kIfModifiedSince;
  return not_modified ? Precondition::kNotModified : Precondition::kFailed;
}

S3Error precondition_failed(std::string_view condition) {
  S3Error error(err::kPreconditionFailed);
  error.details = {{"Condition", std::string(condition)}};
  return error;
}

bool if_range_holds(const Headers& headers, std::string_view etag, Nanos mtime) {
  const auto value = headers.find("if-range");
  if (!value) return true;
  if (const auto date = parse_http_date(*value)) return whole_seconds(mtime) == *date;
  if (value->starts_with("W/")) return false;  // a strong comparison
  return unquote_etag(*value) == etag;
}

std::expected<ns::Conditions, S3Error> parse_write_conditions(const Headers& headers) {
  ns::Conditions out;
  if (const auto value = headers.find("if-match")) {
    if (value->find(',') != std::string_view::npos || value->empty())
      return std::unexpected(S3Error(err::kInvalidArgument, "If-Match takes one entity tag"));
    out.if_match = unquote_etag(*value);
  }
  if (const auto value = headers.find("if-none-match")) {
    if (trim(*value) != "*")
      return std::unexpected(S3Error(
          err::kNotImplemented, "If-None-Match with a value other than * is not implemented here"));
    out.if_none_match = "*";
  }
  for (const std::string_view name : {"if-unmodified-since", "if-modified-since"})
    if (headers.has(name))
      return std::unexpected(
          S3Error(err::kNotImplemented, std::string(name) + " is not implemented for changes"));
  return out;
}

}  // namespace atl::s3
