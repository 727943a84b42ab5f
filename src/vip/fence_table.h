// The fence in the kernel: an nftables table, as vip/linux_guest.h describes it; beside it a second
// one, NAME-next, with what is sent on, which outlives the process that asked for it.
//
// For LinuxGuest. Ownership: the table stays in the kernel when the object goes. Threads: one
// caller at a time; that hold and close are never in the kernel at once is what keeps a touch from
// reviving what is being closed. Errors: as vip/linux_guest.h.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "vip/interface.h"
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
    // What still arrives for addresses that were handed over: sent_on() sends it to `device`.
    struct SendingOn {
      std::string device;
      std::vector<Vip> nodes;       // at least one: who may send to this node through the tunnel
      std::vector<Prefix> probers;  // what these send stays here
      Nanos limit{0};
    };
    std::optional<SendingOn> sending_on;
  };
  // Puts the table up in the place of one of that name. What is sent on goes on being sent on, or
  // ends when `sending_on` is not set.
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
  // Packets to the address leave by the tunnel's device, to that hardware address, until `limit` is
  // over. Takes the place of the last one.
  Status send_on(Vip vip, const MacAddress& to);
  Status send_on_no_more(Vip vip);

  // What is given to nft.
  static std::string script(const Options& options);

 private:
  FenceTable(Options options, std::unique_ptr<NetlinkSocket> netlink, int touch_socket);
  Status change(uint16_t type, uint16_t flags, std::string_view set, Vip vip, Nanos timeout,
                const MacAddress* value = nullptr);
  Status drop_if_there(std::string_view set, Vip vip);

  Options options_;
  std::unique_ptr<NetlinkSocket> netlink_;
  int touch_socket_;
};

}  // namespace atl::vip
