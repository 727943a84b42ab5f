#include "journal/state_store.h"

#include "base/check.h"
#include "base/probe.h"

namespace atl::journal {
namespace {

constexpr int kSegmentCounterBits = 40;  // 10^12 segments: one a millisecond for 34 years
constexpr uint32_t kMaxPartition = (1u << (64 - kSegmentCounterBits)) - 1;

}  // namespace

std::string state_key(PartitionId partition) {
  return fmt::format("journal/{}", partition);
}

SegmentId first_segment_id(PartitionId partition) {
  ATOLL_CHECK(partition.value <= kMaxPartition);
  return SegmentId((uint64_t{partition.value} << kSegmentCounterBits) + 1);
}

bool outcome_unknown(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kTimeout || code == Errc::kIo;
}

Task<Result<Loaded>> load_state(coord::Coordinator& coordinator, PartitionId partition) {
  std::string key = state_key(partition);
  auto got = co_await coordinator.get(std::move(key));
  if (!got && got.error().code == Errc::kNotFound) {
    Loaded fresh;
    fresh.state.next_segment = first_segment_id(partition);
    co_return fresh;
  }
  if (!got) co_return fail(std::move(got).error().with_context("reading the journal's state"));
  auto state = JournalState::decode(got->value);
  if (!state) co_return fail(std::move(state).error());
  co_return Loaded{std::move(*state), got->version};
}

Task<Result<uint64_t>> store_state(env::Env& env, coord::Coordinator& coordinator,
                                   PartitionId partition, uint64_t version, JournalState next) {
  ATOLL_CHECK(next.epoch.value != 0);
  const std::string value = next.encode();
  ATOLL_CHECK(value.size() <= coord::kMaxValueBytes);
  Error last;
  Nanos pause = kStorePauseFirst;
  for (int attempt = 0; attempt < kStoreAttemptsMax; ++attempt) {
    std::string key = state_key(partition);
    std::string copy = value;
    auto swapped = co_await coordinator.compare_and_swap(std::move(key), version, std::move(copy));
    if (swapped) co_return *swapped;
    last = std::move(swapped).error();
    if (last.code != Errc::kConflict && !outcome_unknown(last.code)) break;  // surely not done

    // Either another owner was faster, or an earlier attempt of ours got through unheard.
    std::string again = state_key(partition);
    auto now = co_await coordinator.get(std::move(again));
    if (now) {
      if (now->value == value) {
        ATOLL_PROBE("journal.store_was_done_unheard");
        co_return now->version;
      }
      if (now->version != version)
        co_return fail(Errc::kFenced, "another owner has taken this journal over");
      ATOLL_PROBE("journal.store_again");
    } else if (now.error().code == Errc::kNotFound && version != 0) {
      co_return fail(Errc::kFenced, "the journal's state was erased");
    }
    co_await env.sleep(pause);
    pause *= 2;
  }
  co_return fail(std::move(last).with_context("writing the journal's state"));
}

}  // namespace atl::journal
