// What the operations on buckets, objects and uploads share.
#pragma once

#include <string>
#include <string_view>

#include "namespace/data.h"
#include "namespace/partition.h"
#include "namespace/tree.h"

namespace atl::ns {

inline constexpr size_t kMaxUploadIdBytes = 128;

// The errors that say what does not exist.
Error no_bucket(std::string_view bucket);
Error no_key(std::string_view key);
Error no_upload(std::string_view upload_id);

Result<BucketRecord> load_bucket(Reader& reader, std::string_view bucket);
// An entry's attributes, from the inode where the entry has none.
Result<ListedAttributes> attributes_of(Reader& reader, const FileEntry& entry);
// kConflict unless they hold for `existing` (null: no object); kNotFound when if_match finds none.
Status check_conditions(Reader& reader, const Conditions& conditions, const FileEntry* existing,
                        std::string_view key);

InodeRecord new_file(const Txn& txn, ObjectMeta meta, std::vector<Piece> pieces);
// Puts a new file (with `id`, its data already stored) at a place and releases what was there.
Result<PutResult> install_object(Txn& txn, const KeyPath& path, Place* place, InodeId id,
                                 InodeRecord file);
// Takes the object at a place away.
Status remove_object(Txn& txn, const KeyPath& path, Place* place);

uint64_t inline_bytes_of(const FileData& data);
inline uint64_t cost_of(uint64_t inline_bytes) {
  return 1 + inline_bytes / 1024;
}

}  // namespace atl::ns
