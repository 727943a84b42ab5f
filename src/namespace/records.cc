#include "namespace/records.h"

#include <limits>

#include "base/check.h"
#include "namespace/records_meta.h"

namespace atl::ns {

namespace {

Encoder start() {
  Encoder e;
  e.u8(kRecordVersion);
  return e;
}

void open(Decoder& d) {
  if (d.u8() != kRecordVersion) d.poison();
}

uint32_t varint32(Decoder& d) {
  const uint64_t v = d.varint();
  if (v > UINT32_MAX) d.poison();
  return d.ok() ? static_cast<uint32_t>(v) : 0;
}

// Flags of an entry row.
constexpr uint8_t kEntryDirectory = 1;
constexpr uint8_t kEntryHasFile = 2;
constexpr uint8_t kEntryLinked = 4;  // the file's attributes are at the inode
constexpr uint8_t kEntryFlags = 7;

void encode_attributes(Encoder& e, const ListedAttributes& a) {
  e.varint(a.size);
  encode_time(e, a.mtime);
  encode_etag(e, a.etag);
  e.str(a.storage_class).u8(static_cast<uint8_t>(a.checksum_algorithm));
  if (a.checksum_algorithm != ChecksumAlgorithm::kNone) e.boolean(a.checksum_composite);
}

ListedAttributes decode_attributes(Decoder& d) {
  ListedAttributes a;
  a.size = d.varint();
  a.mtime = decode_time(d);
  a.etag = decode_etag(d);
  a.storage_class = std::string(d.str());
  a.checksum_algorithm = decode_checksum_algorithm(d);
  if (a.checksum_algorithm != ChecksumAlgorithm::kNone) a.checksum_composite = d.boolean();
  return a;
}

constexpr uint8_t kExtentInline = 1;
constexpr uint8_t kExtentStripe = 2;
constexpr uint8_t kExtentStripeBackRef = 3;

}  // namespace

std::string encode(const AppliedRecord& r) {
  Encoder e = start();
  e.uuid(r.cluster).id(r.partition).id(r.lsn).u32(r.chain);
  return e.take();
}

Status decode(std::string_view value, AppliedRecord* out) {
  Decoder d(value);
  open(d);
  out->cluster = d.uuid();
  out->partition = d.id<PartitionId>();
  out->lsn = d.id<Lsn>();
  out->chain = d.u32();
  return d.finish("applied row");
}

std::string encode(const Counters& r) {
  Encoder e = start();
  e.varint(r.next_id).varint(r.objects).varint(r.buckets).varint(r.bytes).varint(r.inline_bytes);
  e.varint(r.stripes).varint(r.stripe_live_bytes).varint(r.stripe_data_bytes);
  e.varint(r.packed_live_bytes).varint(r.packed_data_bytes);
  return e.take();
}

Status decode(std::string_view value, Counters* out) {
  Decoder d(value);
  open(d);
  for (uint64_t* field :
       {&out->next_id, &out->objects, &out->buckets, &out->bytes, &out->inline_bytes, &out->stripes,
        &out->stripe_live_bytes, &out->stripe_data_bytes, &out->packed_live_bytes,
        &out->packed_data_bytes})
    *field = d.varint();
  if (out->next_id < 2) d.poison();
  return d.finish("counters row");
}

std::string encode(const BucketRecord& r) {
  Encoder e = start();
  e.id(r.directory).str(r.owner);
  encode_time(e, r.created);
  encode_tags(e, r.tags);
  return e.take();
}

Status decode(std::string_view value, BucketRecord* out) {
  Decoder d(value);
  open(d);
  out->directory = d.id<InodeId>();
  out->owner = std::string(d.str());
  out->created = decode_time(d);
  out->tags = decode_tags(d);
  if (out->directory.value == 0) d.poison();
  return d.finish("bucket row");
}

std::string encode(const EntryRecord& r) {
  ATOLL_CHECK(r.is_directory() || r.file);
  Encoder e = start();
  uint8_t flags = 0;
  if (r.is_directory()) flags |= kEntryDirectory;
  if (r.file) flags |= kEntryHasFile;
  if (r.file && !r.file->has_attributes) flags |= kEntryLinked;
  e.u8(flags);
  if (r.is_directory()) e.id(r.directory);
  if (r.file) {
    e.id(r.file->inode);
    if (r.file->has_attributes) encode_attributes(e, r.file->attributes);
  }
  return e.take();
}

Status decode(std::string_view value, EntryRecord* out) {
  Decoder d(value);
  open(d);
  const uint8_t flags = d.u8();
  if ((flags & ~kEntryFlags) != 0 || (flags & (kEntryDirectory | kEntryHasFile)) == 0) d.poison();
  out->directory = InodeId();
  if (flags & kEntryDirectory) {
    out->directory = d.id<InodeId>();
    if (out->directory.value == 0) d.poison();
  }
  out->file.reset();
  if (flags & kEntryHasFile) {
    FileEntry& file = out->file.emplace();
    file.inode = d.id<InodeId>();
    file.has_attributes = (flags & kEntryLinked) == 0;
    if (file.has_attributes) file.attributes = decode_attributes(d);
    if (file.inode.value == 0) d.poison();
  }
  return d.finish("entry row");
}

std::string encode(const InodeRecord& r) {
  Encoder e = start();
  e.u8(static_cast<uint8_t>(r.type)).varint(r.mode).varint(r.uid).varint(r.gid).varint(r.nlink);
  e.varint(r.size);
  encode_time(e, r.mtime);
  encode_time_near(e, r.atime, r.mtime);
  encode_time_near(e, r.ctime, r.mtime);
  encode_time_near(e, r.btime, r.mtime);
  e.varint(r.generation).id(r.parent).str(r.name).boolean(r.off_path);
  if (r.type == InodeType::kDirectory) {
    e.boolean(r.implicit).varint(r.children).varint(r.off_path_entries);
    return e.take();
  }
  encode_meta(e, r.meta);
  e.varint(r.pieces.size());
  for (const Piece& piece : r.pieces) e.id(piece.data).varint(piece.length);
  return e.take();
}

Status decode(std::string_view value, InodeRecord* out) {
  Decoder d(value);
  open(d);
  const uint8_t type = d.u8();
  if (type < 1 || type > static_cast<uint8_t>(InodeType::kSymlink)) d.poison();
  out->type = d.ok() ? static_cast<InodeType>(type) : InodeType::kFile;
  out->mode = varint32(d);
  out->uid = varint32(d);
  out->gid = varint32(d);
  out->nlink = varint32(d);
  out->size = d.varint();
  out->mtime = decode_time(d);
  out->atime = decode_time_near(d, out->mtime);
  out->ctime = decode_time_near(d, out->mtime);
  out->btime = decode_time_near(d, out->mtime);
  out->generation = d.varint();
  out->parent = d.id<InodeId>();
  out->name = std::string(d.str());
  out->off_path = d.boolean();
  out->pieces.clear();
  if (out->type == InodeType::kDirectory) {
    out->implicit = d.boolean();
    out->children = d.varint();
    out->off_path_entries = d.varint();
    return d.finish("directory inode row");
  }
  out->meta = decode_meta(d);
  uint64_t sum = 0;
  for (size_t n = d.count(2); n > 0 && d.ok(); --n) {
    Piece piece;
    piece.data = d.id<InodeId>();
    piece.length = d.varint();
    if (piece.length > kMaxObjectBytes) d.poison();
    sum += piece.length;
    out->pieces.push_back(piece);
  }
  if (d.ok() && sum != out->size) d.poison();
  return d.finish("file inode row");
}

std::string encode(const ExtentRecord& r) {
  Encoder e = start();
  if (r.is_inline()) {
    ATOLL_CHECK(r.length == r.bytes.size() && !r.bytes.empty());
    e.u8(kExtentInline).varint(r.stamp).raw(r.bytes.data(), r.bytes.size());
    return e.take();
  }
  ATOLL_CHECK(r.length > 0 && uint64_t{r.stripe_offset} + r.length <= r.stripe.data_length);
  e.u8(r.back_ref ? kExtentStripeBackRef : kExtentStripe);
  r.stripe.encode(e);
  e.varint(r.stripe_offset).varint(r.length);
  return e.take();
}

Status decode(std::string_view value, ExtentRecord* out) {
  Decoder d(value);
  open(d);
  *out = ExtentRecord{};
  const uint8_t kind = d.u8();
  if (kind == kExtentInline) {
    out->stamp = d.varint();
    if (d.remaining() == 0 || d.remaining() > kInlineBytesMax) d.poison();
    if (!d.ok()) return d.finish("inline extent row");
    out->length = static_cast<uint32_t>(d.remaining());
    out->bytes = as_string_view(d.raw(d.remaining()));
    return d.finish("inline extent row");
  }
  if (kind != kExtentStripe && kind != kExtentStripeBackRef) d.poison();
  out->back_ref = kind == kExtentStripeBackRef;
  out->stripe = stripe::StripeRef::decode(d);
  out->stripe_offset = varint32(d);
  out->length = varint32(d);
  if (out->stripe.id.value == 0 || out->length == 0 ||
      uint64_t{out->stripe_offset} + out->length > out->stripe.data_length)
    d.poison();
  return d.finish("extent row");
}

std::string encode(const InlineRecord& r) {
  Encoder e = start();
  e.varint(r.stamp).varint(r.length);
  encode_time(e, r.born);
  return e.take();
}

Status decode(std::string_view value, InlineRecord* out) {
  Decoder d(value);
  open(d);
  out->stamp = d.varint();
  out->length = varint32(d);
  out->born = decode_time(d);
  if (out->length == 0 || out->length > kInlineBytesMax) d.poison();
  return d.finish("inline mark row");
}

std::string encode(const StripeRecord& r) {
  Encoder e = start();
  r.ref.encode(e);
  e.u8(static_cast<uint8_t>(r.kind)).varint(r.live_bytes).varint(r.payload_bytes);
  e.varint(r.manifest_length);
  return e.take();
}

Status decode(std::string_view value, StripeRecord* out) {
  Decoder d(value);
  open(d);
  out->ref = stripe::StripeRef::decode(d);
  const uint8_t kind = d.u8();
  if (kind < 1 || kind > static_cast<uint8_t>(StripeKind::kPacked)) d.poison();
  out->kind = d.ok() ? static_cast<StripeKind>(kind) : StripeKind::kDirect;
  out->live_bytes = d.varint();
  out->payload_bytes = varint32(d);
  out->manifest_length = varint32(d);
  if (out->ref.id.value == 0 ||
      uint64_t{out->payload_bytes} + out->manifest_length > out->ref.data_length)
    d.poison();
  return d.finish("stripe row");
}

std::string encode(const UploadRecord& r) {
  Encoder e = start();
  e.id(r.id);
  encode_time(e, r.initiated);
  e.str(r.initiator);
  encode_meta(e, r.meta);
  e.u8(static_cast<uint8_t>(r.checksum_algorithm)).boolean(r.checksum_composite);
  return e.take();
}

Status decode(std::string_view value, UploadRecord* out) {
  Decoder d(value);
  open(d);
  out->id = d.id<InodeId>();
  out->initiated = decode_time(d);
  out->initiator = std::string(d.str());
  out->meta = decode_meta(d);
  out->checksum_algorithm = decode_checksum_algorithm(d);
  out->checksum_composite = d.boolean();
  if (out->id.value == 0) d.poison();
  return d.finish("upload row");
}

std::string encode(const PartRecord& r) {
  Encoder e = start();
  e.id(r.data).varint(r.size);
  encode_time(e, r.mtime);
  encode_etag(e, r.etag);
  encode_checksum(e, r.checksum);
  return e.take();
}

Status decode(std::string_view value, PartRecord* out) {
  Decoder d(value);
  open(d);
  out->data = d.id<InodeId>();
  out->size = d.varint();
  out->mtime = decode_time(d);
  out->etag = decode_etag(d);
  out->checksum = decode_checksum(d);
  if (out->data.value == 0 || out->size > kMaxObjectBytes) d.poison();
  return d.finish("part row");
}

std::string encode_to_free(const stripe::StripeRef& ref) {
  Encoder e = start();
  ref.encode(e);
  return e.take();
}

Result<stripe::StripeRef> decode_to_free(std::string_view value) {
  Decoder d(value);
  open(d);
  const stripe::StripeRef ref = stripe::StripeRef::decode(d);
  ATOLL_TRY_STATUS(d.finish("to-free row"));
  return ref;
}

}  // namespace atl::ns
