// A Compute twin behind HTTP: the emulated Compute Engine API and metadata server.
//
//   EmulatorHttp server(env, cloud, {.project = "lab", .networks = {"net"}});
//   server.add_group({"neg-1", "z1", {{"z1", "n1"}}});   // endpoints, which Compute cannot list
//   server.listen({"127.0.0.1", 0});
//   GcpOptions options{.endpoint = server.endpoint(), .project = "lab"};
//
// It answers what GcpCompute asks, in the API's shapes; anything else is 404. Where the API differs
// from what one would expect, it does as the API does: a PATCH without the field aliasIpRanges
// succeeds and changes nothing (python-compute issue 446), empty lists are left out of answers, an
// excess of requests is a 403.
//
// The metadata server is on the same address: tokens, and what an instance asks about itself.
//
// Ownership: the Env and the Compute outlive it; its connections end with it. Threads: the
// reactor's. Errors of listen(): env/net.h.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cloud/compute.h"
#include "cloud/http_message.h"
#include "env/env.h"
#include "env/net.h"

namespace atl::cloud {

// Connections at once: a laboratory of 64 nodes with GcpCompute's and MetadataToken's pools full is
// more than a machine runs. More are closed at once.
inline constexpr size_t kEmulatorConnectionsMax = 1024;
// Between requests of one connection, and for one request to arrive.
inline constexpr Nanos kEmulatorIdleMax = 120s;
// A twin that has not answered after this long never will (its clients have long gone).
inline constexpr Nanos kEmulatorAnswerMax = 120s;
// Tokens that are remembered as given out.
inline constexpr size_t kEmulatorTokensMax = 1024;

// What goes wrong between the client and the twin; faults of the cloud itself are the twin's.
struct HttpFault {
  enum class Kind : uint8_t {
    kStatus,  // answers `status` with `text` as body; nothing is done
    kRaw,     // answers the bytes of `text`, whatever they are, and closes; nothing is done
    kHang,    // never answers; nothing is done
    kCut,     // it is done; the first `bytes` of the answer arrive, then the connection is cut
    kBody,    // it is done, and the answer's body is `text` instead
    kDelay,   // it is done, and the answer comes `delay` later
  };
  Kind kind = Kind::kStatus;
  int status = 503;
  std::string text;
  size_t bytes = 0;
  Nanos delay{};
};

struct EmulatorOptions {
  std::string project = "lab";
  // Those that lists of routes are gathered from: Compute lists by network.
  std::vector<std::string> networks;
  bool require_token = false;  // 401 without a token that was given out and is still good
  Nanos token_life = 1h;
};

// A zonal network endpoint group as getHealth sees it.
struct EmulatedGroup {
  std::string name;
  std::string zone;
  std::vector<InstanceRef> instances;
};

class EmulatorHttp {
 public:
  // Sees every request before it is handled; nothing means no fault.
  using FaultHook = std::function<std::optional<HttpFault>(const HttpMessage& request)>;
  // Which instance asks the metadata server.
  using WhoAsks = std::function<std::optional<InstanceRef>(const env::Endpoint& remote)>;

  EmulatorHttp(env::Env& env, Compute& compute, EmulatorOptions options);
  ~EmulatorHttp();
  EmulatorHttp(const EmulatorHttp&) = delete;
  EmulatorHttp& operator=(const EmulatorHttp&) = delete;

  Status listen(const env::Endpoint& at);  // port 0 takes a free one; may be called for several
  std::string endpoint() const;            // of the last listen(): "http://127.0.0.1:4711"
  void stop();                             // connections too

  void add_group(EmulatedGroup group);  // replaces one of that name
  void set_fault_hook(FaultHook hook);
  void set_who_asks(WhoAsks who);
  void revoke_tokens();  // those given out so far are refused with 401

  size_t connections() const;
  uint64_t requests() const;

  struct Core;  // emulator_http_core.h

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace atl::cloud
