// The S3 door behind the addresses of a node: one s3::Server for each, told apart so that each can
// be moved by itself.
//
// As the responder does (responder.h): an answer, and each piece of a long one, is sent only while
// the node may answer for the address (Standing); a request that comes while the address is being
// taken waits for kTakingMax. In a drain answers end their connections, long ones (kLongBytes) that
// begin in it are answered 503 SlowDown, and an address is left when the clients have all of what
// was under way. `x-amz-id-2` names the node.
//
// Health and control ports stay the responder's (`side`, made with serve = false).
//
// Ownership: env, handler, users and side outlive it and its tasks: stop(), and await it. Threads:
// the reactor's. Limits: the S3 door's own (frontend/s3/server_limits.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "frontend/s3/http.h"
#include "lab/responder.h"
#include "vip/service.h"

namespace atl::lab {

// At the end of the process running requests have so long.
inline constexpr Nanos kS3StopGrace = 500ms;

class S3Service final : public vip::Service {
 public:
  struct Options {
    std::string node;
    std::vector<vip::Vip> addresses;
    uint16_t port = kServicePort;
  };

  S3Service(env::Env& env, s3::Handler& handler, s3::CredentialStore& users, Responder& side,
            Options options);
  ~S3Service() override;
  S3Service(const S3Service&) = delete;
  S3Service& operator=(const S3Service&) = delete;

  void ask(Responder::Ask ask);
  // Listens everywhere. kBusy, kInvalidArgument: an address or port cannot be listened at.
  Status start();
  Task<void> stop();

  void begin(vip::Vip vip, uint64_t generation) override;
  Task<void> drain(vip::Vip vip, Nanos limit) override;
  Task<void> finish(vip::Vip vip, Nanos limit) override;
  void end(vip::Vip vip) override;
  bool well() override;

 private:
  struct Core;
  class Door;
  class Guarded;
  std::shared_ptr<Core> core_;
};

}  // namespace atl::lab
