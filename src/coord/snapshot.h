// The bytes of one slot of a coordinator copy: a header block and a body (docs/formats/coord.md).
//
//   coord.dat   [ slot 0: 4 MiB ][ slot 1: 4 MiB ]
//   slot        [ header: one 4 KiB block ][ body, padded with zeros to 4 KiB ]
//
// Writes alternate between the slots, so a torn or failed write leaves the other one whole. The
// header is this copy's own (its index, its promise); the body is the same on every copy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "coord/state.h"

namespace atl::coord {

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr uint64_t kSlotBytes = 4u << 20;
inline constexpr uint64_t kHeaderBlockBytes = 4096;
inline constexpr uint64_t kMaxBodyBytes = kSlotBytes - kHeaderBlockBytes;
inline constexpr int kSlots = 2;
inline constexpr uint64_t kFileBytes = kSlots * kSlotBytes;
inline constexpr size_t kMaxCopies = 16;  // seven already outlive any three losses
inline constexpr size_t kMaxCopyNameBytes = 200;
// The body is the state, the names of the copies, and a few counts.
static_assert(kMaxStateBytes + kMaxCopies * (kMaxCopyNameBytes + 2) + 64 <= kMaxBodyBytes);

struct SnapshotHeader {
  Uuid cluster;             // tells a foreign copy
  uint32_t copy_index = 0;  // tells a copy that was put in another's place
  uint32_t copy_count = 0;  // tells a configuration that forgot copies, and so miscounts majorities
  uint64_t promised_term = 0;  // this copy takes no snapshot of an earlier opening any more
  uint64_t accepted_term = 0;  // the opening in which the body was written
  uint64_t sequence = 0;       // orders the snapshots of a term
  uint64_t revision = 0;       // of the state in the body, for people
  uint64_t body_bytes = 0;     // before padding
  uint32_t body_crc = 0;       // CRC-32C over the body with its padding: tells torn writes and rot
  bool forming = false;        // creation had not finished when this was written

  auto operator<=>(const SnapshotHeader&) const = default;
};

// Which of two snapshots knows more.
struct SnapshotOrder {
  uint64_t accepted_term = 0;
  uint64_t sequence = 0;
  auto operator<=>(const SnapshotOrder&) const = default;
};
inline SnapshotOrder order_of(const SnapshotHeader& h) {
  return {h.accepted_term, h.sequence};
}

struct SnapshotBody {
  std::vector<std::string> copy_names;
  State state;
};

Buf encode_header(const SnapshotHeader& header);  // one block
// kBlank: all zeros. kCorrupt: not a header of ours, or damaged. kUnsupported: of a later format.
Result<SnapshotHeader> decode_header(ByteSpan block);

// Padded to the block size; sets body_bytes, body_crc and revision of *header.
Buf encode_body(const std::vector<std::string>& copy_names, const State& state,
                SnapshotHeader* header);
// `padded` as it was read: kCorrupt unless length and checksum are the header's.
Status check_body(const SnapshotHeader& header, ByteSpan padded);
Result<SnapshotBody> decode_body(ByteSpan body);
inline uint64_t padded_body_bytes(const SnapshotHeader& header) {
  return round_up(header.body_bytes, kHeaderBlockBytes);
}

// What a slot holds, for people: one "name: value" a line.
std::string describe(const SnapshotHeader& header);

}  // namespace atl::coord
