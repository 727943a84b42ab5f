#include "frontend/s3/metadata.h"

#include <algorithm>
#include <array>

#include "frontend/s3/tags.h"
#include "frontend/s3/text.h"

namespace atl::s3 {
namespace {

constexpr std::string_view kMetaPrefix = "x-amz-meta-";
constexpr size_t kMetaPrefixLength = kMetaPrefix.size();

// As S3 sends them, and as they are stored.
struct ContentHeader {
  std::string_view name;      // stored, lower case
  std::string_view wire;      // sent
  std::string_view override;  // the query parameter that replaces it in one answer
};
constexpr std::array<ContentHeader, 6> kContentHeaders = {{
    {"cache-control", "Cache-Control", "response-cache-control"},
    {"content-disposition", "Content-Disposition", "response-content-disposition"},
    {"content-encoding", "Content-Encoding", "response-content-encoding"},
    {"content-language", "Content-Language", "response-content-language"},
    {"content-type", "Content-Type", "response-content-type"},
    {"expires", "Expires", "response-expires"},
}};

// The classes of S3 that make no promise which would be broken here: data is always at hand.
constexpr std::array<std::string_view, 8> kStorageClasses = {
    "STANDARD", "REDUCED_REDUNDANCY",  "STANDARD_IA", "ONEZONE_IA",
    "GLACIER",  "INTELLIGENT_TIERING", "GLACIER_IR",  "DEEP_ARCHIVE",
};

// "aws-chunked" describes the transfer, not the object: "aws-chunked,gzip" is stored as "gzip".
std::string without_aws_chunked(std::string_view value) {
  std::string out;
  while (!value.empty()) {
    const size_t comma = value.find(',');
    std::string_view coding = value.substr(0, comma);
    value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
    while (coding.starts_with(' ')) coding.remove_prefix(1);
    while (coding.ends_with(' ')) coding.remove_suffix(1);
    if (coding.empty() || equals_ignore_case(coding, "aws-chunked")) continue;
    if (!out.empty()) out += ", ";
    out += coding;
  }
  return out;
}

bool has_meta_prefix(std::string_view name) {
  return name.size() > kMetaPrefixLength &&
         equals_ignore_case(name.substr(0, kMetaPrefixLength), kMetaPrefix);
}

}  // namespace

std::expected<ns::ObjectMeta, S3Error> parse_headers_and_metadata(const Headers& headers) {
  ns::ObjectMeta meta;
  size_t user_bytes = 0;
  for (const Headers::Field& field : headers) {
    if (has_meta_prefix(field.name)) {
      std::string name = to_lower_ascii(field.name.substr(kMetaPrefixLength));
      user_bytes += field.value.size();
      const auto [entry, is_new] = meta.user_metadata.try_emplace(std::move(name), field.value);
      if (is_new)
        user_bytes += entry->first.size();
      else  // repeated: one value, as RFC 9110 5.3 joins them
        entry->second.append(",").append(field.value);
      continue;
    }
    for (const ContentHeader& known : kContentHeaders) {
      if (!equals_ignore_case(field.name, known.name) || field.value.empty()) continue;
      std::string value = known.name == "content-encoding" ? without_aws_chunked(field.value)
                                                           : std::string(field.value);
      if (!value.empty()) meta.headers.insert_or_assign(std::string(known.name), std::move(value));
    }
  }
  if (user_bytes > ns::kMaxUserMetadataBytes) {
    S3Error error(err::kMetadataTooLarge);
    error.details = {{"Size", std::to_string(user_bytes)},
                     {"MaxSizeAllowed", std::to_string(ns::kMaxUserMetadataBytes)}};
    return std::unexpected(std::move(error));
  }
  return meta;
}

std::expected<std::string, S3Error> parse_storage_class(const Headers& headers) {
  const auto value = headers.find("x-amz-storage-class");
  if (!value || *value == kStandardClass) return std::string();
  if (std::find(kStorageClasses.begin(), kStorageClasses.end(), *value) == kStorageClasses.end())
    return std::unexpected(S3Error(err::kInvalidStorageClass));
  return std::string(*value);
}

std::string_view storage_class_name(const std::string& stored) {
  return stored.empty() ? kStandardClass : std::string_view(stored);
}

std::expected<ns::ObjectMeta, S3Error> parse_object_meta(const Headers& headers) {
  auto meta = parse_headers_and_metadata(headers);
  if (!meta) return meta;
  auto storage_class = parse_storage_class(headers);
  if (!storage_class) return std::unexpected(std::move(storage_class).error());
  meta->storage_class = std::move(*storage_class);
  if (const auto tagging = headers.find("x-amz-tagging")) {
    auto tags = parse_tagging_header(*tagging);
    if (!tags) return std::unexpected(std::move(tags).error());
    meta->tags = std::move(*tags);
  }
  return meta;
}

void add_meta_headers(Response* response, const ns::ObjectMeta& meta) {
  bool has_type = false;
  for (const auto& [name, value] : meta.headers) {
    for (const ContentHeader& known : kContentHeaders)
      if (name == known.name) response->set(std::string(known.wire), value);
    has_type = has_type || name == "content-type";
  }
  if (!has_type) response->set("Content-Type", std::string(kDefaultContentType));
  for (const auto& [name, value] : meta.user_metadata)
    response->set(std::string(kMetaPrefix) + name, value);
  if (!meta.storage_class.empty()) response->set("x-amz-storage-class", meta.storage_class);
  if (!meta.tags.empty()) response->set("x-amz-tagging-count", std::to_string(meta.tags.size()));
}

std::expected<void, S3Error> apply_response_overrides(const Query& query, Response* response) {
  if (query.empty()) return {};
  for (const ContentHeader& known : kContentHeaders) {
    const auto value = query.find(known.override);
    if (!value) continue;
    // The value was percent-decoded: a line end in it would start another header.
    if (!is_header_safe(*value))
      return std::unexpected(
          S3Error(err::kInvalidArgument,
                  fmt::format("The value of {} cannot be sent in a header", known.override)));
    const auto same_name = [&](const auto& header) { return header.first == known.wire; };
    const auto at = std::find_if(response->headers.begin(), response->headers.end(), same_name);
    if (at != response->headers.end())
      at->second = std::string(*value);
    else
      response->set(std::string(known.wire), std::string(*value));
  }
  return {};
}

}  // namespace atl::s3
