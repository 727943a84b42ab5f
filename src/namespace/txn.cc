#include "namespace/txn.h"

#include <rocksdb/comparator.h>

#include "base/check.h"
#include "namespace/keys.h"

namespace atl::ns {

Txn::Txn(View& view, const Counters& counters, Nanos now)
    : view_(view),
      batch_(rocksdb::BytewiseComparator(), 0, /*overwrite_key=*/true),
      entry_(view.applied().chain),
      now_(now),
      counters_(counters) {}

Result<bool> Txn::get(std::string_view key, std::string* value) {
  rocksdb::PinnableSlice pinned;
  const rocksdb::Status status =
      batch_.GetFromBatchAndDB(&view_.db(), rocksdb::ReadOptions(), slice_of(key), &pinned);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return fail(view_error(status));
  value->assign(pinned.data(), pinned.size());
  return true;
}

Scan Txn::scan(std::string_view from, std::string_view end) {
  rocksdb::Iterator* base = view_.db().NewIterator(rocksdb::ReadOptions());
  std::unique_ptr<rocksdb::Iterator> iterator(batch_.NewIteratorWithBase(base));
  iterator->Seek(slice_of(from));
  return Scan(std::move(iterator), std::string(end));
}

void Txn::put(std::string_view key, std::string_view value) {
  ATOLL_CHECK(op_open_ && !finished_);
  ATOLL_CHECK(key_well_formed(key));
  const rocksdb::Status status = batch_.Put(slice_of(key), slice_of(value));
  ATOLL_CHECK(status.ok(), status.ToString());
  entry_.put(key, value);
}

void Txn::erase(std::string_view key) {
  ATOLL_CHECK(op_open_ && !finished_);
  ATOLL_CHECK(key_well_formed(key));
  const rocksdb::Status status = batch_.Delete(slice_of(key));
  ATOLL_CHECK(status.ok(), status.ToString());
  entry_.erase(key);
}

void Txn::begin_op() {
  ATOLL_CHECK(!op_open_ && !finished_);
  op_open_ = true;
  op_counters_ = counters_;
  op_freed_ = freed_.size();
  op_reclaim_ = reclaim_;
  batch_.SetSavePoint();
}

void Txn::end_op(std::string_view what) {
  ATOLL_CHECK(op_open_);
  op_open_ = false;
  const rocksdb::Status status = batch_.PopSavePoint();
  ATOLL_CHECK(status.ok(), status.ToString());
  entry_.end_op(what);
}

void Txn::drop_op() {
  ATOLL_CHECK(op_open_);
  op_open_ = false;
  // Taking back rebuilds the batch's index, so it is worth asking whether there is anything.
  const rocksdb::Status status =
      entry_.op_empty() ? batch_.PopSavePoint() : batch_.RollbackToSavePoint();
  ATOLL_CHECK(status.ok(), status.ToString());
  entry_.drop_op();
  counters_ = op_counters_;
  freed_.resize(op_freed_);
  reclaim_ = op_reclaim_;
}

void Txn::finish() {
  ATOLL_CHECK(!finished_ && !empty());
  begin_op();
  put_record(counters_key(), counters_);
  end_op("counters");
  finished_ = true;
}

}  // namespace atl::ns
