// Blocks of IPv4 addresses, and who holds which in a network. For the inside of the emulator.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cloud/compute.h"

namespace atl::cloud {

// First and last address, both included, in host byte order.
struct AddressBlock {
  uint32_t first = 0;
  uint32_t last = 0;

  // "10.0.0.0/24", or an address alone. kInvalidArgument, also when bits beyond the prefix are set.
  static Result<AddressBlock> parse(std::string_view text);
  bool single() const { return first == last; }
  uint64_t size() const { return uint64_t{last} - first + 1; }
  bool contains(uint32_t address) const { return first <= address && address <= last; }
  bool contains(const AddressBlock& b) const { return first <= b.first && b.last <= last; }
  bool overlaps(const AddressBlock& b) const { return first <= b.last && b.first <= last; }
  std::string to_string() const;  // "10.0.0.0/24"; always with its length
  std::string host_text() const;  // "10.0.0.5", the first
  friend bool operator==(const AddressBlock&, const AddressBlock&) = default;
};

struct AddressHolder {
  enum class Kind : uint8_t { kPrimary, kAlias, kForwardingRule };
  Kind kind{};
  InstanceRef instance;  // of a primary address or an alias
  std::string text;      // for messages: "instance z/n"
};

// The addresses in use in one network: no two holders overlap.
class AddressBook {
 public:
  // Null when free; else one that holds some of the block.
  const AddressHolder* holder(const AddressBlock& block) const;
  void take(const AddressBlock& block, AddressHolder holder);  // must be free
  void release(const AddressBlock& block);                     // exactly as taken

 private:
  struct Entry {
    AddressBlock block;
    AddressHolder holder;
  };
  std::map<uint32_t, Entry> by_first_;
};

}  // namespace atl::cloud
