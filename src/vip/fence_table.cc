#include "vip/fence_table.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "vip/feed_program.h"
#include "vip/tunnel.h"

namespace atl::vip {
namespace {

constexpr const char* kLoopback = "lo";
// Where touches go: TEST-NET-1 (RFC 5737), which no route of anybody leads to. They end in the
// egress hook of lo anyway.
constexpr uint32_t kTouchAddress = 0xC0000201;  // 192.0.2.1
constexpr uint16_t kHoldPort = 9;
constexpr uint16_t kOpenPort = 10;
constexpr std::string_view kHeld = "held";
constexpr std::string_view kArming = "arming";
constexpr std::string_view kQuiet = "quiet";
constexpr std::string_view kNext = "next";  // in the second table

Status bring_up_loopback(int socket) {
  ifreq request{};
  std::strncpy(request.ifr_name, kLoopback, sizeof request.ifr_name - 1);
  if (::ioctl(socket, SIOCGIFFLAGS, &request) != 0)
    return fail(Errc::kIo, fmt::format("lo: {}", std::strerror(errno)));
  if (request.ifr_flags & IFF_UP) return {};
  request.ifr_flags |= IFF_UP;
  if (::ioctl(socket, SIOCSIFFLAGS, &request) != 0)
    return fail(Errc::kIo, fmt::format("lo cannot be brought up: {}", std::strerror(errno)));
  return {};
}

// nft wants whole milliseconds; less is safe.
int64_t whole_ms(Nanos time) {
  return time / 1ms;
}

}  // namespace

FenceTable::FenceTable(Options options, std::unique_ptr<NetlinkSocket> netlink, int touch_socket)
    : options_(std::move(options)), netlink_(std::move(netlink)), touch_socket_(touch_socket) {}

FenceTable::~FenceTable() {
  ::close(touch_socket_);
}

namespace {

std::string list_of(const std::vector<Vip>& addresses) {
  std::string out;
  for (const Vip address : addresses) out += (out.empty() ? "" : ", ") + address.to_string();
  return out;
}

std::string list_of(const std::vector<std::string>& interfaces) {
  std::string out;
  for (const std::string& name : interfaces)
    out += fmt::format("{}\"{}\"", out.empty() ? "" : ", ", name);
  return out;
}

std::string next_table(const std::string& table) {
  return table + "-next";
}

// Through the tunnel comes what is for an address that this node holds, and from the pool's nodes,
// or nothing: it must be no way around a firewall.
//
// The second table is not replaced but completed: what an earlier process sent on goes on.
std::string tunnel_script(const FenceTable::Options& options) {
  const FenceTable::Options::SendingOn& tunnel = *options.sending_on;
  std::string probers;
  for (const Prefix& from : tunnel.probers)
    probers += fmt::format("ip saddr != {}/{} ", Vip{from.number}.to_string(), from.length);
  return fmt::format(
      R"(table netdev {0} {{
  set nodes {{ type ipv4_addr; elements = {{ {1} }}; }}
  chain in {{
    udp dport {2} ip saddr != @nodes drop
  }}
  chain tunnel_in {{
    type filter hook ingress device "{3}" priority 0; policy drop;
    ip daddr @quiet tcp flags & (syn | ack) == syn drop
    ip daddr @held accept
  }}
  chain tunnel_out {{
    type filter hook egress device "{3}" priority 0; policy accept;
    ip saddr @pool ip saddr != @held drop
    arp saddr ip @pool drop
  }}
}}
table netdev {4} {{
  map next {{ type ipv4_addr : ether_addr; flags timeout; }}
  chain in {{ type filter hook ingress devices = {{ {5} }} priority -1; policy accept; }}
}}
flush chain netdev {4} in
add rule netdev {4} in {6}ether daddr set ip daddr map @next fwd to "{3}"
)",
      options.table, list_of(tunnel.nodes), kTunnelPort, tunnel.device, next_table(options.table),
      list_of(options.interfaces), probers);
}

}  // namespace

