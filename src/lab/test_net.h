// Kernel sockets in the laboratory's namespaces, for tests: the kernel answers for a listening
// socket by itself, so no process is needed to have a node that answers for an address.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "lab/command.h"
#include "lab/netlab.h"
#include "lab/route_socket.h"
#include "vip/test_network.h"

namespace atl::lab {

inline sockaddr_in socket_address(const std::string& address, uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &a.sin_addr);
  return a;
}

// A command in a place of the laboratory; the test fails when it does.
inline void in(NetLab& lab, Place place, std::vector<std::string> argv) {
  const auto said = run_command(argv, {}, lab.space(place).value()->fd());
  ASSERT_TRUE(said) << said.error().to_string();
}

inline void add_address(NetLab& lab, size_t node, const std::string& vip) {
  in(lab, node_place(node), {"ip", "addr", "add", vip + "/32", "dev", "eth0"});
}
inline void remove_address(NetLab& lab, size_t node, const std::string& vip) {
  in(lab, node_place(node), {"ip", "addr", "del", vip + "/32", "dev", "eth0"});
}

// An ARP frame as an interface of a node sends it to all; with sender == target and opcode 2 a
// gratuitous one.
inline void send_arp(NetLab& lab, size_t node, vip::Vip sender, vip::Vip target, uint8_t opcode,
                     uint8_t target_hardware = 0xff, const char* by = "eth0") {
  const Namespace& space = *lab.space(node_place(node)).value();
  const FileHandle file = space.socket(AF_PACKET, SOCK_DGRAM, 0).value();
  unsigned interface = 0;
  ASSERT_TRUE(space.run([&]() -> Status {
    interface = if_nametoindex(by);
    return {};
  }));
  std::array<uint8_t, 28> frame = {0, 1, 8, 0, 6, 4, 0, opcode, 0x42, 1, 10, 0, 1};
  frame[13] = static_cast<uint8_t>(node);
  for (size_t i = 0; i < 4; ++i) {
    frame[14 + i] = static_cast<uint8_t>(sender.number >> (24 - 8 * i));
    frame[24 + i] = static_cast<uint8_t>(target.number >> (24 - 8 * i));
  }
  for (size_t i = 18; i < 24; ++i) frame[i] = target_hardware;
  sockaddr_ll all{};
  all.sll_family = AF_PACKET;
  all.sll_protocol = htons(ETH_P_ARP);
  all.sll_ifindex = static_cast<int>(interface);
  all.sll_halen = 6;
  for (size_t i = 0; i < 6; ++i) all.sll_addr[i] = 0xff;
  ASSERT_EQ(sendto(file.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&all),
                   sizeof all),
            static_cast<ssize_t>(frame.size()));
}
inline void send_garp(NetLab& lab, size_t node, vip::Vip vip) {
  send_arp(lab, node, vip, vip, 2);
}

// Any address of the node.
inline FileHandle listen_at(NetLab& lab, Place place, uint16_t port = 80) {
  auto file = lab.space(place).value()->socket(AF_INET, SOCK_STREAM, 0).value();
  const int yes = 1;
  EXPECT_EQ(setsockopt(file.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), 0);
  const sockaddr_in any = socket_address("0.0.0.0", port);
  EXPECT_EQ(bind(file.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  EXPECT_EQ(listen(file.get(), 64), 0);
  return file;
}

struct Attempt {
  FileHandle file;
  bool connected = false;
  int error = 0;  // 0 and not connected: no answer
};

// For what must work, `limit` is far more than it takes; for what must not, it is how long the
// packets have to go astray.
inline Attempt try_connect(NetLab& lab, Place from, const std::string& to, Nanos limit = 10s,
                           uint16_t port = 80) {
  Attempt attempt;
  attempt.file = lab.space(from).value()->socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0).value();
  const sockaddr_in there = socket_address(to, port);
  const int fd = attempt.file.get();
  if (connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0 &&
      errno != EINPROGRESS) {
    attempt.error = errno;
    return attempt;
  }
  pollfd ready{fd, POLLOUT, 0};
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  if (poll(&ready, 1, static_cast<int>(millis)) <= 0) return attempt;
  socklen_t size = sizeof attempt.error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &attempt.error, &size);
  attempt.connected = attempt.error == 0;
  return attempt;
}

// The connection that has come to this listener.
inline FileHandle take_one(const FileHandle& listener) {
  pollfd ready{listener.get(), POLLIN, 0};
  EXPECT_EQ(poll(&ready, 1, 10'000), 1);
  return FileHandle(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

// Does a datagram get through in that direction?
inline bool datagram_passes(NetLab& lab, Place from, Place to, const std::string& address,
                            Nanos limit) {
  const FileHandle at = lab.space(to).value()->socket(AF_INET, SOCK_DGRAM, 0).value();
  const sockaddr_in there = socket_address(address, 90);
  EXPECT_EQ(bind(at.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there), 0);
  const FileHandle file = lab.space(from).value()->socket(AF_INET, SOCK_DGRAM, 0).value();
  EXPECT_EQ(sendto(file.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there),
            1);
  pollfd ready{at.get(), POLLIN, 0};
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  return poll(&ready, 1, static_cast<int>(millis)) == 1;
}

// A connection has come to this listener: it is taken and closed. Says which node was reached.
inline bool accepts(const FileHandle& listener) {
  pollfd ready{listener.get(), POLLIN, 0};
  if (poll(&ready, 1, 0) <= 0) return false;
  const FileHandle taken(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return taken.get() >= 0;
}

}  // namespace atl::lab
