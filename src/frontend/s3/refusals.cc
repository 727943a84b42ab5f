#include "frontend/s3/refusals.h"

#include <algorithm>
#include <iterator>

#include "frontend/s3/checksum.h"
#include "frontend/s3/routes.h"

namespace atl::s3 {
namespace {

constexpr std::string_view kPrefix = "x-amz-";

bool is_amz(std::string_view name) {
  return name.size() > kPrefix.size() &&
         equals_ignore_case(name.substr(0, kPrefix.size()), kPrefix);
}

// Names below are without "x-amz-" and in lower case.
constexpr std::string_view kRefusedPrefixes[] = {
    "server-side-encryption",
    "copy-source-server-side-encryption",
    "grant-",
    "object-lock-",
    "if-match-",
    "rename-source",
    "mfa",
    "write-offset-bytes",
    "website-redirect-location",
};

// Refused unless they say what is the case here anyway.
struct OnlyValue {
  std::string_view name;
  std::string_view value;
};
constexpr OnlyValue kOnlyValues[] = {
    {"acl", "private"},
    {"bucket-object-lock-enabled", "false"},
    {"bypass-governance-retention", "false"},
    {"object-ownership", "BucketOwnerEnforced"},
};

constexpr std::string_view kKnown[] = {
    "date",
    "content-sha256",
    "security-token",
    "decoded-content-length",
    "trailer",
    "user-agent",
    "sdk-checksum-algorithm",
    "storage-class",
    "tagging",
    "tagging-directive",
    "metadata-directive",
    "copy-source",
    "copy-source-range",
    "copy-source-if-match",
    "copy-source-if-none-match",
    "copy-source-if-modified-since",
    "copy-source-if-unmodified-since",
    "expected-bucket-owner",
    "source-expected-bucket-owner",
    "request-payer",
    "mp-object-size",
    "object-attributes",
    "optional-object-attributes",
    "max-parts",
    "part-number-marker",
    "te",
};
// Checksums that S3 knows and that are not computed here.
constexpr std::string_view kOtherChecksums[] = {"md5", "sha512", "xxhash3", "xxhash64",
                                                "xxhash128"};
constexpr std::string_view kMetaPrefix = "meta-";
constexpr std::string_view kChecksumPrefix = "checksum-";

S3Error not_implemented(std::string_view what) {
  return {err::kNotImplemented, fmt::format("{} is not implemented", what)};
}

bool is_other_checksum(std::string_view name) {
  return std::ranges::any_of(
      kOtherChecksums, [&](std::string_view other) { return equals_ignore_case(name, other); });
}

// A checksum that nobody would check is no checksum.
S3Status check_checksum_header(std::string_view name, std::string_view value) {
  name.remove_prefix(kChecksumPrefix.size());
  if (name == "mode") return {};
  if (name == "type") {
    if (value == "COMPOSITE" || value == "FULL_OBJECT") return {};
    return refuse(err::kInvalidRequest, "Value for x-amz-checksum-type header is invalid.");
  }
  if (name == "algorithm") {
    if (parse_checksum_algorithm(value)) return {};
    if (is_other_checksum(value))
      return refuse(not_implemented(fmt::format("The checksum algorithm {}", value)));
    return refuse(
        err::kInvalidRequest,
        "Checksum algorithm provided is unsupported. Please try again with any of the valid "
        "types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
  }
  if (parse_checksum_algorithm(name)) return {};
  if (is_other_checksum(name))
    return refuse(not_implemented(fmt::format("The header x-amz-checksum-{}", name)));
  return refuse(err::kInvalidRequest,
                "The algorithm type you specified in x-amz-checksum- header is invalid.");
}

S3Status check_amz_header(const Headers::Field& field, bool changes) {
  const std::string name = to_lower_ascii(field.name.substr(kPrefix.size()));
  for (const std::string_view refused : kRefusedPrefixes)
    if (name.starts_with(refused))
      return refuse(not_implemented("The header " + to_lower_ascii(field.name)));
  for (const OnlyValue& only : kOnlyValues) {
    if (name != only.name) continue;
    if (equals_ignore_case(field.value, only.value)) return {};
    return refuse(not_implemented(
        fmt::format("The header x-amz-{} with a value other than {}", only.name, only.value)));
  }
  if (!changes) return {};
  if (name.starts_with(kMetaPrefix) && name.size() > kMetaPrefix.size()) return {};
  if (name.starts_with(kChecksumPrefix)) return check_checksum_header(name, field.value);
  if (std::find(std::begin(kKnown), std::end(kKnown), name) != std::end(kKnown)) return {};
  return refuse(not_implemented("The header x-amz-" + name));
}

}  // namespace

S3Status refuse_what_is_not_offered(const Request& request) {
  const bool changes = changes_something(request);
  for (const Headers::Field& field : request.headers) {
    if (is_amz(field.name)) {
      if (auto ok = check_amz_header(field, changes); !ok) return ok;
    } else if (changes && equals_ignore_case(field.name, "content-range")) {
      return refuse(not_implemented("The header Content-Range in a change"));
    }
  }
  if (const auto version = request.query.find("versionId"); version && *version != "null")
    return refuse(not_implemented("versionId other than null"));
  return {};
}

}  // namespace atl::s3
