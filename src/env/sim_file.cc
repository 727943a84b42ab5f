#include "env/sim_file.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "base/probe.h"

namespace atl::env {
namespace {

using Block = SimFile::Block;
using BlockPtr = SimFile::BlockPtr;

const Block kZeroBlock{};

const Block& bytes_of(const BlockPtr& block) {
  return block ? *block : kZeroBlock;
}

// `bytes` are kBlockSize.
BlockPtr make_block(const uint8_t* bytes) {
  if (std::memcmp(bytes, kZeroBlock.data(), kBlockSize) == 0) return nullptr;
  auto block = std::make_shared_for_overwrite<Block>();
  std::memcpy(block->data(), bytes, kBlockSize);
  return block;
}
BlockPtr make_block(const Block& bytes) {
  return make_block(bytes.data());
}

// The old block with each 512-byte sector replaced or not.
BlockPtr tear(const BlockPtr& before, const BlockPtr& after, Random& random) {
  Block mixed = bytes_of(before);
  for (size_t at = 0; at < kBlockSize; at += kSectorSize)
    if (random.chance(0.5)) std::memcpy(&mixed[at], &bytes_of(after)[at], kSectorSize);
  return make_block(mixed);
}

// How a crash treats blocks at risk. Drawn once a crash and file, so that "all lost" and "all kept"
// come up as often as the mixtures.
struct Survival {
  explicit Survival(Random& random) {
    static constexpr double kKeep[] = {0, 0.1, 0.5, 0.9, 1};
    static constexpr double kTear[] = {0, 0, 0.05, 0.3};
    keep = kKeep[random.below(std::size(kKeep))];
    tear = kTear[random.below(std::size(kTear))];
  }
  double keep;
  double tear;
};

}  // namespace

void SimFile::check_range(uint64_t offset, uint64_t length) const {
  ATOLL_CHECK(offset % kBlockSize == 0 && length % kBlockSize == 0);
  ATOLL_CHECK(offset <= size_bytes_ && length <= size_bytes_ - offset);
}

const Block& SimFile::current(uint64_t block) const {
  if (auto it = cached_.find(block); it != cached_.end()) return bytes_of(it->second.back().data);
  if (auto it = durable_.find(block); it != durable_.end()) return bytes_of(it->second);
  return kZeroBlock;
}

void SimFile::put_durable(uint64_t block, BlockPtr data) {
  if (data) {
    durable_[block] = std::move(data);
  } else {
    durable_.erase(block);
  }
}

Buf SimFile::read(uint64_t offset, size_t length) const {
  check_range(offset, length);
  Buf out = Buf::allocate(length);
  for (size_t at = 0; at < length; at += kBlockSize)
    std::memcpy(out.mutable_data() + at, current((offset + at) / kBlockSize).data(), kBlockSize);
  return out;
}

uint64_t SimFile::begin_write(uint64_t offset, std::span<const Buf> bufs) {
  check_range(offset, total_size(bufs));
  Write write{offset / kBlockSize, {}};
  for (const Buf& buf : bufs) {
    ATOLL_CHECK(buf.size() % kBlockSize == 0);
    for (size_t at = 0; at < buf.size(); at += kBlockSize) {
      write.blocks.push_back(make_block(buf.data() + at));
    }
  }
  in_flight_.emplace(++last_write_, std::move(write));
  return last_write_;
}

void SimFile::complete_write(uint64_t number) {
  auto node = in_flight_.extract(number);
  if (node.empty()) return;  // the file was restored or blanked meanwhile
  Write& write = node.mapped();
  ++completed_;
  for (size_t i = 0; i < write.blocks.size(); ++i)
    cached_[write.first_block + i].push_back({completed_, std::move(write.blocks[i])});
}

void SimFile::fail_write(uint64_t number, Random& random) {
  auto node = in_flight_.extract(number);
  if (node.empty()) return;
  Write& write = node.mapped();
  ++completed_;
  for (size_t i = 0; i < write.blocks.size(); ++i)
    if (random.chance(0.5))
      cached_[write.first_block + i].push_back({completed_, std::move(write.blocks[i])});
}

void SimFile::make_durable(uint64_t completed) {
  ATOLL_CHECK(completed <= completed_);
  for (auto it = cached_.begin(); it != cached_.end();) {
    auto& versions = it->second;
    auto first_later = std::find_if(versions.begin(), versions.end(),
                                    [&](const Version& v) { return v.completed > completed; });
    if (first_later != versions.begin()) {
      put_durable(it->first, std::prev(first_later)->data);
      versions.erase(versions.begin(), first_later);
    }
    it = versions.empty() ? cached_.erase(it) : std::next(it);
  }
}

void SimFile::crash(Random& random, CrashKind kind, CrashReport* report) {
  const Survival survival(random);
  locked_by_ = 0;
  auto in_flight = std::move(in_flight_);
  in_flight_.clear();
  ++completed_;
  for (auto& [number, write] : in_flight)
    for (size_t i = 0; i < write.blocks.size(); ++i) {
      const uint64_t block = write.first_block + i;
      if (kind == CrashKind::kPowerCut || random.chance(survival.keep))
        cached_[block].push_back({completed_, std::move(write.blocks[i])});
    }
  if (kind == CrashKind::kProcessKill) return;

  auto cached = std::move(cached_);
  cached_.clear();
  for (auto& [block, versions] : cached) {
    auto it = durable_.find(block);
    BlockPtr bytes = it == durable_.end() ? nullptr : it->second;
    for (Version& version : versions) {
      if (random.chance(survival.tear)) {
        ATOLL_PROBE("sim_file.torn_block");
        bytes = tear(bytes, version.data, random);
        ++report->blocks_torn;
      } else if (random.chance(survival.keep)) {
        bytes = std::move(version.data);
        ++report->blocks_kept;
      } else {
        ATOLL_PROBE("sim_file.dropped_block");
        ++report->blocks_dropped;
      }
    }
    put_durable(block, std::move(bytes));
  }
}

void SimFile::flip_bit(uint64_t byte_offset, int bit) {
  ATOLL_CHECK(byte_offset < size_bytes_ && bit >= 0 && bit < 8);
  const uint64_t block = byte_offset / kBlockSize;
  Block bytes = current(block);
  bytes[byte_offset % kBlockSize] ^= static_cast<uint8_t>(1 << bit);
  if (auto it = cached_.find(block); it != cached_.end()) {
    it->second.back().data = make_block(bytes);
  } else {
    put_durable(block, make_block(bytes));
  }
}

void SimFile::blank() {
  restore({});
}

SimFile::Content SimFile::snapshot() const {
  Content content = durable_;
  for (const auto& [block, versions] : cached_) content[block] = versions.back().data;
  return content;
}

void SimFile::restore(Content content) {
  durable_ = std::move(content);
  cached_.clear();
  in_flight_.clear();
}

bool SimFile::try_lock(uint64_t owner) {
  if (locked_by_ != 0) return false;
  locked_by_ = owner;
  return true;
}

void SimFile::unlock(uint64_t owner) {
  if (locked_by_ == owner) locked_by_ = 0;
}

uint64_t SimFile::blocks_at_risk() const {
  uint64_t n = cached_.size();
  for (const auto& [number, write] : in_flight_) n += write.blocks.size();
  return n;
}

}  // namespace atl::env
