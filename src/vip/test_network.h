// For tests that make network namespaces with a fence in them: can this machine?
#pragma once

#include <cstdlib>

#include <unistd.h>

namespace atl::vip {

// Empty when it can; else what is missing. A container without the right, or a kernel without
// egress hooks (before 5.16), cannot.
inline const char* why_no_networks() {
  if (::geteuid() != 0) return "needs root: network namespaces and nftables";
  static const bool can =
      std::system(
          "unshare --net nft 'add table netdev t; add chain netdev t c "
          "{ type filter hook egress device lo priority 0; }' >/dev/null 2>&1") == 0;
  return can ? "" : "needs namespaces, nft, and a kernel with egress hooks";
}

}  // namespace atl::vip

#define ATOLL_NEEDS_NETWORKS() \
  if (*::atl::vip::why_no_networks() != 0) GTEST_SKIP() << ::atl::vip::why_no_networks()
