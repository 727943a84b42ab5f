// For tests of the fence in a real kernel: each test runs in a child process with network
// namespaces of its own; `node` has eth0, which leads to `peer`, a packet socket that sees what
// comes out.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <string>

#include "env/real_env.h"
#include "vip/linux_guest.h"
#include "vip/test_network.h"

namespace atl::vip::guest_test {

// Longer than any test: where an address is to stay open, or armed, until somebody closes it.
inline constexpr Nanos kNever = 10min;
// Where it is to expire by itself. Whoever says that it has not yet looks at the clock: in_time().
inline constexpr Nanos kShort = 400ms;
// Less than that, by more than the kernel's clock of time-outs is coarse.
inline constexpr Nanos kInTime = kShort * 7 / 8;
// The kernel has taken it out then.
inline constexpr Nanos kOver = kShort + 10ms;
// Much more than anything here takes; a wait ends as soon as what it waits for is there.
inline constexpr Nanos kPatience = 60s;

inline Vip vip_of(const char* text) {
  return Vip::parse(text).value();
}
inline const Vip kOne = vip_of("10.0.9.1");
inline const Vip kTwo = vip_of("10.0.9.2");

inline bool system_ok(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

// What one test says about itself: written by the child, printed by the parent.
struct Report {
  std::string text;
  void expect(bool good, const std::string& what) {
    if (!good) text += what + "\n";
  }
};

inline bool readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, 0) == 1;
}

// A node with its guest, and the peer's view of what the node sends.
class World {
 public:
  // In the namespace of the calling thread, which must be one of its own: the threads of the
  // environment are made here, and stay where they were made.
  explicit World(Report* report) : report_(report) {}

