// Opening, background tasks, verification on request, closing.
#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

// A damaged view is found out while it is replayed into, at the latest; the next try starts from
// the checkpoint, so a second failure has another cause.
constexpr int kOpenAttempts = 2;

Task<void> collect_journal_orphans(std::shared_ptr<journal::Journal> journal) {
  const Status status = co_await journal->collect_orphans();
  if (!status)
    ATOLL_LOG(kInfo, "namespace", "orphaned journal segments stay for now",
              {{"why", status.error().to_string()}});
}

}  // namespace

PartitionImpl::PartitionImpl(PartitionPorts ports, PartitionOptions options)
    : ports_(std::move(ports)),
      env_(ports_.env),
      options_(std::move(options)),
      view_options_{options_.view_path, options_.rocksdb_env, options_.deterministic} {
  ATOLL_CHECK(!ports_.cluster.is_nil() && options_.id.value != 0);
  ATOLL_CHECK(!options_.view_path.empty());
}

PartitionImpl::~PartitionImpl() = default;

Task<Status> PartitionImpl::start() {
  ATOLL_CO_TRY_STATUS(co_await take_journal());
  Status opened;
  for (int attempt = 1; attempt <= kOpenAttempts; ++attempt) {
    if (attempt == 1) {
      opened = co_await open_view();
    } else {
      view_.reset();
      opened = co_await restore_view();
      if (opened) opened = co_await replay_journal();
    }
    if (opened || opened.error().code == Errc::kUnavailable) break;
  }
  ATOLL_CO_TRY_STATUS(std::move(opened));
  serving_ = true;
  last_checkpoint_ = env_.now();
  spawn_background("namespace batches", run_batches());
  spawn_background("namespace destage", destage_loop());
  spawn_background("namespace free", free_loop());
  spawn_background("namespace reclaim", reclaim_loop());
  spawn_background("namespace checkpoint", checkpoint_loop());
  spawn_background("journal orphans", collect_journal_orphans(journal_));
  ATOLL_LOG(kInfo, "namespace", "partition serves",
            {{"partition", options_.id},
             {"epoch", journal_->epoch()},
             {"lsn", journal_->committed()},
             {"objects", counters_.objects}});
  co_return Status{};
}

void PartitionImpl::spawn_background(const char* name, Task<void> task) {
  ++background_;
  env_.spawn(name, background_end(std::move(task)));
}

Task<void> PartitionImpl::background_end(Task<void> task) {
  co_await std::move(task);
  --background_;
  background_queue_.wake_all();
}

Task<void> PartitionImpl::stop() {
  stopping_ = true;
  runner_idle_.wake_all();
  for (Doorbell* bell : {&destage_bell_, &free_bell_, &reclaim_bell_, &checkpoint_bell_})
    bell->ring();
  while (background_ > 0) co_await background_queue_.wait();
  serving_ = false;
  co_await await_view_unused();
}

Task<Status> PartitionImpl::close() {
  Status status;
  if (serving_ && !stopping_) {
    if (journal_->bytes_since_checkpoint() >= kCloseCheckpointBytes) {
      status = co_await checkpoint();
    } else {
      // Cheaper, and spares the next start the replay.
      const std::shared_ptr<View> view = view_;
      co_await env_.offload([&status, &view] { status = view->flush(); });
    }
  }
  co_await stop();
  const Status closed = co_await journal_->close();
  if (fenced_) co_return fail(*fenced_);
  if (!status) co_return status;
  co_return closed;
}

Task<Result<uint64_t>> PartitionImpl::verify_view() {
  ATOLL_CO_TRY_STATUS(co_await wait_serving());
  Result<uint64_t> bad = fail(Errc::kInternal);
  {
    const std::shared_ptr<View> view = view_;
    co_await env_.offload([&bad, &view] { bad = view->verify(); });
  }
  if (bad && *bad == 0) co_return bad;
  if (!bad && !means_damage(bad.error())) co_return bad;
  const uint64_t count = bad ? *bad : 1;
  damaged(Error(Errc::kCorrupt, fmt::format("{} damaged files", count)));
  ATOLL_CO_TRY_STATUS(co_await wait_serving());
  co_return count;
}

}  // namespace atl::ns
