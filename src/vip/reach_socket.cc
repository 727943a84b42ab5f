#include "vip/reach_socket.h"

#include <sys/socket.h>

#include <array>
#include <cstring>
#include <map>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "env/errno_error.h"

namespace atl::vip {
namespace {

using boost::asio::as_tuple;
using boost::asio::use_awaitable;
using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using boost::system::error_code;
using Datagram = std::array<char, kReachBytes>;

constexpr char kMagic[] = {'A', 'T', 'L', 'R', 'E', 'A', 'C', 'H'};
constexpr size_t kWhatAt = sizeof kMagic;
constexpr size_t kNumberAt = 16;
// After an error of the socket (the interface is down): no busy loop, and back within a round.
constexpr Nanos kAfterError = 20ms;

Datagram datagram(char what, uint64_t number) {
  Datagram bytes{};
  std::memcpy(bytes.data(), kMagic, sizeof kMagic);
  bytes[kWhatAt] = what;
  std::memcpy(bytes.data() + kNumberAt, &number, sizeof number);
  return bytes;
}

template <typename Socket>
Status bind_here(Socket* socket, const std::string& interface,
                 const typename Socket::endpoint_type& at) {
  error_code error;
  socket->open(at.protocol(), error);
  if (error) return fail(env::errno_error(error.value(), "open a socket for", interface));
  if (::setsockopt(socket->native_handle(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                   static_cast<socklen_t>(interface.size())) != 0)
    return fail(env::errno_error(errno, "bind to interface", interface));
  socket->bind(at, error);
  if (error) return fail(env::errno_error(error.value(), "bind to", at.address().to_string()));
  return {};
}

}  // namespace

struct ReachSocket::Core : std::enable_shared_from_this<Core> {
  struct Question {
    udp::endpoint to;
    bool answered = false;
    env::Event over;
  };

  Core(env::Env& e, Options o) : env(e), options(std::move(o)), socket(e.io()) {}

  // A task of its own keeps it, from before it begins.
  static Task<void> receive(std::shared_ptr<Core> self);
  void take(const Datagram& bytes, const udp::endpoint& from);
  bool may_answer();
  Task<bool> ask_node(env::Endpoint to, Nanos limit);
  Task<bool> ask_host(env::Endpoint to, Nanos limit);

  env::Env& env;
  const Options options;
  udp::socket socket;
  bool closed = false;
  std::map<uint64_t, std::shared_ptr<Question>> questions;
  uint64_t answers_given = 0;
  Nanos second_began{0};
  uint32_t answers_this_second = 0;
};

Result<std::unique_ptr<ReachSocket>> ReachSocket::open(env::Env& env, Options options) {
  const Result<Vip> own = Vip::parse(options.address);
  if (!own) return fail(own.error());
  auto core = std::make_shared<Core>(env, std::move(options));
  const udp::endpoint at(boost::asio::ip::address_v4(own->number), core->options.port);
  ATOLL_TRY_STATUS(bind_here(&core->socket, core->options.interface, at));
  core->socket.non_blocking(true);
  env.spawn("vip.reach.socket", Core::receive(core));
  return std::unique_ptr<ReachSocket>(new ReachSocket(std::move(core)));
}

ReachSocket::~ReachSocket() {
  core_->closed = true;
  error_code ignored;
  core_->socket.close(ignored);
}

uint16_t ReachSocket::port() const {
  error_code ignored;
  return core_->socket.local_endpoint(ignored).port();
}

uint64_t ReachSocket::answers_given() const {
  return core_->answers_given;
}

Task<bool> ReachSocket::answered(Witness witness, Nanos limit) {
  auto core = core_;
  if (witness.kind == Witness::Kind::kHost) co_return co_await core->ask_host(witness.at, limit);
  co_return co_await core->ask_node(witness.at, limit);
}

Task<void> ReachSocket::Core::receive(std::shared_ptr<Core> self) {
  Datagram bytes{};
  udp::endpoint from;
  while (!self->closed) {
    // One byte more than a question has: what is longer is none.
    std::array<char, kReachBytes + 1> room;
    const auto into = boost::asio::buffer(room);
    const auto [error, size] =
        co_await self->socket.async_receive_from(into, from, as_tuple(use_awaitable));
    if (self->closed) break;
    if (error) {
      co_await self->env.sleep(kAfterError);
      continue;
    }
    if (size != kReachBytes) continue;
    std::memcpy(bytes.data(), room.data(), kReachBytes);
    self->take(bytes, from);
  }
}

void ReachSocket::Core::take(const Datagram& bytes, const udp::endpoint& from) {
  if (std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0) return;
  uint64_t number = 0;
  std::memcpy(&number, bytes.data() + kNumberAt, sizeof number);
  if (bytes[kWhatAt] == 'q' && may_answer()) {
    const Datagram answer = datagram('a', number);
    error_code ignored;  // a lost answer is asked for again
    socket.send_to(boost::asio::buffer(answer), from, 0, ignored);
    ++answers_given;
  } else if (bytes[kWhatAt] == 'a') {
    const auto asked = questions.find(number);
    if (asked == questions.end() || asked->second->to != from) return;
    asked->second->answered = true;
    asked->second->over.set();
  }
}

bool ReachSocket::Core::may_answer() {
  if (env.now() - second_began >= 1s) {
    second_began = env.now();
    answers_this_second = 0;
  }
  return ++answers_this_second <= kReachAnswersPerSecond;
}

Task<bool> ReachSocket::Core::ask_node(env::Endpoint to, Nanos limit) {
  auto self = shared_from_this();
  const Result<Vip> host = Vip::parse(to.host);
  if (!host || closed || questions.size() >= kReachQuestionsMax) co_return false;
  auto question = std::make_shared<Question>();
  question->to = udp::endpoint(boost::asio::ip::address_v4(host->number), to.port);
  const uint64_t number = env.random();
  questions[number] = question;
  const Datagram bytes = datagram('q', number);
  error_code error;
  socket.send_to(boost::asio::buffer(bytes), question->to, 0, error);
  const env::TimerId timer = env.start_timer(limit, [question] { question->over.set(); });
  co_await question->over.wait();
  env.cancel_timer(timer);
  questions.erase(number);
  co_return question->answered;
}

Task<bool> ReachSocket::Core::ask_host(env::Endpoint to, Nanos limit) {
  auto self = shared_from_this();
  const Result<Vip> host = Vip::parse(to.host);
  const Result<Vip> own = Vip::parse(options.address);
  if (!host || !own || closed) co_return false;
  auto connection = std::make_shared<tcp::socket>(env.io());
  const tcp::endpoint from(boost::asio::ip::address_v4(own->number), 0);
  if (!bind_here(connection.get(), options.interface, from)) co_return false;
  const env::TimerId timer = env.start_timer(limit, [connection] {
    error_code ignored;
    connection->close(ignored);
  });
  const tcp::endpoint there(boost::asio::ip::address_v4(host->number), to.port);
  const auto [error] = co_await connection->async_connect(there, as_tuple(use_awaitable));
  env.cancel_timer(timer);
  error_code ignored;
  connection->close(ignored);
  co_return !error || error == boost::asio::error::connection_refused;
}

}  // namespace atl::vip
