// The view: checkpoint + journal as RocksDB rows, on the local disk (or in memory in the
// simulator).
//
// Its loss costs nothing but time, so its write-ahead log is off: the journal is the log. Every
// batch also writes the `applied` row, so whatever RocksDB has flushed says which entries it holds;
// a crash keeps a prefix of the batches, because there is one column family.
//
// Ownership: the partition holds it in a shared_ptr; readers hold copies while they read, and it is
// closed when the last one lets go. Threads: reads and apply from any thread, one apply at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "base/result.h"
#include "namespace/reader.h"
#include "namespace/records.h"

namespace rocksdb {
class Env;
}

namespace atl::ns {

struct ViewOptions {
  std::string path;
  rocksdb::Env* env = nullptr;  // null: the real one
  bool deterministic = false;   // flushes and compactions happen only when asked
};

// One file of a view, as a checkpoint stores it.
struct ViewFile {
  std::string name;  // without a directory
  uint64_t size = 0;
  bool immutable = false;   // a table: never changes under its name
  uint32_t crc = 0;         // immutable: of its bytes as RocksDB made them
  std::string replacement;  // not empty: the content to store, whatever the file says
};

class View {
 public:
  // Opens what is there, or makes an empty one. Fails with whatever is wrong with it.
  static Result<std::unique_ptr<View>> open(ViewOptions options, bool create);
  // Removes everything under the path.
  static Status wipe(const ViewOptions& options);
  static Status write_file(const ViewOptions& options, const std::string& name,
                           const std::vector<Buf>& content);
  static Status sync_folder(const ViewOptions& options);

  ~View();
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  const AppliedRecord& applied() const { return applied_; }
  bool empty() const { return applied_.lsn.value == 0; }
  // Makes the changes of an entry together with `applied`. An error: the view is damaged.
  Status apply(rocksdb::WriteBatch* batch, const AppliedRecord& applied);

  // Bytes written since the last flush: what a crash would have to replay.
  uint64_t unflushed_bytes() const { return unflushed_bytes_; }
  Status flush();
  // In deterministic mode, where RocksDB does it never by itself: merges files when there are many.
  Status compact_if_needed();

  // The files of the flushed view. They stay unchanged until release_files().
  Result<std::vector<ViewFile>> hold_files();
  void release_files();
  // Bytes [offset, offset + length) of a file.
  Result<Buf> read_file(const std::string& name, uint64_t offset, size_t length);

  // Reads every file against its checksums; returns how many are damaged.
  Result<uint64_t> verify();

  rocksdb::DB& db() { return *db_; }
  const ViewOptions& options() const { return options_; }

 private:
  View(ViewOptions options, std::unique_ptr<rocksdb::DB> db);
  Status load_applied();

  ViewOptions options_;
  std::unique_ptr<rocksdb::DB> db_;
  AppliedRecord applied_;
  std::atomic<uint64_t> unflushed_bytes_{0};  // flushed on a worker thread
};

// The committed view as it is now.
class SnapshotReader final : public Reader {
 public:
  explicit SnapshotReader(std::shared_ptr<View> view);
  ~SnapshotReader() override;
  SnapshotReader(const SnapshotReader&) = delete;
  SnapshotReader& operator=(const SnapshotReader&) = delete;
  Result<bool> get(std::string_view key, std::string* value) override;
  Scan scan(std::string_view from, std::string_view end) override;
  // For scans that read much and should not push everything else out of the cache.
  void read_through() { options_.fill_cache = false; }

 private:
  std::shared_ptr<View> view_;
  rocksdb::ReadOptions options_;
};

// The RocksDB options of a view: memory bounds and why. view_options.cc
rocksdb::Options rocksdb_options(const ViewOptions& options);
// RocksDB's status as ours: damage is kCorrupt, a full disk kNoSpace, anything else kIo.
Error view_error(const rocksdb::Status& status);
inline rocksdb::Slice slice_of(std::string_view s) {
  return {s.data(), s.size()};
}

}  // namespace atl::ns
