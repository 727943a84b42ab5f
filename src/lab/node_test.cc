// Real node and controller processes with a real kernel: in a network namespace of their own, with
// the coordinator in the parent.
#include "lab/node.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "cloud/http_message.h"
#include "coord/memory.h"
#include "env/real_env.h"
#include "lab/coord_server.h"
#include "lab/lab_dns.h"
#include "vip/dns/section.h"
#include "vip/record.h"
#include "vip/test_network.h"

namespace atl::lab {
namespace {

namespace fs = std::filesystem;

const vip::Vip kOne = vip::Vip::parse("10.0.9.1").value();
// Much more than anything here takes; a wait ends as soon as what it waits for is there.
constexpr Nanos kPatience = 60s;

NodeConfig node_config() {
  NodeConfig config;
  config.node = "node1";
  config.incarnation = "first";
  config.pool.name = "door";
  config.pool.mover = "linux-arp";
  config.pool.addresses = {kOne};
  config.pool.nodes = {{"node1", "a"}, {"node2", "b"}};
  config.coordinator = {"127.0.0.1", 7000};
  config.fenced = {};
  return config;
}

// Its text, with something else in place of `from`.
std::string node_with(const std::string& from, const std::string& to) {
  std::string text = node_config().encode();
  return text.replace(text.find(from), from.size(), to);
}

TEST(NodeConfig, ComesBackAsItWas) {
  NodeConfig config = node_config();
  config.lease = 700ms;
  config.drain_limit = 9s;
  config.fenced = {"mgmt0", "eth1"};
  config.control_host = "198.18.1.1";
  config.reach_port = 7;
  config.reach_hosts = {"10.0.200.1:9"};
  config.service = ServiceKind::kS3;
  config.data = "/somewhere";
  config.dns = lab_dns_section(config.pool, 1);
  const auto again = NodeConfig::decode(config.encode());
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->encode(), config.encode());
  EXPECT_EQ(again->lease, 700ms);
  EXPECT_EQ(again->fenced, config.fenced);
  EXPECT_EQ(again->coordinator.port, 7000);
  EXPECT_EQ(again->pool.nodes.size(), 2u);
  EXPECT_EQ(again->service, ServiceKind::kS3);
  EXPECT_EQ(again->dns, config.dns);
  EXPECT_EQ(again->reach_port, 7);
  EXPECT_EQ(again->reach_hosts, config.reach_hosts);
}

TEST(NodeConfig, NamesOfTheLaboratoryAreAZone) {
  const NodeConfig config = node_config();
  const auto section = vip::dns::decode_section(lab_dns_section(config.pool, 2));
  ASSERT_TRUE(section) << section.error().to_string();
  EXPECT_EQ(section->zone, kLabZone);
  EXPECT_EQ(section->listen.at(0).to_string(), "10.0.1.2:53");
  EXPECT_EQ(section->servers.size(), 2u);
  EXPECT_EQ(section->rdma.nodes.at("node2").size(), 2u);
}

TEST(NodeConfig, SaysWhatIsWrong) {
  const auto why = [](const std::string& text) {
    const auto config = NodeConfig::decode(text);
    return config ? "nothing" : config.error().message;
  };
  std::string good = node_config().encode();
  EXPECT_EQ(why(good), "nothing");
  EXPECT_EQ(why("[]"), "the configuration is not a JSON object");
  const std::string port = R"("port":80,)";
  good.erase(good.find(port), port.size());
  good.pop_back();
  EXPECT_EQ(why(good + R"(,"colour":"red"})"), R"("colour" is not known)");
  EXPECT_EQ(why(R"({"node":"n","incarnation":"i"})"), R"("pool" is missing)");
  EXPECT_EQ(why(node_with(R"("service":"http")", R"("service":"ftp")")),
            R"("service" is neither http nor s3)");
  EXPECT_EQ(why(node_with(R"("service":"http")", R"("service":"s3")")), R"("data" is missing)");
  EXPECT_EQ(why(good + R"(,"port":70000})"), R"("port" is not a number from 0 to 65535)");
  const auto controller = ControllerConfig::decode("{}");
  ASSERT_FALSE(controller);
  EXPECT_EQ(controller.error().message, R"("pool" is missing)");
}

// In the child of a test: a namespace, a coordinator, and processes against it.
class Stage {
 public:
  Stage() {
    const Status listening = server_.listen({"127.0.0.1", 7000});
    if (!listening) trouble += listening.error().to_string();
    folder_ = fs::temp_directory_path() / fmt::format("atoll-node-test-{}", ::getpid());
    fs::create_directories(folder_);
  }
  ~Stage() {
    for (const pid_t pid : children_) ::kill(pid, SIGKILL);
    for (const pid_t pid : children_) ::waitpid(pid, nullptr, 0);
    fs::remove_all(folder_);
  }

