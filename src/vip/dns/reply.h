// An answer under construction, in ldns's terms; for answer.cc only, as it brings ldns in.
//
// Owns its records. Threads: one.
#pragma once

#include <ldns/ldns.h>

#include <memory>
#include <optional>
#include <vector>

#include "vip/dns/request.h"
#include "vip/dns/zone.h"

namespace atl::vip::dns {

struct FreePacket {
  void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
};
struct FreeRecord {
  void operator()(ldns_rr* record) const { ldns_rr_free(record); }
};
using PacketPtr = std::unique_ptr<ldns_pkt, FreePacket>;
using RecordPtr = std::unique_ptr<ldns_rr, FreeRecord>;

RecordPtr address_record(const Name& owner, uint32_t ttl_s, Vip vip);
RecordPtr service_record(const Name& owner, uint32_t ttl_s, const Target& target);
RecordPtr server_record(const Zone& zone, const Name& server);
RecordPtr soa_record(const Zone& zone, const Name& owner, uint32_t ttl_s);

struct Reply {
  ldns_pkt_rcode code = LDNS_RCODE_NOERROR;
  bool bad_version = false;  // BADVERS, the one code here that needs EDNS's upper bits
  bool authoritative = false;
  bool truncated = false;
  std::vector<RecordPtr> answer;
  std::vector<RecordPtr> authority;
  std::vector<RecordPtr> additional;  // may be left out
};

// The message of at most `bytes_max`: additional records go first, halved until the rest fits; then
// all others, and the client is told by TC to come by TCP. Never a part of an answer: who takes one
// for the whole would not ask again.
std::optional<std::vector<uint8_t>> encode(const Request& request, Reply reply, size_t bytes_max);

}  // namespace atl::vip::dns
