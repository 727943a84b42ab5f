#include "stripe/encode.h"

#include <cstring>

#include "base/check.h"

namespace atl::stripe {
namespace {

device::ShardPayload data_shard(const Geometry& geometry, const Buf& data, uint32_t shard) {
  const uint32_t length = geometry.shard_length;
  const uint32_t have = geometry.data_in_shard(shard);
  const Buf bytes = have == 0 ? Buf() : data.slice(size_t{shard} * length, have);
  device::ShardPayload out;
  out.length = length;
  out.block_crcs = padded_block_checksums(bytes.span(), length);
  if (have == length) {
    out.bufs.push_back(bytes);
    return out;
  }
  Buf padded = Buf::allocate(length);
  if (have > 0) std::memcpy(padded.mutable_data(), bytes.data(), have);
  std::memset(padded.mutable_data() + have, 0, length - have);
  out.bufs.push_back(std::move(padded));
  return out;
}

}  // namespace

std::vector<device::ShardPayload> encode_shards(const ec::Code& code, const Geometry& geometry,
                                                const Buf& data) {
  ATOLL_CHECK(static_cast<uint32_t>(code.k()) == geometry.k &&
              static_cast<uint32_t>(code.m()) == geometry.m);
  ATOLL_CHECK(data.size() == geometry.data_length && !data.empty());
  std::vector<device::ShardPayload> shards;
  shards.reserve(geometry.width());
  for (uint32_t i = 0; i < geometry.k; ++i) shards.push_back(data_shard(geometry, data, i));

  std::vector<const uint8_t*> sources;
  for (const auto& shard : shards) sources.push_back(shard.bufs[0].data());
  std::vector<Buf> parity;
  std::vector<uint8_t*> targets;
  for (uint32_t i = 0; i < geometry.m; ++i) {
    parity.push_back(Buf::allocate(geometry.shard_length));
    targets.push_back(parity.back().mutable_data());
  }
  code.encode(sources, targets, geometry.shard_length);
  for (Buf& buf : parity) {
    device::ShardPayload shard;
    shard.length = geometry.shard_length;
    shard.block_crcs = block_checksums(buf.span());
    shard.bufs.push_back(std::move(buf));
    shards.push_back(std::move(shard));
  }
  ATOLL_CHECK(shards.size() == geometry.width());
  return shards;
}

}  // namespace atl::stripe
