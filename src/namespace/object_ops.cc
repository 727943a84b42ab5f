// Objects: put, get, delete, tags.
#include "namespace/keys.h"
#include "namespace/ops.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

struct PutArgs {
  std::string bucket;
  KeyPath path;
  ObjectMeta meta;
  FileData data;
  Conditions conditions;
};

Result<PutResult> evaluate_put(Txn& txn, const PutArgs& args) {
  ATOLL_TRY(const BucketRecord bucket, load_bucket(txn, args.bucket));
  ATOLL_TRY(Place place, find_place(txn, bucket.directory, args.path));
  ATOLL_TRY_STATUS(check_conditions(txn, args.conditions, place.object(), args.path.key));
  const InodeId id = txn.next_id();
  ATOLL_TRY_STATUS(store_data(txn, id, args.data));
  std::vector<Piece> pieces;
  if (args.data.size > 0) pieces.push_back({id, args.data.size});
  return install_object(txn, args.path, &place, id, new_file(txn, args.meta, std::move(pieces)));
}

struct Found {
  FileEntry entry;
  InodeRecord inode;
};

Result<Found> find_object(Reader& reader, const std::string& bucket_name, const KeyPath& path) {
  ATOLL_TRY(const BucketRecord bucket, load_bucket(reader, bucket_name));
  ATOLL_TRY(const Place place, find_place(reader, bucket.directory, path));
  if (place.object() == nullptr) return fail(no_key(path.key));
  Found found;
  found.entry = *place.object();
  ATOLL_TRY(found.inode, reader.load<InodeRecord>(inode_key(found.entry.inode)));
  return found;
}

}  // namespace

Task<Result<PutResult>> PartitionImpl::put_object(std::string bucket, std::string key,
                                                  ObjectMeta meta, FileData data,
                                                  Conditions conditions) {
  auto args = std::make_shared<PutArgs>();
  args->bucket = std::move(bucket);
  args->meta = std::move(meta);
  args->data = std::move(data);
  args->conditions = std::move(conditions);
  const uint64_t inline_bytes = inline_bytes_of(args->data);
  Status ready = KeyPath::parse(std::move(key), &args->path);
  if (ready) ready = check_file_data(args->data);
  if (ready) ready = co_await wait_for_room(inline_bytes);
  if (!ready) {
    settle_body(args->data, ready);
    co_return fail(std::move(ready).error());
  }
  std::string what = "put " + args->bucket + "/" + args->path.key;
  std::function<Result<PutResult>(Txn&)> evaluate = [args](Txn& txn) {
    return evaluate_put(txn, *args);
  };
  Result<PutResult> put =
      co_await change<PutResult>(std::move(what), cost_of(inline_bytes), std::move(evaluate));
  settle_body(args->data, put ? Status{} : Status(fail(put.error())));
  co_return put;
}

Task<Result<ObjectInfo>> PartitionImpl::get_object(std::string bucket, std::string key,
                                                   bool with_extents) {
  KeyPath path;
  ATOLL_CO_TRY_STATUS(KeyPath::parse(std::move(key), &path));
  // The pin comes first: what the lookup sees cannot be freed from then on.
  std::shared_ptr<ReadPin> pin;
  if (with_extents) pin = pins_->take(env_.now());
  std::function<Result<ObjectInfo>(Reader&)> lookup =
      [&bucket, &path, with_extents](Reader& reader) -> Result<ObjectInfo> {
    ATOLL_TRY(Found found, find_object(reader, bucket, path));
    ObjectInfo info;
    info.inode = found.entry.inode;
    info.size = found.inode.size;
    info.mtime = found.inode.mtime;
    info.meta = std::move(found.inode.meta);
    if (with_extents) {
      ATOLL_TRY(info.extents, load_extents(reader, found.inode.pieces));
    }
    return info;
  };
  Result<ObjectInfo> info = co_await look<ObjectInfo>(std::move(lookup), false);
  if (info) info->pin = std::move(pin);
  co_return info;
}

Task<Status> PartitionImpl::delete_object(std::string bucket, std::string key,
                                          Conditions conditions) {
  auto args = std::make_shared<PutArgs>();
  args->bucket = std::move(bucket);
  args->conditions = std::move(conditions);
  ATOLL_CO_TRY_STATUS(KeyPath::parse(std::move(key), &args->path));
  std::string what = "delete " + args->bucket + "/" + args->path.key;
  std::function<Status(Txn&)> evaluate = [args](Txn& txn) -> Status {
    ATOLL_TRY(const BucketRecord bucket, load_bucket(txn, args->bucket));
    ATOLL_TRY(Place place, find_place(txn, bucket.directory, args->path));
    if (place.object() == nullptr) return fail(no_key(args->path.key));
    ATOLL_TRY_STATUS(check_conditions(txn, args->conditions, place.object(), args->path.key));
    return remove_object(txn, args->path, &place);
  };
  co_return co_await change_status(std::move(what), std::move(evaluate));
}

Task<Status> PartitionImpl::set_object_tags(std::string bucket, std::string key, Tags tags) {
  auto args = std::make_shared<PutArgs>();
  args->bucket = std::move(bucket);
  args->meta.tags = std::move(tags);
  ATOLL_CO_TRY_STATUS(KeyPath::parse(std::move(key), &args->path));
  std::string what = "tag " + args->bucket + "/" + args->path.key;
  std::function<Status(Txn&)> evaluate = [args](Txn& txn) -> Status {
    ATOLL_TRY(Found found, find_object(txn, args->bucket, args->path));
    found.inode.meta.tags = args->meta.tags;
    found.inode.ctime = txn.now();
    txn.put_record(inode_key(found.entry.inode), found.inode);
    return {};
  };
  co_return co_await change_status(std::move(what), std::move(evaluate));
}

}  // namespace atl::ns
