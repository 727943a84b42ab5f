#include "namespace/list.h"

#include "base/check.h"
#include "namespace/keys.h"
#include "namespace/tree_cursor.h"

namespace atl::ns {

namespace {

// The two sources of keys, merged. An item is a key, or (with the "/" delimiter) a whole directory
// that rolls up to one common prefix, so it need not be gone into.
class Merged {
 public:
  Merged(Reader& reader, InodeId bucket, const ListRequest& request)
      : tree_(reader, bucket),
        off_rows_(row_prefix(Row::kOffPath, bucket.value)),
        off_path_(
            reader.scan(off_rows_ + request.prefix, after_prefix(off_rows_ + request.prefix))),
        prefix_(request.prefix),
        whole_directories_(request.delimiter == "/") {}

  Status seek(std::string_view target) {
    std::string row = off_rows_;
    row.append(target);
    off_path_.seek(row);
    ATOLL_TRY_STATUS(tree_.seek(target));
    return settle();
  }

  // Past the item (and, for a whole directory, all in it).
  Status next() {
    if (!on_tree_) {
      off_path_.next();
      return settle();
    }
    ATOLL_TRY_STATUS(tree_.next());
    return settle();
  }

  bool valid() const { return valid_; }
  std::string_view path() const { return on_tree_ ? std::string_view(tree_.path()) : off_key(); }
  bool whole_directory() const { return on_tree_ && tree_.on_directory(); }
  const FileEntry& object() const { return on_tree_ ? tree_.object() : *off_entry_.file; }

 private:
  std::string_view off_key() const { return key_tail(off_path_.key()); }

  // Goes into directories as far as needed, and picks the smaller of the two sources.
  Status settle() {
    while (tree_.valid()) {
      const std::string& path = tree_.path();
      const bool in_prefix = path.starts_with(prefix_);
      if (!in_prefix && !(tree_.on_directory() && std::string_view(prefix_).starts_with(path))) {
        if (path > prefix_) break;  // beyond the prefix
        ATOLL_TRY_STATUS(tree_.next());
        continue;
      }
      if (!tree_.on_directory()) break;
      if (whole_directories_ && in_prefix && path.size() > prefix_.size()) break;
      ATOLL_TRY_STATUS(tree_.enter());
    }
    if (!off_path_.valid()) ATOLL_TRY_STATUS(off_path_.status());
    const bool tree = tree_.valid() && (tree_.path().starts_with(prefix_));
    const bool off = off_path_.valid();
    valid_ = tree || off;
    on_tree_ = tree && (!off || std::string_view(tree_.path()) < off_key());
    if (valid_ && !on_tree_) {
      ATOLL_TRY_STATUS(decode(off_path_.value(), &off_entry_));
      if (!off_entry_.file)
        return fail(Errc::kCorrupt, "the view has an off-path row without a file");
    }
    return {};
  }

  TreeCursor tree_;
  std::string off_rows_;
  Scan off_path_;
  std::string prefix_;
  bool whole_directories_;
  bool valid_ = false;
  bool on_tree_ = false;
  EntryRecord off_entry_;
};

// The common prefix that a key (or directory) rolls up to; empty: none.
std::string_view common_prefix(std::string_view key, const ListRequest& request) {
  if (request.delimiter.empty() || key.size() < request.prefix.size()) return {};
  const size_t at = key.find(request.delimiter, request.prefix.size());
  return at == std::string_view::npos ? std::string_view()
                                      : key.substr(0, at + request.delimiter.size());
}

// The first key that may be listed; false: none can be.
bool first_target(const ListRequest& request, std::string* target) {
  *target = request.prefix;
  if (request.after.empty()) return true;
  if (request.after >= request.prefix) {
    // What `after` itself rolls up to is not after it, and so nothing in it is listed.
    const std::string_view rolled = request.after.starts_with(request.prefix)
                                        ? common_prefix(request.after, request)
                                        : std::string_view();
    if (!rolled.empty()) {
      *target = after_prefix(rolled);
      if (target->empty()) return false;
    } else {
      *target = request.after + '\0';
    }
  }
  return true;
}

Status add_object(Reader& reader, std::string_view key, const FileEntry& object,
                  std::vector<ListEntry>* out) {
  ListEntry entry;
  entry.key = std::string(key);
  ListedAttributes from_inode;
  const ListedAttributes* a = &object.attributes;
  if (!object.has_attributes) {
    ATOLL_TRY(const InodeRecord inode, reader.load<InodeRecord>(inode_key(object.inode)));
    from_inode = {.size = inode.size,
                  .mtime = inode.mtime,
                  .etag = inode.meta.etag,
                  .storage_class = inode.meta.storage_class,
                  .checksum_algorithm = inode.meta.checksum.algorithm,
                  .checksum_composite = inode.meta.checksum.composite};
    a = &from_inode;
  }
  entry.size = a->size;
  entry.mtime = a->mtime;
  entry.etag = a->etag;
  entry.storage_class = a->storage_class;
  entry.checksum_algorithm = a->checksum_algorithm;
  entry.checksum_composite = a->checksum_composite;
  out->push_back(std::move(entry));
  return {};
}

}  // namespace

Result<ListResult> list_objects(Reader& reader, InodeId bucket, const ListRequest& request) {
  ListResult result;
  std::string target;
  if (request.max_entries == 0 || !first_target(request, &target)) return result;
  Merged items(reader, bucket, request);
  ATOLL_TRY_STATUS(items.seek(target));
  while (items.valid()) {
    if (result.entries.size() == request.max_entries) {
      result.truncated = true;
      break;
    }
    const std::string_view path = items.path();
    const std::string_view rolled = common_prefix(path, request);
    if (rolled.empty()) {
      ATOLL_CHECK(!items.whole_directory());
      ATOLL_TRY_STATUS(add_object(reader, path, items.object(), &result.entries));
      ATOLL_TRY_STATUS(items.next());
      continue;
    }
    ListEntry entry;
    entry.key = std::string(rolled);
    entry.is_prefix = true;
    result.entries.push_back(std::move(entry));
    // Past everything that rolls up to the same; a whole directory is passed by itself, unless the
    // other source has keys under it, too.
    const std::string beyond = after_prefix(result.entries.back().key);
    if (beyond.empty()) break;
    bool moved = false;
    if (items.whole_directory()) {
      ATOLL_TRY_STATUS(items.next());
      moved = true;
    }
    if (!moved || (items.valid() && items.path().starts_with(result.entries.back().key)))
      ATOLL_TRY_STATUS(items.seek(beyond));
  }
  return result;
}

}  // namespace atl::ns
