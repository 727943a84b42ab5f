#include "load/options.h"

#include <charconv>
#include <cstdio>
#include <functional>
#include <map>

namespace atl::load {
namespace {

template <typename T>
bool parse_number(const std::string& text, T* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_kind(const std::string& text, Kind* out) {
  if (text == "get") {
    *out = Kind::kGet;
  } else if (text == "put") {
    *out = Kind::kPut;
  } else if (text == "list") {
    *out = Kind::kList;
  } else if (text == "bucket") {
    *out = Kind::kBucket;
  } else {
    return false;
  }
  return true;
}

bool parse_address(const std::string& text, Options* out) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  out->host = text.substr(0, colon);
  return parse_number(text.substr(colon + 1), &out->port) && out->port != 0;
}

bool parse_credentials(const std::string& text, Options* out) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0) return false;
  out->access_key = text.substr(0, colon);
  out->secret_key = text.substr(colon + 1);
  return !out->secret_key.empty();
}

bool sound(const Options& o) {
  return o.port != 0 && o.connections > 0 && o.objects > 0 && o.seconds > 0 && o.page > 0;
}

}  // namespace

std::expected<Options, std::string> parse_options(int argc, char** argv) {
  Options out;
  const std::map<std::string, std::function<bool(const std::string&)>> words = {
      {"--kind", [&](auto& v) { return parse_kind(v, &out.kind); }},
      {"--address", [&](auto& v) { return parse_address(v, &out); }},
      {"--credentials", [&](auto& v) { return parse_credentials(v, &out); }},
      {"--bucket", [&](auto& v) { return !(out.bucket = v).empty(); }},
      {"--prefix", [&](auto& v) { return !(out.prefix = v).empty(); }},
      {"--region", [&](auto& v) { return !(out.region = v).empty(); }},
      {"--size", [&](auto& v) { return parse_number(v, &out.size); }},
      {"--objects", [&](auto& v) { return parse_number(v, &out.objects); }},
      {"--connections", [&](auto& v) { return parse_number(v, &out.connections); }},
      {"--requests", [&](auto& v) { return parse_number(v, &out.requests); }},
      {"--seconds", [&](auto& v) { return parse_number(v, &out.seconds); }},
      {"--warmup", [&](auto& v) { return parse_number(v, &out.warmup_seconds); }},
      {"--page", [&](auto& v) { return parse_number(v, &out.page); }},
      {"--discard", [&](auto& v) { return (out.discard = v == "yes") || v == "no"; }},
  };
  for (int i = 1; i < argc; i += 2) {
    const auto word = words.find(argv[i]);
    if (word == words.end()) return std::unexpected(std::string("no option ") + argv[i]);
    if (i + 1 == argc) return std::unexpected(std::string(argv[i]) + " needs a value");
    if (!word->second(argv[i + 1]))
      return std::unexpected(std::string(argv[i]) + " does not take '" + argv[i + 1] + "'");
  }
  if (!sound(out))
    return std::unexpected("give --address HOST:PORT, and no zero where a count is wanted");
  return out;
}

std::string key_of(const Options& options, uint32_t index) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%08u", index);
  return options.prefix + digits;
}

}  // namespace atl::load
