// The small world that journal_takeover.cc explores: what the coordinator, the devices, the owners
// and the network hold at one moment.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// The world: one spare device; two owners, each of which may crash and take over again. run.sh
// explores it small by default and larger with ATOLL_MODEL_DEEP.
#ifndef SEGMENTS
#define SEGMENTS 3
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef TRIMS
#define TRIMS 0
#endif
constexpr int kTrims =
    TRIMS;  // checkpoints that trim; segments that were empty leave the list anyway
constexpr int kDevices = 4;
constexpr int kReplicas = 3;
constexpr int kSegments = SEGMENTS;  // ids 0, 1, ..: openings in all
constexpr int kOwners = 2;           // at a time
constexpr int kEpochs = 3;           // takeovers in all
constexpr int kValues = 2;           // entries appended in all
constexpr int kLosses = LOSSES;      // devices lost for good
constexpr int kLsns = kValues;

enum Pc : uint8_t { kIdle, kSealing, kCopying, kReady, kServing };

struct Segment {  // as the coordinator lists it; one that was empty, or is trimmed, leaves the list
  uint8_t listed, closed, first, end, replicas;
};
struct Held {  // a segment on a device
  uint8_t promised, length;
  std::array<uint8_t, kLsns> values;
};
struct Owner {
  uint8_t pc, epoch;
  uint8_t current;        // knows the coordinator's newest value: its compare-and-swap succeeds
  uint8_t segment;        // that is sealed, or appended to
  uint8_t committed;      // next LSN after what it has committed
  uint8_t sealed, whole;  // masks of devices
  std::array<uint8_t, kDevices> held;  // length at sealing
  uint8_t end;                         // found
  uint8_t replicas;                    // of the segment appended to
  uint8_t value, acks, in_flight;
};
// The run that a segment's opener sent for one place in it: only one owner ever sends to a segment,
// and once for a place. `under_way`: devices that it may still reach, however late.
struct Sent {
  uint8_t epoch, value, under_way;
};

struct State {
  uint8_t epoch, next_segment, next_value, losses, lost;
  std::array<Segment, kSegments> segments;
  std::array<std::array<Held, kSegments>, kDevices> devices;
  std::array<Owner, kOwners> owners;
  std::array<std::array<Sent, kLsns>, kSegments> sent;
  std::array<uint8_t, kLsns> acked;  // value by LSN; 0: none
  // The highest epoch that each device has seen: outlives the segments that it has deleted.
  std::array<uint8_t, kDevices> fence;
  uint8_t trims, checkpoint;           // the LSN from which the list goes on
  std::array<uint8_t, kLsns> trimmed;  // the values before it
};
static_assert(sizeof(State) < 256 && alignof(State) == 1);

#ifdef NO_FENCE
constexpr bool kFence = false;
#else
constexpr bool kFence = true;
#endif
#ifdef FENCE_DIES_WITH_SEGMENT
constexpr bool kLastingFence = false;
#else
constexpr bool kLastingFence = true;
#endif
#ifdef NO_COMPARE
constexpr bool kCompare = false;
#else
constexpr bool kCompare = true;
#endif
#ifdef TWO_ARE_ENOUGH
constexpr int kEnough = 2;
#else
constexpr int kEnough = kReplicas;
#endif

inline int count(uint8_t mask) {
  return __builtin_popcount(mask);
}
inline bool has(uint8_t mask, int i) {
  return (mask >> i & 1) != 0;
}
inline void put(uint8_t* mask, int i) {
  *mask = static_cast<uint8_t>(*mask | 1 << i);
}

// Lists the last open segment, or -1.
inline int open_segment(const State& s) {
  for (int i = 0; i < kSegments; ++i)
    if (s.segments[i].listed && !s.segments[i].closed) return i;
  return -1;
}
inline int journal_end(const State& s) {  // of the closed segments
  int end = s.checkpoint;
  for (const Segment& g : s.segments)
    if (g.listed && g.closed && g.end > end) end = g.end;
  return end;
}

// Does the device refuse this epoch?
inline bool fenced(const State& s, int d, int g, int epoch) {
  return kFence && (kLastingFence ? s.fence[d] : s.devices[d][g].promised) > epoch;
}
inline void promise(State* s, int d, int g, uint8_t epoch) {
  uint8_t* there = &s->devices[d][g].promised;
  *there = kLastingFence ? uint8_t{1} : std::max(*there, epoch);  // not 0: it knows the segment
  s->fence[d] = std::max(s->fence[d], epoch);
}

// Makes states that can no longer differ in anything that matters the same state.
inline void normalize(State* s) {
  // Owners are alike: keep one order of them.
  std::sort(s->owners.begin(), s->owners.end(),
            [](const Owner& a, const Owner& b) { return a.epoch > b.epoch; });
  for (int g = 0; g < kSegments; ++g) {
    Segment& seg = s->segments[g];
    bool in_use = seg.listed && !seg.closed;
    for (const Owner& w : s->owners)
      if ((w.pc == kSealing || w.pc == kCopying || w.pc == kServing) && w.segment == g)
        in_use = true;
    if (in_use) continue;
    // Nobody will ever look beyond a recorded end, nor at a segment that left the list.
    const int length = seg.listed ? seg.end - seg.first : 0;
    if (!seg.listed) seg = Segment{};
    for (int index = length; index < kLsns; ++index) s->sent[g][index] = Sent{};
    for (auto& device : s->devices) {
      Held& h = device[g];
      if (h.length > length) h.length = static_cast<uint8_t>(length);
      for (int index = h.length; index < kLsns; ++index) h.values[index] = 0;
      h.promised = 0;
      if (h.length < length) continue;
      // Complete: a late append changes nothing.
      for (int index = 0; index < length; ++index)
        s->sent[g][index].under_way &= static_cast<uint8_t>(~(1 << (&device - s->devices.data())));
    }
  }
  // A fence matters to those alone that are below it: it may as well be right above the highest of
  // them.
  for (uint8_t& fence : s->fence) {
    uint8_t below = 0;
    const auto look = [&](uint8_t epoch) {
      if (epoch < fence && epoch > below) below = epoch;
    };
    for (const Owner& w : s->owners) look(w.epoch);
    for (const auto& segment : s->sent)
      for (const Sent& sent : segment)
        if (sent.under_way != 0) look(sent.epoch);
    fence = below == 0 ? uint8_t{0} : static_cast<uint8_t>(below + 1);
  }
}

// 128 bits: with 10^7 states the chance that two share one is below 10^-24.
struct Key {
  uint64_t a, b;
  bool operator==(const Key&) const = default;
};
struct KeyHash {
  size_t operator()(const Key& k) const { return k.a; }
};
inline Key hash(std::string_view bytes) {
  uint64_t a = 0x9E3779B97F4A7C15ull, b = 0xC2B2AE3D27D4EB4Full;
  for (unsigned char c : bytes) {
    a = (a ^ c) * 0x100000001B3ull;
    a ^= a >> 29;
    b = (b + c) * 0xD6E8FEB86659FD93ull;
    b ^= b >> 32;
  }
  return {a, b};
}
