// Identifiers as distinct types, so that one cannot be passed for another.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include <fmt/format.h>

namespace atl {

template <typename Tag, typename Rep = uint64_t>
struct StrongId {
  using rep = Rep;
  Rep value = 0;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}
  constexpr auto operator<=>(const StrongId&) const = default;
};

using NodeId = StrongId<struct NodeTag, uint32_t>;            // one `atoll serve`; 0: this process
using DomainId = StrongId<struct DomainTag, uint32_t>;        // 1-based; 0 means none
using DeviceId = StrongId<struct DeviceTag, uint32_t>;        // never reused in a cluster; 0: none
using GroupId = StrongId<struct GroupTag, uint32_t>;          // placement group; never reused
using PartitionId = StrongId<struct PartitionTag, uint32_t>;  // the first is 1
using StripeId = StrongId<struct StripeTag>;                  // never reused; 0: none
using SegmentId = StrongId<struct SegmentTag>;                // journal segment; never reused
using Epoch = StrongId<struct EpochTag>;                      // 0: nobody has owned it yet
using InodeId = StrongId<struct InodeTag>;                    // the root directory is 1; 0: none
// Log sequence number: the ordinal of a journal entry. The first entry is 1; 0 is before all.
using Lsn = StrongId<struct LsnTag>;

struct Uuid {
  std::array<uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
  std::string to_string() const;  // 8-4-4-4-12 lower-case hex
  static bool parse(std::string_view text, Uuid* out);
  bool is_nil() const { return *this == Uuid{}; }
};

}  // namespace atl

template <typename Tag, typename Rep>
struct std::hash<atl::StrongId<Tag, Rep>> {
  // For in-memory tables only; nothing stored or sent may depend on it.
  size_t operator()(const atl::StrongId<Tag, Rep>& id) const noexcept {
    return static_cast<size_t>(id.value * 0x9E3779B97F4A7C15ull);
  }
};
template <typename Tag, typename Rep>
struct fmt::formatter<atl::StrongId<Tag, Rep>> : fmt::formatter<Rep> {
  template <typename Context>
  auto format(const atl::StrongId<Tag, Rep>& id, Context& ctx) const {
    return fmt::formatter<Rep>::format(id.value, ctx);
  }
};
