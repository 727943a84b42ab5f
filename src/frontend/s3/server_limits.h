// Every limit of connections and time in the S3 door, with its reason. Sizes of heads are in
// http_parser.h, of chunk lines and trailers in chunk_framing.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace atl::s3 {

// A process may have 20,000 descriptors; the rest is for devices, RocksDB and the admin door.
inline constexpr size_t kConnectionsMax = 16'384;
// Connections past that which are being told so (503 SlowDown); more are closed without a word.
inline constexpr size_t kRefusalsMax = 256;

// Deadlines are kept by one sweep a second over all connections, not by a timer a request; so each
// may be a second late.
inline constexpr Nanos kSweepPeriod = 1s;
// Between requests. Longer than the 50 to 60 s after which SDKs' pools drop idle connections, so
// that it is the client that closes and no request meets a closing server.
inline constexpr int kIdleSecondsMax = 75;
// From the first byte of a head to its last.
inline constexpr int kHeadSecondsMax = 20;
// While we wait for a peer to send or take body bytes: at least kStallBytesMin in each
// kStallSeconds. That is 1 KiB/s; a stalled peer is gone after a minute.
inline constexpr int kStallSeconds = 60;
inline constexpr uint64_t kStallBytesMin = 60_KiB;
// After an answer that ends the connection, for the client to read it before we close.
inline constexpr int kLingerSecondsMax = 5;
inline constexpr uint64_t kLingerBytesMax = 64_MiB;
// What is skipped of an unread body to keep the connection; past it closing is cheaper.
inline constexpr uint64_t kDrainBytesMax = 256_KiB;
// Handed to the network at once; also the step in which sending shows progress to the sweep. More
// than kStallBytesMin, so that any step within kStallSeconds counts as fast enough.
inline constexpr size_t kSendStepBytes = 256_KiB;
static_assert(kSendStepBytes >= kStallBytesMin);
// After accept() has failed (no descriptors left): before the next try.
inline constexpr Nanos kAcceptRetryDelay = 100ms;
// Request objects kept for reuse.
inline constexpr size_t kSpareRequestsMax = 256;

}  // namespace atl::s3
