// Room for records: open zones, one for each stream and perhaps the next one ready, and who may
// take the last free zones.
//
// The claims on free zones, from the last one up:
//
//   kReclaimZones          only reclaim, so that it can always move on
//   + journal_zones()      the journal
//   + system_zones()       what the layers above store for themselves (checkpoints, repair)
//   the rest               user data
//
// reserve() hands out the next place of a stream under the stream's lock; whoever holds the Place
// decides without awaiting anything whether to take it (Space::take). Places are handed out in the
// order of calls for the journal; a user write that has to wait for reclaim lets others pass.
//
// Errors: kNoSpace when neither free zones nor garbage can make room; kBusy when reclaim did not
// make room within kSpaceWaitMax; the device's error.
#pragma once

#include <array>
#include <optional>

#include "device/appender.h"
#include "device/medium.h"
#include "device/zone.h"

namespace atl::device {

enum class Claim : uint8_t { kUser = 0, kSystem = 1, kJournal = 2, kReclaim = 3 };

// Two: one is being filled, and a victim's survivors may need the next before the victim is free.
inline constexpr uint32_t kReclaimZones = 2;
// Below the deadline of a device call (30 s), so that the caller hears the reason.
inline constexpr Nanos kSpaceWaitMax = 20s;

// What Space asks of reclaim.
class ReclaimPort {
 public:
  virtual ~ReclaimPort() = default;
  virtual void kick() = 0;
  // Free zones may still come: one is about to be free, or there is enough garbage somewhere.
  virtual bool can_help() const = 0;
};

struct Place {
  env::Permit lock;
  Stream stream = Stream::kShards;
  uint32_t zone = 0;
  uint32_t block = 0;
};

class Space {
 public:
  Space(Medium& medium, ZoneTable& zones, Appender& appender);
  void set_reclaim(ReclaimPort* reclaim) { reclaim_ = reclaim; }

  Task<Result<Place>> reserve(Stream stream, uint32_t blocks, Claim claim);
  // Takes `blocks` at the place and gives the lock back.
  void take(Place& place, uint32_t blocks);

  // Free zones that `claim` must leave alone.
  uint32_t reserved_zones(Claim claim) const;
  // Below this many free zones reclaim works.
  uint32_t low_water() const;
  // Room left in the stream's open zone.
  uint32_t open_room(Stream stream) const;
  // Recovery hands over open zones; the first is filled on, a second one must be empty.
  void adopt(Stream stream, uint32_t zone);
  bool can_adopt(Stream stream, const Zone& zone) const;
  // Waits for zones that are being prepared.
  Task<void> drain();

 private:
  struct Open {
    env::Mutex mutex;
    std::optional<uint32_t> zone;
    std::optional<uint32_t> next;  // empty, its header durable
    bool preparing = false;
    Status last;  // of the last preparation
  };

  uint32_t room(uint32_t zone) const { return medium_.layout().end_block() - zones_[zone].fill; }
  Task<void> prepare(std::shared_ptr<void> keep, Stream stream, uint32_t zone);
  void start_preparing(Stream stream, uint32_t zone);
  void prepare_ahead(Stream stream, Claim claim);
  Open& open(Stream stream) { return open_[static_cast<size_t>(stream)]; }

  Medium& medium_;
  ZoneTable& zones_;
  Appender& appender_;
  ReclaimPort* reclaim_ = nullptr;
  std::array<Open, kStreams> open_;
  env::WaitQueue prepared_;
};

}  // namespace atl::device
