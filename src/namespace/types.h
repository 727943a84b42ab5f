// What the namespace stores about a file or object, as its callers see it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/units.h"
#include "stripe/stripe.h"

namespace atl::ns {

inline constexpr size_t kMaxKeyBytes = 1024;  // S3's limit for keys
inline constexpr size_t kMaxNameBytes = 255;  // POSIX NAME_MAX: longer segments live off-path
inline constexpr size_t kInlineBytesMax = 64u
                                          << 10;  // data up to here travels in the journal entry
inline constexpr uint64_t kMaxObjectBytes = 5ull << 40;  // S3: 5 TiB
inline constexpr uint32_t kMaxParts = 10'000;
inline constexpr size_t kMaxUserMetadataBytes = 2048;  // S3: names and values together
inline constexpr size_t kMaxBuckets = 1000;

// Where a run of a file's bytes is: in place (bytes), or in a stripe.
struct Extent {
  uint64_t offset = 0;  // in the file
  uint32_t length = 0;
  Buf bytes;  // inline when stripe.id is 0
  stripe::StripeRef stripe;
  uint32_t stripe_offset = 0;
  bool is_inline() const { return stripe.id.value == 0; }
};

// A body that was stored: extents in order, without holes, from 0 to size.
struct FileData {
  uint64_t size = 0;
  std::vector<Extent> extents;
};

enum class ChecksumAlgorithm : uint8_t { kNone = 0, kCrc32, kCrc32c, kCrc64Nvme, kSha1, kSha256 };

struct Checksum {
  ChecksumAlgorithm algorithm = ChecksumAlgorithm::kNone;
  bool composite = false;  // over the parts' checksums, with "-N"; else over the whole object
  std::string value;       // raw bytes, big-endian as S3 sends them before base64
  bool operator==(const Checksum&) const = default;
};

using Tags = std::vector<std::pair<std::string, std::string>>;

struct ObjectPart {
  uint32_t number = 0;
  uint64_t size = 0;
  Checksum checksum;
};

// Kept among an object's headers when a multipart upload made it: that upload's id. Never sent.
inline constexpr std::string_view kUploadIdHeader = "atoll-upload-id";

// All that S3 knows of an object besides its bytes. Content headers use their HTTP names in lower
// case ("content-type", "cache-control", ...) in `headers`; user metadata has no x-amz-meta-
// prefix.
struct ObjectMeta {
  std::string etag;  // without quotes: 32 hex digits (an MD5) or an opaque form with a '-'
  std::map<std::string, std::string> headers;
  std::map<std::string, std::string> user_metadata;
  Tags tags;
  std::string storage_class;  // empty: STANDARD
  Checksum checksum;
  std::vector<ObjectPart> parts;  // of a multipart upload, in order; empty otherwise
};

// Keeps the stripes of what was looked up from being freed while it lives (bounded: kReadPinMax).
class ReadPin;

struct ObjectInfo {
  InodeId inode;
  uint64_t size = 0;
  Nanos mtime{};  // wall clock
  ObjectMeta meta;
  std::vector<Extent> extents;   // when asked for
  std::shared_ptr<ReadPin> pin;  // with extents
};

struct BucketInfo {
  std::string name;
  std::string owner;  // access key that created it
  Nanos created{};
  Tags tags;
};

// Preconditions of a change, checked atomically with it. Etags without quotes; "*" matches any.
struct Conditions {
  std::optional<std::string> if_match;       // the object must exist with this etag
  std::optional<std::string> if_none_match;  // "*": must not exist; an etag: must not have it
};

struct PutResult {
  InodeId inode;
  Nanos mtime{};
};

struct ListRequest {
  std::string prefix;
  std::string delimiter;      // empty: none; any string, as S3 allows ("/" is the fast one)
  std::string after;          // only keys (and common prefixes) that sort after this, bytewise
  size_t max_entries = 1000;  // keys and common prefixes together
};

struct ListEntry {
  std::string key;  // or the common prefix
  bool is_prefix = false;
  uint64_t size = 0;
  Nanos mtime{};
  std::string etag;
  std::string storage_class;
  ChecksumAlgorithm checksum_algorithm = ChecksumAlgorithm::kNone;
  bool checksum_composite = false;
};

struct ListResult {
  std::vector<ListEntry> entries;  // in S3's byte order
  bool truncated = false;          // more would follow the last entry
};

struct UploadInfo {
  std::string upload_id;
  std::string bucket;
  std::string key;
  Nanos initiated{};
  std::string initiator;
  ObjectMeta meta;  // what CreateMultipartUpload said; etag empty
  ChecksumAlgorithm checksum_algorithm = ChecksumAlgorithm::kNone;
  bool checksum_composite = false;
};

struct PartInfo {
  uint32_t number = 0;
  uint64_t size = 0;
  Nanos mtime{};
  std::string etag;
  Checksum checksum;
};

struct CompletedPart {
  uint32_t number = 0;
  std::string etag;
};

struct Stats {
  uint64_t objects = 0;
  uint64_t buckets = 0;
  uint64_t bytes = 0;         // of objects, as users see them
  uint64_t inline_bytes = 0;  // not yet packed into stripes
  uint64_t stripes = 0;
  uint64_t stripe_live_bytes = 0;
  uint64_t stripe_data_bytes = 0;  // live and dead
};

}  // namespace atl::ns
