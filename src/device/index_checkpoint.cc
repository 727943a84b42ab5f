#include "device/index_checkpoint.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/check.h"
#include "base/codec.h"
#include "base/probe.h"

namespace atl::device {
namespace {

constexpr uint64_t kCheckpointMagic = 0x5844494C4C4F5441;  // "ATOLLIDX"
constexpr uint32_t kCheckpointVersion = 1;
// One read or write of a payload.
constexpr size_t kPieceBytes = 4u << 20;

constexpr uint8_t kSegmentSealed = 1;
constexpr uint8_t kSegmentDamaged = 2;
constexpr uint8_t kSegmentPromise = 4;

uint32_t checkpoint_header_crc(CheckpointHeaderDisk disk) {
  disk.crc = 0;
  return crc32c({reinterpret_cast<const uint8_t*>(&disk), sizeof disk});
}

void encode_zone(Encoder& e, const Zone& zone) {
  // A freed zone's records are no longer listed: for a reader of this checkpoint it is free.
  const bool open = zone.state == ZoneState::kOpen || zone.pending != 0;
  const bool used = open || zone.state == ZoneState::kClosed;
  e.varint(zone.generation);
  e.u8(static_cast<uint8_t>(open   ? ZoneState::kOpen
                            : used ? ZoneState::kClosed
                                   : ZoneState::kFree));
  if (!used) return;
  e.u8(static_cast<uint8_t>(zone.stream)).boolean(zone.closed_early);
  e.varint(zone.fill).varint(zone.durable_fill);
}

// A run costs 2 + 2 + 4 + 3 + 3 + 1 bytes at most for each block it has; see
// kCheckpointBytesPerBlock.
void encode_segment(Encoder& e, const Segment& s) {
  e.id(s.id).id(s.partition).id(s.promised).id(s.first_lsn).u32(s.first_chain);
  e.u8((s.sealed ? kSegmentSealed : 0) | (s.damaged ? kSegmentDamaged : 0) |
       (s.promise ? kSegmentPromise : 0));
  if (s.promise) e.varint(s.promise->zone).varint(s.promise->block);
  e.varint(s.runs.size());
  uint64_t next_lsn = s.first_lsn.value;
  uint32_t chain = s.first_chain;
  for (const RunEntry& run : s.runs) {
    // 0: follows the run before; otherwise the gap in LSNs plus one, and the chain it starts from.
    const bool follows = run.first_lsn == next_lsn && run.chain_before == chain;
    e.varint(follows ? 0 : run.first_lsn - next_lsn + 1);
    if (!follows) e.u32(run.chain_before);
    e.varint(run.count).varint(run.payload_bytes).u32(run.chain_after);
    e.varint(run.zone).varint(run.block);
    next_lsn = run.end_lsn();
    chain = run.chain_after;
  }
}

bool extent_fits(const Layout& layout, uint64_t zone, uint64_t block, uint32_t blocks) {
  return zone < layout.zone_count && block >= layout.first_block() &&
         block + blocks <= layout.end_block();
}

bool decode_zone(Decoder& d, const Layout& layout, CheckpointZone* zone) {
  zone->generation = d.varint();
  const uint8_t state = d.u8();
  zone->state = static_cast<ZoneState>(state);
  if (zone->state == ZoneState::kFree) return d.ok();
  if (zone->state != ZoneState::kOpen && zone->state != ZoneState::kClosed) return false;
  const uint8_t stream = d.u8();
  zone->stream = static_cast<Stream>(stream);
  zone->closed_early = d.boolean();
  const uint64_t fill = d.varint();
  const uint64_t scan_from = d.varint();
  if (stream >= kStreams || fill > layout.end_block() || scan_from > fill ||
      scan_from < layout.first_block())
    return false;
  zone->fill = static_cast<uint32_t>(fill);
  zone->scan_from = static_cast<uint32_t>(scan_from);
  return d.ok();
}

bool decode_segment(Decoder& d, const Layout& layout, Segment* s) {
  s->id = d.id<SegmentId>();
  s->partition = d.id<PartitionId>();
  s->promised = d.id<Epoch>();
  s->first_lsn = d.id<Lsn>();
  s->first_chain = d.u32();
  const uint8_t flags = d.u8();
  s->sealed = flags & kSegmentSealed;
  s->damaged = flags & kSegmentDamaged;
  if (flags & kSegmentPromise) {
    const uint64_t zone = d.varint();
    const uint64_t block = d.varint();
    if (!extent_fits(layout, zone, block, kPromiseBlocks)) return false;
    s->promise = Location{static_cast<uint32_t>(zone), static_cast<uint32_t>(block)};
  }
  const size_t runs = d.count(9);
  s->runs.reserve(runs);
  uint64_t next_lsn = s->first_lsn.value;
  uint32_t chain = s->first_chain;
  for (size_t i = 0; i < runs && d.ok(); ++i) {
    RunEntry run;
    const uint64_t gap = d.varint();
    run.first_lsn = gap == 0 ? next_lsn : next_lsn + (gap - 1);
    run.chain_before = gap == 0 ? chain : d.u32();
    const uint64_t count = d.varint();
    const uint64_t bytes = d.varint();
    run.chain_after = d.u32();
    const uint64_t zone = d.varint();
    const uint64_t block = d.varint();
    if (!d.ok() || run.first_lsn < next_lsn || count == 0 || count > ~uint32_t{0} || bytes == 0 ||
        bytes > layout.zone_bytes || run.first_lsn + count < run.first_lsn)
      return false;
    run.count = static_cast<uint32_t>(count);
    run.payload_bytes = static_cast<uint32_t>(bytes);
    if (!extent_fits(layout, zone, block, run.blocks())) return false;
    run.zone = static_cast<uint32_t>(zone);
    run.block = static_cast<uint32_t>(block);
    next_lsn = run.end_lsn();
    chain = run.chain_after;
    s->runs.push_back(run);
  }
  s->extend_prefix();
  return d.ok();
}

}  // namespace

static_assert(kFencesMax * 20 <= kCheckpointBytesOfFences);

std::string encode_checkpoint(const ZoneTable& zones, const ShardIndex& shards,
                              const SegmentIndex& segments) {
  Encoder e;
  e.varint(zones.size());
  for (uint32_t z = 0; z < zones.size(); ++z) encode_zone(e, zones[z]);
  e.varint(shards.size());
  uint64_t stripe = 0;
  shards.for_each([&](const ShardEntry& entry) {
    e.varint(entry.stripe - stripe).u8(entry.index).varint(entry.length);
    e.varint(entry.zone).varint(entry.block);
    stripe = entry.stripe;
  });
  const auto on_medium = [](const auto& s) { return s.second.on_medium(); };
  e.varint(static_cast<uint64_t>(std::count_if(segments.begin(), segments.end(), on_medium)));
  for (const auto& [id, segment] : segments)
    if (segment.on_medium()) encode_segment(e, segment);
  e.varint(segments.fences.size());
  for (const auto& [partition, epoch] : segments.fences) e.id(partition).id(epoch);
  return e.take();
}

Status decode_checkpoint(std::string_view payload, const Layout& layout, CheckpointContent* out) {
  const auto bad = [](std::string_view what) {
    return fail(Errc::kCorrupt, "index checkpoint: " + std::string(what));
  };
  Decoder d(payload);
  if (d.count(2) != layout.zone_count) return bad("another number of zones");
  out->zones.resize(layout.zone_count);
  for (CheckpointZone& zone : out->zones)
    if (!decode_zone(d, layout, &zone)) return bad("zone");
  const size_t shards = d.count(5);
  uint64_t stripe = 0;
  std::optional<ShardKey> last;
  for (size_t i = 0; i < shards; ++i) {
    ShardEntry entry;
    stripe += d.varint();
    entry.stripe = stripe;
    entry.index = d.u8();
    const uint64_t length = d.varint();
    const uint64_t zone = d.varint();
    const uint64_t block = d.varint();
    if (!d.ok() || length == 0 || length > kMaxShardBytes) return bad("shard");
    entry.length = static_cast<uint32_t>(length);
    if (!extent_fits(layout, zone, block, entry.blocks())) return bad("shard's place");
    entry.zone = static_cast<uint32_t>(zone);
    entry.block = static_cast<uint16_t>(block);
    if (last && entry.key() <= *last) return bad("order of shards");
    last = entry.key();
    out->shards.insert(entry);
  }
  const size_t segments = d.count(10);
  for (size_t i = 0; i < segments; ++i) {
    Segment segment;
    if (!decode_segment(d, layout, &segment)) return bad("segment");
    if (!out->segments.empty() && segment.id <= out->segments.rbegin()->first)
      return bad("order of segments");
    out->segments.emplace(segment.id, std::move(segment));
  }
  const size_t fences = d.count(2);
  if (fences > kFencesMax) return bad("number of fences");
  for (size_t i = 0; i < fences; ++i) {
    const PartitionId partition = d.id<PartitionId>();
    const Epoch epoch = d.id<Epoch>();
    Fences& all = out->segments.fences;
    if (!all.empty() && partition <= all.rbegin()->first) return bad("order of fences");
    all.emplace(partition, epoch);
  }
  return d.finish("index checkpoint");
}

Buf encode_checkpoint_header(const CheckpointInfo& info, uint64_t device_tag,
                             std::string_view payload) {
  CheckpointHeaderDisk disk{};
  disk.magic = kCheckpointMagic;
  disk.version = kCheckpointVersion;
  disk.device_tag = device_tag;
  disk.sequence = info.sequence;
  disk.incarnation = info.incarnation;
  disk.payload_bytes = payload.size();
  disk.payload_crc = crc32c(as_bytes(payload));
  disk.clean = info.clean ? 1 : 0;
  disk.last_sequence = info.last_sequence;
  disk.durable_before = info.durable_before;
  disk.crc = checkpoint_header_crc(disk);
  Buf block = Buf::allocate_zeroed(kBlockBytes);
  std::memcpy(block.mutable_data(), &disk, sizeof disk);
  return block;
}

Result<CheckpointInfo> decode_checkpoint_header(ByteSpan block, uint64_t device_tag,
                                                uint64_t* payload_bytes, uint32_t* payload_crc) {
  CheckpointHeaderDisk disk;
  if (block.size() < sizeof disk) return fail(Errc::kCorrupt, "short checkpoint header");
  std::memcpy(&disk, block.data(), sizeof disk);
  if (disk.magic != kCheckpointMagic || disk.version != kCheckpointVersion ||
      disk.crc != checkpoint_header_crc(disk) || disk.sequence == 0)
    return fail(Errc::kCorrupt, "no whole checkpoint header");
  if (disk.device_tag != device_tag) return fail(Errc::kCorrupt, "a checkpoint of another device");
  *payload_bytes = disk.payload_bytes;
  *payload_crc = disk.payload_crc;
  CheckpointInfo info;
  info.sequence = disk.sequence;
  info.incarnation = disk.incarnation;
  info.last_sequence = disk.last_sequence;
  info.durable_before = disk.durable_before;
  info.clean = disk.clean == 1;
  return info;
}

Task<Result<CheckpointBytes>> read_checkpoint(Medium& medium, int slot, env::ReadMode mode) {
  const uint64_t offset = medium.layout().checkpoint_offset[slot];
  ATOLL_CO_TRY(Buf block, co_await medium.read(offset, kBlockBytes, mode));
  CheckpointBytes out;
  uint64_t payload_bytes = 0;
  uint32_t payload_crc = 0;
  ATOLL_CO_TRY(out.info, decode_checkpoint_header(block.span(), medium.superblock.device_tag,
                                                  &payload_bytes, &payload_crc));
  if (payload_bytes > medium.layout().checkpoint_bytes - kBlockBytes)
    co_return fail(Errc::kCorrupt, "impossible checkpoint length");
  out.payload.reserve(payload_bytes);
  while (out.payload.size() < payload_bytes) {
    const size_t want = std::min<size_t>(kPieceBytes, payload_bytes - out.payload.size());
    const uint64_t at = offset + kBlockBytes + out.payload.size();
    ATOLL_CO_TRY(Buf piece, co_await medium.read(at, round_up(want, kBlockBytes), mode));
    out.payload.append(piece.view().substr(0, want));
  }
  if (crc32c(as_bytes(out.payload)) != payload_crc) {
    ATOLL_PROBE("device: an index checkpoint is damaged");
    co_return fail(Errc::kCorrupt, "the checkpoint's checksum does not match");
  }
  co_return std::move(out);
}

Task<Status> write_checkpoint(Medium& medium, int slot, CheckpointInfo info, std::string payload) {
  const Layout& layout = medium.layout();
  if (payload.size() > layout.checkpoint_bytes - kBlockBytes)
    co_return fail(Errc::kNoSpace, fmt::format("the index needs {} bytes, a checkpoint holds {}",
                                               payload.size(), layout.checkpoint_bytes));
  const uint64_t offset = layout.checkpoint_offset[slot];
  for (size_t at = 0; at < payload.size(); at += kPieceBytes) {
    const size_t size = std::min(kPieceBytes, payload.size() - at);
    Buf piece = Buf::allocate(round_up(size, kBlockBytes));
    std::memcpy(piece.mutable_data(), payload.data() + at, size);
    std::memset(piece.mutable_data() + size, 0, piece.size() - size);
    std::vector<Buf> bufs;
    bufs.push_back(std::move(piece));
    ATOLL_CO_TRY_STATUS(co_await medium.write(offset + kBlockBytes + at, std::move(bufs)));
  }
  std::vector<Buf> head;
  head.push_back(encode_checkpoint_header(info, medium.superblock.device_tag, payload));
  co_return co_await medium.write(offset, std::move(head));
}

}  // namespace atl::device
