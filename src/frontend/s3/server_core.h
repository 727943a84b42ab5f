// What all connections of a Server share. Inside the protocol half only.
#pragma once

#include <list>
#include <memory>
#include <vector>

#include "env/sync.h"
#include "frontend/s3/authenticator.h"
#include "frontend/s3/server.h"
#include "frontend/s3/server_metrics.h"

namespace atl::s3 {

class Connection;

// Kept alive by every connection task, so that it is there however long those take to end.
struct ServerCore : std::enable_shared_from_this<ServerCore> {
  ServerCore(env::Env& env, Handler& handler, CredentialStore& credentials, ServerOptions options);

  env::Env& env;
  Handler& handler;
  ServerOptions options;
  Authenticator authenticator;
  ServerMetrics metrics;

  std::vector<std::shared_ptr<env::Listener>> listeners;
  std::list<Connection*> connections;  // each enters and leaves by itself
  size_t refusals = 0;                 // among the connections
  size_t accept_loops = 0;
  bool stopping = false;
  bool draining = false;
  env::Event changed;  // a connection or accept loop has ended

  uint32_t seconds = 0;  // sweeps so far: the connections' clock
  env::TimerId sweep_timer{};

  void start_sweeping();
  void stop_sweeping();

  std::unique_ptr<Request> take_request();
  void give_back(std::unique_ptr<Request> request);
  // The Date header now; formatted once a second.
  std::string_view http_date_now();
  std::string make_request_id();

 private:
  void sweep();

  std::vector<std::unique_ptr<Request>> spare_requests_;
  int64_t date_second_ = -1;
  std::string date_;
};

}  // namespace atl::s3
