#include "device/zone_walker.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/probe.h"

namespace atl::device {
namespace {

// Headers alone: short windows, because most of what a long one reads would be payload.
constexpr uint32_t kHeaderWindowBlocks = 128u << 10 >> 12;
constexpr uint32_t kWholeWindowBlocks = 4u << 20 >> 12;

}  // namespace

ZoneWalker::ZoneWalker(Medium& medium, uint32_t zone, uint64_t generation, uint32_t from_block,
                       uint32_t end_block, WalkMode mode)
    : medium_(medium),
      zone_(zone),
      generation_(generation),
      end_(end_block),
      mode_(mode),
      block_(from_block) {
  ATOLL_CHECK(from_block >= medium.layout().first_block());
  ATOLL_CHECK(end_block <= medium.layout().end_block());
}

bool ZoneWalker::loaded(uint32_t blocks) const {
  return block_ >= window_first_ && block_ + blocks <= window_first_ + window_.size() / kBlockBytes;
}

ByteSpan ZoneWalker::at(uint32_t block) const {
  return window_.span().subspan(size_t{block - window_first_} * kBlockBytes);
}

Task<Status> ZoneWalker::load(uint32_t blocks) {
  const uint32_t window = mode_ == WalkMode::kWhole ? kWholeWindowBlocks : kHeaderWindowBlocks;
  const uint32_t count = std::min(std::max(window, blocks), end_ - block_);
  ATOLL_CHECK(count >= blocks);
  const uint64_t offset = medium_.layout().offset(zone_, block_);
  Result<Buf> bytes =
      co_await medium_.read(offset, size_t{count} * kBlockBytes, env::ReadMode::kDirect);
  if (bytes) {
    window_ = std::move(*bytes);
    window_first_ = block_;
    co_return Status();
  }
  ATOLL_CO_TRY_STATUS(medium_.usable());
  // Some block of it cannot be read: take them one by one, the bad ones as zeros (no record).
  ATOLL_PROBE("device: an unreadable block in a zone walk");
  Buf pieces = Buf::allocate_zeroed(size_t{count} * kBlockBytes);
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t at = medium_.layout().offset(zone_, block_ + i);
    Result<Buf> one = co_await medium_.read(at, kBlockBytes, env::ReadMode::kDirect);
    ATOLL_CO_TRY_STATUS(medium_.usable());
    if (!one) {
      ++bad_blocks_;
      continue;
    }
    std::memcpy(pieces.mutable_data() + size_t{i} * kBlockBytes, one->data(), kBlockBytes);
  }
  window_ = std::move(pieces);
  window_first_ = block_;
  co_return Status();
}

Task<Result<std::optional<WalkedRecord>>> ZoneWalker::next() {
  const uint32_t zone_blocks = medium_.layout().zone_blocks();
  for (; block_ < end_; ++block_) {
    if (!loaded(1)) {
      ATOLL_CO_TRY_STATUS(co_await load(1));
    }
    const RecordPlace place = medium_.place(zone_, block_, generation_);
    std::optional<RecordHeader> header = decode_record_header(at(block_), place, zone_blocks);
    if (!header && record_header_damaged(at(block_))) {
      // A second look: a bad transfer is not a bad medium.
      window_ = Buf();
      ATOLL_CO_TRY_STATUS(co_await load(1));
      header = decode_record_header(at(block_), place, zone_blocks);
    }
    if (!header) continue;
    WalkedRecord out;
    out.header = *header;
    if (mode_ == WalkMode::kHeaders) {
      out.bytes = window_.slice(size_t{block_ - window_first_} * kBlockBytes, kBlockBytes);
    } else if (block_ + header->blocks <= end_) {
      if (!loaded(header->blocks)) {
        ATOLL_CO_TRY_STATUS(co_await load(header->blocks));
      }
      out.bytes = window_.slice(size_t{block_ - window_first_} * kBlockBytes,
                                size_t{header->blocks} * kBlockBytes);
    }
    block_ = std::min(end_, block_ + header->blocks);
    co_return std::optional<WalkedRecord>(std::move(out));
  }
  co_return std::optional<WalkedRecord>();
}

}  // namespace atl::device
