#include "device/zone.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/crc.h"
#include "base/planted_bug.h"
#include "base/probe.h"

namespace atl::device {
namespace {

constexpr uint32_t kZoneMagic = 0x6E6F5A41;  // "AZon"
constexpr uint16_t kZoneVersion = 1;

// Two planted bugs leave entries in the index whose zones know nothing of them. Their damage is to
// be found from outside, not by these counts.
bool counts_may_lie() {
  return planted(PlantedBug::kFreeLiveZone) || planted(PlantedBug::kIgnoreZoneGeneration);
}

uint32_t zone_header_crc(ZoneHeaderDisk disk) {
  disk.crc = 0;
  return crc32c({reinterpret_cast<const uint8_t*>(&disk), sizeof disk});
}

}  // namespace

Buf encode_zone_header(const ZoneHeader& header) {
  ZoneHeaderDisk disk{};
  disk.magic = kZoneMagic;
  disk.version = kZoneVersion;
  disk.stream = static_cast<uint8_t>(header.stream);
  disk.zone = header.zone;
  disk.device_tag = header.device_tag;
  disk.generation = header.generation;
  disk.sequence = header.sequence;
  disk.crc = zone_header_crc(disk);
  Buf block = Buf::allocate_zeroed(kBlockBytes);
  std::memcpy(block.mutable_data(), &disk, sizeof disk);
  return block;
}

std::optional<ZoneHeader> decode_zone_header(ByteSpan block, uint64_t device_tag, uint32_t zone) {
  if (block.size() < sizeof(ZoneHeaderDisk)) return std::nullopt;
  ZoneHeaderDisk disk;
  std::memcpy(&disk, block.data(), sizeof disk);
  if (disk.magic != kZoneMagic || disk.version != kZoneVersion) return std::nullopt;
  if (disk.crc != zone_header_crc(disk) || disk.stream >= kStreams) return std::nullopt;
  if (disk.device_tag != device_tag || disk.zone != zone || disk.generation == 0)
    return std::nullopt;
  ZoneHeader h;
  h.device_tag = disk.device_tag;
  h.generation = disk.generation;
  h.sequence = disk.sequence;
  h.zone = disk.zone;
  h.stream = static_cast<Stream>(disk.stream);
  return h;
}

bool zone_header_damaged(ByteSpan block) {
  ZoneHeaderDisk disk;
  if (block.size() < sizeof disk) return true;
  std::memcpy(&disk, block.data(), sizeof disk);
  return disk.magic == kZoneMagic && disk.crc != zone_header_crc(disk);
}

uint32_t ZoneTable::free_count() const {
  return static_cast<uint32_t>(
      std::count_if(free_.begin(), free_.end(), [&](uint32_t z) { return !zones_[z].readers; }));
}

std::optional<uint32_t> ZoneTable::open(Stream stream) {
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    const uint32_t number = *it;
    Zone& zone = zones_[number];
    if (zone.readers != 0) {
      ATOLL_PROBE("device: a free zone still has readers");
      continue;
    }
    free_.erase(it);
    ATOLL_CHECK(zone.state == ZoneState::kFree);
    ATOLL_CHECK(zone.live_records == 0 && zone.pending == 0);
    const uint64_t generation = zone.generation + 1;
    zone = Zone{};
    zone.generation = generation;
    zone.stream = stream;
    zone.state = ZoneState::kOpen;
    zone.fill = zone.durable_fill = layout_.first_block();
    return number;
  }
  return std::nullopt;
}

void ZoneTable::close(uint32_t number, bool early) {
  Zone& zone = zones_[number];
  ATOLL_CHECK(zone.state == ZoneState::kOpen);
  zone.state = ZoneState::kClosed;
  zone.closed_early = early;
  free_if_dead(number);
}

void ZoneTable::add_live(uint32_t number, uint32_t blocks) {
  Zone& zone = zones_[number];
  ATOLL_CHECK(zone.state == ZoneState::kOpen || zone.state == ZoneState::kClosed);
  zone.live_blocks += blocks;
  ++zone.live_records;
  live_blocks_ += blocks;
  ATOLL_CHECK(zone.live_blocks <= layout_.data_blocks() || counts_may_lie());
}

void ZoneTable::remove_live(uint32_t number, uint32_t blocks) {
  Zone& zone = zones_[number];
  if (counts_may_lie() && (zone.live_records == 0 || zone.live_blocks < blocks)) return;
  ATOLL_CHECK(zone.live_records > 0 && zone.live_blocks >= blocks);
  zone.live_blocks -= blocks;
  --zone.live_records;
  live_blocks_ -= blocks;
  free_if_dead(number);
}

void ZoneTable::add_pending(uint32_t number, uint32_t blocks) {
  Zone& zone = zones_[number];
  ATOLL_CHECK(zone.state == ZoneState::kOpen);
  ATOLL_CHECK(zone.fill + blocks <= layout_.end_block());
  ++zone.pending;
  zone.fill += blocks;
}

void ZoneTable::settle(uint32_t number, uint32_t end_block) {
  Zone& zone = zones_[number];
  ATOLL_CHECK(zone.pending > 0 && end_block <= zone.fill);
  ATOLL_CHECK(end_block > zone.durable_fill);
  --zone.pending;
  zone.durable_fill = end_block;
  free_if_dead(number);
}

void ZoneTable::free_if_dead(uint32_t number) {
  Zone& zone = zones_[number];
  if (zone.state != ZoneState::kClosed || zone.live_records != 0 || zone.pending != 0) return;
  ATOLL_CHECK(zone.live_blocks == 0 || counts_may_lie());
  live_blocks_ -= zone.live_blocks;
  zone.live_blocks = 0;
  zone.state = ZoneState::kFreed;
  zone.pinned = false;
  ++soon_free_;
  changed_.wake_all();
}

std::vector<uint32_t> ZoneTable::freed() const {
  std::vector<uint32_t> out;
  for (uint32_t z = 0; z < size(); ++z)
    if (zones_[z].state == ZoneState::kFreed) out.push_back(z);
  return out;
}

void ZoneTable::make_free(const std::vector<uint32_t>& zones) {
  for (uint32_t z : zones) {
    ATOLL_CHECK(zones_[z].state == ZoneState::kFreed && zones_[z].live_records == 0);
    zones_[z].state = ZoneState::kFree;
    free_.push_back(z);
    --soon_free_;
  }
  if (!zones.empty()) changed_.wake_all();
}

void ZoneTable::free_with_live_records(uint32_t number) {
  Zone& zone = zones_[number];
  live_blocks_ -= zone.live_blocks;
  zone.live_blocks = zone.live_records = 0;
  free_if_dead(number);
}

void ZoneTable::rebuild_lists() {
  free_.clear();
  soon_free_ = 0;
  live_blocks_ = 0;
  for (uint32_t z = 0; z < size(); ++z) {
    live_blocks_ += zones_[z].live_blocks;
    if (zones_[z].state == ZoneState::kFree) free_.push_back(z);
    if (zones_[z].state == ZoneState::kFreed) ++soon_free_;
    free_if_dead(z);
  }
  // The zones written least often first.
  std::stable_sort(free_.begin(), free_.end(), [&](uint32_t a, uint32_t b) {
    return zones_[a].generation < zones_[b].generation;
  });
}

void ZoneTable::remove_reader(uint32_t number) {
  Zone& zone = zones_[number];
  ATOLL_CHECK(zone.readers > 0);
  if (--zone.readers == 0 && zone.state == ZoneState::kFree) changed_.wake_all();
}

}  // namespace atl::device
