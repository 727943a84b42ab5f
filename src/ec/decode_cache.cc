#include "ec/decode_cache.h"

#include "base/check.h"
#include "base/probe.h"

namespace atl::ec {

const std::vector<uint8_t>* DecodeCache::find(ErasurePattern pattern) {
  // A degraded device gives one pattern over and over: it is in front.
  if (!recent_.empty() && recent_.front().pattern == pattern) {
    ++hits_;
    return &recent_.front().tables;
  }
  auto it = by_pattern_.find(pattern);
  if (it == by_pattern_.end()) {
    ++misses_;
    return nullptr;
  }
  ++hits_;
  recent_.splice(recent_.begin(), recent_, it->second);
  return &recent_.front().tables;
}

const std::vector<uint8_t>& DecodeCache::insert(ErasurePattern pattern,
                                                std::vector<uint8_t> tables) {
  ATOLL_CHECK(!by_pattern_.contains(pattern));
  ATOLL_CHECK(tables.size() <= kMaxBytes);
  bytes_ += tables.size();
  recent_.push_front({pattern, std::move(tables)});
  by_pattern_.emplace(pattern, recent_.begin());
  while (bytes_ > kMaxBytes) {
    ATOLL_PROBE("ec.decode_cache_evicts");
    bytes_ -= recent_.back().tables.size();
    by_pattern_.erase(recent_.back().pattern);
    recent_.pop_back();
  }
  ATOLL_CHECK(!recent_.empty() && recent_.front().pattern == pattern);
  return recent_.front().tables;
}

}  // namespace atl::ec
