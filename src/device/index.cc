#include "device/index.h"

#include <algorithm>

#include "base/check.h"

namespace atl::device {
namespace {

bool before(const ShardEntry& entry, ShardKey key) {
  return entry.key() < key;
}

}  // namespace

size_t ShardIndex::chunk_of(ShardKey key) const {
  // The last chunk whose first key is <= key; the first one when there is none.
  auto it = std::upper_bound(chunks_.begin(), chunks_.end(), key,
                             [](ShardKey k, const Chunk& c) { return k < c.front().key(); });
  return it == chunks_.begin() ? 0 : static_cast<size_t>(it - chunks_.begin()) - 1;
}

ShardEntry* ShardIndex::find(ShardKey key) {
  if (chunks_.empty()) return nullptr;
  Chunk& chunk = chunks_[chunk_of(key)];
  auto it = std::lower_bound(chunk.begin(), chunk.end(), key, before);
  return it != chunk.end() && it->key() == key ? &*it : nullptr;
}

void ShardIndex::insert(const ShardEntry& entry) {
  if (chunks_.empty()) chunks_.emplace_back();
  size_t c = chunks_.size() == 1 && chunks_[0].empty() ? 0 : chunk_of(entry.key());
  if (chunks_[c].size() == kChunkMax) {
    // Keys mostly grow: leave the last chunk full then. Otherwise split in the middle.
    const bool at_end = c + 1 == chunks_.size() && chunks_[c].back().key() < entry.key();
    Chunk upper;
    if (!at_end) {
      upper.assign(chunks_[c].begin() + kChunkMax / 2, chunks_[c].end());
      chunks_[c].resize(kChunkMax / 2);
    }
    const bool into_upper = at_end || upper.front().key() < entry.key();
    chunks_.insert(chunks_.begin() + static_cast<ptrdiff_t>(c) + 1, std::move(upper));
    if (into_upper) ++c;
  }
  Chunk& chunk = chunks_[c];
  auto it = std::lower_bound(chunk.begin(), chunk.end(), entry.key(), before);
  ATOLL_CHECK(it == chunk.end() || it->key() != entry.key());
  chunk.insert(it, entry);
  ++size_;
}

bool ShardIndex::erase(ShardKey key) {
  if (chunks_.empty()) return false;
  const size_t c = chunk_of(key);
  Chunk& chunk = chunks_[c];
  auto it = std::lower_bound(chunk.begin(), chunk.end(), key, before);
  if (it == chunk.end() || it->key() != key) return false;
  chunk.erase(it);
  --size_;
  if (chunk.empty()) {
    chunks_.erase(chunks_.begin() + static_cast<ptrdiff_t>(c));
  } else if (c + 1 < chunks_.size() && chunk.size() + chunks_[c + 1].size() <= kChunkMax / 2) {
    chunk.insert(chunk.end(), chunks_[c + 1].begin(), chunks_[c + 1].end());
    chunks_.erase(chunks_.begin() + static_cast<ptrdiff_t>(c) + 1);
  }
  return true;
}

std::vector<ShardInfo> ShardIndex::list(ShardKey after, size_t limit) const {
  std::vector<ShardInfo> out;
  for (size_t c = chunks_.empty() ? 0 : chunk_of(after); c < chunks_.size(); ++c) {
    for (const ShardEntry& entry : chunks_[c]) {
      if (entry.key() <= after) continue;
      if (out.size() == limit) return out;
      out.push_back({entry.key(), entry.length});
    }
  }
  return out;
}

SegmentState Segment::state() const {
  return {id, partition, promised, sealed, first_lsn, durable_next(), durable_chain()};
}

size_t Segment::run_at(Lsn lsn) const {
  auto it = std::upper_bound(runs.begin(), runs.end(), lsn.value,
                             [](uint64_t l, const RunEntry& r) { return l < r.end_lsn(); });
  return static_cast<size_t>(it - runs.begin());
}

void Segment::extend_prefix() {
  while (prefix < runs.size() && Lsn(runs[prefix].first_lsn) == durable_next() &&
         runs[prefix].chain_before == durable_chain())
    ++prefix;
}

}  // namespace atl::device
