// One batch of operations on its way into the journal: reads see the committed view with the
// batch's changes over it; the changes are kept twice, for RocksDB and for the journal entry.
//
// Operations run one after another inside begin_op / end_op; one that fails is taken back with
// drop_op and leaves nothing. Lives from the first evaluation until its entry is applied.
// Threads: the reactor's; the write batch may be applied elsewhere once nothing else touches it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/utilities/write_batch_with_index.h>

#include "namespace/entry.h"
#include "namespace/reader.h"
#include "namespace/view.h"

namespace atl::ns {

class Txn final : public Reader {
 public:
  Txn(View& view, const Counters& counters, Nanos now);

  Result<bool> get(std::string_view key, std::string* value) override;
  Scan scan(std::string_view from, std::string_view end) override;

  void put(std::string_view key, std::string_view value);
  template <typename Record>
  void put_record(std::string_view key, const Record& record) {
    put(key, encode(record));
  }
  void erase(std::string_view key);

  Nanos now() const { return now_; }  // wall clock: one time for the whole batch
  InodeId next_id() { return InodeId(counters_.next_id++); }
  Counters& counters() { return counters_; }
  const Counters& counters() const { return counters_; }

  // What must follow once the batch is committed.
  void note_freed(StripeId stripe) { freed_.push_back(stripe); }
  const std::vector<StripeId>& freed() const { return freed_; }
  void note_reclaim() { reclaim_ = true; }
  bool reclaim() const { return reclaim_; }

  void begin_op();
  void end_op(std::string_view what);
  void drop_op();
  size_t op_bytes() const { return entry_.op_bytes(); }
  bool op_empty() const { return entry_.op_empty(); }
  bool empty() const { return entry_.empty(); }
  size_t bytes() const { return entry_.bytes(); }

  // Adds the counters; nothing may change after this.
  void finish();
  const std::string& payload() const { return entry_.payload(); }
  uint32_t chain() const { return entry_.chain(); }
  rocksdb::WriteBatch* write_batch() { return batch_.GetWriteBatch(); }

 private:
  View& view_;
  rocksdb::WriteBatchWithIndex batch_;
  EntryBuilder entry_;
  Nanos now_;
  Counters counters_;
  std::vector<StripeId> freed_;
  bool reclaim_ = false;
  // As they were when the operation began.
  Counters op_counters_;
  size_t op_freed_ = 0;
  bool op_reclaim_ = false;
  bool op_open_ = false;
  bool finished_ = false;
};

}  // namespace atl::ns
