// Fields of the JSON documents that the report reads, with a memory for what was wrong: read all,
// check once, at the end.
//
// For report_input.cc and report_scale.cc only, as it brings Boost.JSON in.
#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "lab/report_input.h"

namespace atl::lab {

// kTooLarge, and kInvalidArgument when it is no JSON.
inline Result<boost::json::value> parse_report_json(std::string_view text,
                                                    const std::string& file) {
  if (text.size() > kReportInputMax)
    return fail(Errc::kTooLarge, fmt::format("{}: longer than {} bytes", file, kReportInputMax));
  boost::json::error_code error;
  boost::json::value root = boost::json::parse(text, error);
  if (error)
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: this is not JSON ({}); wanted is what `atoll lab vip --json` or "
                            "`atoll lab scale --json` prints",
                            file, error.message()));
  return root;
}

// Of one object; the first thing that is wrong stays in `trouble`.
class Fields {
 public:
  Fields(const boost::json::value& value, std::string path, std::string* trouble)
      : path_(std::move(path)), trouble_(trouble), object_(value.if_object()) {
    if (object_ == nullptr) wrong("", "is an object");
  }

  double number(std::string_view key) {
    const boost::json::value* value = need(key);
    if (value == nullptr) return 0;
    boost::json::error_code error;
    const auto number = value->is_number() ? value->to_number<double>(error) : std::nan("");
    if (!error && std::isfinite(number) && number >= 0) return number;
    wrong(key, "is a number that is not negative");
    return 0;
  }
  uint64_t count(std::string_view key) {
    const boost::json::value* value = need(key);
    if (value == nullptr) return 0;
    boost::json::error_code error;
    const auto number = value->is_number() ? value->to_number<uint64_t>(error) : 0;
    if (!error && value->is_number()) return number;
    wrong(key, "is a whole number that is not negative");
    return 0;
  }
  std::string text(std::string_view key) { return text_of(key, need(key)); }
  std::string optional_text(std::string_view key) { return text_of(key, find(key)); }
  bool flag(std::string_view key) {
    const boost::json::value* value = need(key);
    if (value != nullptr && !value->is_bool()) wrong(key, "is true or false");
    return value != nullptr && value->is_bool() && value->get_bool();
  }
  const boost::json::array& list(std::string_view key) {
    static const boost::json::array kEmpty;
    const boost::json::value* value = need(key);
    if (value == nullptr || value->is_array()) return value ? value->get_array() : kEmpty;
    wrong(key, "is a list");
    return kEmpty;
  }
  const boost::json::value& object(std::string_view key) {
    static const boost::json::value kEmpty = boost::json::object();
    const boost::json::value* value = need(key);
    return value != nullptr ? *value : kEmpty;
  }
  bool has(std::string_view key) const {
    const boost::json::value* value = find(key);
    return value != nullptr && !value->is_null();
  }
  std::string below(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }
  std::string below(std::string_view key, size_t index) const {
    return fmt::format("{}[{}]", below(key), index);
  }
  void wrong(std::string_view key, std::string_view what) {
    if (!trouble_->empty()) return;
    const std::string place = key.empty() ? path_ : below(key);
    *trouble_ =
        place.empty() ? fmt::format("the document {}", what) : fmt::format("{} {}", place, what);
  }

 private:
  const boost::json::value* find(std::string_view key) const {
    return object_ == nullptr ? nullptr : object_->if_contains(key);
  }
  const boost::json::value* need(std::string_view key) {
    const boost::json::value* value = find(key);
    if (value == nullptr) wrong(key, "is missing");
    return value;
  }
  std::string text_of(std::string_view key, const boost::json::value* value) {
    if (value == nullptr) return {};
    if (value->is_string()) return std::string(value->get_string());
    wrong(key, "is a text");
    return {};
  }

  std::string path_;
  std::string* trouble_;
  const boost::json::object* object_;
};

}  // namespace atl::lab
