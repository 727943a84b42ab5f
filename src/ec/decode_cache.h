// Tables for erasure patterns already seen, least recently used first out.
//
// Owner: one Code, one thread. A pattern is which shards are at hand and which are wanted, both as
// bit sets: their order does not matter, since the caller sorts its pointers the same way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <vector>

#include "ec/code.h"

namespace atl::ec {

struct ErasurePattern {
  uint64_t have = 0;
  uint64_t wanted = 0;
  auto operator<=>(const ErasurePattern&) const = default;
};
static_assert(kMaxShards <= 64, "a pattern holds one bit a shard");

class DecodeCache {
 public:
  // 6+2 has 36 patterns of 192-384 bytes: all fit. The largest tables there are (32+32, all data
  // lost) take 32 KiB, so this holds 32 of those.
  static constexpr size_t kMaxBytes = 1024 * 1024;

  // Null when unknown. Valid until the next insert.
  const std::vector<uint8_t>* find(ErasurePattern pattern);
  const std::vector<uint8_t>& insert(ErasurePattern pattern, std::vector<uint8_t> tables);

  uint64_t hits() const { return hits_; }
  uint64_t misses() const { return misses_; }
  size_t entries() const { return by_pattern_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    ErasurePattern pattern;
    std::vector<uint8_t> tables;
  };
  std::list<Entry> recent_;  // most recently used first
  std::map<ErasurePattern, std::list<Entry>::iterator> by_pattern_;
  size_t bytes_ = 0;
  uint64_t hits_ = 0;
  uint64_t misses_ = 0;
};

}  // namespace atl::ec
