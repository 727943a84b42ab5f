// Shards: write, read, delete.
#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/probe.h"
#include "device/core.h"

namespace atl::device {
namespace {

Claim claim_of(WriteClass c) {
  switch (c) {
    case WriteClass::kUser:
      return Claim::kUser;
    case WriteClass::kSystem:
      return Claim::kSystem;
    case WriteClass::kJournal:
      return Claim::kJournal;
  }
  return Claim::kUser;
}

std::string name(ShardKey key) {
  return fmt::format("shard {}.{}", key.stripe, key.index);
}

}  // namespace

Task<Status> DeviceCore::write_shard(ShardKey key, ShardPayload payload, WriteClass write_class) {
  const auto self = shared_from_this();
  ATOLL_CO_TRY_STATUS(medium_.usable());
  if (payload.length == 0 || total_size(payload.bufs) != payload.length ||
      payload.block_crcs.size() != div_ceil(payload.length, kChecksumBlockSize))
    co_return fail(Errc::kInvalidArgument, name(key) + ": length, bytes and checksums disagree");
  const uint32_t blocks = shard_record_blocks(payload.length);
  if (payload.length > kMaxShardBytes || blocks > medium_.layout().data_blocks())
    co_return fail(Errc::kTooLarge,
                   fmt::format("{}: {} bytes; a shard may have {}, and its zone holds {}",
                               name(key), payload.length, kMaxShardBytes,
                               uint64_t{medium_.layout().data_blocks()} * kBlockBytes));
  while (true) {
    if (const auto it = writing_.find(key); it != writing_.end()) {
      ATOLL_PROBE("device: a shard is written twice at once");
      const auto other = it->second;
      co_await other->wait();
      ATOLL_CO_TRY_STATUS(medium_.usable());
      continue;
    }
    const ShardEntry* entry = shards_.find(key);
    if (!entry) break;
    const ShardEntry existing = *entry;
    ATOLL_CO_TRY(const Existing what, co_await compare_existing(existing, payload.block_crcs));
    if (what == Existing::kSame) co_return Status();
    if (what == Existing::kOther)
      co_return fail(Errc::kConflict, name(key) + " is there with other checksums");
    const ShardEntry* again = shards_.find(key);
    if (again && again->location() == existing.location() && !writing_.contains(key)) {
      ATOLL_PROBE("device: a damaged shard is replaced");
      break;
    }
  }
  const auto done = std::make_shared<env::Event>();
  writing_.emplace(key, done);
  Status status = co_await append_shard(key, std::move(payload), claim_of(write_class));
  writing_.erase(key);
  done->set();
  after_append();
  co_return status;
}

Task<Status> DeviceCore::append_shard(ShardKey key, ShardPayload payload, Claim claim) {
  RecordHeader header;
  header.type = RecordType::kShard;
  header.shard = key;
  header.payload_bytes = payload.length;
  set_extent(header);
  ATOLL_CO_TRY(Place place, co_await space_.reserve(Stream::kShards, header.blocks, claim));
  const env::Permit queued = co_await env::Permit::take(shard_queue_, header.blocks);
  header.place = medium_.place(place.zone, place.block, zones_[place.zone].generation);
  header.durable_before = appender_.durable_before();
  header.sequence = appender_.take_sequence();
  ShardEntry entry;
  entry.stripe = key.stripe.value;
  entry.index = key.index;
  entry.length = payload.length;
  entry.zone = place.zone;
  entry.block = static_cast<uint16_t>(place.block);
  auto append = std::make_shared<Append>();
  append->sequence = header.sequence;
  append->blocks = header.blocks;
  append->bufs = shard_record_bufs(header, payload);
  append->on_durable = [this, entry] { shard_durable(entry); };
  payload.bufs.clear();
  submit(append, place);
  co_return co_await Appender::wait(append);
}

void DeviceCore::shard_durable(const ShardEntry& entry) {
  if (ShardEntry* old = shards_.find(entry.key())) {
    zones_.add_live(entry.zone, entry.blocks());
    zones_.remove_live(old->zone, old->blocks());
    *old = entry;
    return;
  }
  shards_.insert(entry);
  zones_.add_live(entry.zone, entry.blocks());
}

// Reads what is there under the same key from the medium: a repeat of a write may succeed only if
// the first one's bytes are all there.
Task<Result<DeviceCore::Existing>> DeviceCore::compare_existing(ShardEntry entry,
                                                                const std::vector<uint32_t>& crcs) {
  const ZoneReader reading(zones_, entry.zone);
  const uint64_t offset = medium_.layout().offset(entry.zone, entry.block);
  const RecordPlace place = medium_.place(entry.zone, entry.block, zones_[entry.zone].generation);
  Result<Buf> bytes =
      co_await medium_.read(offset, size_t{entry.blocks()} * kBlockBytes, env::ReadMode::kDirect);
  ATOLL_CO_TRY_STATUS(medium_.usable());
  if (!bytes) co_return Existing::kDamaged;
  const auto header = decode_record_header(bytes->span(), place, medium_.layout().zone_blocks());
  if (!header || header->type != RecordType::kShard || header->shard != entry.key())
    co_return Existing::kDamaged;
  if (shard_checksums(bytes->span(), *header) != crcs) co_return Existing::kOther;
  if (!payload_matches(*header, bytes->span())) co_return Existing::kDamaged;
  co_return Existing::kSame;
}

Task<Result<ShardPart>> DeviceCore::read_shard(ShardKey key, uint32_t offset, uint32_t length,
                                               env::ReadMode mode) {
  const auto self = shared_from_this();
  ATOLL_CO_TRY_STATUS(medium_.usable());
  const ShardEntry* found = shards_.find(key);
  if (!found) co_return fail(Errc::kNotFound, name(key) + " is not here");
  const ShardEntry entry = *found;
  if (length == 0 || offset >= entry.length || length > entry.length - offset)
    co_return fail(Errc::kInvalidArgument, fmt::format("{}: {} bytes at {} of {}", name(key),
                                                       length, offset, entry.length));
  const ZoneReader reading(zones_, entry.zone);
  const RecordPlace place = medium_.place(entry.zone, entry.block, zones_[entry.zone].generation);
  const auto first = static_cast<uint32_t>(round_down(offset, kChecksumBlockSize));
  const auto end = static_cast<uint32_t>(
      std::min<uint64_t>(entry.length, round_up(uint64_t{offset} + length, kChecksumBlockSize)));
  const uint64_t at = medium_.layout().offset(entry.zone, entry.block);
  const size_t padded = round_up(end - first, kBlockBytes);
  Buf head;
  Buf data;
  if (first <= kReadWithHeaderBytes) {
    ATOLL_CO_TRY(Buf all, co_await medium_.read(at, kBlockBytes + first + padded, mode));
    head = all.slice(0, kBlockBytes);
    data = all.slice(kBlockBytes + first, end - first);
  } else {
    std::vector<Task<Result<Buf>>> reads;
    reads.push_back(medium_.read(at, kBlockBytes, mode));
    reads.push_back(medium_.read(at + kBlockBytes + first, padded, mode));
    std::vector<Result<Buf>> both = co_await env::when_all(medium_.env, std::move(reads));
    ATOLL_CO_TRY(head, std::move(both[0]));
    ATOLL_CO_TRY(data, std::move(both[1]));
    data = data.slice(0, end - first);
  }
  const auto header = decode_record_header(head.span(), place, medium_.layout().zone_blocks());
  if (!header || header->type != RecordType::kShard || header->shard != key ||
      header->payload_bytes != entry.length) {
    ATOLL_PROBE("device: a shard's header is damaged");
    medium_.metrics.corrupt_records.add();
    co_return fail(Errc::kCorrupt, name(key) + ": its header is damaged");
  }
  const std::vector<uint32_t> crcs = shard_checksums(head.span(), *header);
  ShardPart part;
  part.shard_length = entry.length;
  part.offset = first;
  part.bytes = std::move(data);
  part.block_crcs.assign(crcs.begin() + first / kChecksumBlockSize,
                         crcs.begin() + static_cast<ptrdiff_t>(div_ceil(end, kChecksumBlockSize)));
  co_return std::move(part);
}

Task<Status> DeviceCore::delete_shard(ShardKey key) {
  const auto self = shared_from_this();
  ATOLL_CO_TRY_STATUS(medium_.usable());
  while (true) {
    const auto it = writing_.find(key);
    if (it == writing_.end()) break;
    const auto other = it->second;
    co_await other->wait();
    ATOLL_CO_TRY_STATUS(medium_.usable());
  }
  const ShardEntry* entry = shards_.find(key);
  if (!entry) co_return Status();
  const ShardEntry gone = *entry;
  shards_.erase(key);
  zones_.remove_live(gone.zone, gone.blocks());
  co_return Status();
}

}  // namespace atl::device
