#include "cloud/json_field.h"

#include <charconv>

namespace atl::cloud {
namespace json = boost::json;

namespace {
const json::array kNoList;
const json::value kNoObject = json::object();
}  // namespace

JsonFields::JsonFields(const json::value& value, std::string* trouble) : trouble_(trouble) {
  object_ = value.if_object();
  if (object_ == nullptr) wrong("", "not an object");
}

void JsonFields::wrong(std::string_view key, std::string_view what) {
  if (trouble_->empty()) *trouble_ = fmt::format("field '{}': {}", key, what);
}

// Null counts as absent.
const json::value* JsonFields::find(std::string_view key) const {
  if (object_ == nullptr) return nullptr;
  const json::value* value = object_->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string JsonFields::text(std::string_view key) {
  const json::value* value = find(key);
  if (value == nullptr) return {};
  if (const json::string* text = value->if_string()) return std::string(text->data(), text->size());
  wrong(key, "not a string");
  return {};
}

std::string JsonFields::required(std::string_view key) {
  std::string out = text(key);
  if (out.empty()) wrong(key, "missing");
  return out;
}

std::string JsonFields::name_of(std::string_view key) {
  const std::string link = text(key);
  if (link.empty()) return {};
  Result<std::string> name = name_in_link(link);
  if (!name) {
    wrong(key, name.error().message);
    return {};
  }
  return std::move(*name);
}

bool JsonFields::flag(std::string_view key) {
  const json::value* value = find(key);
  if (value == nullptr) return false;
  if (const bool* flag = value->if_bool()) return *flag;
  wrong(key, "not true or false");
  return false;
}

uint64_t JsonFields::number(std::string_view key, uint64_t otherwise) {
  const json::value* value = find(key);
  if (value == nullptr) return otherwise;
  if (const int64_t* number = value->if_int64(); number != nullptr && *number >= 0)
    return static_cast<uint64_t>(*number);
  if (const uint64_t* number = value->if_uint64()) return *number;
  if (const json::string* text = value->if_string(); text != nullptr && !text->empty()) {
    uint64_t out = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
    if (error == std::errc() && end == text->data() + text->size()) return out;
  }
  wrong(key, "not a whole number");
  return otherwise;
}

const json::array& JsonFields::list(std::string_view key) {
  const json::value* value = find(key);
  if (value == nullptr) return kNoList;
  const json::array* list = value->if_array();
  if (list == nullptr) {
    wrong(key, "not a list");
    return kNoList;
  }
  if (list->size() > kJsonListMax) {
    wrong(key, "a list over the limit");
    return kNoList;
  }
  return *list;
}

const json::value& JsonFields::object(std::string_view key) {
  const json::value* value = find(key);
  if (value == nullptr) return kNoObject;
  if (value->is_object()) return *value;
  wrong(key, "not an object");
  return kNoObject;
}

ResourceLink JsonFields::link(std::string_view key) {
  const std::string text = required(key);
  if (text.empty()) return {};
  Result<ResourceLink> link = parse_link(text);
  if (!link) {
    wrong(key, link.error().message);
    return {};
  }
  return std::move(*link);
}

Result<json::value> parse_json_object(std::string_view text) {
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  boost::system::error_code error;
  json::value value = json::parse(text, error, {}, options);
  if (error) return fail(Errc::kCorrupt, "no valid JSON: " + error.message());
  if (!value.is_object()) return fail(Errc::kCorrupt, "the JSON is no object");
  return value;
}

}  // namespace atl::cloud
