// The Journal object: a handle on a Core. Each call hands the Core on, so that whatever is under
// way outlives the handle.
#include "journal/journal.h"

#include "base/check.h"
#include "journal/core.h"

namespace atl::journal {
namespace {

Task<Status> close_core(CorePtr core) {
  core->closing = true;
  co_await core->writer_idle.wait();
  co_await core->background_idle.wait();
  // Repairs and scrubs that a caller started.
  auto last = co_await core->repair_mutex.lock();
  ATOLL_CHECK(core->queue.empty() && !core->writing);
  if (core->broken) co_return fail(*core->broken);
  co_return Status{};
}

class JournalImpl final : public Journal {
 public:
  explicit JournalImpl(CorePtr core) : core_(std::move(core)) {}
  ~JournalImpl() override { core_->closing = true; }

  Epoch epoch() const override { return core_->state.epoch; }
  Lsn committed() const override { return core_->committed; }
  const Checkpoint& checkpoint() const override { return core_->state.checkpoint; }
  uint64_t bytes_since_checkpoint() const override { return grown_bytes(*core_); }
  Task<Result<uint32_t>> chain_at(Lsn lsn) override { return find_chain(core_, lsn); }
  Task<Status> replay(Lsn after, std::function<Status(const Entry&)> visit) override {
    return replay_entries(core_, after, std::move(visit));
  }
  Task<Result<Lsn>> append(std::string payload) override {
    return wait_for_append(core_, enqueue(core_, std::move(payload)));
  }
  bool broken() const override { return core_->broken.has_value(); }
  Task<Status> set_checkpoint(Checkpoint checkpoint) override {
    return record_checkpoint(core_, std::move(checkpoint));
  }
  Task<Status> repair() override { return repair_segments(core_); }
  bool fully_replicated() const override { return segments_fully_replicated(*core_); }
  Task<Result<ScrubReport>> scrub() override { return scrub_segments(core_); }
  bool suspect(SegmentId segment, DeviceId device) override {
    return suspect_replica(*core_, segment, device);
  }
  Task<Status> collect_orphans() override { return delete_orphans(core_); }
  Task<Status> close() override { return close_core(core_); }

 private:
  CorePtr core_;
};

}  // namespace

std::unique_ptr<Journal> make_journal(CorePtr core) {
  return std::make_unique<JournalImpl>(std::move(core));
}

}  // namespace atl::journal
