#include "frontend/s3/xml.h"

#include <algorithm>
#include <charconv>

#include "frontend/s3/text.h"

namespace atl::s3 {
namespace {

// Bytes that cannot stand for themselves in text content. Tabs and line ends are escaped too,
// because parsers normalise them.
constexpr bool needs_escape(unsigned char c) {
  return c < 0x20 || c == '&' || c == '<' || c == '>' || c == '"' || c == 0x7f;
}

// U+FFFE and U+FFFF are the only characters above the controls that XML 1.0 forbids. In UTF-8 they
// are EF BF BE and EF BF BF.
constexpr unsigned char kNoncharacterLead = 0xef;

constexpr auto make_escape_table() {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) table[c] = needs_escape(static_cast<unsigned char>(c));
  table[kNoncharacterLead] = true;
  return table;
}
constexpr std::array<bool, 256> kEscape = make_escape_table();

// The parser is lenient: what it would let through as other text than XML says is refused before.
// Numeric references to NUL, to surrogates or past Unicode; references without a known name; a
// document type, which could name more; control characters, and what is not UTF-8.
bool is_sound_reference(std::string_view tail) {  // begins with '&'
  const size_t end = tail.substr(0, 16).find(';');
  if (end == std::string_view::npos) return false;
  std::string_view name = tail.substr(1, end - 1);
  if (!name.starts_with('#'))
    return name == "amp" || name == "lt" || name == "gt" || name == "quot" || name == "apos";
  name.remove_prefix(1);
  const bool hex = name.starts_with('x');
  if (hex) name.remove_prefix(1);
  uint64_t value = 0;
  const auto [last, error] =
      std::from_chars(name.data(), name.data() + name.size(), value, hex ? 16 : 10);
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  return error == std::errc() && last == name.data() + name.size() && value != 0 &&
         value <= 0x10ffff && !surrogate;
}

bool is_sound_text(std::string_view bytes) {
  constexpr std::string_view kCdata = "<![CDATA[";
  constexpr std::string_view kComment = "<!--";
  if (!is_valid_utf8(bytes)) return false;
  for (size_t at = 0; at < bytes.size(); ++at) {
    const auto c = static_cast<unsigned char>(bytes[at]);
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
    if (c == '&' && !is_sound_reference(bytes.substr(at))) return false;
    if (c != '<') continue;
    const std::string_view tail = bytes.substr(at);
    const bool cdata = tail.starts_with(kCdata);
    if (cdata || tail.starts_with(kComment)) {
      const size_t end = bytes.find(cdata ? "]]>" : "-->", at);
      if (end == std::string_view::npos) return false;
      at = end;
    } else if (tail.starts_with("<!")) {
      return false;
    }
  }
  return true;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

void append_xml_escaped(std::string* out, std::string_view text) {
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (!kEscape[c]) [[likely]]
      continue;
    if (c == kNoncharacterLead) {
      if (!is_xml_noncharacter(text.substr(i))) continue;
      out->append(text, start, i - start).append(text[i + 2] == '\xbe' ? "&#xfffe;" : "&#xffff;");
      start = i + kXmlNoncharacterBytes;
      i = start - 1;
      continue;
    }
    out->append(text, start, i - start);
    start = i + 1;
    switch (c) {
      case '&':
        out->append("&amp;");
        break;
      case '<':
        out->append("&lt;");
        break;
      case '>':
        out->append("&gt;");
        break;
      case '"':
        out->append("&quot;");
        break;
      default:
        fmt::format_to(std::back_inserter(*out), "&#x{:x};", static_cast<unsigned>(c));
    }
  }
  out->append(text, start);
}

XmlWriter::XmlWriter(size_t reserve, Kind kind) {
  out_.reserve(reserve);
  if (kind == Kind::kDocument) out_.append("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

XmlWriter& XmlWriter::open(std::string_view tag) {
  out_.push_back('<');
  out_.append(tag);
  out_.push_back('>');
  return *this;
}

XmlWriter& XmlWriter::open_root(std::string_view tag) {
  out_.push_back('<');
  out_.append(tag).append(" xmlns=\"").append(kXmlNamespace).append("\">");
  return *this;
}

XmlWriter& XmlWriter::close(std::string_view tag) {
  out_.append("</").append(tag).push_back('>');
  return *this;
}

XmlWriter& XmlWriter::text(std::string_view tag, std::string_view value) {
  open(tag);
  append_xml_escaped(&out_, value);
  return close(tag);
}

XmlWriter& XmlWriter::number(std::string_view tag, uint64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  open(tag);
  out_.append(digits, end);
  return close(tag);
}

XmlWriter& XmlWriter::boolean(std::string_view tag, bool value) {
  open(tag);
  out_.append(value ? "true" : "false");
  return close(tag);
}

XmlWriter& XmlWriter::content(std::string_view value) {
  append_xml_escaped(&out_, value);
  return *this;
}

XmlWriter& XmlWriter::raw(std::string_view xml) {
  out_.append(xml);
  return *this;
}

std::expected<XmlDocument, S3Error> XmlDocument::parse(std::string bytes,
                                                       std::string_view root_name) {
  if (bytes.size() > kXmlBytesMax) return std::unexpected(S3Error(err::kMaxMessageLengthExceeded));
  if (static_cast<size_t>(std::count(bytes.begin(), bytes.end(), '<')) > kXmlTagsMax)
    return std::unexpected(S3Error(err::kMaxMessageLengthExceeded));

  if (!is_sound_text(bytes)) return std::unexpected(S3Error(err::kMalformedXml));

  XmlDocument out;
  out.bytes_ = std::make_unique<std::string>(std::move(bytes));
  out.document_ = std::make_unique<pugi::xml_document>();
  // White space inside keys is kept; escapes are decoded; line ends are normalised, as XML says.
  const unsigned options = pugi::parse_escapes | pugi::parse_eol | pugi::parse_cdata |
                           pugi::parse_ws_pcdata_single | pugi::parse_fragment;
  const pugi::xml_parse_result parsed = out.document_->load_buffer_inplace(
      out.bytes_->data(), out.bytes_->size(), options, pugi::encoding_utf8);
  if (!parsed) return std::unexpected(S3Error(err::kMalformedXml));
  out.root_ = out.document_->document_element();
  // One root element, nothing after it, and the one that was asked for.
  for (pugi::xml_node node : out.document_->children()) {
    const bool other_element = node.type() == pugi::node_element && node != out.root_;
    if (other_element) return std::unexpected(S3Error(err::kMalformedXml));
  }
  if (has_loose_text(*out.document_) || has_loose_text(out.root_))
    return std::unexpected(S3Error(err::kMalformedXml));
  if (!out.root_ || local_name(out.root_) != root_name)
    return std::unexpected(S3Error(err::kMalformedXml));
  return out;
}

std::string_view local_name(pugi::xml_node node) {
  const std::string_view name = node.name();
  const size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

bool has_loose_text(pugi::xml_node node) {
  for (pugi::xml_node child : node.children())
    if ((child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) &&
        !is_blank(child.value()))
      return true;
  return false;
}

std::string text_of(pugi::xml_node node) {
  std::string out;
  for (pugi::xml_node child : node.children())
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) out += child.value();
  return out;
}

pugi::xml_node child_of(pugi::xml_node node, std::string_view name) {
  for (pugi::xml_node child : node.children())
    if (child.type() == pugi::node_element && local_name(child) == name) return child;
  return {};
}

std::optional<std::string> child_text(pugi::xml_node node, std::string_view name) {
  const pugi::xml_node child = child_of(node, name);
  if (!child) return std::nullopt;
  return text_of(child);
}

std::optional<uint64_t> parse_decimal(std::string_view text, uint64_t max) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > max)
    return std::nullopt;
  return value;
}

}  // namespace atl::s3
