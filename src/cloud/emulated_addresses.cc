#include "cloud/emulated_addresses.h"

#include <charconv>

#include <fmt/format.h>
#include <boost/asio/ip/address_v4.hpp>

#include "base/check.h"

namespace atl::cloud {

Result<AddressBlock> AddressBlock::parse(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is no address block: {}", text, why));
  };
  const size_t slash = text.find('/');
  unsigned length = 32;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), length);
    if (error != std::errc{} || end != digits.end() || length > 32)
      return refuse("the length is 0 to 32");
  }
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address_v4(std::string(text.substr(0, slash)), error);
  if (error) return refuse("10.0.0.5/32 would be one");
  const uint32_t number = address.to_uint();
  const uint32_t mask = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
  if ((number & ~mask) != 0) return refuse("bits beyond the prefix are set");
  return AddressBlock{number, number | ~mask};
}

std::string AddressBlock::to_string() const {
  int length = 32;
  for (uint64_t n = size(); n > 1; n /= 2) --length;
  return fmt::format("{}/{}", host_text(), length);
}

std::string AddressBlock::host_text() const {
  return boost::asio::ip::address_v4(first).to_string();
}

const AddressHolder* AddressBook::holder(const AddressBlock& block) const {
  // Blocks do not overlap, so of those that begin at or before our last only the last can reach us.
  auto next = by_first_.upper_bound(block.last);
  if (next == by_first_.begin()) return nullptr;
  const Entry& entry = std::prev(next)->second;
  return entry.block.overlaps(block) ? &entry.holder : nullptr;
}

void AddressBook::take(const AddressBlock& block, AddressHolder holder) {
  ATOLL_CHECK(this->holder(block) == nullptr, block.to_string());
  by_first_.emplace(block.first, Entry{block, std::move(holder)});
}

void AddressBook::release(const AddressBlock& block) {
  const auto it = by_first_.find(block.first);
  ATOLL_CHECK(it != by_first_.end() && it->second.block == block, block.to_string());
  by_first_.erase(it);
}

}  // namespace atl::cloud
