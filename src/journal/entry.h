// Frames: how entries lie in a run's payload. docs/formats/journal.md has a worked example.
//
//   frame = varint rest_length | u8 kind | varint lsn | varint epoch | payload bytes
//
// The chain is CRC-32C continued over all frames since the journal began, so that an entry's chain
// value names its whole history. It is not stored in the frames: a CRC that runs over its own value
// becomes a constant and would forget everything before. It is stored where runs and segments begin
// and end.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "device/device.h"
#include "journal/journal.h"

namespace atl::journal {

// Kind of a frame. A reader that meets one it does not know must stop: skipping an entry would
// apply those after it to the wrong state.
inline constexpr uint8_t kEntryKind = 1;

// The most that a frame is longer than its payload: three varints and the kind.
inline constexpr size_t kMaxFrameOverhead = 10 + 1 + 10 + 10;

size_t frame_size(Lsn lsn, Epoch epoch, size_t payload_size);
// Writes the frame to `out`, which has frame_size() bytes; returns one past its end.
uint8_t* write_frame(uint8_t* out, Lsn lsn, Epoch epoch, std::string_view payload);

// Whether the payload continues `chain_before` to `chain_after`, and the counts make sense. This is
// what copying needs; it does not look into the frames.
Status check_run(const device::Run& run);

// All entries of a run, with everything checked: chain, count, LSNs in order, epoch, no bytes left
// over. The payloads point into run.payload. kCorrupt.
Result<std::vector<Entry>> decode_run(const device::Run& run);

}  // namespace atl::journal
