// A query as it came, taken apart and checked; untrusted bytes.
//
// Names are never followed through compression pointers: the question is the first name of its
// message and has nothing to point to, and the others are only stepped over. (ldns follows up to
// 65,535 pointers, which is what a loop of them would cost for each packet.)
//
// Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace atl::vip::dns {

// A question has at most 12 + 255 + 4 bytes; the rest is room for EDNS options (cookies, padding,
// client subnets), which are ignored.
inline constexpr size_t kQueryBytesMax = 4096;
// Besides the question: OPT, a signature, and the SOA of an IXFR.
inline constexpr size_t kQueryRecordsMax = 4;

struct Question {
  std::string name;  // wire form, as spelled by the client
  uint16_t type = 0;
  uint16_t klass = 0;
};

struct Edns {
  uint16_t udp_bytes = 0;
  uint8_t version = 0;
  bool dnssec_ok = false;
};

enum class Form : uint8_t {
  kDropped,  // no header, or itself an answer: two servers must not answer each other for ever
  kNotImplemented,  // an opcode other than QUERY: the rest may mean anything and was not read
  kMalformed,
  kGood,
};

struct Request {
  Form form = Form::kDropped;
  uint16_t id = 0;
  uint8_t opcode = 0;
  bool recursion_desired = false;
  bool checking_disabled = false;
  Question question;         // of a good one
  std::optional<Edns> edns;  // of a good one
};

Request read_request(ByteSpan query);

}  // namespace atl::vip::dns