  pid_t start(const std::string& name, const std::string& config, int (*run)(const std::string&)) {
    const fs::path file = folder_ / (name + ".json");
    std::ofstream(file) << config;
    const std::string log = folder_ / (name + ".log");
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(out, STDOUT_FILENO);
      ::dup2(out, STDERR_FILENO);
      ::_exit(run(file));
    }
    children_.push_back(pid);
    return pid;
  }
  std::string log(const std::string& name) {
    std::ifstream in(folder_ / (name + ".log"));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void wait_for_log(const std::string& name, const std::string& text) {
    const Nanos give_up = env_.now() + kPatience;
    while (log(name).find(text) == std::string::npos) {
      if (env_.now() > give_up) {
        trouble += fmt::format("no {} in the log of {}:\n{}\n", text, name, log(name));
        return;
      }
      env_.run(env_.sleep(10ms));
    }
  }
  void expect(bool good, const std::string& what) {
    if (!good) trouble += what + "\n";
  }
  std::string get(const std::string& host, uint16_t port, const std::string& request) {
    const Result<std::string> body = env_.run(call(env_, {host, port}, request));
    return body ? *body : body.error().to_string();
  }
  Result<vip::Record> record() {
    const auto got = env_.run(memory_.get(vip::record_key("door", kOne)));
    if (!got) return fail(got.error());
    return vip::Record::decode(got->value);
  }
  env::RealEnv& env() { return env_; }
  coord::MemoryCoordinator& memory() { return memory_; }
  const std::vector<KeyChange>& changes() const { return changes_; }

  std::string trouble;

 private:
  static Task<Result<std::string>> call(env::Env& env, env::Endpoint to, std::string request) {
    ATOLL_CO_TRY(const auto stream, co_await env.network().connect(std::move(to)));
    const std::string text = request + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    std::vector<ByteSpan> parts;
    parts.emplace_back(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    ATOLL_CO_TRY_STATUS(co_await stream->write_all(std::move(parts)));
    cloud::HttpReader reader(cloud::HttpKind::kResponse);
    ATOLL_CO_TRY(const auto reply, co_await cloud::read_message(*stream, reader));
    co_return fmt::format("{} {}", reply.status, reply.body);
  }

  env::RealEnv env_;
  coord::MemoryCoordinator memory_{env_};
  std::vector<KeyChange> changes_;
  CoordServer server_{env_, memory_, [this](const KeyChange& c) { changes_.push_back(c); }};
  fs::path folder_;
  std::vector<pid_t> children_;
};

// The body must be in the namespace before any thread is made: hence a child process.
void on_stage(void (*body)(Stage&)) {
  ATOLL_NEEDS_NETWORKS();
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::string said = "no namespace";
    if (::unshare(CLONE_NEWNET) == 0 && ::if_nametoindex("eth0") == 0 &&
        std::system("ip link set lo up && ip link add eth0 type veth peer name peer0 && "
                    "ip link set eth0 up && ip link set peer0 up && "
                    "ip addr add 10.0.1.1/16 dev eth0") == 0) {
      Stage stage;
      body(stage);
      said = stage.trouble + "done";
    }
    (void)!::write(ends[1], said.data(), said.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char space[4096];
  for (ssize_t n = 0; (n = ::read(ends[0], space, sizeof space)) > 0;)
    text.append(space, static_cast<size_t>(n));
  ::close(ends[0]);
  ::waitpid(pid, nullptr, 0);
  EXPECT_EQ(text, "done");
}

ControllerConfig controller_config() {
  ControllerConfig config;
  config.name = "ctl1";
  config.pool = node_config().pool;
  config.coordinator = {"127.0.0.1", 7000};
  config.compute = "";
  return config;
}

// What the node must say of the address under the record as it is.
std::string answer_of(Stage& s) {
  const auto record = s.record();
  return fmt::format(R"(200 {{"node":"node1","vip":"10.0.9.1","generation":{},)",
                     record ? record->generation : 0);
}

TEST(Processes, ANodeServesTheAddressThatAControllerGivesIt) {
  on_stage([](Stage& s) {
    const pid_t node = s.start("node1", node_config().encode(), run_node);
    s.wait_for_log("node1", R"("event":"ready")");
    s.wait_for_log("node1", R"("event":"lease")");
    s.start("ctl1", controller_config().encode(), run_controller);
    s.wait_for_log("ctl1", R"("event":"leads")");
    s.wait_for_log("node1", R"("event":"taken")");
    s.wait_for_log("ctl1", R"("event":"given")");
    s.wait_for_log("ctl1", R"("event":"delivered")");
    const auto record = s.record();
    s.expect(record && record->holder == "node1", "the record does not name the node");
    s.expect(!s.changes().empty() && s.changes()[0].key == vip::record_key("door", kOne),
             "the change was not reported");
    const std::string who = s.get("10.0.9.1", kServicePort, "GET /who");
    s.expect(who.starts_with(answer_of(s)), who);

    const uint64_t before = record ? record->generation : 0;
    // Sick: it gives its address up and its lease back, and takes both again when it is well.
    s.expect(s.get("127.0.0.1", kControlPort, "POST /fault/sick").starts_with("200"), "control");
    s.wait_for_log("node1", R"("event":"lapsed")");
    s.wait_for_log("node1", R"("event":"left")");
    s.wait_for_log("ctl1", R"("event":"lost_lease")");
    s.expect(s.get("127.0.0.1", kControlPort, "POST /fault/well").starts_with("200"), "control");
    s.wait_for_log("node1", R"("tenure":2)");
    s.wait_for_log("node1", fmt::format(R"("generation":{})", before + 1));

    // An orderly end: nothing of the address is left, and the lease is free at once.
    ::kill(node, SIGTERM);
    s.wait_for_log("node1", R"("event":"stopped")");
    s.expect(std::system("ip addr show dev eth0 | grep -q 10.0.9.1") != 0, "the address is there");
    const Status free =
        s.env().run(s.memory().lease_acquire(vip::node_lease("door", "node1"), "another", 10s));
    s.expect(free.has_value(), "the lease was not released");
  });
}

TEST(Processes, ANodeThatStartsAgainBeginsWithoutTheAddresses) {
  on_stage([](Stage& s) {
    const pid_t node = s.start("node1", node_config().encode(), run_node);
    s.start("ctl1", controller_config().encode(), run_controller);
    s.wait_for_log("node1", R"("event":"taken")");
    const uint64_t before = s.record() ? s.record()->generation : 0;
    // The guardian first: what follows is without one.
    s.expect(std::system(fmt::format("pkill -KILL -P {}", node).c_str()) == 0, "no guardian");
    ::kill(node, SIGKILL);
    ::waitpid(node, nullptr, 0);
    s.expect(std::system("ip addr show dev eth0 | grep -q 10.0.9.1") == 0,
             "the address should be there: a killed process cannot take it away");
    NodeConfig again = node_config();
    again.incarnation = "second";
    s.start("again", again.encode(), run_node);
    s.wait_for_log("again", R"("event":"ready")");
    s.expect(s.log("again").find("\"taken\"") != std::string::npos ||
                 std::system("ip addr show dev eth0 | grep -q 10.0.9.1") != 0,
             "the address was left by the killed process");
    // The lease of the first runs out, and the second claims the record under its own.
    s.wait_for_log("again", R"("event":"taken")");
    const std::string who = s.get("10.0.9.1", kServicePort, "GET /who");
    s.expect(who.starts_with(answer_of(s)), who);
    s.expect(s.record() && s.record()->generation > before, "the generation did not rise");
  });
}

TEST(Processes, AKilledNodesGuardianTakesTheAddressesAwayAndGivesTheLeaseBack) {
  on_stage([](Stage& s) {
    const pid_t node = s.start("node1", node_config().encode(), run_node);
    s.start("ctl1", controller_config().encode(), run_controller);
    s.wait_for_log("node1", R"("event":"taken")");
    ::kill(node, SIGKILL);
    ::waitpid(node, nullptr, 0);
    s.wait_for_log("node1", "its addresses are given up");
    s.expect(std::system("ip addr show dev eth0 | grep -q 10.0.9.1") != 0,
             "the address is still there");
    s.wait_for_log("ctl1", R"("event":"lost_lease")");
  });
}

TEST(Processes, ABadConfigurationIsSaid) {
  on_stage([](Stage& s) {
    int how = 0;
    ::waitpid(s.start("bad", "{}", run_node), &how, 0);
    s.expect(WIFEXITED(how) && WEXITSTATUS(how) == 2, "a bad file does not end with 2");
    s.wait_for_log("bad", "is missing");
    NodeConfig config = node_config();
    config.interface = "eth7";
    ::waitpid(s.start("none", config.encode(), run_node), &how, 0);
    s.expect(WIFEXITED(how) && WEXITSTATUS(how) == 1, "no interface does not end with 1");
    s.wait_for_log("none", "there is no interface eth7");
    ControllerConfig controller = controller_config();
    controller.pool.mover = "gcp-alias";
    ::waitpid(s.start("ctl", controller.encode(), run_controller), &how, 0);
    s.expect(WIFEXITED(how) && WEXITSTATUS(how) == 1, "no cloud does not end with 1");
    s.wait_for_log("ctl", "needs a cloud");
  });
}

}  // namespace
}  // namespace atl::lab
