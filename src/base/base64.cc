// RFC 4648 base64, strict: every byte string has one text, and only that is read back.

#include <array>

#include "base/hash.h"

namespace atl {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static_assert(kAlphabet.size() == 64);

constexpr int8_t kNone = -1;
constexpr std::array<int8_t, 256> make_values() {
  std::array<int8_t, 256> values{};
  values.fill(kNone);
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  return values;
}
constexpr std::array<int8_t, 256> kValues = make_values();

}  // namespace

std::string to_base64(ByteSpan bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t left = bytes.size() - at;
    const uint32_t b1 = left > 1 ? bytes[at + 1] : 0;
    const uint32_t b2 = left > 2 ? bytes[at + 2] : 0;
    const uint32_t group = bytes[at] << 16 | b1 << 8 | b2;
    out.push_back(kAlphabet[group >> 18]);
    out.push_back(kAlphabet[group >> 12 & 63]);
    out.push_back(left > 1 ? kAlphabet[group >> 6 & 63] : '=');
    out.push_back(left > 2 ? kAlphabet[group & 63] : '=');
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (size_t at = 0; at < text.size(); at += 4) {
    const size_t digits = at + 4 == text.size() ? 4 - padding : 4;
    uint32_t group = 0;
    for (size_t i = 0; i < 4; ++i) {
      int8_t value = i < digits ? kValues[static_cast<uint8_t>(text[at + i])] : int8_t{0};
      if (value == kNone) return std::nullopt;
      group = group << 6 | static_cast<uint32_t>(value);
    }
    // 2 digits make one byte and 4 spare bits, 3 make two and 2: those must be zero.
    if (digits == 2 && (group & 0xffff) != 0) return std::nullopt;
    if (digits == 3 && (group & 0xff) != 0) return std::nullopt;
    out.push_back(static_cast<char>(group >> 16));
    if (digits > 2) out.push_back(static_cast<char>(group >> 8));
    if (digits > 3) out.push_back(static_cast<char>(group));
  }
  return out;
}

}  // namespace atl
