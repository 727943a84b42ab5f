#include "vip/dns/request.h"

#include <ldns/ldns.h>

namespace atl::vip::dns {
namespace {

constexpr size_t kLabelBytesMax = 63;

// Takes fields from the front; after the first that is not there nothing is taken any more.
class Reader {
 public:
  Reader(ByteSpan message, size_t at) : message_(message), at_(at) {}

  bool good() const { return good_; }
  bool at_end() const { return good_ && at_ == message_.size(); }
  uint8_t byte() { return take(1) ? message_[at_ - 1] : 0; }
  uint16_t number16() { return take(2) ? ldns_read_uint16(message_.data() + at_ - 2) : 0; }
  void skip(size_t n) { (void)take(n); }

  // A whole name without pointers.
  std::string name() {
    const size_t start = at_;
    for (uint8_t length = byte(); good_ && length != 0; length = byte()) {
      if (length > kLabelBytesMax || at_ - start + length >= LDNS_MAX_DOMAINLEN) good_ = false;
      skip(length);
    }
    if (!good_) return {};
    return std::string(as_string_view(message_.subspan(start, at_ - start)));
  }
  // Any name; true for the root.
  bool skip_name() {
    const size_t start = at_;
    for (uint8_t length = byte(); good_ && length != 0; length = byte()) {
      if (length > kLabelBytesMax) {  // a pointer: two bytes, the last of a name
        good_ = good_ && length >= 0xc0;
        skip(1);
        return false;
      }
      skip(length);
    }
    return good_ && at_ - start == 1;
  }

 private:
  bool take(size_t n) {
    good_ = good_ && message_.size() - at_ >= n;
    if (good_) at_ += n;
    return good_;
  }

  ByteSpan message_;
  size_t at_;
  bool good_ = true;
};

// One record after the question. False: malformed.
bool read_record(Reader* in, bool additional, std::optional<Edns>* edns) {
  const bool root = in->skip_name();
  const uint16_t type = in->number16();
  Edns seen;
  seen.udp_bytes = in->number16();  // of OPT; the class of others
  (void)in->byte();                 // the upper bits of the response code: zero in queries
  seen.version = in->byte();
  seen.dnssec_ok = (in->number16() & 0x8000) != 0;
  in->skip(in->number16());
  if (!in->good()) return false;
  if (type != LDNS_RR_TYPE_OPT) return true;
  if (!root || !additional || *edns) return false;  // RFC 6891, 6.1.1
  *edns = seen;
  return true;
}

bool read_body(ByteSpan query, Request* out) {
  const uint8_t* header = query.data();
  const size_t before = size_t{LDNS_ANCOUNT(header)} + LDNS_NSCOUNT(header);
  const size_t records = before + LDNS_ARCOUNT(header);
  if (LDNS_QDCOUNT(header) != 1 || records > kQueryRecordsMax) return false;  // RFC 9619
  Reader in(query, LDNS_HEADER_SIZE);
  out->question.name = in.name();
  out->question.type = in.number16();
  out->question.klass = in.number16();
  if (!in.good()) return false;
  for (size_t i = 0; i < records; ++i)
    if (!read_record(&in, i >= before, &out->edns)) return false;
  return in.at_end();
}

}  // namespace

Request read_request(ByteSpan query) {
  Request out;
  if (query.size() < LDNS_HEADER_SIZE || query.size() > kQueryBytesMax) return out;
  const uint8_t* header = query.data();
  if (LDNS_QR_WIRE(header)) return out;
  out.id = LDNS_ID_WIRE(header);
  out.opcode = LDNS_OPCODE_WIRE(header);
  out.recursion_desired = LDNS_RD_WIRE(header) != 0;
  out.checking_disabled = LDNS_CD_WIRE(header) != 0;
  if (out.opcode != LDNS_PACKET_QUERY) {
    out.form = Form::kNotImplemented;
    return out;
  }
  out.form = read_body(query, &out) ? Form::kGood : Form::kMalformed;
  return out;
}

}  // namespace atl::vip::dns
