#include "lab/netlab.h"

#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "lab/reaper.h"
#include "lab/test_net.h"

namespace atl::lab {
namespace {

constexpr Nanos kNoAnswer = 400ms;  // for what must not come: a SYN and nothing for it
const Place kClient = client_place(1);

std::unique_ptr<NetLab> make(NetLabOptions options) {
  auto lab = NetLab::create(std::move(options));
  EXPECT_TRUE(lab) << lab.error().to_string();
  return lab ? std::move(*lab) : nullptr;
}

std::unique_ptr<NetLab> make_routed(size_t nodes = 2) {
  NetLabOptions options;
  options.nodes = nodes;
  options.clients = 2;
  return make(options);
}

size_t namespaces_of(pid_t pid) {
  const std::string prefix = "atl" + std::to_string(pid) + "-";
  size_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/run/netns", error)) {
    if (entry.path().filename().string().starts_with(prefix)) ++count;
  }
  return count;
}

TEST(NetLabOptionsTest, WhatCannotBeIsRefused) {
  ATOLL_NEEDS_NETWORKS();
  NetLabOptions none;
  none.nodes = 0;
  EXPECT_EQ(NetLab::create(none).error().code, Errc::kInvalidArgument);
  NetLabOptions domains;
  domains.domains = {"a"};
  EXPECT_EQ(NetLab::create(domains).error().code, Errc::kInvalidArgument);
}

TEST(NetLab, TakesItsNamespacesAway) {
  ATOLL_NEEDS_NETWORKS();
  {
    const auto lab = make_routed();
    ASSERT_TRUE(lab);
    EXPECT_EQ(namespaces_of(getpid()), 2 + 2 + 2 + 2);
    ASSERT_TRUE(lab->spawn(node_place(1), {"sleep", "1000"}, ""));
    EXPECT_EQ(lab->running(node_place(1)).size(), 1);
  }
  EXPECT_EQ(namespaces_of(getpid()), 0);
}

TEST(NetLab, EveryoneReachesWhomHeShould) {
  ATOLL_NEEDS_NETWORKS();
  for (const Network network : {Network::kRouted, Network::kSegment}) {
    NetLabOptions options;
    options.network = network;
    options.nodes = 3;
    const auto lab = make(options);
    ASSERT_TRUE(lab);
    const FileHandle node = listen_at(*lab, node_place(3));
    const FileHandle runner = listen_at(*lab, management_place(), 7000);
    EXPECT_TRUE(try_connect(*lab, kClient, node_place(3).client_address()).connected);
    EXPECT_TRUE(try_connect(*lab, node_place(1), node_place(3).client_address()).connected);
    EXPECT_TRUE(try_connect(*lab, node_place(2), kRunnerAddress, 10s, 7000).connected);
    EXPECT_TRUE(try_connect(*lab, controller_place(2), kRunnerAddress, 10s, 7000).connected);
    EXPECT_FALSE(try_connect(*lab, kClient, kRunnerAddress, kNoAnswer, 7000).connected);
  }
}

TEST(NetLab, AVipGoesWhereTheRouterIsTold) {
  ATOLL_NEEDS_NETWORKS();
  const auto lab = make_routed();
  ASSERT_TRUE(lab);
  for (const bool outside : {false, true}) {
    const vip::Vip vip = lab_vip(7, outside);
    const std::string text = vip.to_string();
    const FileHandle one = listen_at(*lab, node_place(1));
    const FileHandle two = listen_at(*lab, node_place(2));
    // Both have it: the router alone decides.
    add_address(*lab, 1, text);
    add_address(*lab, 2, text);
    ASSERT_TRUE(lab->deliver(vip, 1));
    EXPECT_TRUE(try_connect(*lab, kClient, text).connected);
    EXPECT_TRUE(accepts(one));
    EXPECT_FALSE(accepts(two));
    ASSERT_TRUE(lab->deliver(vip, 2));
    EXPECT_TRUE(try_connect(*lab, kClient, text).connected);
    EXPECT_FALSE(accepts(one));
    EXPECT_TRUE(accepts(two));
    ASSERT_TRUE(lab->deliver(vip, std::nullopt));
    ASSERT_TRUE(lab->deliver(vip, std::nullopt));
    const uint64_t before = lab->dropped_for_nobody().value();
    const Attempt nobody = try_connect(*lab, kClient, text, kNoAnswer);
    EXPECT_FALSE(nobody.connected);
    EXPECT_EQ(nobody.error, 0) << "a VPC says nothing";
    EXPECT_GT(lab->dropped_for_nobody().value(), before);
  }
}

TEST(NetLab, AGratuitousArpMovesNothingInAVpc) {
  ATOLL_NEEDS_NETWORKS();
  const auto lab = make_routed();
  ASSERT_TRUE(lab);
  const vip::Vip vip = lab_vip(1);
  const FileHandle one = listen_at(*lab, node_place(1));
  const FileHandle two = listen_at(*lab, node_place(2));
  add_address(*lab, 1, vip.to_string());
  add_address(*lab, 2, vip.to_string());
  ASSERT_TRUE(lab->deliver(vip, 1));
  send_garp(*lab, 2, vip);
  EXPECT_TRUE(try_connect(*lab, kClient, vip.to_string()).connected);
  EXPECT_TRUE(accepts(one));
  EXPECT_FALSE(accepts(two));
}

TEST(NetLab, TheGatewayAnswersArpForEverything) {
  ATOLL_NEEDS_NETWORKS();
  const auto lab = make_routed();
  ASSERT_TRUE(lab);
  for (const char* address : {kGateway, "10.0.200.1", "10.0.9.77", "10.99.0.77", "192.0.2.1"}) {
    // A route without the gateway makes the node ask for the address itself.
    in(*lab, node_place(1), {"ip", "route", "replace", std::string(address), "dev", "eth0"});
    (void)try_connect(*lab, node_place(1), address, 50ms);
    const auto known = run_command({"ip", "neigh", "show", "to", address}, {},
                                   lab->space(node_place(1)).value()->fd());
    ASSERT_TRUE(known);
    EXPECT_THAT(*known, testing::HasSubstr("lladdr")) << address;
  }
}

TEST(NetLab, ASegmentFollowsArp) {
  ATOLL_NEEDS_NETWORKS();
  NetLabOptions options;
  options.network = Network::kSegment;
  options.nodes = 2;
  const auto lab = make(options);
  ASSERT_TRUE(lab);
  const vip::Vip vip = lab_vip(1);
  EXPECT_EQ(lab->deliver(vip, 1).error().code, Errc::kUnsupported);
  const FileHandle one = listen_at(*lab, node_place(1));
  const FileHandle two = listen_at(*lab, node_place(2));
  add_address(*lab, 1, vip.to_string());
  EXPECT_TRUE(try_connect(*lab, kClient, vip.to_string()).connected);
  EXPECT_TRUE(accepts(one));
  remove_address(*lab, 1, vip.to_string());
  add_address(*lab, 2, vip.to_string());
  // The request form: a reply to all counts as gratuitous for Linux only when its target hardware
  // address is the sender's, else it waits for a second after the last change (neigh/locktime).
  send_arp(*lab, 2, vip, vip, 1);
  EXPECT_TRUE(try_connect(*lab, kClient, vip.to_string()).connected);
  EXPECT_TRUE(accepts(two));
}

class Faults : public testing::TestWithParam<Network> {
 protected:
  void SetUp() override {
    ATOLL_NEEDS_NETWORKS();
    NetLabOptions options;
    options.network = GetParam();
    options.nodes = 3;
    options.domains = {"a", "b", "b"};
    lab = make(options);
    ASSERT_TRUE(lab);
    serve();
    runner = listen_at(*lab, management_place(), kCoordinatorPort);
  }

