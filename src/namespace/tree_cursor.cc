#include "namespace/tree_cursor.h"

#include "base/check.h"
#include "namespace/keys.h"

namespace atl::ns {

TreeCursor::TreeCursor(Reader& reader, InodeId root) : reader_(reader), root_(root) {}

Scan& TreeCursor::scan_at(size_t depth, InodeId directory, std::string_view name) {
  // One iterator per depth, bounded by nothing: rows of another directory end a level.
  std::string row = row_prefix(Row::kEntry, directory.value);
  row.append(name);
  if (depth == scans_.size()) {
    scans_.push_back(
        std::make_unique<Scan>(reader_.scan(row, after_prefix(row_prefix(Row::kEntry)))));
  } else {
    scans_[depth]->seek(row);
  }
  return *scans_[depth];
}

Status TreeCursor::seek(std::string_view target) {
  levels_.clear();
  path_.clear();
  at_marker_ = false;
  InodeId directory = root_;
  while (true) {
    // In this directory, the row that can hold the target is `name/` when the target goes on after
    // a slash; no other row lies between that one and the target.
    const size_t slash = target.find('/');
    const std::string_view name =
        target.substr(0, slash == std::string_view::npos ? slash : slash + 1);
    Scan& scan = scan_at(levels_.size(), directory, name);
    levels_.push_back({directory, path_.size(), &scan});
    const bool inside = slash != std::string_view::npos && scan.valid() &&
                        key_inode(scan.key()) == directory && key_tail(scan.key()) == name;
    if (!inside || slash + 1 == target.size()) return settle();
    ATOLL_TRY_STATUS(decode(scan.value(), &entry_));
    if (!entry_.is_directory())
      return fail(Errc::kCorrupt, "the view has a file under a directory's name");
    path_.append(name);
    target.remove_prefix(slash + 1);
    directory = entry_.directory;
  }
}

Status TreeCursor::settle() {
  while (!levels_.empty()) {
    const Level& level = levels_.back();
    path_.resize(level.path_size);
    Scan& scan = *level.scan;
    if (!scan.valid()) ATOLL_TRY_STATUS(scan.status());
    if (scan.valid() && key_inode(scan.key()) == level.directory) {
      const std::string_view name = key_tail(scan.key());
      ATOLL_TRY_STATUS(decode(scan.value(), &entry_));
      path_.append(name);
      on_directory_ = entry_.is_directory();
      if (name.empty() || on_directory_ != (name.back() == '/'))
        return fail(Errc::kCorrupt, "the view has an entry of the wrong kind");
      return {};
    }
    levels_.pop_back();
    if (!levels_.empty()) levels_.back().scan->next();  // past the directory that is done
  }
  return {};
}

Status TreeCursor::next() {
  ATOLL_CHECK(valid());
  if (at_marker_) {
    at_marker_ = false;
    return settle();
  }
  levels_.back().scan->next();
  return settle();
}

Status TreeCursor::enter() {
  ATOLL_CHECK(valid() && on_directory_);
  const InodeId directory = entry_.directory;
  const bool marker = entry_.file.has_value();
  Scan& scan = scan_at(levels_.size(), directory, {});
  levels_.push_back({directory, path_.size(), &scan});
  if (!marker) return settle();
  at_marker_ = true;
  on_directory_ = false;  // path_ and entry_ are still the directory's: its marker
  return {};
}

}  // namespace atl::ns
