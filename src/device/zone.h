// Zones: their headers on the medium, and the table of all zones in memory.
//
// A zone's life:
//
//   free --open()--> open --close()--> closed --last live record goes--> freed --checkpoint--> free
//
// `generation` grows at each open. Both header copies are durable before the first record of the
// new life is written, so what an earlier life left is dead for good. A freed zone is opened again
// only after an index checkpoint that no longer lists its records is durable: then nothing that was
// deleted or moved can come back in half.
//
// Invariants: a zone with live or pending records, or with readers, is never opened;
// `durable_fill` <= `fill`; everything below durable_fill is in the index or dead.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "device/layout.h"
#include "env/sync.h"

namespace atl::device {

// Journal zones die whole when their segments are deleted; reclaim writes what has survived once
// apart from what is new.
enum class Stream : uint8_t { kJournal = 0, kShards = 1, kMoved = 2 };
inline constexpr int kStreams = 3;

enum class ZoneState : uint8_t { kFree = 0, kFreed = 1, kOpen = 2, kClosed = 3 };

struct Zone {
  uint64_t generation = 0;   // 0: never written
  uint32_t live_blocks = 0;  // of records in the index
  uint32_t live_records = 0;
  uint32_t pending = 0;  // records on their way
  uint32_t readers = 0;
  uint32_t fill = 0;          // the next block to write
  uint32_t durable_fill = 0;  // recovery scans from here
  ZoneState state = ZoneState::kFree;
  Stream stream = Stream::kShards;
  bool closed_early = false;  // its tail is room lost, not just too short for the next record
  bool pinned = false;        // holds a live record that is damaged and so cannot be moved
};

struct ZoneHeaderDisk {
  uint32_t magic;  // "AZon"
  uint16_t version;
  uint8_t stream;
  uint8_t reserved0;
  uint32_t crc;  // CRC-32C of these 64 bytes, this field taken as zero
  uint32_t zone;
  uint64_t device_tag;
  uint64_t generation;
  uint64_t sequence;  // of the device's records when it was opened
  uint8_t reserved[24];
};
static_assert(sizeof(ZoneHeaderDisk) == 64);
static_assert(offsetof(ZoneHeaderDisk, generation) == 24);

struct ZoneHeader {
  uint64_t device_tag = 0;
  uint64_t generation = 0;
  uint64_t sequence = 0;
  uint32_t zone = 0;
  Stream stream = Stream::kShards;
};
Buf encode_zone_header(const ZoneHeader& header);
// Nothing unless it is whole and says the expected device and zone.
std::optional<ZoneHeader> decode_zone_header(ByteSpan block, uint64_t device_tag, uint32_t zone);

// It was a zone header once, and its checksum does not match. (A whole one of an earlier format of
// the device is not damaged; it just does not count.)
bool zone_header_damaged(ByteSpan block);

class ZoneTable {
 public:
  explicit ZoneTable(const Layout& layout) : layout_(layout), zones_(layout.zone_count) {}

  uint32_t size() const { return static_cast<uint32_t>(zones_.size()); }
  Zone& operator[](uint32_t zone) { return zones_.at(zone); }
  const Zone& operator[](uint32_t zone) const { return zones_.at(zone); }

  // Free zones that may be opened now (nobody reads them any more).
  uint32_t free_count() const;
  // Free zones that somebody still reads.
  uint32_t read_free_count() const { return static_cast<uint32_t>(free_.size()) - free_count(); }
  // Zones that become free with the next checkpoint, or when a reader leaves.
  uint32_t soon_free_count() const { return soon_free_; }
  uint64_t live_blocks() const { return live_blocks_; }

  // Takes the zone that has been free longest: open, with the next generation and no header written
  // yet.
  std::optional<uint32_t> open(Stream stream);
  void close(uint32_t zone, bool early);

  void add_live(uint32_t zone, uint32_t blocks);
  void remove_live(uint32_t zone, uint32_t blocks);
  void add_pending(uint32_t zone, uint32_t blocks);  // and moves fill
  void settle(uint32_t zone, uint32_t end_block);    // one pending record is durable

  // Zones that a checkpoint taken now will no longer list; and later, that it is durable.
  std::vector<uint32_t> freed() const;
  void make_free(const std::vector<uint32_t>& zones);
  // For planted bugs only: frees a zone with all that is in it.
  void free_with_live_records(uint32_t zone);

  // After recovery filled in the table: sorts zones into free, freed and the rest.
  void rebuild_lists();

  void add_reader(uint32_t zone) { ++zones_[zone].readers; }
  void remove_reader(uint32_t zone);

  // Woken when a zone may have become free.
  env::WaitQueue& changed() { return changed_; }

 private:
  void free_if_dead(uint32_t zone);

  Layout layout_;
  std::vector<Zone> zones_;
  std::deque<uint32_t> free_;
  uint32_t soon_free_ = 0;
  uint64_t live_blocks_ = 0;
  env::WaitQueue changed_;
};

// Keeps a zone from being opened again while somebody reads it.
class ZoneReader {
 public:
  ZoneReader(ZoneTable& table, uint32_t zone) : table_(&table), zone_(zone) {
    table.add_reader(zone);
  }
  ZoneReader(ZoneReader&& o) noexcept : table_(std::exchange(o.table_, nullptr)), zone_(o.zone_) {}
  ZoneReader& operator=(ZoneReader&&) = delete;
  ~ZoneReader() {
    if (table_) table_->remove_reader(zone_);
  }

 private:
  ZoneTable* table_;
  uint32_t zone_;
};

}  // namespace atl::device
