#include "vip/netlink.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace atl::vip {
namespace {

Error kernel_error(int number) {
  const std::string text = std::strerror(number);
  switch (number) {
    case EPERM:
    case EACCES:
      return Error(Errc::kPermission, "netlink: " + text);
    case ENOENT:
    case ENODEV:
    case EADDRNOTAVAIL:
      return Error(Errc::kNotFound, "netlink: " + text);
    case EEXIST:
      return Error(Errc::kExists, "netlink: " + text);
    case EOPNOTSUPP:
      return Error(Errc::kUnsupported, "netlink: " + text);
    case EAGAIN:
      return Error(Errc::kTimeout, "netlink: no answer from the kernel");
    default:
      return Error(Errc::kIo, "netlink: " + text);
  }
}

std::vector<uint8_t> batch_mark(uint16_t type, uint32_t sequence) {
  NetlinkMessage message(type, NLM_F_REQUEST);
  nfgenmsg header{};
  header.res_id = htons(NFNL_SUBSYS_NFTABLES);
  message.add(&header, sizeof header);
  return message.finish(sequence);
}

}  // namespace

// --- Messages ---

NetlinkMessage::NetlinkMessage(uint16_t type, uint16_t flags) : bytes_(sizeof(nlmsghdr)) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  std::memcpy(bytes_.data(), &header, sizeof header);
}

void NetlinkMessage::add(const void* bytes, size_t length) {
  const auto* from = static_cast<const uint8_t*>(bytes);
  bytes_.insert(bytes_.end(), from, from + length);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

void NetlinkMessage::attribute(uint16_t type, const void* bytes, size_t length) {
  nlattr header{};
  header.nla_type = type;
  header.nla_len = static_cast<uint16_t>(NLA_HDRLEN + length);
  add(&header, sizeof header);
  add(bytes, length);
}

void NetlinkMessage::attribute(uint16_t type, std::string_view text) {
  const std::string terminated(text);
  attribute(type, terminated.c_str(), terminated.size() + 1);
}

size_t NetlinkMessage::begin_nested(uint16_t type) {
  const size_t begin = bytes_.size();
  nlattr header{};
  header.nla_type = type | NLA_F_NESTED;
  add(&header, sizeof header);
  return begin;
}

void NetlinkMessage::end_nested(size_t begin) {
  const auto length = static_cast<uint16_t>(bytes_.size() - begin);
  std::memcpy(bytes_.data() + begin + offsetof(nlattr, nla_len), &length, sizeof length);
}

std::vector<uint8_t> NetlinkMessage::finish(uint32_t sequence) {
  nlmsghdr header{};
  std::memcpy(&header, bytes_.data(), sizeof header);
  header.nlmsg_len = static_cast<uint32_t>(bytes_.size());
  header.nlmsg_seq = sequence;
  std::memcpy(bytes_.data(), &header, sizeof header);
  return bytes_;
}

void for_each_attribute(std::span<const uint8_t> attributes, const VisitAttribute& visit) {
  while (attributes.size() >= sizeof(nlattr)) {
    nlattr header{};
    std::memcpy(&header, attributes.data(), sizeof header);
    if (header.nla_len < NLA_HDRLEN || header.nla_len > attributes.size()) return;
    visit(header.nla_type & NLA_TYPE_MASK,
          attributes.subspan(NLA_HDRLEN, header.nla_len - NLA_HDRLEN));
    attributes = attributes.subspan(std::min<size_t>(NLA_ALIGN(header.nla_len), attributes.size()));
  }
}

// --- The socket ---

Result<std::unique_ptr<NetlinkSocket>> NetlinkSocket::open(int protocol) {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return fail(kernel_error(errno));
  std::unique_ptr<NetlinkSocket> socket(new NetlinkSocket(fd));
  timeval limit{};
  limit.tv_sec = kNetlinkDeadline / 1s;
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
    return fail(kernel_error(errno));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(kernel_error(errno));
  return socket;
}

NetlinkSocket::~NetlinkSocket() {
  ::close(fd_);
}

Status NetlinkSocket::change(NetlinkMessage message) {
  const uint32_t sequence = ++sequence_;
  ATOLL_TRY_STATUS(send(message.finish(sequence)));
  return receive(sequence, {});
}

Status NetlinkSocket::change_nftables(NetlinkMessage message) {
  const uint32_t begin = ++sequence_;
  const uint32_t sequence = ++sequence_;
  std::vector<uint8_t> all = batch_mark(NFNL_MSG_BATCH_BEGIN, begin);
  const std::vector<uint8_t> middle = message.finish(sequence);
  all.insert(all.end(), middle.begin(), middle.end());
  const std::vector<uint8_t> end = batch_mark(NFNL_MSG_BATCH_END, ++sequence_);
  all.insert(all.end(), end.begin(), end.end());
  ATOLL_TRY_STATUS(send(all));
  return receive(sequence, {});
}

Status NetlinkSocket::dump(NetlinkMessage message, const Visit& visit) {
  const uint32_t sequence = ++sequence_;
  ATOLL_TRY_STATUS(send(message.finish(sequence)));
  return receive(sequence, visit);
}

Status NetlinkSocket::send(const std::vector<uint8_t>& bytes) {
  ssize_t n = 0;
  do n = ::send(fd_, bytes.data(), bytes.size(), 0);
  while (n < 0 && errno == EINTR);
  if (n < 0) return fail(kernel_error(errno));
  return {};
}

// Until the acknowledgement, the error, or the end of the dump with that sequence number. An error
// for the beginning of a transaction (no permission, for instance) has the number before it.
Status NetlinkSocket::receive(uint32_t sequence, const Visit& visit) {
  std::vector<uint8_t> piece(kNetlinkPiece);
  while (true) {
    const ssize_t n = ::recv(fd_, piece.data(), piece.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(kernel_error(errno));
    std::span<const uint8_t> rest(piece.data(), static_cast<size_t>(n));
    while (rest.size() >= sizeof(nlmsghdr)) {
      nlmsghdr header{};
      std::memcpy(&header, rest.data(), sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size())
        return fail(Errc::kIo, "netlink: a message of impossible length");
      const auto payload = rest.subspan(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
      rest = rest.subspan(std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), rest.size()));
      const bool ours = header.nlmsg_seq == sequence;
      if (header.nlmsg_type == NLMSG_ERROR) {
        nlmsgerr error{};
        if (payload.size() < sizeof error) return fail(Errc::kIo, "netlink: a short error");
        std::memcpy(&error, payload.data(), sizeof error);
        if (error.error != 0 && (ours || header.nlmsg_seq + 1 == sequence))
          return fail(kernel_error(-error.error));
        if (ours) return {};
      } else if (ours && header.nlmsg_type == NLMSG_DONE) {
        return {};
      } else if (ours && visit) {
        visit(payload);
      }
    }
  }
}

Result<uint32_t> interface_index(const std::string& name) {
  const uint32_t index = ::if_nametoindex(name.c_str());
  if (index == 0) return fail(Errc::kNotFound, fmt::format("there is no interface {}", name));
  return index;
}

NetlinkMessage address_message(uint16_t type, uint16_t flags, uint32_t interface, uint32_t address,
                               uint8_t scope) {
  NetlinkMessage message(type, static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags));
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 32;
  header.ifa_scope = scope;
  header.ifa_index = interface;
  message.add(&header, sizeof header);
  const uint32_t in_order = htonl(address);
  message.attribute(IFA_LOCAL, &in_order, sizeof in_order);
  message.attribute(IFA_ADDRESS, &in_order, sizeof in_order);
  return message;
}

}  // namespace atl::vip