std::string FenceTable::script(const Options& options) {
  const std::string next = next_table(options.table);
  return fmt::format(
             R"(add table netdev {0}
delete table netdev {0}
table netdev {0} {{
  set pool {{ type ipv4_addr; elements = {{ {1} }}; }}
  set held {{ type ipv4_addr; flags timeout, dynamic; timeout {3}ms; }}
  set arming {{ type ipv4_addr; flags timeout; timeout {4}ms; }}
  set quiet {{ type ipv4_addr; }}
  chain touch {{
    type filter hook egress device "lo" priority 0; policy accept;
    ip daddr 192.0.2.1 udp dport 9 ip saddr @held update @held {{ ip saddr timeout {3}ms }} drop
    ip daddr 192.0.2.1 udp dport 10 ip saddr @arming update @held {{ ip saddr timeout {3}ms }} drop
    ip daddr 192.0.2.1 ip saddr @pool drop
    ip saddr @pool ip saddr != @held drop
  }}
  chain out {{
    type filter hook egress devices = {{ {2} }} priority 0; policy accept;
    ip saddr @pool ip saddr != @held drop
    arp saddr ip @pool arp saddr ip != @held drop
  }}
  chain in {{
    type filter hook ingress devices = {{ {2} }} priority 0; policy accept;
    ip daddr @quiet tcp flags & (syn | ack) == syn drop
  }}
}}
)",
             options.table, list_of(options.pool), list_of(options.interfaces),
             whole_ms(options.kernel_hold), whole_ms(options.arm_time)) +
         (options.sending_on
              ? tunnel_script(options)
              : fmt::format("add table netdev {0}\ndelete table netdev {0}\n", next));
}

Result<std::unique_ptr<FenceTable>> FenceTable::make(Options options) {
  if (whole_ms(options.kernel_hold) < 1 || whole_ms(options.arm_time) < 1)
    return fail(Errc::kInvalidArgument,
                "the kernel counts in milliseconds, and these times are less");
  for (const std::string& name : options.interfaces)
    if (::if_nametoindex(name.c_str()) == 0)
      return fail(Errc::kNotFound, fmt::format("there is no interface {}", name));
  const int socket = ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0)
    return fail(errno == EPERM ? Errc::kPermission : Errc::kIo,
                fmt::format("no packet socket: {}", std::strerror(errno)));
  // Owns the socket from here on.
  std::unique_ptr<FenceTable> fence(new FenceTable(std::move(options), nullptr, socket));
  ATOLL_TRY_STATUS(bring_up_loopback(socket));
  ATOLL_TRY(fence->netlink_, NetlinkSocket::open(NETLINK_NETFILTER));
  const Status put_up = feed_program({"nft", "-f", "-"}, script(fence->options_), kNftDeadline);
  if (!put_up) return fail(Error(put_up.error()).with_context("the fence"));
  return fence;
}

// A UDP datagram of no bytes from each address. What the hook drops is reported as ENOBUFS: that is
// how each of them ends.
Status FenceTable::touch(const std::vector<Vip>& vips, Touch touch) {
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETHERTYPE_IP);
  to.sll_ifindex = static_cast<int>(::if_nametoindex(kLoopback));
  to.sll_halen = ETH_ALEN;
  struct {
    iphdr ip;
    udphdr udp;
  } packet{};
  static_assert(sizeof packet == 28);
  packet.ip.version = 4;
  packet.ip.ihl = sizeof packet.ip / 4;
  packet.ip.tot_len = htons(sizeof packet);
  packet.ip.ttl = 1;
  packet.ip.protocol = IPPROTO_UDP;
  packet.ip.daddr = htonl(kTouchAddress);
  packet.udp.source = packet.udp.dest = htons(touch == Touch::kHold ? kHoldPort : kOpenPort);
  packet.udp.len = htons(sizeof packet.udp);
  for (const Vip vip : vips) {
    packet.ip.saddr = htonl(vip.number);
    const ssize_t n = ::sendto(touch_socket_, &packet, sizeof packet, 0,
                               reinterpret_cast<const sockaddr*>(&to), sizeof to);
    if (n < 0 && errno != ENOBUFS)
      return fail(Errc::kIo, fmt::format("the fence cannot be touched: {}", std::strerror(errno)));
  }
  return {};
}

