// Real sockets on the loopback interface: what is an answer, and what is not.
#include "vip/reach_socket.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "env/real_env.h"

namespace atl::vip {
namespace {

// For what must be answered: far more than it takes. For what must not: how long it may go astray.
constexpr Nanos kPlenty = 10s;
constexpr Nanos kNoAnswer = 200ms;

sockaddr_in at(const std::string& host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

// A socket of somebody else's.
class Other {
 public:
  explicit Other(const std::string& host, int type = SOCK_DGRAM, uint16_t port = 0)
      : fd_(::socket(AF_INET, type, 0)) {
    const sockaddr_in here = at(host, port);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&here), sizeof here), 0);
  }
  ~Other() { ::close(fd_); }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  int fd() const { return fd_; }
  uint16_t port() const {
    sockaddr_in here{};
    socklen_t size = sizeof here;
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&here), &size), 0);
    return ntohs(here.sin_port);
  }
  void send(const std::string& bytes, const std::string& host, uint16_t to) const {
    const sockaddr_in there = at(host, to);
    EXPECT_EQ(::sendto(fd_, bytes.data(), bytes.size(), 0,
                       reinterpret_cast<const sockaddr*>(&there), sizeof there),
              static_cast<ssize_t>(bytes.size()));
  }
  // "" when nothing comes.
  std::string receive(Nanos limit) const {
    pollfd ready{fd_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(limit / 1ms)) != 1) return "";
    char bytes[100];
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    return std::string(bytes, n > 0 ? static_cast<size_t>(n) : 0);
  }

 private:
  int fd_;
};

std::unique_ptr<ReachSocket> open_at(env::Env& env, const std::string& address) {
  ReachSocket::Options options;
  options.interface = "lo";
  options.address = address;
  options.port = 0;
  auto opened = ReachSocket::open(env, options);
  EXPECT_TRUE(opened) << opened.error().to_string();
  return std::move(*opened);
}

bool asks(env::RealEnv& env, ReachSocket& from, const std::string& host, uint16_t port, Nanos limit,
          Witness::Kind kind = Witness::Kind::kNode) {
  return env.run(from.answered({kind, host, {host, port}}, limit));
}

Task<void> a_while(env::Env* env, Nanos span) {
  co_await env->sleep(span);
}

TEST(ReachSocket, a_node_answers_and_one_that_has_gone_does_not) {
  env::RealEnv env;
  auto here = open_at(env, "127.0.0.2");
  auto there = open_at(env, "127.0.0.3");
  const uint16_t port = there->port();
  EXPECT_TRUE(asks(env, *here, "127.0.0.3", port, kPlenty));
  EXPECT_EQ(there->answers_given(), 1u);
  EXPECT_EQ(here->answers_given(), 0u);
  there.reset();
  EXPECT_FALSE(asks(env, *here, "127.0.0.3", port, kNoAnswer));
  here.reset();
  env.run(a_while(&env, 50ms));
}

TEST(ReachSocket, an_answer_repeats_the_question_and_is_no_longer) {
  env::RealEnv env;
  auto here = open_at(env, "127.0.0.2");
  const Other other("127.0.0.4");
  const std::string question = std::string("ATLREACHq") + std::string(7, '\0') + "12345678";
  ASSERT_EQ(question.size(), kReachBytes);
  const std::string answer = std::string("ATLREACHa") + std::string(7, '\0') + "12345678";
  other.send(question, "127.0.0.2", here->port());
  env.run(a_while(&env, 50ms));
  EXPECT_EQ(other.receive(kPlenty), answer);
  // What is no question is not answered.
  for (const std::string& bad :
       {std::string("x"), std::string(), question + "x", question.substr(1),
        "ATLREACHx" + question.substr(9), "ATLREACG" + question.substr(8)})
    other.send(bad, "127.0.0.2", here->port());
  env.run(a_while(&env, 50ms));
  EXPECT_EQ(other.receive(kNoAnswer), "");
  EXPECT_EQ(here->answers_given(), 1u);
  here.reset();
  env.run(a_while(&env, 50ms));
}

// Takes a question at `asked` and answers it by `by`, with its number changed or not.
Task<Result<bool>> answer_later(env::Env* env, const Other* asked, const Other* by, uint16_t to,
                                size_t spoil) {
  std::string bytes;
  while (bytes.empty()) {
    co_await env->sleep(1ms);
    bytes = asked->receive(Nanos(0));
  }
  bytes[8] = 'a';
  if (spoil != 0) bytes[spoil] = static_cast<char>(bytes[spoil] ^ 1);
  by->send(bytes, "127.0.0.2", to);
  co_return true;
}

bool is_answer(const Other& asked, const Other& by, size_t spoil, Nanos limit) {
  env::RealEnv env;
  auto here = open_at(env, "127.0.0.2");
  std::vector<Task<Result<bool>>> both;
  both.push_back(answer_later(&env, &asked, &by, here->port(), spoil));
  const std::string host = "127.0.0.4";
  struct Ask {
    static Task<Result<bool>> run(ReachSocket* from, uint16_t port, Nanos limit) {
      Witness witness{Witness::Kind::kNode, "w", {"127.0.0.4", port}};
      co_return co_await from->answered(std::move(witness), limit);
    }
  };
  both.push_back(Ask::run(here.get(), asked.port(), limit));
  const auto done = env.run(env::when_all(env, std::move(both)));
  here.reset();
  env.run(a_while(&env, 50ms));
  return *done[1];
}

TEST(ReachSocket, only_who_was_asked_can_answer_and_only_what_was_asked) {
  const Other asked("127.0.0.4");
  const Other somebody("127.0.0.5");
  EXPECT_TRUE(is_answer(asked, asked, 0, kPlenty));
  EXPECT_FALSE(is_answer(asked, somebody, 0, kNoAnswer));
  EXPECT_FALSE(is_answer(asked, asked, kReachBytes - 1, kNoAnswer));
}

TEST(ReachSocket, a_host_answers_by_taking_or_refusing_a_connection) {
  env::RealEnv env;
  auto here = open_at(env, "127.0.0.2");
  const Other listening("127.0.0.4", SOCK_STREAM);
  ASSERT_EQ(::listen(listening.fd(), 4), 0);
  const Other refusing("127.0.0.4", SOCK_STREAM);
  const auto kHost = Witness::Kind::kHost;
  EXPECT_TRUE(asks(env, *here, "127.0.0.4", listening.port(), kPlenty, kHost));
  EXPECT_TRUE(asks(env, *here, "127.0.0.4", refusing.port(), kPlenty, kHost));
  EXPECT_FALSE(asks(env, *here, "not an address", 1, kPlenty, kHost));
  // Nobody is there: the route out of the loopback interface ends (TEST-NET-1).
  EXPECT_FALSE(asks(env, *here, "192.0.2.1", 9, kNoAnswer, kHost));
  here.reset();
  env.run(a_while(&env, 50ms));
}

TEST(ReachSocket, says_what_is_wrong_with_its_place) {
  env::RealEnv env;
  ReachSocket::Options options;
  options.interface = "lo";
  options.address = "nowhere";
  EXPECT_EQ(ReachSocket::open(env, options).error().code, Errc::kInvalidArgument);
  options.address = "127.0.0.2";
  options.interface = "no-such-if0";
  EXPECT_FALSE(ReachSocket::open(env, options));
  auto here = open_at(env, "127.0.0.2");
  options.interface = "lo";
  options.port = here->port();
  EXPECT_EQ(ReachSocket::open(env, options).error().code, Errc::kBusy);
  here.reset();
  env.run(a_while(&env, 50ms));
}

}  // namespace
}  // namespace atl::vip
