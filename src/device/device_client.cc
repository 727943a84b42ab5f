#include "device/device_client.h"

#include "device/device_messages.h"

namespace atl::device {
namespace {

template <typename Request>
std::string request_header(DeviceId device, const Request& request) {
  Encoder e;
  e.u8(kMessageVersion).id(device);
  encode(e, request);
  return e.take();
}

std::string request_header(DeviceId device) {
  Encoder e;
  e.u8(kMessageVersion).id(device);
  return e.take();
}

template <typename Id>
std::string id_header(DeviceId device, Id id) {
  Encoder e;
  e.u8(kMessageVersion).id(device).id(id);
  return e.take();
}

template <typename Answer>
Result<Answer> parse(const fabric::Reply& reply) {
  Decoder d(reply.header);
  if (d.u8() != kMessageVersion) return fail(Errc::kUnsupported, "reply of another version");
  Answer answer;
  decode(d, answer);
  ATOLL_TRY_STATUS(d.finish("device reply"));
  return answer;
}

}  // namespace

Task<Result<fabric::Reply>> DeviceClient::call(uint16_t method, std::string header,
                                               std::vector<Buf> bulk) {
  fabric::Message message;
  message.method = method;
  message.header = std::move(header);
  message.bulk = std::move(bulk);
  return fabric_.call(self_, node_, std::move(message), kDeviceCallDeadline);
}

Task<Result<fabric::Reply>> DeviceClient::ask(Method method, std::string header) {
  std::vector<Buf> no_bulk;
  return call(static_cast<uint16_t>(method), std::move(header), std::move(no_bulk));
}

Task<Status> DeviceClient::write_shard(ShardKey key, ShardPayload payload, WriteClass write_class) {
  WriteShardRequest request;
  request.key = key;
  request.write_class = write_class;
  request.length = payload.length;
  request.block_crcs = std::move(payload.block_crcs);
  std::string header = request_header(device_, request);
  ATOLL_CO_TRY_STATUS(co_await call(static_cast<uint16_t>(Method::kWriteShard), std::move(header),
                                    std::move(payload.bufs)));
  co_return Status();
}

Task<Result<ShardPart>> DeviceClient::read_shard(ShardKey key, uint32_t offset, uint32_t length,
                                                 env::ReadMode mode) {
  ReadShardRequest request;
  request.key = key;
  request.offset = offset;
  request.length = length;
  request.mode = mode;
  std::string header = request_header(device_, request);
  ATOLL_CO_TRY(fabric::Reply reply, co_await ask(Method::kReadShard, std::move(header)));
  ATOLL_CO_TRY(ShardPart part, parse<ShardPart>(reply));
  part.bytes = flatten(reply.bulk);
  // What the caller relies on: whole blocks that cover what was asked, one checksum each.
  const uint64_t end = uint64_t{part.offset} + part.bytes.size();
  if (part.offset > offset || end < uint64_t{offset} + length || end > part.shard_length ||
      (end != part.shard_length && end % kChecksumBlockSize != 0) ||
      part.block_crcs.size() != div_ceil(part.bytes.size(), kChecksumBlockSize))
    co_return fail(Errc::kCorrupt, "a shard part that is not what was asked");
  co_return std::move(part);
}

Task<Status> DeviceClient::delete_shard(ShardKey key) {
  std::string header = request_header(device_, key);
  ATOLL_CO_TRY_STATUS(co_await ask(Method::kDeleteShard, std::move(header)));
  co_return Status();
}

Task<Result<std::vector<ShardInfo>>> DeviceClient::list_shards(ShardKey after, size_t limit) {
  ListShardsRequest request;
  request.after = after;
  request.limit = limit;
  std::string header = request_header(device_, request);
  ATOLL_CO_TRY(fabric::Reply reply, co_await ask(Method::kListShards, std::move(header)));
  co_return parse<std::vector<ShardInfo>>(reply);
}

Task<Result<SegmentState>> DeviceClient::append_run(SegmentId segment, PartitionId partition,
                                                    Epoch epoch, Run run) {
  std::vector<Buf> bulk;
  bulk.push_back(std::move(run.payload));
  AppendRunRequest request;
  request.segment = segment;
  request.partition = partition;
  request.epoch = epoch;
  request.run = std::move(run);
  std::string header = request_header(device_, request);
  ATOLL_CO_TRY(fabric::Reply reply, co_await call(static_cast<uint16_t>(Method::kAppendRun),
                                                  std::move(header), std::move(bulk)));
  co_return parse<SegmentState>(reply);
}

Task<Result<SegmentState>> DeviceClient::seal_segment(SegmentId segment, PartitionId partition,
                                                      Epoch epoch, Lsn first_lsn,
                                                      uint32_t first_chain) {
  SealSegmentRequest request;
  request.segment = segment;
  request.partition = partition;
  request.epoch = epoch;
  request.first_lsn = first_lsn;
  request.first_chain = first_chain;
  std::string header = request_header(device_, request);
  ATOLL_CO_TRY(fabric::Reply reply, co_await ask(Method::kSealSegment, std::move(header)));
  co_return parse<SegmentState>(reply);
}

Task<Result<std::vector<Run>>> DeviceClient::read_runs(SegmentId segment, Lsn from,
                                                       size_t max_bytes) {
  ReadRunsRequest request;
  request.segment = segment;
  request.from = from;
  request.max_bytes = max_bytes;
  std::string header = request_header(device_, request);
  ATOLL_CO_TRY(fabric::Reply reply, co_await ask(Method::kReadRuns, std::move(header)));
  ATOLL_CO_TRY(std::vector<Run> runs, parse<std::vector<Run>>(reply));
  if (runs.size() != reply.bulk.size())
    co_return fail(Errc::kCorrupt, "runs and payloads differ in number");
  for (size_t i = 0; i < runs.size(); ++i) runs[i].payload = std::move(reply.bulk[i]);
  co_return std::move(runs);
}

Task<Status> DeviceClient::delete_segment(SegmentId segment) {
  std::string header = id_header(device_, segment);
  ATOLL_CO_TRY_STATUS(co_await ask(Method::kDeleteSegment, std::move(header)));
  co_return Status();
}

Task<Result<std::vector<SegmentState>>> DeviceClient::list_segments() {
  std::string header = request_header(device_);
  ATOLL_CO_TRY(fabric::Reply reply, co_await ask(Method::kListSegments, std::move(header)));
  co_return parse<std::vector<SegmentState>>(reply);
}

Task<Result<VerifyResult>> DeviceClient::verify_zone(uint32_t zone) {
  Encoder e;
  e.u8(kMessageVersion).id(device_).varint(zone);
  std::string header = e.take();
  ATOLL_CO_TRY(fabric::Reply reply, co_await ask(Method::kVerifyZone, std::move(header)));
  co_return parse<VerifyResult>(reply);
}

Task<Result<Use>> DeviceClient::use() {
  std::string header = request_header(device_);
  ATOLL_CO_TRY(fabric::Reply reply, co_await ask(Method::kUse, std::move(header)));
  co_return parse<Use>(reply);
}

}  // namespace atl::device
