#include "vip/dns/reply.h"

#include <array>
#include <cstdlib>

#include "vip/dns/answer.h"

namespace atl::vip::dns {
namespace {

// How secondaries and resolvers of old would treat the zone; there are no transfers, so that only
// `expire` says something: how long an unreachable zone could be believed.
constexpr uint32_t kRefreshSeconds = 3600;
constexpr uint32_t kRetrySeconds = 600;
constexpr uint32_t kExpireSeconds = 86400;

ldns_rdf* name_rdf(const std::string& wire) {
  return ldns_dname_new_frm_data(static_cast<uint16_t>(wire.size()), wire.data());
}

ldns_rdf* period_rdf(uint32_t seconds) {
  return ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, seconds);
}

RecordPtr record(const std::string& owner, ldns_rr_type type, uint32_t ttl_s) {
  RecordPtr out(ldns_rr_new());
  ldns_rr_set_owner(out.get(), name_rdf(owner));
  ldns_rr_set_type(out.get(), type);
  ldns_rr_set_class(out.get(), LDNS_RR_CLASS_IN);
  ldns_rr_set_ttl(out.get(), ttl_s);
  return out;
}

void push(ldns_pkt* packet, ldns_pkt_section section, const std::vector<RecordPtr>& records,
          size_t count) {
  for (size_t i = 0; i < count; ++i)
    ldns_pkt_push_rr(packet, section, ldns_rr_clone(records[i].get()));
}

PacketPtr build(const Request& request, const Reply& reply, size_t additional) {
  PacketPtr packet(ldns_pkt_new());
  ldns_pkt_set_id(packet.get(), request.id);
  ldns_pkt_set_qr(packet.get(), true);
  ldns_pkt_set_opcode(packet.get(), static_cast<ldns_pkt_opcode>(request.opcode));
  ldns_pkt_set_rd(packet.get(), request.recursion_desired);
  ldns_pkt_set_cd(packet.get(), request.checking_disabled);
  ldns_pkt_set_aa(packet.get(), reply.authoritative);
  ldns_pkt_set_tc(packet.get(), reply.truncated);
  ldns_pkt_set_rcode(packet.get(), static_cast<uint8_t>(reply.code));
  if (request.form == Form::kGood) {
    RecordPtr question =
        record(request.question.name, static_cast<ldns_rr_type>(request.question.type), 0);
    ldns_rr_set_class(question.get(), static_cast<ldns_rr_class>(request.question.klass));
    ldns_rr_set_question(question.get(), true);
    ldns_pkt_push_rr(packet.get(), LDNS_SECTION_QUESTION, question.release());
  }
  push(packet.get(), LDNS_SECTION_ANSWER, reply.answer, reply.answer.size());
  push(packet.get(), LDNS_SECTION_AUTHORITY, reply.authority, reply.authority.size());
  push(packet.get(), LDNS_SECTION_ADDITIONAL, reply.additional, additional);
  if (request.edns) {
    ldns_pkt_set_edns_udp_size(packet.get(), kUdpBytesMax);
    ldns_pkt_set_edns_do(packet.get(), request.edns->dnssec_ok);
    ldns_pkt_set_edns_extended_rcode(packet.get(), reply.bad_version ? 1 : 0);
  }
  return packet;
}

std::optional<std::vector<uint8_t>> to_wire(const ldns_pkt* packet) {
  uint8_t* bytes = nullptr;
  size_t size = 0;
  const ldns_status status = ldns_pkt2wire(&bytes, packet, &size);
  const std::unique_ptr<uint8_t, decltype(&std::free)> owned(bytes, &std::free);
  if (status != LDNS_STATUS_OK) return std::nullopt;
  return std::vector<uint8_t>(bytes, bytes + size);
}

}  // namespace

RecordPtr address_record(const Name& owner, uint32_t ttl_s, Vip vip) {
  const std::array<uint8_t, 4> bytes{
      static_cast<uint8_t>(vip.number >> 24), static_cast<uint8_t>(vip.number >> 16),
      static_cast<uint8_t>(vip.number >> 8), static_cast<uint8_t>(vip.number)};
  RecordPtr out = record(owner, LDNS_RR_TYPE_A, ttl_s);
  ldns_rr_push_rdf(out.get(), ldns_rdf_new_frm_data(LDNS_RDF_TYPE_A, bytes.size(), bytes.data()));
  return out;
}

RecordPtr service_record(const Name& owner, uint32_t ttl_s, const Target& target) {
  constexpr uint16_t kWeight = 1;  // all alike
  RecordPtr out = record(owner, LDNS_RR_TYPE_SRV, ttl_s);
  for (const uint16_t number : {target.priority, kWeight, target.port})
    ldns_rr_push_rdf(out.get(), ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, number));
  ldns_rr_push_rdf(out.get(), name_rdf(target.host));
  return out;
}

RecordPtr server_record(const Zone& zone, const Name& server) {
  RecordPtr out = record(zone.apex(), LDNS_RR_TYPE_NS, kApexTtlSeconds);
  ldns_rr_push_rdf(out.get(), name_rdf(server));
  return out;
}

RecordPtr soa_record(const Zone& zone, const Name& owner, uint32_t ttl_s) {
  RecordPtr out = record(owner, LDNS_RR_TYPE_SOA, ttl_s);
  ldns_rr_push_rdf(out.get(), name_rdf(zone.servers().front()));
  ldns_rr_push_rdf(out.get(), name_rdf(zone.mailbox()));
  ldns_rr_push_rdf(out.get(), ldns_native2rdf_int32(LDNS_RDF_TYPE_INT32, zone.serial()));
  ldns_rr_push_rdf(out.get(), period_rdf(kRefreshSeconds));
  ldns_rr_push_rdf(out.get(), period_rdf(kRetrySeconds));
  ldns_rr_push_rdf(out.get(), period_rdf(kExpireSeconds));
  ldns_rr_push_rdf(out.get(), period_rdf(zone.negative_ttl_s()));
  return out;
}

std::optional<std::vector<uint8_t>> encode(const Request& request, Reply reply, size_t bytes_max) {
  for (size_t additional = reply.additional.size();; additional /= 2) {
    auto message = to_wire(build(request, reply, additional).get());
    if (!message || message->size() <= bytes_max) return message;
    if (additional == 0) break;
  }
  reply.answer.clear();
  reply.authority.clear();
  reply.truncated = true;
  return to_wire(build(request, reply, 0).get());
}

}  // namespace atl::vip::dns
