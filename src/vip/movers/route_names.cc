#include "vip/movers/route_names.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/check.h"
#include "base/hash.h"

namespace atl::vip {
namespace {

constexpr size_t kPoolPartMax = 20;  // leaves room for the hash, an address and a 32-bit number

std::string route_prefix(std::string_view pool, Vip vip) {
  std::string part;
  for (const char c : pool.substr(0, kPoolPartMax)) {
    const bool letter = c >= 'a' && c <= 'z';
    const bool capital = c >= 'A' && c <= 'Z';
    const bool digit = c >= '0' && c <= '9';
    part += letter || digit ? c : capital ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  const std::string hash = to_hex(sha256(pool)).substr(0, 8);
  std::string address = vip.to_string();
  std::replace(address.begin(), address.end(), '.', '-');
  return fmt::format("atl-{}-{}-{}-", part, hash, address);
}

}  // namespace

std::string destination_of(Vip vip) {
  return vip.to_string() + "/32";
}

std::string route_name(std::string_view pool, Vip vip, uint32_t number) {
  std::string name = route_prefix(pool, vip) + std::to_string(number);
  ATOLL_CHECK(name.size() <= kResourceNameMax);
  return name;
}

std::optional<uint32_t> number_of(const cloud::Route& route, std::string_view pool, Vip vip) {
  const std::string prefix = route_prefix(pool, vip);
  if (route.destination != destination_of(vip) || !route.name.starts_with(prefix))
    return std::nullopt;
  const char* const begin = route.name.data() + prefix.size();
  const char* const end = route.name.data() + route.name.size();
  uint32_t number = 0;
  const auto [rest, error] = std::from_chars(begin, end, number);
  if (error != std::errc{} || rest != end || begin == end) return std::nullopt;
  return number;
}

}  // namespace atl::vip
