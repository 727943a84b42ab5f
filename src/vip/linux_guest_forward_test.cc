// What still arrives after a planned move, in real kernels: a client, the old holder, the new one,
// and a router between them that goes on delivering to the old one.
#include <fcntl.h>

#include <memory>
#include <thread>

#include "vip/linux_guest_test_world.h"
#include "vip/tunnel.h"

namespace atl::vip {
namespace {

using namespace guest_test;

constexpr uint16_t kPort = 80;
constexpr size_t kTransfer = 1u << 20;
// As Google's networks have it: less than the tunnel needs for a packet of a client in one piece.
constexpr const char* kMtu = "1460";
// Long enough for what goes through to be there; what does not is looked for no longer than that.
constexpr int kSilenceMs = 200;

class Space {
 public:
  explicit Space(int home) : home_(home) {
    made_ = ::unshare(CLONE_NEWNET) == 0;
    own_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    leave();
  }
  bool made() const { return made_ && own_ >= 0; }
  int ns() const { return own_; }
  void enter() const { (void)::setns(own_, CLONE_NEWNET); }
  void leave() const { (void)::setns(home_, CLONE_NEWNET); }
  bool ok(const std::string& command) const {
    enter();
    const bool good = system_ok(command);
    leave();
    return good;
  }
  int socket() const {
    enter();
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    leave();
    timeval limit{};
    limit.tv_sec = kPatience / 1s;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
  }

 private:
  int home_;
  int own_ = -1;
  bool made_ = false;
};

struct Node {
  Node(int home, const char* own_address) : space(home), own(vip_of(own_address)) {}
  // The threads of a guest are made in the node's namespace, and stay there.
  void start(std::vector<Vip> others, Nanos limit = kForwardLimit,
             std::vector<Prefix> probers = {}) {
    space.enter();
    guest.reset();
    if (!env) env = std::make_unique<env::RealEnv>();
    LinuxGuestOptions options;
    LinuxForwarding forwarding;
    forwarding.own = own;
    forwarding.nodes = std::move(others);
    forwarding.probers = std::move(probers);
    forwarding.limit = limit;
    options.forwarding = forwarding;
    guest = std::make_unique<LinuxGuest>(*env, options);
    space.leave();
  }
  void start_without_forwarding() {
    space.enter();
    guest = std::make_unique<LinuxGuest>(*env, LinuxGuestOptions());
    space.leave();
  }
  Space space;
  Vip own;
  std::unique_ptr<env::RealEnv> env;
  std::unique_ptr<LinuxGuest> guest;
};

sockaddr_in at(Vip vip) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(kPort);
  out.sin_addr.s_addr = htonl(vip.number);
  return out;
}

class Net {
 public:
  Net(Report& report, int home)
      : report_(report),
        home_(home),
        old_(home, "10.0.1.1"),
        next_(home, "10.0.1.2"),
        client_(home) {}

  bool build() {
    return old_.space.made() && next_.space.made() && client_.made() &&
           system_ok("ip link set lo up && ip addr add 10.0.0.1/32 dev lo") &&
           system_ok(
               "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.proxy_arp=1 "
               "net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0") &&
           link("va", old_.space, "10.0.1.1") && link("vb", next_.space, "10.0.1.2") &&
           link("vc", client_, "10.0.200.1") && delivers(kOne);
  }
  Node& old_holder() { return old_; }
  Node& new_holder() { return next_; }
  // The router goes on sending it to the old holder.
  bool delivers(Vip vip) {
    return system_ok("ip route add " + vip.to_string() + " via 10.0.1.1 dev va onlink");
  }

