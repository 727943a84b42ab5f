// Copy: a new file that shares the source's stripes; inline bytes are copied. And rename.
#include "namespace/keys.h"
#include "namespace/ops.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

struct CopyArgs {
  std::string source_bucket;
  KeyPath source;
  std::string expected_etag;
  std::string bucket;
  KeyPath path;
  std::optional<ObjectMeta> meta;
  Conditions conditions;
};

ObjectMeta copied_meta(ObjectMeta meta, const std::optional<ObjectMeta>& replacement) {
  if (replacement) meta.headers = replacement->headers;
  meta.headers.erase(std::string(kUploadIdHeader));  // the copy is no upload's
  if (!replacement) return meta;
  meta.user_metadata = replacement->user_metadata;
  meta.tags = replacement->tags;
  meta.storage_class = replacement->storage_class;
  if (!replacement->etag.empty()) meta.etag = replacement->etag;
  if (replacement->checksum.algorithm != ChecksumAlgorithm::kNone)
    meta.checksum = replacement->checksum;
  if (!replacement->parts.empty()) meta.parts = replacement->parts;
  return meta;
}

Result<PutResult> evaluate_copy(Txn& txn, const CopyArgs& args) {
  ATOLL_TRY(const BucketRecord source_bucket, load_bucket(txn, args.source_bucket));
  ATOLL_TRY(const Place source, find_place(txn, source_bucket.directory, args.source));
  if (source.object() == nullptr) return fail(no_key(args.source.key));
  ATOLL_TRY(InodeRecord file, txn.load<InodeRecord>(inode_key(source.object()->inode)));
  if (!args.expected_etag.empty() && args.expected_etag != file.meta.etag)
    return fail(Errc::kConflict, "the source has another etag");
  ATOLL_TRY(const BucketRecord bucket, load_bucket(txn, args.bucket));
  ATOLL_TRY(Place place, find_place(txn, bucket.directory, args.path));
  ATOLL_TRY_STATUS(check_conditions(txn, args.conditions, place.object(), args.path.key));
  // The new references come before the old file goes: it may be the very same.
  const InodeId id = txn.next_id();
  ATOLL_TRY_STATUS(copy_data(txn, file.pieces, id));
  std::vector<Piece> pieces;
  if (file.size > 0) pieces.push_back({id, file.size});
  return install_object(
      txn, args.path, &place, id,
      new_file(txn, copied_meta(std::move(file.meta), args.meta), std::move(pieces)));
}

Status evaluate_rename(Txn& txn, const CopyArgs& args) {
  ATOLL_TRY(const BucketRecord bucket, load_bucket(txn, args.bucket));
  std::optional<FileEntry> replaced;
  ATOLL_TRY_STATUS(
      move_entry(txn, bucket.directory, args.source, args.path, args.source.marker, &replaced));
  if (!replaced) return {};
  ATOLL_TRY(const ListedAttributes attributes, attributes_of(txn, *replaced));
  --txn.counters().objects;
  txn.counters().bytes -= attributes.size;
  return release_inode(txn, replaced->inode);
}

}  // namespace

Task<Result<PutResult>> PartitionImpl::copy_object(
    std::string source_bucket, std::string source_key, std::string expected_source_etag,
    std::string bucket, std::string key, std::optional<ObjectMeta> meta, Conditions conditions) {
  auto args = std::make_shared<CopyArgs>();
  args->source_bucket = std::move(source_bucket);
  args->expected_etag = std::move(expected_source_etag);
  args->bucket = std::move(bucket);
  args->meta = std::move(meta);
  args->conditions = std::move(conditions);
  ATOLL_CO_TRY_STATUS(KeyPath::parse(std::move(source_key), &args->source));
  ATOLL_CO_TRY_STATUS(KeyPath::parse(std::move(key), &args->path));
  // The source may be inline; how much is not known yet.
  ATOLL_CO_TRY_STATUS(co_await wait_for_room(1));
  std::string what = "copy to " + args->bucket + "/" + args->path.key;
  std::function<Result<PutResult>(Txn&)> evaluate = [args](Txn& txn) {
    return evaluate_copy(txn, *args);
  };
  co_return co_await change<PutResult>(std::move(what), cost_of(kInlineBytesMax),
                                       std::move(evaluate));
}

Task<Status> PartitionImpl::rename(std::string bucket, std::string from, std::string to) {
  auto args = std::make_shared<CopyArgs>();
  args->bucket = std::move(bucket);
  ATOLL_CO_TRY_STATUS(KeyPath::parse(std::move(from), &args->source));
  ATOLL_CO_TRY_STATUS(KeyPath::parse(std::move(to), &args->path));
  std::string what = "rename to " + args->bucket + "/" + args->path.key;
  std::function<Status(Txn&)> evaluate = [args](Txn& txn) { return evaluate_rename(txn, *args); };
  co_return co_await change_status(std::move(what), std::move(evaluate));
}

}  // namespace atl::ns
