#include "vip/dns/udp_port.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "env/errno_error.h"

namespace atl::vip::dns {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

Result<std::unique_ptr<UdpPort>> UdpPort::open(asio::io_context& io, const env::Endpoint& at) {
  error_code error;
  const asio::ip::address address = asio::ip::make_address(at.host, error);
  if (error || address.is_unspecified())
    return fail(Errc::kInvalidArgument,
                "'" + at.host + "' is not one address of this machine to answer from");
  udp::socket socket(io);
  const udp::endpoint endpoint(address, at.port);
  socket.open(endpoint.protocol(), error);
  if (!error) socket.bind(endpoint, error);
  if (!error) socket.non_blocking(true, error);
  if (error) return fail(env::errno_error(error.value(), "listen at", at.to_string()));
  return std::unique_ptr<UdpPort>(new UdpPort(std::move(socket)));
}

Task<Result<size_t>> UdpPort::receive(MutableByteSpan into, Peer* from) {
  const asio::mutable_buffer buffer(into.data(), into.size());
  auto [error, size] =
      co_await socket_.async_receive_from(buffer, *from, asio::as_tuple(asio::use_awaitable));
  if (!error) co_return size;
  if (!socket_.is_open() || error == asio::error::operation_aborted)
    co_return fail(Errc::kCancelled, "closed");
  co_return fail(env::errno_error(error.value(), "receive at", local().to_string()));
}

bool UdpPort::send(ByteSpan datagram, const Peer& to) {
  error_code error;
  socket_.send_to(asio::buffer(datagram.data(), datagram.size()), to, 0, error);
  return !error;
}

void UdpPort::close() {
  error_code ignored;
  socket_.close(ignored);
}

env::Endpoint UdpPort::local() const {
  error_code ignored;
  const udp::endpoint endpoint = socket_.local_endpoint(ignored);
  return {endpoint.address().to_string(), endpoint.port()};
}

uint64_t UdpPort::source_of(const Peer& peer) {
  if (peer.address().is_v4()) return peer.address().to_v4().to_uint();
  uint64_t upper = 0;
  const auto bytes = peer.address().to_v6().to_bytes();
  for (size_t i = 0; i < 8; ++i) upper = upper << 8 | bytes[i];
  return upper;
}

}  // namespace atl::vip::dns
