// Buckets: directories of the root, with a row of their own for what only buckets have.
#include "namespace/keys.h"
#include "namespace/ops.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

BucketInfo info_of(std::string_view name, const BucketRecord& record) {
  return BucketInfo{std::string(name), record.owner, record.created, record.tags};
}

Result<BucketInfo> evaluate_create(Txn& txn, const std::string& name, const std::string& owner) {
  if (!valid_name(name)) return fail(Errc::kInvalidArgument, "not a name for a bucket: " + name);
  ATOLL_TRY(const auto existing, txn.find<BucketRecord>(bucket_key(name)));
  if (existing) return fail(Errc::kExists, "bucket " + name + " exists");
  if (txn.counters().buckets >= kMaxBuckets)
    return fail(Errc::kTooLarge,
                fmt::format("there are {} buckets, as many as allowed", kMaxBuckets));
  BucketRecord bucket;
  bucket.directory = txn.next_id();
  bucket.owner = owner;
  bucket.created = txn.now();
  txn.put_record(bucket_key(name), bucket);
  EntryRecord entry;
  entry.directory = bucket.directory;
  txn.put_record(directory_entry_key(kRootInode, name), entry);
  txn.put_record(inode_key(bucket.directory),
                 new_directory(txn.now(), kRootInode, name, /*implicit=*/false));
  ATOLL_TRY_STATUS(add_children(txn, kRootInode, 1));
  ++txn.counters().buckets;
  return info_of(name, bucket);
}

Status evaluate_delete(Txn& txn, const std::string& name) {
  ATOLL_TRY(const BucketRecord bucket, load_bucket(txn, name));
  ATOLL_TRY(const InodeRecord directory, load_directory(txn, bucket.directory));
  if (directory.children != 0 || directory.off_path_entries != 0)
    return fail(Errc::kNotEmpty, "bucket " + name + " is not empty");
  txn.erase(bucket_key(name));
  txn.erase(directory_entry_key(kRootInode, name));
  txn.erase(inode_key(bucket.directory));
  ATOLL_TRY_STATUS(add_children(txn, kRootInode, -1));
  if (txn.counters().buckets == 0) return fail(Errc::kCorrupt, "the view counts too few buckets");
  --txn.counters().buckets;
  Scan uploads = txn.scan_prefix(row_prefix(Row::kUpload, bucket.directory.value));
  const bool any = uploads.valid();
  ATOLL_TRY_STATUS(uploads.status());
  if (any) {
    txn.put(reclaim_key(bucket.directory, static_cast<uint8_t>(ReclaimKind::kBucketUploads)), {});
    txn.note_reclaim();
  }
  return {};
}

}  // namespace

Task<Result<BucketInfo>> PartitionImpl::create_bucket(std::string name, std::string owner) {
  std::string what = "create bucket " + name;
  std::function<Result<BucketInfo>(Txn&)> evaluate = [name = std::move(name),
                                                      owner = std::move(owner)](Txn& txn) {
    return evaluate_create(txn, name, owner);
  };
  co_return co_await change<BucketInfo>(std::move(what), 1, std::move(evaluate));
}

Task<Status> PartitionImpl::delete_bucket(std::string name) {
  std::string what = "delete bucket " + name;
  std::function<Status(Txn&)> evaluate = [name = std::move(name)](Txn& txn) {
    return evaluate_delete(txn, name);
  };
  co_return co_await change_status(std::move(what), std::move(evaluate));
}

Task<Result<BucketInfo>> PartitionImpl::get_bucket(std::string name) {
  std::function<Result<BucketInfo>(Reader&)> lookup =
      [&name](Reader& reader) -> Result<BucketInfo> {
    ATOLL_TRY(const BucketRecord bucket, load_bucket(reader, name));
    return info_of(name, bucket);
  };
  co_return co_await look<BucketInfo>(std::move(lookup), false);
}

Task<Result<std::vector<BucketInfo>>> PartitionImpl::list_buckets() {
  std::function<Result<std::vector<BucketInfo>>(Reader&)> lookup =
      [](Reader& reader) -> Result<std::vector<BucketInfo>> {
    std::vector<BucketInfo> all;
    Scan scan = reader.scan_prefix(row_prefix(Row::kBucket));
    for (; scan.valid(); scan.next()) {
      BucketRecord bucket;
      ATOLL_TRY_STATUS(decode(scan.value(), &bucket));
      all.push_back(info_of(scan.key().substr(1), bucket));
    }
    ATOLL_TRY_STATUS(scan.status());
    return all;
  };
  co_return co_await look<std::vector<BucketInfo>>(std::move(lookup), false);
}

Task<Status> PartitionImpl::set_bucket_tags(std::string name, Tags tags) {
  std::string what = "tag bucket " + name;
  std::function<Status(Txn&)> evaluate = [name = std::move(name),
                                          tags = std::move(tags)](Txn& txn) -> Status {
    ATOLL_TRY(BucketRecord bucket, load_bucket(txn, name));
    bucket.tags = tags;
    txn.put_record(bucket_key(name), bucket);
    return {};
  };
  co_return co_await change_status(std::move(what), std::move(evaluate));
}

}  // namespace atl::ns
