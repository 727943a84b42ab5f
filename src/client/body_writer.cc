#include "client/body_writer.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/probe.h"

namespace atl::client {
namespace {

// How often one write lets room be made for it before it gives up.
constexpr int kRoomsMadeMax = 3;

// What the writer and its running writes share; the writes may outlive the writer.
struct State {
  explicit State(std::shared_ptr<Shared> s) : shared(std::move(s)) {}
  std::shared_ptr<Shared> shared;
  // For each write that was started, in the body's order, the stripes it has made so far: one,
  // unless groups became narrower meanwhile.
  std::vector<std::vector<stripe::StripeRef>> writes;
  size_t in_flight = 0;
  std::optional<Error> error;  // the first
  env::WaitQueue changed;
};

ns::FileData file_data(const State& state) {
  ns::FileData data;
  for (const auto& refs : state.writes)
    for (const stripe::StripeRef& ref : refs) {
      ns::Extent extent;
      extent.offset = data.size;
      extent.length = ref.data_length;
      extent.stripe = ref;
      data.size += ref.data_length;
      data.extents.push_back(std::move(extent));
    }
  return data;
}

// Writes `data`, in several stripes where a stripe cannot hold it all any more.
Task<void> write_stripes(std::shared_ptr<State> state, size_t index, Buf data, env::Permit permit) {
  stripe::StripeStore& store = state->shared->store;
  size_t at = 0;
  int rooms_made = 0;
  while (at < data.size() && !state->error) {
    const size_t most = store.full_stripe_bytes();
    if (most == 0) {
      state->error = Error(Errc::kUnavailable, "no placement group can be written");
      break;
    }
    const size_t length = std::min<size_t>(data.size() - at, most);
    if (length < data.size()) ATOLL_PROBE("body_stripe_split");
    Buf piece = data.slice(at, length);
    Result<stripe::StripeRef> ref =
        co_await store.write(std::move(piece), device::WriteClass::kUser);
    if (!ref) {
      // Groups became narrower since `most` was asked for: less at once may do.
      if (store.full_stripe_bytes() < length) continue;
      if (ref.error().code == Errc::kNoSpace && rooms_made < kRoomsMadeMax) {
        ++rooms_made;
        const bool won = co_await state->shared->partition.make_room();
        if (won) continue;
      }
      if (!state->error) state->error = std::move(ref).error();
      break;
    }
    state->writes[index].push_back(*ref);
    at += length;
  }
  data = Buf();
  permit = env::Permit();
  ATOLL_CHECK(state->in_flight > 0);
  --state->in_flight;
  state->changed.wake_all();
}

Task<void> discard_when_idle(std::shared_ptr<State> state) {
  while (state->in_flight != 0) co_await state->changed.wait();
  ns::FileData data = file_data(*state);
  if (!data.extents.empty()) co_await state->shared->partition.discard(std::move(data));
}

class StripeBodyWriter final : public BodyWriter {
 public:
  StripeBodyWriter(std::shared_ptr<Shared> shared, uint64_t size_hint)
      : state_(std::make_shared<State>(std::move(shared))), size_hint_(size_hint) {}

  ~StripeBodyWriter() override {
    if (finished_ || state_->writes.empty()) return;
    ATOLL_PROBE("body_discarded");
    state_->shared->env.spawn("discard body", discard_when_idle(state_));
  }

  Task<Result<MutableByteSpan>> space(size_t want) override;
  Task<Status> commit(size_t n) override;
  Task<Status> append(ByteSpan bytes) override;
  Buf hold() const override { return current_; }
  uint64_t size() const override { return size_; }
  Task<Result<ns::FileData>> finish() override;

 private:
  stripe::StripeStore& store() { return state_->shared->store; }
  uint64_t size_still_expected() const { return size_hint_ > size_ ? size_hint_ - size_ : 0; }
  Task<void> allocate();
  bool try_grow();
  Task<void> start_write();

