#include "lab/s3_service.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "client/body.h"
#include "frontend/s3/server.h"

namespace atl::lab {

// What outlives the service while its connections unwind.
struct S3Service::Core : std::enable_shared_from_this<Core> {
  Core(env::Env& e, s3::Handler& h, s3::CredentialStore& u, Responder& s, Options o)
      : env(e), handler(h), users(u), side(s), options(std::move(o)) {}

  bool answers(vip::Vip vip) const { return ask && ask(vip).answers; }
  Status listen(vip::Vip vip);

  env::Env& env;
  s3::Handler& handler;
  s3::CredentialStore& users;
  Responder& side;
  const Options options;
  Responder::Ask ask;
  std::map<vip::Vip, std::shared_ptr<Door>> doors;
  bool stopped = false;
};

// A long answer that ends with the right to give it.
class S3Service::Guarded final : public client::BodyReader {
 public:
  Guarded(std::shared_ptr<Core> core, vip::Vip vip, std::unique_ptr<client::BodyReader> inner)
      : core_(std::move(core)), vip_(vip), inner_(std::move(inner)) {}
  Task<Result<Buf>> next() override {
    if (!core_->answers(vip_)) co_return fail(Errc::kUnavailable, "the address is another node's");
    co_return co_await inner_->next();
  }

 private:
  std::shared_ptr<Core> core_;
  vip::Vip vip_;
  std::unique_ptr<client::BodyReader> inner_;
};

// The handler of one address; `server` is made anew each time the address goes.
class S3Service::Door final : public s3::Handler {
 public:
  Door(std::weak_ptr<Core> core, vip::Vip vip) : core_(std::move(core)), vip_(vip) {}

  Task<s3::Response> handle(s3::Request& request, s3::RequestBody& body) override {
    const std::shared_ptr<Core> core = core_.lock();
    // The kernel lets connections in a moment before the holder has written down that it answers.
    const Nanos give_up = core ? core->env.now() + kTakingMax : Nanos(0);
    while (core && !core->stopped && !core->answers(vip_) && core->env.now() < give_up)
      co_await core->env.sleep(kTakingPoll);
    if (!core || core->stopped || !core->answers(vip_))
      co_return refusal(s3::err::kServiceUnavailable, "This node does not hold the address.",
                        request);
    s3::Response response = co_await core->handler.handle(request, body);
    if (!response.stream) co_return std::move(response);
    if (draining && response.stream_length >= kLongBytes)
      co_return refusal(s3::err::kSlowDown, "This address moves: come again in a second.", request);
    response.stream = std::make_unique<Guarded>(core, vip_, std::move(response.stream));
    co_return std::move(response);
  }

  std::unique_ptr<s3::Server> server;
  bool draining = false;

 private:
  static s3::Response refusal(const s3::ErrorKind& kind, std::string why,
                              const s3::Request& request) {
    s3::Response response = s3::error_response(s3::S3Error(kind, std::move(why)), request);
    response.set("Retry-After", "1");
    response.close = true;
    return response;
  }

  std::weak_ptr<Core> core_;
  vip::Vip vip_;
};

Status S3Service::Core::listen(vip::Vip vip) {
  std::shared_ptr<Door>& door = doors[vip];
  if (!door) door = std::make_shared<Door>(weak_from_this(), vip);
  s3::ServerOptions server_options;
  server_options.host_id = options.node;
  auto server = std::make_unique<s3::Server>(env, *door, users, server_options);
  ATOLL_TRY([[maybe_unused]] const env::Endpoint at,
            server->listen({vip.to_string(), options.port}));
  door->server = std::move(server);
  return {};
}

S3Service::S3Service(env::Env& env, s3::Handler& handler, s3::CredentialStore& users,
                     Responder& side, Options options)
    : core_(std::make_shared<Core>(env, handler, users, side, std::move(options))) {}

S3Service::~S3Service() {
  core_->stopped = true;
  core_->ask = {};
}

void S3Service::ask(Responder::Ask ask) {
  core_->ask = std::move(ask);
}

Status S3Service::start() {
  for (const vip::Vip vip : core_->options.addresses) ATOLL_TRY_STATUS(core_->listen(vip));
  return {};
}

Task<void> S3Service::stop() {
  auto core = core_;
  core->stopped = true;
  for (const vip::Vip vip : core->options.addresses) {
    const std::shared_ptr<Door> door = core->doors[vip];
    if (!door || !door->server) continue;
    const Status stopped = co_await door->server->stop(kS3StopGrace);
    if (!stopped) ATOLL_LOG(kWarn, "lab", stopped.error().to_string());
  }
  core->ask = {};
}

void S3Service::begin(vip::Vip vip, uint64_t) {
  const auto found = core_->doors.find(vip);
  if (found == core_->doors.end()) return;
  found->second->draining = false;
  core_->side.mark_draining(vip, false);
  if (found->second->server || core_->stopped) return;
  const Status listening = core_->listen(vip);
  if (!listening)
    ATOLL_LOG(kError, "lab", "not listening",
              {{"vip", vip.to_string()}, {"why", listening.error().to_string()}});
}

Task<void> S3Service::drain(vip::Vip vip, Nanos limit) {
  auto core = core_;
  const std::shared_ptr<Door> door = core->doors[vip];
  if (!door || !door->server) co_return;
  door->draining = true;
  core->side.mark_draining(vip, true);
  door->server->drain();
  const Nanos give_up = core->env.now() + limit;
  while (!core->stopped && core->env.now() < give_up && door->server &&
         door->server->transfers(kLongBytes, kLongTransfer) > 0)
    co_await core->env.sleep(kDrainPoll);
}

Task<void> S3Service::finish(vip::Vip vip, Nanos limit) {
  auto core = core_;
  const std::shared_ptr<Door> door = core->doors[vip];
  if (!door) co_return;
  const Nanos give_up = core->env.now() + limit;
  // What the kernel let in a moment before has not been accepted here yet.
  co_await core->env.sleep(std::min(limit, kAcceptLag));
  while (!core->stopped && core->env.now() < give_up && door->server &&
         door->server->under_way(kFreshMax) > 0)
    co_await core->env.sleep(kDrainPoll);
}

// The server's destructor closes its listener, with what its queue holds, and its connections.
void S3Service::end(vip::Vip vip) {
  const auto found = core_->doors.find(vip);
  if (found == core_->doors.end() || core_->stopped) return;
  found->second->draining = false;
  core_->side.mark_draining(vip, false);
  found->second->server.reset();
  const Status listening = core_->listen(vip);
  if (!listening)  // begin() tries again
    ATOLL_LOG(kWarn, "lab", "not listening",
              {{"vip", vip.to_string()}, {"why", listening.error().to_string()}});
}

bool S3Service::well() {
  return core_->side.well();
}

}  // namespace atl::lab
