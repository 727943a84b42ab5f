#include "namespace/records_meta.h"

#include <algorithm>

#include "namespace/records.h"

namespace atl::ns {

namespace {

constexpr size_t kMd5Hex = 32;

enum class EtagForm : uint8_t { kText = 0, kMd5 = 1, kMd5Parts = 2 };

bool is_lower_hex(std::string_view s) {
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The N of "<md5>-N", or 0 when it is not written just as std::to_string writes it.
uint64_t part_count_of(std::string_view digits) {
  if (digits.empty() || digits.size() > 9 || digits[0] == '0') return 0;
  uint64_t n = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return 0;
    n = n * 10 + static_cast<uint64_t>(c - '0');
  }
  return n;
}

void encode_map(Encoder& e, const std::map<std::string, std::string>& map) {
  e.varint(map.size());
  for (const auto& [name, value] : map) e.str(name).str(value);
}

std::map<std::string, std::string> decode_map(Decoder& d) {
  std::map<std::string, std::string> map;
  for (size_t n = d.count(2); n > 0 && d.ok(); --n) {
    std::string name(d.str());
    map[std::move(name)] = std::string(d.str());
  }
  return map;
}

}  // namespace

void encode_etag(Encoder& e, std::string_view etag) {
  uint8_t md5[kMd5Hex / 2];
  if (etag.size() >= kMd5Hex && is_lower_hex(etag.substr(0, kMd5Hex)) &&
      from_hex(etag.substr(0, kMd5Hex), md5)) {
    if (etag.size() == kMd5Hex) {
      e.u8(static_cast<uint8_t>(EtagForm::kMd5)).raw(md5, sizeof md5);
      return;
    }
    const uint64_t parts = etag[kMd5Hex] == '-' ? part_count_of(etag.substr(kMd5Hex + 1)) : 0;
    if (parts != 0) {
      e.u8(static_cast<uint8_t>(EtagForm::kMd5Parts)).raw(md5, sizeof md5).varint(parts);
      return;
    }
  }
  e.u8(static_cast<uint8_t>(EtagForm::kText)).str(etag);
}

std::string decode_etag(Decoder& d) {
  switch (static_cast<EtagForm>(d.u8())) {
    case EtagForm::kText:
      return std::string(d.str());
    case EtagForm::kMd5:
      return to_hex(d.raw(kMd5Hex / 2));
    case EtagForm::kMd5Parts: {
      std::string etag = to_hex(d.raw(kMd5Hex / 2));
      return etag + "-" + std::to_string(d.varint());
    }
  }
  d.poison();
  return {};
}

void encode_tags(Encoder& e, const Tags& tags) {
  e.varint(tags.size());
  for (const auto& [name, value] : tags) e.str(name).str(value);
}

Tags decode_tags(Decoder& d) {
  Tags tags;
  for (size_t n = d.count(2); n > 0 && d.ok(); --n) {
    std::string name(d.str());
    std::string value(d.str());
    tags.emplace_back(std::move(name), std::move(value));
  }
  return tags;
}

ChecksumAlgorithm decode_checksum_algorithm(Decoder& d) {
  const uint8_t v = d.u8();
  if (v > static_cast<uint8_t>(ChecksumAlgorithm::kSha256)) d.poison();
  return d.ok() ? static_cast<ChecksumAlgorithm>(v) : ChecksumAlgorithm::kNone;
}

void encode_checksum(Encoder& e, const Checksum& checksum) {
  e.u8(static_cast<uint8_t>(checksum.algorithm));
  if (checksum.algorithm == ChecksumAlgorithm::kNone) return;
  e.boolean(checksum.composite).str(checksum.value);
}

Checksum decode_checksum(Decoder& d) {
  Checksum c;
  c.algorithm = decode_checksum_algorithm(d);
  if (c.algorithm == ChecksumAlgorithm::kNone) return c;
  c.composite = d.boolean();
  c.value = std::string(d.str());
  return c;
}

void encode_meta(Encoder& e, const ObjectMeta& meta) {
  encode_etag(e, meta.etag);
  encode_map(e, meta.headers);
  encode_map(e, meta.user_metadata);
  encode_tags(e, meta.tags);
  e.str(meta.storage_class);
  encode_checksum(e, meta.checksum);
  e.varint(meta.parts.size());
  for (const ObjectPart& part : meta.parts) {
    e.varint(part.number).varint(part.size);
    encode_checksum(e, part.checksum);
  }
}

ObjectMeta decode_meta(Decoder& d) {
  ObjectMeta meta;
  meta.etag = decode_etag(d);
  meta.headers = decode_map(d);
  meta.user_metadata = decode_map(d);
  meta.tags = decode_tags(d);
  meta.storage_class = std::string(d.str());
  meta.checksum = decode_checksum(d);
  for (size_t n = d.count(3); n > 0 && d.ok(); --n) {
    ObjectPart part;
    const uint64_t number = d.varint();
    if (number > UINT32_MAX) d.poison();
    part.number = static_cast<uint32_t>(number);
    part.size = d.varint();
    part.checksum = decode_checksum(d);
    meta.parts.push_back(std::move(part));
  }
  return meta;
}

void encode_time_near(Encoder& e, Nanos t, Nanos base) {
  const uint64_t delta = static_cast<uint64_t>(t.count()) - static_cast<uint64_t>(base.count());
  // Zigzag: small distances in either direction take few bytes.
  e.varint((delta << 1) ^ (0 - (delta >> 63)));
}

Nanos decode_time_near(Decoder& d, Nanos base) {
  const uint64_t z = d.varint();
  const uint64_t delta = (z >> 1) ^ (0 - (z & 1));
  return Nanos(static_cast<int64_t>(static_cast<uint64_t>(base.count()) + delta));
}

}  // namespace atl::ns
