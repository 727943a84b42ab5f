#include "frontend/s3/text.h"

#include <algorithm>

#include <fmt/format.h>

#include "frontend/s3/url.h"

namespace atl::s3 {

std::string percent_encode(std::string_view bytes, bool keep_slash) {
  std::string out;
  out.reserve(bytes.size() + 16);
  append_percent_encoded(bytes, keep_slash, &out);
  return out;
}

std::optional<std::string> percent_decode_text(std::string_view text, bool plus_is_blank) {
  std::string out;
  if (!append_percent_decoded(text, plus_is_blank, &out)) return std::nullopt;
  return out;
}

bool is_valid_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    const auto continues = [&](size_t at) { return (byte(at) & 0xc0) == 0x80; };
    const unsigned c = byte(i);
    if (c < 0x80) {
      i += 1;
    } else if (c >= 0xc2 && c <= 0xdf) {
      if (!continues(i + 1)) return false;
      i += 2;
    } else if (c >= 0xe0 && c <= 0xef) {
      if (!continues(i + 1) || !continues(i + 2)) return false;
      if (c == 0xe0 && byte(i + 1) < 0xa0) return false;  // overlong
      if (c == 0xed && byte(i + 1) > 0x9f) return false;  // surrogate
      i += 3;
    } else if (c >= 0xf0 && c <= 0xf4) {
      if (!continues(i + 1) || !continues(i + 2) || !continues(i + 3)) return false;
      if (c == 0xf0 && byte(i + 1) < 0x90) return false;  // overlong
      if (c == 0xf4 && byte(i + 1) > 0x8f) return false;  // past U+10FFFF
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}

size_t utf8_length(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

bool is_xml_noncharacter(std::string_view text) {
  return text.starts_with("\xef\xbf\xbe") || text.starts_with("\xef\xbf\xbf");
}

std::string printable(std::string_view text) {
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
  };
  const bool forbidden = text.find("\xef\xbf\xbe") != std::string_view::npos ||
                         text.find("\xef\xbf\xbf") != std::string_view::npos;
  if (!forbidden && is_valid_utf8(text) && std::none_of(text.begin(), text.end(), is_control))
    return std::string(text);
  std::string out;
  for (const char c : text) {
    if (is_control(c) || static_cast<unsigned char>(c) >= 0x80) {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

bool is_header_safe(std::string_view value) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
  }
  return true;
}

}  // namespace atl::s3