  bool build() {
    const bool made = system_ok("ip link add eth0 type veth peer name peer0") &&
                      system_ok("ip link set eth0 up && ip link set peer0 up") &&
                      system_ok("ip addr add 10.0.1.1/16 dev eth0");
    // The peer is only looked at by packet sockets: it needs no stack of its own.
    peer_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(ETH_P_ALL);
    at.sll_ifindex = static_cast<int>(::if_nametoindex("peer0"));
    return made && peer_ >= 0 && ::bind(peer_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  }

  env::RealEnv& env() { return env_; }
  LinuxGuest& guest() { return guest_; }

  void must(Status status, const char* what) {
    if (!status) report_->text += std::string(what) + ": " + status.error().to_string() + "\n";
  }
  void prepare(Nanos hold = kNever, Nanos arm = kNever) {
    must(env_.run(guest_.prepare({kOne, kTwo}, hold, arm)), "prepare");
  }
  void take(Vip vip) {
    must(env_.run(guest_.add_address(vip)), "add_address");
    must(env_.run(guest_.arm(vip)), "arm");
    must(env_.run(guest_.open(vip)), "open");
  }
  void hold(Vip vip) { must(env_.run(guest_.hold({vip})), "hold"); }
  std::set<Vip> open_now() {
    auto now = env_.run(guest_.open_now());
    if (!now) report_->text += "open_now: " + now.error().to_string() + "\n";
    return now ? *now : std::set<Vip>();
  }
  std::set<Vip> addresses() {
    auto now = env_.run(guest_.addresses());
    if (!now) report_->text += "addresses: " + now.error().to_string() + "\n";
    return now ? *now : std::set<Vip>();
  }
  void sleep(Nanos time) { env_.run(env_.sleep(time)); }

  // Frames that came out of the node since the last call whose IPv4 or ARP sender is the address.
  int frames_of(Vip vip, int ethertype) {
    int count = 0;
    uint8_t frame[2048];
    sockaddr_ll from{};
    while (true) {
      socklen_t size = sizeof from;
      const ssize_t n =
          ::recvfrom(peer_, frame, sizeof frame, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (n < 0) break;
      if (from.sll_pkttype == PACKET_OUTGOING || n < 42) continue;
      const int type = frame[12] << 8 | frame[13];
      const uint8_t* sender = frame + (type == ETHERTYPE_ARP ? 28 : 26);
      uint32_t number = 0;
      std::memcpy(&number, sender, sizeof number);
      if (type == ethertype && ntohl(number) == vip.number) ++count;
    }
    return count;
  }
  // Waits for such a frame, or until there is something to read from `unless`.
  bool answers(Vip vip, int ethertype, int unless = -1) {
    const Nanos give_up = env_.now() + kPatience;
    while (env_.now() < give_up) {
      if (frames_of(vip, ethertype) > 0) return true;
      if (readable(unless)) return false;
      sleep(1ms);
    }
    return false;
  }
  void forget_frames() { (void)frames_of(kOne, 0); }

  // A SYN from the peer to port 80 of the address; answered by the kernel (SYN+ACK or RST).
  void send_syn(Vip to) {
    uint8_t mac[6] = {};
    ifreq request{};
    std::strncpy(request.ifr_name, "eth0", sizeof request.ifr_name - 1);
    if (::ioctl(peer_, SIOCGIFHWADDR, &request) == 0)
      std::memcpy(mac, request.ifr_hwaddr.sa_data, 6);
    uint8_t frame[54] = {};
    std::memcpy(frame, mac, 6);
    frame[6] = 2;
    frame[12] = 0x08;
    uint8_t* ip = frame + 14;
    ip[0] = 0x45;
    ip[3] = 40;
    ip[8] = 64;
    ip[9] = IPPROTO_TCP;
    put32(ip + 12, vip_of("10.0.200.1").number);
    put32(ip + 16, to.number);
    put16(ip + 10, checksum(ip, 20, 0));
    uint8_t* tcp = ip + 20;
    put16(tcp, 40000);
    put16(tcp + 2, 80);
    tcp[12] = 5 << 4;
    tcp[13] = 2;  // SYN
    put16(tcp + 14, 1024);
    uint32_t pseudo = IPPROTO_TCP + 20;
    for (int i = 12; i < 20; i += 2) pseudo += static_cast<uint32_t>(ip[i] << 8 | ip[i + 1]);
    put16(tcp + 16, checksum(tcp, 20, pseudo));
    inject(frame, sizeof frame);
  }
  // "Who has that address?" from the peer.
  void send_arp_request(Vip to) {
    uint8_t frame[60] = {};
    std::memset(frame, 0xff, 6);
    frame[6] = 2;
    put16(frame + 12, ETHERTYPE_ARP);
    put16(frame + 14, 1);
    put16(frame + 16, ETHERTYPE_IP);
    frame[18] = 6;
    frame[19] = 4;
    put16(frame + 20, 1);
    frame[22] = 2;
    put32(frame + 28, vip_of("10.0.200.1").number);
    put32(frame + 38, to.number);
    inject(frame, sizeof frame);
  }

 private:
  static void put16(uint8_t* at, uint32_t value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
  }
  static void put32(uint8_t* at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value);
  }
  static uint16_t checksum(const uint8_t* bytes, size_t length, uint32_t sum) {
    for (size_t i = 0; i < length; i += 2)
      sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
  }
  void inject(const uint8_t* frame, size_t length) {
    report_->expect(::send(peer_, frame, length, 0) == static_cast<ssize_t>(length),
                    "the peer cannot send");
  }

  Report* report_;
  int peer_ = -1;
  env::RealEnv env_;
  LinuxGuest guest_{env_, {}};
};

// Never touches the machine's own network: a namespace that is just made has lo alone.
inline bool enter_own_namespace() {
  return ::unshare(CLONE_NEWNET) == 0 && ::if_nametoindex("eth0") == 0;
}

// Runs the body in a child of its own, so that its namespace dies with it.
inline void in_child(void (*body)(World&, Report&)) {
  ATOLL_NEEDS_NETWORKS();
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Report report;
    if (enter_own_namespace()) {
      World world(&report);
      if (world.build())
        body(world, report);
      else
        report.text = "the network could not be built\n";
    } else {
      report.text = "no network namespace\n";
    }
    report.text += "done\n";
    (void)!::write(ends[1], report.text.data(), report.text.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char space[4096];
  for (ssize_t n = 0; (n = ::read(ends[0], space, sizeof space)) > 0;)
    text.append(space, static_cast<size_t>(n));
  ::close(ends[0]);
  int how = 0;
  ::waitpid(pid, &how, 0);
  EXPECT_EQ(text, "done\n");
}

}  // namespace atl::vip::guest_test
