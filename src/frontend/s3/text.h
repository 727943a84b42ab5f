// Small text forms that S3 needs: percent encoding, UTF-8. Pure functions.
// (Dates are in http_date.h.)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace atl::s3 {

// url.h's two, as values. A blank becomes %20, which decoders that take '+' for a blank and those
// that do not agree on.
std::string percent_encode(std::string_view bytes, bool keep_slash);
std::optional<std::string> percent_decode_text(std::string_view text, bool plus_is_blank);

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF.
bool is_valid_utf8(std::string_view text);
// Code points of valid UTF-8.
size_t utf8_length(std::string_view text);
// The text itself where an XML document can hold it; otherwise percent-encoded: what is not UTF-8,
// control characters, U+FFFE and U+FFFF.
std::string printable(std::string_view text);
// U+FFFE or U+FFFF, which XML cannot hold, at the text's beginning.
bool is_xml_noncharacter(std::string_view text);
inline constexpr size_t kXmlNoncharacterBytes = 3;
// True when a header value can be sent as it is: no control characters.
bool is_header_safe(std::string_view value);

}  // namespace atl::s3
