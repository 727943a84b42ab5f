// The rows of the view: one byte that says the kind, then what orders the rows of that kind.
// docs/formats/namespace.md has the table. Integers are big-endian, so that rows sort as numbers
// do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace atl::ns {

enum class Row : char {
  kApplied = 'A',   // which journal entry the view has reached
  kBucket = 'b',    // name -> bucket
  kCounters = 'c',  // next id and statistics
  kInline = 'd',    // data id, offset: the extents that are still inline, oldest first
  kEntry = 'e',     // directory, name (files) or name/ (directories) -> entry
  kToFree = 'f',    // stripe id: nothing refers to it any more
  kInode = 'i',     // inode id -> inode
  kBackRef = 'k',   // stripe id, data id, offset: a copy's extent in a packed stripe
  kOffPath = 'o',   // bucket, raw key -> entry, for keys that cannot be paths
  kPart = 'p',      // upload's inode id, part number -> part
  kReclaim = 'r',   // id, kind: deleted, its rows are still to be removed
  kStripe = 's',    // stripe id -> what is alive in it
  kUpload = 'u',    // bucket, key, NUL, upload id -> upload
  kExtent = 'x',    // data id, offset -> extent
};

inline constexpr InodeId kRootInode{1};
inline constexpr InodeId kFirstFreeId{2};

std::string applied_key();
std::string counters_key();
std::string bucket_key(std::string_view name);
std::string inode_key(InodeId inode);
std::string file_entry_key(InodeId directory, std::string_view name);
std::string directory_entry_key(InodeId directory, std::string_view name);
std::string off_path_key(InodeId bucket, std::string_view key);
std::string extent_key(InodeId data, uint64_t offset);
std::string inline_key(InodeId data, uint64_t offset);
std::string stripe_key(StripeId stripe);
std::string to_free_key(StripeId stripe);
std::string back_ref_key(StripeId stripe, InodeId data, uint64_t offset);
std::string upload_key(InodeId bucket, std::string_view key, std::string_view upload_id);
std::string part_key(InodeId upload, uint32_t number);
std::string reclaim_key(InodeId id, uint8_t kind);

// All rows of a kind, and those of a kind that begin with one id.
std::string row_prefix(Row row);
std::string row_prefix(Row row, uint64_t id);

// The first string after all that begin with `prefix`; empty when there is none (all bytes 0xff).
std::string after_prefix(std::string_view prefix);

// The parts of a key that was built above. The row kind must be right (checked).
InodeId key_inode(std::string_view key);          // the first integer of e, i, o, x, d, p, r, u
StripeId key_stripe(std::string_view key);        // of s, f, k
std::string_view key_tail(std::string_view key);  // what follows the first integer
uint64_t key_offset(std::string_view key);        // the second integer of x, d
uint32_t key_part_number(std::string_view key);   // of p
// Whether a key has the length that its kind asks for, before the functions above are used.
bool key_well_formed(std::string_view key);

}  // namespace atl::ns
