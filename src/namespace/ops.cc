#include "namespace/ops.h"

#include "base/check.h"
#include "namespace/keys.h"

namespace atl::ns {

namespace {

constexpr uint32_t kFileMode = 0644;

FileEntry entry_of(InodeId id, const InodeRecord& file) {
  FileEntry entry;
  entry.inode = id;
  entry.attributes = ListedAttributes{.size = file.size,
                                      .mtime = file.mtime,
                                      .etag = file.meta.etag,
                                      .storage_class = file.meta.storage_class,
                                      .checksum_algorithm = file.meta.checksum.algorithm,
                                      .checksum_composite = file.meta.checksum.composite};
  return entry;
}

Status uncount(Counters& counters, uint64_t bytes) {
  if (counters.objects == 0 || counters.bytes < bytes)
    return fail(Errc::kCorrupt, "the view counts too few objects");
  --counters.objects;
  counters.bytes -= bytes;
  return {};
}

}  // namespace

Error no_bucket(std::string_view bucket) {
  return Error(Errc::kNotFound, fmt::format("bucket {} does not exist", bucket));
}
Error no_key(std::string_view key) {
  return Error(Errc::kNotFound, fmt::format("key {} does not exist", key));
}
Error no_upload(std::string_view upload_id) {
  return Error(Errc::kNotFound, fmt::format("upload {} does not exist", upload_id));
}

Result<BucketRecord> load_bucket(Reader& reader, std::string_view bucket) {
  if (!valid_name(bucket)) return fail(no_bucket(bucket));
  ATOLL_TRY(auto record, reader.find<BucketRecord>(bucket_key(bucket)));
  if (!record) return fail(no_bucket(bucket));
  return std::move(*record);
}

Result<ListedAttributes> attributes_of(Reader& reader, const FileEntry& entry) {
  if (entry.has_attributes) return entry.attributes;
  ATOLL_TRY(const InodeRecord inode, reader.load<InodeRecord>(inode_key(entry.inode)));
  return entry_of(entry.inode, inode).attributes;
}

Status check_conditions(Reader& reader, const Conditions& conditions, const FileEntry* existing,
                        std::string_view key) {
  if (!conditions.if_match && !conditions.if_none_match) return {};
  std::string etag;
  if (existing != nullptr) {
    ATOLL_TRY(const ListedAttributes attributes, attributes_of(reader, *existing));
    etag = attributes.etag;
  }
  if (conditions.if_match) {
    if (existing == nullptr) return fail(no_key(key));
    if (*conditions.if_match != "*" && *conditions.if_match != etag)
      return fail(Errc::kConflict, "if-match: the object has another etag");
  }
  if (conditions.if_none_match && existing != nullptr &&
      (*conditions.if_none_match == "*" || *conditions.if_none_match == etag))
    return fail(Errc::kConflict, "if-none-match: the object exists");
  return {};
}

InodeRecord new_file(const Txn& txn, ObjectMeta meta, std::vector<Piece> pieces) {
  InodeRecord file;
  file.mode = kFileMode;
  file.atime = file.mtime = file.ctime = file.btime = txn.now();
  file.meta = std::move(meta);
  file.pieces = std::move(pieces);
  for (const Piece& piece : file.pieces) file.size += piece.length;
  return file;
}

Result<PutResult> install_object(Txn& txn, const KeyPath& path, Place* place, InodeId id,
                                 InodeRecord file) {
  std::optional<FileEntry> old;
  if (place->object() != nullptr) old = *place->object();
  ATOLL_TRY_STATUS(link_object(txn, path, place, entry_of(id, file)));
  file.parent = place_parent(*place, path);
  file.off_path = path.off_path;
  file.name = path.marker ? std::string() : std::string(path.name);
  txn.put_record(inode_key(id), file);
  if (old) {
    ATOLL_TRY(const ListedAttributes attributes, attributes_of(txn, *old));
    ATOLL_TRY_STATUS(uncount(txn.counters(), attributes.size));
    ATOLL_TRY_STATUS(release_inode(txn, old->inode));
  }
  ++txn.counters().objects;
  txn.counters().bytes += file.size;
  return PutResult{id, file.mtime};
}

Status remove_object(Txn& txn, const KeyPath& path, Place* place) {
  ATOLL_CHECK(place->object() != nullptr);
  const FileEntry old = *place->object();
  ATOLL_TRY(const ListedAttributes attributes, attributes_of(txn, old));
  ATOLL_TRY_STATUS(unlink_object(txn, path, place));
  ATOLL_TRY_STATUS(uncount(txn.counters(), attributes.size));
  return release_inode(txn, old.inode);
}

uint64_t inline_bytes_of(const FileData& data) {
  uint64_t sum = 0;
  for (const Extent& extent : data.extents)
    if (extent.is_inline()) sum += extent.length;
  return sum;
}

}  // namespace atl::ns
