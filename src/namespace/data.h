// A file's bytes: its pieces' extents, written, read, shared and taken away.
//
// Deleting is bounded: a piece with more than kReclaimAtOnce extents is put on the reclaim list,
// and a background task removes its rows in steps (reclaim.cc), so that deleting 5 TiB is one small
// entry.
#pragma once

#include <vector>

#include "namespace/txn.h"

namespace atl::ns {

// Extents whose rows go in the very operation that deletes them.
inline constexpr size_t kReclaimAtOnce = 32;

// kInvalidArgument unless the extents are in order, without holes, and inline ones within bounds.
Status check_file_data(const FileData& data);
// Writes the rows of `data` as the piece `piece`.
Status store_data(Txn& txn, InodeId piece, const FileData& data);
// The extents of all pieces, offsets counted from the start of the file. Inline bytes are copied.
Result<std::vector<Extent>> load_extents(Reader& reader, const std::vector<Piece>& pieces);
// A new piece with the same bytes: stripes are shared, inline bytes copied.
Status copy_data(Txn& txn, const std::vector<Piece>& pieces, InodeId to);

// Takes away a piece, at once or by the reclaim list.
Status drop_data(Txn& txn, InodeId piece);
// Takes away at most `limit` extents of a piece. Returns whether it has none left.
Result<bool> drop_extents(Txn& txn, InodeId piece, size_t limit);

// One link of the inode is gone; with the last one the inode and its data go.
Status release_inode(Txn& txn, InodeId inode);

// Moves an inline extent into a packed stripe, or one in a packed stripe into another: destager and
// repack. The caller accounts for the new stripe; this one accounts for the old place.
Status switch_extent(Txn& txn, InodeId piece, uint64_t offset, const ExtentRecord& old,
                     const ExtentRecord& now);

}  // namespace atl::ns
