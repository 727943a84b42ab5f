#include "client/body_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/probe.h"

namespace atl::client {
namespace {

// One piece on its way. Kept by the reader and by the task that reads it, whichever lives longer.
struct Piece {
  std::shared_ptr<Shared> shared;    // first: the permit below must go before the semaphore
  std::shared_ptr<ns::ReadPin> pin;  // the stripes stay while they are read
  stripe::StripeRef stripe;
  uint32_t offset = 0;
  uint32_t length = 0;
  env::Permit permit;
  Result<std::vector<Buf>> bytes;
  env::Event done;
};

Task<void> read_piece(std::shared_ptr<Piece> piece) {
  piece->bytes = co_await piece->shared->store.read(piece->stripe, piece->offset, piece->length);
  if (piece->bytes && total_size(*piece->bytes) != piece->length)
    piece->bytes = fail(Errc::kCorrupt, "a stripe gave fewer bytes than it was asked for");
  piece->done.set();
}

class ExtentBodyReader final : public BodyReader {
 public:
  ExtentBodyReader(std::shared_ptr<Shared> shared, ns::ObjectInfo object, uint64_t offset,
                   uint64_t length)
      : shared_(std::move(shared)),
        object_(std::move(object)),
        position_(offset),
        end_(offset + length) {
    ATOLL_CHECK(offset <= object_.size && length <= object_.size - offset);
    const auto after =
        std::upper_bound(object_.extents.begin(), object_.extents.end(), offset,
                         [](uint64_t at, const ns::Extent& extent) { return at < extent.offset; });
    extent_ = after == object_.extents.begin()
                  ? 0
                  : static_cast<size_t>(after - object_.extents.begin()) - 1;
  }

  Task<Result<Buf>> next() override;

 private:
  Status plan(std::shared_ptr<Piece>* out);
  Status read_ahead();
  size_t reads_in_flight_max() const;
  Buf take_ready();

  std::shared_ptr<Shared> shared_;
  ns::ObjectInfo object_;
  uint64_t position_;  // of the next piece to be planned
  const uint64_t end_;
  size_t extent_ = 0;  // that position_ is in
  std::vector<std::shared_ptr<Piece>>
      ahead_;                       // the next one first; so few that moving them is cheap
  std::shared_ptr<Piece> current_;  // its memory is with the caller
  std::vector<Buf> ready_;          // of current_, the last one first
};

// The piece at position_, and position_ moved past it. There must be one.
Status ExtentBodyReader::plan(std::shared_ptr<Piece>* out) {
  ATOLL_CHECK(position_ < end_);
  while (extent_ < object_.extents.size() &&
         object_.extents[extent_].offset + object_.extents[extent_].length <= position_)
    ++extent_;
  if (extent_ == object_.extents.size() || object_.extents[extent_].offset > position_)
    return fail(Errc::kCorrupt, "the object's extents have a hole");
  const ns::Extent& extent = object_.extents[extent_];
  const auto in_extent = static_cast<uint32_t>(position_ - extent.offset);
  uint64_t length = std::min<uint64_t>(extent.length - in_extent, end_ - position_);

  auto piece = std::make_shared<Piece>();
  piece->shared = shared_;
  piece->pin = object_.pin;
  if (extent.is_inline()) {
    length = std::min<uint64_t>(length, kReadPieceBytes);
    std::vector<Buf> bytes{extent.bytes.slice(in_extent, length)};
    piece->bytes = std::move(bytes);
    piece->done.set();
  } else {
    piece->stripe = extent.stripe;
    piece->offset = extent.stripe_offset + in_extent;
    length = std::min<uint64_t>(length, kReadPieceBytes - piece->offset % kReadPieceBytes);
  }
  piece->length = static_cast<uint32_t>(length);
  position_ += length;
  *out = std::move(piece);
  return {};
}

// Deep while few readers are at it; many keep the devices busy with one piece each.
size_t ExtentBodyReader::reads_in_flight_max() const {
  const uint64_t in_use = kReaderMemoryMax - shared_->reader_memory.available();
  return in_use < kReadAheadShared ? kReadsInFlightMax : 1;
}

// Starts reads while there is memory for them, up to the limit.
Status ExtentBodyReader::read_ahead() {
  while (position_ < end_ && ahead_.size() < reads_in_flight_max()) {
    // A whole piece is asked for, as its length is not known before it is planned.
    if (!shared_->reader_memory.try_acquire(kReadPieceBytes)) {
      ATOLL_PROBE("body_no_read_ahead");
      return {};
    }
    env::Permit permit(&shared_->reader_memory, kReadPieceBytes);
    std::shared_ptr<Piece> piece;
    ATOLL_TRY_STATUS(plan(&piece));
    if (!piece->done.is_set()) {
      piece->permit = std::move(permit);
      shared_->env.spawn("read ahead", read_piece(piece));
    }
    ahead_.push_back(std::move(piece));
  }
  return {};
}

Buf ExtentBodyReader::take_ready() {
  Buf out = std::move(ready_.back());
  ready_.pop_back();
  return out;
}

Task<Result<Buf>> ExtentBodyReader::next() {
  if (!ready_.empty()) co_return take_ready();
  current_.reset();  // the caller is done with it: its memory may be taken by another
  if (ahead_.empty()) {
    if (position_ == end_) co_return Buf();
    std::shared_ptr<Piece> piece;
    ATOLL_CO_TRY_STATUS(plan(&piece));
    if (!piece->done.is_set()) {
      if (piece->length > kUncountedBytes)
        piece->permit = co_await env::Permit::take(shared_->reader_memory, piece->length);
      if (position_ == end_)
        co_await read_piece(piece);
      else
        shared_->env.spawn("read", read_piece(piece));
    }
    ahead_.push_back(std::move(piece));
  }
  ATOLL_CO_TRY_STATUS(read_ahead());
  current_ = std::move(ahead_.front());
  ahead_.erase(ahead_.begin());
  co_await current_->done.wait();
  if (!current_->bytes) co_return fail(current_->bytes.error());
  for (Buf& buf : *current_->bytes)
    if (!buf.empty()) ready_.push_back(std::move(buf));
  std::ranges::reverse(ready_);
  current_->bytes->clear();
  ATOLL_CHECK(!ready_.empty(), "a piece has at least one byte");
  co_return take_ready();
}

}  // namespace

std::unique_ptr<BodyReader> make_body_reader(std::shared_ptr<Shared> shared, ns::ObjectInfo object,
                                             uint64_t offset, uint64_t length) {
  return std::make_unique<ExtentBodyReader>(std::move(shared), std::move(object), offset, length);
}

}  // namespace atl::client