  void serve() { node = listen_at(*lab, node_place(2)); }
  bool client_reaches_node(Nanos limit) {
    return try_connect(*lab, kClient, node_place(2).client_address(), limit).connected;
  }
  bool node_reaches_runner(Nanos limit) {
    return try_connect(*lab, node_place(2), kRunnerAddress, limit, kCoordinatorPort).connected;
  }
  bool controller_reaches_runner(Nanos limit) {
    return try_connect(*lab, controller_place(1), kRunnerAddress, limit, kCoordinatorPort)
        .connected;
  }
  std::string carrier() {
    std::string text;
    (void)lab->space(node_place(2)).value()->run([&]() -> Status {
      const auto said = run_command({"ip", "link", "show", "eth0"});
      text = said ? *said : "";
      return {};
    });
    return text;
  }

  std::unique_ptr<NetLab> lab;
  FileHandle node;
  FileHandle runner;
};

TEST_P(Faults, AClientLinkGoesDownAndComesBack) {
  ASSERT_TRUE(lab->set_client_link(2, false));
  EXPECT_THAT(carrier(), testing::HasSubstr("NO-CARRIER"));
  EXPECT_FALSE(client_reaches_node(kNoAnswer));
  EXPECT_TRUE(node_reaches_runner(10s));
  ASSERT_TRUE(lab->set_client_link(2, true));
  EXPECT_TRUE(client_reaches_node(10s));
}

TEST_P(Faults, AManagementLinkGoesDownAndComesBack) {
  ASSERT_TRUE(lab->set_management_link(node_place(2), false));
  EXPECT_FALSE(node_reaches_runner(kNoAnswer));
  EXPECT_TRUE(client_reaches_node(10s));
  ASSERT_TRUE(lab->set_management_link(node_place(2), true));
  EXPECT_TRUE(node_reaches_runner(10s));
}

TEST_P(Faults, CutFromClientsOnly) {
  ASSERT_TRUE(lab->cut_from_clients(2, true));
  ASSERT_TRUE(lab->cut_from_clients(2, true));
  EXPECT_FALSE(client_reaches_node(kNoAnswer));
  EXPECT_THAT(carrier(), testing::Not(testing::HasSubstr("NO-CARRIER")));
  EXPECT_TRUE(node_reaches_runner(10s));
  ASSERT_TRUE(lab->cut_from_clients(2, false));
  EXPECT_TRUE(client_reaches_node(10s));
}

TEST_P(Faults, CutFromTheCoordinatorOnly) {
  ASSERT_TRUE(lab->cut_from_coordinator(node_place(2), true));
  ASSERT_TRUE(lab->cut_from_coordinator(controller_place(1), true));
  EXPECT_FALSE(node_reaches_runner(kNoAnswer));
  EXPECT_FALSE(controller_reaches_runner(kNoAnswer));
  EXPECT_TRUE(client_reaches_node(10s));
  EXPECT_TRUE(
      try_connect(*lab, controller_place(2), kRunnerAddress, 10s, kCoordinatorPort).connected);
  ASSERT_TRUE(lab->heal());
  EXPECT_TRUE(node_reaches_runner(10s));
  EXPECT_TRUE(controller_reaches_runner(10s));
}

TEST_P(Faults, CutsAreInBothDirections) {
  const auto passes = [this](Place from, Place to, const std::string& address, Nanos limit) {
    return datagram_passes(*lab, from, to, address, limit);
  };
  const Place cut = node_place(2);
  // Before: each knows the other's hardware address, so that a cut is not seen as silence of ARP.
  ASSERT_TRUE(passes(cut, management_place(), kRunnerAddress, 10s));
  ASSERT_TRUE(passes(management_place(), cut, cut.management_address(), 10s));
  ASSERT_TRUE(passes(cut, kClient, kClient.client_address(), 10s));
  ASSERT_TRUE(passes(kClient, cut, cut.client_address(), 10s));
  // The load balancer's probes begin at the router; a segment has none.
  const bool routed = GetParam() == Network::kRouted;
  if (routed) {
    ASSERT_TRUE(try_connect(*lab, router_place(), cut.client_address()).connected);
  }
  ASSERT_TRUE(lab->cut_from_coordinator(cut, true));
  ASSERT_TRUE(lab->cut_from_clients(2, true));
  EXPECT_FALSE(passes(cut, management_place(), kRunnerAddress, kNoAnswer));
  EXPECT_FALSE(passes(management_place(), cut, cut.management_address(), kNoAnswer));
  EXPECT_FALSE(passes(cut, kClient, kClient.client_address(), kNoAnswer));
  EXPECT_FALSE(passes(kClient, cut, cut.client_address(), kNoAnswer));
  if (!routed) return;
  EXPECT_FALSE(try_connect(*lab, router_place(), cut.client_address(), kNoAnswer).connected);
}

TEST_P(Faults, PowerOffIsSilentAndForgetsEverything) {
  add_address(*lab, 2, "10.0.9.9");
  Attempt open = try_connect(*lab, kClient, node_place(2).client_address());
  ASSERT_TRUE(open.connected);
  const pid_t pid = lab->spawn(node_place(2), {"sleep", "1000"}, "").value();
  ASSERT_TRUE(lab->power_off(2));
  ASSERT_TRUE(lab->power_off(2));
  EXPECT_EQ(lab->processes().ended(pid).value(), 128 + SIGKILL);
  EXPECT_EQ(lab->spawn(node_place(2), {"true"}, "").error().code, Errc::kUnavailable);
  EXPECT_EQ(lab->set_client_link(2, true).error().code, Errc::kUnavailable);
  EXPECT_FALSE(client_reaches_node(kNoAnswer));
  node.reset();  // the kernel of the dead node would say goodbye here
  pollfd ready{open.file.get(), POLLIN | POLLRDHUP, 0};
  EXPECT_EQ(poll(&ready, 1, 100), 0) << "a node without power says nothing";

  ASSERT_TRUE(lab->power_on(2));
  EXPECT_TRUE(lab->is_on(2));
  const auto addresses =
      run_command({"ip", "addr"}, {}, lab->space(node_place(2)).value()->fd()).value();
  EXPECT_THAT(addresses, testing::Not(testing::HasSubstr("10.0.9.9")));
  serve();
  EXPECT_TRUE(client_reaches_node(10s));
  EXPECT_TRUE(node_reaches_runner(10s));
}

TEST_P(Faults, AWholeDomainLosesPower) {
  EXPECT_EQ(lab->power_off_domain("b").value(), (std::vector<size_t>{2, 3}));
  EXPECT_TRUE(lab->is_on(1));
  EXPECT_FALSE(lab->is_on(2));
  EXPECT_FALSE(lab->is_on(3));
  EXPECT_EQ(lab->power_off_domain("z").error().code, Errc::kInvalidArgument);
  ASSERT_TRUE(lab->heal());
  EXPECT_TRUE(lab->is_on(3));
}

INSTANTIATE_TEST_SUITE_P(Networks, Faults, testing::Values(Network::kRouted, Network::kSegment),
                         [](const auto& info) {
                           return info.param == Network::kRouted ? "Routed" : "Segment";
                         });

TEST(NetLab, AVipIsDeliveredAgainWhenItsLinkIsBack) {
  ATOLL_NEEDS_NETWORKS();
  const auto lab = make_routed();
  ASSERT_TRUE(lab);
  const vip::Vip vip = lab_vip(1);
  const vip::Vip other = lab_vip(2);
  add_address(*lab, 1, vip.to_string());
  add_address(*lab, 1, other.to_string());
  const FileHandle node = listen_at(*lab, node_place(1));
  ASSERT_TRUE(lab->deliver(vip, 1));
  ASSERT_TRUE(lab->set_client_link(1, false));
  ASSERT_TRUE(lab->deliver(other, 1));  // while it is down
  EXPECT_FALSE(try_connect(*lab, kClient, vip.to_string(), kNoAnswer).connected);
  ASSERT_TRUE(lab->set_client_link(1, true));
  EXPECT_TRUE(try_connect(*lab, kClient, vip.to_string()).connected);
  EXPECT_TRUE(try_connect(*lab, kClient, other.to_string()).connected);
}

// What `seconds` of sending as fast as it goes bring through, in Mbit/s.
double rate(NetLab& lab, Place from, Place to) {
  const FileHandle listener = listen_at(lab, to, 81);
  Attempt open = try_connect(lab, from, to.client_address(), 10s, 81);
  EXPECT_TRUE(open.connected);
  const FileHandle taken = take_one(listener);
  std::vector<char> buffer(256 * 1024);
  uint64_t bytes = 0;
  const auto begin = std::chrono::steady_clock::now();
  const auto end = begin + 1500ms;
  while (std::chrono::steady_clock::now() < end) {
    pollfd files[2] = {{open.file.get(), POLLOUT, 0}, {taken.get(), POLLIN, 0}};
    poll(files, 2, 10);
    (void)!send(open.file.get(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    const ssize_t n = recv(taken.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n > 0) bytes += static_cast<uint64_t>(n);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(bytes) * 8 / took.count() / 1e6;
}

// Whether the router keeps anything back in a token bucket, in either direction.
bool has_buckets(NetLab& lab) {
  const int router = lab.space(router_place()).value()->fd();
  const std::string shown = run_command({"tc", "qdisc", "show"}, {}, router).value();
  return shown.find("tbf") != shown.npos || shown.find("ingress") != shown.npos;
}

TEST(NetLab, CapsHoldInBothDirections) {
  ATOLL_NEEDS_NETWORKS();
  NetLabOptions options;
  options.nodes = 1;
  options.clients = 1;
  options.node_mbit = 50;
  const auto lab = make(options);
  ASSERT_TRUE(lab);
  // A rate is an upper bound on any machine; the bucket's first 128 KiB come on top.
  EXPECT_LT(rate(*lab, node_place(1), kClient), 60);
  EXPECT_LT(rate(*lab, kClient, node_place(1)), 60);
  // That it is gone is asked of the kernel: how fast a machine is without it is its own affair.
  EXPECT_TRUE(has_buckets(*lab));
  ASSERT_TRUE(lab->set_cap(node_place(1), 0));
  EXPECT_FALSE(has_buckets(*lab));
  ASSERT_TRUE(lab->heal());  // back to what the options say
  EXPECT_LT(rate(*lab, node_place(1), kClient), 60);
  ASSERT_TRUE(lab->power_off(1));
  ASSERT_TRUE(lab->power_on(1));
  EXPECT_LT(rate(*lab, node_place(1), kClient), 60);
}

// --- The runner's death ---

struct Doomed {
  pid_t runner = 0;
  pid_t sleeper = 0;
};

// A process that makes a laboratory with a process in it, and then does nothing.
Doomed make_doomed() {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  Doomed doomed;
  doomed.runner = fork();
  if (doomed.runner == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // A shell's background job is born with SIGINT ignored.
    for (const int signal : {SIGINT, SIGTERM}) ::signal(signal, SIG_DFL);
    auto lab = NetLab::create(NetLabOptions{});
    pid_t pid = 0;
    if (lab) pid = (*lab)->spawn(node_place(1), {"sleep", "1000"}, "").value_or(0);
    if (write(ends[1], &pid, sizeof pid) != sizeof pid || pid == 0) _exit(1);
    for (;;) pause();
  }
  EXPECT_EQ(read(ends[0], &doomed.sleeper, sizeof doomed.sleeper),
            static_cast<ssize_t>(sizeof doomed.sleeper));
  close(ends[0]);
  close(ends[1]);
  return doomed;
}

bool gone(pid_t pid) {
  return ::kill(pid, 0) != 0;
}

class RunnerDies : public testing::TestWithParam<int> {};

TEST_P(RunnerDies, NothingIsLeft) {
  ATOLL_NEEDS_NETWORKS();
  const Doomed doomed = make_doomed();
  ASSERT_GT(doomed.sleeper, 0);
  ASSERT_GT(namespaces_of(doomed.runner), 0);
  ASSERT_FALSE(gone(doomed.sleeper));
  ASSERT_EQ(::kill(doomed.runner, GetParam()), 0);
  ASSERT_EQ(waitpid(doomed.runner, nullptr, 0), doomed.runner);
  for (int i = 0; i < 2000 && (namespaces_of(doomed.runner) > 0 || !gone(doomed.sleeper)); ++i) {
    usleep(10'000);
  }
  EXPECT_EQ(namespaces_of(doomed.runner), 0);
  EXPECT_TRUE(gone(doomed.sleeper));
}

INSTANTIATE_TEST_SUITE_P(Signals, RunnerDies, testing::Values(SIGINT, SIGTERM, SIGKILL, SIGSEGV));

TEST(NetLab, LeftoversOfTheDeadAreRemovedAndNothingElse) {
  ATOLL_NEEDS_NETWORKS();
  const pid_t dead = fork();
  if (dead == 0) _exit(0);
  ASSERT_EQ(waitpid(dead, nullptr, 0), dead);
  const std::string left = "atl" + std::to_string(dead) + "-1-node1";
  const std::string mine = "atl" + std::to_string(getpid()) + "-0-node1";
  const std::string foreign = "atlas-" + std::to_string(dead);
  for (const std::string& name : {left, mine, foreign}) {
    ASSERT_TRUE(run_command({"ip", "netns", "add", name}));
  }
  ASSERT_TRUE(remove_leftovers());
  EXPECT_FALSE(std::filesystem::exists("/run/netns/" + left));
  EXPECT_TRUE(std::filesystem::exists("/run/netns/" + mine));
  EXPECT_TRUE(std::filesystem::exists("/run/netns/" + foreign));
  ASSERT_TRUE(run_command({"ip", "netns", "del", mine}));
  ASSERT_TRUE(run_command({"ip", "netns", "del", foreign}));
}

}  // namespace
}  // namespace atl::lab
