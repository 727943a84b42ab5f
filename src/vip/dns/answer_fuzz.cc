// Any bytes as a query, over each transport, to a zone that has everything: nothing outside them is
// read, an answer is never longer than its transport takes, carries the id, and is no query.

#include <cstdint>

#include "base/check.h"
#include "vip/dns/answer.h"
#include "vip/dns/test_zone.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace atl;
  using namespace atl::vip::dns;
  static const auto zone = Zone::make(test_snapshot(40, 40));
  static Rotation rotation;
  ATOLL_CHECK(zone.has_value());
  const ByteSpan query(data, size);
  for (const Transport transport : {Transport::kUdp, Transport::kUdpTerse, Transport::kTcp}) {
    const auto bytes = answer(query, zone->get(), transport, rotation);
    if (!bytes) continue;
    ATOLL_CHECK(size >= 12 && bytes->size() >= 12);
    ATOLL_CHECK((data[2] & 0x80) == 0 && ((*bytes)[2] & 0x80) != 0);
    ATOLL_CHECK((*bytes)[0] == data[0] && (*bytes)[1] == data[1]);
    ATOLL_CHECK(bytes->size() <= (transport == Transport::kTcp ? kTcpBytesMax : kUdpBytesMax));
    // Over its limit a source gets no more than it sent: nothing to gain by forging it.
    if (transport == Transport::kUdpTerse) ATOLL_CHECK(bytes->size() <= size);
    ATOLL_CHECK(!answer(*bytes, zone->get(), transport, rotation));
  }
  return 0;
}
