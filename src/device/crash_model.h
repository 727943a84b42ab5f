// For tests: a random workload on one device, a crash at a random moment, and the list of promises
// that the device broke. Used by crash_test.cc with many seeds, and with planted bugs to test the
// tests.
//
// What must hold after each crash:
//   - a shard whose write was acknowledged, and that was not deleted, is there whole;
//   - one whose write was not acknowledged is there whole or not at all;
//   - one whose delete was made durable (a checkpoint since) is not there;
//   - acknowledged runs of a segment are there, byte for byte, in order; behind them only runs that
//     were on their way; an acknowledged promise still fences.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "device/test_disk.h"

namespace atl::device {

struct CrashModelOptions {
  uint64_t seed = 1;
  uint64_t size_bytes = 64_MiB;
  uint64_t zone_bytes = 1_MiB;
  int lives = 3;  // crashes in a row on the same disk
  int writers = 4;
  bool flip_bits = false;  // one bit of an index checkpoint rots at each crash
};

class CrashModel {
 public:
  explicit CrashModel(CrashModelOptions options);
  // Empty when every promise held.
  std::vector<std::string> run();

 private:
  struct ShardTrack {
    size_t length = 0;
    bool acknowledged = false;
    bool deleting = false;  // a delete was called: anything goes until it is durable
    bool gone = false;      // its delete is durable
  };
  struct SegmentTrack {
    std::vector<Run> sent;  // in order; the first `acknowledged` of them are
    size_t acknowledged = 0;
    uint64_t promised = 0;  // acknowledged
    uint64_t asked = 0;     // the highest epoch ever used
    bool broken = false;    // an append failed for want of space: send nothing more
    bool deleting = false;
    bool gone = false;
  };

  Task<void> shard_writer(int number);
  Task<void> segment_writer(int number);
  Task<void> housekeeper();
  Task<void> append_one(uint64_t segment, size_t i, uint64_t epoch);
  Task<void> delete_one_shard();
  void check();
  void check_shard(ShardKey key, ShardTrack& track);
  void check_segment(uint64_t id, SegmentTrack& track, const std::vector<SegmentState>& states);
  void complain(std::string what);

  CrashModelOptions options_;
  TestDisk disk_;
  env::Random random_;
  std::map<ShardKey, ShardTrack> shards_;
  std::map<uint64_t, SegmentTrack> segments_;
  uint64_t next_stripe_ = 1;
  uint64_t next_segment_ = 1;
  std::vector<std::string> broken_;
};

}  // namespace atl::device
