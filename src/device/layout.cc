#include "device/layout.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "device/device.h"

namespace atl::device {

Result<Layout> Layout::plan(uint64_t size_bytes, uint64_t zone_bytes) {
  Layout l;
  l.size_bytes = round_down(size_bytes, kBlockBytes);
  if (l.size_bytes < kMinDeviceBytes)
    return fail(Errc::kInvalidArgument,
                fmt::format("a device needs at least {}, this one has {}",
                            format_bytes(kMinDeviceBytes), format_bytes(size_bytes)));
  if (zone_bytes == 0)
    zone_bytes = std::clamp<uint64_t>(std::bit_floor(l.size_bytes / 64), kAutoZoneBytesMin,
                                      kDefaultZoneBytes);
  if (!std::has_single_bit(zone_bytes) || zone_bytes < kMinZoneBytes || zone_bytes > kMaxZoneBytes)
    return fail(Errc::kInvalidArgument,
                fmt::format("the zone size must be a power of two from {} to {}, not {}",
                            format_bytes(kMinZoneBytes), format_bytes(kMaxZoneBytes), zone_bytes));
  l.zone_bytes = zone_bytes;
  const uint64_t blocks = l.size_bytes / kBlockBytes;
  const uint64_t checkpoint = kBlockBytes + blocks * kCheckpointBytesPerBlock +
                              l.segments_max() * kCheckpointBytesPerSegment +
                              l.size_bytes / zone_bytes * kCheckpointBytesPerZone +
                              kCheckpointBytesOfFences;
  l.checkpoint_bytes = round_up(checkpoint, kBlockBytes);
  l.checkpoint_offset[0] = kBlockBytes;
  l.checkpoint_offset[1] = kBlockBytes + l.checkpoint_bytes;
  l.zones_offset = kBlockBytes + 2 * l.checkpoint_bytes;
  l.zone_count =
      static_cast<uint32_t>((l.size_bytes - kBlockBytes - l.zones_offset) / l.zone_bytes);
  if (l.zone_count < kMinZones)
    return fail(Errc::kInvalidArgument, fmt::format("{} hold only {} zones of {}; {} are needed",
                                                    format_bytes(l.size_bytes), l.zone_count,
                                                    format_bytes(zone_bytes), kMinZones));
  return l;
}

bool Layout::valid() const {
  if (!std::has_single_bit(zone_bytes) || zone_bytes < kMinZoneBytes || zone_bytes > kMaxZoneBytes)
    return false;
  if (size_bytes % kBlockBytes || checkpoint_bytes % kBlockBytes || zones_offset % kBlockBytes)
    return false;
  if (size_bytes > (uint64_t{1} << 60) || checkpoint_bytes > size_bytes || zone_count < kMinZones)
    return false;
  return checkpoint_offset[0] == kBlockBytes &&
         checkpoint_offset[1] == checkpoint_offset[0] + checkpoint_bytes &&
         zones_offset >= checkpoint_offset[1] + checkpoint_bytes &&
         zones_offset + uint64_t{zone_count} * zone_bytes + kBlockBytes <= size_bytes;
}

}  // namespace atl::device
