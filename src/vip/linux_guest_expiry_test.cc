// What expires by itself in the kernel: a fence that nobody holds open, an arming that comes to
// nothing, a process that is stopped.
#include "vip/linux_guest_test_world.h"

namespace atl::vip {
namespace {

using namespace guest_test;

// Tries until an attempt says that it was in time. What expires while a busy machine keeps this
// process waiting says nothing about the fence.
template <typename Attempt>
void in_time(World& w, Report& r, Attempt attempt) {
  const Nanos give_up = w.env().now() + kPatience;
  while (!attempt()) {
    if (w.env().now() < give_up) continue;
    return r.expect(false, "this machine is too busy for times so short");
  }
}

// Takes the address and sees that it is open, with a short hold.
void take_and_see(World& w, Report& r) {
  in_time(w, r, [&] {
    const Nanos begun = w.env().now();
    w.take(kOne);
    const std::set<Vip> open = w.open_now();
    if (w.env().now() - begun >= kInTime) return false;
    r.expect(open == std::set<Vip>{kOne}, "the address is not open");
    return true;
  });
}

TEST(LinuxGuest, StaysForSeveralTimesTheHoldWhileItIsHeld) {
  in_child([](World& w, Report& r) {
    w.prepare(kShort);
    in_time(w, r, [&] {
      Nanos last = w.env().now();
      w.take(kOne);
      for (int i = 0; i < 20; ++i) {
        w.sleep(kShort / 8);
        const Nanos begun = w.env().now();
        w.hold(kOne);
        if (w.env().now() - last >= kInTime) return false;
        last = begun;
      }
      const std::set<Vip> open = w.open_now();
      if (w.env().now() - last >= kInTime) return false;
      r.expect(open == std::set<Vip>{kOne}, "the address did not stay open");
      return true;
    });
  });
}

TEST(LinuxGuest, ExpiresWithoutAnybodysDoing) {
  in_child([](World& w, Report& r) {
    w.prepare(kShort);
    take_and_see(w, r);
    w.sleep(kOver);
    r.expect(w.open_now().empty(), "open after kernel_hold");
  });
}

TEST(LinuxGuest, ALateHoldRevivesNothing) {
  in_child([](World& w, Report& r) {
    w.prepare(kShort);
    take_and_see(w, r);
    w.sleep(kOver);
    w.hold(kOne);
    r.expect(w.open_now().empty(), "hold() revived an expired address");
    take_and_see(w, r);  // again
    w.prepare();
    w.take(kOne);
    r.expect(w.open_now() == std::set<Vip>{kOne}, "not open");
    w.must(w.env().run(w.guest().close(kOne)), "close");
    w.hold(kOne);
    r.expect(w.open_now().empty(), "hold() revived a closed address");
  });
}

TEST(LinuxGuest, ALateOpenOpensNothing) {
  in_child([](World& w, Report& r) {
    w.prepare(kNever, kShort);
    w.must(w.env().run(w.guest().open(kOne)), "open");
    r.expect(w.open_now().empty(), "open() worked without arm()");
    w.must(w.env().run(w.guest().arm(kOne)), "arm");
    w.sleep(kOver);
    w.must(w.env().run(w.guest().open(kOne)), "open");
    r.expect(w.open_now().empty(), "open() worked after arm_time");
    w.prepare();
    w.must(w.env().run(w.guest().arm(kOne)), "arm");
    w.must(w.env().run(w.guest().close(kOne)), "close");
    w.must(w.env().run(w.guest().open(kOne)), "open");
    r.expect(w.open_now().empty(), "open() worked after close()");
  });
}

TEST(LinuxGuest, ArmingAgainGivesTheFullTime) {
  in_child([](World& w, Report& r) {
    w.prepare(kNever, kShort);
    in_time(w, r, [&] {
      w.must(w.env().run(w.guest().close(kOne)), "close");
      w.must(w.env().run(w.guest().arm(kOne)), "arm");
      w.sleep(kShort * 3 / 4);
      const Nanos begun = w.env().now();
      w.must(w.env().run(w.guest().arm(kOne)), "arm");
      w.sleep(kShort / 2);
      w.must(w.env().run(w.guest().open(kOne)), "open");
      if (w.env().now() - begun >= kInTime) return false;
      r.expect(w.open_now() == std::set<Vip>{kOne}, "the first arm() counted, not the second");
      return true;
    });
  });
}

// Holds the address for ever, in a process that is then stopped. Says "y" when it has it, and "l"
// for each time that it came so late that it may have lost it.
void keep_holding(int report_fd) {
  env::RealEnv env;
  LinuxGuest guest(env, {});
  bool good = env.run(guest.prepare({kOne}, kShort, kNever)).has_value() &&
              env.run(guest.add_address(kOne)).has_value() && env.run(guest.arm(kOne)).has_value();
  Nanos last = env.now();
  good = good && env.run(guest.open(kOne)).has_value();
  (void)!::write(report_fd, good ? "y" : "n", 1);
  while (good) {
    const Nanos begun = env.now();
    good = env.run(guest.hold({kOne})).has_value();
    if (env.now() - last >= kInTime) (void)!::write(report_fd, "l", 1);
    last = begun;
    env.run(env.sleep(kShort / 8));
  }
  ::_exit(1);
}

// A holder that has answered after several times its hold; 0: it came late and lost the address.
pid_t start_holder(World& w, Report& r) {
  int ends[2];
  r.expect(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
  const pid_t holder = ::fork();
  if (holder == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    keep_holding(ends[1]);
  }
  char good = 'n';
  r.expect(::read(ends[0], &good, 1) == 1 && good == 'y', "the holder did not begin");
  w.sleep(2 * kShort);
  w.forget_frames();
  w.send_syn(kOne);
  const bool answers = w.answers(kOne, ETHERTYPE_IP, ends[0]);
  const bool late = readable(ends[0]);
  ::close(ends[0]);
  ::close(ends[1]);
  if (answers) return holder;
  r.expect(late, "the holder does not answer");
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  return 0;
}

TEST(LinuxGuest, AStoppedProcessGoesSilent) {
  in_child([](World& w, Report& r) {
    system_ok("ip neigh replace 10.0.200.1 lladdr 02:00:00:00:00:00 dev eth0");
    pid_t holder = 0;
    in_time(w, r, [&] {
      holder = start_holder(w, r);
      return holder > 0;
    });
    if (holder <= 0) return;
    ::kill(holder, SIGSTOP);
    int how = 0;
    ::waitpid(holder, &how, WUNTRACED);
    w.sleep(kOver);
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
    w.sleep(2 * kShort);
    w.send_syn(kOne);
    w.sleep(20ms);
    r.expect(w.frames_of(kOne, ETHERTYPE_IP) == 0, "it came back by holding alone");
    ::kill(holder, SIGKILL);
    ::waitpid(holder, &how, 0);
  });
}

}  // namespace
}  // namespace atl::vip
