// The service behind the addresses in the laboratory: HTTP/1.1 that says who answers.
//
//   GET /who       {"node":"node1","vip":"10.0.9.1","generation":3,"lease_left_ms":812}
//   GET /ping      {}
//   GET /bytes/N   N bytes (the letter x), as fast as the client takes them
//   GET /healthz   on the health port: 200 while the node holds an address, otherwise 503
//   POST /fault/sick, POST /fault/well   on the control port: well() is false, and true again
//
// Every answer has the header X-Atoll-Node. Before an answer, and before each piece of a long one,
// the responder asks whether the node may answer for the address (Standing); when it may not, the
// connection is closed without a word. A request that comes while the address is being taken waits
// for kTakingMax.
//
// The listeners of all addresses are there from start() on: that is how no connection is refused
// between the opening of the fence and the first accept. It needs net.ipv4.ip_nonlocal_bind. end()
// closes the listener, drops what its queue holds, and listens anew.
//
// A planned move. drain(): answers say `Connection: close`, and when an answer is out the responder
// ends its side and waits for the client to end its own: then all bytes have arrived, not only been
// handed to the kernel. A connection counts as a long transfer while its answer is older than
// kLongTransfer and the client has not ended it. New long ones (kLongBytes and more) that begin
// during a drain are answered 503 with Retry-After, or else a client that always has one under way
// would never let the address go. Options::refuse_long says whether.
//
// Ownership: the Env outlives it; destroying it closes everything. Threads: the reactor's. Limits:
// kResponderConnectionsMax (more are closed at once), cloud::kHttpHeadBytesMax, no request bodies
// over cloud::kHttpBodyBytesMax, kRequestIdleMax, kStallMax, kAnswerBytesMax.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/env.h"
#include "env/net.h"
#include "vip/service.h"

namespace atl::lab {

inline constexpr uint16_t kServicePort = 80;
inline constexpr uint16_t kHealthPort = 8086;
inline constexpr uint16_t kControlPort = 8087;
// Of all addresses together; the laboratory's clients have some twenty an address.
inline constexpr size_t kResponderConnectionsMax = 4096;
// A connection without a whole request for so long is closed.
inline constexpr Nanos kRequestIdleMax = 30s;
// A client that takes no byte of an answer for so long, or does not end its side after the last
// one, has gone. Above Timing::drain_limit, which bounds a drain before this does.
inline constexpr Nanos kStallMax = 60s;
inline constexpr uint64_t kAnswerBytesMax = 1ull << 40;  // of /bytes/N
inline constexpr size_t kPieceBytes = 64u << 10;         // written at a time
inline constexpr Nanos kLongTransfer = 100ms;
inline constexpr uint64_t kLongBytes = 1u << 20;  // at 10 MB/s these are kLongTransfer
inline constexpr Nanos kTakingMax = 250ms;
inline constexpr Nanos kTakingPoll = 2ms;
inline constexpr Nanos kDrainPoll = 5ms;
// finish() waits so long for what the kernel has accepted already, and so long for the first
// request of a connection.
inline constexpr Nanos kAcceptLag = 10ms;
inline constexpr Nanos kFreshMax = 200ms;

// What the node may say in the name of an address now.
struct Standing {
  bool answers = false;
  uint64_t generation = 0;
  Nanos lease_left{0};
};

class Responder final : public vip::Service {
 public:
  struct Options {
    std::string node;
    std::vector<vip::Vip> addresses;
    uint16_t port = kServicePort;
    std::string health_host = "0.0.0.0";
    uint16_t health_port = 0;  // 0: none
    std::string control_host = "127.0.0.1";
    uint16_t control_port = 0;  // 0: none
    bool refuse_long = true;
    bool serve = true;  // false: health and control only, another service is at the addresses
  };
  using Ask = std::function<Standing(vip::Vip)>;

  Responder(env::Env& env, Options options);
  ~Responder() override;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  // Whom to ask; until then nothing is answered. Holder and Responder need each other.
  void ask(Ask ask);
  // Listens everywhere. kBusy, kInvalidArgument: an address or port cannot be listened at.
  Status start();
  void stop();

  void begin(vip::Vip vip, uint64_t generation) override;
  Task<void> drain(vip::Vip vip, Nanos limit) override;
  Task<void> finish(vip::Vip vip, Nanos limit) override;
  void end(vip::Vip vip) override;
  bool well() override;

  size_t connections() const;
  // For a service beside it: its address is as good as gone for the health port.
  void mark_draining(vip::Vip vip, bool draining);

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace atl::lab
