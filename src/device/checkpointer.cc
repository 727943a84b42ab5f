#include "device/checkpointer.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"

namespace atl::device {

void Checkpointer::set_slots(uint64_t sequence_a, uint64_t sequence_b) {
  slot_sequence_[0] = sequence_a;
  slot_sequence_[1] = sequence_b;
  last_sequence_ = std::max({sequence_a, sequence_b, last_sequence_});
}

bool Checkpointer::due() const {
  // Small devices more often: a restart should not have to scan all of one.
  const uint64_t every =
      std::min<uint64_t>(kCheckpointEveryBytes, medium_.layout().capacity_bytes() / 4);
  return medium_.written_bytes() - written_bytes_at_last_ >= every;
}

Task<Status> Checkpointer::write(bool clean) {
  const env::Permit one_at_a_time = co_await mutex_.lock();
  co_return co_await write_locked(clean);
}

Task<Status> Checkpointer::write_locked(bool clean) {
  ATOLL_CO_TRY_STATUS(medium_.usable());
  CheckpointInfo info;
  std::string payload;
  std::vector<uint32_t> freed;
  {
    env::Permit gate = co_await move_gate_.lock();
    ATOLL_CO_TRY_STATUS(medium_.usable());
    // From here to the end of the block nothing is awaited: this is the moment.
    info.sequence = last_sequence_ + 1;
    info.incarnation = medium_.superblock.identity.incarnation;
    info.last_sequence = appender_.last_sequence();
    info.durable_before = appender_.durable_before();
    info.clean = clean;
    freed = zones_.freed();
    payload = encode_checkpoint(zones_, shards_, segments_);
    written_bytes_at_last_ = medium_.written_bytes();
  }
  const int slot = slot_sequence_[0] <= slot_sequence_[1] ? 0 : 1;
  ATOLL_CHECK(info.sequence > slot_sequence_[1 - slot]);
  slot_sequence_[slot] = 0;
  const size_t payload_bytes = payload.size();
  Status status = co_await write_checkpoint(medium_, slot, info, std::move(payload));
  if (status) status = co_await appender_.flush();
  if (!status) {
    ATOLL_LOG(kError, "device", "index checkpoint not written",
              {{"path", medium_.path}, {"error", status.error().to_string()}});
    co_return status;
  }
  last_sequence_ = info.sequence;
  slot_sequence_[slot] = info.sequence;
  zones_.make_free(freed);
  medium_.metrics.checkpoints.add();
  medium_.metrics.zones_free.set(zones_.free_count());
  ATOLL_LOG(kDebug, "device", "index checkpoint",
            {{"path", medium_.path},
             {"bytes", payload_bytes},
             {"shards", shards_.size()},
             {"freed_zones", freed.size()}});
  co_return Status();
}

}  // namespace atl::device
