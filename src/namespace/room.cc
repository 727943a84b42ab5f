// Who may still bring data, and what becomes of stripes that were written for nothing.
//
// Inline data waits in the view until it is packed, and the journal until it is checkpointed. Both
// need stripes; when there is no room for those, new data is refused while deletes go on.
#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "namespace/keys.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

// After this long without room, a writer may try again whether deletes have made some.
constexpr Nanos kFullProbeInterval = 2s;
constexpr Nanos kRoomPoll = 5ms;

}  // namespace

void PartitionImpl::note_no_space() {
  if (!full_)
    ATOLL_LOG(kWarn, "namespace", "no room for data; only deletes are accepted",
              {{"partition", options_.id}});
  full_ = true;
  full_since_ = env_.now();
}

void PartitionImpl::note_space() {
  full_ = false;
}

Task<Status> PartitionImpl::wait_for_room(uint64_t inline_bytes) {
  if (inline_bytes == 0) co_return Status{};
  const Nanos start = env_.now();
  while (true) {
    if (full_ && env_.now() - full_since_ > kFullProbeInterval) full_ = false;
    if (full_) {
      const bool won = co_await make_room();
      if (!won) {
        ATOLL_PROBE("put_refused_no_room");
        co_return fail(Errc::kNoSpace, "no room for more data; deleting makes room");
      }
    }
    const bool backlog = counters_.inline_bytes > options_.inline_backlog_bytes;
    const bool journal_long =
        serving_ && journal_->bytes_since_checkpoint() >
                        kJournalBacklogFactor * options_.checkpoint_journal_bytes;
    if (!backlog && !journal_long) co_return Status{};
    ATOLL_PROBE("put_waits_for_room");
    if (backlog) destage_bell_.ring();
    if (journal_long) checkpoint_bell_.ring();
    if (stopping_ || env_.now() - start > kRoomWaitMax)
      co_return fail(Errc::kBusy, "more data is waiting to be packed than allowed; try again");
    co_await env_.sleep(kRoomPoll);
  }
}

PartitionOptions sized_for(const cluster::ClusterMap& map, PartitionOptions options) {
  uint64_t smallest = ~uint64_t{0};
  for (const cluster::DeviceEntry& device : map.devices)
    if (device.state != cluster::DeviceState::kReplaced && device.capacity_bytes != 0)
      smallest = std::min(smallest, device.capacity_bytes);
  options.checkpoint_journal_bytes =
      std::min(options.checkpoint_journal_bytes, smallest / kCheckpointShare);
  options.journal_segment_bytes =
      std::min(options.journal_segment_bytes, options.checkpoint_journal_bytes / 2);
  options.inline_backlog_bytes =
      std::min(options.inline_backlog_bytes, smallest / kInlineBacklogShare);
  return options;
}

Task<bool> PartitionImpl::make_room() {
  const env::Permit one_at_a_time = co_await make_room_mutex_.lock();
  if (nothing_to_win_ && env_.now() - *nothing_to_win_ < kMakeRoomPause) co_return false;
  nothing_to_win_.reset();
  if (stopping_ || !serving_) co_return false;
  ATOLL_PROBE("make_room");
  making_room_ = true;
  bool won = false;
  while (true) {
    const Result<bool> reclaimed = co_await reclaim_once();
    if (!reclaimed || !*reclaimed) break;
    won = true;
  }
  const Result<bool> repacked = co_await repack_once();
  won |= repacked && *repacked;
  while (true) {
    const Result<size_t> freed = co_await free_once();
    if (!freed || *freed == 0) break;
    won = true;
  }
  if (journal_->bytes_since_checkpoint() >= kSqueezedCheckpointBytes) {
    const Status written = co_await checkpoint();
    won |= written.has_value();
  }
  making_room_ = false;
  if (won) {
    note_space();
  } else {
    nothing_to_win_ = env_.now();
  }
  co_return won;
}

// A stripe that the partition needs for itself. It takes users' room first, so that the reserve
// lasts for what frees room; when there is none, users are told so.
Task<Result<stripe::StripeRef>> PartitionImpl::write_system(Buf data) {
  Result<stripe::StripeRef> ref = co_await ports_.stripes.write(data, device::WriteClass::kUser);
  if (ref) {
    note_space();
    co_return ref;
  }
  if (ref.error().code != Errc::kNoSpace) co_return ref;
  ATOLL_PROBE("system_stripe_takes_reserve");
  note_no_space();
  co_return co_await ports_.stripes.write(data, device::WriteClass::kSystem);
}

void PartitionImpl::settle_body(const FileData& data, const Status& outcome) {
  std::map<StripeId, stripe::StripeRef> stripes;
  for (const Extent& extent : data.extents)
    if (!extent.is_inline()) stripes[extent.stripe.id] = extent.stripe;
  if (stripes.empty()) return;
  if (outcome) {
    for (const auto& [id, ref] : stripes) ports_.stripes.settle(id);
    return;
  }
  if (outcome.error().code == Errc::kUnavailable || outcome.error().code == Errc::kFenced) {
    // Maybe committed: kept until recovery knows. (Fenced: the new owner's catalog decides.)
    ATOLL_PROBE("body_outcome_unknown");
    unknown_stripes_.insert(stripes.begin(), stripes.end());
    return;
  }
  std::vector<stripe::StripeRef> refs;
  for (const auto& [id, ref] : stripes) refs.push_back(ref);
  spawn_background("drop body", drop_stripes(std::move(refs)));
}

// Frees those that nothing refers to.
Task<void> PartitionImpl::drop_stripes(std::vector<stripe::StripeRef> stripes) {
  for (const stripe::StripeRef& ref : stripes) {
    if (!serving_ || unknown_stripes_.contains(ref.id)) {
      unknown_stripes_.emplace(ref.id, ref);
      continue;
    }
    std::string ignored;
    bool needed = true;
    {
      SnapshotReader reader(view_);
      const Result<bool> on_table = reader.get(stripe_key(ref.id), &ignored);
      const Result<bool> to_free = reader.get(to_free_key(ref.id), &ignored);
      if (!on_table || !to_free) {
        unknown_stripes_.emplace(ref.id, ref);
        continue;
      }
      needed = *on_table || *to_free;
    }
    if (!needed) (void)co_await ports_.stripes.free(ref);
    ports_.stripes.settle(ref.id);
  }
}

Task<void> PartitionImpl::discard(FileData data) {
  std::map<StripeId, stripe::StripeRef> stripes;
  for (const Extent& extent : data.extents)
    if (!extent.is_inline()) stripes[extent.stripe.id] = extent.stripe;
  std::vector<stripe::StripeRef> refs;
  for (const auto& [id, ref] : stripes) refs.push_back(ref);
  co_await drop_stripes(std::move(refs));
}

}  // namespace atl::ns
