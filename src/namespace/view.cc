#include "namespace/view.h"

#include <rocksdb/env.h>
#include <rocksdb/metadata.h>

#include "base/check.h"
#include "base/codec.h"
#include "base/crc.h"
#include "base/probe.h"
#include "namespace/keys.h"

namespace atl::ns {

namespace {

// Deterministic mode: more files than this are merged into one at a flush.
constexpr int kDeterministicFilesMax = 8;
constexpr size_t kVerifyBytes = 1u << 20;

rocksdb::Env* env_of(const ViewOptions& options) {
  return options.env != nullptr ? options.env : rocksdb::Env::Default();
}

}  // namespace

Error view_error(const rocksdb::Status& status) {
  Errc code = Errc::kIo;
  if (status.IsCorruption()) code = Errc::kCorrupt;
  if (status.IsNoSpace()) code = Errc::kNoSpace;
  return Error(code, "view: " + status.ToString());
}

Status Scan::status() const {
  const rocksdb::Status status = iterator_->status();
  if (!status.ok()) return fail(view_error(status));
  return {};
}

Scan Reader::scan_prefix(std::string_view prefix) {
  return scan(prefix, after_prefix(prefix));
}

View::View(ViewOptions options, std::unique_ptr<rocksdb::DB> db)
    : options_(std::move(options)), db_(std::move(db)) {}

View::~View() = default;

Result<std::unique_ptr<View>> View::open(ViewOptions options, bool create) {
  rocksdb::Options o = rocksdb_options(options);
  o.create_if_missing = create;
  o.error_if_exists = create;
  if (create) {
    const rocksdb::Status made = o.env->CreateDirIfMissing(options.path);
    if (!made.ok()) return fail(view_error(made));
  }
  if (!create && !o.env->FileExists(options.path + "/CURRENT").ok())
    return fail(Errc::kNotFound, "there is no view");
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(o, options.path, &db);
  if (!status.ok()) return fail(view_error(status));
  std::unique_ptr<View> view(new View(std::move(options), std::unique_ptr<rocksdb::DB>(db)));
  ATOLL_TRY_STATUS(view->load_applied());
  return view;
}

Status View::load_applied() {
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), applied_key(), &value);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return fail(view_error(status));
  return decode(value, &applied_);
}

Status View::wipe(const ViewOptions& options) {
  rocksdb::Env* env = env_of(options);
  std::vector<std::string> names;
  rocksdb::Status status = env->GetChildren(options.path, &names);
  if (status.IsNotFound() || status.IsPathNotFound()) return {};
  if (!status.ok() && env->FileExists(options.path).IsNotFound()) return {};
  if (!status.ok()) return fail(view_error(status));
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    status = env->DeleteFile(options.path + "/" + name);
    if (!status.ok() && !status.IsNotFound()) return fail(view_error(status));
  }
  return {};
}

Status View::write_file(const ViewOptions& options, const std::string& name,
                        const std::vector<Buf>& content) {
  rocksdb::Env* env = env_of(options);
  rocksdb::Status status = env->CreateDirIfMissing(options.path);
  std::unique_ptr<rocksdb::WritableFile> file;
  if (status.ok())
    status = env->NewWritableFile(options.path + "/" + name, &file, rocksdb::EnvOptions());
  for (const Buf& buf : content)
    if (status.ok()) status = file->Append(slice_of(buf.view()));
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = file->Close();
  if (!status.ok()) return fail(view_error(status));
  return {};
}

Status View::sync_folder(const ViewOptions& options) {
  std::unique_ptr<rocksdb::Directory> folder;
  rocksdb::Status status = env_of(options)->NewDirectory(options.path, &folder);
  if (status.ok()) status = folder->Fsync();
  if (!status.ok()) return fail(view_error(status));
  return {};
}

Status View::apply(rocksdb::WriteBatch* batch, const AppliedRecord& applied) {
  ATOLL_CHECK(applied.lsn > applied_.lsn, "entries are applied in order");
  ATOLL_CHECK(!applied.cluster.is_nil() && applied.partition.value != 0);
  rocksdb::Status status = batch->Put(applied_key(), encode(applied));
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  const size_t bytes = batch->GetDataSize();
  if (status.ok()) status = db_->Write(options, batch);
  if (!status.ok()) return fail(view_error(status));
  unflushed_bytes_ += bytes;
  applied_ = applied;
  return {};
}

Status View::flush() {
  rocksdb::FlushOptions options;
  options.wait = true;
  const rocksdb::Status status = db_->Flush(options);
  if (!status.ok()) return fail(view_error(status));
  unflushed_bytes_ = 0;
  return {};
}

