// clang-format off
// The partition, by phase:
//
//   batcher.cc      queue -> evaluate -> journal -> view -> answer (docs/paths/namespace-write.md)
//   bucket_ops.cc   object_ops.cc   copy_op.cc (and renaming)   upload_ops.cc   list_op.cc
//   room.cc         back-pressure: who may still bring data; making room
//   destager.cc     inline data -> packed stripes       repack.cc    sparse packed stripes -> new ones
//   freer.cc        stripes without references go       reclaim.cc   deleted files' rows go
//   checkpoint.cc   the view's files -> stripes         restore.cc   and back
//   recovery.cc     a broken journal or a damaged view while serving
//   catalog.cc      what must be kept                   consistency.cc  does all of it add up
//   lifecycle.cc    open, background tasks, close
// clang-format on
//
// Threads: the reactor's. `view_` is read from worker threads by SnapshotReaders, which hold it.
//
// Invariants:
//  - Only the batch runner appends to the journal, applies to the view, and replaces either.
//  - `counters_` are those of the committed view.
//  - Nothing is answered before what it rests on is committed.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "env/sync.h"
#include "namespace/checkpoint_manifest.h"
#include "namespace/doorbell.h"
#include "namespace/partition.h"
#include "namespace/path.h"
#include "namespace/ports.h"
#include "namespace/read_pin.h"
#include "namespace/txn.h"
#include "namespace/view.h"

namespace atl::ns {

// A batch is one journal entry: what one replicated append takes in a few milliseconds.
inline constexpr size_t kBatchBytesMax = 2u << 20;
inline constexpr size_t kBatchOpsMax = 1024;
// An entry's limit less what the batch adds to an operation (counters, headers).
inline constexpr size_t kOpBytesMax = journal::kMaxEntryBytes - 4096;
// Operations and bytes that wait for the runner; more wait outside (back-pressure). In cost units
// of 1 KiB: an operation costs one and its inline data.
inline constexpr uint64_t kQueueCostMax = 64u << 10;
// How long a call waits for a partition that is recovering.
inline constexpr Nanos kRecoveryWaitMax = 60s;
inline constexpr Nanos kRecoveryPauseMin = 20ms;
inline constexpr Nanos kRecoveryPauseMax = 2s;
// A call whose evaluation finds the view damaged is tried again on the rebuilt one this many times.
inline constexpr int kDamageAttemptsMax = 3;
// Batches larger than this are applied on a worker thread: about 1 ms of the reactor's time.
inline constexpr size_t kApplyHereMax = 256u << 10;
// Deterministic mode: the view is flushed, by hand, when this much was written since the last time.
inline constexpr uint64_t kFlushByHandBytes = 16u << 20;
// A writer that waits for room longer than this is told that there is none.
inline constexpr Nanos kRoomWaitMax = 30s;
// Shares of the smallest device: a checkpoint is due at 1/64, so the journal ends at 1/8 (the
// factor below); no more than 1/8 waits to be packed.
inline constexpr uint64_t kCheckpointShare = 64;
inline constexpr uint64_t kInlineBacklogShare = 8;
// After make_room() won nothing.
inline constexpr Nanos kMakeRoomPause = 1s;
// While the devices are full, this much journal is worth a checkpoint.
inline constexpr uint64_t kSqueezedCheckpointBytes = 256u << 10;
// The journal may outgrow checkpoint_journal_bytes by this factor before writers wait.
inline constexpr uint64_t kJournalBacklogFactor = 8;
inline constexpr uint64_t kDestageMinBytes = 256u << 10;
// Extents that destaging or repacking switches in one operation: some 3 ms of the reactor.
inline constexpr size_t kSwitchAtOnce = 1024;
// Journal bytes below which close() does not write a checkpoint: replaying them takes well under 1
// s.
inline constexpr uint64_t kCloseCheckpointBytes = 16u << 20;

struct Op {
  std::string what;
  uint64_t cost = 1;
  std::function<Status(Txn&)> evaluate;  // may run more than once; the last run counts
  Nanos queued_at{};
  int damage_attempts = 0;
  std::optional<Status> outcome;  // of the last evaluation
  bool wrote = false;
  std::optional<Status> answer;
  env::Event done;
};
using OpPtr = std::shared_ptr<Op>;

// `options` with what the journal and unpacked data may take lowered to shares of the smallest
// device.
PartitionOptions sized_for(const cluster::ClusterMap& map, PartitionOptions options);

class PartitionImpl final : public Partition, private stripe::StripeCatalog {
 public:
  PartitionImpl(PartitionPorts ports, PartitionOptions options);
  ~PartitionImpl() override;

  Task<Status> start();  // lifecycle.cc: all of Partition::open
  void own(std::unique_ptr<Stripes> stripes) { own_stripes_ = std::move(stripes); }
  // Stops everything without writing anything more, as a crash would; then the object may go.
  Task<void> stop();

