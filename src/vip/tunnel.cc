#include "vip/tunnel.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

namespace atl::vip {
namespace {

constexpr uint32_t kDummyAddress = 0xC0000008;  // 192.0.0.8
// A way back to the source by any interface: clients are reached by another one.
constexpr const char* kLooseSourceCheck = "2";

// 24 bits of FNV-1a: the same on all nodes, another one for another pool.
uint32_t number_of(const std::string& table) {
  uint32_t hash = 2166136261u;
  for (const char c : table) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return (hash ^ hash >> 24) & 0xffffff;
}

Result<MacAddress> mac_of_device(const std::string& device) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return fail(Errc::kIo, fmt::format("socket: {}", std::strerror(errno)));
  ifreq request{};
  std::strncpy(request.ifr_name, device.c_str(), sizeof request.ifr_name - 1);
  const bool told = ::ioctl(socket, SIOCGIFHWADDR, &request) == 0;
  const int error = errno;
  ::close(socket);
  if (!told) return fail(Errc::kIo, fmt::format("{}: {}", device, std::strerror(error)));
  MacAddress mac{};
  std::memcpy(mac.data(), request.ifr_hwaddr.sa_data, mac.size());
  return mac;
}

Status delete_device(NetlinkSocket& netlink, uint32_t index) {
  NetlinkMessage message(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK);
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  message.add(&header, sizeof header);
  return netlink.change(std::move(message));
}

// The device is made with the machine's default, which may be strict.
Status check_sources_loosely(const std::string& device) {
  std::ofstream out(fmt::format("/proc/sys/net/ipv4/conf/{}/rp_filter", device));
  out << kLooseSourceCheck << std::flush;
  if (!out) return fail(Errc::kIo, fmt::format("rp_filter of {} cannot be set", device));
  return {};
}

template <typename T>
void put(NetlinkMessage& message, uint16_t type, T value) {
  message.attribute(type, &value, sizeof value);
}

}  // namespace

std::string Tunnel::device_of(const std::string& table) {
  const std::string name = fmt::format("atoll-f{:06x}", number_of(table));
  static_assert(sizeof "atoll-f000000" <= IFNAMSIZ);
  return name;
}

MacAddress Tunnel::mac_of(Vip node) {
  return {2,
          0,
          static_cast<uint8_t>(node.number >> 24),
          static_cast<uint8_t>(node.number >> 16),
          static_cast<uint8_t>(node.number >> 8),
          static_cast<uint8_t>(node.number)};
}

Status Tunnel::remove(const std::string& table) {
  const uint32_t index = ::if_nametoindex(device_of(table).c_str());
  if (index == 0) return {};
  ATOLL_TRY(auto netlink, NetlinkSocket::open(NETLINK_ROUTE));
  return delete_device(*netlink, index);
}

Result<std::unique_ptr<Tunnel>> Tunnel::make(const std::string& table, Vip own) {
  ATOLL_TRY(auto netlink, NetlinkSocket::open(NETLINK_ROUTE));
  std::unique_ptr<Tunnel> tunnel(new Tunnel(device_of(table), std::move(netlink)));
  const uint32_t there = ::if_nametoindex(tunnel->device_.c_str());
  bool keep = false;
  if (there != 0) {
    ATOLL_TRY(const MacAddress mac, mac_of_device(tunnel->device_));
    keep = mac == mac_of(own);
    if (!keep) ATOLL_TRY_STATUS(delete_device(*tunnel->netlink_, there));
  }
  if (!keep) ATOLL_TRY_STATUS(tunnel->create(number_of(table), own));
  ATOLL_TRY_STATUS(check_sources_loosely(tunnel->device_));
  ATOLL_TRY_STATUS(tunnel->add_dummy_address());
  return tunnel;
}

Status Tunnel::create(uint32_t number, Vip own) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  ifinfomsg header{};
  header.ifi_flags = header.ifi_change = IFF_UP | IFF_NOARP;
  message.add(&header, sizeof header);
  message.attribute(IFLA_IFNAME, device_);
  const MacAddress mac = mac_of(own);
  message.attribute(IFLA_ADDRESS, mac.data(), mac.size());
  const size_t info = message.begin_nested(IFLA_LINKINFO);
  message.attribute(IFLA_INFO_KIND, "vxlan");
  const size_t data = message.begin_nested(IFLA_INFO_DATA);
  put(message, IFLA_VXLAN_ID, number);
  put(message, IFLA_VXLAN_PORT, htons(kTunnelPort));
  put(message, IFLA_VXLAN_LOCAL, htonl(own.number));
  put(message, IFLA_VXLAN_LEARNING, uint8_t{0});
  put(message, IFLA_VXLAN_DF, static_cast<uint8_t>(VXLAN_DF_UNSET));
  message.end_nested(data);
  message.end_nested(info);
  const Status made = netlink_->change(std::move(message));
  if (!made && made.error().code == Errc::kUnsupported)
    return fail(Errc::kUnsupported, "this kernel has no vxlan");
  return made;
}

Status Tunnel::add_dummy_address() {
  ATOLL_TRY(const uint32_t index, interface_index(device_));
  NetlinkMessage message =
      address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, kDummyAddress, RT_SCOPE_HOST);
  const Status added = netlink_->change(std::move(message));
  if (!added && added.error().code == Errc::kExists) return {};
  return added;
}

Status Tunnel::lead_to(Vip node) {
  ATOLL_TRY(const uint32_t index, interface_index(device_));
  NetlinkMessage message(RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  ndmsg header{};
  header.ndm_family = PF_BRIDGE;
  header.ndm_ifindex = static_cast<int>(index);
  header.ndm_state = NUD_PERMANENT | NUD_NOARP;
  header.ndm_flags = NTF_SELF;
  message.add(&header, sizeof header);
  const MacAddress mac = mac_of(node);
  message.attribute(NDA_LLADDR, mac.data(), mac.size());
  put(message, NDA_DST, htonl(node.number));
  return netlink_->change(std::move(message));
}

}  // namespace atl::vip
