// From the journal's checkpoint to a view that holds everything: which view there is, whether it
// belongs to this journal, the checkpoint's files if not, and the entries since.
#include "base/check.h"
#include "base/crc.h"
#include "base/log.h"
#include "base/probe.h"
#include "namespace/keys.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

// Entries are applied together up to this much, as batches are while serving.
constexpr size_t kReplayBatchBytes = 1u << 20;

}  // namespace

Task<Status> PartitionImpl::take_journal() {
  Result<std::unique_ptr<journal::Journal>> taken = co_await ports_.take_over();
  if (!taken) co_return fail(std::move(taken).error().with_context("take over the journal"));
  if (journal_) {
    retired_journals_.push_back(std::move(journal_));
    // Whoever was in the middle of a call has long returned by the time four more have come.
    while (retired_journals_.size() > 4) retired_journals_.pop_front();
  }
  journal_ = std::move(*taken);
  co_return co_await load_checkpoint();
}

Task<Result<Buf>> PartitionImpl::read_stripes(std::vector<stripe::StripeRef> pieces) {
  std::vector<Buf> bufs;
  for (const stripe::StripeRef& piece : pieces) {
    Result<std::vector<Buf>> read = co_await ports_.stripes.read(piece, 0, piece.data_length);
    if (!read) co_return fail(std::move(read).error());
    bufs.insert(bufs.end(), read->begin(), read->end());
  }
  co_return flatten(bufs);
}

// The catalog must know the checkpoint's stripes before anything may collect orphans.
Task<Status> PartitionImpl::load_checkpoint() {
  CheckpointManifest manifest;
  const journal::Checkpoint checkpoint = journal_->checkpoint();
  if (checkpoint.lsn.value != 0) {
    Result<CheckpointManifest> decoded = decode_checkpoint(checkpoint.manifest);
    if (!decoded) co_return fail(std::move(decoded).error());
    manifest = std::move(*decoded);
    if (!manifest.body_pieces.empty()) {
      Result<Buf> body = co_await read_stripes(manifest.body_pieces);
      if (!body) co_return fail(std::move(body).error().with_context("read the checkpoint's list"));
      ATOLL_CO_TRY_STATUS(decode_checkpoint_body(body->view(), &manifest));
    }
    if (manifest.lsn != checkpoint.lsn)
      co_return fail(Errc::kCorrupt, "the checkpoint's manifest is of another entry");
  }
  // A checkpoint that was under way may have become the one that counts: the task that wrote it is
  // told so (checkpoint.cc) and frees what was replaced.
  if (checkpoint.lsn != manifest_.lsn)
    previous_checkpoint_stripes_.insert(checkpoint_stripes_.begin(), checkpoint_stripes_.end());
  checkpoint_stripes_.clear();
  for (const stripe::StripeRef& ref : manifest.stripes()) checkpoint_stripes_[ref.id] = ref;
  manifest_ = std::move(manifest);
  co_return Status{};
}

Task<Status> PartitionImpl::open_view() {
  Result<std::unique_ptr<View>> opened = fail(Errc::kNotFound);
  co_await env_.offload([this, &opened] { opened = View::open(view_options_, /*create=*/false); });
  if (opened) {
    const AppliedRecord& applied = (*opened)->applied();
    std::string why;
    if ((*opened)->empty()) {
      why = "it is empty";
    } else if (applied.cluster != ports_.cluster || applied.partition != options_.id) {
      ATOLL_PROBE("view_of_another_cluster");
      why = "it belongs to another cluster or partition";
    } else if (applied.lsn > journal_->committed()) {
      ATOLL_PROBE("view_ahead_of_journal");
      why = "it is ahead of the journal";
    } else if (applied.lsn < manifest_.lsn) {
      ATOLL_PROBE("view_behind_checkpoint");
      why = "it is older than the checkpoint";
    } else if (applied.lsn == manifest_.lsn && applied.chain != manifest_.chain) {
      why = "it is of another history";
    }
    if (why.empty()) {
      view_ = std::move(*opened);
      const Status replayed = co_await replay_journal();
      if (replayed) co_return Status{};
      why = replayed.error().to_string();
      if (replayed.error().code == Errc::kUnavailable) co_return replayed;
      view_.reset();
    }
    opened->reset();
    ATOLL_LOG(kWarn, "namespace", "the local view cannot be used", {{"why", why}});
  } else if (opened.error().code != Errc::kNotFound) {
    ATOLL_PROBE("view_cannot_be_opened");
    ATOLL_LOG(kWarn, "namespace", "the local view cannot be opened",
              {{"why", opened.error().to_string()}});
  }
  ATOLL_CO_TRY_STATUS(co_await restore_view());
  co_return co_await replay_journal();
}

