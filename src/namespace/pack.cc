#include "namespace/pack.h"

#include <cstring>

#include "base/check.h"
#include "base/codec.h"
#include "base/crc.h"

namespace atl::ns {

namespace {

constexpr uint32_t kMagic = 0x4b415041;  // "APAK"
constexpr uint8_t kVersion = 1;

}  // namespace

Packer::Packer(size_t capacity) : buf_(Buf::allocate(capacity)), capacity_(capacity) {}

bool Packer::fits(size_t length) const {
  return extents_.size() < kPackedExtentsMax &&
         payload_ + length + kPackedManifestMin + (extents_.size() + 1) * kPackedEntryMax <=
             capacity_;
}

uint32_t Packer::add(InodeId data, uint64_t offset, std::string_view bytes) {
  ATOLL_CHECK(fits(bytes.size()) && !bytes.empty());
  const auto place = static_cast<uint32_t>(payload_);
  std::memcpy(buf_.mutable_data() + payload_, bytes.data(), bytes.size());
  payload_ += bytes.size();
  extents_.push_back({data, offset, static_cast<uint32_t>(bytes.size()), place});
  return place;
}

void Packer::add_owner(InodeId data, uint64_t offset, uint32_t length, uint32_t place) {
  ATOLL_CHECK(fits(0) && uint64_t{place} + length <= payload_);
  extents_.push_back({data, offset, length, place});
}

Buf Packer::finish(uint32_t* manifest_length) {
  Encoder e;
  e.u32(kMagic).u8(kVersion).varint(extents_.size());
  for (const PackedExtent& x : extents_)
    e.id(x.data).varint(x.offset).varint(x.length).varint(x.place);
  e.u32(crc32c(as_bytes(e.view())));
  ATOLL_CHECK(payload_ + e.size() <= capacity_);
  std::memcpy(buf_.mutable_data() + payload_, e.view().data(), e.size());
  *manifest_length = static_cast<uint32_t>(e.size());
  return buf_.slice(0, payload_ + e.size());
}

Result<std::vector<PackedExtent>> decode_pack_manifest(std::string_view manifest,
                                                       uint32_t payload_bytes) {
  if (manifest.size() < 4 || Decoder(manifest.substr(manifest.size() - 4)).u32() !=
                                 crc32c(as_bytes(manifest.substr(0, manifest.size() - 4))))
    return fail(Errc::kCorrupt, "a packed stripe's manifest does not match its checksum");
  Decoder d(manifest.substr(0, manifest.size() - 4));
  if (d.u32() != kMagic || d.u8() != kVersion) d.poison();
  std::vector<PackedExtent> extents;
  for (size_t n = d.count(4); n > 0 && d.ok(); --n) {
    PackedExtent x;
    x.data = d.id<InodeId>();
    x.offset = d.varint();
    const uint64_t length = d.varint();
    const uint64_t place = d.varint();
    if (length == 0 || length > payload_bytes || place > payload_bytes - length) d.poison();
    x.length = d.ok() ? static_cast<uint32_t>(length) : 0;
    x.place = d.ok() ? static_cast<uint32_t>(place) : 0;
    extents.push_back(x);
  }
  ATOLL_TRY_STATUS(d.finish("a packed stripe's manifest"));
  return extents;
}

}  // namespace atl::ns
