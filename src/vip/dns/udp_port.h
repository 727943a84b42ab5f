// A UDP socket on the real side: env::Network has streams only.
//
// One task receives at a time. The socket is bound to one address, never to all of the machine: an
// answer that left with another source address than the query was sent to would be thrown away by
// the client, and a node has many.
//
// Ownership: outlives what it is receiving: close(), and wait for receive() to return. Threads: the
// reactor's. Errors: as env/net.h.
#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include "base/bytes.h"
#include "base/result.h"
#include "env/net.h"
#include "env/task.h"

namespace atl::vip::dns {

class UdpPort {
 public:
  using Peer = boost::asio::ip::udp::endpoint;

  // Port 0 takes a free one; see local(). kInvalidArgument: not a literal address, or all of them.
  static Result<std::unique_ptr<UdpPort>> open(boost::asio::io_context& io,
                                               const env::Endpoint& at);
  // One datagram; what does not fit into `into` is cut off.
  Task<Result<size_t>> receive(MutableByteSpan into, Peer* from);
  // False: lost, as the network might have lost it (the kernel's buffer is full, no route).
  bool send(ByteSpan datagram, const Peer& to);
  void close();
  env::Endpoint local() const;
  // An IPv4 address, or the upper half of an IPv6 one, which is what one site has.
  static uint64_t source_of(const Peer& peer);

 private:
  explicit UdpPort(boost::asio::ip::udp::socket socket) : socket_(std::move(socket)) {}
  boost::asio::ip::udp::socket socket_;
};

}  // namespace atl::vip::dns
