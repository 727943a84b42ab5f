// The rules for names of buckets (Amazon S3 User Guide, "General purpose bucket naming rules").
#pragma once

#include <string_view>

namespace atl::s3 {

// 3 to 63 of a-z 0-9 . -, a letter or digit at both ends, no "..", no IPv4 address, none of the
// prefixes and suffixes that S3 keeps for itself.
bool is_valid_bucket_name(std::string_view name);

}  // namespace atl::s3
