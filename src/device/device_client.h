// A device of any node, reached through the fabric: the same calls as Device, as messages.
//
// DeviceService puts a node's devices on the fabric. The messages (docs/formats/fabric.md) are what
// nodes on other machines will speak; in one process the bulk bytes are passed by reference.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "device/device.h"
#include "fabric/fabric.h"

namespace atl::device {

enum class Method : uint16_t;  // device/device_messages.h

// No single device call may take longer; a device that does is slow enough to be treated as failed.
inline constexpr Nanos kDeviceCallDeadline = 30s;

class DeviceClient {
 public:
  DeviceClient(fabric::Fabric& fabric, NodeId self, NodeId node, DeviceId device)
      : fabric_(fabric), self_(self), node_(node), device_(device) {}

  DeviceId device() const { return device_; }
  NodeId node() const { return node_; }

  Task<Status> write_shard(ShardKey key, ShardPayload payload, WriteClass write_class);
  Task<Result<ShardPart>> read_shard(ShardKey key, uint32_t offset, uint32_t length,
                                     env::ReadMode mode = env::ReadMode::kCached);
  Task<Status> delete_shard(ShardKey key);
  Task<Result<std::vector<ShardInfo>>> list_shards(ShardKey after, size_t limit);
  Task<Result<SegmentState>> append_run(SegmentId segment, PartitionId partition, Epoch epoch,
                                        Run run);
  Task<Result<SegmentState>> seal_segment(SegmentId segment, PartitionId partition, Epoch epoch,
                                          Lsn first_lsn, uint32_t first_chain);
  Task<Result<std::vector<Run>>> read_runs(SegmentId segment, Lsn from, size_t max_bytes);
  Task<Status> delete_segment(SegmentId segment);
  Task<Result<std::vector<SegmentState>>> list_segments();
  Task<Result<VerifyResult>> verify_zone(uint32_t zone);
  Task<Result<Use>> use();

 private:
  Task<Result<fabric::Reply>> ask(Method method, std::string header);  // without bulk
  Task<Result<fabric::Reply>> call(uint16_t method, std::string header, std::vector<Buf> bulk);

  fabric::Fabric& fabric_;
  NodeId self_;
  NodeId node_;
  DeviceId device_;
};

// Serves the devices of one node. Does not own them; remove() before a device dies.
class DeviceService {
 public:
  DeviceService(fabric::Fabric& fabric, NodeId node);
  ~DeviceService();
  void add(Device* device);
  void remove(DeviceId device);

 private:
  Task<Result<fabric::Reply>> handle(fabric::Message message);
  fabric::Fabric& fabric_;
  NodeId node_;
  std::unordered_map<DeviceId, Device*> devices_;
};

}  // namespace atl::device
