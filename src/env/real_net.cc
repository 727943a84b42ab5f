#include "env/real_net.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <span>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "env/errno_error.h"

namespace atl::env {
namespace {

using boost::asio::as_tuple;
using boost::asio::use_awaitable;
using boost::asio::ip::tcp;
using boost::system::error_code;

// A stream that always has bytes ready lets the others have a turn after so many operations.
constexpr int kOpsInOneTurnMax = 16;
// Pieces in one sendmsg; Linux takes up to 1024.
constexpr size_t kGatherMax = 64;

std::unexpected<Error> fail_asio(const error_code& error, std::string_view what,
                                 std::string_view subject) {
  if (error == boost::asio::error::operation_aborted || error == boost::asio::error::bad_descriptor)
    return fail(Errc::kCancelled, fmt::format("{} {}: closed", what, subject));
  if (error.category() != boost::system::system_category())
    return fail(Errc::kIo, fmt::format("{} {}: {}", what, subject, error.message()));
  return fail(errno_error(error.value(), what, subject));
}

Result<tcp::endpoint> to_asio(const Endpoint& endpoint) {
  error_code error;
  const std::string host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error) return fail(Errc::kInvalidArgument, "not an address: '" + endpoint.host + "'");
  return tcp::endpoint(address, endpoint.port);
}

Endpoint from_asio(const tcp::endpoint& endpoint) {
  return {endpoint.address().to_string(), endpoint.port()};
}

// One sendmsg of as many parts as it takes.
ssize_t send_some(int fd, std::span<const ByteSpan> parts) {
  iovec iov[kGatherMax];
  msghdr message{};
  message.msg_iov = iov;
  message.msg_iovlen = std::min(parts.size(), kGatherMax);
  for (size_t i = 0; i < message.msg_iovlen; ++i)
    iov[i] = {const_cast<uint8_t*>(parts[i].data()), parts[i].size()};
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

class RealStream final : public Stream {
 public:
  RealStream(tcp::socket socket, Endpoint remote)
      : socket_(std::make_shared<tcp::socket>(std::move(socket))), remote_(std::move(remote)) {
    error_code ignored;
    socket_->set_option(tcp::no_delay(true), ignored);
    socket_->native_non_blocking(true, ignored);
  }
  ~RealStream() override { close(); }

  Task<Result<size_t>> read_some(MutableByteSpan into) override {
    if (into.empty()) co_return size_t{0};
    auto socket = socket_;  // outlives the stream
    if (++ops_in_turn_ >= kOpsInOneTurnMax) co_await let_others_run();
    while (true) {
      const ssize_t n = ::recv(socket->native_handle(), into.data(), into.size(), 0);
      if (n >= 0) co_return static_cast<size_t>(n);
      if (errno == EINTR) continue;
      if (errno != EAGAIN) co_return fail_op("read from");
      auto [error] = co_await socket->async_wait(tcp::socket::wait_read, as_tuple(use_awaitable));
      if (error) co_return fail_asio(error, "read from", "the peer");
      ops_in_turn_ = 0;
    }
  }

  Task<Status> write_all(std::vector<ByteSpan> parts) override {
    auto socket = socket_;
    if (++ops_in_turn_ >= kOpsInOneTurnMax) co_await let_others_run();
    size_t first = 0;  // of the parts that are not sent yet
    while (true) {
      while (first < parts.size() && parts[first].empty()) ++first;
      if (first == parts.size()) co_return Status{};
      ssize_t n = send_some(socket->native_handle(), std::span(parts).subspan(first));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno != EAGAIN) co_return fail_op("write to");
      if (n < 0) {
        auto [error] =
            co_await socket->async_wait(tcp::socket::wait_write, as_tuple(use_awaitable));
        if (error) co_return fail_asio(error, "write to", "the peer");
        ops_in_turn_ = 0;
      }
      for (; n > 0; ++first) {
        const size_t taken = std::min(static_cast<size_t>(n), parts[first].size());
        parts[first] = parts[first].subspan(taken);
        n -= static_cast<ssize_t>(taken);
        if (!parts[first].empty()) break;
      }
    }
  }

  void shutdown_send() override {
    error_code ignored;
    socket_->shutdown(tcp::socket::shutdown_send, ignored);
  }
  void close() override {
    error_code ignored;
    socket_->close(ignored);
  }
  Endpoint remote() const override { return remote_; }

 private:
  std::unexpected<Error> fail_op(std::string_view what) const {
    if (errno == EBADF) return fail(Errc::kCancelled, "stream closed");
    return fail(errno_error(errno, what, remote_.to_string()));
  }
  Task<void> let_others_run() {
    ops_in_turn_ = 0;
    return boost::asio::post(socket_->get_executor(), use_awaitable);
  }

  std::shared_ptr<tcp::socket> socket_;
  Endpoint remote_;
  int ops_in_turn_ = 0;
};

class RealListener final : public Listener {
 public:
  explicit RealListener(tcp::acceptor acceptor)
      : acceptor_(std::make_shared<tcp::acceptor>(std::move(acceptor))),
        local_(from_asio(acceptor_->local_endpoint())) {}
  ~RealListener() override { close(); }

  Task<Result<std::unique_ptr<Stream>>> accept() override {
    auto acceptor = acceptor_;
    auto [error, socket] = co_await acceptor->async_accept(as_tuple(use_awaitable));
    if (error) co_return fail_asio(error, "accept at", "the listener");
    error_code gone;
    const tcp::endpoint remote = socket.remote_endpoint(gone);
    std::unique_ptr<Stream> stream =
        std::make_unique<RealStream>(std::move(socket), from_asio(remote));
    co_return std::move(stream);
  }
  void close() override {
    error_code ignored;
    acceptor_->close(ignored);
  }
  Endpoint local() const override { return local_; }

 private:
  std::shared_ptr<tcp::acceptor> acceptor_;
  Endpoint local_;
};

}  // namespace

Result<std::unique_ptr<Listener>> RealNetwork::listen(const Endpoint& at) {
  ATOLL_TRY(const tcp::endpoint endpoint, to_asio(at));
  tcp::acceptor acceptor(io_);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kListenBacklog, error);
  if (error) return fail_asio(error, "listen at", at.to_string());
  return std::make_unique<RealListener>(std::move(acceptor));
}

Task<Result<std::unique_ptr<Stream>>> RealNetwork::connect(Endpoint to) {
  ATOLL_CO_TRY(const tcp::endpoint endpoint, to_asio(to));
  tcp::socket socket(io_);
  auto [error] = co_await socket.async_connect(endpoint, as_tuple(use_awaitable));
  if (error) co_return fail_asio(error, "connect to", to.to_string());
  std::unique_ptr<Stream> stream = std::make_unique<RealStream>(std::move(socket), to);
  co_return std::move(stream);
}

}  // namespace atl::env
