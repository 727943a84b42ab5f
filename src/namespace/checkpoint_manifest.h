// What a checkpoint is made of: the view's files, each in place or as a list of stripes.
//
//   u32     magic "ACKP"
//   u8      version
//   lsn     the view holds every entry up to this one
//   u32     chain there (entry.h)
//   u8      1: the body follows | 2: varint length, stripes that hold the body
//   body:   varint files, each: str name, varint size, u32 crc32c, u8 immutable,
//           u8 1: str content | 2: varint pieces, each a stripe
//   u32     crc32c of all before
//
// It is the journal's checkpoint manifest, in the coordinator; a body over kManifestBodyMax, of a
// view of tens of thousands of files, is itself in stripes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "stripe/stripe.h"

namespace atl::ns {

inline constexpr size_t kManifestBodyMax = 96u << 10;
// Files up to this are kept in the manifest: CURRENT, OPTIONS, a short MANIFEST.
inline constexpr size_t kManifestFileMax = 8u << 10;

struct CheckpointFile {
  std::string name;
  uint64_t size = 0;
  uint32_t crc = 0;
  bool immutable = false;
  std::string content;  // when there are no pieces
  std::vector<stripe::StripeRef> pieces;
  bool same_file(const std::string& n, uint64_t s, uint32_t c) const {
    return immutable && name == n && size == s && crc == c;
  }
};

struct CheckpointManifest {
  Lsn lsn;
  uint32_t chain = 0;
  std::vector<CheckpointFile> files;
  uint64_t body_length = 0;                    // 0: the body is in place
  std::vector<stripe::StripeRef> body_pieces;  // where the body is, when not in place

  std::vector<stripe::StripeRef> stripes() const;  // all of them, the body's too
};

std::string encode_checkpoint_body(const CheckpointManifest& manifest);
Status decode_checkpoint_body(std::string_view body, CheckpointManifest* out);
// With the body in place when body_pieces is empty.
std::string encode_checkpoint(const CheckpointManifest& manifest);
// `files` stays empty when the body is elsewhere.
Result<CheckpointManifest> decode_checkpoint(std::string_view bytes);

}  // namespace atl::ns
