// Netlink: messages built and read by hand, and a socket that asks and waits for the answer.
//
// For the few messages of LinuxGuest: addresses and the tunnel (rtnetlink), elements of sets
// (nfnetlink).
// Ownership: a socket belongs to one caller at a time. Threads: any one; calls block shortly.
// Errors: kPermission, kNotFound (ENOENT, ENODEV, EADDRNOTAVAIL), kExists,
// kUnsupported (EOPNOTSUPP), kIo with what the kernel said; kTimeout when no answer comes within
// kNetlinkDeadline.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace atl::vip {

// The kernel answers while the call is made; this is for a machine that has stopped.
inline constexpr Nanos kNetlinkDeadline = 5s;
// Answers to a dump come in pieces of at most so much.
inline constexpr size_t kNetlinkPiece = 64u << 10;

// One message: header, family's header, attributes. Integers as they are given: the caller swaps.
class NetlinkMessage {
 public:
  NetlinkMessage(uint16_t type, uint16_t flags);
  void add(const void* bytes, size_t length);  // the family's own header
  void attribute(uint16_t type, const void* bytes, size_t length);
  void attribute(uint16_t type, std::string_view text);  // with the zero at the end
  size_t begin_nested(uint16_t type);
  void end_nested(size_t begin);
  std::vector<uint8_t> finish(uint32_t sequence);

 private:
  std::vector<uint8_t> bytes_;
};

// Attributes of a message, one after another: calls `visit` with type (flags taken off) and value.
using VisitAttribute = std::function<void(uint16_t type, std::span<const uint8_t> value)>;
void for_each_attribute(std::span<const uint8_t> attributes, const VisitAttribute& visit);

// Asked each time: an interface that was made anew has another. kNotFound.
Result<uint32_t> interface_index(const std::string& name);
// Adds or takes away a /32 (RTM_NEWADDR, RTM_DELADDR) and is acknowledged. `address` in host order.
NetlinkMessage address_message(uint16_t type, uint16_t flags, uint32_t interface, uint32_t address,
                               uint8_t scope);

class NetlinkSocket {
 public:
  static Result<std::unique_ptr<NetlinkSocket>> open(int protocol);  // NETLINK_ROUTE, ...
  ~NetlinkSocket();
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;

  // Sends the message and waits until the kernel has acknowledged it.
  Status change(NetlinkMessage message);
  // The same inside a transaction of nftables.
  Status change_nftables(NetlinkMessage message);
  // Visits the payload of each message of the answer.
  using Visit = std::function<void(std::span<const uint8_t> payload)>;
  Status dump(NetlinkMessage message, const Visit& visit);

 private:
  explicit NetlinkSocket(int fd) : fd_(fd) {}
  Status send(const std::vector<uint8_t>& bytes);
  Status receive(uint32_t sequence, const Visit& visit);

  int fd_;
  uint32_t sequence_ = 0;
};

}  // namespace atl::vip
