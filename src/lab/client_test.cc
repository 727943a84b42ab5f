// The load against real servers on the loopback: what is written down is what happened.
#include "lab/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "lab/client_tail.h"
#include "lab/load.h"

namespace atl::lab {
namespace {

using testing::Contains;
using testing::Field;
using testing::Not;

constexpr uint64_t kTransfer = 40'000;

// What a server on the loopback does with a connection once it has read the request.
enum class Manner { kAnswer, kSilence, kReset, kNonsense, kHalfATransfer };

class Server {
 public:
  explicit Server(Manner manner) : manner_(manner) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(listener_, 128), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    stop_ = true;
    thread_.join();
    for (const int fd : held_) ::close(fd);
    ::close(listener_);
  }
  uint16_t port() const { return port_; }

 private:
  void serve() {
    while (!stop_) {
      pollfd polled{listener_, POLLIN, 0};
      if (::poll(&polled, 1, 20) <= 0) continue;
      const int fd = ::accept(listener_, nullptr, nullptr);
      char request[1024];
      const ssize_t n = ::recv(fd, request, sizeof request, 0);
      if (n > 0) treat(fd, std::string_view(request, static_cast<size_t>(n)));
    }
  }
  void treat(int fd, std::string_view request) {
    const bool s3 = request.contains("\r\nAuthorization: AWS4-HMAC-SHA256 ");
    const bool transfer = request.starts_with(s3 ? "GET /lab/long " : "GET /bytes/");
    const size_t bytes = !transfer ? 0 : s3 ? kTransfer : std::strtoul(&request[11], nullptr, 10);
    const std::string body = transfer ? std::string(bytes, 'x') : R"({"node":"node7","vip":"v"})";
    std::string answer = fmt::format("HTTP/1.1 200 OK\r\n{}: node7\r\nContent-Length: {}\r\n\r\n{}",
                                     s3 ? "x-amz-id-2" : "X-Atoll-Node", body.size(), body);
    switch (manner_) {
      case Manner::kSilence:
        held_.push_back(fd);
        return;
      case Manner::kReset: {
        const linger now{1, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        ::close(fd);
        return;
      }
      case Manner::kNonsense:
        answer = "HTTP/1.1 503 Busy\r\n" + answer.substr(answer.find("\r\n") + 2);
        break;
      case Manner::kHalfATransfer:
        if (transfer) answer.resize(answer.size() - bytes / 2);
        break;
      case Manner::kAnswer:
        break;
    }
    EXPECT_EQ(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL), ssize_t(answer.size()));
    if (manner_ == Manner::kHalfATransfer && transfer) {
      held_.push_back(fd);  // and not a byte more
      return;
    }
    ::shutdown(fd, SHUT_WR);
    held_.push_back(fd);
  }

