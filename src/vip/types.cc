#include "vip/types.h"

#include <charconv>
#include <set>

#include <fmt/format.h>

namespace atl::vip {
namespace {

// One decimal number of at most `most`, without sign, blanks or superfluous zeros.
bool take_number(std::string_view* text, uint32_t most, uint32_t* out) {
  size_t digits = 0;
  while (digits < text->size() && (*text)[digits] >= '0' && (*text)[digits] <= '9') ++digits;
  if (digits == 0 || digits > 3 || (digits > 1 && text->front() == '0')) return false;
  std::from_chars(text->data(), text->data() + digits, *out);
  text->remove_prefix(digits);
  return *out <= most;
}

bool take_address(std::string_view* text, uint32_t* out) {
  *out = 0;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) {
      if (text->empty() || text->front() != '.') return false;
      text->remove_prefix(1);
    }
    uint32_t byte = 0;
    if (!take_number(text, 255, &byte)) return false;
    *out = *out << 8 | byte;
  }
  return true;
}

uint32_t mask_of(uint8_t length) {
  return length == 0 ? 0 : ~uint32_t{0} << (32 - length);
}

}  // namespace

std::string Vip::to_string() const {
  return fmt::format("{}.{}.{}.{}", number >> 24, number >> 16 & 255, number >> 8 & 255,
                     number & 255);
}

Result<Vip> Vip::parse(std::string_view text) {
  Vip vip;
  std::string_view rest = text;
  if (!take_address(&rest, &vip.number) || !rest.empty())
    return fail(Errc::kInvalidArgument,
                fmt::format("{:?} is not an IPv4 address, as 10.0.0.5 is one", text));
  return vip;
}

bool Prefix::contains(Vip vip) const {
  return (vip.number & mask_of(length)) == (number & mask_of(length));
}

bool Prefix::overlaps(const Prefix& other) const {
  const uint32_t mask = mask_of(std::min(length, other.length));
  return (number & mask) == (other.number & mask);
}

Result<Prefix> Prefix::parse(std::string_view text) {
  Prefix prefix;
  std::string_view rest = text;
  uint32_t length = 32;
  bool good = take_address(&rest, &prefix.number);
  if (good && !rest.empty()) {
    good = rest.front() == '/';
    rest.remove_prefix(1);
    good = good && take_number(&rest, 32, &length) && rest.empty();
  }
  if (!good)
    return fail(Errc::kInvalidArgument,
                fmt::format("{:?} is not a block of IPv4 addresses, as 10.0.0.0/24 is one", text));
  prefix.length = static_cast<uint8_t>(length);
  return prefix;
}

const NodeSpec* Pool::find(const NodeName& node) const {
  for (const NodeSpec& spec : nodes)
    if (spec.name == node) return &spec;
  return nullptr;
}

Status check_pool(const Pool& pool) {
  auto plain = [](const std::string& name) {
    return !name.empty() && name.size() <= kNameBytesMax &&
           name.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               std::string::npos;
  };
  if (!plain(pool.name))
    return fail(Errc::kInvalidArgument, fmt::format("{:?} cannot be the name of a pool: letters, "
                                                    "digits, '-', '_', '.', at most {}",
                                                    pool.name, kNameBytesMax));
  if (pool.addresses.empty() || pool.addresses.size() > kPoolAddressesMax)
    return fail(Errc::kInvalidArgument,
                fmt::format("pool {}: {} addresses; 1 to {} are possible", pool.name,
                            pool.addresses.size(), kPoolAddressesMax));
  if (pool.nodes.empty() || pool.nodes.size() > kPoolNodesMax)
    return fail(Errc::kInvalidArgument, fmt::format("pool {}: {} nodes; 1 to {} are possible",
                                                    pool.name, pool.nodes.size(), kPoolNodesMax));
  std::set<Vip> vips;
  for (const Vip vip : pool.addresses)
    if (!vips.insert(vip).second)
      return fail(Errc::kInvalidArgument,
                  fmt::format("pool {}: {} is there twice", pool.name, vip.to_string()));
  std::set<NodeName> names;
  for (const NodeSpec& node : pool.nodes) {
    if (!plain(node.name))
      return fail(Errc::kInvalidArgument,
                  fmt::format("pool {}: {:?} cannot be the name of a node", pool.name, node.name));
    if (!names.insert(node.name).second)
      return fail(Errc::kInvalidArgument,
                  fmt::format("pool {}: node {} is there twice", pool.name, node.name));
    if (node.address.empty()) continue;
    const Result<Vip> own = Vip::parse(node.address);
    if (!own || vips.contains(*own))
      return fail(Errc::kInvalidArgument,
                  fmt::format("pool {}: {:?} cannot be the own address of node {}", pool.name,
                              node.address, node.name));
  }
  return {};
}

}  // namespace atl::vip