  Task<Result<BucketInfo>> create_bucket(std::string name, std::string owner) override;
  Task<Status> delete_bucket(std::string name) override;
  Task<Result<BucketInfo>> get_bucket(std::string name) override;
  Task<Result<std::vector<BucketInfo>>> list_buckets() override;
  Task<Status> set_bucket_tags(std::string name, Tags tags) override;

  Task<Result<PutResult>> put_object(std::string bucket, std::string key, ObjectMeta meta,
                                     FileData data, Conditions conditions) override;
  Task<Result<ObjectInfo>> get_object(std::string bucket, std::string key,
                                      bool with_extents) override;
  Task<Status> delete_object(std::string bucket, std::string key, Conditions conditions) override;
  Task<Result<PutResult>> copy_object(std::string source_bucket, std::string source_key,
                                      std::string expected_source_etag, std::string bucket,
                                      std::string key, std::optional<ObjectMeta> meta,
                                      Conditions conditions) override;
  Task<Status> set_object_tags(std::string bucket, std::string key, Tags tags) override;
  Task<Result<ListResult>> list(std::string bucket, ListRequest request) override;
  Task<Status> rename(std::string bucket, std::string from, std::string to) override;

  Task<Result<UploadInfo>> create_upload(std::string bucket, std::string key,
                                         UploadInfo upload) override;
  Task<Result<UploadInfo>> get_upload(std::string bucket, std::string key,
                                      std::string upload_id) override;
  Task<Result<PartInfo>> put_part(std::string bucket, std::string key, std::string upload_id,
                                  PartInfo part, FileData data) override;
  Task<Result<std::vector<PartInfo>>> list_parts(std::string bucket, std::string key,
                                                 std::string upload_id, uint32_t after,
                                                 size_t limit) override;
  Task<Result<std::vector<UploadInfo>>> list_uploads(std::string bucket, std::string prefix,
                                                     std::string key_after, std::string id_after,
                                                     size_t limit) override;
  Task<Result<PutResult>> complete_upload(std::string bucket, std::string key,
                                          std::string upload_id, std::vector<CompletedPart> parts,
                                          ObjectMeta meta, Conditions conditions) override;
  Task<Status> abort_upload(std::string bucket, std::string key, std::string upload_id) override;

  Task<bool> make_room() override;
  Task<void> discard(FileData data) override;

  stripe::StripeCatalog& catalog() override { return *this; }
  Stats stats() const override;
  journal::Journal& journal() override { return *journal_; }
  Task<Status> checkpoint() override;
  Task<Status> destage() override;
  Task<Result<uint64_t>> verify_view() override;
  Task<Result<std::vector<std::string>>> check_consistency() override;
  bool serving() const override { return serving_; }
  Task<Status> close() override;

  // For tests: one round of each background task, and what they see.
  Task<Result<bool>> repack_once();
  Task<Result<size_t>> free_once();
  Task<Result<bool>> reclaim_once();
  View& view() { return *view_; }
  PinRegistry& pins() { return *pins_; }

 private:
  // catalog.cc
  Task<Result<std::vector<stripe::StripeRef>>> list(StripeId after, size_t limit) override;
  Task<Result<bool>> contains(StripeId id) override;

  // batcher.cc
  Task<Status> submit(OpPtr op);
  template <typename T>
  Task<Result<T>> change(std::string what, uint64_t cost, std::function<Result<T>(Txn&)> evaluate);
  Task<Status> change_status(std::string what, std::function<Status(Txn&)> evaluate);
  Task<void> run_batches();
  Task<void> run_batch();
  Status gather(Txn& txn, std::vector<OpPtr>* ops);
  Task<Status> apply_batch(Txn& txn, AppliedRecord applied);
  void after_commit(const Txn& txn);
  void answer(const OpPtr& op, Status status);
  void refuse(const OpPtr& op, Error why);
  void answer_all(const std::vector<OpPtr>& ops);
  void requeue(const std::vector<OpPtr>& ops);

  // recovery.cc
  Task<void> recover();
  Task<Status> try_recover();
  Task<void> await_view_unused();
  void resolve_in_doubt();
  void expire_waiters();
  void fence(Error why);
  void damaged(const Error& why);
  Task<Status> wait_serving();
  static bool means_damage(const Error& error) {
    return error.code == Errc::kCorrupt || error.code == Errc::kIo;
  }

  // restore.cc
  Task<Status> take_journal();
  Task<Status> load_checkpoint();
  Task<Status> open_view();
  Task<Status> restore_view();
  Task<Status> replay_journal();
  Task<Result<Buf>> read_stripes(std::vector<stripe::StripeRef> pieces);

  // reads.cc
  template <typename T>
  Task<Result<T>> look(std::function<Result<T>(Reader&)> lookup, bool long_scan);

  // room.cc
  Task<Status> wait_for_room(uint64_t inline_bytes);
  void note_no_space();
  void note_space();
  Task<Result<stripe::StripeRef>> write_system(Buf data);