// Replaces whatever is in the view's folder by the checkpoint.
Task<Status> PartitionImpl::restore_view() {
  ATOLL_CHECK(!view_, "the old view is still open");
  Status status;
  co_await env_.offload([this, &status] { status = View::wipe(view_options_); });
  ATOLL_CO_TRY_STATUS(std::move(status));
  const bool create = manifest_.lsn.value == 0;
  const CheckpointFile* current = nullptr;
  for (const CheckpointFile& file : manifest_.files) {
    ATOLL_PROBE("checkpoint_file_restored");
    if (file.name == "CURRENT") {
      current = &file;  // last: without it the folder is no view
      continue;
    }
    std::vector<Buf> content;
    if (file.pieces.empty()) {
      content.push_back(Buf::copy_of(file.content));
    } else {
      for (const stripe::StripeRef& piece : file.pieces) {
        Result<std::vector<Buf>> read = co_await ports_.stripes.read(piece, 0, piece.data_length);
        if (!read) co_return fail(std::move(read).error().with_context("restore " + file.name));
        content.insert(content.end(), read->begin(), read->end());
      }
    }
    co_await env_.offload([this, &status, &file, &content] {
      uint32_t crc = 0;
      for (const Buf& buf : content) crc = crc32c(buf.span(), crc);
      if (crc != file.crc) {
        status = fail(Errc::kCorrupt, "checkpointed file " + file.name + " does not match");
        return;
      }
      status = View::write_file(view_options_, file.name, content);
    });
    ATOLL_CO_TRY_STATUS(std::move(status));
  }
  if (!create && current == nullptr)
    co_return fail(Errc::kCorrupt, "the checkpoint has no CURRENT file");
  Result<std::unique_ptr<View>> opened = fail(Errc::kInternal);
  co_await env_.offload([this, &status, &opened, current, create] {
    if (!create) {
      status = View::write_file(view_options_, current->name, {Buf::copy_of(current->content)});
      if (status) status = View::sync_folder(view_options_);
      if (!status) return;
    }
    opened = View::open(view_options_, create);
  });
  ATOLL_CO_TRY_STATUS(std::move(status));
  if (!opened) co_return fail(std::move(opened).error());
  if ((*opened)->applied().lsn < manifest_.lsn)
    co_return fail(Errc::kCorrupt, "the restored view is older than its checkpoint");
  view_ = std::move(*opened);
  ATOLL_LOG(kInfo, "namespace", create ? "new view" : "view restored from its checkpoint",
            {{"partition", options_.id}, {"lsn", view_->applied().lsn}});
  co_return Status{};
}

// Applies the entries that the view lacks. kStale: the view is not of this journal's history.
Task<Status> PartitionImpl::replay_journal() {
  View* view = view_.get();
  AppliedRecord reached = view->applied();
  reached.cluster = ports_.cluster;
  reached.partition = options_.id;
  // The entry that the view stands at is read once more where there is one, to compare chains.
  const Lsn stands = reached.lsn;
  const bool compare = stands > journal_->checkpoint().lsn;
  const Lsn after = compare ? Lsn(stands.value - 1) : stands;
  auto batch = std::make_shared<rocksdb::WriteBatch>();
  const EntryVisitor visitor{
      .op = {},
      .put = [batch](std::string_view key, std::string_view value) -> Status {
        if (!key_well_formed(key)) return fail(Errc::kCorrupt, "journal entry with a strange key");
        (void)batch->Put(slice_of(key), slice_of(value));
        return {};
      },
      .erase = [batch](std::string_view key) -> Status {
        if (!key_well_formed(key)) return fail(Errc::kCorrupt, "journal entry with a strange key");
        (void)batch->Delete(slice_of(key));
        return {};
      }};
  const auto apply = [&]() -> Status {
    if (reached.lsn == view->applied().lsn) return {};
    ATOLL_TRY_STATUS(view->apply(batch.get(), reached));
    batch->Clear();
    if (options_.deterministic && view->unflushed_bytes() > kFlushByHandBytes) return view->flush();
    return {};
  };
  const auto visit = [&](const journal::Entry& entry) -> Status {
    if (compare && entry.lsn == stands) {
      ATOLL_TRY(const EntrySummary summary, summarize_entry(entry.payload));
      if (summary.chain_after == reached.chain) return {};
      ATOLL_PROBE("view_of_another_history");
      return fail(Errc::kStale, "the view is of another history");
    }
    ATOLL_TRY(const EntrySummary summary, visit_entry(entry.payload, visitor));
    if (summary.chain_before != reached.chain)
      return fail(Errc::kStale, "the journal does not follow from the view");
    reached.lsn = entry.lsn;
    reached.chain = summary.chain_after;
    return batch->GetDataSize() < kReplayBatchBytes ? Status{} : apply();
  };
  const std::function<Status(const journal::Entry&)> visit_each = visit;
  Status status = co_await journal_->replay(after, visit_each);
  if (status) status = apply();
  if (!status) co_return fail(std::move(status).error().with_context("replay the journal"));
  if (view->applied().lsn != journal_->committed())
    co_return fail(Errc::kStale, fmt::format("the journal ends at {} but the view at {}",
                                             journal_->committed(), view->applied().lsn));
  std::string value;
  counters_ = Counters{};
  SnapshotReader reader(view_);
  Result<std::optional<Counters>> counters = reader.find<Counters>(counters_key());
  if (!counters) co_return fail(std::move(counters).error());
  if (*counters) counters_ = **counters;
  co_return Status{};
}

}  // namespace atl::ns
