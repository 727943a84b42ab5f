#include "journal/core.h"

#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "device/record.h"

namespace atl::journal {
namespace {

// Growth is kept in steps, so that a journal of tiny runs needs no long list, and fine enough that
// what a checkpoint leaves is known.
constexpr uint64_t kGrowthSteps = 64;  // in a segment

}  // namespace

void break_journal(Core& core, Error why) {
  ATOLL_CHECK(why.code == Errc::kFenced || why.code == Errc::kUnavailable);
  if (core.broken) return;
  if (why.code == Errc::kFenced)
    ATOLL_PROBE("journal.fenced");
  else
    ATOLL_PROBE("journal.broken");
  ATOLL_LOG(kError, "journal", "the journal stops",
            {{"partition", core.partition},
             {"epoch", core.state.epoch},
             {"committed", core.committed},
             {"reason", why.to_string()}});
  core.broken = std::move(why);
  std::deque<std::shared_ptr<Pending>> waiting;
  waiting.swap(core.queue);
  core.queued_bytes = 0;
  for (auto& pending : waiting) {
    ATOLL_CHECK(!pending->result);
    pending->result = fail(*core.broken);
    pending->done.set();
  }
}

Task<Status> update_state(CorePtr core, std::function<Result<bool>(JournalState*)> change) {
  auto permit = co_await core->state_mutex.lock();
  if (core->broken) co_return fail(*core->broken);
  JournalState next = core->state;
  auto changed = change(&next);
  if (!changed) co_return fail(std::move(changed).error());
  if (!*changed) co_return Status{};
  ATOLL_CHECK(next.epoch == core->state.epoch && next.owner == core->state.owner);
  ATOLL_CHECK(next.next_segment >= core->state.next_segment);

  JournalState copy = next;
  auto stored = co_await store_state(core->view.env(), core->view.coordinator(), core->partition,
                                     core->version, std::move(copy));
  if (!stored) {
    Error why = std::move(stored).error();
    if (why.code == Errc::kFenced)
      break_journal(*core, why);
    else if (outcome_unknown(why.code) || why.code == Errc::kConflict)
      break_journal(*core, Error(Errc::kUnavailable, why.to_string()));
    co_return fail(std::move(why));
  }
  ATOLL_CHECK(*stored != core->version);
  core->state = std::move(next);
  core->version = *stored;
  co_return Status{};
}

uint64_t stored_bytes(const device::Run& run) {
  return uint64_t{device::run_record_blocks(static_cast<uint32_t>(run.payload.size()))} *
         device::kBlockBytes;
}

void note_growth(Core& core, Lsn last_lsn, uint64_t bytes) {
  const Lsn counted = core.growth.empty() ? core.state.checkpoint.lsn : core.growth.back().last_lsn;
  if (last_lsn <= counted) return;
  if (!core.growth.empty() &&
      core.growth.back().bytes < core.options.segment_bytes / kGrowthSteps) {
    core.growth.back().last_lsn = last_lsn;
    core.growth.back().bytes += bytes;
  } else {
    core.growth.push_back({last_lsn, bytes});
  }
}

void forget_growth(Core& core, Lsn up_to) {
  while (!core.growth.empty() && core.growth.front().last_lsn <= up_to) core.growth.pop_front();
}

uint64_t grown_bytes(const Core& core) {
  uint64_t sum = 0;
  for (const GrowthStep& step : core.growth) sum += step.bytes;
  return sum;
}

}  // namespace atl::journal
