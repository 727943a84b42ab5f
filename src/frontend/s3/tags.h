// Tags of objects and buckets: the x-amz-tagging header, the Tagging document, and S3's limits.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "frontend/s3/errors.h"
#include "frontend/s3/xml.h"
#include "namespace/types.h"

namespace atl::s3 {

inline constexpr size_t kObjectTagsMax = 10;
inline constexpr size_t kBucketTagsMax = 50;
inline constexpr size_t kTagKeyCharsMax = 128;  // Unicode characters
inline constexpr size_t kTagValueCharsMax = 256;

// "k1=v1&k2=v2", percent-encoded.
std::expected<ns::Tags, S3Error> parse_tagging_header(std::string_view header);
// <Tagging><TagSet><Tag><Key/><Value/></Tag>...
std::expected<ns::Tags, S3Error> parse_tagging_document(std::string body, size_t tags_max);
std::string tagging_document(const ns::Tags& tags);

}  // namespace atl::s3
