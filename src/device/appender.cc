#include "device/appender.h"

#include <algorithm>

#include "base/check.h"
#include "base/planted_bug.h"
#include "base/probe.h"

namespace atl::device {

Appender::Appender(Medium& medium, ZoneTable& zones) : medium_(medium), zones_(zones) {
  medium_.on_end([this] { abort(); });
}

uint64_t Appender::durable_before() const {
  uint64_t first_pending = next_sequence_;
  for (const Lane& lane : lanes_)
    if (!lane.pending.empty()) first_pending = std::min(first_pending, lane.pending.front());
  return first_pending - 1;
}

void Appender::submit(AppendRef append) {
  Lane& lane = lanes_[static_cast<size_t>(append->stream)];
  ATOLL_CHECK(append->sequence < next_sequence_);
  ATOLL_CHECK(lane.pending.empty() || lane.pending.back() < append->sequence);
  ATOLL_CHECK(total_size(append->bufs) == size_t{append->blocks} * kBlockBytes);
  if (Status usable = medium_.usable(); !usable) {
    append->status = usable;
    append->done.set();
    return;
  }
  lane.pending.push_back(append->sequence);
  lane.queue.push_back(std::move(append));
  if (lane.running) return;
  lane.running = true;
  medium_.env.spawn("device lane", run_lane(medium_.keep_alive(), lane));
}

Task<Status> Appender::wait(AppendRef append) {
  co_await append->done.wait();
  co_return append->status;
}

Task<void> Appender::run_lane([[maybe_unused]] std::shared_ptr<void> keep, Lane& lane) {
  while (!lane.queue.empty() && medium_.usable()) {
    uint32_t blocks = 0;
    size_t bufs = 0;
    while (!lane.queue.empty()) {
      const Append& next = *lane.queue.front();
      if (!lane.writing.empty() &&
          (blocks + next.blocks > kBatchBlocksMax || bufs + next.bufs.size() > kBatchBufsMax))
        break;
      blocks += next.blocks;
      bufs += next.bufs.size();
      lane.writing.push_back(std::move(lane.queue.front()));
      lane.queue.pop_front();
    }
    Status status = co_await write_batch(lane.writing);
    if (!status) break;  // the device has failed: abort() told everyone
    for (AppendRef& append : lane.writing) {
      append->bufs.clear();
      lane.written.push_back(std::move(append));
    }
    lane.writing.clear();
    if (planted(PlantedBug::kAckBeforeFlush)) complete_now(lane);
    want_flush();
  }
  lane.running = false;
  flushed_.wake_all();
}

// Writes the records of a batch, each stretch that is contiguous on the medium at once.
Task<Status> Appender::write_batch(std::vector<AppendRef> batch) {
  size_t i = 0;
  while (i < batch.size()) {
    const uint32_t zone = batch[i]->zone;
    const uint32_t first_block = batch[i]->block;
    uint32_t end_block = first_block;
    std::vector<Buf> bufs;
    for (; i < batch.size() && batch[i]->zone == zone && batch[i]->block == end_block; ++i) {
      end_block += batch[i]->blocks;
      bufs.insert(bufs.end(), batch[i]->bufs.begin(), batch[i]->bufs.end());
    }
    if (i < batch.size()) ATOLL_PROBE("device: a batch spans two zones");
    const uint64_t offset = medium_.layout().offset(zone, first_block);
    ATOLL_CO_TRY_STATUS(co_await medium_.write(offset, std::move(bufs)));
  }
  co_return Status();
}

void Appender::want_flush() {
  if (flusher_running_) return;
  flusher_running_ = true;
  medium_.env.spawn("device flush", run_flushes(medium_.keep_alive()));
}

Task<void> Appender::run_flushes([[maybe_unused]] std::shared_ptr<void> keep) {
  while (medium_.usable()) {
    for (Lane& lane : lanes_) {
      for (AppendRef& append : lane.written) flushing_.push_back(std::move(append));
      lane.written.clear();
    }
    if (flushing_.empty() && flushes_wanted_ <= flushes_begun_) break;
    ++flushes_begun_;
    Status status = co_await medium_.sync();
    if (!status) break;
    ++flushes_done_;
    medium_.metrics.flushed_records.add(flushing_.size());
    if (flushing_.size() > 1) ATOLL_PROBE("device: one flush for several records");
    for (AppendRef& append : flushing_) complete(*append, Status());
    flushing_.clear();
    flushed_.wake_all();
  }
  flusher_running_ = false;
  flushed_.wake_all();
}

void Appender::complete(Append& append, const Status& status) {
  if (append.done.is_set()) return;
  append.status = status;
  if (status) {
    Lane& lane = lanes_[static_cast<size_t>(append.stream)];
    ATOLL_CHECK(!lane.pending.empty() && lane.pending.front() == append.sequence);
    lane.pending.pop_front();
    if (append.on_durable) append.on_durable();
    zones_.settle(append.zone, append.block + append.blocks);
  }
  append.on_durable = nullptr;
  append.bufs.clear();
  append.done.set();
}

void Appender::complete_now(Lane& lane) {
  for (AppendRef& append : lane.written) complete(*append, Status());
  lane.written.clear();
}

Task<Status> Appender::flush() {
  // One that runs already may have begun before what the caller wrote: wait for the next.
  const uint64_t wanted = flushes_begun_ + 1;
  flushes_wanted_ = std::max(flushes_wanted_, wanted);
  want_flush();
  while (flushes_done_ < wanted) {
    ATOLL_CO_TRY_STATUS(medium_.usable());
    co_await flushed_.wait();
  }
  co_return Status();
}

Task<void> Appender::drain() {
  while (medium_.usable()) {
    bool busy = flusher_running_;
    for (const Lane& lane : lanes_) busy = busy || lane.running || !lane.pending.empty();
    if (!busy) co_return;
    co_await flushed_.wait();
  }
}

void Appender::abort() {
  const Status status = medium_.usable();
  ATOLL_CHECK(!status.has_value());
  for (Lane& lane : lanes_) {
    for (AppendRef& append : lane.queue) complete(*append, status);
    for (AppendRef& append : lane.writing)
      if (append) complete(*append, status);
    for (AppendRef& append : lane.written) complete(*append, status);
    lane.queue.clear();
    lane.written.clear();
  }
  for (AppendRef& append : flushing_)
    if (append) complete(*append, status);
  flushed_.wake_all();
}

}  // namespace atl::device
