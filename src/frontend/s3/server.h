// The S3 door's HTTP server: listens, keeps connections, checks signatures, calls the Handler.
//
// One task a connection, one request at a time on each; pipelined requests wait in the socket and
// are answered in order. Limits: server_limits.h. A body that cannot be read to its end, or that
// lies about itself, never leads to a wrong answer: the connection is closed.
//
// Ownership: Env, Handler and CredentialStore outlive the server's tasks. Call stop() and await it
// before destroying any of them. Threads: the reactor's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "env/env.h"
#include "env/net.h"
#include "frontend/s3/http.h"
#include "frontend/s3/server_limits.h"

namespace atl::s3 {

class TlsContext;
struct ServerCore;

struct ServerOptions {
  std::vector<std::string> regions{"us-east-1"};  // accepted in signatures; told: the first
  std::vector<std::string> domains;               // whose sub-domains are buckets, lower-case
  std::string host_id = "atoll";                  // x-amz-id-2: which node has answered
  LogLevel access_log = LogLevel::kDebug;
  size_t connections_max = kConnectionsMax;
};

class Server {
 public:
  Server(env::Env& env, Handler& handler, CredentialStore& credentials, ServerOptions options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Accepts connections at `at` (port 0: any free port) and returns where. May be called several
  // times; with `tls`, connections there speak TLS. kBusy, kInvalidArgument, kIo.
  Result<env::Endpoint> listen(const env::Endpoint& at, std::shared_ptr<TlsContext> tls = nullptr);

  // Stops accepting, closes idle connections, lets running requests finish for `grace`, then closes
  // their connections too. Success: no task of the server is left. kTimeout: a handler still runs
  // although its connection is gone; it must not outlive what it uses, so call stop() again.
  Task<Status> stop(Nanos grace);

  size_t connections() const;

  // --- A planned move of the address that this server listens at ---

  // From now on each answer ends its connection, and connections between two requests are ended by
  // our side. New ones are still accepted; stop() is what comes next.
  void drain();
  // Connections with a request, or an answer that its client may not have whole yet, that is of
  // `bytes` or more or began `age` ago. Exact during a drain only.
  size_t transfers(uint64_t bytes, Nanos age) const;
  // Connections with any request or such an answer, and those that came less than `fresh` ago and
  // whose first request is on its way.
  size_t under_way(Nanos fresh) const;

 private:
  std::shared_ptr<ServerCore> core_;
};

}  // namespace atl::s3
