// Reading rows: from the committed view (SnapshotReader, view.h) or from the view with the changes
// of a batch over it (Txn, txn.h). What is written against Reader works for lookups and for
// changes.
//
// Errors: kCorrupt and kIo mean that the view itself is damaged; the partition then rebuilds it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <rocksdb/iterator.h>

#include "base/result.h"
#include "namespace/records.h"

namespace atl::ns {

// Rows in key order from a start up to, and without, an end (empty: to the last row).
class Scan {
 public:
  Scan(std::unique_ptr<rocksdb::Iterator> iterator, std::string end)
      : iterator_(std::move(iterator)), end_(std::move(end)) {}

  bool valid() const {
    return iterator_->Valid() && (end_.empty() || key() < std::string_view(end_));
  }
  std::string_view key() const { return view_of(iterator_->key()); }
  std::string_view value() const { return view_of(iterator_->value()); }
  void next() { iterator_->Next(); }
  void seek(std::string_view key) { iterator_->Seek(rocksdb::Slice(key.data(), key.size())); }
  Status status() const;  // when no longer valid: the end, or damage?

 private:
  static std::string_view view_of(const rocksdb::Slice& s) { return {s.data(), s.size()}; }
  std::unique_ptr<rocksdb::Iterator> iterator_;
  std::string end_;
};

class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<bool> get(std::string_view key, std::string* value) = 0;  // false: no such row
  virtual Scan scan(std::string_view from, std::string_view end) = 0;
  Scan scan_prefix(std::string_view prefix);

  template <typename Record>
  Result<std::optional<Record>> find(std::string_view key) {
    std::string value;
    ATOLL_TRY(const bool there, get(key, &value));
    if (!there) return std::optional<Record>();
    Record record;
    ATOLL_TRY_STATUS(decode(value, &record));
    return std::optional<Record>(std::move(record));
  }

  // A row that another row says is there.
  template <typename Record>
  Result<Record> load(std::string_view key) {
    ATOLL_TRY(auto record, find<Record>(key));
    if (!record) return fail(Errc::kCorrupt, "the view lacks row " + to_hex(as_bytes(key)));
    return std::move(*record);
  }
};

}  // namespace atl::ns
