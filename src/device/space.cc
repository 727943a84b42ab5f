#include "device/space.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/probe.h"

namespace atl::device {

Space::Space(Medium& medium, ZoneTable& zones, Appender& appender)
    : medium_(medium), zones_(zones), appender_(appender) {
  medium_.on_end([this] {
    prepared_.wake_all();
    zones_.changed().wake_all();
  });
}

uint32_t Space::reserved_zones(Claim claim) const {
  // 1/64 of the device each, at least one zone.
  const uint32_t share = std::max<uint32_t>(1, zones_.size() / 64);
  switch (claim) {
    case Claim::kReclaim:
      return 0;
    case Claim::kJournal:
      return kReclaimZones;
    case Claim::kSystem:
      return kReclaimZones + share;
    case Claim::kUser:
      return kReclaimZones + 2 * share;
  }
  return 0;
}

uint32_t Space::low_water() const {
  return reserved_zones(Claim::kUser) + std::max<uint32_t>(1, zones_.size() / 16);
}

uint32_t Space::open_room(Stream stream) const {
  const Open& o = open_[static_cast<size_t>(stream)];
  return o.zone ? room(*o.zone) : 0;
}

Task<Result<Place>> Space::reserve(Stream stream, uint32_t blocks, Claim claim) {
  ATOLL_CHECK(blocks > 0 && blocks <= medium_.layout().data_blocks());
  Open& o = open(stream);
  const Nanos start = medium_.env.now();
  env::Permit lock = co_await o.mutex.lock();
  while (true) {
    ATOLL_CO_TRY_STATUS(medium_.usable());
    if (o.zone && room(*o.zone) >= blocks) {
      prepare_ahead(stream, claim);
      Place place;
      place.lock = std::move(lock);
      place.stream = stream;
      place.zone = *o.zone;
      place.block = zones_[*o.zone].fill;
      co_return std::move(place);
    }
    if (o.next) {
      if (o.zone) {
        const uint32_t full = *o.zone;
        o.zone.reset();
        zones_.close(full, false);
      }
      o.zone = o.next;
      o.next.reset();
      continue;
    }
    if (o.preparing) {
      co_await prepared_.wait();
      continue;
    }
    if (zones_.free_count() > reserved_zones(claim)) {
      const std::optional<uint32_t> zone = zones_.open(stream);
      ATOLL_CHECK(zone.has_value());
      start_preparing(stream, *zone);
      continue;
    }
    // Out of free zones for this claim.
    if (claim == Claim::kReclaim) co_return fail(Errc::kNoSpace, "no zone left for reclaim");
    reclaim_->kick();
    if (!reclaim_->can_help()) {
      ATOLL_PROBE("device: full");
      co_return fail(Errc::kNoSpace, fmt::format("device {} is full", medium_.path));
    }
    if (medium_.env.now() - start > kSpaceWaitMax) {
      ATOLL_PROBE("device: reclaim is too slow");
      co_return fail(Errc::kBusy, "waited too long for reclaim on " + medium_.path);
    }
    ATOLL_PROBE("device: a write waits for reclaim");
    // Order matters to the journal alone; other writes let those pass that may take what is left.
    if (stream != Stream::kJournal) lock = env::Permit();
    co_await zones_.changed().wait();
    if (stream != Stream::kJournal) lock = co_await o.mutex.lock();
  }
}

void Space::take(Place& place, uint32_t blocks) {
  ATOLL_CHECK(open(place.stream).zone == place.zone);
  ATOLL_CHECK(zones_[place.zone].fill == place.block);
  zones_.add_pending(place.zone, blocks);
  place.lock = env::Permit();
}

// With room to spare, the next zone is made ready before this one is full, so that nobody waits for
// the flush of its header.
void Space::prepare_ahead(Stream stream, Claim claim) {
  Open& o = open(stream);
  if (o.next || o.preparing || room(*o.zone) > medium_.layout().data_blocks() / 4) return;
  if (claim == Claim::kReclaim || zones_.free_count() <= low_water()) return;
  const std::optional<uint32_t> zone = zones_.open(stream);
  if (zone) start_preparing(stream, *zone);
}

void Space::start_preparing(Stream stream, uint32_t zone) {
  open(stream).preparing = true;
  medium_.env.spawn("device zone", prepare(medium_.keep_alive(), stream, zone));
  medium_.metrics.zones_free.set(zones_.free_count());
  if (reclaim_ && zones_.free_count() < low_water()) reclaim_->kick();
}

// Both header copies are durable before any record of the zone's new life is written.
Task<void> Space::prepare([[maybe_unused]] std::shared_ptr<void> keep, Stream stream,
                          uint32_t zone) {
  Open& o = open(stream);
  ZoneHeader header;
  header.device_tag = medium_.superblock.device_tag;
  header.generation = zones_[zone].generation;
  header.sequence = appender_.last_sequence();
  header.zone = zone;
  header.stream = stream;
  const uint32_t blocks[2] = {0, medium_.layout().end_block()};
  Status status;
  for (uint32_t block : blocks) {
    std::vector<Buf> bufs;
    bufs.push_back(encode_zone_header(header));
    status = co_await medium_.write(medium_.layout().offset(zone, block), std::move(bufs));
    if (!status) break;
  }
  if (status) status = co_await appender_.flush();
  o.preparing = false;
  if (status) o.next = zone;  // otherwise the device has failed, and all who wait see that
  prepared_.wake_all();
}

bool Space::can_adopt(Stream stream, const Zone& zone) const {
  const Open& o = open_[static_cast<size_t>(stream)];
  if (!o.zone) return zone.fill < medium_.layout().end_block();
  return !o.next && zone.fill == medium_.layout().first_block();
}

void Space::adopt(Stream stream, uint32_t zone) {
  Open& o = open(stream);
  ATOLL_CHECK(can_adopt(stream, zones_[zone]));
  if (o.zone) {
    o.next = zone;
  } else {
    o.zone = zone;
  }
}

Task<void> Space::drain() {
  while (medium_.usable()) {
    const bool busy =
        std::any_of(open_.begin(), open_.end(), [](const Open& o) { return o.preparing; });
    if (!busy) co_return;
    co_await prepared_.wait();
  }
}

}  // namespace atl::device
