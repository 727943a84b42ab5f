#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "device/device_client.h"
#include "device/device_messages.h"

namespace atl::device {
namespace {

template <typename Answer>
fabric::Reply reply_with(const Answer& answer) {
  Encoder e;
  e.u8(kMessageVersion);
  encode(e, answer);
  fabric::Reply reply;
  reply.header = e.take();
  return reply;
}

fabric::Reply empty_reply() {
  fabric::Reply reply;
  reply.header.push_back(static_cast<char>(kMessageVersion));
  return reply;
}

Task<Result<fabric::Reply>> serve_write_shard(Device& device, WriteShardRequest request,
                                              std::vector<Buf> bulk) {
  ShardPayload payload;
  payload.length = request.length;
  payload.block_crcs = std::move(request.block_crcs);
  payload.bufs = std::move(bulk);
  ATOLL_CO_TRY_STATUS(
      co_await device.write_shard(request.key, std::move(payload), request.write_class));
  co_return empty_reply();
}

Task<Result<fabric::Reply>> serve_read_shard(Device& device, ReadShardRequest request) {
  ATOLL_CO_TRY(ShardPart part, co_await device.read_shard(request.key, request.offset,
                                                          request.length, request.mode));
  fabric::Reply reply = reply_with(part);
  reply.bulk.push_back(std::move(part.bytes));
  co_return std::move(reply);
}

Task<Result<fabric::Reply>> serve_append_run(Device& device, AppendRunRequest request,
                                             std::vector<Buf> bulk) {
  Run run = std::move(request.run);
  run.payload = flatten(bulk);
  bulk.clear();
  ATOLL_CO_TRY(const SegmentState state,
               co_await device.append_run(request.segment, request.partition, request.epoch,
                                          std::move(run)));
  co_return reply_with(state);
}

Task<Result<fabric::Reply>> serve_read_runs(Device& device, ReadRunsRequest request) {
  const auto max_bytes =
      static_cast<size_t>(std::min<uint64_t>(request.max_bytes, kReadRunsBytesMax));
  ATOLL_CO_TRY(std::vector<Run> runs,
               co_await device.read_runs(request.segment, request.from, max_bytes));
  fabric::Reply reply = reply_with(runs);
  for (Run& run : runs) reply.bulk.push_back(std::move(run.payload));
  co_return std::move(reply);
}

}  // namespace

DeviceService::DeviceService(fabric::Fabric& fabric, NodeId node) : fabric_(fabric), node_(node) {
  fabric_.serve(node_, fabric::kDeviceMethods,
                [this](fabric::Message message) { return handle(std::move(message)); });
}

DeviceService::~DeviceService() {
  fabric_.unserve(node_);
}

void DeviceService::add(Device* device) {
  const bool added = devices_.emplace(device->identity().device, device).second;
  ATOLL_CHECK(added, "a device is served twice");
}

void DeviceService::remove(DeviceId device) {
  devices_.erase(device);
}

Task<Result<fabric::Reply>> DeviceService::handle(fabric::Message message) {
  Decoder d(message.header);
  if (d.u8() != kMessageVersion)
    co_return fail(Errc::kUnsupported, "a device message of another version");
  const DeviceId id = d.id<DeviceId>();
  const auto it = devices_.find(id);
  if (!d.ok() || it == devices_.end())
    co_return fail(Errc::kUnavailable, fmt::format("device {} is not here", id));
  Device& device = *it->second;
  switch (static_cast<Method>(message.method)) {
    case Method::kWriteShard: {
      WriteShardRequest request;
      decode(d, request);
      ATOLL_CO_TRY_STATUS(d.finish("write_shard"));
      co_return co_await serve_write_shard(device, std::move(request), std::move(message.bulk));
    }
    case Method::kReadShard: {
      ReadShardRequest request;
      decode(d, request);
      ATOLL_CO_TRY_STATUS(d.finish("read_shard"));
      co_return co_await serve_read_shard(device, request);
    }
    case Method::kDeleteShard: {
      ShardKey key;
      decode(d, key);
      ATOLL_CO_TRY_STATUS(d.finish("delete_shard"));
      ATOLL_CO_TRY_STATUS(co_await device.delete_shard(key));
      co_return empty_reply();
    }
    case Method::kListShards: {
      ListShardsRequest request;
      decode(d, request);
      ATOLL_CO_TRY_STATUS(d.finish("list_shards"));
      const auto limit = static_cast<size_t>(std::min<uint64_t>(request.limit, kListShardsMax));
      co_return reply_with(device.list_shards(request.after, limit));
    }
    case Method::kAppendRun: {
      AppendRunRequest request;
      decode(d, request);
      ATOLL_CO_TRY_STATUS(d.finish("append_run"));
      co_return co_await serve_append_run(device, std::move(request), std::move(message.bulk));
    }
    case Method::kSealSegment: {
      SealSegmentRequest r;
      decode(d, r);
      ATOLL_CO_TRY_STATUS(d.finish("seal_segment"));
      ATOLL_CO_TRY(const SegmentState state,
                   co_await device.seal_segment(r.segment, r.partition, r.epoch, r.first_lsn,
                                                r.first_chain));
      co_return reply_with(state);
    }
    case Method::kReadRuns: {
      ReadRunsRequest request;
      decode(d, request);
      ATOLL_CO_TRY_STATUS(d.finish("read_runs"));
      co_return co_await serve_read_runs(device, request);
    }
    case Method::kDeleteSegment: {
      const SegmentId segment = d.id<SegmentId>();
      ATOLL_CO_TRY_STATUS(d.finish("delete_segment"));
      ATOLL_CO_TRY_STATUS(co_await device.delete_segment(segment));
      co_return empty_reply();
    }
    case Method::kListSegments: {
      ATOLL_CO_TRY_STATUS(d.finish("list_segments"));
      co_return reply_with(device.list_segments());
    }
    case Method::kVerifyZone: {
      const uint64_t zone = d.varint();
      ATOLL_CO_TRY_STATUS(d.finish("verify_zone"));
      if (zone > ~uint32_t{0}) co_return fail(Errc::kInvalidArgument, "no such zone");
      ATOLL_CO_TRY(const VerifyResult result,
                   co_await device.verify_zone(static_cast<uint32_t>(zone)));
      co_return reply_with(result);
    }
    case Method::kUse: {
      ATOLL_CO_TRY_STATUS(d.finish("use"));
      co_return reply_with(device.use());
    }
  }
  co_return fail(Errc::kUnsupported, fmt::format("device method {:#06x}", message.method));
}

}  // namespace atl::device
