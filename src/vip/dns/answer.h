// The answer to one DNS message: a pure function of the bytes, the zone and the turn.
//
// Authoritative for one zone, without recursion, transfers, updates or signatures. What comes back
// for what: README.md. Nothing that a client sends is an error here: it gets an answer or none.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "vip/dns/zone.h"

namespace atl::vip::dns {

using Bytes = std::vector<uint8_t>;

// Without EDNS a UDP answer has at most 512 bytes (RFC 1035); with it at most what the client takes
// and 1232, which no link fragments: 1280, the least MTU of IPv6, less its and UDP's headers.
inline constexpr size_t kPlainUdpBytesMax = 512;
inline constexpr uint16_t kUdpBytesMax = 1232;
inline constexpr size_t kTcpBytesMax = 65535;

enum class Transport : uint8_t {
  kUdp,
  kUdpTerse,  // the source asks too often: nothing but the word to come by TCP (TC)
  kTcp,
};

// Where the next answer about a name begins. Each name counts for itself and only when it lists
// something: were A and AAAA queries, which come in pairs, one sequence, half of the addresses
// would never come first.
class Rotation {
 public:
  size_t next(const Name& name, size_t count);

 private:
  std::map<Name, uint64_t> turns_;
};

// Names that a rotation remembers: then it starts anew. More than a zone has that is asked about.
inline constexpr size_t kRotationNamesMax = 4096;

// nullopt: no answer at all. `zone` is nullptr while nothing recent is known about the nodes: the
// answer is SERVFAIL then, and clients ask the next server.
std::optional<Bytes> answer(ByteSpan query, const Zone* zone, Transport transport,
                            Rotation& rotation);

}  // namespace atl::vip::dns
