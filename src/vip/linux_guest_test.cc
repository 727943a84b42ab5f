// The fence in a real kernel: what it lets out, what it keeps in, what it says.
#include "vip/linux_guest_test_world.h"

#include "vip/feed_program.h"
#include "vip/interface.h"

namespace atl::vip {
namespace {

using namespace guest_test;

TEST(LinuxGuest, TakesAddsAndCloses) {
  in_child([](World& w, Report& r) {
    w.prepare();
    r.expect(w.open_now().empty() && w.addresses().empty(), "something is there at the start");
    w.take(kOne);
    w.must(w.env().run(w.guest().add_address(kOne)), "the second add_address");
    r.expect(w.open_now() == std::set<Vip>{kOne}, "the address is not open");
    r.expect(w.addresses() == std::set<Vip>{kOne}, "the address is not on the interface");
    w.must(w.env().run(w.guest().close(kOne)), "close");
    r.expect(w.open_now().empty(), "the address is open after close");
    w.must(w.env().run(w.guest().close(kOne)), "the second close");
    w.must(w.env().run(w.guest().remove_address(kOne)), "remove_address");
    w.must(w.env().run(w.guest().remove_address(kOne)), "the second remove_address");
    r.expect(w.addresses().empty(), "the address is still there");
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
    w.must(w.env().run(next.prepare({kOne, kTwo}, kNever, kNever)), "prepare");
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

TEST(LinuxGuest, SaysWhatIsMissing) {
  in_child([](World& w, Report& r) {
    LinuxGuestOptions options;
    options.fenced = {"eth9"};
    LinuxGuest guest(w.env(), options);
    const Status status = w.env().run(guest.prepare({kOne}, kNever, kNever));
    r.expect(!status && status.error().code == Errc::kNotFound, "an interface that is not there");
    const Status early = w.env().run(guest.hold({kOne}));
    r.expect(!early && early.error().code == Errc::kInternal, "hold() before prepare()");
    const Status bad = feed_program({"nft", "-f", "-"}, "nonsense", 10s);
    r.expect(!bad && bad.error().message.find("nonsense") != std::string::npos,
             "what nft said is not told");
  });
}

// `nft flush ruleset`, as the usual configuration of a firewall begins with.
TEST(LinuxGuest, AFenceThatSomebodyTookDownIsNotTakenForAClosedOne) {
  in_child([](World& w, Report& r) {
    w.prepare();
    w.take(kOne);
    r.expect(system_ok("nft flush ruleset"), "nft flush ruleset");
    const auto open = w.env().run(w.guest().open_now());
    r.expect(!open && open.error().code == Errc::kNotFound, "open_now() does not say it");
    const Status closed = w.env().run(w.guest().close(kOne));
    r.expect(!closed && closed.error().code == Errc::kNotFound, "close() calls it closed");
    w.prepare();
    r.expect(w.open_now().empty() && w.addresses().empty(), "it is not as at the start");
  });
}

TEST(LinuxGuest, PoolsOfOneMachineDoNotDisturbEachOther) {
  in_child([](World& w, Report& r) {
    LinuxGuestOptions options;
    options.table = "another";
    LinuxGuest other(w.env(), options);
    w.must(w.env().run(w.guest().prepare({kOne}, kNever, kNever)), "prepare");
    w.must(w.env().run(other.prepare({kTwo}, kNever, kNever)), "prepare the other");
    for (const auto& [guest, vip] : {std::pair{&w.guest(), kOne}, std::pair{&other, kTwo}}) {
      w.must(w.env().run(guest->arm(vip)), "arm");
      w.must(w.env().run(guest->open(vip)), "open");
      const auto open = w.env().run(guest->open_now());
      r.expect(open && *open == std::set<Vip>{vip}, vip.to_string() + " is not open");
    }
  });
}

// What a client on the machine itself meets: the kernel's refusal, or nothing.
bool answers_at_home(Vip vip) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(80);
  to.sin_addr.s_addr = htonl(vip.number);
  (void)!::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  pollfd wait{socket, POLLOUT, 0};
  const bool answered = ::poll(&wait, 1, 50) == 1;
  ::close(socket);
  return answered;
}

TEST(LinuxGuest, ClientsOnTheNodeItselfMeetTheFenceToo) {
  in_child([](World& w, Report& r) {
    w.prepare();
    w.must(w.env().run(w.guest().add_address(kOne)), "add_address");
    r.expect(!answers_at_home(kOne), "the address answers through a closed fence");
    bool answered = false;
    for (const Nanos until = w.env().now() + kPatience; !answered && w.env().now() < until;) {
      w.take(kOne);
      answered = answers_at_home(kOne);
    }
    r.expect(answered, "the address does not answer when it is held");
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
