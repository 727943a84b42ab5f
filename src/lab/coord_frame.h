// The coordinator's calls as bytes: what RemoteCoordinator and CoordServer exchange.
//
// A frame is a length (4 bytes, most significant first) and so many bytes of JSON:
//
//   {"id": 7, "op": "cas", "key": "vip/p/address/10.0.9.1", "version": 12, "value": "..."}
//   {"id": 7, "number": 13}                          or {"id": 7, "error": 8, "message": "..."}
//
// Values, no ownership. Threads: any. Errors: kCorrupt (not such a frame), kTooLarge, and those of
// env::Stream.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "coord/coordinator.h"
#include "env/net.h"

namespace atl::lab {

// The list of a pool of 1,024 addresses has some 200 KiB.
inline constexpr size_t kCoordFrameMax = 2u << 20;
// Calls of one connection under way; the controller of a pool of 1,024 nodes asks for all leases at
// once.
inline constexpr size_t kCoordCallsMax = 2048;

enum class CoordOp : uint8_t {
  kGet,
  kList,
  kCas,
  kErase,
  kWait,
  kAcquire,
  kRenew,
  kRelease,
  kLeases
};

struct CoordCall {
  uint64_t id = 0;
  CoordOp op = CoordOp::kGet;
  std::string key;       // or prefix, or name of a lease
  std::string value;     // or holder of a lease
  uint64_t version = 0;  // or revision
  Nanos time{0};         // limit of a wait, time to live of a lease
  std::string encode() const;
  static Result<CoordCall> decode(std::string_view json);
};

struct CoordReply {
  uint64_t id = 0;
  Status status;
  uint64_t number = 0;                   // version or revision
  std::vector<coord::KeyValue> entries;  // of leases: name and holder
  std::string encode() const;
  static Result<CoordReply> decode(std::string_view json);
};

// The next frame's JSON. kUnavailable at the end of the stream.
Task<Result<std::string>> read_frame(env::Stream& stream);
Task<Status> write_frame(env::Stream& stream, std::string json);

}  // namespace atl::lab
