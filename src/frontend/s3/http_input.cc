#include "frontend/s3/http_input.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace atl::s3 {

void HttpInput::consume(size_t n) {
  ATOLL_CHECK(n <= end_ - begin_);
  begin_ += n;
  if (begin_ == end_) begin_ = end_ = 0;
}

void HttpInput::make_room(size_t buffer_max) {
  ATOLL_CHECK(end_ - begin_ < buffer_max);
  if (end_ < capacity_) return;
  if (begin_ > 0) {
    std::memmove(block_.get(), block_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    return;
  }
  const size_t capacity =
      capacity_ == 0 ? std::min(kInputBytes, buffer_max) : std::min(capacity_ * 2, buffer_max);
  ATOLL_CHECK(capacity > end_);
  auto block = std::make_unique_for_overwrite<char[]>(capacity);
  if (end_ != 0) std::memcpy(block.get(), block_.get(), end_);
  block_ = std::move(block);
  capacity_ = capacity;
}

Task<Result<size_t>> HttpInput::read_stream(MutableByteSpan into) {
  meter_->waiting = meter_->reading = true;
  Result<size_t> n = co_await stream_->read_some(into);
  meter_->waiting = meter_->reading = false;
  if (meter_->timed_out) co_return fail(Errc::kCancelled, "the client took too long");
  co_return n;
}

Task<Result<size_t>> HttpInput::fill(size_t buffer_max) {
  make_room(buffer_max);
  const MutableByteSpan room{reinterpret_cast<uint8_t*>(block_.get()) + end_, capacity_ - end_};
  Result<size_t> n = co_await read_stream(room);
  if (!n) co_return n;
  ATOLL_CHECK(*n <= room.size());
  end_ += *n;
  meter_->bytes_in += *n;
  co_return n;
}

Task<Result<size_t>> HttpInput::read(MutableByteSpan into) {
  ATOLL_CHECK(!into.empty());
  if (begin_ != end_) {
    const size_t n = std::min(into.size(), end_ - begin_);
    std::memcpy(into.data(), block_.get() + begin_, n);
    consume(n);
    co_return n;
  }
  Result<size_t> n = co_await read_stream(into);
  if (n) meter_->bytes_in += *n;
  co_return n;
}

HttpInput::Head HttpInput::take_head(size_t n) {
  ATOLL_CHECK(n <= end_ - begin_);
  Head head;
  const std::string_view rest = buffered().substr(n);
  head.bytes = buffered().substr(0, n);
  head.capacity = capacity_;
  head.block = std::move(block_);
  capacity_ = std::max(kInputBytes, rest.size());
  begin_ = 0;
  end_ = rest.size();
  if (rest.empty()) {
    capacity_ = 0;
  } else {
    block_ = std::make_unique_for_overwrite<char[]>(capacity_);
    std::memcpy(block_.get(), rest.data(), rest.size());
  }
  return head;
}

void HttpInput::give_back(Head head) {
  if (block_ != nullptr || head.capacity != kInputBytes) return;
  ATOLL_CHECK(begin_ == end_);
  block_ = std::move(head.block);
  capacity_ = head.capacity;
  begin_ = end_ = 0;
}

}  // namespace atl::s3
