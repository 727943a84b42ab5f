// One partition of the namespace: inodes, directories, extents, buckets, uploads, in RocksDB, which
// is a view of checkpoint + journal. docs/formats/namespace.md has the keys and values.
//
// Every change is evaluated against the committed view plus the changes gathered just before it,
// written as one journal entry (the key/value mutations, so replay cannot diverge), and applied and
// answered once the entry is committed. Readers see only what is committed. Changes that wait
// together commit together.
//
// Errors: kNotFound (bucket or key or upload: the message says which), kExists, kNotEmpty,
// kConflict (a precondition failed), kInvalidArgument, kTooLarge, kNoSpace, kUnavailable (outcome
// unknown; the partition is recovering), kFenced (another owner: stop).
//
// Threads: the reactor's. Reads that may block on disk go through Env::offload where they are long.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/cluster_view.h"
#include "journal/journal.h"
#include "namespace/types.h"
#include "stripe/stripe.h"

namespace rocksdb {
class Env;
}

namespace atl::ns {

struct PartitionOptions {
  PartitionId id{1};
  std::string owner = "node-0";
  std::string view_path;                // the RocksDB folder; may be deleted at any stop
  rocksdb::Env* rocksdb_env = nullptr;  // null: the real one; the simulator passes an in-memory one
  bool deterministic = false;           // simulator: no RocksDB background threads
  // These three are lowered to what the smallest device can bear, see sized_for (room.cc).
  uint64_t checkpoint_journal_bytes =
      128u << 20;  // journal grown by this since the last checkpoint: write one
  uint64_t journal_segment_bytes = journal::kSegmentBytes;
  uint64_t inline_backlog_bytes = 512u
                                  << 20;  // not packed yet; past it, writers wait. A minute's work
  Nanos checkpoint_interval_max = 300s;   // or this long, when anything changed
  Nanos destage_age = 30s;  // inline data older than this is packed even into a part-filled stripe
                            // when there is at least kDestageMinBytes of it
};

class Partition {
 public:
  // Takes the journal over, opens (or restores, or creates) the view, replays, frees orphans,
  // serves.
  static Task<Result<std::unique_ptr<Partition>>> open(cluster::ClusterView& view,
                                                       stripe::StripeStore& store,
                                                       PartitionOptions options);
  virtual ~Partition() = default;

  // buckets
  virtual Task<Result<BucketInfo>> create_bucket(std::string name,
                                                 std::string owner) = 0;  // kExists
  virtual Task<Status> delete_bucket(
      std::string name) = 0;  // kNotFound, kNotEmpty (uploads do not count)
  virtual Task<Result<BucketInfo>> get_bucket(std::string name) = 0;
  virtual Task<Result<std::vector<BucketInfo>>> list_buckets() = 0;
  virtual Task<Status> set_bucket_tags(std::string name, Tags tags) = 0;

  // objects. Any key of 1..1024 bytes without a NUL byte is valid.
  virtual Task<Result<PutResult>> put_object(std::string bucket, std::string key, ObjectMeta meta,
                                             FileData data, Conditions conditions) = 0;
  virtual Task<Result<ObjectInfo>> get_object(std::string bucket, std::string key,
                                              bool with_extents) = 0;
  virtual Task<Status> delete_object(std::string bucket, std::string key,
                                     Conditions conditions) = 0;  // kNotFound when absent
  // The destination shares the source's stripes; no byte is moved. `meta`: replaces the source's
  // headers, user metadata, tags and storage class when given (etag, checksum and parts stay the
  // source's unless set in it).
  virtual Task<Result<PutResult>> copy_object(std::string source_bucket, std::string source_key,
                                              std::string expected_source_etag, std::string bucket,
                                              std::string key, std::optional<ObjectMeta> meta,
                                              Conditions conditions) = 0;
  virtual Task<Status> set_object_tags(std::string bucket, std::string key, Tags tags) = 0;
  virtual Task<Result<ListResult>> list(std::string bucket, ListRequest request) = 0;

  // Renames a file, or a directory (both keys end in '/') with all below it, in O(1). A file at the
  // target is replaced; a directory there is kExists. kInvalidArgument for keys that are not paths.
  virtual Task<Status> rename(std::string bucket, std::string from, std::string to) = 0;

  // multipart uploads
  virtual Task<Result<UploadInfo>> create_upload(std::string bucket, std::string key,
                                                 UploadInfo upload) = 0;
  virtual Task<Result<UploadInfo>> get_upload(std::string bucket, std::string key,
                                              std::string upload_id) = 0;  // kNotFound
  virtual Task<Result<PartInfo>> put_part(std::string bucket, std::string key,
                                          std::string upload_id, PartInfo part, FileData data) = 0;
  // Parts with number > after.
  virtual Task<Result<std::vector<PartInfo>>> list_parts(std::string bucket, std::string key,
                                                         std::string upload_id, uint32_t after,
                                                         size_t limit) = 0;
  // Uploads of a bucket sorted by (key, upload id), after (key_after, id_after), keys with the
  // prefix.
  virtual Task<Result<std::vector<UploadInfo>>> list_uploads(std::string bucket, std::string prefix,
                                                             std::string key_after,
                                                             std::string id_after,
                                                             size_t limit) = 0;
  // Joins the parts into the object: metadata only, no byte is moved. Every part must exist with
  // the given etag (kInvalidArgument otherwise). `meta` is the finished object's.
  virtual Task<Result<PutResult>> complete_upload(std::string bucket, std::string key,
                                                  std::string upload_id,
                                                  std::vector<CompletedPart> parts, ObjectMeta meta,
                                                  Conditions conditions) = 0;
  virtual Task<Status> abort_upload(std::string bucket, std::string key, std::string upload_id) = 0;

  // A body found the devices full: does now what would win room in a while (frees stripes, repacks,
  // trims the journal). False when there was nothing to win; then, and for kMakeRoomPause, asking
  // again says so at once.
  virtual Task<bool> make_room() = 0;

  // Bodies that were stored but will not be committed: frees their stripes.
  virtual Task<void> discard(FileData data) = 0;

  // Every stripe that this partition needs: its files' and its checkpoint's.
  virtual stripe::StripeCatalog& catalog() = 0;
  virtual Stats stats() const = 0;
  virtual journal::Journal& journal() = 0;

  virtual Task<Status> checkpoint() = 0;  // now
  virtual Task<Status> destage() = 0;     // packs all inline data there is into stripes, now
  // Compares the view's files with their checksums; a damaged view is rebuilt from checkpoint and
  // journal. Returns how many damaged files were found (and repaired).
  virtual Task<Result<uint64_t>> verify_view() = 0;
  // Whether everything the view holds adds up: entries and inodes, extents and stripes, counts.
  // Returns what does not, in words; for tests, the simulator and support. Reads the whole view.
  virtual Task<Result<std::vector<std::string>>> check_consistency() = 0;
  // False while recovering (calls then wait, up to kRecoveryWaitMax, and then say kUnavailable).
  virtual bool serving() const = 0;
  virtual Task<Status> close() = 0;  // checkpoint if it pays, stop background work
};

}  // namespace atl::ns
