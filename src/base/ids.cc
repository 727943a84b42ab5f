#include "base/ids.h"

#include "base/bytes.h"

namespace atl {

std::string Uuid::to_string() const {
  const std::string hex = to_hex(bytes);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

bool Uuid::parse(std::string_view text, Uuid* out) {
  if (text.size() != 36) return false;
  std::string hex;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return false;
    if (!dash) hex.push_back(text[i]);
  }
  return from_hex(hex, out->bytes);
}

}  // namespace atl
