// The device calls as messages: what DeviceClient and DeviceService send each other.
//
// A request header is: version u8 (1), device varint, the call's fields. A reply header is: version
// u8, the answer's fields. Bulk bytes (a shard, a run's payload) travel beside the header. Bounds
// are checked while decoding: a message can ask for nothing larger than a call could.
// docs/formats/fabric.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "device/device.h"
#include "fabric/fabric.h"

namespace atl::device {

inline constexpr uint8_t kMessageVersion = 1;

enum class Method : uint16_t {
  kWriteShard = fabric::kDeviceMethods + 0,
  kReadShard = fabric::kDeviceMethods + 1,
  kDeleteShard = fabric::kDeviceMethods + 2,
  kListShards = fabric::kDeviceMethods + 3,
  kAppendRun = fabric::kDeviceMethods + 4,
  kSealSegment = fabric::kDeviceMethods + 5,
  kReadRuns = fabric::kDeviceMethods + 6,
  kDeleteSegment = fabric::kDeviceMethods + 7,
  kListSegments = fabric::kDeviceMethods + 8,
  kVerifyZone = fabric::kDeviceMethods + 9,
  kUse = fabric::kDeviceMethods + 10,
};

// One page of list_shards: bounds the size of a reply.
inline constexpr size_t kListShardsMax = 64 * 1024;
// One read_runs: bounds the bytes of a reply (one run may be larger).
inline constexpr size_t kReadRunsBytesMax = 64u << 20;

struct WriteShardRequest {
  ShardKey key;
  WriteClass write_class = WriteClass::kUser;
  uint32_t length = 0;
  std::vector<uint32_t> block_crcs;
};
struct ReadShardRequest {
  ShardKey key;
  uint32_t offset = 0;
  uint32_t length = 0;
  env::ReadMode mode = env::ReadMode::kCached;
};
struct ListShardsRequest {
  ShardKey after;
  uint64_t limit = 0;
};
struct AppendRunRequest {
  SegmentId segment;
  PartitionId partition;
  Epoch epoch;
  Run run;  // without its payload
};
struct SealSegmentRequest {
  SegmentId segment;
  PartitionId partition;
  Epoch epoch;
  Lsn first_lsn;
  uint32_t first_chain = 0;
};
struct ReadRunsRequest {
  SegmentId segment;
  Lsn from;
  uint64_t max_bytes = 0;
};

// Fields only; the frame (version, device) is DeviceClient's and DeviceService's.
void encode(Encoder& e, const ShardKey& v);
void encode(Encoder& e, const WriteShardRequest& v);
void encode(Encoder& e, const ReadShardRequest& v);
void encode(Encoder& e, const ListShardsRequest& v);
void encode(Encoder& e, const AppendRunRequest& v);
void encode(Encoder& e, const SealSegmentRequest& v);
void encode(Encoder& e, const ReadRunsRequest& v);
void encode(Encoder& e, const ShardPart& v);  // without its bytes
void encode(Encoder& e, const std::vector<ShardInfo>& v);
void encode(Encoder& e, const SegmentState& v);
void encode(Encoder& e, const std::vector<SegmentState>& v);
void encode(Encoder& e, const std::vector<Run>& v);  // without their payloads
void encode(Encoder& e, const VerifyResult& v);
void encode(Encoder& e, const Use& v);

// Sticky as Decoder is: after a bad field d.ok() is false.
void decode(Decoder& d, ShardKey& v);
void decode(Decoder& d, WriteShardRequest& v);
void decode(Decoder& d, ReadShardRequest& v);
void decode(Decoder& d, ListShardsRequest& v);
void decode(Decoder& d, AppendRunRequest& v);
void decode(Decoder& d, SealSegmentRequest& v);
void decode(Decoder& d, ReadRunsRequest& v);
void decode(Decoder& d, ShardPart& v);
void decode(Decoder& d, std::vector<ShardInfo>& v);
void decode(Decoder& d, SegmentState& v);
void decode(Decoder& d, std::vector<SegmentState>& v);
void decode(Decoder& d, std::vector<Run>& v);
void decode(Decoder& d, VerifyResult& v);
void decode(Decoder& d, Use& v);

}  // namespace atl::device
