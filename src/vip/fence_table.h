// The fence in the kernel: one nftables table, as vip/linux_guest.h describes it.
//
// For LinuxGuest. Ownership: the table stays in the kernel when the object goes. Threads: one
// caller at a time; that hold and close are never in the kernel at once is what keeps a touch from
// reviving what is being closed. Errors: as vip/linux_guest.h.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "vip/netlink.h"
#include "vip/types.h"

namespace atl::vip {

// `nft` takes some 5 ms; this is for a machine that has stopped.
inline constexpr Nanos kNftDeadline = 10s;

class FenceTable {
 public:
  struct Options {
    std::string table;
    std::vector<std::string> interfaces;
    std::vector<Vip> pool;
    Nanos kernel_hold{0};
    Nanos arm_time{0};
  };
  // Puts the table up in the place of one of that name.
  static Result<std::unique_ptr<FenceTable>> make(Options options);
  ~FenceTable();
  FenceTable(const FenceTable&) = delete;
  FenceTable& operator=(const FenceTable&) = delete;

  enum class Touch : uint8_t { kHold, kOpen };
  Status touch(const std::vector<Vip>& vips, Touch touch);
  Status arm(Vip vip);
  Status close(Vip vip);
  Status quiesce(Vip vip);
  Result<std::set<Vip>> held();

  // What is given to nft.
  static std::string script(const Options& options);

 private:
  FenceTable(Options options, std::unique_ptr<NetlinkSocket> netlink, int touch_socket);
  Status change(uint16_t type, uint16_t flags, const char* set, Vip vip, Nanos timeout);
  Status drop_if_there(const char* set, Vip vip);

  Options options_;
  std::unique_ptr<NetlinkSocket> netlink_;
  int touch_socket_;
};

}  // namespace atl::vip
