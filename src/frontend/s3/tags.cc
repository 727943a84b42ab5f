#include "frontend/s3/tags.h"

#include <set>

#include "frontend/s3/text.h"
#include "frontend/s3/url.h"

namespace atl::s3 {
namespace {

// Letters, digits, white space and + - = . _ : / @; letters of other scripts are letters.
bool is_tag_text(std::string_view text) {
  if (!is_valid_utf8(text)) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter_or_digit =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || byte >= 0x80;
    if (!letter_or_digit && std::string_view(" \t+-=._:/@").find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

std::expected<void, S3Error> check_tags(const ns::Tags& tags, size_t tags_max) {
  if (tags.size() > tags_max)
    return std::unexpected(S3Error(
        err::kBadRequest, fmt::format("{} tags cannot be greater than {}",
                                      tags_max == kObjectTagsMax ? "Object" : "Bucket", tags_max)));
  std::set<std::string_view> keys;
  for (const auto& [key, value] : tags) {
    if (key.empty() || !is_tag_text(key) || utf8_length(key) > kTagKeyCharsMax ||
        key.starts_with("aws:"))
      return std::unexpected(S3Error(err::kInvalidTag, "The TagKey you have provided is invalid"));
    if (!is_tag_text(value) || utf8_length(value) > kTagValueCharsMax)
      return std::unexpected(
          S3Error(err::kInvalidTag, "The TagValue you have provided is invalid"));
    if (!keys.insert(key).second)
      return std::unexpected(
          S3Error(err::kInvalidTag, "Cannot provide multiple Tags with the same key"));
  }
  return {};
}

}  // namespace

std::expected<ns::Tags, S3Error> parse_tagging_header(std::string_view header) {
  Query query;
  if (parse_query(header, &query))
    return std::unexpected(
        S3Error(err::kInvalidArgument,
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
                "parameters without tag name duplicates."));
  ns::Tags tags;
  for (const Query::Param& param : query) tags.emplace_back(param.key, param.value);
  if (auto ok = check_tags(tags, kObjectTagsMax); !ok)
    return std::unexpected(std::move(ok).error());
  return tags;
}

std::expected<ns::Tags, S3Error> parse_tagging_document(std::string body, size_t tags_max) {
  auto document = XmlDocument::parse(std::move(body), "Tagging");
  if (!document) return std::unexpected(std::move(document).error());
  const pugi::xml_node tag_set = child_of(document->root(), "TagSet");
  if (!tag_set) return std::unexpected(S3Error(err::kMalformedXml));
  ns::Tags tags;
  for (pugi::xml_node tag : tag_set.children()) {
    if (tag.type() != pugi::node_element) continue;
    auto key = child_text(tag, "Key");
    auto value = child_text(tag, "Value");
    if (local_name(tag) != "Tag" || !key || !value)
      return std::unexpected(S3Error(err::kMalformedXml));
    tags.emplace_back(std::move(*key), std::move(*value));
  }
  if (auto ok = check_tags(tags, tags_max); !ok) return std::unexpected(std::move(ok).error());
  return tags;
}

std::string tagging_document(const ns::Tags& tags) {
  XmlWriter xml;
  xml.open_root("Tagging").open("TagSet");
  for (const auto& [key, value] : tags)
    xml.open("Tag").text("Key", key).text("Value", value).close("Tag");
  return xml.close("TagSet").close("Tagging").take();
}

}  // namespace atl::s3
