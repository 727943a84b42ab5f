// The payload of a journal entry: the row changes of one batch of operations.
//
//   u8      version
//   u32     chain before: the checksum over all earlier payloads
//   then, to the end, one operation after another:
//     str     what it was, for people ("put bucket/key")
//     varint  number of changes
//     each    u8 1: put, str key, str value | u8 2: erase, str key
//
// Replay makes the changes blindly, in order, so it cannot come to another end than the first time.
// The chain after an entry is crc32c(payload, seed: chain before). A view that stands at (lsn,
// chain) belongs to a journal only if the entry `lsn` has that chain after it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/codec.h"
#include "base/result.h"

namespace atl::ns {

inline constexpr uint8_t kEntryVersion = 1;

class EntryBuilder {
 public:
  explicit EntryBuilder(uint32_t chain_before);

  void put(std::string_view key, std::string_view value);
  void erase(std::string_view key);
  // Closes the operation whose changes were made since the last end_op; drop_op forgets them.
  void end_op(std::string_view what);
  void drop_op();

  bool empty() const { return ops_ == 0; }
  bool op_empty() const { return changes_ == 0; }
  size_t op_bytes() const { return op_.size(); }
  size_t bytes() const { return payload_.size() + op_.size(); }
  const std::string& payload() const { return payload_.view(); }
  uint32_t chain() const;  // after this entry

 private:
  uint32_t chain_before_;
  Encoder payload_;
  Encoder op_;
  uint64_t changes_ = 0;
  uint64_t ops_ = 0;
};

struct EntryVisitor {
  std::function<void(std::string_view what)> op;  // may be empty
  std::function<Status(std::string_view key, std::string_view value)> put;
  std::function<Status(std::string_view key)> erase;
};

struct EntrySummary {
  uint32_t chain_before = 0;
  uint32_t chain_after = 0;
};

// kCorrupt when the payload is not what EntryBuilder makes; a visitor's error stops it.
Result<EntrySummary> visit_entry(std::string_view payload, const EntryVisitor& visitor);
// Only the chains, without going through the changes.
Result<EntrySummary> summarize_entry(std::string_view payload);

}  // namespace atl::ns
