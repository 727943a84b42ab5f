// XML as S3 speaks it: a small escaping writer, and bounded reading by pugixml.
//
// The writer appends to one string and keeps no tree: a page of 1,000 keys takes well under a
// millisecond. Characters that XML cannot hold are written as numeric references, as S3 does;
// clients that must read such keys ask for encoding-type=url.
//
// The reader refuses, before it builds anything, documents over kXmlBytesMax or with more than
// kXmlTagsMax tags, so that a request cannot exhaust memory. Document types are skipped and
// entities other than the five of XML are not expanded. Namespaces and prefixes are ignored, as S3
// does.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <pugixml.hpp>

#include "base/units.h"
#include "frontend/s3/errors.h"

namespace atl::s3 {

inline constexpr std::string_view kXmlNamespace = "http://s3.amazonaws.com/doc/2006-03-01/";

// 1,000 keys of 1,024 bytes, each byte escaped by six; or 10,000 parts with all their checksums.
inline constexpr size_t kXmlBytesMax = 8u << 20;
// 10,000 parts with number, etag and five checksums, opened and closed, and room for more.
inline constexpr size_t kXmlTagsMax = 200'000;

void append_xml_escaped(std::string* out, std::string_view text);

class XmlWriter {
 public:
  enum class Kind { kDocument, kFragment };  // with or without the XML declaration
  explicit XmlWriter(size_t reserve = 512, Kind kind = Kind::kDocument);

  XmlWriter& open(std::string_view tag);
  XmlWriter& open_root(std::string_view tag);  // with S3's namespace
  XmlWriter& close(std::string_view tag);
  XmlWriter& text(std::string_view tag, std::string_view value);  // <tag>value</tag>
  XmlWriter& number(std::string_view tag, uint64_t value);
  XmlWriter& boolean(std::string_view tag, bool value);
  XmlWriter& content(std::string_view value);  // escaped text between an open and a close
  XmlWriter& raw(std::string_view xml);        // a fragment, as it is
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// A parsed document. Nodes live as long as it does.
class XmlDocument {
 public:
  // MalformedXML unless it is well-formed and its root element has that name.
  static std::expected<XmlDocument, S3Error> parse(std::string bytes, std::string_view root_name);
  pugi::xml_node root() const { return root_; }

 private:
  std::unique_ptr<std::string> bytes_;  // pugixml parses in place
  std::unique_ptr<pugi::xml_document> document_;
  pugi::xml_node root_;
};

// The name without its prefix.
std::string_view local_name(pugi::xml_node node);
// Text that is not blank stands directly below the node: wrong where elements are expected.
bool has_loose_text(pugi::xml_node node);
// All text directly below the node.
std::string text_of(pugi::xml_node node);
// The first child element of that local name; empty node when there is none.
pugi::xml_node child_of(pugi::xml_node node, std::string_view name);
std::optional<std::string> child_text(pugi::xml_node node, std::string_view name);
// Decimal digits only, at most `max`.
std::optional<uint64_t> parse_decimal(std::string_view text, uint64_t max);

}  // namespace atl::s3
