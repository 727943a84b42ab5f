// Walks the objects below a directory in byte order of their keys: depth first, which is that order
// because directories are kept under their name with the slash (docs/formats/namespace.md).
//
// The cursor stands on an item: an object, or a directory as a whole. At a directory the caller
// chooses whether to go into it or past it. One iterator for each level of depth is kept for reuse:
// going into a directory costs a seek, no more.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "namespace/reader.h"

namespace atl::ns {

class TreeCursor {
 public:
  TreeCursor(Reader& reader, InodeId root);

  // Stands on the first item that is, or holds, a key >= target. An item that holds one is gone
  // into when the target lies within it, so the item itself is never before the target.
  Status seek(std::string_view target);
  Status next();   // past the item; past a whole directory when on one
  Status enter();  // on a directory: to its first item (its marker, or what is below)

  bool valid() const { return !levels_.empty(); }
  // The key, or the directory's path with its slash.
  const std::string& path() const { return path_; }
  bool on_directory() const { return on_directory_; }
  const FileEntry& object() const { return *entry_.file; }  // when not on a directory

 private:
  struct Level {
    InodeId directory;
    size_t path_size;  // of the directory's own path
    Scan* scan;
  };

  Status settle();  // takes the top level's row as the item, or goes up when there is none
  void push(InodeId directory);
  Scan& scan_at(size_t depth, InodeId directory, std::string_view name);

  Reader& reader_;
  InodeId root_;
  std::vector<Level> levels_;
  std::vector<std::unique_ptr<Scan>> scans_;  // by depth
  std::string path_;
  EntryRecord entry_;
  bool on_directory_ = false;
  bool at_marker_ =
      false;  // on the marker of the directory that the top level has just been pushed for
};

}  // namespace atl::ns
