// A checkpoint: the view's files as stripes. RocksDB's tables never change, so only those that the
// last checkpoint lacks are written.
//
//   1. flush the view and hold its files
//   2. store the new ones (and small changing ones in the manifest)
//   3. tell the journal, which may then trim
//   4. free what only the last checkpoint had
#include "base/check.h"
#include "base/crc.h"
#include "base/log.h"
#include "base/probe.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

constexpr Nanos kCheckpointLook = 1s;        // how often the conditions are looked at
constexpr Nanos kCheckpointRetryPause = 5s;  // after a failure

}  // namespace

// Stores the bytes [0, size) of a file that is held, piece by piece.
Task<Result<CheckpointFile>> PartitionImpl::store_file(std::shared_ptr<View> view, ViewFile file) {
  CheckpointFile out;
  out.name = file.name;
  out.immutable = file.immutable;
  out.size = file.replacement.empty() ? file.size : file.replacement.size();
  const bool in_place = !file.immutable && out.size <= kManifestFileMax;
  const size_t piece_bytes = ports_.stripes.full_stripe_bytes();
  for (uint64_t at = 0; at < out.size;) {
    const size_t length = in_place ? out.size : std::min<uint64_t>(piece_bytes, out.size - at);
    Result<Buf> piece = fail(Errc::kInternal);
    if (!file.replacement.empty()) {
      piece = Buf::copy_of(std::string_view(file.replacement).substr(at, length));
      out.crc = crc32c(piece->span(), out.crc);
    } else {
      co_await env_.offload([&] {
        piece = view->read_file(file.name, at, length);
        if (piece) out.crc = crc32c(piece->span(), out.crc);
      });
    }
    if (!piece) co_return fail(std::move(piece).error());
    if (in_place) {
      out.content = std::string(piece->view());
    } else {
      Result<stripe::StripeRef> ref = co_await write_system(std::move(*piece));
      if (!ref) co_return fail(std::move(ref).error());
      next_checkpoint_stripes_[ref->id] = *ref;
      out.pieces.push_back(*ref);
    }
    at += length;
  }
  // What RocksDB wrote, or what the disk made of it?
  if (file.immutable && out.crc != file.crc)
    co_return fail(Errc::kCorrupt, "view: " + file.name + " does not match its checksum");
  co_return out;
}

Task<Result<CheckpointManifest>> PartitionImpl::store_view(std::shared_ptr<View> view,
                                                           AppliedRecord at) {
  CheckpointManifest next;
  next.lsn = at.lsn;
  next.chain = at.chain;
  Result<std::vector<ViewFile>> files = fail(Errc::kInternal);
  co_await env_.offload([&files, &view] {
    Status status = view->flush();
    if (status) status = view->compact_if_needed();
    if (status) {
      files = view->hold_files();
    } else {
      files = fail(std::move(status).error());
    }
  });
  if (!files) co_return fail(std::move(files).error());
  Status status;
  for (size_t i = 0; i < files->size() && status; ++i) {
    const ViewFile& file = (*files)[i];
    const CheckpointFile* known = nullptr;
    for (const CheckpointFile& old : manifest_.files)
      if (file.immutable && old.same_file(file.name, file.size, file.crc)) known = &old;
    if (known != nullptr) {
      ATOLL_PROBE("checkpoint_file_reused");
      next.files.push_back(*known);
      continue;
    }
    ViewFile copy = file;
    Result<CheckpointFile> stored = co_await store_file(view, std::move(copy));
    if (stored) {
      next.files.push_back(std::move(*stored));
    } else {
      status = fail(std::move(stored).error());
    }
  }
  view->release_files();
  if (!status) co_return fail(std::move(status).error());

  std::string body = encode_checkpoint_body(next);
  if (body.size() <= kManifestBodyMax) co_return next;
  ATOLL_PROBE("checkpoint_list_in_stripes");
  next.body_length = body.size();
  const size_t piece_bytes = ports_.stripes.full_stripe_bytes();
  for (size_t at_byte = 0; at_byte < body.size(); at_byte += piece_bytes) {
    Buf piece = Buf::copy_of(std::string_view(body).substr(at_byte, piece_bytes));
    Result<stripe::StripeRef> ref = co_await write_system(std::move(piece));
    if (!ref) co_return fail(std::move(ref).error());
    next_checkpoint_stripes_[ref->id] = *ref;
    next.body_pieces.push_back(*ref);
  }
  co_return next;
}

