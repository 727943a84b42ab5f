#include "frontend/s3/range.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace atl::s3 {
namespace {

// One "first-last", "first-" or "-suffix"; positions past 2^64 count as its end.
struct RangeSpec {
  std::optional<uint64_t> first;
  std::optional<uint64_t> last;
};

bool parse_position(std::string_view digits, std::optional<uint64_t>* out) {
  if (digits.empty()) return true;
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return false;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  *out = error == std::errc::result_out_of_range ? UINT64_MAX : value;
  return true;
}

std::optional<RangeSpec> parse_spec(std::string_view header) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return std::nullopt;
  std::string_view spec = header.substr(kUnit.size());
  while (spec.starts_with(' ')) spec.remove_prefix(1);
  while (spec.ends_with(' ')) spec.remove_suffix(1);
  const size_t dash = spec.find('-');
  if (dash == std::string_view::npos) return std::nullopt;  // a comma would not be digits either
  RangeSpec out;
  if (!parse_position(spec.substr(0, dash), &out.first)) return std::nullopt;
  if (!parse_position(spec.substr(dash + 1), &out.last)) return std::nullopt;
  if (!out.first && !out.last) return std::nullopt;
  if (out.first && out.last && *out.first > *out.last) return std::nullopt;
  return out;
}

}  // namespace

RangeResult evaluate_range(std::string_view header, uint64_t size) {
  const std::optional<RangeSpec> spec = parse_spec(header);
  if (!spec) return {};
  if (!spec->first) {  // the last n bytes
    const uint64_t length = std::min(*spec->last, size);
    if (length == 0) return {RangeOutcome::kUnsatisfiable, {}};
    return {RangeOutcome::kPart, {size - length, length}};
  }
  if (*spec->first >= size) return {RangeOutcome::kUnsatisfiable, {}};
  const uint64_t last = std::min(spec->last.value_or(UINT64_MAX), size - 1);
  return {RangeOutcome::kPart, {*spec->first, last - *spec->first + 1}};
}

std::expected<ByteRange, S3Error> parse_copy_range(std::string_view header, uint64_t source_size) {
  const std::optional<RangeSpec> spec = parse_spec(header);
  if (!spec || !spec->first || !spec->last)
    return std::unexpected(
        S3Error(err::kInvalidArgument,
                "The x-amz-copy-source-range value must be of the form bytes=first-last where "
                "first and last "
                "are the zero-based offsets of the first and last bytes to copy"));
  if (*spec->last >= source_size)
    return std::unexpected(S3Error(
        err::kInvalidArgument,
        fmt::format("Range specified is not valid for source object of size: {}", source_size)));
  return ByteRange{*spec->first, *spec->last - *spec->first + 1};
}

S3Error invalid_range(std::string_view requested, uint64_t size) {
  S3Error error(err::kInvalidRange);
  error.details = {{"RangeRequested", std::string(requested)},
                   {"ActualObjectSize", std::to_string(size)}};
  error.headers = {{"Content-Range", fmt::format("bytes */{}", size)}};
  return error;
}

}  // namespace atl::s3
