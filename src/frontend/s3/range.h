// The Range header (RFC 9110 14.2) as S3 takes it: one range of bytes, or the header is ignored.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "frontend/s3/errors.h"

namespace atl::s3 {

struct ByteRange {
  uint64_t offset = 0;
  uint64_t length = 0;
  bool operator==(const ByteRange&) const = default;
};

enum class RangeOutcome {
  kWhole,  // no range, one that is malformed, several, or in another unit: the whole object
  kPart,
  kUnsatisfiable,  // 416
};

struct RangeResult {
  RangeOutcome outcome = RangeOutcome::kWhole;
  ByteRange range;  // within the object when kPart
};

// What `header` means for an object of `size` bytes. "bytes=2-5", "bytes=2-", "bytes=-3".
RangeResult evaluate_range(std::string_view header, uint64_t size);

// x-amz-copy-source-range: only "bytes=first-last", both given and inside the source.
std::expected<ByteRange, S3Error> parse_copy_range(std::string_view header, uint64_t source_size);

S3Error invalid_range(std::string_view requested, uint64_t size);  // 416 with its details

}  // namespace atl::s3
