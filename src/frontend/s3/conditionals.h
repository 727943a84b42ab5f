// Preconditions: If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, and their
// x-amz-copy-source- forms.
//
// Precedence is that of RFC 9110 13.2.2, which is what the S3 API Reference states for GetObject:
//   1. If-Match, when given, decides; If-Unmodified-Since is then ignored
//   2. If-None-Match, when given, decides; If-Modified-Since is then ignored
// Dates have the precision of seconds; a date that cannot be parsed counts as not given.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "frontend/s3/errors.h"
#include "frontend/s3/http.h"
#include "namespace/types.h"

namespace atl::s3 {

enum class Precondition { kHolds, kNotModified, kFailed };

struct ReadConditions {
  std::optional<std::string> if_match;
  std::optional<std::string> if_none_match;
  std::optional<Nanos> if_modified_since;
  std::optional<Nanos> if_unmodified_since;
  bool any() const { return if_match || if_none_match || if_modified_since || if_unmodified_since; }
};

// `prefix` is "" for GET and HEAD, "x-amz-copy-source-" for copies.
ReadConditions parse_read_conditions(const Headers& headers, std::string_view prefix);
Precondition evaluate(const ReadConditions& conditions, std::string_view etag, Nanos mtime);
// The name of the condition that does not hold: "If-Match"; "" when all do.
std::string_view failing_condition(const ReadConditions& conditions, std::string_view etag,
                                   Nanos mtime);
// The condition that failed, for the error's Condition element.
S3Error precondition_failed(std::string_view condition);

// If-Range: true when the Range header counts.
bool if_range_holds(const Headers& headers, std::string_view etag, Nanos mtime);

// True when `list` ("*", or entity tags separated by commas, quoted or bare, weak ones by their
// value) names the etag.
bool etag_list_matches(std::string_view list, std::string_view etag);
// One etag without its quotes; what has none is taken as it is, as S3 does.
std::string unquote_etag(std::string_view text);
std::string quote_etag(std::string_view etag);

// Of PUT and DELETE. S3 knows If-None-Match only with "*" there; what it does not know is
// NotImplemented.
std::expected<ns::Conditions, S3Error> parse_write_conditions(const Headers& headers);

}  // namespace atl::s3
