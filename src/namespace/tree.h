// The directory tree of a bucket: where an object's entry is, and how entries come and go.
//
// A Place is found once and then used within the same operation. Parents are made as needed
// (implicit directories); an implicit directory goes when its last child and its marker are gone,
// and so on upwards. Each directory counts its rows, so nothing is ever scanned for that.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "namespace/path.h"
#include "namespace/reader.h"
#include "namespace/txn.h"

namespace atl::ns {

struct Place {
  InodeId bucket;
  // The bucket's directory and those below it that exist, down the path; all of them when
  // chain.size() == path.directories.size() + 1.
  std::vector<InodeId> chain;
  bool parents_exist = false;
  std::optional<EntryRecord> row;  // of the name itself; a marker's is its directory's
  const FileEntry* object() const { return row && row->file ? &*row->file : nullptr; }
};

Result<Place> find_place(Reader& reader, InodeId bucket, const KeyPath& path);

// The row that holds (or would hold) the entry. All parents must exist.
std::string place_row_key(const Place& place, const KeyPath& path);
// The inode that is the parent of an object at this place.
InodeId place_parent(const Place& place, const KeyPath& path);

// Makes the missing parents, then puts or replaces the object's entry.
Status link_object(Txn& txn, const KeyPath& path, Place* place, const FileEntry& entry);
// Makes parents (and for a marker its directory) without an entry, so that place_parent is known.
Status make_parents(Txn& txn, const KeyPath& path, Place* place);
// Takes the object's entry away, and the implicit parents that are empty then.
Status unlink_object(Txn& txn, const KeyPath& path, Place* place);

// The row of the place has just been erased: counts it out of its parent and prunes upwards.
Status detach_row(Txn& txn, const KeyPath& path, Place* place);

// A directory inode; the root is made up when it is not there yet.
Result<InodeRecord> load_directory(Reader& reader, InodeId directory);
InodeRecord new_directory(Nanos now, InodeId parent, std::string_view name, bool implicit);
// Changes a directory's count of rows and its times.
Status add_children(Txn& txn, InodeId directory, int64_t delta);

// rename, tree_rename.cc: moves a file, or a directory with all below it, in O(1). The target must
// not exist, or be a file when the source is one (the caller releases what it replaces:
// `replaced`). kInvalidArgument: a directory into itself.
Status move_entry(Txn& txn, InodeId bucket, const KeyPath& from, const KeyPath& to, bool directory,
                  std::optional<FileEntry>* replaced);

}  // namespace atl::ns
