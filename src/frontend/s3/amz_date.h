// Signature V4's dates: "20130524T000000Z", always UTC. (HTTP's dates are in text.h.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atl::s3 {

using UnixSeconds = int64_t;  // since 1970-01-01T00:00:00Z

std::string format_amz_date(UnixSeconds time);
std::optional<UnixSeconds> parse_amz_date(
    std::string_view text);  // nullopt unless exactly that form

}  // namespace atl::s3
