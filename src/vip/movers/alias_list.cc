#include "vip/movers/alias_list.h"

#include "base/planted_bug.h"
#include "base/units.h"

namespace atl::vip {

std::optional<Vip> single_address(const cloud::AliasRange& range) {
  const Result<Prefix> prefix = Prefix::parse(range.cidr);
  if (!prefix || prefix->length != 32) return std::nullopt;
  return Vip{prefix->number};
}

std::set<Vip> addresses_in(const std::vector<cloud::AliasRange>& list,
                           const std::set<Vip>& addresses) {
  std::set<Vip> out;
  for (const cloud::AliasRange& range : list) {
    const std::optional<Vip> vip = single_address(range);
    if (vip && addresses.contains(*vip)) out.insert(*vip);
  }
  return out;
}

std::optional<cloud::AliasRange> wider_range(const std::vector<cloud::AliasRange>& list, Vip vip) {
  for (const cloud::AliasRange& range : list) {
    const Result<Prefix> prefix = Prefix::parse(range.cidr);
    if (prefix && prefix->length < 32 && prefix->contains(vip)) return range;
  }
  return std::nullopt;
}

std::vector<cloud::AliasRange> edited(const std::vector<cloud::AliasRange>& list,
                                      const std::set<Vip>& remove, const std::set<Vip>& add,
                                      const std::string& range_name) {
  std::vector<cloud::AliasRange> out;
  std::set<Vip> missing = add;
  for (const cloud::AliasRange& range : list) {
    const std::optional<Vip> vip = single_address(range);
    if (vip && remove.contains(*vip)) continue;
    const bool is_ours = vip && missing.erase(*vip) > 0;
    if (!is_ours && planted(PlantedBug::kDropOtherAliases)) continue;
    out.push_back(range);
  }
  for (Vip vip : missing) out.push_back({vip.to_string() + "/32", range_name});
  return out;
}

std::optional<size_t> failures_that_fit(size_t addresses, size_t nodes, size_t others) {
  if (others >= cloud::kAliasRangesMax) return std::nullopt;
  const size_t room = cloud::kAliasRangesMax - others;
  const size_t needed = div_ceil(addresses, room);
  if (nodes == 0 || needed > nodes) return std::nullopt;
  return nodes - std::max<size_t>(needed, 1);
}

}  // namespace atl::vip
