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
  // The bytes from `skip` on of the word at `index`.
  const auto part = [&](uint64_t index, size_t skip, uint8_t* to, size_t n) {
    const uint64_t word = word_at(put, index);
    std::memcpy(to, reinterpret_cast<const uint8_t*>(&word) + skip, n);
  };
  uint8_t* to = out.data();
  size_t left = out.size();
  uint64_t index = offset / 8;
  if (const size_t skip = offset % 8; skip != 0) {
    const size_t n = std::min(8 - skip, left);
    part(index++, skip, to, n);
    to += n;
    left -= n;
  }
  for (; left >= 8; left -= 8, to += 8) part(index++, 0, to, 8);
  part(index, 0, to, left);
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
