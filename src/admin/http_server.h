// The admin API: HTTP on a loopback address. docs/admin-api.md lists the calls.
//
// There is no login: whoever can reach the address administers the cluster, so it listens on
// loopback addresses alone. Against web pages that a browser on the same machine may show, calls
// that change something need the header "X-Atoll-Admin: 1", and the Host header must name a
// loopback address.
//
// Threads: the reactor's. Limits: kMaxConnections, kMaxBodyBytes, kIdleTimeout.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "admin/control.h"
#include "base/result.h"
#include "env/env.h"

namespace atl::admin {

inline constexpr size_t kMaxConnections = 256;
inline constexpr size_t kMaxBodyBytes = 64u << 10;
inline constexpr Nanos kIdleTimeout = 30s;

class HttpServer {
 public:
  // before_metrics: called before /metrics is rendered, to set gauges.
  HttpServer(env::Env& env, Control& control, std::function<void()> before_metrics);
  ~HttpServer();

  // "127.0.0.1:9001"; port 0 takes a free one. kInvalidArgument when it is not a loopback address.
  Status listen(const std::string& address);
  std::string address() const;  // as it is listened on
  void stop();                  // no new connections; those there are closed

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Splits "host:port" and checks both. "[::1]:80" for IPv6.
Result<std::pair<std::string, uint16_t>> parse_address(const std::string& text);

}  // namespace atl::admin
