// One network interface: its IPv4 addresses, and gratuitous ARP on it.
//
// For LinuxGuest. Ownership: closes its sockets. Threads: one caller at a time; calls block
// shortly. Errors: kNotFound (no such interface), kPermission, kIo.
#pragma once

#include <array>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "vip/guest.h"
#include "vip/netlink.h"
#include "vip/types.h"

namespace atl::vip {

// A GARP as the cloud's specification wants it (docs/vip.md): an ARP reply to all, target MAC
// broadcast, sender and target address the VIP. Padded to the least that Ethernet carries.
inline constexpr size_t kGarpFrameBytes = 60;
using MacAddress = std::array<uint8_t, 6>;
std::array<uint8_t, kGarpFrameBytes> garp_frame(const MacAddress& sender, Vip vip, GarpForm form);

class Interface {
 public:
  static Result<std::unique_ptr<Interface>> open(std::string name);
  ~Interface();
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;

  Status add(Vip vip);     // a /32; nothing happens when it is there
  Status remove(Vip vip);  // nothing happens when it is not
  Result<std::set<Vip>> addresses();
  Result<bool> has_carrier() const;  // up, and with a link
  // Passes the egress hooks, so that the fence can drop it; that is no error.
  Status announce(Vip vip, GarpForm form);

 private:
  Interface(std::string name, std::unique_ptr<NetlinkSocket> netlink, int packet_socket);
  Status change(uint16_t type, uint16_t flags, Vip vip);

  std::string name_;
  std::unique_ptr<NetlinkSocket> netlink_;
  int packet_socket_;
};

}  // namespace atl::vip
