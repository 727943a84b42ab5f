// Reading fields of a JSON object with a memory for what was wrong: check once, at the end.
//
//   JsonFields in(value);
//   route.name = in.name_of("name");
//   if (!in.ok()) return in.failure();
//
// For .cc files of this layer only, as it brings Boost.JSON in.
#pragma once

#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "cloud/compute_json.h"

namespace atl::cloud {

class JsonFields {
 public:
  // `trouble` collects the first thing wrong and is shared by the fields of nested objects.
  JsonFields(const boost::json::value& value, std::string* trouble);

  std::string text(std::string_view key);      // "" when absent
  std::string required(std::string_view key);  // must be there and not empty
  std::string name_of(std::string_view key);   // the last word of a link; "" when absent
  bool flag(std::string_view key);             // false when absent
  uint64_t number(std::string_view key, uint64_t otherwise);
  const boost::json::array& list(std::string_view key);    // empty when absent
  const boost::json::value& object(std::string_view key);  // an empty object when absent
  bool has(std::string_view key) const { return find(key) != nullptr; }
  // A link that must name where the resource is.
  ResourceLink link(std::string_view key);

  void wrong(std::string_view key, std::string_view what);

 private:
  const boost::json::value* find(std::string_view key) const;
  const boost::json::object* object_ = nullptr;
  std::string* trouble_;
};

// kCorrupt when it is no JSON object, or deeper than kJsonDepthMax.
Result<boost::json::value> parse_json_object(std::string_view text);

}  // namespace atl::cloud