  std::shared_ptr<State> state_;  // first: the permit below must go before the semaphore
  const uint64_t size_hint_;
  uint64_t size_ = 0;
  Buf current_;            // being filled
  size_t used_ = 0;        // of current_
  env::Permit permit_;     // for current_
  size_t handed_out_ = 0;  // by the last space(), not yet committed
  bool finished_ = false;
};

Task<Result<MutableByteSpan>> StripeBodyWriter::space(size_t want) {
  ATOLL_CHECK(want > 0 && !finished_);
  if (state_->error) co_return fail(*state_->error);
  // The body goes on past what memory was taken for.
  if (!current_.empty() && used_ == current_.size() && !try_grow()) co_await start_write();
  if (current_.empty()) co_await allocate();
  if (state_->error) co_return fail(*state_->error);
  ATOLL_CHECK(used_ < current_.size());
  handed_out_ = std::min(want, current_.size() - used_);
  co_return current_.mutable_span().subspan(used_, handed_out_);
}

Task<Status> StripeBodyWriter::commit(size_t n) {
  ATOLL_CHECK(n <= handed_out_, "no more than space() gave");
  handed_out_ = 0;
  used_ += n;
  size_ += n;
  const bool stripe_full = used_ == current_.size() && used_ >= store().full_stripe_bytes();
  const bool tail = size_ == size_hint_ && size_ > ns::kInlineBytesMax;
  if (used_ > 0 && (stripe_full || tail)) co_await start_write();
  if (state_->error) co_return fail(*state_->error);
  co_return Status();
}

Task<Status> StripeBodyWriter::append(ByteSpan bytes) {
  while (!bytes.empty()) {
    ATOLL_CO_TRY(const MutableByteSpan room, co_await space(bytes.size()));
    std::memcpy(room.data(), bytes.data(), room.size());
    ATOLL_CO_TRY_STATUS(co_await commit(room.size()));
    bytes = bytes.subspan(room.size());
  }
  co_return Status();
}

Task<void> StripeBodyWriter::allocate() {
  ATOLL_CHECK(current_.empty() && used_ == 0);
  const uint64_t full = std::max<uint64_t>(store().full_stripe_bytes(), kFirstGuessBytes);
  const uint64_t expected = size_still_expected();
  const uint64_t size = std::min<uint64_t>(full, expected != 0 ? expected : kFirstGuessBytes);
  const uint64_t cost = memory_cost(size);
  if (cost != 0) {
    if (state_->shared->writer_memory.available() < cost) ATOLL_PROBE("body_memory_wait");
    permit_ = co_await env::Permit::take(state_->shared->writer_memory, cost);
  }
  current_ = Buf::allocate(size);
}

// Makes a full current_ larger where a stripe could hold more and memory is at hand; never waits
// for memory while holding some.
bool StripeBodyWriter::try_grow() {
  const size_t full = store().full_stripe_bytes();
  if (current_.size() >= full) return false;
  const size_t size = std::min(full, current_.size() * kGrowthFactor);
  const uint64_t cost = memory_cost(size);
  env::Semaphore& memory = state_->shared->writer_memory;
  if (cost != 0 && !memory.try_acquire(cost)) {
    ATOLL_PROBE("body_cannot_grow");
    return false;
  }
  env::Permit permit = cost != 0 ? env::Permit(&memory, cost) : env::Permit();
  Buf larger = Buf::allocate(size);
  std::memcpy(larger.mutable_data(), current_.data(), used_);
  current_ = std::move(larger);
  permit_ = std::move(permit);
  return true;
}

// Gives what current_ holds to a write; waits while too many run.
Task<void> StripeBodyWriter::start_write() {
  ATOLL_CHECK(used_ > 0);
  while (state_->in_flight >= kWritesInFlightMax && !state_->error) co_await state_->changed.wait();
  const size_t index = state_->writes.size();
  state_->writes.emplace_back();
  ++state_->in_flight;
  Buf data = current_.slice(0, used_);
  env::Permit permit = std::exchange(permit_, env::Permit());
  current_ = Buf();
  used_ = 0;
  state_->shared->env.spawn("write stripe",
                            write_stripes(state_, index, std::move(data), std::move(permit)));
}

Task<Result<ns::FileData>> StripeBodyWriter::finish() {
  ATOLL_CHECK(!finished_);
  if (state_->error) co_return fail(*state_->error);
  if (state_->writes.empty() && size_ <= ns::kInlineBytesMax) {
    ns::FileData data;
    data.size = size_;
    if (size_ > 0) {
      ns::Extent extent;
      extent.length = static_cast<uint32_t>(size_);
      extent.bytes = current_.slice(0, used_);
      data.extents.push_back(std::move(extent));
    }
    finished_ = true;
    co_return data;
  }
  if (used_ > 0) co_await start_write();
  while (state_->in_flight != 0) co_await state_->changed.wait();
  if (state_->error) co_return fail(*state_->error);
  ns::FileData data = file_data(*state_);
  ATOLL_CHECK(data.size == size_, "every byte that was committed is in a stripe");
  finished_ = true;
  co_return data;
}

}  // namespace

std::unique_ptr<BodyWriter> make_body_writer(std::shared_ptr<Shared> shared, uint64_t size_hint) {
  return std::make_unique<StripeBodyWriter>(std::move(shared), size_hint);
}

}  // namespace atl::client
