// The one way bytes are laid out, on disk and on the wire: little-endian integers, LEB128 varints,
// and strings as a varint length and their bytes.
//
// Encoder appends to a string. Decoder reads from a span and is sticky: after the first short or
// malformed field it yields zeros and `ok()` is false, so a caller checks once at the end. It never
// reads outside its span, whatever the bytes are (there is a fuzzer).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace atl {

static_assert(std::endian::native == std::endian::little, "formats are little-endian");

class Encoder {
 public:
  Encoder& u8(uint8_t v) {
    out_.push_back(static_cast<char>(v));
    return *this;
  }
  Encoder& u16(uint16_t v) { return raw(&v, sizeof v); }
  Encoder& u32(uint32_t v) { return raw(&v, sizeof v); }
  Encoder& u64(uint64_t v) { return raw(&v, sizeof v); }
  Encoder& varint(uint64_t v);
  Encoder& boolean(bool v) { return u8(v ? 1 : 0); }
  Encoder& str(std::string_view s);  // varint length, bytes
  Encoder& bytes(ByteSpan b) { return str(as_string_view(b)); }
  Encoder& raw(const void* data, size_t size) {
    out_.append(static_cast<const char*>(data), size);
    return *this;
  }
  Encoder& uuid(const Uuid& u) { return raw(u.bytes.data(), u.bytes.size()); }
  template <typename Tag, typename Rep>
  Encoder& id(StrongId<Tag, Rep> v) {
    return varint(v.value);
  }

  size_t size() const { return out_.size(); }
  const std::string& view() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class Decoder {
 public:
  explicit Decoder(ByteSpan in) : in_(in) {}
  explicit Decoder(std::string_view in) : in_(as_bytes(in)) {}

  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  uint64_t varint();
  bool boolean() { return u8() != 0; }
  std::string_view str();  // points into the input
  ByteSpan raw(size_t size);
  Uuid uuid();
  template <typename Id>
  Id id() {
    uint64_t v = varint();
    if (v > static_cast<typename Id::rep>(-1)) ok_ = false;
    return ok_ ? Id(static_cast<typename Id::rep>(v)) : Id();
  }

  // A count that is about to be looped over: fails when the rest of the input could not hold that
  // many elements of at least min_element_size bytes, so that a bad count cannot exhaust memory.
  size_t count(size_t min_element_size = 1);

  bool ok() const { return ok_; }
  bool at_end() const { return pos_ == in_.size(); }
  size_t remaining() const { return in_.size() - pos_; }
  size_t position() const { return pos_; }
  void poison() { ok_ = false; }
  // Success when all fields were there and nothing is left over.
  Status finish(std::string_view what) const;

 private:
  template <typename T>
  T fixed() {
    T v{};
    if (!ok_ || in_.size() - pos_ < sizeof v) {
      ok_ = false;
      return T{};
    }
    std::memcpy(&v, in_.data() + pos_, sizeof v);
    pos_ += sizeof v;
    return v;
  }

  ByteSpan in_;
  size_t pos_ = 0;
  bool ok_ = true;
};

// Big-endian integers keep their order as RocksDB keys.
void append_be64(std::string* out, uint64_t v);
void append_be32(std::string* out, uint32_t v);
uint64_t read_be64(const void* p);
uint32_t read_be32(const void* p);

}  // namespace atl
