// Moving an entry: rows of one name go, rows of another come, and the moved inode learns its new
// parent. Nothing below a directory is touched, however much there is.
#include "base/check.h"
#include "namespace/keys.h"
#include "namespace/tree.h"

namespace atl::ns {

namespace {

// Whether `inode` is `ancestor` or lies below it.
Result<bool> is_within(Reader& reader, InodeId inode, InodeId ancestor) {
  while (inode != kRootInode) {
    if (inode == ancestor) return true;
    ATOLL_TRY(const InodeRecord record, load_directory(reader, inode));
    inode = record.parent;
  }
  return false;
}

Status set_home(Txn& txn, InodeId inode, InodeId parent, std::string_view name) {
  ATOLL_TRY(InodeRecord record, txn.load<InodeRecord>(inode_key(inode)));
  record.parent = parent;
  record.name = std::string(name);
  record.ctime = txn.now();
  txn.put_record(inode_key(inode), record);
  return {};
}

Status move_directory(Txn& txn, InodeId bucket, const KeyPath& from, const KeyPath& to) {
  ATOLL_TRY(Place source, find_place(txn, bucket, from));
  if (!source.row) return fail(Errc::kNotFound, "key " + from.key + " does not exist");
  const EntryRecord moved = *source.row;
  ATOLL_TRY(Place target, find_place(txn, bucket, to));
  ATOLL_TRY(const bool loop, is_within(txn, target.chain.back(), moved.directory));
  if (loop) return fail(Errc::kInvalidArgument, "a directory cannot move into itself");
  if (target.row) return fail(Errc::kExists, "key " + to.key + " exists");
  ATOLL_TRY_STATUS(make_parents(txn, to, &target));
  // make_parents made a directory of that name; the moved one takes its row.
  txn.erase(inode_key(target.row->directory));
  target.row = moved;
  txn.put_record(place_row_key(target, to), moved);
  ATOLL_TRY_STATUS(set_home(txn, moved.directory, target.chain.back(), to.name));
  // The target's parents may be the source's: find it again, as it is now.
  ATOLL_TRY(source, find_place(txn, bucket, from));
  txn.erase(place_row_key(source, from));
  return detach_row(txn, from, &source);
}

}  // namespace

Status move_entry(Txn& txn, InodeId bucket, const KeyPath& from, const KeyPath& to, bool directory,
                  std::optional<FileEntry>* replaced) {
  if (from.off_path || to.off_path || from.marker != directory || to.marker != directory)
    return fail(Errc::kInvalidArgument, "only paths can be renamed");
  replaced->reset();
  if (directory) return move_directory(txn, bucket, from, to);
  ATOLL_TRY(Place source, find_place(txn, bucket, from));
  if (source.object() == nullptr)
    return fail(Errc::kNotFound, "key " + from.key + " does not exist");
  const FileEntry moved = *source.object();
  if (from.key == to.key) return {};
  ATOLL_TRY(Place target, find_place(txn, bucket, to));
  if (target.object() != nullptr) *replaced = *target.object();
  ATOLL_TRY_STATUS(link_object(txn, to, &target, moved));
  ATOLL_TRY_STATUS(set_home(txn, moved.inode, place_parent(target, to), to.name));
  ATOLL_TRY(source, find_place(txn, bucket, from));
  return unlink_object(txn, from, &source);
}

}  // namespace atl::ns
