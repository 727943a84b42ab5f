// The way by which a node sends on what still arrives for an address that it has handed over: one
// vxlan device for each pool of the machine.
//
// Its name and number follow from the pool's nftables table, its hardware address from the node's
// own address (02:00 and the four bytes), so that nodes need not ask one another. It learns
// nothing: it sends to the nodes that it was told of, in UDP datagrams between the nodes' own
// addresses, fragmented where they are too long. What it lets in is the fence's business
// (vip/fence_table.h).
//
// It has one address, of no use to anybody (192.0.0.8, RFC 7600, scope host): on an interface
// without any, Linux drops all that comes in where source addresses are checked (rp_filter), as the
// clouds' images have it.
//
// Ownership: the device stays when the object goes. Threads: one caller at a time; calls block
// shortly. Errors: kPermission, kUnsupported (a kernel without vxlan), kExists (another pool's
// device has the number), kIo.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "vip/interface.h"
#include "vip/netlink.h"
#include "vip/types.h"

namespace atl::vip {

// UDP between nodes. Not registered, and not vxlan's own 4789, which others on the machine may use.
inline constexpr uint16_t kTunnelPort = 7047;

class Tunnel {
 public:
  // As it is there from an earlier process with the same address, or made anew; up.
  static Result<std::unique_ptr<Tunnel>> make(const std::string& table, Vip own);
  // Takes the device of that table away, if there is one.
  static Status remove(const std::string& table);

  const std::string& device() const { return device_; }
  // Frames to mac_of(node) go to that node.
  Status lead_to(Vip node);

  static std::string device_of(const std::string& table);  // "atoll-f0a1b2c"
  static MacAddress mac_of(Vip node);

 private:
  Tunnel(std::string device, std::unique_ptr<NetlinkSocket> netlink)
      : device_(std::move(device)), netlink_(std::move(netlink)) {}
  Status create(uint32_t number, Vip own);
  Status add_dummy_address();

  std::string device_;
  std::unique_ptr<NetlinkSocket> netlink_;
};

}  // namespace atl::vip
