// A walk over one device's shards in order, a page at a time: to compare what is there with what
// should be without holding either in memory.
#pragma once

#include <vector>

#include "device/device_client.h"

namespace atl::stripe {

inline constexpr size_t kShardPage = 4096;  // 24 bytes each

class ShardCursor {
 public:
  explicit ShardCursor(device::DeviceClient* client) : client_(client) {}

  // Whether the device has the shard. Keys must not go down from one call to the next. A shard that
  // is written meanwhile may be missed: ask shard_present() before believing that it is not there.
  Task<Result<bool>> contains(device::ShardKey key);

 private:
  device::DeviceClient* client_;
  std::vector<device::ShardInfo> page_;
  size_t at_ = 0;
  device::ShardKey last_{};  // the last key of the last page, or where the next begins
  bool finished_ = false;
};

// Whether the device has the shard right now.
Task<Result<bool>> shard_present(device::DeviceClient* client, device::ShardKey key);

// The key just below: list_shards(just_below(key), 1) begins with key.
device::ShardKey just_below(device::ShardKey key);

}  // namespace atl::stripe