  void must(Status status, const char* what) {
    if (!status) report_.text += std::string(what) + ": " + status.error().to_string() + "\n";
  }
  void prepare(Node& node) {
    must(node.env->run(node.guest->prepare({kOne, kTwo}, kNever, kNever)), "prepare");
  }
  void take(Node& node, Vip vip) {
    must(node.env->run(node.guest->add_address(vip)), "add_address");
    must(node.env->run(node.guest->arm(vip)), "arm");
    must(node.env->run(node.guest->open(vip)), "open");
  }
  void forward(std::optional<Vip> to) {
    must(old_.env->run(old_.guest->forward(kOne, to)), "forward");
  }
  // Both up, the new holder answers at the address, and the old one sends on what arrives for it.
  void move() {
    old_.start({next_.own});
    next_.start({old_.own});
    prepare(old_);
    prepare(next_);
    take(next_, kOne);
    listen(next_.space, kOne);
    forward(next_.own);
  }
  void listen(const Space& where, Vip vip) {
    listener_ = where.socket();
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in here = at(vip);
    report_.expect(::bind(listener_, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0 &&
                       ::listen(listener_, 16) == 0,
                   "no listener at " + vip.to_string());
  }
  // Is a connection from the client to the address taken?
  bool reached(Vip vip) {
    const int socket = client_.socket();
    ::fcntl(socket, F_SETFL, O_NONBLOCK);
    const sockaddr_in there = at(vip);
    (void)!::connect(socket, reinterpret_cast<const sockaddr*>(&there), sizeof there);
    pollfd wait{socket, POLLOUT, 0};
    const bool answered = ::poll(&wait, 1, kSilenceMs) == 1 && (wait.revents & POLLERR) == 0;
    ::close(socket);
    return answered;
  }
  // The same, with as long as it takes.
  bool reached_in_time(Vip vip) {
    for (const auto until = std::chrono::steady_clock::now() + kPatience;
         std::chrono::steady_clock::now() < until;)
      if (reached(vip)) return true;
    return false;
  }
  // kTransfer bytes there and back on one connection.
  bool transfer() {
    drop_waiting();
    std::jthread server([this] {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (receive(socket) == kTransfer) send(socket);
      ::close(socket);
    });
    const int socket = client_.socket();
    const sockaddr_in there = at(kOne);
    size_t got = 0;
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&there), sizeof there) == 0) {
      send(socket);
      got = receive(socket);
    }
    ::close(socket);
    return got == kTransfer;
  }
  void expect(bool good, const char* what) { report_.expect(good, what); }

 private:
  bool link(const std::string& port, const Space& space, const std::string& address) {
    const std::string peer =
        "netns /proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(space.ns());
    return system_ok("ip link add " + port + " mtu " + kMtu + " type veth peer name eth0 mtu " +
                     kMtu + " " + peer) &&
           system_ok("ip link set " + port + " up && ip route add " + address + " dev " + port) &&
           system_ok("sysctl -qw net.ipv4.neigh." + port + ".proxy_delay=0") &&
           // As the clouds' images have it.
           space.ok("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1") &&
           space.ok("ip link set lo up && ip addr add " + address +
                    "/32 dev eth0 && ip link set eth0 up && "
                    "ip route add default via 10.0.0.1 dev eth0 onlink");
  }
  // Connections that reached() made.
  void drop_waiting() {
    while (readable(listener_)) ::close(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
  }
  static void send(int socket) {
    const std::string bytes(kTransfer, 'x');
    for (size_t done = 0; done < bytes.size();) {
      const ssize_t n = ::send(socket, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (n <= 0) return;
      done += static_cast<size_t>(n);
    }
  }
  static size_t receive(int socket) {
    char space[65536];
    size_t got = 0;
    while (got < kTransfer) {
      const ssize_t n = ::recv(socket, space, sizeof space, 0);
      if (n <= 0) break;
      got += static_cast<size_t>(n);
    }
    return got;
  }

  Report& report_;
  int home_;
  Node old_, next_;
  Space client_;
  int listener_ = -1;
};

// The router's namespace is where the child's thread is.
void in_net(void (*body)(Net&)) {
  static void (*run)(Net&);
  run = body;
  in_child([](World&, Report& report) {
    report.expect(::unshare(CLONE_NEWNET) == 0, "no namespace for the router");
    const int home = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    Net net(report, home);
    if (net.build())
      run(net);
    else
      report.text += "the network could not be built\n";
  });
}

TEST(LinuxGuestForward, WhatArrivesAtTheOldHolderIsAnsweredByTheNewOne) {
  in_net([](Net& n) {
    n.old_holder().start({n.new_holder().own});
    n.new_holder().start({n.old_holder().own});
    n.prepare(n.old_holder());
    n.prepare(n.new_holder());
    n.take(n.new_holder(), kOne);
    n.listen(n.new_holder().space, kOne);
    n.expect(!n.reached(kOne), "it was reached although nothing is sent on");
    n.forward(n.new_holder().own);
    n.forward(n.new_holder().own);
    n.expect(n.reached_in_time(kOne), "what arrives is not sent on");
    n.expect(n.transfer(), "a transfer of many packets did not come through");
    n.forward(std::nullopt);
    n.expect(!n.reached(kOne), "it was reached after the end");
    n.forward(std::nullopt);
  });
}

TEST(LinuxGuestForward, OutlivesItsProcessAndEndsByTheNext) {
  in_net([](Net& n) {
    n.move();
    n.old_holder().guest.reset();
    n.expect(n.transfer(), "it ended with the process");
    n.old_holder().start({n.new_holder().own});
    n.prepare(n.old_holder());
    n.expect(n.transfer(), "it ended when the next process began");
    n.forward(std::nullopt);
    n.expect(!n.reached(kOne), "the next process cannot end it");
  });
}

TEST(LinuxGuestForward, EndsByItselfAfterTheLimit) {
  in_net([](Net& n) {
    n.move();
    n.expect(n.reached_in_time(kOne), "what arrives is not sent on");
    n.old_holder().start({n.new_holder().own}, kShort);
    n.prepare(n.old_holder());
    n.forward(n.new_holder().own);
    n.old_holder().env->run(n.old_holder().env->sleep(kOver));
    n.expect(!n.reached(kOne), "it goes on for ever");
  });
}

TEST(LinuxGuestForward, ItsConfigurationTakesItAway) {
  in_net([](Net& n) {
    n.move();
    const std::string device = Tunnel::device_of("atoll");
    n.expect(n.old_holder().space.ok("ip link show dev " + device), "there is no tunnel");
    n.old_holder().start_without_forwarding();
    n.prepare(n.old_holder());
    n.forward(n.new_holder().own);
    n.expect(!n.reached(kOne), "it was sent on");
    n.expect(!n.old_holder().space.ok("ip link show dev " + device), "the tunnel stayed");
    n.expect(!n.old_holder().space.ok("nft list table netdev atoll-next"), "the table stayed");
  });
}

TEST(LinuxGuestForward, TheTunnelIsNoWayToAnotherAddressOfTheNode) {
  in_net([](Net& n) {
    n.move();
    const Vip other = vip_of("10.0.7.7");
    n.expect(n.delivers(other) && n.new_holder().space.ok("ip addr add 10.0.7.7/32 dev eth0"),
             "no other address");
    n.expect(n.old_holder().space.ok("nft add element netdev atoll-next next "
                                     "'{ 10.0.7.7 : 02:00:0a:00:01:02 }'"),
             "not sent on by hand");
    n.expect(n.reached_in_time(kOne), "what arrives is not sent on");
    n.listen(n.new_holder().space, other);
    n.expect(!n.reached(other), "another address of the node was reached");
  });
}

// Nor to an address of the pool that it does not hold.
TEST(LinuxGuestForward, TheNewHolderTakesNothingForWhatItDoesNotHold) {
  in_net([](Net& n) {
    n.move();
    n.must(n.new_holder().env->run(n.new_holder().guest->close(kOne)), "close");
    n.expect(!n.reached(kOne), "it was reached");
    n.take(n.new_holder(), kOne);
    n.expect(n.reached_in_time(kOne), "it was not reached");
    n.must(n.new_holder().env->run(n.new_holder().guest->quiesce(kOne)), "quiesce");
    n.expect(!n.reached(kOne), "a SYN got in by the tunnel after quiesce()");
  });
}

TEST(LinuxGuestForward, OnlyNodesOfThePoolSendThroughTheTunnel) {
  in_net([](Net& n) {
    n.move();
    n.expect(n.reached_in_time(kOne), "what arrives is not sent on");
    n.new_holder().start({vip_of("10.0.1.9")});
    n.prepare(n.new_holder());
    n.take(n.new_holder(), kOne);
    n.expect(!n.reached(kOne), "it was reached from a machine that is no node");
  });
}

TEST(LinuxGuestForward, AHealthCheckIsNotAnsweredByTheNewHolder) {
  in_net([](Net& n) {
    n.move();
    n.expect(n.reached_in_time(kOne), "what arrives is not sent on");
    n.old_holder().start({n.new_holder().own}, kForwardLimit,
                         {Prefix::parse("10.0.200.0/24").value()});
    n.prepare(n.old_holder());
    n.expect(!n.reached(kOne), "what a prober sends was sent on");
  });
}

}  // namespace
}  // namespace atl::vip