  // What becomes of a body's stripes once its operation is over.
  void settle_body(const FileData& data, const Status& outcome);
  void settle_packed(stripe::StripeRef ref, const Status& status);
  Task<void> drop_stripes(std::vector<stripe::StripeRef> stripes);
  Task<void> resolve_unknown_stripes();

  // Background: each runs until stopping_.
  void spawn_background(const char* name, Task<void> task);
  Task<void> background_end(Task<void> task);
  Task<void> destage_loop();
  Task<void> free_loop();
  Task<void> reclaim_loop();
  Task<void> checkpoint_loop();
  Task<Result<bool>> destage_once(bool even_if_young);
  bool repack_pays() const;
  Task<Result<CheckpointFile>> store_file(std::shared_ptr<View> view, ViewFile file);
  Task<Result<CheckpointManifest>> store_view(std::shared_ptr<View> view, AppliedRecord at);

  std::unique_ptr<Stripes> own_stripes_;
  PartitionPorts ports_;
  env::Env& env_;
  const PartitionOptions options_;
  const ViewOptions view_options_;

  std::shared_ptr<journal::Journal> journal_;
  std::deque<std::shared_ptr<journal::Journal>>
      retired_journals_;  // callers may still look at them
  std::shared_ptr<View> view_;
  Counters counters_;
  std::shared_ptr<PinRegistry> pins_ = std::make_shared<PinRegistry>();

  // The queue and its runner.
  std::deque<OpPtr> queue_;
  env::Semaphore queue_room_{kQueueCostMax};
  env::WaitQueue runner_idle_;
  size_t solo_batches_ = 0;  // after kNoSpace: one operation a batch, so that deletes get through
  bool runner_done_ = false;

  // Recovery.
  bool serving_ = false;
  env::WaitQueue serving_queue_;
  std::optional<Error> fenced_;
  std::optional<Error> view_damage_;
  struct InDoubt {
    std::vector<OpPtr> ops;
    Lsn before;
    uint32_t chain_after = 0;
    std::vector<StripeId> freed;
  };
  std::optional<InDoubt> in_doubt_;
  std::map<StripeId, stripe::StripeRef>
      unknown_stripes_;  // of bodies whose operation's outcome is unknown

  // Room.
  bool full_ = false;  // the last stripe that had to be written found no room for users
  Nanos full_since_{};
  env::Mutex make_room_mutex_;
  bool making_room_ = false;
  std::optional<Nanos> nothing_to_win_;  // when make_room() last said so
  env::WaitQueue room_queue_;

  // Background.
  bool stopping_ = false;
  size_t background_ = 0;
  env::WaitQueue background_queue_;
  Doorbell destage_bell_;
  Doorbell free_bell_;
  Doorbell reclaim_bell_;
  Doorbell checkpoint_bell_;
  env::Mutex destage_mutex_;  // destaging and repacking: one at a time
  env::Mutex free_mutex_;
  std::set<StripeId> freeing_;  // being deleted: no longer in the catalog
  env::Mutex checkpoint_mutex_;
  InodeId destage_cursor_;  // inline data before this was already looked at in this round
  StripeId free_cursor_;

  // Checkpoints: the journal's current one, and the stripes of one that is being written.
  CheckpointManifest manifest_;
  std::map<StripeId, stripe::StripeRef> checkpoint_stripes_;
  std::map<StripeId, stripe::StripeRef> next_checkpoint_stripes_;
  std::map<StripeId, stripe::StripeRef> previous_checkpoint_stripes_;  // replaced by a takeover
  Nanos last_checkpoint_{};
};

template <typename T>
Task<Result<T>> PartitionImpl::change(std::string what, uint64_t cost,
                                      std::function<Result<T>(Txn&)> evaluate) {
  auto value = std::make_shared<std::optional<T>>();
  auto op = std::make_shared<Op>();
  op->what = std::move(what);
  op->cost = cost;
  op->evaluate = [value, evaluate = std::move(evaluate)](Txn& txn) -> Status {
    value->reset();
    Result<T> result = evaluate(txn);
    if (!result) return fail(std::move(result).error());
    value->emplace(std::move(*result));
    return {};
  };
  Status status = co_await submit(op);
  if (!status) co_return fail(std::move(status).error());
  ATOLL_CHECK(value->has_value(), "success without a value");
  co_return std::move(**value);
}

template <typename T>
Task<Result<T>> PartitionImpl::look(std::function<Result<T>(Reader&)> lookup, bool long_scan) {
  for (int attempt = 1;; ++attempt) {
    ATOLL_CO_TRY_STATUS(co_await wait_serving());
    std::optional<Result<T>> result;
    {
      SnapshotReader reader(view_);
      if (long_scan) {
        reader.read_through();
        co_await env_.offload([&result, &reader, &lookup] { result.emplace(lookup(reader)); });
      } else {
        result.emplace(lookup(reader));
      }
    }
    if (*result || !means_damage(result->error()) || attempt == kDamageAttemptsMax)
      co_return std::move(*result);
    damaged(result->error());
  }
}

}  // namespace atl::ns
