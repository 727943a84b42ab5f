#include "vip/interface.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace atl::vip {
namespace {

void put16(uint8_t* at, uint16_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

void put32(uint8_t* at, uint32_t value) {
  put16(at, static_cast<uint16_t>(value >> 16));
  put16(at + 2, static_cast<uint16_t>(value));
}

constexpr uint16_t kArpRequest = 1;
constexpr uint16_t kArpReply = 2;

}  // namespace

std::array<uint8_t, kGarpFrameBytes> garp_frame(const MacAddress& sender, Vip vip, GarpForm form) {
  std::array<uint8_t, kGarpFrameBytes> frame{};
  uint8_t* ethernet = frame.data();
  std::memset(ethernet, 0xff, ETH_ALEN);
  std::memcpy(ethernet + 6, sender.data(), ETH_ALEN);
  put16(ethernet + 12, ETHERTYPE_ARP);
  uint8_t* arp = ethernet + ETH_HLEN;
  put16(arp, ARPHRD_ETHER);
  put16(arp + 2, ETHERTYPE_IP);
  arp[4] = ETH_ALEN;
  arp[5] = sizeof vip.number;
  put16(arp + 6, form == GarpForm::kReply ? kArpReply : kArpRequest);
  std::memcpy(arp + 8, sender.data(), ETH_ALEN);
  put32(arp + 14, vip.number);
  if (form == GarpForm::kReply) std::memset(arp + 18, 0xff, ETH_ALEN);
  put32(arp + 24, vip.number);
  return frame;
}

Interface::Interface(std::string name, std::unique_ptr<NetlinkSocket> netlink, int packet_socket)
    : name_(std::move(name)), netlink_(std::move(netlink)), packet_socket_(packet_socket) {}

Interface::~Interface() {
  ::close(packet_socket_);
}

Result<std::unique_ptr<Interface>> Interface::open(std::string name) {
  ATOLL_TRY(auto netlink, NetlinkSocket::open(NETLINK_ROUTE));
  const int socket = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0)
    return fail(errno == EPERM ? Errc::kPermission : Errc::kIo,
                fmt::format("no packet socket: {}", std::strerror(errno)));
  std::unique_ptr<Interface> interface(new Interface(std::move(name), std::move(netlink), socket));
  ATOLL_TRY([[maybe_unused]] const uint32_t index, interface_index(interface->name_));
  return interface;
}

Status Interface::change(uint16_t type, uint16_t flags, Vip vip) {
  ATOLL_TRY(const uint32_t index, interface_index(name_));
  NetlinkMessage message = address_message(type, flags, index, vip.number, RT_SCOPE_UNIVERSE);
  const uint32_t address_flags = IFA_F_NODAD;
  message.attribute(IFA_FLAGS, &address_flags, sizeof address_flags);
  return netlink_->change(std::move(message));
}

Status Interface::add(Vip vip) {
  const Status added = change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, vip);
  if (!added && added.error().code == Errc::kExists) return {};
  return added;
}

Status Interface::remove(Vip vip) {
  const Status removed = change(RTM_DELADDR, 0, vip);
  if (!removed && removed.error().code == Errc::kNotFound) return {};
  return removed;
}

Result<std::set<Vip>> Interface::addresses() {
  ATOLL_TRY(const uint32_t index, interface_index(name_));
  NetlinkMessage message(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  message.add(&header, sizeof header);
  std::set<Vip> found;
  ATOLL_TRY_STATUS(netlink_->dump(std::move(message), [&](std::span<const uint8_t> payload) {
    ifaddrmsg entry{};
    if (payload.size() < sizeof entry) return;
    std::memcpy(&entry, payload.data(), sizeof entry);
    if (entry.ifa_index != index) return;
    auto take = [&](uint16_t type, std::span<const uint8_t> value) {
      uint32_t address = 0;
      if (type != IFA_LOCAL || value.size() != sizeof address) return;
      std::memcpy(&address, value.data(), sizeof address);
      found.insert(Vip{ntohl(address)});
    };
    for_each_attribute(payload.subspan(NLMSG_ALIGN(sizeof entry)), take);
  }));
  return found;
}

Result<bool> Interface::has_carrier() const {
  ifreq request{};
  std::strncpy(request.ifr_name, name_.c_str(), sizeof request.ifr_name - 1);
  if (::ioctl(packet_socket_, SIOCGIFFLAGS, &request) != 0)
    return fail(Errc::kIo, fmt::format("{}: {}", name_, std::strerror(errno)));
  return (request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0;
}

Status Interface::announce(Vip vip, GarpForm form) {
  ATOLL_TRY(const uint32_t index, interface_index(name_));
  ifreq request{};
  std::strncpy(request.ifr_name, name_.c_str(), sizeof request.ifr_name - 1);
  if (::ioctl(packet_socket_, SIOCGIFHWADDR, &request) != 0)
    return fail(Errc::kIo, fmt::format("{}: {}", name_, std::strerror(errno)));
  MacAddress sender{};
  std::memcpy(sender.data(), request.ifr_hwaddr.sa_data, sender.size());
  const auto frame = garp_frame(sender, vip, form);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETHERTYPE_ARP);
  to.sll_ifindex = static_cast<int>(index);
  to.sll_halen = ETH_ALEN;
  std::memset(to.sll_addr, 0xff, ETH_ALEN);
  const ssize_t n = ::sendto(packet_socket_, frame.data(), frame.size(), 0,
                             reinterpret_cast<const sockaddr*>(&to), sizeof to);
  // Dropped by the fence, or by a full queue: the next announcement comes soon.
  if (n < 0 && errno != ENOBUFS)
    return fail(Errc::kIo, fmt::format("announcing {}: {}", vip.to_string(), std::strerror(errno)));
  return {};
}

}  // namespace atl::vip
