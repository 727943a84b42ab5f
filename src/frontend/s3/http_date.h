// Dates as HTTP writes and reads them (RFC 9110 5.6.7): UTC, without locale and time zones.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"

namespace atl::s3 {

std::string http_date(Nanos since_epoch);  // "Sun, 06 Nov 1994 08:49:37 GMT", whole seconds
// All three forms of RFC 9110; nullopt for others, and for what is no date.
// Years outside 1700..2250 are taken for the nearest of these: 64-bit nanoseconds end there.
std::optional<Nanos> parse_http_date(std::string_view text);
std::string iso8601_date(Nanos since_epoch);  // "1994-11-06T08:49:37.000Z", as in S3's XML

}  // namespace atl::s3
