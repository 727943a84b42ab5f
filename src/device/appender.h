// Group commit: many records, few writes, one flush for all that wait.
//
// Each stream is a lane: its records lie one behind another in its open zone, so what is queued
// goes out as one gathered write. While a lane writes, the next batch queues up; while a flush
// runs, lanes go on writing. A flush covers every record whose write had returned when the flush
// began; it alone makes them durable, whatever else happened meanwhile.
//
//   lane journal  [queue] -> writing -> written --+
//   lane shards   [queue] -> writing -> written --+--> one flush at a time --> on_durable, done
//   lane moved    [queue] -> writing -> written --+
//
// Within a lane, records become durable in the order of submit().
//
// Errors: a failed write or flush fails the device; every record that was not durable gets that
// error. Limits: the caller bounds what is queued (DeviceCore's queue permits).
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "device/medium.h"
#include "device/zone.h"

namespace atl::device {

// What one gathered write may hold; past it latency grows and bandwidth does not.
inline constexpr uint32_t kBatchBlocksMax = 8u << 20 >> 12;
// iovecs a write may need: well under IOV_MAX (1024).
inline constexpr size_t kBatchBufsMax = 512;

// One record on its way to the medium.
struct Append {
  uint64_t sequence = 0;
  Stream stream = Stream::kShards;
  uint32_t zone = 0;
  uint32_t block = 0;
  uint32_t blocks = 0;
  std::vector<Buf> bufs;             // dropped once written
  std::function<void()> on_durable;  // runs before any waiter resumes; not when it failed
  Status status;
  env::Event done;
};
using AppendRef = std::shared_ptr<Append>;

class Appender {
 public:
  Appender(Medium& medium, ZoneTable& zones);

  // Recovery says where to go on.
  void start_after(uint64_t last_sequence) { next_sequence_ = last_sequence + 1; }
  uint64_t last_sequence() const { return next_sequence_ - 1; }
  uint64_t take_sequence() { return next_sequence_++; }
  // Every record up to this sequence is durable (or its device failed).
  uint64_t durable_before() const;

  // The place must be the next one of its stream, and the sequence the newest.
  void submit(AppendRef append);
  static Task<Status> wait(AppendRef append);
  // Success when a flush that began after this call has succeeded.
  Task<Status> flush();
  // Returns when nothing is queued, being written or flushed.
  Task<void> drain();

 private:
  struct Lane {
    std::deque<AppendRef> queue;
    std::vector<AppendRef> writing;
    std::deque<AppendRef> written;
    std::deque<uint64_t> pending;  // sequences that are not durable yet, in order
    bool running = false;
  };

  Task<void> run_lane(std::shared_ptr<void> keep, Lane& lane);
  Task<void> run_flushes(std::shared_ptr<void> keep);
  Task<Status> write_batch(std::vector<AppendRef> batch);
  void want_flush();
  void complete(Append& append, const Status& status);
  void complete_now(Lane& lane);  // planted bug only
  void abort();

  Medium& medium_;
  ZoneTable& zones_;
  std::array<Lane, kStreams> lanes_;
  std::vector<AppendRef> flushing_;
  uint64_t next_sequence_ = 1;
  uint64_t flushes_begun_ = 0;
  uint64_t flushes_done_ = 0;
  uint64_t flushes_wanted_ = 0;
  bool flusher_running_ = false;
  env::WaitQueue flushed_;
};

}  // namespace atl::device
