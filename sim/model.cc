#include "model.h"

#include <cstring>

#include <fmt/format.h>

#include "base/check.h"

namespace atl::sim {
namespace {

uint64_t word_at(uint64_t put, uint64_t index) {
  uint64_t x = put * 0x9E3779B97F4A7C15ull + index * 0xBF58476D1CE4E5B9ull + 1;
  x ^= x >> 31;
  x *= 0x94D049BB133111EBull;
  return x ^ (x >> 29);
}

}  // namespace

void fill_content(uint64_t put, uint64_t offset, MutableByteSpan out) {
  uint64_t at = offset;
  uint8_t* to = out.data();
  uint8_t* const end = to + out.size();
  while (to != end) {
    const uint64_t word = word_at(put, at / 8);
    if (at % 8 == 0 && end - to >= 8) {
      std::memcpy(to, &word, 8);
      to += 8;
      at += 8;
      continue;
    }
    const size_t skip = at % 8;
    const size_t n = std::min<size_t>(8 - skip, static_cast<size_t>(end - to));
    std::memcpy(to, reinterpret_cast<const uint8_t*>(&word) + skip, n);
    to += n;
    at += n;
  }
}

std::optional<size_t> first_difference(uint64_t put, uint64_t offset, ByteSpan bytes) {
  std::vector<uint8_t> expected(bytes.size());
  fill_content(put, offset, expected);
  if (bytes.empty() || std::memcmp(bytes.data(), expected.data(), bytes.size()) == 0)
    return std::nullopt;
  size_t i = 0;
  while (bytes[i] == expected[i]) ++i;
  return i;
}

size_t KeyModel::start(Value value) {
  changes_.push_back({value, false});
  return changes_.size() - 1;
}

void KeyModel::acknowledge(size_t change) {
  ATOLL_CHECK(change > acknowledged_ && change < changes_.size());
  ATOLL_CHECK(!changes_[change].refused);
  acknowledged_ = change;
}

void KeyModel::refuse(size_t change) {
  ATOLL_CHECK(change > acknowledged_ && change < changes_.size());
  changes_[change].refused = true;
}

bool KeyModel::may_see(size_t mark, Value value) const {
  for (size_t i = mark; i < changes_.size(); ++i)
    if (!changes_[i].refused && changes_[i].value == value) return true;
  return false;
}

void KeyModel::settle(Value seen) {
  changes_.clear();
  changes_.push_back({seen, false});
  acknowledged_ = 0;
}

bool KeyModel::open() const {
  for (size_t i = acknowledged_ + 1; i < changes_.size(); ++i)
    if (!changes_[i].refused) return true;
  return false;
}

std::string KeyModel::describe() const {
  std::string out;
  for (size_t i = acknowledged_; i < changes_.size(); ++i) {
    const Change& c = changes_[i];
    out +=
        fmt::format("{}put {} ({} bytes){}", out.empty() ? "" : " or ", c.value.put, c.value.size,
                    c.refused            ? " (refused)"
                    : i == acknowledged_ ? " (acknowledged)"
                                         : " (open)");
  }
  return out;
}

}  // namespace atl::sim