Status View::compact_if_needed() {
  if (!options_.deterministic) return {};
  std::string files;
  if (!db_->GetProperty("rocksdb.num-files-at-level0", &files) ||
      std::stoi(files) <= kDeterministicFilesMax)
    return {};
  ATOLL_PROBE("view_compacted_by_hand");
  rocksdb::CompactRangeOptions options;
  options.max_subcompactions = 1;
  const rocksdb::Status status = db_->CompactRange(options, nullptr, nullptr);
  if (!status.ok()) return fail(view_error(status));
  return {};
}

Result<std::vector<ViewFile>> View::hold_files() {
  rocksdb::Status status = db_->DisableFileDeletions();
  if (!status.ok()) return fail(view_error(status));
  rocksdb::LiveFilesStorageInfoOptions options;
  options.include_checksum_info = true;
  options.wal_size_for_flush = UINT64_MAX;  // flushed by the caller; the write-ahead log is off
  std::vector<rocksdb::LiveFileStorageInfo> files;
  status = db_->GetLiveFilesStorageInfo(options, &files);
  if (!status.ok()) {
    release_files();
    return fail(view_error(status));
  }
  std::vector<ViewFile> out;
  for (const rocksdb::LiveFileStorageInfo& file : files) {
    // The log is off, and our options come from the program.
    if (file.file_type == rocksdb::FileType::kWalFile ||
        file.file_type == rocksdb::FileType::kOptionsFile)
      continue;
    ViewFile v;
    v.name = file.relative_filename;
    v.size = file.size;
    v.immutable = file.file_type == rocksdb::FileType::kTableFile;
    v.replacement = file.replacement_contents;
    if (v.immutable) {
      if (file.file_checksum.size() != 4) {
        release_files();
        return fail(Errc::kCorrupt, "view: " + v.name + " has no checksum");
      }
      v.crc = read_be32(file.file_checksum.data());
    }
    out.push_back(std::move(v));
  }
  return out;
}

void View::release_files() {
  (void)db_->EnableFileDeletions(/*force=*/false);
}

Result<Buf> View::read_file(const std::string& name, uint64_t offset, size_t length) {
  std::unique_ptr<rocksdb::RandomAccessFile> file;
  rocksdb::Status status = env_of(options_)->NewRandomAccessFile(options_.path + "/" + name, &file,
                                                                 rocksdb::EnvOptions());
  Buf piece = Buf::allocate(length);
  size_t filled = 0;
  while (status.ok() && filled < length) {
    rocksdb::Slice got;
    char* to = reinterpret_cast<char*>(piece.mutable_data()) + filled;
    status = file->Read(offset + filled, length - filled, &got, to);
    if (status.ok() && got.empty()) return fail(Errc::kCorrupt, "view: " + name + " is too short");
    if (status.ok() && got.data() != to) std::memmove(to, got.data(), got.size());
    filled += got.size();
  }
  if (!status.ok()) return fail(view_error(status));
  return piece;
}

Result<uint64_t> View::verify() {
  uint64_t damaged = 0;
  ATOLL_TRY(const std::vector<ViewFile> files, hold_files());
  for (const ViewFile& file : files) {
    if (!file.immutable) continue;
    uint32_t crc = 0;
    bool readable = true;
    for (uint64_t at = 0; at < file.size && readable; at += kVerifyBytes) {
      const Result<Buf> piece =
          read_file(file.name, at, std::min<uint64_t>(kVerifyBytes, file.size - at));
      readable = piece.has_value();
      if (readable) crc = crc32c(piece->span(), crc);
    }
    if (!readable || crc != file.crc) ++damaged;
  }
  release_files();
  // Goes through CURRENT and every record of the manifest.
  std::vector<std::string> families;
  if (!rocksdb::DB::ListColumnFamilies(rocksdb_options(options_), options_.path, &families).ok())
    ++damaged;
  return damaged;
}

SnapshotReader::SnapshotReader(std::shared_ptr<View> view) : view_(std::move(view)) {
  options_.snapshot = view_->db().GetSnapshot();
}

SnapshotReader::~SnapshotReader() {
  view_->db().ReleaseSnapshot(options_.snapshot);
}

Result<bool> SnapshotReader::get(std::string_view key, std::string* value) {
  rocksdb::PinnableSlice pinned;
  const rocksdb::Status status =
      view_->db().Get(options_, view_->db().DefaultColumnFamily(), slice_of(key), &pinned);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return fail(view_error(status));
  value->assign(pinned.data(), pinned.size());
  return true;
}

Scan SnapshotReader::scan(std::string_view from, std::string_view end) {
  std::unique_ptr<rocksdb::Iterator> iterator(view_->db().NewIterator(options_));
  iterator->Seek(slice_of(from));
  return Scan(std::move(iterator), std::string(end));
}

}  // namespace atl::ns
