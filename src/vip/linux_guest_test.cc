// The fence in a real kernel. Each test runs in a child process with network namespaces of its own:
// `node` has eth0, which leads to `peer` in a second namespace.
#include "vip/linux_guest.h"

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

#include <fmt/format.h>

#include "env/real_env.h"
#include "vip/feed_program.h"
#include "vip/interface.h"
#include "vip/test_network.h"

namespace atl::vip {
namespace {

// Long against what a busy machine may keep a process waiting, since an address must not expire
// where a test says that it is held.
constexpr Nanos kHold = 600ms;
constexpr Nanos kArm = 600ms;
// Much more than anything here takes; a wait ends as soon as what it waits for is there.
constexpr Nanos kPatience = 60s;

Vip vip_of(const char* text) {
  return Vip::parse(text).value();
}
const Vip kOne = vip_of("10.0.9.1");
const Vip kTwo = vip_of("10.0.9.2");

bool system_ok(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

// What one test says about itself: written by the child, printed by the parent.
struct Report {
  std::string text;
  void expect(bool good, const std::string& what) {
    if (!good) text += what + "\n";
  }
};

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
  void prepare() { must(env_.run(guest_.prepare({kOne, kTwo}, kHold, kArm)), "prepare"); }
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
  // Waits for such a frame.
  bool answers(Vip vip, int ethertype) {
    const Nanos give_up = env_.now() + kPatience;
    while (env_.now() < give_up) {
      if (frames_of(vip, ethertype) > 0) return true;
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
bool enter_own_namespace() {
  return ::unshare(CLONE_NEWNET) == 0 && ::if_nametoindex("eth0") == 0;
}

// Runs the body in a child of its own, so that its namespace dies with it.
void in_child(void (*body)(World&, Report&)) {
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

TEST(LinuxGuest, TakesAddsHoldsAndCloses) {
  in_child([](World& w, Report& r) {
    w.prepare();
    r.expect(w.open_now().empty() && w.addresses().empty(), "something is there at the start");
    w.take(kOne);
    w.must(w.env().run(w.guest().add_address(kOne)), "the second add_address");
    r.expect(w.open_now() == std::set<Vip>{kOne}, "the address is not open");
    r.expect(w.addresses() == std::set<Vip>{kOne}, "the address is not on the interface");
    // Held for several times the hold, it stays.
    for (int i = 0; i < 20; ++i) {
      w.sleep(kHold / 8);
      w.hold(kOne);
    }
    r.expect(w.open_now() == std::set<Vip>{kOne}, "the address did not stay open");
    w.must(w.env().run(w.guest().close(kOne)), "close");
    r.expect(w.open_now().empty(), "the address is open after close");
    w.must(w.env().run(w.guest().close(kOne)), "the second close");
    w.must(w.env().run(w.guest().remove_address(kOne)), "remove_address");
    w.must(w.env().run(w.guest().remove_address(kOne)), "the second remove_address");
    r.expect(w.addresses().empty(), "the address is still there");
  });
}

TEST(LinuxGuest, ExpiresWithoutAnybodysDoing) {
  in_child([](World& w, Report& r) {
    w.prepare();
    w.take(kOne);
    r.expect(w.open_now() == std::set<Vip>{kOne}, "not open");
    w.sleep(kHold + 10ms);
    r.expect(w.open_now().empty(), "open after kernel_hold");
  });
}

TEST(LinuxGuest, ALateHoldRevivesNothing) {
  in_child([](World& w, Report& r) {
    w.prepare();
    w.take(kOne);
    w.sleep(kHold + 10ms);
    w.hold(kOne);
    r.expect(w.open_now().empty(), "hold() revived an expired address");
    w.take(kOne);
    r.expect(w.open_now() == std::set<Vip>{kOne}, "it cannot be taken again");
    w.must(w.env().run(w.guest().close(kOne)), "close");
    w.hold(kOne);
    r.expect(w.open_now().empty(), "hold() revived a closed address");
  });
}

TEST(LinuxGuest, ALateOpenOpensNothing) {
  in_child([](World& w, Report& r) {
    w.prepare();
    w.must(w.env().run(w.guest().open(kOne)), "open");
    r.expect(w.open_now().empty(), "open() worked without arm()");
    w.must(w.env().run(w.guest().arm(kOne)), "arm");
    w.sleep(kArm + 10ms);
    w.must(w.env().run(w.guest().open(kOne)), "open");
    r.expect(w.open_now().empty(), "open() worked after arm_time");
    w.must(w.env().run(w.guest().arm(kOne)), "arm");
    w.must(w.env().run(w.guest().close(kOne)), "close");
    w.must(w.env().run(w.guest().open(kOne)), "open");
    r.expect(w.open_now().empty(), "open() worked after close()");
  });
}

TEST(LinuxGuest, ArmingAgainGivesTheFullTime) {
  in_child([](World& w, Report& r) {
    w.prepare();
    w.must(w.env().run(w.guest().arm(kOne)), "arm");
    w.sleep(kArm * 3 / 4);
    w.must(w.env().run(w.guest().arm(kOne)), "arm");
    w.sleep(kArm / 2);
    w.must(w.env().run(w.guest().open(kOne)), "open");
    r.expect(w.open_now() == std::set<Vip>{kOne}, "the first arm() counted, not the second");
  });
}

TEST(LinuxGuest, WhatIsNotHeldIsSilent) {
  in_child([](World& w, Report& r) {
    w.prepare();
    w.must(w.env().run(w.guest().add_address(kOne)), "add_address");
    w.sleep(20ms);
    w.forget_frames();
    w.send_arp_request(kOne);
    w.sleep(20ms);
    r.expect(w.frames_of(kOne, ETHERTYPE_ARP) == 0, "ARP was answered without hold");
    w.must(w.env().run(w.guest().announce(kOne, GarpForm::kReply)), "announce");
    w.sleep(20ms);
    r.expect(w.frames_of(kOne, ETHERTYPE_ARP) == 0, "the address was announced without hold");
    system_ok("ip neigh replace 10.0.200.1 lladdr 02:00:00:00:00:00 dev eth0");
    w.send_syn(kOne);
    w.sleep(20ms);
    r.expect(w.frames_of(kOne, ETHERTYPE_IP) == 0, "TCP was answered without hold");

    w.must(w.env().run(w.guest().arm(kOne)), "arm");
    w.must(w.env().run(w.guest().open(kOne)), "open");
    w.send_arp_request(kOne);
    r.expect(w.answers(kOne, ETHERTYPE_ARP), "ARP was not answered while held");
    w.hold(kOne);
    w.send_syn(kOne);
    r.expect(w.answers(kOne, ETHERTYPE_IP), "TCP was not answered while held");
    w.hold(kOne);
    w.must(w.env().run(w.guest().announce(kOne, GarpForm::kReply)), "announce");
    r.expect(w.answers(kOne, ETHERTYPE_ARP), "not announced while held");
    // The node's own address is none of the fence's business.
    w.send_syn(vip_of("10.0.1.1"));
    r.expect(w.answers(vip_of("10.0.1.1"), ETHERTYPE_IP), "the node's own address is fenced");
  });
}

TEST(LinuxGuest, TouchesDoNotLeaveTheNode) {
  in_child([](World& w, Report& r) {
    w.prepare();
    w.take(kOne);
    w.sleep(20ms);
    w.forget_frames();
    w.hold(kOne);
    w.hold(kTwo);
    w.sleep(20ms);
    r.expect(w.frames_of(kOne, ETHERTYPE_IP) + w.frames_of(kTwo, ETHERTYPE_IP) == 0,
             "a touch was seen outside");
  });
}

TEST(LinuxGuest, QuiesceLetsNoNewConnectionIn) {
  in_child([](World& w, Report& r) {
    w.prepare();
    system_ok("ip neigh replace 10.0.200.1 lladdr 02:00:00:00:00:00 dev eth0");
    w.take(kOne);
    w.forget_frames();
    w.must(w.env().run(w.guest().quiesce(kOne)), "quiesce");
    w.must(w.env().run(w.guest().quiesce(kOne)), "the second quiesce");
    w.send_syn(kOne);
    w.sleep(20ms);
    r.expect(w.frames_of(kOne, ETHERTYPE_IP) == 0, "a SYN was answered after quiesce()");
    w.must(w.env().run(w.guest().close(kOne)), "close");
    w.take(kOne);
    w.send_syn(kOne);
    r.expect(w.answers(kOne, ETHERTYPE_IP), "close() did not undo quiesce()");
  });
}

TEST(LinuxGuest, PrepareTakesAwayWhatAnEarlierProcessLeft) {
  in_child([](World& w, Report& r) {
    w.prepare();
    w.take(kOne);
    system_ok("ip addr add 10.0.7.7/32 dev eth0");
    LinuxGuest next(w.env(), {});
    w.must(w.env().run(next.prepare({kOne, kTwo}, kHold, kArm)), "prepare");
    auto left = w.env().run(next.addresses());
    r.expect(left && left->empty(), "the address stayed");
    auto open = w.env().run(next.open_now());
    r.expect(open && open->empty(), "the fence stayed open");
    r.expect(system_ok("ip addr show dev eth0 | grep -q 10.0.7.7"),
             "an address of others went too");
    // A word of the process before it has no effect either.
    w.hold(kOne);
    r.expect(w.env().run(next.open_now())->empty(), "an earlier process opened the fence");
  });
}

// Holds the address for ever, in a process that is then stopped.
void keep_holding(int report_fd) {
  env::RealEnv env;
  LinuxGuest guest(env, {});
  bool good = env.run(guest.prepare({kOne}, kHold, kArm)).has_value() &&
              env.run(guest.add_address(kOne)).has_value() &&
              env.run(guest.arm(kOne)).has_value() && env.run(guest.open(kOne)).has_value();
  (void)!::write(report_fd, good ? "y" : "n", 1);
  while (good) {
    good = env.run(guest.hold({kOne})).has_value();
    env.run(env.sleep(kHold / 8));
  }
  ::_exit(1);
}

TEST(LinuxGuest, AStoppedProcessGoesSilent) {
  in_child([](World& w, Report& r) {
    system_ok("ip neigh replace 10.0.200.1 lladdr 02:00:00:00:00:00 dev eth0");
    int ends[2];
    r.expect(::pipe(ends) == 0, "pipe");
    const pid_t holder = ::fork();
    if (holder == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      keep_holding(ends[1]);
    }
    char good = 'n';
    r.expect(::read(ends[0], &good, 1) == 1 && good == 'y', "the holder did not begin");
    w.sleep(2 * kHold);
    w.forget_frames();
    w.send_syn(kOne);
    r.expect(w.answers(kOne, ETHERTYPE_IP), "the holder does not answer");
    ::kill(holder, SIGSTOP);
    int how = 0;
    ::waitpid(holder, &how, WUNTRACED);
    w.sleep(kHold + 10ms);
    w.forget_frames();
    w.send_syn(kOne);
    w.send_arp_request(kOne);
    w.sleep(20ms);
    r.expect(w.frames_of(kOne, ETHERTYPE_IP) == 0, "the stopped process's address answers TCP");
    w.send_arp_request(kOne);
    w.sleep(20ms);
    r.expect(w.frames_of(kOne, ETHERTYPE_ARP) == 0, "the stopped process's address answers ARP");
    // It goes on, and goes on holding: in vain.
    ::kill(holder, SIGCONT);
    w.sleep(2 * kHold);
    w.send_syn(kOne);
    w.sleep(20ms);
    r.expect(w.frames_of(kOne, ETHERTYPE_IP) == 0, "it came back by holding alone");
    ::kill(holder, SIGKILL);
    ::waitpid(holder, &how, 0);
  });
}

TEST(LinuxGuest, SaysWhatIsMissing) {
  in_child([](World& w, Report& r) {
    LinuxGuestOptions options;
    options.fenced = {"eth9"};
    LinuxGuest guest(w.env(), options);
    const Status status = w.env().run(guest.prepare({kOne}, kHold, kArm));
    r.expect(!status && status.error().code == Errc::kNotFound, "an interface that is not there");
    const Status early = w.env().run(guest.hold({kOne}));
    r.expect(!early && early.error().code == Errc::kInternal, "hold() before prepare()");
    const Status bad = feed_program({"nft", "-f", "-"}, "nonsense", 10s);
    r.expect(!bad && bad.error().message.find("nonsense") != std::string::npos,
             "what nft said is not told");
  });
}

TEST(GarpFrame, IsAsTheSpecificationSays) {
  const MacAddress mac = {2, 1, 3, 5, 7, 9};
  const auto frame = garp_frame(mac, vip_of("10.0.9.1"), GarpForm::kReply);
  const std::vector<uint8_t> head(frame.begin(), frame.begin() + 42);
  const std::vector<uint8_t> wanted = {
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  1, 3, 5, 7, 9, 0x08, 0x06,  // to all, from us, ARP
      0,    1,    0x08, 0,    6,    4,    0,  2,                          // Ethernet, IPv4, reply
      2,    1,    3,    5,    7,    9,    10, 0, 9, 1,                    // sender
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 10, 0, 9, 1};                   // target
  EXPECT_EQ(head, wanted);
}

TEST(GarpFrame, ForNeighboursItIsARequestToNobody) {
  const MacAddress mac = {2, 1, 3, 5, 7, 9};
  const auto frame = garp_frame(mac, vip_of("10.0.9.1"), GarpForm::kRequest);
  EXPECT_EQ(frame[21], 1);
  for (size_t i = 32; i < 38; ++i) EXPECT_EQ(frame[i], 0) << i;
}

}  // namespace
}  // namespace atl::vip