Task<Status> PartitionImpl::checkpoint() {
  const env::Permit permit = co_await checkpoint_mutex_.lock();
  ATOLL_CO_TRY_STATUS(co_await wait_serving());
  AppliedRecord at;
  Result<CheckpointManifest> next = fail(Errc::kInternal);
  Status status;
  bool unknown = false;
  const std::shared_ptr<journal::Journal> journal = journal_;
  {
    std::shared_ptr<View> view = view_;
    at = view->applied();
    if (at.lsn <= journal->checkpoint().lsn) co_return Status{};
    next = co_await store_view(std::move(view), at);
    if (!next) {
      status = fail(next.error());
      if (means_damage(next.error())) damaged(next.error());
    } else {
      Result<uint32_t> chain = co_await journal->chain_at(at.lsn);
      if (chain) {
        journal::Checkpoint record{at.lsn, *chain, encode_checkpoint(*next)};
        status = co_await journal->set_checkpoint(std::move(record));
        unknown = !status && journal->broken();
      } else {
        status = fail(std::move(chain).error());
      }
    }
  }
  if (unknown) {
    // The takeover reads what the coordinator has; that decides.
    ATOLL_PROBE("checkpoint_outcome_unknown");
    if (journal == journal_) {  // else the runner has taken over already
      serving_ = false;
      runner_idle_.wake_all();
    }
    const Status served = co_await wait_serving();
    if (!served) co_return served;  // both sets stay in the catalog
    if (journal_->checkpoint().lsn == at.lsn) {
      status = Status{};
    } else if (journal != journal_) {
      status = fail(Errc::kUnavailable, "the journal was taken over meanwhile; try again");
    }
  }
  std::map<StripeId, stripe::StripeRef> old = checkpoint_stripes_;
  if (status) {
    old.insert(previous_checkpoint_stripes_.begin(), previous_checkpoint_stripes_.end());
    manifest_ = std::move(*next);
    checkpoint_stripes_.clear();
    for (const stripe::StripeRef& ref : manifest_.stripes()) checkpoint_stripes_[ref.id] = ref;
    last_checkpoint_ = env_.now();
  }
  // Whatever the checkpoint that counts does not need goes.
  std::map<StripeId, stripe::StripeRef> gone = std::move(old);
  gone.insert(next_checkpoint_stripes_.begin(), next_checkpoint_stripes_.end());
  const std::map<StripeId, stripe::StripeRef> written = std::move(next_checkpoint_stripes_);
  next_checkpoint_stripes_.clear();
  previous_checkpoint_stripes_.clear();
  for (const auto& [id, ref] : gone)
    if (!checkpoint_stripes_.contains(id)) (void)co_await ports_.stripes.free(ref);
  for (const auto& [id, ref] : written) ports_.stripes.settle(id);
  if (!status) co_return fail(std::move(status).error().with_context("write a checkpoint"));
  ATOLL_PROBE("checkpoint_written");
  co_return Status{};
}

Task<void> PartitionImpl::checkpoint_loop() {
  while (!stopping_) {
    co_await checkpoint_bell_.wait(env_, kCheckpointLook);
    if (stopping_ || !serving_) continue;
    const bool changed = view_->applied().lsn > journal_->checkpoint().lsn;
    const bool grown = journal_->bytes_since_checkpoint() >= options_.checkpoint_journal_bytes;
    const bool old = env_.now() - last_checkpoint_ >= options_.checkpoint_interval_max;
    if (!changed || !(grown || old)) continue;
    const Status status = co_await checkpoint();
    if (status || stopping_) continue;
    ATOLL_LOG(kWarn, "namespace", "no checkpoint was written; it will be tried again",
              {{"why", status.error().to_string()}});
    co_await env_.sleep(kCheckpointRetryPause);
  }
}

}  // namespace atl::ns
