// What travels beside an object's bytes: content headers, user metadata, storage class, tags.
//
// Values are kept as they were sent: RFC 2047 words stay encoded and UTF-8 bytes stay bytes, so the
// client that wrote them reads them back. S3's limit of 2 KiB counts names and values together.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "frontend/s3/errors.h"
#include "frontend/s3/http.h"
#include "namespace/types.h"

namespace atl::s3 {

inline constexpr std::string_view kDefaultContentType = "binary/octet-stream";
inline constexpr std::string_view kStandardClass = "STANDARD";

// Content headers and x-amz-meta-*. MetadataTooLarge.
std::expected<ns::ObjectMeta, S3Error> parse_headers_and_metadata(const Headers& headers);
// All of PUT: those, x-amz-storage-class and x-amz-tagging.
std::expected<ns::ObjectMeta, S3Error> parse_object_meta(const Headers& headers);

// "" for STANDARD or no header. InvalidStorageClass.
std::expected<std::string, S3Error> parse_storage_class(const Headers& headers);
std::string_view storage_class_name(const std::string& stored);  // "" is STANDARD

// Content headers, x-amz-meta-*, x-amz-storage-class (unless STANDARD) and x-amz-tagging-count.
void add_meta_headers(Response* response, const ns::ObjectMeta& meta);

// response-content-type and its kin. InvalidArgument where a value cannot be a header.
std::expected<void, S3Error> apply_response_overrides(const Query& query, Response* response);

}  // namespace atl::s3
