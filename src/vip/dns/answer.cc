#include "vip/dns/answer.h"

#include <algorithm>

#include "vip/dns/reply.h"

namespace atl::vip::dns {
namespace {

// Types 128 to 255 are questions about messages, not kinds of data (RFC 6895, 3.1).
constexpr uint16_t kMetaTypeFirst = 128;
constexpr uint16_t kMetaTypeLast = 255;

size_t bytes_max(const Request& request, Transport transport) {
  if (transport == Transport::kTcp) return kTcpBytesMax;
  if (!request.edns) return kPlainUdpBytesMax;
  return std::clamp<size_t>(request.edns->udp_bytes, kPlainUdpBytesMax, kUdpBytesMax);
}

void add_addresses(const Zone& zone, const std::string& owner, const Data& data, Rotation& rotation,
                   Reply* reply) {
  const size_t count = data.addresses.size();
  if (count == 0) return;
  const size_t start = rotation.next(lower(owner), count);
  for (size_t i = 0; i < std::min(count, zone.addresses_per_answer()); ++i)
    reply->answer.push_back(address_record(owner, data.ttl_s, data.addresses[(start + i) % count]));
}

// The well ones from where it is their turn, then the draining ones.
void add_targets(const Zone& zone, const std::string& owner, const Data& data, Rotation& rotation,
                 Reply* reply) {
  const size_t count = data.targets.size();
  if (count == 0) return;
  const size_t well = static_cast<size_t>(
      std::count_if(data.targets.begin(), data.targets.end(),
                    [](const Target& target) { return target.priority == kPriorityWell; }));
  const size_t start = rotation.next(lower(owner), std::max<size_t>(well, 1));
  for (size_t i = 0; i < std::min(count, kNodesPerAnswer); ++i) {
    const Target& target = data.targets[i < well ? (start + i) % well : i];
    reply->answer.push_back(service_record(owner, data.ttl_s, target));
    const Data* host = zone.find(target.host);
    if (!host) continue;
    for (const Vip vip : host->addresses)
      reply->additional.push_back(address_record(target.host, host->ttl_s, vip));
  }
}

void add_servers(const Zone& zone, Reply* reply) {
  for (const Name& server : zone.servers()) {
    reply->answer.push_back(server_record(zone, server));
    const Data* host = zone.find(server);
    if (!host) continue;
    for (const Vip vip : host->addresses)
      reply->additional.push_back(address_record(server, host->ttl_s, vip));
  }
}

// ANY gets one of the sets that the name has (RFC 8482, 4.1).
uint16_t type_for_any(const Data& data) {
  if (data.apex) return LDNS_RR_TYPE_SOA;
  return data.targets.empty() ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_SRV;
}

void add_data(const Zone& zone, const Question& question, const Data& data, Rotation& rotation,
              Reply* reply) {
  const uint16_t type = question.type == LDNS_RR_TYPE_ANY ? type_for_any(data) : question.type;
  if (type == LDNS_RR_TYPE_A) add_addresses(zone, question.name, data, rotation, reply);
  if (type == LDNS_RR_TYPE_SRV) add_targets(zone, question.name, data, rotation, reply);
  if (type == LDNS_RR_TYPE_NS && data.apex) add_servers(zone, reply);
  if (type == LDNS_RR_TYPE_SOA && data.apex)
    reply->answer.push_back(soa_record(zone, question.name, kApexTtlSeconds));
}

Reply look_up(const Zone& zone, const Question& question, Rotation& rotation) {
  Reply reply;
  const uint16_t type = question.type;
  const Name name = lower(question.name);
  if (type == LDNS_RR_TYPE_OPT) {
    reply.code = LDNS_RCODE_FORMERR;
    return reply;
  }
  if (question.klass != LDNS_RR_CLASS_IN || !is_within(name, zone.apex()) ||
      type == LDNS_RR_TYPE_AXFR || type == LDNS_RR_TYPE_IXFR) {
    reply.code = LDNS_RCODE_REFUSED;
    return reply;
  }
  if (type != LDNS_RR_TYPE_ANY && type >= kMetaTypeFirst && type <= kMetaTypeLast) {
    reply.code = LDNS_RCODE_NOTIMPL;
    return reply;
  }
  reply.authoritative = true;
  if (const Data* data = zone.find(name))
    add_data(zone, question, *data, rotation, &reply);
  else
    reply.code = LDNS_RCODE_NXDOMAIN;
  // NXDOMAIN and NODATA alike: the SOA says how long to remember it (RFC 2308).
  if (reply.answer.empty())
    reply.authority.push_back(soa_record(zone, zone.apex(), zone.negative_ttl_s()));
  return reply;
}

}  // namespace

size_t Rotation::next(const Name& name, size_t count) {
  if (turns_.size() >= kRotationNamesMax && !turns_.contains(name)) turns_.clear();
  return turns_[name]++ % count;
}

std::optional<Bytes> answer(ByteSpan query, const Zone* zone, Transport transport,
                            Rotation& rotation) {
  const Request request = read_request(query);
  Reply reply;
  switch (request.form) {
    case Form::kDropped:
      return std::nullopt;
    case Form::kNotImplemented:
      reply.code = LDNS_RCODE_NOTIMPL;
      return encode(request, std::move(reply), kPlainUdpBytesMax);
    case Form::kMalformed: {
      // What was read of it may be nonsense; the header is not.
      Request header = request;
      header.edns.reset();
      reply.code = LDNS_RCODE_FORMERR;
      return encode(header, std::move(reply), kPlainUdpBytesMax);
    }
    case Form::kGood:
      break;
  }
  if (transport == Transport::kUdpTerse)
    reply.truncated = true;
  else if (request.edns && request.edns->version != 0)
    reply.bad_version = true;
  else if (!zone)
    reply.code = LDNS_RCODE_SERVFAIL;
  else
    reply = look_up(*zone, request.question, rotation);
  return encode(request, std::move(reply), bytes_max(request, transport));
}

}  // namespace atl::vip::dns
