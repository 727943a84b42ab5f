#include "lab/route_socket.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "lab/child.h"

namespace atl::lab {

namespace {

// A request: netlink's header, the message's own, attributes.
template <typename Body>
struct Request {
  struct Start {
    nlmsghdr header;
    Body body;
  };
  alignas(NLMSG_ALIGNTO) std::array<uint8_t, 256> bytes{};

  Request(uint16_t type, uint16_t flags, const Body& body) {
    start().header.nlmsg_len = NLMSG_LENGTH(sizeof(Body));
    start().header.nlmsg_type = type;
    start().header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    start().body = body;
  }
  Start& start() { return *reinterpret_cast<Start*>(bytes.data()); }

  void add(uint16_t type, const void* data, size_t size) {
    const size_t at = NLMSG_ALIGN(start().header.nlmsg_len);
    ATOLL_CHECK(at + RTA_SPACE(size) <= bytes.size());
    rtattr attribute{};
    attribute.rta_type = type;
    attribute.rta_len = static_cast<uint16_t>(RTA_LENGTH(size));
    std::memcpy(bytes.data() + at, &attribute, sizeof attribute);
    std::memcpy(bytes.data() + at + RTA_LENGTH(0), data, size);
    start().header.nlmsg_len = static_cast<uint32_t>(at + RTA_SPACE(size));
  }
  void add(uint16_t type, vip::Vip address) {
    const uint32_t wire = htonl(address.number);
    add(type, &wire, sizeof wire);
  }
  void add(uint16_t type, int number) { add(type, &number, sizeof number); }
};

rtmsg host_route() {
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_dst_len = 32;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_STATIC;
  body.rtm_type = RTN_UNICAST;
  return body;
}

}  // namespace

Result<RouteSocket> RouteSocket::open(const Namespace& space) {
  ATOLL_TRY(FileHandle file, space.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (connect(file.get(), reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) != 0) {
    return fail(system_error("rtnetlink"));
  }
  return RouteSocket(std::move(file));
}

Status RouteSocket::talk(const void* request, size_t length) {
  const uint32_t mine = ++sequence_;
  std::array<uint8_t, 256> bytes{};
  std::memcpy(bytes.data(), request, length);
  reinterpret_cast<nlmsghdr*>(bytes.data())->nlmsg_seq = mine;
  if (send(file_.get(), bytes.data(), length, 0) < 0) return fail(system_error("rtnetlink"));
  // The kernel answers within the send: this does not wait.
  for (;;) {
    alignas(NLMSG_ALIGNTO) std::array<uint8_t, 4096> answer{};
    const ssize_t n = recv(file_.get(), answer.data(), answer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("rtnetlink"));
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (static_cast<size_t>(n) < NLMSG_LENGTH(sizeof(nlmsgerr)) || header->nlmsg_seq != mine ||
        header->nlmsg_type != NLMSG_ERROR) {
      continue;
    }
    nlmsgerr outcome{};
    std::memcpy(&outcome, NLMSG_DATA(header), sizeof outcome);
    if (outcome.error == 0) return {};
    errno = -outcome.error;
    const bool missing = errno == ESRCH || errno == ENODEV || errno == ENOENT;
    Error error = system_error("rtnetlink");
    if (missing) error.code = Errc::kNotFound;
    return fail(std::move(error));
  }
}

Status RouteSocket::replace_route(vip::Vip to, std::optional<vip::Vip> gateway, int interface) {
  rtmsg body = host_route();
  body.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  if (gateway) body.rtm_flags = RTNH_F_ONLINK;
  Request<rtmsg> request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body);
  request.add(RTA_DST, to);
  if (gateway) request.add(RTA_GATEWAY, *gateway);
  request.add(RTA_OIF, interface);
  return talk(request.bytes.data(), request.start().header.nlmsg_len);
}

Status RouteSocket::remove_route(vip::Vip to) {
  rtmsg body = host_route();
  body.rtm_scope = RT_SCOPE_NOWHERE;  // whichever it has
  Request<rtmsg> request(RTM_DELROUTE, 0, body);
  request.add(RTA_DST, to);
  return talk(request.bytes.data(), request.start().header.nlmsg_len);
}

Status RouteSocket::set_neighbour(vip::Vip address, Mac mac, int interface) {
  ndmsg body{};
  body.ndm_family = AF_INET;
  body.ndm_ifindex = interface;
  body.ndm_state = NUD_PERMANENT;
  Request<ndmsg> request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body);
  request.add(NDA_DST, address);
  request.add(NDA_LLADDR, mac.data(), mac.size());
  return talk(request.bytes.data(), request.start().header.nlmsg_len);
}

Status RouteSocket::set_link(int interface, bool up) {
  ifinfomsg body{};
  body.ifi_family = AF_UNSPEC;
  body.ifi_index = interface;
  body.ifi_flags = up ? IFF_UP : 0;
  body.ifi_change = IFF_UP;
  Request<ifinfomsg> request(RTM_NEWLINK, 0, body);
  return talk(request.bytes.data(), request.start().header.nlmsg_len);
}

}  // namespace atl::lab