  Manner manner_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::vector<int> held_;
  std::thread thread_;
};

ClientConfig config_for(uint16_t port) {
  ClientConfig config;
  config.name = "client1";
  config.addresses = {vip::Vip{INADDR_LOOPBACK}};
  config.port = port;
  config.limit = 700ms;
  config.silent_after = 200ms;
  config.transfer_bytes = kTransfer;
  config.transfer_bytes_per_second = 400'000;
  char name[] = "/tmp/atoll-client-test-XXXXXX";
  ::close(::mkstemp(name));
  config.output = name;
  return config;
}

ClientLog load(const ClientConfig& config) {
  const int output = ::open(config.output.c_str(), O_WRONLY | O_TRUNC);
  int never[2];
  EXPECT_EQ(::pipe(never), 0);
  {
    Load work(config, output);
    const Status done = work.run(never[0]);
    EXPECT_TRUE(done);
  }
  ::close(output);
  ::close(never[0]);
  ::close(never[1]);
  ClientTail tail(config.output);
  const Status read = tail.read();
  EXPECT_TRUE(read) << read.error().to_string();
  std::remove(config.output.c_str());
  EXPECT_TRUE(tail.log().ended);
  return tail.log();
}

template <typename T>
auto ends(T end) {
  if constexpr (std::is_same_v<T, ProbeEnd>)
    return Field(&Probe::end, end);
  else
    return Field(&Transfer::end, end);
}

TEST(Client, over_s3_requests_are_signed_and_answers_name_their_node) {
  const Server server(Manner::kAnswer);
  ClientConfig config = config_for(server.port());
  config.service = ServiceKind::kS3;
  const ClientLog log = load(config);
  EXPECT_THAT(log.probes, Contains(Field(&Probe::node, "node7")));
  EXPECT_THAT(log.transfers, Contains(ends(TransferEnd::kContinued)));
  for (const Transfer& transfer : log.transfers)
    if (transfer.end == TransferEnd::kContinued) {
      EXPECT_EQ(transfer.bytes, kTransfer);
      EXPECT_EQ(transfer.node, "node7");
    }
}

TEST(Client, good_answers_name_their_node) {
  const Server server(Manner::kAnswer);
  const ClientLog log = load(config_for(server.port()));
  EXPECT_THAT(log.probes, Contains(ends(ProbeEnd::kOk)));
  EXPECT_THAT(log.probes, Contains(Field(&Probe::node, "node7")));
  EXPECT_THAT(log.transfers, Contains(ends(TransferEnd::kContinued)));
  for (const Transfer& transfer : log.transfers)
    if (transfer.end == TransferEnd::kContinued) {
      EXPECT_EQ(transfer.bytes, 40'000u);
      EXPECT_EQ(transfer.node, "node7");
      EXPECT_GE(transfer.took_us, 50'000);  // it was paced
    }
}

TEST(Client, a_server_that_hangs_is_a_timeout_and_a_silent_transfer) {
  const Server server(Manner::kSilence);
  const ClientLog log = load(config_for(server.port()));
  EXPECT_THAT(log.probes, Contains(ends(ProbeEnd::kRequestTimeout)));
  EXPECT_THAT(log.probes, Not(Contains(ends(ProbeEnd::kOk))));
  EXPECT_THAT(log.transfers, Contains(ends(TransferEnd::kSilent)));
}

TEST(Client, resets_are_told_from_refusals) {
  const Server server(Manner::kReset);
  const ClientLog log = load(config_for(server.port()));
  EXPECT_THAT(log.probes, Contains(ends(ProbeEnd::kReset)));
  EXPECT_THAT(log.transfers, Contains(ends(TransferEnd::kReset)));
  uint16_t nobody = 0;
  {
    const Server gone(Manner::kAnswer);
    nobody = gone.port();
  }
  const ClientLog refused = load(config_for(nobody));
  EXPECT_THAT(refused.probes, Contains(ends(ProbeEnd::kRefused)));
  EXPECT_THAT(refused.probes, Not(Contains(ends(ProbeEnd::kReset))));
  EXPECT_THAT(refused.transfers, Contains(ends(TransferEnd::kRefused)));
}

TEST(Client, an_answer_that_is_not_200_is_not_good) {
  const Server server(Manner::kNonsense);
  const ClientLog log = load(config_for(server.port()));
  EXPECT_THAT(log.probes, Contains(ends(ProbeEnd::kBadAnswer)));
  EXPECT_THAT(log.probes, Not(Contains(ends(ProbeEnd::kOk))));
}

TEST(Client, a_transfer_that_stops_halfway_is_silent) {
  const Server server(Manner::kHalfATransfer);
  const ClientLog log = load(config_for(server.port()));
  EXPECT_THAT(log.probes, Contains(ends(ProbeEnd::kOk)));
  EXPECT_THAT(log.transfers, Contains(ends(TransferEnd::kSilent)));
  EXPECT_THAT(log.transfers, Not(Contains(ends(TransferEnd::kContinued))));
}

TEST(ClientConfig, goes_through_json_and_refuses_nonsense) {
  ClientConfig config = config_for(80);
  std::remove(config.output.c_str());
  const Result<ClientConfig> back = ClientConfig::decode(config.encode());
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->addresses, config.addresses);
  EXPECT_EQ(back->silent_after, config.silent_after);
  EXPECT_EQ(back->output, config.output);
  EXPECT_FALSE(ClientConfig::decode("{}"));
  EXPECT_FALSE(ClientConfig::decode("not json"));
  config.addresses.clear();
  EXPECT_FALSE(ClientConfig::decode(config.encode()));
}

TEST(ClientLines, what_is_written_is_read_and_anything_else_is_refused) {
  ClientLog log;
  const Probe probe{.target = 0, .start_ns = 17, .took_us = 5, .end = ProbeEnd::kReset};
  const Transfer transfer{.target = 0,
                          .start_ns = 18,
                          .took_us = 6,
                          .end = TransferEnd::kSilent,
                          .bytes = 99,
                          .node = "node2"};
  ASSERT_TRUE(log.add("t 10.0.9.1 0\n" + probe_line(probe) + transfer_line(transfer) + "e\n"));
  ASSERT_EQ(log.probes.size(), 1u);
  EXPECT_EQ(log.probes[0].end, ProbeEnd::kReset);
  EXPECT_EQ(log.probes[0].node, "");
  ASSERT_EQ(log.transfers.size(), 1u);
  EXPECT_EQ(log.transfers[0].bytes, 99u);
  EXPECT_EQ(log.transfers[0].node, "node2");
  EXPECT_TRUE(log.ended);
  for (const char* wrong : {"p 1 17 5 ok node1\n", "p 0 17 5 fine node1\n", "p 0 x 5 ok node1\n",
                            "p 0 17 5 ok\n", "q\n", "\n", "p 0 17 5 ok node1"})
    EXPECT_FALSE(log.add(wrong)) << wrong;
}

TEST(ClientTail, steady_means_answered_by_that_node_for_that_long) {
  const std::string path = "/tmp/atoll-tail-test-" + std::to_string(::getpid());
  constexpr int64_t kMs = 1'000'000;
  ClientTail tail(path);
  std::ofstream file(path);
  auto write = [&](int64_t at_ms, ProbeEnd end, const char* node) {
    file << probe_line(
                {.target = 0, .start_ns = at_ms * kMs, .took_us = 0, .end = end, .node = node})
         << std::flush;
    EXPECT_TRUE(tail.read());
  };
  file << "t 10.0.9.1 0\n";
  write(10'000, ProbeEnd::kOk, "node1");
  EXPECT_TRUE(tail.steady(0, "node1", 600ms, 10'100 * kMs));
  EXPECT_FALSE(tail.steady(0, "node2", 600ms, 10'100 * kMs));
  EXPECT_FALSE(tail.steady(1, "node1", 600ms, 10'100 * kMs));
  EXPECT_FALSE(tail.steady(0, "node1", 600ms, 11'000 * kMs)) << "no news is not good news";
  write(10'200, ProbeEnd::kConnectTimeout, "");
  write(10'300, ProbeEnd::kOk, "node2");
  EXPECT_FALSE(tail.steady(0, "node2", 600ms, 10'350 * kMs));
  write(10'900, ProbeEnd::kOk, "node2");
  EXPECT_TRUE(tail.steady(0, "node2", 600ms, 10'950 * kMs));
  write(10'960, ProbeEnd::kOk, "node1");
  EXPECT_FALSE(tail.steady(0, "node1", 600ms, 10'970 * kMs)) << "node2 answered a moment ago";
  write(11'800, ProbeEnd::kOk, "node1");
  EXPECT_TRUE(tail.steady(0, "node1", 600ms, 11'850 * kMs));
  write(11'860, ProbeEnd::kReset, "");
  write(11'900, ProbeEnd::kOk, "node1");
  EXPECT_FALSE(tail.steady(0, "node1", 600ms, 11'910 * kMs)) << "a probe failed a moment ago";
  EXPECT_FALSE(tail.steady(0, "", 600ms, 11'910 * kMs));
  std::remove(path.c_str());
}

}  // namespace
}  // namespace atl::lab
