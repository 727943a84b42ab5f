// The alias list of a network interface, as a value: what is ours in it, and what it becomes.
//
// A list is replaced whole, so whatever is not moved must be repeated as it is: ranges wider than
// one address, ranges of other names, addresses of other pools and of nobody we know.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cloud/compute.h"
#include "vip/types.h"

namespace atl::vip {

// The address of a range that is one address: "10.0.0.5/32", "10.0.0.5".
std::optional<Vip> single_address(const cloud::AliasRange& range);

// Those of `addresses` that have a range of their own in the list.
std::set<Vip> addresses_in(const std::vector<cloud::AliasRange>& list,
                           const std::set<Vip>& addresses);

// A range of more than one address that covers `vip`.
std::optional<cloud::AliasRange> wider_range(const std::vector<cloud::AliasRange>& list, Vip vip);

// The list without `remove` and with `add`, everything else as it was and in its order.
std::vector<cloud::AliasRange> edited(const std::vector<cloud::AliasRange>& list,
                                      const std::set<Vip>& remove, const std::set<Vip>& add,
                                      const std::string& range_name);

// The most nodes that can fail before the survivors' interfaces are full: `addresses` spread evenly
// over what is left, each interface having `others` ranges besides; at most nodes - 1. Nothing:
// they do not fit even when no node fails.
std::optional<size_t> failures_that_fit(size_t addresses, size_t nodes, size_t others);

}  // namespace atl::vip
