#include "namespace/checkpoint_manifest.h"

#include "base/codec.h"
#include "base/crc.h"

namespace atl::ns {

namespace {

constexpr uint32_t kMagic = 0x504b4341;  // "ACKP"
constexpr uint8_t kVersion = 1;
constexpr uint8_t kInPlace = 1;
constexpr uint8_t kInStripes = 2;

void encode_pieces(Encoder& e, const std::vector<stripe::StripeRef>& pieces) {
  e.varint(pieces.size());
  for (const stripe::StripeRef& piece : pieces) piece.encode(e);
}

std::vector<stripe::StripeRef> decode_pieces(Decoder& d) {
  std::vector<stripe::StripeRef> pieces;
  for (size_t n = d.count(3); n > 0 && d.ok(); --n) {
    pieces.push_back(stripe::StripeRef::decode(d));
    if (pieces.back().id.value == 0) d.poison();
  }
  if (pieces.empty()) d.poison();
  return pieces;
}

uint64_t length_of(const std::vector<stripe::StripeRef>& pieces) {
  uint64_t sum = 0;
  for (const stripe::StripeRef& piece : pieces) sum += piece.data_length;
  return sum;
}

// A name in a flat folder: nothing that leads out of it.
bool safe_name(std::string_view name) {
  return !name.empty() && name.size() < 256 && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

}  // namespace

std::vector<stripe::StripeRef> CheckpointManifest::stripes() const {
  std::vector<stripe::StripeRef> all = body_pieces;
  for (const CheckpointFile& file : files)
    all.insert(all.end(), file.pieces.begin(), file.pieces.end());
  return all;
}

std::string encode_checkpoint_body(const CheckpointManifest& manifest) {
  Encoder e;
  e.varint(manifest.files.size());
  for (const CheckpointFile& file : manifest.files) {
    e.str(file.name).varint(file.size).u32(file.crc).boolean(file.immutable);
    if (file.pieces.empty()) {
      e.u8(kInPlace).str(file.content);
    } else {
      e.u8(kInStripes);
      encode_pieces(e, file.pieces);
    }
  }
  return e.take();
}

Status decode_checkpoint_body(std::string_view body, CheckpointManifest* out) {
  Decoder d(body);
  out->files.clear();
  for (size_t n = d.count(8); n > 0 && d.ok(); --n) {
    CheckpointFile file;
    file.name = std::string(d.str());
    file.size = d.varint();
    file.crc = d.u32();
    file.immutable = d.boolean();
    switch (d.u8()) {
      case kInPlace:
        file.content = std::string(d.str());
        if (file.content.size() != file.size) d.poison();
        break;
      case kInStripes:
        file.pieces = decode_pieces(d);
        if (length_of(file.pieces) != file.size) d.poison();
        break;
      default:
        d.poison();
    }
    if (!safe_name(file.name)) d.poison();
    out->files.push_back(std::move(file));
  }
  return d.finish("checkpoint body");
}

std::string encode_checkpoint(const CheckpointManifest& manifest) {
  Encoder e;
  e.u32(kMagic).u8(kVersion).id(manifest.lsn).u32(manifest.chain);
  if (manifest.body_pieces.empty()) {
    e.u8(kInPlace).str(encode_checkpoint_body(manifest));
  } else {
    e.u8(kInStripes).varint(manifest.body_length);
    encode_pieces(e, manifest.body_pieces);
  }
  e.u32(crc32c(as_bytes(e.view())));
  return e.take();
}

Result<CheckpointManifest> decode_checkpoint(std::string_view bytes) {
  CheckpointManifest out;
  if (bytes.size() < 4 || Decoder(bytes.substr(bytes.size() - 4)).u32() !=
                              crc32c(as_bytes(bytes.substr(0, bytes.size() - 4))))
    return fail(Errc::kCorrupt, "checkpoint manifest does not match its checksum");
  Decoder d(bytes.substr(0, bytes.size() - 4));
  if (d.u32() != kMagic || d.u8() != kVersion) d.poison();
  out.lsn = d.id<Lsn>();
  out.chain = d.u32();
  switch (d.u8()) {
    case kInPlace: {
      const std::string_view body = d.str();
      if (d.ok()) ATOLL_TRY_STATUS(decode_checkpoint_body(body, &out));
      break;
    }
    case kInStripes:
      out.body_length = d.varint();
      out.body_pieces = decode_pieces(d);
      if (out.body_length == 0 || length_of(out.body_pieces) != out.body_length) d.poison();
      break;
    default:
      d.poison();
  }
  ATOLL_TRY_STATUS(d.finish("checkpoint manifest"));
  return out;
}

}  // namespace atl::ns
