// The values of the view's rows, and how they are encoded. docs/formats/namespace.md.
//
// Every value starts with a version byte. A decoder never trusts its input: the bytes may come from
// a damaged disk, and then the answer is kCorrupt (there is a fuzzer, records_fuzz.cc).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "base/ids.h"
#include "namespace/types.h"

namespace atl::ns {

inline constexpr uint8_t kRecordVersion = 1;

// Where the view stands: it holds every entry up to `lsn`. `chain` is the namespace's own checksum
// over all payloads up to there (entry.h), so a view of another history is told apart.
struct AppliedRecord {
  Uuid cluster;
  PartitionId partition;
  Lsn lsn;
  uint32_t chain = 0;
};

struct Counters {
  uint64_t next_id = 2;  // inodes, data, uploads and stamps share one sequence; never reused
  uint64_t objects = 0;
  uint64_t buckets = 0;
  uint64_t bytes = 0;
  uint64_t inline_bytes = 0;
  uint64_t stripes = 0;
  uint64_t stripe_live_bytes = 0;
  uint64_t stripe_data_bytes = 0;
  uint64_t packed_live_bytes = 0;  // the share of packed stripes in the two above
  uint64_t packed_data_bytes = 0;
  bool operator==(const Counters&) const = default;
};

struct BucketRecord {
  InodeId directory;
  std::string owner;
  Nanos created{};
  Tags tags;
};

// What a list shows of an object, kept beside its name so that a list needs nothing else.
struct ListedAttributes {
  uint64_t size = 0;
  Nanos mtime{};
  std::string etag;
  std::string storage_class;
  ChecksumAlgorithm checksum_algorithm = ChecksumAlgorithm::kNone;
  bool checksum_composite = false;
};

struct FileEntry {
  InodeId inode;
  bool has_attributes = true;  // false: several names link to the inode; look there
  ListedAttributes attributes;
};

// The row under a name: a file (only `file`), or a directory, which may have an object of its own:
// the one whose key is the directory's path with its slash (a "directory marker").
struct EntryRecord {
  InodeId directory;              // 0: a file
  std::optional<FileEntry> file;  // a directory's: its marker
  bool is_directory() const { return directory.value != 0; }
};

enum class InodeType : uint8_t { kFile = 1, kDirectory = 2, kSymlink = 3 };

// A run of a file's bytes with its own extents. A file that came in one PUT has one; one that came
// in parts has one for each part, so that joining the parts moves nothing.
struct Piece {
  InodeId data;
  uint64_t length = 0;
};

struct InodeRecord {
  InodeType type = InodeType::kFile;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t nlink = 1;
  uint64_t size = 0;
  Nanos atime{};
  Nanos mtime{};
  Nanos ctime{};
  Nanos btime{};
  uint64_t generation = 0;
  InodeId parent;
  std::string name;  // in the parent; empty for a marker; the raw key when off-path
  bool off_path = false;
  // Directories.
  bool implicit = false;          // made by a PUT below it: goes with its last child
  uint64_t children = 0;          // rows in it; a marker is no child
  uint64_t off_path_entries = 0;  // buckets: rows in the off-path table
  // Files.
  ObjectMeta meta;
  std::vector<Piece> pieces;
};

struct ExtentRecord {
  // Inline: `bytes`; the stamp tells this content from any other at the same place.
  uint64_t stamp = 0;
  std::string_view bytes;  // points into the decoded value
  // In a stripe.
  stripe::StripeRef stripe;
  uint32_t stripe_offset = 0;
  uint32_t length = 0;    // of either
  bool back_ref = false;  // a k row names this extent
  bool is_inline() const { return stripe.id.value == 0; }
};

struct InlineRecord {
  uint64_t stamp = 0;
  uint32_t length = 0;
  Nanos born{};
};

enum class StripeKind : uint8_t { kDirect = 1, kPacked = 2 };

struct StripeRecord {
  stripe::StripeRef ref;
  StripeKind kind = StripeKind::kDirect;
  uint64_t live_bytes = 0;       // of extents that refer to it; with copies more than its data
  uint32_t payload_bytes = 0;    // its data without the manifest
  uint32_t manifest_length = 0;  // packed: the manifest is what follows the payload
};

struct UploadRecord {
  InodeId id;  // its parts' rows are under this
  Nanos initiated{};
  std::string initiator;
  ObjectMeta meta;
  ChecksumAlgorithm checksum_algorithm = ChecksumAlgorithm::kNone;
  bool checksum_composite = false;
};

struct PartRecord {
  InodeId data;
  uint64_t size = 0;
  Nanos mtime{};
  std::string etag;
  Checksum checksum;
};

enum class ReclaimKind : uint8_t { kData = 1, kUpload = 2, kBucketUploads = 3 };

std::string encode(const AppliedRecord& r);
std::string encode(const Counters& r);
std::string encode(const BucketRecord& r);
std::string encode(const EntryRecord& r);
std::string encode(const InodeRecord& r);
std::string encode(const ExtentRecord& r);
std::string encode(const InlineRecord& r);
std::string encode(const StripeRecord& r);
std::string encode(const UploadRecord& r);
std::string encode(const PartRecord& r);
std::string encode_to_free(const stripe::StripeRef& ref);

Status decode(std::string_view value, AppliedRecord* out);
Status decode(std::string_view value, Counters* out);
Status decode(std::string_view value, BucketRecord* out);
Status decode(std::string_view value, EntryRecord* out);
Status decode(std::string_view value, InodeRecord* out);
Status decode(std::string_view value, ExtentRecord* out);
Status decode(std::string_view value, InlineRecord* out);
Status decode(std::string_view value, StripeRecord* out);
Status decode(std::string_view value, UploadRecord* out);
Status decode(std::string_view value, PartRecord* out);
Result<stripe::StripeRef> decode_to_free(std::string_view value);

// An etag in as few bytes as it takes: an MD5's 16, and "-N" as a number.
void encode_etag(Encoder& e, std::string_view etag);
std::string decode_etag(Decoder& d);

}  // namespace atl::ns
