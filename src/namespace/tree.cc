#include "namespace/tree.h"

#include "base/check.h"
#include "base/probe.h"
#include "namespace/keys.h"

namespace atl::ns {

namespace {

constexpr uint32_t kDirectoryMode = 0755;

Status add_off_path(Txn& txn, InodeId bucket, int64_t delta) {
  ATOLL_TRY(InodeRecord record, load_directory(txn, bucket));
  if (delta < 0 && record.off_path_entries == 0)
    return fail(Errc::kCorrupt, "the view counts no off-path entries where there is one");
  record.off_path_entries =
      static_cast<uint64_t>(static_cast<int64_t>(record.off_path_entries) + delta);
  txn.put_record(inode_key(bucket), record);
  return {};
}

// Removes the directories at the end of the chain that are implicit and empty. The bucket stays.
Status prune(Txn& txn, const KeyPath& path, Place* place) {
  while (place->chain.size() > 1) {
    const size_t depth = place->chain.size() - 1;
    const InodeId directory = place->chain[depth];
    ATOLL_TRY(const InodeRecord record, load_directory(txn, directory));
    if (record.children != 0 || !record.implicit) return {};
    const InodeId parent = place->chain[depth - 1];
    const std::string_view name =
        depth - 1 < path.directories.size() ? path.directories[depth - 1] : path.name;
    const std::string row_key = directory_entry_key(parent, name);
    ATOLL_TRY(const EntryRecord row, txn.load<EntryRecord>(row_key));
    if (row.directory != directory)
      return fail(Errc::kCorrupt, "the view's entry names another directory");
    if (row.file) return {};  // its marker keeps it
    txn.erase(row_key);
    txn.erase(inode_key(directory));
    ATOLL_TRY_STATUS(add_children(txn, parent, -1));
    place->chain.pop_back();
  }
  return {};
}

}  // namespace

Result<InodeRecord> load_directory(Reader& reader, InodeId directory) {
  if (directory == kRootInode) {
    ATOLL_TRY(auto root, reader.find<InodeRecord>(inode_key(directory)));
    if (!root) return new_directory(Nanos{}, kRootInode, "", /*implicit=*/false);
    return std::move(*root);
  }
  ATOLL_TRY(InodeRecord record, reader.load<InodeRecord>(inode_key(directory)));
  if (record.type != InodeType::kDirectory)
    return fail(Errc::kCorrupt, "the view has a file where a directory must be");
  return record;
}

InodeRecord new_directory(Nanos now, InodeId parent, std::string_view name, bool implicit) {
  InodeRecord record;
  record.type = InodeType::kDirectory;
  record.mode = kDirectoryMode;
  record.nlink = 2;
  record.atime = record.mtime = record.ctime = record.btime = now;
  record.parent = parent;
  record.name = std::string(name);
  record.implicit = implicit;
  return record;
}

Status add_children(Txn& txn, InodeId directory, int64_t delta) {
  ATOLL_TRY(InodeRecord record, load_directory(txn, directory));
  if (delta < 0 && record.children < static_cast<uint64_t>(-delta))
    return fail(Errc::kCorrupt, "the view counts too few children");
  record.children = static_cast<uint64_t>(static_cast<int64_t>(record.children) + delta);
  record.mtime = record.ctime = txn.now();
  txn.put_record(inode_key(directory), record);
  return {};
}

Result<Place> find_place(Reader& reader, InodeId bucket, const KeyPath& path) {
  ATOLL_CHECK(bucket.value != 0);
  Place place;
  place.bucket = bucket;
  place.chain.push_back(bucket);
  for (const std::string_view name : path.directories) {
    ATOLL_TRY(auto row, reader.find<EntryRecord>(directory_entry_key(place.chain.back(), name)));
    if (!row) return place;
    if (!row->is_directory())
      return fail(Errc::kCorrupt, "the view has a file under a directory's name");
    place.chain.push_back(row->directory);
  }
  place.parents_exist = true;
  ATOLL_TRY(place.row, reader.find<EntryRecord>(place_row_key(place, path)));
  if (place.row && place.row->is_directory() != path.marker)
    return fail(Errc::kCorrupt, "the view has an entry of the wrong kind");
  return place;
}

std::string place_row_key(const Place& place, const KeyPath& path) {
  if (path.off_path) return off_path_key(place.bucket, path.key);
  ATOLL_CHECK(place.chain.size() == path.directories.size() + 1, "parents are missing");
  const InodeId directory = place.chain.back();
  return path.marker ? directory_entry_key(directory, path.name)
                     : file_entry_key(directory, path.name);
}

InodeId place_parent(const Place& place, const KeyPath& path) {
  ATOLL_CHECK(place.parents_exist);
  if (path.off_path) return place.bucket;
  if (!path.marker) return place.chain.back();
  ATOLL_CHECK(place.row && place.row->is_directory());
  return place.row->directory;
}

Status make_parents(Txn& txn, const KeyPath& path, Place* place) {
  if (path.off_path) return {};
  const auto make = [&txn](InodeId parent, std::string_view name) -> Result<InodeId> {
    const InodeId id = txn.next_id();
    txn.put_record(inode_key(id), new_directory(txn.now(), parent, name, /*implicit=*/true));
    EntryRecord row;
    row.directory = id;
    txn.put_record(directory_entry_key(parent, name), row);
    ATOLL_TRY_STATUS(add_children(txn, parent, 1));
    return id;
  };
  while (place->chain.size() <= path.directories.size()) {
    const InodeId parent = place->chain.back();
    ATOLL_TRY(const InodeId id, make(parent, path.directories[place->chain.size() - 1]));
    place->chain.push_back(id);
  }
  place->parents_exist = true;
  if (path.marker && !place->row) {
    ATOLL_TRY(const InodeId id, make(place->chain.back(), path.name));
    place->row.emplace().directory = id;
  }
  return {};
}

Status link_object(Txn& txn, const KeyPath& path, Place* place, const FileEntry& entry) {
  ATOLL_TRY_STATUS(make_parents(txn, path, place));
  const bool added = place->object() == nullptr;
  if (!place->row) place->row.emplace();
  place->row->file = entry;
  txn.put_record(place_row_key(*place, path), *place->row);
  if (!added || path.marker) return {};
  return path.off_path ? add_off_path(txn, place->bucket, 1)
                       : add_children(txn, place->chain.back(), 1);
}

Status unlink_object(Txn& txn, const KeyPath& path, Place* place) {
  ATOLL_CHECK(place->object() != nullptr);
  const std::string row_key = place_row_key(*place, path);
  place->row->file.reset();
  if (path.off_path) {
    txn.erase(row_key);
    place->row.reset();
    return add_off_path(txn, place->bucket, -1);
  }
  if (path.marker) {
    txn.put_record(row_key, *place->row);
    place->chain.push_back(place->row->directory);
    return prune(txn, path, place);
  }
  txn.erase(row_key);
  return detach_row(txn, path, place);
}

Status detach_row(Txn& txn, const KeyPath& path, Place* place) {
  ATOLL_CHECK(!path.off_path && place->parents_exist);
  place->row.reset();
  ATOLL_TRY_STATUS(add_children(txn, place->chain.back(), -1));
  return prune(txn, path, place);
}

}  // namespace atl::ns