Status FenceTable::change(uint16_t type, uint16_t flags, std::string_view set, Vip vip,
                          Nanos timeout, const MacAddress* value) {
  NetlinkMessage message(NFNL_SUBSYS_NFTABLES << 8 | type,
                         static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags));
  nfgenmsg header{};
  header.nfgen_family = NFPROTO_NETDEV;
  message.add(&header, sizeof header);
  message.attribute(NFTA_SET_ELEM_LIST_TABLE,
                    set == kNext ? next_table(options_.table) : options_.table);
  message.attribute(NFTA_SET_ELEM_LIST_SET, set);
  const size_t list = message.begin_nested(NFTA_SET_ELEM_LIST_ELEMENTS);
  const size_t element = message.begin_nested(NFTA_LIST_ELEM);
  const size_t key = message.begin_nested(NFTA_SET_ELEM_KEY);
  const uint32_t address = htonl(vip.number);
  message.attribute(NFTA_DATA_VALUE, &address, sizeof address);
  message.end_nested(key);
  if (value != nullptr) {
    const size_t data = message.begin_nested(NFTA_SET_ELEM_DATA);
    message.attribute(NFTA_DATA_VALUE, value->data(), value->size());
    message.end_nested(data);
  }
  if (timeout > Nanos(0)) {
    const uint64_t ms = htobe64(static_cast<uint64_t>(whole_ms(timeout)));
    message.attribute(NFTA_SET_ELEM_TIMEOUT, &ms, sizeof ms);
  }
  message.end_nested(element);
  message.end_nested(list);
  return netlink_->change_nftables(std::move(message));
}

Status FenceTable::drop_if_there(std::string_view set, Vip vip) {
  const Status dropped = change(NFT_MSG_DELSETELEM, 0, set, vip, Nanos(0));
  if (!dropped && dropped.error().code != Errc::kNotFound) return dropped;
  return {};
}

// An element that is there keeps its time when it is added again (before Linux 6.12), so it goes
// first.
Status FenceTable::arm(Vip vip) {
  ATOLL_TRY_STATUS(drop_if_there(kArming, vip));
  return change(NFT_MSG_NEWSETELEM, NLM_F_CREATE, kArming, vip, options_.arm_time);
}

// `arming` first: then nothing can put the address into `held` any more.
Status FenceTable::close(Vip vip) {
  const Status armed = drop_if_there(kArming, vip);
  const Status held = drop_if_there(kHeld, vip);
  const Status quiet = drop_if_there(kQuiet, vip);
  if (!held) return held;
  if (!armed || !quiet) return armed ? quiet : armed;
  // That there was nothing to take out may mean that there is no fence at all.
  ATOLL_TRY(const std::set<Vip> open, this->held());
  if (open.contains(vip)) return fail(Errc::kIo, "the fence stays open");
  return {};
}

Status FenceTable::quiesce(Vip vip) {
  return change(NFT_MSG_NEWSETELEM, NLM_F_CREATE, kQuiet, vip, Nanos(0));
}

Status FenceTable::send_on(Vip vip, const MacAddress& to) {
  if (!options_.sending_on) return fail(Errc::kInternal, "nothing is sent on");
  ATOLL_TRY_STATUS(drop_if_there(kNext, vip));
  return change(NFT_MSG_NEWSETELEM, NLM_F_CREATE, kNext, vip, options_.sending_on->limit, &to);
}

Status FenceTable::send_on_no_more(Vip vip) {
  return options_.sending_on ? drop_if_there(kNext, vip) : Status();
}

Result<std::set<Vip>> FenceTable::held() {
  NetlinkMessage message(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM,
                         NLM_F_REQUEST | NLM_F_DUMP);
  nfgenmsg header{};
  header.nfgen_family = NFPROTO_NETDEV;
  message.add(&header, sizeof header);
  message.attribute(NFTA_SET_ELEM_LIST_TABLE, options_.table);
  message.attribute(NFTA_SET_ELEM_LIST_SET, kHeld);
  std::set<Vip> found;
  auto take_value = [&](uint16_t type, std::span<const uint8_t> value) {
    uint32_t address = 0;
    if (type != NFTA_DATA_VALUE || value.size() != sizeof address) return;
    std::memcpy(&address, value.data(), sizeof address);
    found.insert(Vip{ntohl(address)});
  };
  auto take_element = [&](uint16_t type, std::span<const uint8_t> value) {
    if (type == NFTA_SET_ELEM_KEY) for_each_attribute(value, take_value);
  };
  auto take_list = [&](uint16_t, std::span<const uint8_t> value) {
    for_each_attribute(value, take_element);
  };
  auto take_message = [&](uint16_t type, std::span<const uint8_t> value) {
    if (type == NFTA_SET_ELEM_LIST_ELEMENTS) for_each_attribute(value, take_list);
  };
  ATOLL_TRY_STATUS(netlink_->dump(std::move(message), [&](std::span<const uint8_t> payload) {
    if (payload.size() > sizeof header)
      for_each_attribute(payload.subspan(NLMSG_ALIGN(sizeof header)), take_message);
  }));
  return found;
}

}  // namespace atl::vip
