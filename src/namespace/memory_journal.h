// A journal in memory, for the tests of what stands on journals: the same calls, entries that
// outlive the Journal objects, and faults on demand.
//
// MemoryJournalLog is what survives; it outlives every MemoryJournal that was taken over from it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/crc.h"
#include "env/env.h"
#include "journal/journal.h"

namespace atl::ns {

struct MemoryJournalLog {
  struct Stored {
    std::string payload;
    Epoch epoch;
    uint32_t chain = 0;
  };
  std::deque<Stored> entries;  // entries[0] is first_lsn
  Lsn first_lsn{1};
  uint32_t chain_before_first = 0;
  Epoch epoch;
  journal::Checkpoint checkpoint;
  uint64_t bytes_since_checkpoint = 0;
  uint64_t takeovers = 0;

  // What the next appends do instead of succeeding, first in first out.
  enum class Fault { kNone, kLost, kCommittedUnheard, kNoSpace, kBusy };
  std::deque<Fault> faults;
  int failing_takeovers = 0;        // so many say kUnavailable
  bool checkpoint_unheard = false;  // the next set_checkpoint succeeds, but says kUnavailable
  bool checkpoint_lost = false;     // the next set_checkpoint fails, and says kUnavailable
  Nanos append_delay = 100us;

  Lsn last() const { return Lsn(first_lsn.value + entries.size() - 1); }
  uint32_t chain_of(Lsn lsn) const {
    if (lsn.value + 1 == first_lsn.value) return chain_before_first;
    ATOLL_CHECK(lsn >= first_lsn && lsn <= last());
    return entries[lsn.value - first_lsn.value].chain;
  }
  void commit(std::string payload, Epoch by) {
    const uint32_t chain =
        crc32c(as_bytes(payload), entries.empty() ? chain_before_first : entries.back().chain);
    bytes_since_checkpoint += payload.size();
    entries.push_back({std::move(payload), by, chain});
  }
};

class MemoryJournal final : public journal::Journal {
 public:
  static Task<Result<std::unique_ptr<journal::Journal>>> take(
      env::Env* env, std::shared_ptr<MemoryJournalLog> log) {
    co_await env->sleep(log->append_delay);
    if (log->failing_takeovers > 0) {
      --log->failing_takeovers;
      co_return fail(Errc::kUnavailable, "no replica answers");
    }
    ++log->takeovers;
    log->epoch = Epoch(log->epoch.value + 1);
    co_return std::make_unique<MemoryJournal>(*env, log);
  }

  MemoryJournal(env::Env& env, std::shared_ptr<MemoryJournalLog> log)
      : env_(env), log_(std::move(log)), epoch_(log_->epoch), checkpoint_(log_->checkpoint) {}

  Epoch epoch() const override { return epoch_; }
  Lsn committed() const override { return log_->last(); }
  const journal::Checkpoint& checkpoint() const override { return checkpoint_; }
  uint64_t bytes_since_checkpoint() const override { return log_->bytes_since_checkpoint; }
  bool broken() const override { return broken_; }
  bool fully_replicated() const override { return true; }

  Task<Result<uint32_t>> chain_at(Lsn lsn) override {
    if (lsn.value + 1 < log_->first_lsn.value || lsn > log_->last())
      co_return fail(Errc::kNotFound, "not here");
    co_return log_->chain_of(lsn);
  }

  Task<Status> replay(Lsn after, std::function<Status(const journal::Entry&)> visit) override {
    ATOLL_CHECK(after.value + 1 >= log_->first_lsn.value, "replay of trimmed entries");
    for (uint64_t lsn = after.value + 1; lsn <= log_->last().value; ++lsn) {
      const auto& stored = log_->entries[lsn - log_->first_lsn.value];
      journal::Entry entry{Lsn(lsn), stored.epoch, stored.chain, stored.payload};
      ATOLL_CO_TRY_STATUS(visit(entry));
    }
    co_return Status{};
  }

  Task<Result<Lsn>> append(std::string payload) override {
    ATOLL_CHECK(!broken_, "append to a broken journal");
    if (payload.size() > journal::kMaxEntryBytes)
      co_return fail(Errc::kTooLarge, "entry too large");
    co_await env_.sleep(log_->append_delay);
    if (log_->epoch != epoch_) co_return fence();
    auto fault = MemoryJournalLog::Fault::kNone;
    if (!log_->faults.empty()) {
      fault = log_->faults.front();
      log_->faults.pop_front();
    }
    switch (fault) {
      case MemoryJournalLog::Fault::kNone:
        log_->commit(std::move(payload), epoch_);
        co_return log_->last();
      case MemoryJournalLog::Fault::kCommittedUnheard:
        log_->commit(std::move(payload), epoch_);
        [[fallthrough]];
      case MemoryJournalLog::Fault::kLost:
        broken_ = true;
        co_return fail(Errc::kUnavailable, "outcome unknown");
      case MemoryJournalLog::Fault::kNoSpace:
        co_return fail(Errc::kNoSpace, "journal full");
      case MemoryJournalLog::Fault::kBusy:
        co_return fail(Errc::kBusy, "journal busy");
    }
    co_return fail(Errc::kInternal);
  }

  Task<Status> set_checkpoint(journal::Checkpoint checkpoint) override {
    co_await env_.sleep(log_->append_delay);
    if (log_->epoch != epoch_) co_return fail(fence().error());
    if (std::exchange(log_->checkpoint_lost, false)) {
      broken_ = true;
      co_return fail(Errc::kUnavailable, "outcome unknown");
    }
    if (checkpoint.lsn > log_->last() || checkpoint.lsn < log_->checkpoint.lsn ||
        checkpoint.chain != log_->chain_of(checkpoint.lsn) ||
        checkpoint.manifest.size() > journal::kMaxManifestBytes)
      co_return fail(Errc::kInvalidArgument, "not a checkpoint of this journal");
    log_->checkpoint = checkpoint;
    while (log_->first_lsn <= checkpoint.lsn) {
      log_->chain_before_first = log_->entries.front().chain;
      log_->entries.pop_front();
      log_->first_lsn = Lsn(log_->first_lsn.value + 1);
    }
    log_->bytes_since_checkpoint = 0;
    for (const auto& stored : log_->entries) log_->bytes_since_checkpoint += stored.payload.size();
    if (std::exchange(log_->checkpoint_unheard, false)) {
      broken_ = true;
      co_return fail(Errc::kUnavailable, "outcome unknown");
    }
    checkpoint_ = std::move(checkpoint);
    co_return Status{};
  }

  Task<Status> repair() override { co_return Status{}; }
  Task<Result<journal::ScrubReport>> scrub() override { co_return journal::ScrubReport{}; }
  bool suspect(SegmentId, DeviceId) override { return false; }
  Task<Status> collect_orphans() override { co_return Status{}; }
  Task<Status> close() override { co_return Status{}; }

 private:
  std::unexpected<Error> fence() {
    broken_ = true;
    return fail(Errc::kFenced, "another owner took over");
  }

  env::Env& env_;
  std::shared_ptr<MemoryJournalLog> log_;
  Epoch epoch_;
  journal::Checkpoint checkpoint_;
  bool broken_ = false;
};

}  // namespace atl::ns
