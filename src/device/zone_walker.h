// Reads a zone's records in order, from the medium.
//
// Where no good header is, it tries the next block: a damaged record hides nothing behind it. A
// good header is trusted for the record's length. With kHeaders only header blocks are looked at;
// with kWhole each record comes with all its bytes. A block that cannot be read counts as damaged.
#pragma once

#include <optional>

#include "device/medium.h"
#include "device/record.h"

namespace atl::device {

enum class WalkMode { kHeaders, kWhole };

struct WalkedRecord {
  RecordHeader header;
  Buf bytes;  // kHeaders: the header block; kWhole: the record, or empty when it cannot be read
};

class ZoneWalker {
 public:
  // From `from_block` to `end_block`. generation may be kAnyGeneration.
  ZoneWalker(Medium& medium, uint32_t zone, uint64_t generation, uint32_t from_block,
             uint32_t end_block, WalkMode mode);
  // The next record; nothing at the end. Errors: only the device's own (failed, closed).
  Task<Result<std::optional<WalkedRecord>>> next();
  uint32_t bad_blocks() const { return bad_blocks_; }  // unreadable ones so far

 private:
  Task<Status> load(uint32_t blocks);  // makes window_ start at block_
  bool loaded(uint32_t blocks) const;
  ByteSpan at(uint32_t block) const;

  Medium& medium_;
  const uint32_t zone_;
  const uint64_t generation_;
  const uint32_t end_;
  const WalkMode mode_;
  uint32_t block_;
  Buf window_;
  uint32_t window_first_ = 0;
  uint32_t bad_blocks_ = 0;
};

}  // namespace atl::device
