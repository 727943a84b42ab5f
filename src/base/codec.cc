#include "base/codec.h"

#include <fmt/format.h>

namespace atl {

Encoder& Encoder::varint(uint64_t v) {
  while (v >= 0x80) {
    out_.push_back(static_cast<char>(v | 0x80));
    v >>= 7;
  }
  out_.push_back(static_cast<char>(v));
  return *this;
}

Encoder& Encoder::str(std::string_view s) {
  varint(s.size());
  out_.append(s);
  return *this;
}

uint64_t Decoder::varint() {
  uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = u8();
    if (!ok_) return 0;
    if (shift == 63 && byte > 1) break;  // over 64 bits
    v |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return v;
  }
  ok_ = false;
  return 0;
}

std::string_view Decoder::str() {
  const uint64_t size = varint();
  if (!ok_ || size > remaining()) {
    ok_ = false;
    return {};
  }
  return as_string_view(raw(size));
}

ByteSpan Decoder::raw(size_t size) {
  if (!ok_ || size > remaining()) {
    ok_ = false;
    return {};
  }
  const ByteSpan out = in_.subspan(pos_, size);
  pos_ += size;
  return out;
}

Uuid Decoder::uuid() {
  Uuid out;
  const ByteSpan b = raw(out.bytes.size());
  if (ok_) std::memcpy(out.bytes.data(), b.data(), b.size());
  return out;
}

size_t Decoder::count(size_t min_element_size) {
  const uint64_t n = varint();
  if (!ok_ || n > remaining() / (min_element_size == 0 ? 1 : min_element_size)) {
    ok_ = false;
    return 0;
  }
  return n;
}

Status Decoder::finish(std::string_view what) const {
  if (!ok_) return fail(Errc::kCorrupt, fmt::format("{}: malformed or cut short", what));
  if (!at_end())
    return fail(Errc::kCorrupt, fmt::format("{}: {} bytes left over", what, remaining()));
  return {};
}

void append_be64(std::string* out, uint64_t v) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(v >> shift));
}
void append_be32(std::string* out, uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(v >> shift));
}
uint64_t read_be64(const void* p) {
  uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap64(v);
}
uint32_t read_be32(const void* p) {
  uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap32(v);
}

}  // namespace atl
