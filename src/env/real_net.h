// The network seam over TCP sockets of the reactor. TCP_NODELAY is set; writes gather.
#pragma once

#include <boost/asio/io_context.hpp>

#include "env/net.h"

namespace atl::env {

class RealNetwork final : public Network {
 public:
  explicit RealNetwork(boost::asio::io_context& io) : io_(io) {}
  Result<std::unique_ptr<Listener>> listen(const Endpoint& at) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint to) override;

 private:
  boost::asio::io_context& io_;
};

}  // namespace atl::env
