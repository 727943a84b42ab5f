// A packed stripe: many small files' bytes back to back, and after them a manifest that says whose.
//
//   payload    extent after extent, no padding
//   manifest   u32 magic "APAK", u8 version, varint count,
//              each: varint data id, varint offset in it, varint length, varint place in the
//              payload u32 crc32c of the manifest before
//
// The manifest finds the live extents again when the stripe has become sparse (repack.cc); the
// stripe table says how long payload and manifest are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace atl::ns {

// The most extents in one stripe: a manifest of at most a few hundred KiB.
inline constexpr size_t kPackedExtentsMax = 16384;
// The most bytes that one extent takes in a manifest, and a manifest by itself.
inline constexpr size_t kPackedEntryMax = 26;  // 9 + 9 + 4 + 4
inline constexpr size_t kPackedManifestMin = 24;

struct PackedExtent {
  InodeId data;
  uint64_t offset = 0;
  uint32_t length = 0;
  uint32_t place = 0;  // in the stripe
};

// Fills a stripe. The first `capacity` bytes hold payload and manifest together.
class Packer {
 public:
  explicit Packer(size_t capacity);
  bool fits(size_t length) const;
  // The place where the bytes went. They must fit.
  uint32_t add(InodeId data, uint64_t offset, std::string_view bytes);
  // Another owner of bytes that are in already.
  void add_owner(InodeId data, uint64_t offset, uint32_t length, uint32_t place);

  size_t payload_bytes() const { return payload_; }
  const std::vector<PackedExtent>& extents() const { return extents_; }
  // The stripe's data; `manifest_length` of it at the end are the manifest.
  Buf finish(uint32_t* manifest_length);

 private:
  Buf buf_;
  size_t capacity_;
  size_t payload_ = 0;
  std::vector<PackedExtent> extents_;
};

Result<std::vector<PackedExtent>> decode_pack_manifest(std::string_view manifest,
                                                       uint32_t payload_bytes);

}  // namespace atl::ns
