// The content of one simulated file: what is on the medium, what only a cache holds, what is on its
// way. It knows nothing of time; SimEnv decides when a write completes.
//
// Three layers, all in 4 KiB blocks; what is absent reads as zeros, so large empty files cost
// nothing:
//   durable    survives a power cut
//   cached     versions written by completed writes that no sync has covered yet, oldest first
//   in flight  writes that have not returned; reads do not see them
// A sync moves the versions of writes that had completed before it was *called* to `durable`.
//
// A power cut takes each version of `cached` and each block of the writes in flight, oldest first,
// and keeps it, drops it, or tears it at 512-byte sectors, at random; then both layers are empty.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "env/env.h"
#include "env/random.h"

namespace atl::env {

inline constexpr size_t kSectorSize = 512;  // what a device writes in one piece

enum class CrashKind {
  kPowerCut,     // what no sync covered is at risk
  kProcessKill,  // only what was in flight is: the kernel still has the rest
};

struct CrashReport {
  uint64_t blocks_kept = 0;
  uint64_t blocks_dropped = 0;
  uint64_t blocks_torn = 0;
};

class SimFile {
 public:
  explicit SimFile(uint64_t size_bytes) : size_bytes_(size_bytes) {}
  uint64_t size_bytes() const { return size_bytes_; }

  Buf read(uint64_t offset, size_t length) const;

  // A write copies the bytes now and is seen once it completes. begin_write returns its number.
  uint64_t begin_write(uint64_t offset, std::span<const Buf> bufs);
  void complete_write(uint64_t write);
  // An I/O error: any subset of the blocks got there.
  void fail_write(uint64_t write, Random& random);

  uint64_t completed() const { return completed_; }
  // Makes durable what the first `completed` writes wrote.
  void make_durable(uint64_t completed);

  void crash(Random& random, CrashKind kind, CrashReport* report);

  void flip_bit(uint64_t byte_offset, int bit);
  void blank();  // all zeros, durably

  // Content at one moment, as reads see it. Cheap: blocks are shared.
  using Block = std::array<uint8_t, kBlockSize>;
  using BlockPtr = std::shared_ptr<const Block>;  // null: zeros
  using Content = std::unordered_map<uint64_t, BlockPtr>;
  Content snapshot() const;
  void restore(Content content);

  uint64_t blocks_at_risk() const;  // cached or in flight, for tests

  // One handle at a time, as RealEnv's file lock. A crash unlocks.
  bool try_lock(uint64_t owner);
  void unlock(uint64_t owner);

 private:
  struct Version {
    uint64_t completed;  // ordinal of the write that wrote it, in order of completion
    BlockPtr data;
  };
  struct Write {
    uint64_t first_block = 0;
    std::vector<BlockPtr> blocks;
  };

  const Block& current(uint64_t block) const;  // valid until something changes
  void put_durable(uint64_t block, BlockPtr data);
  void check_range(uint64_t offset, uint64_t length) const;

  uint64_t size_bytes_;
  Content durable_;                                  // never walked where the order could matter
  std::map<uint64_t, std::vector<Version>> cached_;  // ordered: crash() walks it with the seed
  std::map<uint64_t, Write> in_flight_;
  uint64_t last_write_ = 0;
  uint64_t completed_ = 0;
  uint64_t locked_by_ = 0;  // the SimEnv's number; 0: nobody
};

}  // namespace atl::env
