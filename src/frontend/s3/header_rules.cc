#include "frontend/s3/header_rules.h"

#include <algorithm>
#include <array>
#include <span>

#include "frontend/s3/http_parser.h"

namespace atl::s3 {
namespace {

bool has_prefix(std::string_view name, std::string_view prefix) {
  return name.size() > prefix.size() && equals_ignore_case(name.substr(0, prefix.size()), prefix);
}

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::any_of(
      names, [&](std::string_view other) { return equals_ignore_case(name, other); });
}

// --- How often ---

constexpr std::string_view kLists[] = {
    "cache-control",
    "content-encoding",
    "content-language",
    "if-match",
    "if-none-match",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-none-match",
    "x-amz-object-attributes",
    "x-amz-optional-object-attributes",
};

// Besides all others of S3's own.
constexpr std::string_view kSingles[] = {
    "content-disposition",
    "content-md5",
    "content-range",
    "content-type",
    "expect",
    "expires",
    "if-modified-since",
    "if-range",
    "if-unmodified-since",
    "range",
};

bool is_repeated(const Headers& headers, size_t at) {
  const auto& fields = headers.fields();
  for (size_t i = 0; i < at; ++i)
    if (equals_ignore_case(fields[i].name, fields[at].name)) return true;
  return false;
}

// --- By which operation ---

struct Placed {
  std::string_view name;  // ends with '-': a prefix
  std::array<std::string_view, 4> operations;
};

constexpr Placed kPlaced[] = {
    {"x-amz-copy-source", {"CopyObject", "UploadPartCopy"}},
    {"x-amz-copy-source-range", {"UploadPartCopy"}},
    {"x-amz-copy-source-if-", {"CopyObject", "UploadPartCopy"}},
    {"x-amz-source-expected-bucket-owner", {"CopyObject", "UploadPartCopy"}},
    // Clients that copy in parts give them to the upload, too, where they mean nothing.
    {"x-amz-metadata-directive", {"CopyObject", "UploadPartCopy", "CreateMultipartUpload"}},
    {"x-amz-tagging-directive", {"CopyObject", "UploadPartCopy", "CreateMultipartUpload"}},
    {"x-amz-tagging", {"PutObject", "CopyObject", "CreateMultipartUpload"}},
    {"x-amz-storage-class", {"PutObject", "CopyObject", "CreateMultipartUpload"}},
    {"x-amz-meta-", {"PutObject", "CopyObject", "CreateMultipartUpload"}},
    {"x-amz-mp-object-size", {"CompleteMultipartUpload"}},
};

// Those that look at conditions; they refuse themselves what they do not honour.
constexpr Placed kConditions[] = {
    {"if-match", {"PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject"}},
    {"if-none-match", {"PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject"}},
    {"if-modified-since", {"PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject"}},
    {"if-unmodified-since", {"PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject"}},
};

bool is_misplaced(std::string_view name, const Route& route, std::span<const Placed> rules) {
  for (const Placed& rule : rules) {
    const bool named = rule.name.ends_with('-') ? has_prefix(name, rule.name)
                                                : equals_ignore_case(name, rule.name);
    if (named) return std::ranges::find(rule.operations, route.name) == rule.operations.end();
  }
  return false;
}

// Of one PUT there is only a checksum of it all; COMPOSITE is of uploads in parts.
bool is_misplaced_checksum_type(const Headers::Field& field, const Route& route) {
  return equals_ignore_case(field.name, "x-amz-checksum-type") && field.value != "FULL_OBJECT" &&
         route.name != "CreateMultipartUpload" && route.name != "CompleteMultipartUpload";
}

}  // namespace

S3Status settle_repeated_headers(Headers* headers) {
  for (size_t at = 1; at < headers->size(); ++at) {
    if (!is_repeated(*headers, at)) continue;
    const std::string_view name = headers->fields()[at].name;
    if (is_one_of(name, kLists)) {
      headers->join(name);
      at = 0;  // the fields have moved up
      continue;
    }
    const bool of_s3 = has_prefix(name, "x-amz-") && !has_prefix(name, "x-amz-meta-");
    if (of_s3 || is_one_of(name, kSingles))
      return refuse(err::kInvalidArgument,
                    fmt::format("The header {} comes twice.", to_lower_ascii(name)));
  }
  return {};
}

S3Status refuse_misplaced(const Request& request, const Route& route) {
  if (!changes_something(request)) return {};
  for (const Headers::Field& field : request.headers) {
    if (is_misplaced(field.name, route, kConditions))
      return refuse(err::kNotImplemented, fmt::format("The header {} is not implemented for {}",
                                                      to_lower_ascii(field.name), route.name));
    if (is_misplaced(field.name, route, kPlaced) || is_misplaced_checksum_type(field, route))
      return refuse(err::kInvalidArgument, fmt::format("The header {} has no meaning for {}",
                                                       to_lower_ascii(field.name), route.name));
  }
  const bool of_part = route.name == "UploadPart" || route.name == "UploadPartCopy";
  if (request.query.has("partNumber") && !of_part)
    return refuse(
        err::kInvalidArgument,
        fmt::format("partNumber has no meaning for {}: it needs an uploadId", route.name));
  return {};
}

S3Status refuse_unread_framing(const Request& request) {
  if (request.aws_chunked || !changes_something(request)) return {};
  const auto decoded = request.headers.find("x-amz-decoded-content-length");
  if (decoded) {
    const auto length = parse_decimal(*decoded);
    if (length && length == request.content_length) return {};
    return refuse(err::kInvalidArgument,
                  "x-amz-decoded-content-length is not the length of the body, and "
                  "x-amz-content-sha256 does not say that the body is aws-chunked.");
  }
  for (const std::string_view coding : split_list(request.headers.get("content-encoding")))
    if (equals_ignore_case(coding, "aws-chunked"))
      return refuse(err::kInvalidArgument,
                    "Content-Encoding is aws-chunked, but x-amz-content-sha256 does not say so.");
  return {};
}

}  // namespace atl::s3
