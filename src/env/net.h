// Stream sockets, as the frontends and their clients see them: TCP on the real side
// (env/real_net.h), in-memory pipes in the simulator (env/sim_net.h).
//
// No TLS and no deadlines here: the layer above wraps a Stream for the one and closes it for the
// other. A Stream takes one reader and one writer at a time. Everything runs on the reactor.
//
// Errors: kUnavailable (refused, reset, broken pipe: the peer is gone), kCancelled (close() was
// called here), kBusy (the address is in use), kInvalidArgument (no such address), kIo (the rest).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "env/task.h"

namespace atl::env {

// Connections that wait for accept(); more than that are refused or retried by the peer's kernel.
inline constexpr int kListenBacklog = 1024;

struct Endpoint {
  std::string host;  // a literal address: "127.0.0.1", "::1", "0.0.0.0"
  uint16_t port = 0;
  std::string to_string() const;  // "127.0.0.1:80", "[::1]:80"
};

class Stream {
 public:
  virtual ~Stream() = default;
  // At least one byte, as soon as there is one; 0 at the end of what the peer sent. `into` must
  // stay valid until this returns.
  virtual Task<Result<size_t>> read_some(MutableByteSpan into) = 0;
  // All parts in order, gathered into as few system calls as they fit. The memory must stay valid.
  virtual Task<Status> write_all(std::vector<ByteSpan> parts) = 0;
  // The peer reads an end after what was written; reading goes on.
  virtual void shutdown_send() = 0;
  // Ends both directions; operations under way return kCancelled. Idempotent; the destructor does
  // it.
  virtual void close() = 0;
  virtual Endpoint remote() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual Task<Result<std::unique_ptr<Stream>>> accept() = 0;
  virtual void close() = 0;  // an accept under way returns kCancelled
  virtual Endpoint local() const = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  // Port 0 takes a free one; see Listener::local().
  virtual Result<std::unique_ptr<Listener>> listen(const Endpoint& at) = 0;
  virtual Task<Result<std::unique_ptr<Stream>>> connect(Endpoint to) = 0;
};

}  // namespace atl::env
