// For tests: queries made by hand, byte by byte, and answers as text, read by ldns.
#pragma once

#include <ldns/ldns.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace atl::vip::dns {

struct Ask {
  std::string name;  // "door.storage.example"
  uint16_t type = LDNS_RR_TYPE_A;
  uint16_t klass = 1;
  uint8_t opcode = 0;
  bool recursion = false;
  std::optional<uint16_t> edns_bytes;
  uint8_t edns_version = 0;
  bool dnssec_ok = false;
};

inline void put16(std::vector<uint8_t>* out, uint16_t value) {
  out->push_back(static_cast<uint8_t>(value >> 8));
  out->push_back(static_cast<uint8_t>(value));
}

inline std::vector<uint8_t> query_of(const Ask& ask) {
  std::vector<uint8_t> out{0x12, 0x34, static_cast<uint8_t>(ask.opcode << 3 | ask.recursion), 0};
  put16(&out, 1);
  put16(&out, 0);
  put16(&out, 0);
  put16(&out, ask.edns_bytes ? 1 : 0);
  for (size_t at = 0; at < ask.name.size();) {
    const size_t dot = std::min(ask.name.find('.', at), ask.name.size());
    out.push_back(static_cast<uint8_t>(dot - at));
    for (; at < dot; ++at) out.push_back(static_cast<uint8_t>(ask.name[at]));
    ++at;
  }
  out.push_back(0);
  put16(&out, ask.type);
  put16(&out, ask.klass);
  if (!ask.edns_bytes) return out;
  out.push_back(0);
  put16(&out, LDNS_RR_TYPE_OPT);
  put16(&out, *ask.edns_bytes);
  out.push_back(0);
  out.push_back(ask.edns_version);
  put16(&out, ask.dnssec_ok ? 0x8000 : 0);
  put16(&out, 0);
  return out;
}

using Lines = std::vector<std::string>;

// An answer as it was read back.
struct Seen {
  bool there = false;  // false: nothing came, or ldns could not read it
  size_t bytes = 0;
  int code = -1;
  bool aa = false, tc = false, ra = false, rd = false;
  bool edns = false, dnssec_ok = false;
  uint16_t edns_bytes = 0;
  int extended_code = 0;
  Lines question, answer, authority, additional;  // "name. ttl class type data", tabs as blanks
};

inline Lines lines_of(const ldns_rr_list* list) {
  Lines out;
  for (size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
    const std::unique_ptr<char, decltype(&std::free)> text(ldns_rr2str(ldns_rr_list_rr(list, i)),
                                                           &std::free);
    std::string line(text.get());
    while (!line.empty() && line.back() == '\n') line.pop_back();
    for (char& c : line)
      if (c == '\t') c = ' ';
    out.push_back(line);
  }
  return out;
}

inline Seen seen_in(ByteSpan message) {
  Seen seen;
  ldns_pkt* raw = nullptr;
  if (ldns_wire2pkt(&raw, message.data(), message.size()) != LDNS_STATUS_OK) return seen;
  const std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)> packet(raw, &ldns_pkt_free);
  seen.there = ldns_pkt_qr(raw) && ldns_pkt_id(raw) == 0x1234;
  seen.bytes = message.size();
  seen.code = ldns_pkt_get_rcode(raw);
  seen.aa = ldns_pkt_aa(raw);
  seen.tc = ldns_pkt_tc(raw);
  seen.ra = ldns_pkt_ra(raw);
  seen.rd = ldns_pkt_rd(raw);
  seen.edns = ldns_pkt_edns(raw);
  seen.dnssec_ok = seen.edns && ldns_pkt_edns_do(raw);
  seen.edns_bytes = ldns_pkt_edns_udp_size(raw);
  seen.extended_code = ldns_pkt_edns_extended_rcode(raw) << 4 | seen.code;
  seen.question = lines_of(ldns_pkt_question(raw));
  seen.answer = lines_of(ldns_pkt_answer(raw));
  seen.authority = lines_of(ldns_pkt_authority(raw));
  seen.additional = lines_of(ldns_pkt_additional(raw));
  return seen;
}

}  // namespace atl::vip::dns
