// HTTP/1.1 towards one origin: a bounded pool of connections that are kept, with deadlines.
//
// Requests must be safe to repeat: one that was sent over a kept connection which turns out to have
// ended before any byte of an answer is sent once more over a new one. (Reads are safe; changes
// carry a request id.) Nothing else is repeated here.
//
// Names are resolved once and then again in the background, never for a call that has an address to
// try; when they cannot be resolved any more, the last known addresses stay in use.
//
// Ownership: the Env outlives it; it may be destroyed with calls under way, which then end with
// kCancelled. Threads: the reactor's. Errors: kUnavailable (no connection, or it was lost: the
// request may have been carried out), kTimeout (the same, by the deadline), kBusy (too many calls
// wait), kInvalidArgument (origin or request).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "cloud/http_message.h"
#include "cloud/tls_client.h"
#include "env/env.h"

namespace atl::cloud {

// Calls at once, each on its connection. A failover of a thousand addresses runs into the API's
// write quota (some 25 a second) long before sixteen calls at once are too few.
inline constexpr uint64_t kConnectionsMax = 16;
// Calls that wait for a connection; more are kBusy.
inline constexpr size_t kWaitingCallsMax = 256;
// A kept connection that was idle this long is not used again: servers close theirs after minutes,
// and a path through NAT may have been forgotten.
inline constexpr Nanos kIdleConnectionMax = 60s;
// One address of an origin. Longer than two SYN retransmissions (1 s + 2 s).
inline constexpr Nanos kConnectDeadline = 4s;
// Addresses of an origin that one call tries.
inline constexpr size_t kAddressesTried = 3;
// Names are resolved again after this long, in the background, and that may take so long.
inline constexpr Nanos kResolveInterval = 60s;
inline constexpr Nanos kResolveDeadline = 5s;

struct HttpOrigin {
  bool tls = false;
  std::string host;  // a name or an address
  uint16_t port = 0;
  // "https://compute.googleapis.com", "http://127.0.0.1:8080"; no path.
  static Result<HttpOrigin> parse(std::string_view url);
};

// Addresses of a name; runs where it may block.
using ResolveName = std::function<Result<std::vector<std::string>>(const std::string& host)>;
Result<std::vector<std::string>> resolve_by_system(const std::string& host);

struct HttpClientOptions {
  ResolveName resolve = resolve_by_system;
  std::string fallback_address;    // tried when the name's addresses are not there or do not answer
  std::shared_ptr<TlsClient> tls;  // needed for https
};

class HttpClient {
 public:
  HttpClient(env::Env& env, HttpOrigin origin, HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // The limit covers everything: waiting, resolving, connecting, TLS, the exchange.
  Task<Result<HttpMessage>> call(HttpMessage request, Nanos limit);

  // Ends calls under way with kCancelled, and those to come. The destructor does it.
  void stop();

  size_t idle_connections() const;
  uint64_t connections_made() const;

  struct Core;  // http_client.cc

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace atl::cloud
